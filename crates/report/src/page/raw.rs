//! The HTML that authors write into their Markdown: what may stay, and how it stays balanced.
//!
//! Markdown passes HTML on piece by piece: an opening tag here, Markdown, a closing tag there. So
//! the pieces go through the tokenizer of an HTML parser, and what is allowed is written again from
//! its tokens: elements and attributes of a list, with every value escaped. Nothing else of the
//! author's text gets into the page. Elements that are left open are closed where the Markdown
//! around them ends.

use std::cell::RefCell;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use crate::page::anchors::{Anchors, RESERVED};
use crate::page::markup::{Target, escape, target};

/// Elements that may stand inside a paragraph.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "del", "dfn", "em", "i", "img", "ins", "kbd", "mark", "q",
    "rp", "rt", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
];

/// Elements that may stand around paragraphs.
const BLOCK: &[&str] = &[
    "address",
    "aside",
    "blockquote",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Elements that may stand around blocks of Markdown.
const REACHING: &[&str] = &[
    "a",
    "address",
    "aside",
    "blockquote",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "figure",
    "ins",
    "li",
    "ol",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Elements without an end.
const VOID: &[&str] = &["br", "hr", "img", "wbr"];

/// Elements that are left out with everything in them.
const DROPPED: &[&str] = &[
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "xmp",
];

/// Attributes that every element may have.
const GLOBAL: &[&str] = &["dir", "lang", "title"];

/// An element that is open.
#[derive(Debug)]
struct Open {
    name: String,
    /// How deep in Markdown it was opened.
    depth: usize,
}

/// A picture in the author's HTML.
#[derive(Debug, Default)]
pub(crate) struct RawPicture {
    pub(crate) address: String,
    pub(crate) alt: String,
    pub(crate) title: String,
    /// Width and height in pixels, where they are numbers.
    pub(crate) size: [Option<u32>; 2],
}

/// What cleaning needs to know about the page.
pub(crate) trait Surroundings {
    /// The anchors of the page, to which those in HTML are added.
    fn anchors(&mut self) -> &mut Anchors;

    /// Adds a picture.
    fn picture(&mut self, out: &mut String, picture: &RawPicture);
}

/// Writes the allowed part of HTML that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    open: Vec<Open>,
    /// The element that is left out with its content, and how many of its name are open.
    dropped: Option<(String, usize)>,
}

impl Cleaner {
    /// Whether what follows belongs to an element that is left out.
    pub(crate) fn is_dropping(&self) -> bool {
        self.dropped.is_some()
    }

    /// Whether a link is open.
    pub(crate) fn is_in_link(&self) -> bool {
        self.open.iter().any(|open| open.name == "a")
    }

    /// Ends a block of HTML: only elements that may stand around blocks reach beyond it.
    pub(crate) fn end_block(&mut self, depth: usize, out: &mut String) {
        self.close_top(depth, |name| !REACHING.contains(&name), out);
        self.dropped = None;
    }

    /// Closes the innermost elements of this depth as long as they are of a kind.
    fn close_top(&mut self, depth: usize, is_of_kind: impl Fn(&str) -> bool, out: &mut String) {
        while let Some(open) = self.open.pop_if(|open| open.depth == depth && is_of_kind(&open.name)) {
            end(out, &open.name);
        }
    }

    /// Closes what an element ends by its start: a paragraph another one, an item another one.
    fn close_before(&mut self, name: &str, depth: usize, out: &mut String) {
        let ended: &[&str] = match name {
            "li" => &["p", "li"],
            "dt" | "dd" => &["p", "dt", "dd"],
            "td" | "th" => &["p", "td", "th"],
            "tr" => &["p", "td", "th", "tr"],
            _ => &["p"],
        };
        let is_ended = |open: &Open| open.depth == depth && ended.contains(&open.name.as_str());
        let is_inline = |open: &Open| open.depth == depth && INLINE.contains(&open.name.as_str());
        let top = self.open.iter().rev().take_while(|open| is_ended(open) || is_inline(open));
        let count = top.collect::<Vec<_>>().iter().rposition(|open| is_ended(open)).map_or(0, |at| at + 1);
        for open in self.open.split_off(self.open.len() - count).iter().rev() {
            end(out, &open.name);
        }
    }

    /// Writes what may stay of a piece. `is_inline`: it is part of a paragraph.
    pub(crate) fn clean(
        &mut self,
        html: &str,
        depth: usize,
        is_inline: bool,
        page: &mut dyn Surroundings,
        out: &mut String,
    ) {
        for token in tokens(html) {
            match token {
                Token::TagToken(tag) => self.tag(&tag, depth, is_inline, page, out),
                Token::CharacterTokens(text) if self.dropped.is_none() => escape(out, &text),
                _ => {}
            }
        }
    }

    /// Closes what was opened deeper than this.
    pub(crate) fn leave(&mut self, depth: usize, out: &mut String) {
        while let Some(open) = self.open.pop_if(|open| open.depth > depth) {
            end(out, &open.name);
        }
        self.dropped = None;
    }

    /// Closes everything.
    pub(crate) fn close(&mut self, out: &mut String) {
        while let Some(open) = self.open.pop() {
            end(out, &open.name);
        }
        self.dropped = None;
    }

    fn tag(&mut self, tag: &Tag, depth: usize, is_inline: bool, page: &mut dyn Surroundings, out: &mut String) {
        let name = &*tag.name;
        if let Some((dropped, count)) = &mut self.dropped {
            if name == dropped {
                match tag.kind {
                    TagKind::StartTag if !tag.self_closing => *count += 1,
                    TagKind::StartTag => {}
                    TagKind::EndTag => *count -= 1,
                }
                if *count == 0 {
                    self.dropped = None;
                }
            }
            return;
        }
        if DROPPED.contains(&name) {
            if tag.kind == TagKind::StartTag && !tag.self_closing {
                self.dropped = Some((name.to_owned(), 1));
            }
            return;
        }
        if !INLINE.contains(&name) && (is_inline || !BLOCK.contains(&name)) {
            return;
        }
        match tag.kind {
            TagKind::StartTag if name == "img" => page.picture(out, &picture(tag)),
            TagKind::StartTag => {
                // A link in a link ends the outer one for browsers.
                if name == "a" && self.is_in_link() {
                    return;
                }
                if BLOCK.contains(&name) {
                    self.close_before(name, depth, out);
                }
                start(tag, page, out);
                if !VOID.contains(&name) {
                    self.open.push(Open { name: name.to_owned(), depth });
                }
            }
            TagKind::EndTag => {
                let is_it = |open: &Open| open.name == name && open.depth == depth;
                if self.open.iter().any(is_it) {
                    while let Some(open) = self.open.pop() {
                        end(out, &open.name);
                        if is_it(&open) {
                            break;
                        }
                    }
                }
            }
        }
    }
}

fn start(tag: &Tag, page: &mut dyn Surroundings, out: &mut String) {
    let name = &*tag.name;
    out.push('<');
    out.push_str(name);
    let mut classes = String::new();
    let mut has_id = false;
    for attribute in &tag.attrs {
        let value = &*attribute.value;
        match &*attribute.name.local {
            "id" | "name" if !has_id && (name == "a" || &*attribute.name.local == "id") => {
                has_id = page.anchors().claim(value);
                if has_id {
                    write_attribute(out, "id", value);
                }
            }
            "class" => {
                let own = value.split_whitespace().filter(|class| !class.starts_with(RESERVED));
                own.for_each(|class| add_class(&mut classes, class));
            }
            // No longer an attribute of HTML, but what readmes use.
            "align" if matches!(value, "left" | "center" | "right") => {
                add_class(&mut classes, &format!("gr-align-{value}"));
            }
            "href" if name == "a" && target(value) != Target::Refused => write_attribute(out, "href", value),
            "open" if name == "details" => out.push_str(" open"),
            "start" if name == "ol" && value.parse::<i32>().is_ok() => write_attribute(out, "start", value),
            "reversed" if name == "ol" => out.push_str(" reversed"),
            "value" if name == "li" && value.parse::<i32>().is_ok() => write_attribute(out, "value", value),
            "datetime" if name == "time" => write_attribute(out, "datetime", value),
            "colspan" | "rowspan" if ["td", "th"].contains(&name) && value.parse::<u16>().is_ok() => {
                write_attribute(out, &attribute.name.local, value);
            }
            "scope" if name == "th" && ["row", "col"].contains(&value) => write_attribute(out, "scope", value),
            global if GLOBAL.contains(&global) => write_attribute(out, global, value),
            _ => {}
        }
    }
    if !classes.is_empty() {
        write_attribute(out, "class", &classes);
    }
    out.push('>');
}

fn add_class(classes: &mut String, class: &str) {
    if !classes.is_empty() {
        classes.push(' ');
    }
    classes.push_str(class);
}

fn end(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

fn picture(tag: &Tag) -> RawPicture {
    let mut picture = RawPicture::default();
    for attribute in &tag.attrs {
        let value = attribute.value.to_string();
        match &*attribute.name.local {
            "src" => picture.address = value,
            "alt" => picture.alt = value,
            "title" => picture.title = value,
            "width" => picture.size[0] = value.trim_end_matches("px").parse().ok(),
            "height" => picture.size[1] = value.trim_end_matches("px").parse().ok(),
            _ => {}
        }
    }
    picture
}

/// Returns the pictures of a piece of HTML.
pub(crate) fn pictures(html: &str) -> Vec<String> {
    let address = |token| match token {
        Token::TagToken(tag) if tag.kind == TagKind::StartTag && &*tag.name == "img" => Some(picture(&tag).address),
        _ => None,
    };
    tokens(html).into_iter().filter_map(address).collect()
}

/// Splits HTML as browsers do.
fn tokens(html: &str) -> Vec<Token> {
    let tokenizer = Tokenizer::new(Collector::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(html.into());
    // It pauses only for a sink that runs scripts.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.tokens.into_inner()
}

/// Collects tokens.
#[derive(Default)]
struct Collector {
    tokens: RefCell<Vec<Token>>,
}

impl TokenSink for Collector {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let result = match &token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => match &*tag.name {
                "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(RawKind::Rawtext),
                "plaintext" => TokenSinkResult::Plaintext,
                _ => TokenSinkResult::Continue,
            },
            _ => TokenSinkResult::Continue,
        };
        self.tokens.borrow_mut().push(token);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Page(Anchors);

    impl Surroundings for Page {
        fn anchors(&mut self) -> &mut Anchors {
            &mut self.0
        }

        fn picture(&mut self, out: &mut String, picture: &RawPicture) {
            *out += &format!("[picture {:?} {:?} {:?}]", picture.address, picture.alt, picture.size);
        }
    }

    fn cleaned(html: &str) -> String {
        let mut out = String::new();
        let mut cleaner = Cleaner::default();
        cleaner.clean(html, 0, false, &mut Page::default(), &mut out);
        cleaner.close(&mut out);
        out
    }

    #[test]
    fn markup_stays() {
        assert_eq!(
            cleaned("<details open><summary>More</summary><p class='x gr-y' align=center>a &lt; b<br>c</details>"),
            "<details open><summary>More</summary><p class=\"x gr-align-center\">a &lt; b<br>c</p></details>"
        );
        assert_eq!(cleaned("<a href=\"a?b&amp;c\" title='\"'>x</a>"), "<a href=\"a?b&amp;c\" title=\"&quot;\">x</a>");
        assert_eq!(cleaned("<a name=x>a</a><a id=x>b</a>"), "<a id=\"x\">a</a><a>b</a>");
        assert_eq!(cleaned("<img src=a.png alt=b width=3>"), r#"[picture "a.png" "b" [Some(3), None]]"#);
    }

    #[test]
    fn scripts_and_handlers_do_not_stay() {
        for html in [
            "<script>alert(1)</script>",
            "<script src=x></script >",
            "<SCRIPT>alert(1)//<b>",
            "<script><!-- <script> --></script>",
            "<style>*{}</style>",
            "<svg><script>alert(1)</script><a href=javascript:x>y</a></svg>",
            "<math><mtext><img src=x></math>",
            "<iframe srcdoc='<script>'></iframe>",
            "<template><b></template>",
            "<textarea></textarea>",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
            "<!-- <b> -->",
            "<!DOCTYPE html>",
            "<?php x ?>",
            "<base href=//evil>",
            "<meta http-equiv=refresh content=0>",
            "<link rel=stylesheet href=x>",
            "<form action=x><input></form>",
        ] {
            let out = cleaned(html);
            assert!(!out.contains('<'), "{html} gives {out}");
        }
        assert_eq!(cleaned("<b onclick=x style=y data-z=1>a</b>"), "<b>a</b>");
        assert_eq!(cleaned("<a href='java&#10;script:x'>a</a>"), "<a>a</a>");
        assert_eq!(cleaned("<a href='data:text/html,x'>a</a>"), "<a>a</a>");
        assert_eq!(cleaned("<div/onmouseover=x>a"), "<div>a</div>");
        assert_eq!(cleaned("<b title='<script>'>"), "<b title=\"&lt;script&gt;\"></b>");
    }

    #[test]
    fn what_is_left_open_is_closed_and_what_was_not_opened_is_not() {
        assert_eq!(cleaned("<div><b>a"), "<div><b>a</b></div>");
        assert_eq!(cleaned("</div></section>a</b>"), "a");
        assert_eq!(cleaned("<b><i>a</b>c</i>"), "<b><i>a</i></b>c");
        assert_eq!(cleaned("<p>a<p>b <i>c<p>d"), "<p>a</p><p>b <i>c</i></p><p>d</p>");
        assert_eq!(cleaned("<ul><li>a<li><p>b<li>c</ul>"), "<ul><li>a</li><li><p>b</p></li><li>c</li></ul>");
        assert_eq!(cleaned("<p>a<div>b</div>"), "<p>a</p><div>b</div>");
        let mut cleaner = Cleaner::default();
        let (mut page, mut out) = (Page::default(), String::new());
        cleaner.clean("<details><p>x<i>y", 0, false, &mut page, &mut out);
        cleaner.end_block(0, &mut out);
        assert_eq!(out, "<details><p>x<i>y</i></p>");
        cleaner.close(&mut out);
        out.clear();
        cleaner.clean("<div>", 1, false, &mut page, &mut out);
        cleaner.clean("<div>", 2, true, &mut page, &mut out);
        cleaner.clean("<b>", 2, true, &mut page, &mut out);
        cleaner.leave(1, &mut out);
        cleaner.clean("</div>", 0, false, &mut page, &mut out);
        cleaner.leave(0, &mut out);
        assert_eq!(out, "<div><b></b></div>");
    }
}
