//! The little of Markdown that checks need: fenced blocks, and the lines outside of them.

use std::ops::Range;

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fence<'a> {
    /// The text behind the opening fence.
    pub(crate) info: &'a str,
    /// The number of the opening line, from 1.
    pub(crate) line: usize,
    /// The bytes of the content.
    pub(crate) content: Range<usize>,
}

impl<'a> Fence<'a> {
    /// Returns the value of an attribute: of `name` in "console name=value".
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// Returns the language of the block: the first word behind the fence.
    pub(crate) fn language(&self) -> &'a str {
        self.info.split_whitespace().next().unwrap_or_default()
    }
}

/// Returns the fenced blocks of a text that begin at the left margin.
pub(crate) fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut fences = Vec::new();
    let mut open: Option<(&str, Fence<'_>)> = None;
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marker = marker(line);
        let rest = line[marker.len()..].trim();
        match &mut open {
            None if !marker.is_empty() => {
                let start = at + line.len();
                open = Some((marker, Fence { info: rest, line: number + 1, content: start..start }));
            }
            Some((opening, _)) if marker.starts_with(*opening) && rest.is_empty() => {
                fences.extend(open.take().map(|(_, fence)| fence));
            }
            Some((_, fence)) => fence.content.end = at + line.len(),
            None => {}
        }
        at += line.len();
    }
    fences
}

/// Returns number and text of the lines that are not in fenced blocks.
pub(crate) fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let blocks: Vec<Range<usize>> = fences(text)
        .into_iter()
        .map(|fence| fence.line..fence.line + 2 + text[fence.content].lines().count())
        .collect();
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(move |(number, _)| !blocks.iter().any(|block| block.contains(number)))
}

/// Returns the backticks or tildes that a line begins with, if there are three or more.
fn marker(line: &str) -> &str {
    let length = |wanted: char| line.chars().take_while(|c| *c == wanted).count();
    &line[..Some(length('`').max(length('~'))).filter(|length| *length >= 3).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_fence_contains_a_shorter_one() {
        let text = "a\n````markdown file=x.md\n```\nb\n```\n````\nc\n~~~\nd\n~~~\n";
        let found = fences(text);
        let contents: Vec<&str> = found.iter().map(|fence| &text[fence.content.clone()]).collect();
        assert_eq!(contents, ["```\nb\n```\n", "d\n"]);
        assert_eq!((found[0].language(), found[0].attribute("file"), found[0].line), ("markdown", Some("x.md"), 2));
        assert_eq!(outside_fences(text).collect::<Vec<_>>(), [(1, "a"), (7, "c")]);
    }
}
