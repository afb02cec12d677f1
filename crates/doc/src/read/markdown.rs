//! Markdown as far as acceptance documents need it: headings and fenced blocks, with their places
//! in the raw file.
//!
//! It reads the parser's event stream and builds no tree, so nesting costs nothing.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::read::attributes::Attributes;
use crate::read::hidden::{self, Hidden, Regions};

/// A heading or a fenced block, in order of position.
#[derive(Debug)]
pub(crate) enum Item {
    Heading(Heading),
    Block(Block),
    /// What looks like a block but is none. These come last.
    Hidden(Hidden),
}

#[derive(Debug, Clone)]
pub(crate) struct Heading {
    /// 1 to 6.
    pub(crate) level: u8,
    /// The text without markup.
    pub(crate) title: String,
    /// Its lines, underline included.
    pub(crate) range: Range<usize>,
}

/// A fenced block. All ranges are offsets in the file.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) attributes: Attributes,
    /// The line of the opening fence, from the fence on.
    pub(crate) fence: Range<usize>,
    pub(crate) content: Content,
    /// Whether it ends before the text does: with a closing fence, or with the list or quotation
    /// around it.
    pub(crate) closed: bool,
    /// Its end, closing fence included.
    pub(crate) end: usize,
    /// Lines in it that would be fences or headings outside it, without spaces around.
    pub(crate) inside: Vec<Range<usize>>,
}

/// The content of a block, as far as it is needed.
#[derive(Debug)]
pub(crate) enum Content {
    /// Lines of a scenario that are not empty, without the spaces around them.
    Lines(Vec<Range<usize>>),
    /// Text of a block that may become an embedded file, line ends as `\n`.
    Text(String),
    /// Anything else.
    None,
}

/// Returns the extensions of Markdown that documents can use, beside `CommonMark`.
pub fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
}

/// Reads `text[body]` and passes on each item as soon as it ends.
///
/// A list of all items would need more memory than all else that is kept of a document.
pub(crate) fn read(text: &str, body: Range<usize>, mut receive: impl FnMut(Item)) {
    let base = body.start;
    let mut heading: Option<Heading> = None;
    let mut block: Option<Block> = None;
    // The end of the content of the current block.
    let mut content_end = 0;
    let body_end = body.end;
    let whole = body.clone();
    let mut regions = Regions::default();
    for (event, range) in Parser::new_ext(&text[body], options()).into_offset_iter() {
        let range = range.start + base..range.end + base;
        match event {
            Event::Start(Tag::HtmlBlock) => regions.html.push(range),
            Event::Start(Tag::Table(_)) => regions.tables.push(range),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => regions.indented.push(range),
            Event::InlineHtml(part) if part.starts_with("<!--") => regions.comments.push(range),
            Event::Start(Tag::Heading { level, .. }) => {
                let end = range.start + text[range.clone()].trim_end().len();
                heading = Some(Heading { level: level as u8, title: String::new(), range: range.start..end });
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(mut heading) = heading.take() {
                    heading.title.truncate(heading.title.trim_end().len());
                    heading.title.drain(..heading.title.len() - heading.title.trim_start().len());
                    receive(Item::Heading(heading));
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                regions.fenced.push(range.clone());
                let attributes = Attributes::parse(&info);
                let content = if attributes.is("scenario") {
                    Content::Lines(Vec::new())
                } else if attributes.id.is_some() {
                    Content::Text(String::new())
                } else {
                    Content::None
                };
                let fence = first_line(text, &range);
                content_end = fence.end;
                block = Some(Block { attributes, fence, content, closed: true, end: range.end, inside: Vec::new() });
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some(mut block) = block.take() {
                    let mark = fence_mark(&text[block.fence.clone()]);
                    let rest = text.get(content_end..block.end).unwrap_or_default();
                    let has_fence = mark.is_some_and(|(mark, _)| rest.trim_end().ends_with(mark));
                    block.closed = has_fence || !text[block.end..body_end].trim().is_empty();
                    receive(Item::Block(block));
                }
            }
            Event::Text(part) => {
                if let Some(block) = &mut block {
                    content_end = content_end.max(range.end);
                    add_inside(text, &range, &mut block.inside);
                    match &mut block.content {
                        Content::Lines(lines) => add_lines(text, range, lines),
                        Content::Text(content) => content.push_str(&part),
                        Content::None => {}
                    }
                } else if let Some(heading) = &mut heading {
                    heading.title.push_str(&part);
                }
            }
            Event::Code(part) => {
                regions.code.push(range);
                if let Some(heading) = &mut heading {
                    heading.title.push_str(&part);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(heading) = &mut heading {
                    heading.title.push(' ');
                }
            }
            _ => {}
        }
    }
    hidden::find(text, whole, &regions).into_iter().map(Item::Hidden).for_each(receive);
}

fn first_line(text: &str, range: &Range<usize>) -> Range<usize> {
    let line = text[range.clone()].lines().next().unwrap_or_default().trim_end();
    range.start..range.start + line.len()
}

/// Returns the character of a fence and its length. `None` for a line that does not begin with a
/// fence.
pub(crate) fn fence_mark(line: &str) -> Option<(char, usize)> {
    let mark = line.chars().next().filter(|&c| c == '~' || c == '`')?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3).then_some((mark, length))
}

/// Whether an unindented line is a heading.
pub(crate) fn is_heading(line: &str) -> bool {
    let text = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - text.len())) && text.starts_with([' ', '\t']) && !text.trim().is_empty()
}

