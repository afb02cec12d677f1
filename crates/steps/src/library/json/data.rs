//! Reads JSON, YAML and TOML into the values that steps compare.
//!
//! What the formats leave to their readers is decided here: a key that occurs twice is an error,
//! dates are strings, keys of YAML are strings, and YAML is that of version 1.2.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::place::{Element, place};

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Toml,
}

impl Format {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Json, Self::Yaml, Self::Toml];

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
        }
    }

    /// Returns the format of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// Returns the format that the name of a file says it has.
    pub(crate) fn of_file(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

/// Why a text is not data of its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataError {
    /// The reason: lower case, without a full stop.
    pub(crate) reason: String,
    /// Where, in bytes, if that is known.
    pub(crate) at: Option<usize>,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl DataError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), at: None, help: None }
    }
}

/// The reason if data is nested deeper than its reader accepts, which is about a hundred levels.
const TOO_DEEP: &str = "it is nested too deep";

/// Parses data.
///
/// Several documents of YAML are a list of them.
pub(crate) fn parse(bytes: &[u8], format: Format) -> Result<Value, DataError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DataError {
        at: Some(error.valid_up_to()),
        ..DataError::new(format!("it is not UTF-8: the byte 0x{:02x}", bytes[error.valid_up_to()]))
    })?;
    // An empty text is TOML, but then every `does not exist` holds of a program that wrote nothing.
    if text.trim().is_empty() {
        return Err(DataError::new(if text.is_empty() { "it is empty" } else { "it has only spaces and newlines" }));
    }
    if text.starts_with('\u{feff}') {
        return Err(DataError::new("it begins with a byte order mark (U+FEFF)"));
    }
    match format {
        Format::Json => json(text),
        Format::Yaml => yaml(text),
        Format::Toml => toml(text),
    }
}

/// Parses JSON, in a step or elsewhere.
pub(crate) fn json(text: &str) -> Result<Value, DataError> {
    let path = RefCell::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Reader(&path).deserialize(&mut reader);
    let (error, is_whole) = match value {
        Ok(value) => match reader.end() {
            Ok(()) => return Ok(value),
            Err(error) => (error, true),
        },
        Err(error) => (error, false),
    };
    let at = if error.is_eof() { text.len() } else { offset(text, error.line(), error.column()) };
    let shown = error.to_string();
    let reason = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(reason, _)| reason);
    let what = text.trim_start();
    let (reason, help) = match reason {
        _ if what.starts_with('<') => ("it is HTML or XML".to_owned(), None),
        "trailing characters" if is_whole => ("more text follows the value".to_owned(), lines(text)),
        "recursion limit exceeded" => (TOO_DEEP.to_owned(), None),
        "number out of range" => ("the number is too large".to_owned(), None),
        "EOF while parsing a list" => ("it ends inside an array".to_owned(), None),
        reason if reason.starts_with("EOF while parsing ") => {
            (format!("it ends inside {}", &reason["EOF while parsing ".len()..]), None)
        }
        "expected value" | "expected ident" => {
            ("expected a JSON value".to_owned(), quotes(&text[at.min(text.len())..]))
        }
        "key must be a string" => ("a key must be a string between double quotes".to_owned(), None),
        reason => (reason.to_owned(), None),
    };
    Err(DataError { reason, at: Some(at), help })
}

/// Advises about text that is JSON line by line.
fn lines(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let is_one = |line: &str| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    let is_lines = lines.next().is_some_and(is_one) && lines.next().is_some_and(is_one);
    is_lines.then(|| "each line is a value of its own: have it written as one array, as `jq -s .` does".to_owned())
}

/// Advises about values of other languages.
fn quotes(rest: &str) -> Option<String> {
    let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    match word.to_ascii_lowercase().as_str() {
        "none" | "nil" | "undefined" | "null" => Some("write `null`".to_owned()),
        "true" | "false" => Some(format!("write `{}`", word.to_ascii_lowercase())),
        "nan" | "inf" | "infinity" => Some("JSON has no such number".to_owned()),
        _ if rest.starts_with('\'') => Some("JSON has double quotes: write `\"`".to_owned()),
        _ => None,
    }
}

