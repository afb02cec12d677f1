//! Captures, what each of their types accepts, and the backslash escapes of two of them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arcstr::Substr;

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
    /// A JSON value, told apart from other text by how it begins and ends. The function of the step
    /// parses it.
    Json,
    /// A path into JSON values, as RFC 9535 defines: `$`, then what has no spaces outside of
    /// brackets.
    JsonPath,
}

/// A capture of a binding: what steps have in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureDefinition {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: CaptureType,
}

/// A captured part of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Its name and type. All steps of the binding share it.
    pub definition: Arc<CaptureDefinition>,
    /// Its value, with quoted spaces as written and the escapes of escaped types resolved.
    pub text: Substr,
    /// Its byte range in the step's source file, (start, end), as written: before spaces were
    /// collapsed.
    pub range: (u32, u32),
}

impl Capture {
    /// Returns its name in the binding.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Returns its type.
    pub fn kind(&self) -> CaptureType {
        self.definition.kind
    }
}

impl CaptureType {
    /// All types, in the order in which documentation lists them.
    pub const ALL: [Self; 11] = [
        Self::Word,
        Self::EscapedWord,
        Self::Text,
        Self::EscapedText,
        Self::Int,
        Self::Uint,
        Self::Number,
        Self::File,
        Self::Path,
        Self::Json,
        Self::JsonPath,
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
            Self::Json => "json",
            Self::JsonPath => "jsonpath",
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
            Self::Json => "a JSON value, with text between double quotes",
            Self::JsonPath => "a JSONPath such as `$.items[0]`, without spaces outside of brackets",
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
            // `${NAME}` is a kept value.
            Self::Json => r#"null|true|false|-?[0-9]\S*|"(?:.*")?|\[.*\]|\{.*\}|\$\{[^\s{}]+\}"#,
            Self::JsonPath => JSON_PATH,
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
            Self::Json => is_like_json(text),
            Self::JsonPath => text.strip_prefix('$').and_then(|steps| after_path(steps, 0)) == Some(""),
        }
    }
}

/// What accepts a JSONPath. Brackets may be nested three deep, as filters in filters need.
const JSON_PATH: &str = concat!(
    r#"\$(?:[^\s\[\]'"]|\[(?:[^\n\[\]'"]|'(?:[^\n'\\]|\\.)*'|"(?:[^\n"\\]|\\.)*""#,
    r#"|\[(?:[^\n\[\]'"]|'(?:[^\n'\\]|\\.)*'|"(?:[^\n"\\]|\\.)*""#,
    r#"|\[(?:[^\n\[\]'"]|'(?:[^\n'\\]|\\.)*'|"(?:[^\n"\\]|\\.)*")*\])*\])*\])*"#,
);

/// Whether a text begins and ends like JSON, or is a kept value as a whole.
fn is_like_json(text: &str) -> bool {
    let is_kept = || {
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "{}".contains(c)))
    };
    if text.contains('\n') {
        return false;
    }
    match text.as_bytes() {
        b"null" | b"true" | b"false" | b"\"" | [b'"', .., b'"'] | [b'[', .., b']'] | [b'{', .., b'}'] => true,
        [b'-', b'0'..=b'9', ..] | [b'0'..=b'9', ..] => !text.contains(char::is_whitespace),
        _ => is_kept(),
    }
}

/// Returns what follows the longest beginning of a text that a JSONPath may have in brackets of
/// this depth. `None` if a quote or a bracket is not closed.
fn after_path(text: &str, depth: usize) -> Option<&str> {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '\n' | ']' => return Some(rest),
            '[' if depth == 3 => return None,
            '[' => rest = after_path(&rest[1..], depth + 1)?.strip_prefix(']')?,
            '\'' | '"' if depth > 0 => rest = after_quote(&rest[1..], c)?,
            c if depth == 0 && (c.is_whitespace() || "'\"".contains(c)) => return Some(rest),
            c => rest = &rest[c.len_utf8()..],
        }
    }
    Some(rest)
}

/// Returns what follows the quote that closes.
fn after_quote(text: &str, quote: char) -> Option<&str> {
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '\n' => return None,
            '\\' => {
                characters.next().filter(|&c| c != '\n')?;
            }
            c if c == quote => return Some(characters.as_str()),
            _ => {}
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
            "",
            "a",
            "a b",
            "-",
            "-1",
            "1",
            "1.5",
            "1.50",
            "-1.5",
            "1.",
            ".5",
            "1.5.6",
            "+1",
            "1e3",
            "é",
            "\u{a0}",
            "٣",
            "a\tb",
            "--1",
            "-0",
            "null",
            "nulls",
            "true",
            "false",
            "True",
            "\"",
            "\"\"",
            "\"a b\"",
            "\"a\" b",
            "a \"b\"",
            "[",
            "[]",
            "[1, 2]",
            "[1] 2",
            "{}",
            "{\"a\": 1}",
            "{a} b",
            "{",
            "-1 2",
            "1 \"",
            "12\"",
            "-a",
            "\"\n\"",
            "[\n]",
            "${",
            "${}",
            "${a}",
            "${a b}",
            "${a}${b}",
            "x${a}",
            "$",
            "$.",
            "$.a",
            "$.a b",
            "$a",
            "$.é",
            "$[0]",
            "$[ 0 ]",
            "$[0",
            "$0]",
            "$.a[0].b",
            "$['a b']",
            "$['a]b']",
            "$['a\\'] b']",
            "$['a\\']",
            "$['a']b']",
            "$[\"a' ]\"]",
            "$['a'",
            "$.'a'",
            "$['a']'",
            "$[?@.a == 'b c']",
            "$[?@['a'] > 1]",
            "$[?@[?@['x']] && 1]",
            "$[?@[?@[?@['x']]]]",
            "$[[[]]]",
            "$[[[[]]]]",
            "$[\n]",
            "$['\n']",
            "$['\\\n']",
            "$.a[",
            "$.a]",
            "$..*",
            "$.a\tb",
            "$.a is [1]",
            "$.a[1] is [1]",
            "a$.b",
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