/// Adds the lines of one piece of a block that look like fences or headings.
fn add_inside(text: &str, piece: &Range<usize>, inside: &mut Vec<Range<usize>>) {
    let mut start = piece.start;
    for line in text[piece.clone()].split_inclusive('\n') {
        let trimmed = line.trim();
        let from = start + (line.len() - line.trim_start().len());
        start += line.len();
        // With more indentation it would be code.
        if from - (start - line.len()) < 4 && (fence_mark(trimmed).is_some() || is_heading(trimmed)) {
            inside.push(from..from + trimmed.len());
        }
    }
}

/// Adds the lines of one piece of a block.
///
/// A piece begins after the markers of quotations and lists, and may be only part of a line. So the
/// line is taken from the source: from the start of its first piece to its end.
fn add_lines(text: &str, piece: Range<usize>, lines: &mut Vec<Range<usize>>) {
    let mut start = piece.start;
    while start < piece.end {
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let known = lines.last().is_some_and(|last| start < last.end);
        let line = &text[start..end];
        let trimmed = line.trim_matches(|c: char| c.is_ascii_whitespace());
        if !known && !trimmed.is_empty() {
            let from = start + (line.len() - line.trim_start_matches(|c: char| c.is_ascii_whitespace()).len());
            lines.push(from..from + trimmed.len());
        }
        start = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<Item> {
        let mut items = Vec::new();
        read(text, 0..text.len(), |item| items.push(item));
        items
    }

    fn shown(text: &str) -> Vec<String> {
        items(text)
            .into_iter()
            .map(|item| match item {
                Item::Heading(h) => format!("h{} {:?} from {:?}", h.level, h.title, &text[h.range]),
                Item::Block(block) => {
                    let content = match block.content {
                        Content::Lines(lines) => {
                            lines.into_iter().map(|line| ["<", &text[line], ">"].concat()).collect::<Vec<_>>().concat()
                        }
                        Content::Text(content) => format!("{content:?}"),
                        Content::None => "-".to_owned(),
                    };
                    format!("{:?} {content}", &text[block.fence])
                }
                Item::Hidden(hidden) => format!("hidden {:?}", &text[hidden.range]),
            })
            .collect()
    }

    #[test]
    fn headings_are_plain_text() {
        assert_eq!(
            shown("# A `b` *c* [d](e) &amp; f {#id}\n\nSet **ext**\nup\n===\n\n###### x ######\n"),
            [
                r##"h1 "A b c d & f" from "# A `b` *c* [d](e) &amp; f {#id}""##,
                r#"h1 "Set ext up" from "Set **ext**\nup\n===""#,
                "h6 \"x\" from \"###### x ######\"",
            ]
        );
    }

    #[test]
    fn blocks_are_found_in_lists_and_quotations() {
        assert_eq!(shown("~~~scenario\ngiven a\n\n  when b  \n~~~\n"), ["\"~~~scenario\" <given a><when b>"]);
        assert_eq!(shown("```scenario\r\ngiven a\r\nwhen b\r\n```\r\n"), ["\"```scenario\" <given a><when b>"]);
        assert_eq!(shown("- x\n  ~~~ scenario\n  given a\n  when b\n  ~~~\n"), ["\"~~~ scenario\" <given a><when b>"]);
        assert_eq!(shown("> ~~~{.scenario}\n> given a\n>when b\n> ~~~\n"), ["\"~~~{.scenario}\" <given a><when b>"]);
        assert_eq!(shown("- >\t~~~scenario\n  >\t\tgiven a\n  >\t~~~\n"), ["\"~~~scenario\" <given a>"]);
        assert_eq!(shown("1. ~~~scenario\n\tgiven a\n   ~~~\n"), ["\"~~~scenario\" <given a>"]);
        assert_eq!(shown("~~~scenario\ngiven a"), ["\"~~~scenario\" <given a>"]);
        assert_eq!(shown("~~~~scenario\ngiven a\n~~~\n~~~~\n"), ["\"~~~~scenario\" <given a><~~~>"]);
        assert_eq!(shown("<!--\n\n# no\n\n~~~scenario\ngiven a\n~~~\n-->\n# yes\n"), ["h1 \"yes\" from \"# yes\""]);
        assert_eq!(shown("    ~~~scenario\n    given\n"), ["hidden \"~~~scenario\""]);
        assert_eq!(shown("~~~scenario\ngiven a\0b\n~~~"), ["\"~~~scenario\" <given a\0b>"]);
    }

    #[test]
    fn unclosed_blocks_are_recognized() {
        let blocks = |text: &str| {
            let blocks = items(text).into_iter().filter_map(|item| match item {
                Item::Block(block) => Some(block),
                Item::Heading(_) | Item::Hidden(_) => None,
            });
            let shown = |block: Block| {
                let inside: Vec<_> = block.inside.into_iter().map(|line| &text[line]).collect();
                format!("{} {}", if block.closed { "closed" } else { "open" }, inside.join("|"))
            };
            blocks.map(shown).collect::<Vec<_>>()
        };
        assert_eq!(blocks("~~~a\nx\n~~~"), ["closed "]);
        assert_eq!(blocks("~~~a\n~~~"), ["closed "]);
        assert_eq!(blocks("~~~a\r\nx\r\n  ~~~~  \r\n"), ["closed "]);
        assert_eq!(blocks("> ~~~a\n> x\n> ~~~\n"), ["closed "]);
        assert_eq!(blocks("- ~~~a\n\t x\n  ~~~\n"), ["closed "]);
        assert_eq!(blocks("~~~a"), ["open "]);
        assert_eq!(blocks("~~~a\nx\n\n   "), ["open "]);
        assert_eq!(blocks("> ~~~a\n> x\n\n"), ["open "]);
        assert_eq!(blocks("> ~~~a\n> x\n\nb"), ["closed "]);
        assert_eq!(blocks("~~~a\nx\n```\n# B c\n#!/bin/sh\n    # d\n"), ["open ```|# B c"]);
        assert_eq!(blocks("~~~~a\n~~~\n# B\n~~~b\n~~~~\n"), ["closed ~~~|# B|~~~b"]);
        assert_eq!(blocks("~~~a\n> ~~~\n"), ["open "]);
    }

    #[test]
    fn file_content_has_plain_line_ends() {
        assert_eq!(shown("~~~{#f .file}\r\na\r\n\r\nb\r\n~~~\r\n"), ["\"~~~{#f .file}\" \"a\\n\\nb\\n\""]);
        assert_eq!(shown("- ~~~{#f .file}\n  a\n    b\n  ~~~\n"), ["\"~~~{#f .file}\" \"a\\n  b\\n\""]);
        assert_eq!(shown("~~~{#f .file}\n~~~\n"), ["\"~~~{#f .file}\" \"\""]);
        assert_eq!(shown("~~~python\nx\n~~~\n"), ["\"~~~python\" -"]);
    }
}