/// Returns the offset of a line and column of the JSON reader, which counts bytes from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        _ => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let at = (start + column.saturating_sub(1)).min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn yaml(text: &str) -> Result<Value, DataError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 128,
            max_documents: 1_000,
            max_nodes: 2_000_000,
            max_events: 5_000_000,
            max_aliases: 10_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 1_000_000,
            max_replay_stack_depth: 32,
        },
        // Passed through, so that they are reported with their paths.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    match serde_saphyr::from_multiple_with_options::<Data>(text, options) {
        Ok(mut documents) => Ok(match documents.len() {
            0 => Value::Null,
            1 => documents.remove(0).0,
            _ => Value::Array(documents.into_iter().map(|data| data.0).collect()),
        }),
        Err(error) => {
            let at = error.location().map(|location| {
                let number = |number: u64| usize::try_from(number).unwrap_or(1);
                let line = number(location.line()).max(1);
                let start = if line == 1 {
                    0
                } else {
                    text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1)
                };
                let column = number(location.column()).saturating_sub(1);
                text[start..].char_indices().nth(column).map_or(text.len(), |(at, _)| start + at)
            });
            let words = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let words = words.lines().next().unwrap_or_default();
            let words = words.find(" at line ").map_or(words, |at| &words[..at]);
            let reason = if words.contains("recursion limit") { TOO_DEEP } else { words.trim_end_matches('.') };
            Err(DataError { at, ..DataError::new(reason) })
        }
    }
}

fn toml(text: &str) -> Result<Value, DataError> {
    match toml::from_str::<toml::Table>(text) {
        Ok(table) => Ok(from_toml(toml::Value::Table(table))),
        Err(error) => {
            let reason = error.message().lines().next().unwrap_or_default();
            let reason = if reason.contains("recurs") { TOO_DEEP } else { reason };
            Err(DataError { at: error.span().map(|span| span.start), ..DataError::new(reason) })
        }
    }
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => from_f64(number),
        toml::Value::Boolean(is_true) => Value::Bool(is_true),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, from_toml(value))).collect(),
    }
}

/// JSON has no infinite numbers and no NaN, so these are strings.
fn from_f64(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string().to_lowercase()), Value::Number)
}

/// A value as [`Reader`] reads it, where its path is that of the whole.
struct Data(Value);

impl<'de> serde::Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = RefCell::default();
        Reader(&path).deserialize(deserializer).map(Self)
    }
}

/// Reads a value, and reports keys that occur twice with the path of their object.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a RefCell<Vec<Element>>);

