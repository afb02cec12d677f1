//! Finds what looks like the fence of a scenario or an embedded file, but is not one for Markdown.
//!
//! Markdown reads no fences inside HTML blocks, tables and indented code. Their steps would never
//! run, so each is an error. What HTML comments contain is meant to be hidden.

use std::ops::Range;

use crate::keyword;
use crate::read::attributes::{self, Attributes};

/// Where Markdown reads a text as something other than blocks. Each list is in order.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    /// Fenced blocks.
    pub(crate) fenced: Vec<Range<usize>>,
    /// HTML blocks.
    pub(crate) html: Vec<Range<usize>>,
    /// Indented code.
    pub(crate) indented: Vec<Range<usize>>,
    pub(crate) tables: Vec<Range<usize>>,
    /// HTML comments in a line of text.
    pub(crate) comments: Vec<Range<usize>>,
    /// Code in a line of text.
    pub(crate) code: Vec<Range<usize>>,
}

/// Why Markdown does not see a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// In an HTML block that ends at a blank line.
    Html,
    /// In an HTML block that ends with its closing tag: `<pre>`.
    Raw(&'static str),
    /// In an HTML comment that is never closed. The place is that of the comment.
    UnclosedComment,
    /// A tag has the class of a scenario.
    Tag,
    /// Indented by four spaces or more.
    Indentation,
    Table,
    /// Too short, or of a character that makes no fence.
    Mark,
    /// Other text is on its line.
    OneLine,
}

/// Something that looks like a fence.
#[derive(Debug)]
pub(crate) struct Hidden {
    /// Its line, from the fence on.
    pub(crate) range: Range<usize>,
    pub(crate) reason: Reason,
    /// Whether it is a scenario. Otherwise it is an embedded file.
    pub(crate) is_scenario: bool,
}

/// Tags whose content is text up to the closing tag.
const RAW: [&str; 4] = ["pre", "script", "style", "textarea"];

/// Characters that people type instead of those of a fence.
const OTHER_MARKS: &[char] = &['\'', '"', '´', '‘', '’', '“', '”', '˜', '∼', '～', ':'];

/// Finds all of them in `text[body]`.
pub(crate) fn find(text: &str, body: Range<usize>, regions: &Regions) -> Vec<Hidden> {
    let mut finder = Finder { text, end: body.end, regions, comments: regions.comments.clone(), found: Vec::new() };
    for html in &regions.html {
        finder.html_block(html.clone());
    }
    finder.comments.sort_unstable_by_key(|comment| comment.start);
    let mut fenced = regions.fenced.iter().peekable();
    let mut start = body.start;
    while start < body.end {
        while fenced.next_if(|block| block.end <= start).is_some() {}
        if let Some(block) = fenced.peek().filter(|block| block.start < line_end(text, start)) {
            start = line_end(text, block.end.saturating_sub(1).max(start));
            continue;
        }
        let end = line_end(text, start);
        finder.line(start..end);
        start = end;
    }
    finder.found
}

/// Returns where the line with this offset ends, its line end included.
fn line_end(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |newline| at + newline + 1)
}

fn region(regions: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let after = regions.partition_point(|region| region.start <= at);
    regions[..after].last().filter(|region| at < region.end)
}

struct Finder<'a> {
    text: &'a str,
    end: usize,
    regions: &'a Regions,
    comments: Vec<Range<usize>>,
    found: Vec<Hidden>,
}

