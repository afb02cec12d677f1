//! Finds the metadata block in a Markdown file.

use std::ops::Range;

use crate::read::markdown;
use crate::source::text_start;

/// The parts of a document's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The YAML, without the lines around it.
    pub(crate) yaml: Option<Range<usize>>,
    /// The rest.
    pub(crate) body: Range<usize>,
}

impl Parts {
    /// The parts of a text that is all metadata: a `.subplot` file.
    pub(crate) fn only_metadata(text: &str) -> Self {
        Self { yaml: Some(text_start(text)..text.len()), body: text.len()..text.len() }
    }
}

/// Splits a Markdown file into metadata and body.
///
/// Metadata opens with a line `---` and closes with `...` or `---`, at the very beginning or end of
/// the file. Blank lines and HTML comments may come before it.
pub(crate) fn split(text: &str) -> Parts {
    let start = text_start(text);
    if let Some(parts) = leading(text, head(text, start)).or_else(|| trailing(text, start)) {
        return parts;
    }
    Parts { yaml: None, body: start..text.len() }
}

/// Returns where the first line begins that is neither blank nor part of an HTML comment.
fn head(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = text[at..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        at = text.len() - rest.len();
        let close = rest.strip_prefix("<!--").and_then(|comment| comment.find("-->"));
        let Some(close) = close else { break };
        at += "<!--".len() + close + "-->".len();
    }
    // Spaces before the first line are part of it.
    text[..at].rfind('\n').map_or(from, |newline| (newline + 1).max(from))
}

/// Metadata that begins at the head of a file and is never closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Its first line.
    pub(crate) open: Range<usize>,
    /// The first line that is certainly not part of it.
    pub(crate) after: Option<Range<usize>>,
}

/// Finds metadata at the head of a file that runs into a heading, a fence or the end.
pub(crate) fn unclosed(text: &str) -> Option<Unclosed> {
    let start = head(text, text_start(text));
    let mut lines = lines(text, start).skip_while(Range::is_empty);
    let open = lines.next().filter(|open| &text[open.clone()] == "---")?;
    if !looks_like_yaml(&text[after_line(text, open.end)..]) {
        return None;
    }
    for line in lines {
        let words = &text[line.clone()];
        if matches!(words, "---" | "...") {
            return None;
        }
        // Above a key, what looks like a heading is a comment.
        let is_heading = || markdown::is_heading(words) && !looks_like_yaml(&text[after_line(text, line.end)..]);
        if markdown::fence_mark(words).is_some() || is_heading() {
            return Some(Unclosed { open, after: Some(line) });
        }
    }
    Some(Unclosed { open, after: None })
}

/// Finds what looks like metadata and is not: in the middle of a file, or without lines around it.
pub(crate) fn misplaced(text: &str) -> Option<Range<usize>> {
    let is_title = |line: &str| line.starts_with("title:") || line.starts_with("bindings:");
    let mut fence = None;
    let mut before = 0..0;
    let mut is_first = true;
    for line in lines(text, text_start(text)) {
        let words = &text[line.clone()];
        match (fence, markdown::fence_mark(words)) {
            (None, Some(mark)) => fence = Some(mark),
            (Some((mark, length)), Some((end, end_length))) if mark == end && end_length >= length => fence = None,
            (None, None) if is_first && is_title(words) => return Some(line),
            (None, None) if words == "---" && (before.is_empty() || text[before.clone()].ends_with("-->")) => {
                let rest = &text[after_line(text, line.end)..];
                let is_closed = rest.lines().any(|line| matches!(line.trim_end(), "---" | "..."));
                if is_closed && rest.lines().take_while(|line| !line.trim().is_empty()).any(is_title) {
                    return Some(line);
                }
            }
            _ => {}
        }
        is_first &= line.is_empty();
        before = line;
    }
    None
}

/// Returns the ranges of all lines, without line ends and trailing whitespace.
fn lines(text: &str, from: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let mut at = from;
    let starts = text[from..].split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        start..start + line.trim_end().len()
    });
    starts.collect::<Vec<_>>().into_iter()
}

fn leading(text: &str, from: usize) -> Option<Parts> {
    if !text[from..].starts_with("---") {
        return None;
    }
    let mut lines = lines(text, from);
    let open = lines.next().filter(|open| &text[open.clone()] == "---")?;
    let close = lines.find(|line| matches!(&text[line.clone()], "---" | "..."))?;
    let yaml = after_line(text, open.end)..close.start;
    looks_like_yaml(&text[yaml.clone()])
        .then(|| Parts { yaml: Some(yaml), body: after_line(text, close.end)..text.len() })
}

