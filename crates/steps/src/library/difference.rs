//! What two texts differ in, when it cannot be seen: spaces, case, or how characters are encoded.

use unicode_normalization::UnicodeNormalization;

/// Describes why a text is not equal to another one, if it is something that is hard to see.
pub(crate) fn invisible(expected: &str, actual: &str) -> Option<String> {
    let what = describe(expected, actual, |expected, actual| expected == actual)?;
    Some(format!("expected and actual differ only in {what}"))
}

/// Describes why a text does not contain another one, if it is something that is hard to see.
pub(crate) fn invisible_within(expected: &str, actual: &str) -> Option<String> {
    let what = describe(expected, actual, |expected, actual| !expected.is_empty() && actual.contains(expected))?;
    Some(format!("it contains the text except for {what}"))
}

fn describe(expected: &str, actual: &str, holds: impl Fn(&str, &str) -> bool) -> Option<String> {
    let holds_with = |change: &dyn Fn(&str) -> String| holds(&change(expected), &change(actual));
    let message = match () {
        () if holds_with(&|text| text.replace("\r\n", "\n")) => "the line ends: one has CR LF, the other LF",
        () if holds_with(&one_space) => "the number of spaces or the kind of blanks",
        () if holds_with(&plain_spaces) => {
            let space = |text: &str| text.chars().find(|&c| is_other_space(c));
            let (in_expected, in_actual) = (space(expected), space(actual));
            let (side, space) = match (in_expected, in_actual) {
                (Some(space), None) => ("expected", space),
                (_, Some(space)) => ("actual", space),
                (None, None) => return None,
            };
            return Some(format!("spaces: {side} has U+{:04X}", u32::from(space)));
        }
        () if holds_with(&visible) => "characters that cannot be seen",
        () if holds_with(&|text| text.nfc().collect()) => {
            let composed = if expected.nfc().eq(expected.chars()) { "expected" } else { "actual" };
            let other = if composed == "expected" { "actual" } else { "expected" };
            return Some(format!(
                "Unicode normal form: accents are part of the letters in {composed} (NFC), and \
                 separate characters in {other} (NFD)"
            ));
        }
        () if holds_with(&str::to_lowercase) => "upper and lower case",
        () if holds_with(&|text| one_space(&plain_spaces(text)).nfc().collect::<String>().to_lowercase()) => {
            "spaces, case or Unicode normal form"
        }
        () => return None,
    };
    Some(message.to_owned())
}

/// Replaces each run of blanks in a line by one space. Line ends stay.
fn one_space(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '\t' if out.ends_with(' ') => {}
            ' ' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Replaces no-break spaces and the like by plain ones.
fn plain_spaces(text: &str) -> String {
    text.chars().map(|c| if is_other_space(c) { ' ' } else { c }).collect()
}

fn is_other_space(c: char) -> bool {
    !c.is_ascii() && c.is_whitespace()
}

/// Removes characters that cannot be seen.
fn visible(text: &str) -> String {
    let is_invisible = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    text.chars().filter(|&c| !is_invisible(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_are_hard_to_see_are_named() {
        let cases = [
            ("a b", "a  b", "expected and actual differ only in the number of spaces or the kind of blanks"),
            ("a b", "a\tb", "expected and actual differ only in the number of spaces or the kind of blanks"),
            ("a\n", "a\r\n", "expected and actual differ only in the line ends: one has CR LF, the other LF"),
            ("a b", "a\u{a0}b", "expected and actual differ only in spaces: actual has U+00A0"),
            ("a\u{202f}b", "a b", "expected and actual differ only in spaces: expected has U+202F"),
            ("ab", "a\u{200b}b", "expected and actual differ only in characters that cannot be seen"),
            ("Café", "café", "expected and actual differ only in upper and lower case"),
            ("a  B", "A b", "expected and actual differ only in spaces, case or Unicode normal form"),
        ];
        for (expected, actual, want) in cases {
            assert_eq!(invisible(expected, actual).as_deref(), Some(want), "{expected:?} {actual:?}");
        }
        let note = invisible("caf\u{e9}", "cafe\u{301}").unwrap();
        assert!(note.contains("in expected (NFC), and separate characters in actual (NFD)"), "{note}");
        let note = invisible("cafe\u{301}", "caf\u{e9}").unwrap();
        assert!(note.contains("in actual (NFC), and separate characters in expected (NFD)"), "{note}");
    }

    #[test]
    fn other_differences_are_not() {
        assert_eq!(invisible("a", "b"), None);
        assert_eq!(invisible("a", "a\n"), None);
        assert_eq!(invisible("ab", "a b"), None);
        assert_eq!(invisible_within("", "a"), None);
        assert_eq!(invisible_within("b c", "a b d"), None);
    }

    #[test]
    fn a_part_may_differ_too() {
        let note = invisible_within("b C", "a B  c d");
        assert_eq!(note.as_deref(), Some("it contains the text except for spaces, case or Unicode normal form"));
        assert_eq!(
            invisible_within("B", "a b c").as_deref(),
            Some("it contains the text except for upper and lower case")
        );
    }
}