impl Finder<'_> {
    /// Notes the comments of an HTML block, and finds tags with the class of a scenario.
    fn html_block(&mut self, block: Range<usize>) {
        let mut at = block.start;
        while let Some(open) = self.text[at..block.end].find("<!--").map(|open| at + open) {
            let Some(close) = self.text[open..block.end].find("-->") else {
                self.comments.push(open..block.end);
                // Only a comment that begins its block goes on to the end of the text.
                if self.text[block.start..open].trim().is_empty() && self.text[block.end..self.end].trim().is_empty() {
                    self.unclosed_comment(open..block.end);
                }
                break;
            };
            at = open + close + "-->".len();
            self.comments.push(open..at);
        }
        let text = &self.text[block.clone()];
        for (at, _) in text.match_indices("class=") {
            let value = text[at + "class=".len()..].trim_start_matches(['"', '\'']);
            let class = value.split(['"', '\'', '>', ' ', '\n']).next().unwrap_or_default();
            let Some(tag_end) = text[at..].find('>').map(|end| at + end + 1) else { continue };
            let is_comment = region(&self.comments, block.start + at).is_some();
            if attributes::near_scenario(class) && !is_comment && begins_with_step(&text[tag_end..]) {
                let start = text[..at].rfind('<').unwrap_or(at);
                let range = block.start + start..block.start + tag_end;
                self.found.push(Hidden { range, reason: Reason::Tag, is_scenario: true });
            }
        }
    }

    /// Reports a comment that hides a scenario only because it is never closed.
    fn unclosed_comment(&mut self, comment: Range<usize>) {
        let fence = |line: &str| {
            let (mark, length) = run(line)?;
            (matches!(mark, '~' | '`') && length >= 3).then(|| Attributes::parse(&line[length..]))
        };
        let mut fences = self.text[comment.clone()].lines().filter_map(|line| fence(line.trim_start()));
        if fences.any(|attributes| attributes.is("scenario")) {
            let range = comment.start..comment.start + "<!--".len();
            self.found.push(Hidden { range, reason: Reason::UnclosedComment, is_scenario: true });
        }
    }

    fn line(&mut self, line: Range<usize>) {
        let whole = &self.text[line.clone()];
        // Most lines have no mark at all.
        if !whole.contains(['~', '`']) && !whole.contains(OTHER_MARKS) {
            return;
        }
        let html = region(&self.regions.html, line.start);
        let table = region(&self.regions.tables, line.start);
        let first = line.start + prefix(whole);
        let mut places = vec![first];
        if html.is_some() || table.is_some() {
            let runs = whole.match_indices("~~~").chain(whole.match_indices("```"));
            places.extend(runs.map(|(at, _)| line.start + at));
            places.sort_unstable();
            places.dedup();
        }
        for place in places {
            let rest = self.text[place..line.end].trim_end();
            if let Some(found) = self.fence(place, rest, place == first) {
                let reason = match (html, table) {
                    (Some(html), _) => self.html_reason(html),
                    (None, Some(_)) => Reason::Table,
                    (None, None) => found.0,
                };
                self.found.push(Hidden { range: place..place + rest.len(), reason, is_scenario: found.1 });
                return;
            }
        }
    }

    /// Whether `rest`, from `place` to the end of its line, looks like a fence.
    ///
    /// Returns why it is none in plain text, and whether it is a scenario.
    fn fence(&self, place: usize, rest: &str, is_first: bool) -> Option<(Reason, bool)> {
        let (mark, length) = run(rest)?;
        let is_fence = matches!(mark, '~' | '`') && length >= mark.len_utf8() * 3;
        if region(&self.comments, place).is_some() {
            return None;
        }
        // A fence in code is shown, unless it is the code.
        if region(&self.regions.code, place).is_some_and(|code| code.start < place) {
            return None;
        }
        let info = &rest[length..];
        let end = info.find([mark, '<', '|', '\\']).unwrap_or(info.len());
        let attributes = Attributes::parse(&info[..end]);
        let class = attributes.classes.first().filter(|class| attributes::near_scenario(class));
        let is_scenario = attributes.is("scenario") || class.is_some();
        let is_file = attributes.is("file") && attributes.id.is_some();
        if !is_scenario && !is_file {
            return None;
        }
        let is_clean = end == info.len() && attributes.other_words.is_empty();
        let is_exact = attributes.is("scenario") || is_file;
        let is_certain = is_fence && is_first && is_clean && is_exact;
        let has_steps = || is_scenario && begins_with_step(after_attributes(&self.text[place + length..self.end]));
        if !(is_certain || has_steps()) {
            return None;
        }
        let is_indented = region(&self.regions.indented, place).is_some() || self.indentation(place) >= 4;
        let reason = match () {
            () if is_indented => Reason::Indentation,
            () if !is_fence => Reason::Mark,
            () => Reason::OneLine,
        };
        Some((reason, is_scenario))
    }

    /// Returns the width of the spaces before a place.
    fn indentation(&self, place: usize) -> usize {
        let before = self.text[..place].bytes().rev().take_while(|byte| matches!(byte, b' ' | b'\t'));
        before.map(|byte| if byte == b'\t' { 4 } else { 1 }).sum()
    }

    fn html_reason(&self, block: &Range<usize>) -> Reason {
        let tag = self.text[block.clone()].trim_start().trim_start_matches('<').to_ascii_lowercase();
        let is_tag = |name: &&str| {
            tag.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        RAW.into_iter().find(is_tag).map_or(Reason::Html, Reason::Raw)
    }
}

/// Returns the first character of a text that may be a mark, and the length of its run in bytes.
fn run(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '~' | '`') || OTHER_MARKS.contains(c))?;
    Some((mark, text.len() - text.trim_start_matches(mark).len()))
}

/// Returns the length of what comes before the text of a line: spaces, marks of lists, quotations
/// and table cells, and tags.
fn prefix(line: &str) -> usize {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '>', '|']);
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = match rest.chars().next() {
            Some('-' | '*' | '+') => &rest[1..],
            Some('0'..='9') if digits.starts_with(['.', ')']) => &digits[1..],
            Some('<') => match rest.find('>') {
                Some(end) if !rest.starts_with("<!--") => {
                    rest = &rest[end + 1..];
                    continue;
                }
                _ => break,
            },
            _ => break,
        };
        if !after.starts_with([' ', '\t']) {
            break;
        }
        rest = after;
    }
    line.len() - rest.len()
}