fn trailing(text: &str, from: usize) -> Option<Parts> {
    if !text.trim_end().ends_with(['.', '-']) {
        return None;
    }
    let mut lines = lines(text, from).rev().skip_while(Range::is_empty);
    let close = lines.next().filter(|close| matches!(&text[close.clone()], "---" | "..."))?;
    let open = lines.find(|line| &text[line.clone()] == "---")?;
    // Below a line of text it makes that line a heading.
    if lines.next().is_some_and(|before| !before.is_empty()) {
        return None;
    }
    let yaml = after_line(text, open.end)..close.start;
    looks_like_yaml(&text[yaml.clone()]).then_some(Parts { yaml: Some(yaml), body: from..open.start })
}

/// Returns the start of the line after the one that ends at `end`, trailing whitespace aside.
fn after_line(text: &str, end: usize) -> usize {
    text[end..].find('\n').map_or(text.len(), |at| end + at + 1)
}

/// Whether a text begins with a key. Prose between two thematic breaks does not.
fn looks_like_yaml(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        line.split_once(':').is_some_and(|(key, value)| {
            let key = key.trim_matches(['"', '\'']);
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
            !key.is_empty()
                && key.len() < 40
                && key.chars().all(plain)
                && (value.is_empty() || value.starts_with([' ', '\t']))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<&str>, &str) {
        let parts = split(text);
        (parts.yaml.map(|range| &text[range]), &text[parts.body])
    }

    #[test]
    fn blocks_are_found_at_either_end() {
        assert_eq!(parts("---\ntitle: x\n---\n# a\n"), (Some("title: x\n"), "# a\n"));
        assert_eq!(parts("\u{feff}---\r\ntitle: x\r\n...\r\n# a\r\n"), (Some("title: x\r\n"), "# a\r\n"));
        assert_eq!(parts("\n\n---\ntitle: x\n...\n# a\n"), (Some("title: x\n"), "# a\n"));
        assert_eq!(parts("<!-- a -->\n---\ntitle: x\n---\n# a\n"), (Some("title: x\n"), "# a\n"));
        assert_eq!(
            parts("\u{feff}\n<!-- a\n---\nb: c\n---\n-->\r\n\n<!--d--> <!---->\n\n---\ntitle: x\n...\n# a\n"),
            (Some("title: x\n"), "# a\n")
        );
        assert_eq!(parts("# a\n\n---\ntitle: x\n..."), (Some("title: x\n"), "# a\n\n"));
        assert_eq!(parts("# a\n\n---\ntitle: x\n---  \n\n\n"), (Some("title: x\n"), "# a\n\n"));
        assert_eq!(parts("---\n# why\ntitle: x\n---\n---\n"), (Some("# why\ntitle: x\n"), "---\n"));
    }

    #[test]
    fn unclosed_metadata_is_found() {
        let after = |text: &str| unclosed(text).map(|found| found.after.map(|line| text[line].to_owned()));
        let some = |line: &str| Some(Some(line.to_owned()));
        assert_eq!(after("---\ntitle: x\n# why\na: b\n\n# A\n\n---\n"), some("# A"));
        assert_eq!(after("\u{feff}\r\n---\r\ntitle: x\r\n\r\n~~~scenario\r\n"), some("~~~scenario"));
        assert_eq!(after("---\ntitle: x\n"), Some(None));
        assert_eq!(after("---\ntitle: x\n---\n# A\n"), None);
        assert_eq!(after("---\n\n# A\n"), None);
        assert_eq!(after("# A\n---\ntitle: x\n"), None);
    }

    #[test]
    fn misplaced_metadata_is_found() {
        let found = |text: &str| misplaced(text).map(|line| (line.start, text[line].to_owned()));
        let some = |at: usize, line: &str| Some((at, line.to_owned()));
        assert_eq!(found("# A\n\n---\ntitle: x\nbindings: []\n---\n\ntext\n"), some(5, "---"));
        assert_eq!(found("# A\n\n---\n# c\nnetwork: host\nbindings: []\n...\n# B\n"), some(5, "---"));
        assert_eq!(found("\n\ntitle: x\n# A\n"), some(2, "title: x"));
        for text in [
            "# A\n\n---\ntitle: x\n",
            "# A\n\n---\nprose\n---\n",
            "# A\n~~~\n\n---\ntitle: x\n---\n~~~\n",
            "# A\n\ntitle: x\n",
            "A\n---\ntitle: x\n---\n",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn thematic_breaks_and_headings_are_not_metadata() {
        for text in [
            "",
            "---",
            "---\n",
            "---\n---\n",
            "# a\n\n---\nprose here\n---\n",
            "a\n---\n",
            "---\ntitle: x\n",
            "...",
            "a\n...",
            "a\n---\nb: c\n---\n",
        ] {
            assert_eq!(parts(text), (None, text));
        }
        assert_eq!(parts("---\nSee http://x\n---\nb\n").0, None);
    }
}