impl Reader<'_> {
    fn inside<T, E>(self, element: Element, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.0.borrow_mut().push(element);
        let read = read();
        self.0.borrow_mut().pop();
        read
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, is_true: bool) -> Result<Value, E> {
        Ok(Value::Bool(is_true))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(from_f64(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = self.inside(Element::Index(items.len()), || access.next_element_seed(self))? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = access.next_key_seed(Key(self))? {
            let value = self.inside(Element::Name(key.clone()), || access.next_value_seed(self))?;
            if members.contains_key(&key) {
                let place = place(&self.0.borrow());
                return Err(A::Error::custom(format_args!("the key {key:?} occurs twice in {place}")));
            }
            members.insert(key, value);
        }
        Ok(members.into())
    }
}

/// Reads a key, which must be a string.
struct Key<'a>(Reader<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        match deserializer.deserialize_any(self.0)? {
            Value::String(key) => Ok(key),
            other => {
                let place = place(&self.0.0.borrow());
                Err(D::Error::custom(format_args!("the key {other} in {place} is not a string: put it in quotes")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str, format: Format) -> Value {
        parse(text.as_bytes(), format).unwrap()
    }

    fn reason(text: &str, format: Format) -> String {
        let error = parse(text.as_bytes(), format).unwrap_err();
        error.at.map_or(error.reason.clone(), |at| format!("{} at {at}", error.reason))
    }

    #[test]
    fn numbers_keep_64_bits() {
        let big = value("[9007199254740993, 18446744073709551615, -9223372036854775808, 1.0, 1e2]", Format::Json);
        assert_eq!(big.to_string(), "[9007199254740993,18446744073709551615,-9223372036854775808,1.0,100.0]");
    }

    #[test]
    fn mistakes_in_json_say_where() {
        let wrong: Vec<_> = [
            ("", "it is empty"),
            (" \n", "it has only spaces and newlines"),
            ("\u{feff}{}", "it begins with a byte order mark (U+FEFF)"),
            ("<html>", "it is HTML or XML at 0"),
            ("{\"a\": 1,}", "trailing comma at 8"),
            ("{\"a\": 1", "it ends inside an object at 7"),
            ("{\"a\": tru}", "expected a JSON value at 9"),
            ("[1", "it ends inside an array at 2"),
            ("\"a", "it ends inside a string at 2"),
            ("[1,", "it ends inside a value at 3"),
            ("{\"a\" 1}", "expected `:` at 5"),
            ("{a: 1}", "a key must be a string between double quotes at 1"),
            ("1 2", "more text follows the value at 2"),
            ("{\"é\": x}", "expected a JSON value at 7"),
            ("[1,\n\n x]", "expected a JSON value at 6"),
            ("1e999", "the number is too large at 4"),
            ("{\"a\": {\"b\": 1, \"b\": 1}}", "the key \"b\" occurs twice in $.a at 21"),
            ("[{\"a\": 1, \"a\": 2}]", "the key \"a\" occurs twice in $[0] at 16"),
        ]
        .into_iter()
        .filter_map(|(text, want)| {
            Some(reason(text, Format::Json)).filter(|shown| shown != want).map(|shown| (text, want, shown))
        })
        .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!((reason("", Format::Yaml), reason("", Format::Toml)), ("it is empty".into(), "it is empty".into()));
        let error = parse(b"{\"a\": \"\xff\"}", Format::Json).unwrap_err();
        assert_eq!((error.reason.as_str(), error.at), ("it is not UTF-8: the byte 0xff", Some(7)));
        let deep = "[".repeat(100_000);
        assert!(reason(&deep, Format::Json).starts_with(TOO_DEEP));
        assert!(parse(b"{}\n{}\n", Format::Json).unwrap_err().help.unwrap().contains("jq -s"));
    }

    #[test]
    fn yaml_is_that_of_version_1_2() {
        let yaml = "a: yes\nb: on\nc: 0o17\nd: 2020-01-02\ne: ~\nf: 1_000\ng: .nan\nh: true\ni: '1'\nj: 0x1f\nk: 1.0\n";
        assert_eq!(
            value(yaml, Format::Yaml),
            json!({
                "a": "yes", "b": "on", "c": 15, "d": "2020-01-02", "e": null, "f": "1_000", "g": ".nan", "h": true,
                "i": "1", "j": 31, "k": 1.0
            })
        );
        assert_eq!(value("a: 1\n---\na: 2\n", Format::Yaml), json!([{"a": 1}, {"a": 2}]));
        assert_eq!(value("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n", Format::Yaml)["d"], json!({"b": 1}));
        assert_eq!(reason("a: {1: x}\n", Format::Yaml), "the key 1 in $.a is not a string: put it in quotes at 4");
        assert!(reason("a: 1\na: 2\n", Format::Yaml).starts_with("the key \"a\" occurs twice in $"));
        assert!(reason("a: b: c\n", Format::Yaml).starts_with("mapping values are not allowed"));
        assert!(parse("[".repeat(100_000).as_bytes(), Format::Yaml).is_err());
    }

    #[test]
    fn toml_has_the_same_values() {
        let toml = "a = 1\nb = 1.5\nc = 1979-05-27T07:32:00Z\nd = inf\n[e]\nf = [true]\n";
        assert_eq!(
            value(toml, Format::Toml),
            json!({"a": 1, "b": 1.5, "c": "1979-05-27T07:32:00Z", "d": "inf", "e": {"f": [true]}})
        );
        assert!(reason("a = 1\na = 2\n", Format::Toml).contains("duplicate key"));
    }
}
