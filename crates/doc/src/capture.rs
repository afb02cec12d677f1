//! Captures, what each of their types accepts, and the backslash escapes of two of them.

use std::borrow::Cow;
use std::ops::Range;

/// A type of captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptureType {
    /// Text without spaces. The default in simple patterns.
    Word,
    /// Like `Word`, with backslash escapes.
    EscapedWord,
    /// Any text, also none. The default in regular expressions.
    Text,
    /// Like `Text`, with backslash escapes.
    EscapedText,
    /// An integer.
    Int,
    /// An integer without a sign.
    Uint,
    /// An integer or decimal fraction.
    Number,
    /// The name of an embedded file.
    File,
    /// A path.
    Path,
}

/// A captured part of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Its name in the binding.
    pub name: String,
    /// Its type.
    pub kind: CaptureType,
    /// Its value, with quoted spaces as written and the escapes of escaped types resolved.
    pub text: String,
    /// Its byte range in the step's source file, (start, end), as written: before spaces were
    /// collapsed.
    pub range: (u32, u32),
}
impl CaptureType {
    /// All types, in the order in which documentation lists them.
    pub const ALL: [Self; 9] = [
        Self::Word,
        Self::EscapedWord,
        Self::Text,
        Self::EscapedText,
        Self::Int,
        Self::Uint,
        Self::Number,
        Self::File,
        Self::Path,
    ];

    /// Returns its name in bindings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::EscapedWord => "escapedword",
            Self::Text => "text",
            Self::EscapedText => "escapedtext",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Number => "number",
            Self::File => "file",
            Self::Path => "path",
        }
    }

    /// Returns the type of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Describes a text that fits, for messages.
    pub(crate) fn wants(self) -> &'static str {
        match self {
            Self::Word | Self::EscapedWord => "one word",
            Self::Text | Self::EscapedText => "any text",
            Self::Int => "an integer",
            Self::Uint => "an integer without a sign",
            Self::Number => "a number",
            Self::File => "the name of an embedded file",
            Self::Path => "a path without spaces",
        }
    }

    /// Returns whether escapes in its texts are replaced.
    pub fn is_escaped(self) -> bool {
        matches!(self, Self::EscapedWord | Self::EscapedText)
    }

    /// Returns a regex for what it accepts, without groups. Digits are ASCII, as in all code that
    /// uses captures.
    pub(crate) fn regex(self) -> &'static str {
        match self {
            Self::Word | Self::EscapedWord | Self::File | Self::Path => r"\S+",
            Self::Text | Self::EscapedText => ".*",
            Self::Int => "-?[0-9]+",
            Self::Uint => "[0-9]+",
            Self::Number => r"-?[0-9]+(?:\.[0-9]+)?",
        }
    }

    /// Whether a text fits as a whole. The same as [`CaptureType::regex`], without compiling it.
    pub(crate) fn accepts(self, text: &str) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        match self {
            Self::Word | Self::EscapedWord | Self::File | Self::Path => {
                !text.is_empty() && !text.contains(char::is_whitespace)
            }
            Self::Text | Self::EscapedText => !text.contains('\n'),
            Self::Int => digits(unsigned),
            Self::Uint => digits(text),
            Self::Number => match unsigned.split_once('.') {
                Some((whole, fraction)) => digits(whole) && digits(fraction),
                None => digits(unsigned),
            },
        }
    }
}

/// An invalid escape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidEscape {
    /// Its range in the text.
    pub(crate) range: Range<usize>,
    /// Why.
    pub(crate) reason: &'static str,
}

/// Resolves backslash escapes.
pub(crate) fn unescape(text: &str) -> Result<Cow<'_, str>, InvalidEscape> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let start = text.len() - rest.len() + at;
        let after = &rest[at + 1..];
        let bad = |length: usize, reason| {
            let end = text[start..].char_indices().nth(length).map_or(text.len(), |(i, _)| start + i);
            Err(InvalidEscape { range: start..end, reason })
        };
        let mut used = 1;
        let character = match after.chars().next() {
            None => return bad(1, "a backslash at the end"),
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('0') => '\0',
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('v') => '\x0b',
            Some(same @ ('\\' | '"' | '\'')) => same,
            Some('x') => match hex(after.get(1..3)) {
                Some(character) => {
                    used = 3;
                    character
                }
                None => return bad(2, "`\\x` needs two hexadecimal digits"),
            },
            Some('u') if after[1..].starts_with('{') => {
                let Some(end) = after.find('}') else {
                    return bad(3, "the closing `}` is missing");
                };
                used = end + 1;
                match hex(after.get(2..end)) {
                    Some(character) => character,
                    None => return bad(used + 1, "not a Unicode character"),
                }
            }
            Some('u') => match hex(after.get(1..5)) {
                Some(character) => {
                    used = 5;
                    character
                }
                None => return bad(2, "`\\u` needs `{...}` or four hexadecimal digits"),
            },
            Some(_) => return bad(2, "no such escape"),
        };
        out.push(character);
        rest = &after[used..];
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

fn hex(digits: Option<&str>) -> Option<char> {
    let digits = digits?;
    // `from_str_radix` would accept a sign.
    if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for kind in CaptureType::ALL {
            assert_eq!(CaptureType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(CaptureType::from_name("words"), None);
    }

    #[test]
    fn accepting_is_the_same_as_matching_the_regex() {
        let texts = [
            "", "a", "a b", "-", "-1", "1", "1.5", "1.50", "-1.5", "1.", ".5", "1.5.6", "+1", "1e3", "é", "\u{a0}",
            "٣", "a\tb", "--1", "-0",
        ];
        for kind in CaptureType::ALL {
            let regex = regex::Regex::new(&format!("^(?:{})$", kind.regex())).unwrap();
            for text in texts {
                assert_eq!(kind.accepts(text), regex.is_match(text), "{kind:?} {text:?}");
            }
        }
    }

    #[test]
    fn escapes() {
        let good = [
            ("", ""),
            ("plain", "plain"),
            (r"a\nb\t\r", "a\nb\t\r"),
            (r#"\\ \" \'"#, "\\ \" '"),
            (r"\0", "\0"),
            (r"\x41\x7e", "A~"),
            (r"\u{e9}t\u{E9}", "été"),
            (r"\u00e9", "é"),
            (r"\\n", "\\n"),
            (r"é\né", "é\né"),
        ];
        for (text, want) in good {
            assert_eq!(unescape(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn bad_escapes_say_where() {
        let bad = [
            ("ab\\", 2..3),
            (r"a\d", 1..3),
            (r"é\é", 2..5),
            (r"\x4", 0..2),
            (r"\xé1", 0..2),
            (r"\x+1", 0..2),
            (r"\u{}", 0..4),
            (r"\u{d800} x", 0..8),
            (r"\u{41", 0..3),
            (r"\u12", 0..2),
        ];
        for (text, range) in bad {
            assert_eq!(unescape(text).unwrap_err().range, range, "{text}");
        }
    }
}
