//! The text of a step as bindings see it: without its keyword, each run of spaces collapsed to one.
//!
//! Captures get quoted text as it is written, with all its spaces.

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

    /// Returns what is written at a place in the source.
    pub(crate) fn written(&self, place: Range<usize>) -> &'a str {
        &self.raw[place.start - self.start..place.end - self.start]
    }

    /// Returns a part of the text for a capture: spaces between quotes as written, others collapsed.
    pub(crate) fn captured(&self, range: Range<usize>) -> Cow<'_, str> {
        if self.is_as_written() {
            return Cow::Borrowed(&self.text[range]);
        }
        let mut out = String::with_capacity(range.len());
        let (place, kept) = self.kept(range);
        let mut at = place.start;
        for kept in kept {
            out.push_str(&collapse_runs(&self.raw[at..kept.start]));
            out.push_str(&self.raw[kept.clone()]);
            at = kept.end;
        }
        out.push_str(&collapse_runs(&self.raw[at..place.end]));
        Cow::Owned(out)
    }

    /// Finds the first run of spaces in a part of the text that a capture gets collapsed.
    ///
    /// Returns its place in the source.
    pub(crate) fn collapsed(&self, range: Range<usize>) -> Option<Range<usize>> {
        if self.is_as_written() {
            return None;
        }
        let (place, kept) = self.kept(range);
        let mut at = place.start;
        for piece in kept.into_iter().chain(std::iter::once(place.end..place.end)) {
            if let Some(run) = collapsed_run(&self.raw[at..piece.start]) {
                return Some(self.start + at + run.start..self.start + at + run.end);
            }
            at = piece.end;
        }
        None
    }

    /// Returns the parts of a part of the text that are not quoted, as places in the source.
    pub(crate) fn unquoted(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let (place, kept) = self.kept(range);
        let mut parts = Vec::with_capacity(kept.len() + 1);
        let mut at = place.start;
        for kept in kept {
            parts.push(self.start + at..self.start + kept.start);
            at = kept.end;
        }
        parts.push(self.start + at..self.start + place.end);
        parts
    }

    /// Returns the place in `raw` of a part of the text, and the quoted parts of it.
    fn kept(&self, range: Range<usize>) -> (Range<usize>, Vec<Range<usize>>) {
        let place = self.place(range);
        let place = place.start - self.start..place.end - self.start;
        let is_enclosed = self.raw[..place.start].ends_with('"') && self.raw[place.end..].starts_with('"');
        if is_enclosed {
            return (place.clone(), vec![place]);
        }
        let quoted = quoted(self.raw).into_iter();
        let inside = quoted.map(|part| part.start.max(place.start)..part.end.min(place.end));
        let kept = inside.filter(|part| part.start < part.end).collect();
        (place, kept)
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

/// Collapses each run of ASCII whitespace to one space, also at the ends.
fn collapse_runs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !c.is_ascii_whitespace() => out.push(c),
            _ if out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    out
}

/// Finds the quoted parts of a step, quotes included.
///
/// A single quote in a word is an apostrophe, so single quotes must begin and end words. A quote
/// that is never closed quotes nothing.
fn quoted(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find(['"', '\'']).map(|at| from + at) {
        from = open + 1;
        let is_double = text[open..].starts_with('"');
        let begins_word =
            text[..open].chars().next_back().is_none_or(|c| c.is_ascii_whitespace() || "=({[,:".contains(c));
        if !is_double && !begins_word {
            continue;
        }
        if let Some(close) = closing(text, open, is_double) {
            parts.push(open..close + 1);
            from = close + 1;
        }
    }
    parts
}

/// Returns where the quote that opens at `open` closes.
fn closing(text: &str, open: usize, is_double: bool) -> Option<usize> {
    let quote = if is_double { '"' } else { '\'' };
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip_while(|&(at, _)| at <= open) {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' && is_double {
            is_escaped = true;
        } else if c == quote {
            let ends_word = text[at + 1..].chars().next().is_none_or(|c| !c.is_alphanumeric());
            if is_double || ends_word {
                return Some(at);
            }
        }
    }
    None
}

/// Finds the first whitespace that is not a single space: several in a row, or a tab.
fn collapsed_run(text: &str) -> Option<Range<usize>> {
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
    fn quoted_spaces_are_kept() {
        let cases = [
            ("a  b", "a b"),
            ("a  \"b  c\"  d", "a \"b  c\" d"),
            ("a  \"b \\\" \t c\"  d", "a \"b \\\" \t c\" d"),
            ("printf  'a  b'  c", "printf 'a  b' c"),
            ("the user's  name is  Bob's  now", "the user's name is Bob's now"),
            ("5\"  disk", "5\" disk"),
            ("x='a  b'  \"c  'd  \"  e  f'", "x='a  b' \"c  'd  \" e f'"),
            ("{\"a\":  \"b  c\"}", "{\"a\": \"b  c\"}"),
        ];
        for (raw, want) in cases {
            let step = StepText::new(raw, 10);
            assert_eq!(step.captured(0..step.text.len()), want, "{raw}");
        }
    }

    #[test]
    fn text_between_quotes_of_the_pattern_is_kept() {
        let raw = "say  \"a \"b  c\"  d\"  to  x  y";
        let step = StepText::new(raw, 5);
        let part = |part: &str| step.text.find(part).map(|at| at..at + part.len()).unwrap();
        assert_eq!(step.captured(part("a \"b c\" d")), "a \"b  c\"  d");
        assert_eq!(step.collapsed(part("a \"b c\" d")), None);
        assert_eq!(step.captured(part("x y")), "x y");
        assert_eq!(step.collapsed(part("x y")), Some(5 + 25..5 + 27));
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