/// Returns what follows the attributes of a fence: those in braces, or one word.
fn after_attributes(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t']);
    let inside = text.starts_with('{').then(|| text.find('}')).flatten();
    let end = match inside {
        Some(close) => close + 1,
        None => text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '|' | '`' | '\\')).unwrap_or(text.len()),
    };
    &text[end..]
}

/// Whether a text begins with a step, after spaces, tags and marks of tables and quotations.
fn begins_with_step(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '|' | '>'));
        match rest.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    keyword::is_keyword(word) && rest[word.len()..].starts_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use crate::read::markdown::{Item, read};

    fn hidden(text: &str) -> Vec<String> {
        let mut shown = Vec::new();
        read(text, 0..text.len(), |item| {
            if let Item::Hidden(hidden) = item {
                shown.push(format!("{:?} {:?}", hidden.reason, &text[hidden.range]));
            }
        });
        shown
    }

    #[test]
    fn fences_that_markdown_does_not_see() {
        let cases = [
            ("<details>\n```scenario\nwhen a\n```\n</details>\n", "Html \"```scenario\""),
            ("<div>\n  ~~~ {.scenario label=x}\n  when a\n</div>\n", "Html \"~~~ {.scenario label=x}\""),
            ("<div>~~~scenario\nwhen a\n~~~\n</div>\n", "Html \"~~~scenario\""),
            ("<summary>x</summary> ~~~scenario\nwhen a\n", "Html \"~~~scenario\""),
            ("<div>x ~~~scenario\nwhen a\n~~~\n</div>\n", "Html \"~~~scenario\""),
            ("<pre>\n\n~~~scenario\nwhen a\n~~~\n</pre>\n", "Raw(\"pre\") \"~~~scenario\""),
            ("<pre class=\"scenario\">\nwhen a\n</pre>\n", "Tag \"<pre class=\\\"scenario\\\">\""),
            ("    ~~~scenario\n    when a\n    ~~~\n", "Indentation \"~~~scenario\""),
            ("\t```scenario\n\twhen a\n\t```\n", "Indentation \"```scenario\""),
            ("- x\n\n      ~~~scenario\n      when a\n", "Indentation \"~~~scenario\""),
            ("words\n    ~~~scenario\n    when a\n", "Indentation \"~~~scenario\""),
            ("| a |\n|---|\n| ```scenario |\n| when a |\n", "Table \"```scenario |\""),
            ("| a |\n|---|\n| b ~~~scenario<br>when a<br>~~~ |\n", "Table \"~~~scenario<br>when a<br>~~~ |\""),
            ("~~scenario\nwhen a\n~~\n", "Mark \"~~scenario\""),
            ("``{.scenario}\nwhen a\n``\n", "Mark \"``{.scenario}\""),
            ("'''scenario\nwhen a\n'''\n", "Mark \"'''scenario\""),
            ("::: {.scenario}\nwhen a\n:::\n", "Mark \"::: {.scenario}\""),
            ("```scenario when a```\n", "OneLine \"```scenario when a```\""),
            ("<div>\n~~~{#a.txt .file}\nx\n~~~\n</div>\n", "Html \"~~~{#a.txt .file}\""),
            ("# A\n\n<!-- todo\n\n~~~scenario\nwhen a\n~~~\n", "UnclosedComment \"<!--\""),
        ];
        for (text, want) in cases {
            assert_eq!(hidden(text).join("; "), want, "{text:?}");
        }
    }

    #[test]
    fn what_is_seen_or_meant_to_be_hidden_is_silent() {
        for text in [
            "~~~scenario\nwhen a\n~~~\n",
            "- ~~~scenario\n  when a\n  ~~~\n",
            "1. x\n\n   ~~~scenario\n   when a\n   ~~~\n",
            "> ```scenario\n> when a\n> ```\n",
            "<details>\n\n```scenario\nwhen a\n```\n\n</details>\n",
            "<!--\n~~~scenario\nwhen a\n~~~\n-->\n",
            "<!-- a\n\n# B\n\n```scenario\nwhen a\n```\n\n-->\n",
            "<div>\n<!--\n~~~scenario\nwhen a\n~~~\n-->\n</div>\n",
            "~~~~markdown\n~~~scenario\nwhen a\n~~~\n~~~~\n",
            "```text\n    ~~~scenario\n    when a\n```\n",
            "Begin with `~~~scenario` or\n`` ```scenario `` on a line.\n",
            "| `~~~scenario` | a scenario |\n|---|---|\n| `~~~{#x .file}` | when a |\n",
            "```scenario``` is what it is called\n",
            "    ~~~sh\n    ls\n    ~~~\n",
            "~scenario\n",
            "<!-- todo\n\n# B\n",
        ] {
            assert_eq!(hidden(text), Vec::<String>::new(), "{text:?}");
        }
    }
}
