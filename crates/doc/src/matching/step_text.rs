//! The text of a step as bindings see it: without its keyword, each run of spaces collapsed to one.

use std::borrow::Cow;
use std::ops::Range;

/// The text of a step without its keyword.
pub(crate) struct StepText<'a> {
    /// As it is in the source.
    raw: &'a str,
    /// Where `raw` begins in the source.
    start: usize,
    /// With spaces collapsed.
    pub(crate) text: Cow<'a, str>,
}

impl<'a> StepText<'a> {
    /// Creates it from a text without spaces at its ends, and where that begins in the source.
    pub(crate) fn new(raw: &'a str, start: usize) -> Self {
        Self { raw, start, text: collapse(raw) }
    }

    /// Whether it is as it is in the source.
    pub(crate) fn is_as_written(&self) -> bool {
        matches!(self.text, Cow::Borrowed(_))
    }

    /// Returns the place in the source of a range of `text`.
    pub(crate) fn place(&self, range: Range<usize>) -> Range<usize> {
        if self.is_as_written() {
            return self.start + range.start..self.start + range.end;
        }
        let start = self.raw_offset(range.start, false);
        let end = if range.is_empty() { start } else { self.raw_offset(range.end, true) };
        self.start + start..self.start + end
    }

    /// Converts an offset in `text` to one in `raw`, by walking both texts side by side.
    ///
    /// With `end`, it is where the character before `at` ends, rather than where the one at `at`
    /// begins.
    fn raw_offset(&self, at: usize, end: bool) -> usize {
        let raw = self.raw.as_bytes();
        let (mut from, mut to) = (0, 0);
        while to < at {
            from += 1;
            if raw[from - 1].is_ascii_whitespace() {
                while raw.get(from).is_some_and(u8::is_ascii_whitespace) && !(end && to + 1 == at) {
                    from += 1;
                }
            }
            to += 1;
        }
        from
    }
}

/// Collapses each run of ASCII whitespace to one space. `text` has none at its ends.
fn collapse(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let clean = bytes
        .iter()
        .zip(&bytes[bytes.len().min(1)..])
        .all(|(a, b)| !a.is_ascii_whitespace() || (*a == b' ' && !b.is_ascii_whitespace()));
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// Finds the first whitespace that is not a single space: several in a row, or a tab.
pub(crate) fn collapsed_run(text: &str) -> Option<Range<usize>> {
    let is_space = |c: char| c.is_ascii_whitespace();
    let mut from = 0;
    while let Some(at) = text[from..].find(is_space) {
        let start = from + at;
        let end = text[start..].find(|c| !is_space(c)).map_or(text.len(), |length| start + length);
        if &text[start..end] != " " {
            return Some(start..end);
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_collapse() {
        assert!(matches!(collapse("a b c"), Cow::Borrowed(_)));
        assert!(matches!(collapse(""), Cow::Borrowed(_)));
        assert_eq!(collapse("a  b\tc"), "a b c");
        assert_eq!(collapse("a\tb"), "a b");
        assert_eq!(collapse("a\u{a0}\u{a0}b"), "a\u{a0}\u{a0}b");
    }

    #[test]
    fn places_survive_collapsing() {
        let raw = "say  \t hällo   wörld \t x";
        let step = StepText::new(raw, 100);
        let place = |part: &str| {
            let at = step.text.find(part).unwrap();
            let range = step.place(at..at + part.len());
            raw[range.start - 100..range.end - 100].to_owned()
        };
        assert_eq!(place("hällo"), "hällo");
        assert_eq!(place("hällo wörld"), "hällo   wörld");
        assert_eq!(place("x"), "x");
        assert_eq!(place("wörld x"), "wörld \t x");
        assert_eq!(step.place(0..3), 100..103);
        assert_eq!(step.place(4..4), 107..107);
    }
}
