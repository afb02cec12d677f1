//! YAML as a tree of nodes with their places. The only module that uses the YAML crate.
//!
//! Metadata and bindings are checked on this tree rather than by serde derives: a derived
//! `Deserialize` stops at the first mistake and forgets the places of keys.

use std::collections::HashMap;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::read::unclosed::{self, Unclosed};
use crate::source::{SourceId, Span};

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// The value of a node. Scalars stay text: `title: 1.50` is the title "1.50".
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Describes its kind, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Returns the text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The limit of nesting. The tree is built and dropped recursively; metadata and bindings need five
/// levels.
const MAX_DEPTH: usize = 32;

/// Parses the one YAML document in `text[range]`. Returns `None` if it is empty.
///
/// Of duplicate keys the first counts; the others are added to `diagnostics`.
pub(crate) fn parse(
    source: SourceId,
    text: &str,
    range: Range<usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<Node>, Box<Diagnostic>> {
    let base = range.start;
    let yaml = &text[range];
    if yaml.trim().is_empty() {
        return Ok(None);
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 2,
            max_nodes: 2_000_000,
            max_events: 5_000_000,
            max_aliases: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 16,
        },
        // Passed through so that all of them are reported, each with both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    };
    let place = Place { source, text, base, end: base + yaml.len() };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(yaml, options) {
        Ok(raw) => Ok(Some(place.node(raw, diagnostics))),
        Err(error) => {
            if let Some(found) = unclosed::find(yaml) {
                return Err(Box::new(never_closed(source, base, &found)));
            }
            let at = error.location().map_or(base..base, |location| place.range(location));
            // The message of the YAML crate ends in a position relative to its own input, which
            // would mislead.
            let words = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let words = words.lines().next().unwrap_or_default();
            let words = words.find(" at line ").map_or(words, |at| &words[..at]);
            let words = words.trim_end_matches('.');
            let help = advice(words, text, &at);
            let error =
                Diagnostic::error(Code::BadYaml, format!("invalid YAML: {words}")).at(Span::new(source, at), "");
            Err(Box::new(help.into_iter().fold(error, Diagnostic::help)))
        }
    }
}

/// Describes a quote or bracket that is never closed.
fn never_closed(source: SourceId, base: usize, found: &Unclosed) -> Diagnostic {
    let what = if found.open == found.close { "quote" } else { "bracket" };
    let at = base + found.at;
    Diagnostic::error(Code::BadYaml, format!("invalid YAML: this {what} is never closed"))
        .at(Span::new(source, at..at + found.open.len_utf8()), "")
        .help(format!("add the closing `{}`", found.close))
}

/// Returns advice for the most common mistakes. `words` are those of the YAML crate.
fn advice(words: &str, text: &str, at: &Range<usize>) -> Option<String> {
    // A mistake may be noticed only where the next line begins.
    let before = text[..at.start].trim_end_matches([' ', '\t', '-']);
    let end = if before.ends_with('\n') { before.trim_end().len() } else { at.start };
    let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let (key, value) = line.split_once(": ")?;
    let key = key.trim_start_matches([' ', '\t', '-']);
    let value = value.trim();
    if words.starts_with("mapping values are not allowed") {
        let inner = value.split_once(": ").map(|(language, function)| (language.trim(), function.trim()));
        return Some(match inner.filter(|_| key == "impl") {
            Some((language, function)) if !language.contains(' ') => {
                format!("write `impl: {{{language}: {function}}}`")
            }
            _ => "quote the text: it contains a colon and a space, which begin a mapping".to_owned(),
        });
    }
    let (brace, name) = match value.chars().next()? {
        '{' => ("}", "a brace"),
        '[' => ("]", "a bracket"),
        _ => return None,
    };
    let is_text = matches!(key, "given" | "when" | "then" | "title");
    (is_text && value.contains(brace)).then(|| format!("quote the text: it begins with {name}"))
}

/// Converts positions of the YAML crate to spans.
struct Place<'a> {
    source: SourceId,
    text: &'a str,
    base: usize,
    end: usize,
}

impl Place<'_> {
    fn range(&self, location: serde_saphyr::Location) -> Range<usize> {
        let span = location.span();
        let clamp = |at: u64| {
            let at = self.base.saturating_add(usize::try_from(at).unwrap_or(usize::MAX)).min(self.end);
            (self.base..=at).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or(self.base)
        };
        if let Some(start) = span.byte_offset() {
            let start = clamp(start);
            let length = usize::try_from(span.byte_len().unwrap_or(0)).unwrap_or(0);
            let end = clamp((start - self.base).saturating_add(length) as u64);
            // Some tokens include the line ends that follow them.
            let kept = self.text[start..end].trim_end().len();
            return start..start + kept;
        }
        // Syntax errors have only a line and a column, in characters.
        let line = usize::try_from(location.line()).unwrap_or(1).max(1);
        let column = usize::try_from(location.column()).unwrap_or(1).max(1);
        let yaml = &self.text[self.base..self.end];
        let mut ends = yaml.match_indices('\n').map(|(at, _)| at + 1);
        let start = if line == 1 { 0 } else { ends.nth(line - 2).unwrap_or(yaml.len()) };
        let mut columns = yaml[start..].char_indices();
        let at = self.base + columns.nth(column - 1).map_or(yaml.len(), |(at, _)| start + at);
        at..at
    }

    /// Converts a node. The span of a list or mapping is that of the first thing in it: the parser
    /// gives no useful one.
    fn node(&self, raw: Spanned<Raw>, diagnostics: &mut Vec<Diagnostic>) -> Node {
        let range = self.range(raw.defined);
        let span = Span::new(self.source, range.clone());
        match raw.value {
            Raw::Null => Node { span, value: Value::Null },
            Raw::Text(text) => Node { span, value: Value::Text(text) },
            // Numbers and booleans are taken as they are written.
            Raw::Typed => Node { span, value: Value::Text(self.text[range].trim().to_owned()) },
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item, diagnostics)).collect();
                let span = items.first().map_or(span, |first| first.span);
                Node { span, value: Value::List(items) }
            }
            Raw::Map(entries) => {
                let mut seen: HashMap<String, Span> = HashMap::new();
                let mut kept = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = self.node(key, diagnostics);
                    let value = self.node(value, diagnostics);
                    if let Some(text) = key.text() {
                        if let Some(&first) = seen.get(text) {
                            diagnostics.push(
                                Diagnostic::error(Code::DuplicateKey, format!("duplicate key `{text}`"))
                                    .at(key.span, "again here")
                                    .and_at(first, "first here")
                                    .help("remove one of them"),
                            );
                            continue;
                        }
                        seen.insert(text.to_owned(), key.span);
                    }
                    kept.push((key, value));
                }
                let span = kept.first().map_or(span, |(key, _)| key.span);
                Node { span, value: Value::Map(kept) }
            }
        }
    }
}

/// A node as serde sees it, with positions of the YAML crate.
enum Raw {
    Null,
    /// A number or a boolean: its text is taken from the source.
    Typed,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn show(node: &Node, text: &str, out: &mut String) {
        let at = &text[node.span.start as usize..node.span.end as usize];
        match &node.value {
            Value::Null => write!(out, "null@{at:?}").unwrap(),
            Value::Text(t) => write!(out, "{t:?}@{at:?}").unwrap(),
            Value::List(items) => {
                out.push('[');
                for item in items {
                    show(item, text, out);
                    out.push(' ');
                }
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for (key, value) in entries {
                    show(key, text, out);
                    out.push('=');
                    show(value, text, out);
                    out.push(' ');
                }
                out.push('}');
            }
        }
    }

    fn shown(text: &str) -> String {
        let mut diagnostics = Vec::new();
        let mut out = String::new();
        match parse(SourceId(0), text, 0..text.len(), &mut diagnostics) {
            Ok(Some(node)) => show(&node, text, &mut out),
            Ok(None) => out.push_str("empty"),
            Err(error) => {
                let at = error.primary.as_ref().unwrap().span;
                out = format!("{} at {}..{}", error.message, at.start, at.end);
            }
        }
        for diagnostic in diagnostics {
            out.push_str(&diagnostic.message);
        }
        out
    }

    #[test]
    fn places_and_texts_are_those_of_the_source() {
        let cases = [
            ("title: Café 1\n", r#"{"title"@"title"="Café 1"@"Café 1" }"#),
            (
                "n: 1.50\nb: yes\nd: 2020-01-01\n",
                r#"{"n"@"n"="1.50"@"1.50" "b"@"b"="yes"@"yes" "d"@"d"="2020-01-01"@"2020-01-01" }"#,
            ),
            ("q: \"a\\n\"\n", r#"{"q"@"q"="a\n"@"\"a\\n\"" }"#),
            ("x:\r\nl:\r\n- a\r\n- 'b'\r\n", r#"{"x"@"x"=null@"" "l"@"l"=["a"@"a" "b"@"'b'" ] }"#),
            ("x: {a: [1, true]} # why\n", r#"{"x"@"x"={"a"@"a"=["1"@"1" "true"@"true" ] } }"#),
            ("a: >\n  b\n  c\nd: ~\n", r#"{"a"@"a"="b c\n"@"b\n  c" "d"@"d"=null@"~" }"#),
            ("- &x a\n- *x\n", r#"["a"@"a" "a"@"a" ]"#),
            ("---\na: b\n...\n", r#"{"a"@"a"="b"@"b" }"#),
            ("a: 1\na: 2\n", r#"{"a"@"a"="1"@"1" }duplicate key `a`"#),
            ("a: 1e3\nb: 0x10\nc: .inf\n", r#"{"a"@"a"="1e3"@"1e3" "b"@"b"="0x10"@"0x10" "c"@"c"=".inf"@".inf" }"#),
            (" \n# nothing\n", "null@\"\""),
            ("", "empty"),
        ];
        for (text, want) in cases {
            assert_eq!(shown(text), want, "{text:?}");
        }
    }

    #[test]
    fn syntax_errors_have_places() {
        let cases = [
            ("a: b: c\n", "invalid YAML: mapping values are not allowed in this context at 4..4"),
            ("a:\n  - b\n c: d\n", "invalid YAML: while parsing a block mapping, did not find expected key at 10..10"),
            ("\"a\n", "invalid YAML: this quote is never closed at 0..1"),
            ("a: b\n--- \nc: d\n", "invalid YAML: only single YAML document expected but multiple found at 10..10"),
            ("é: é: é\n", "invalid YAML: mapping values are not allowed in this context at 6..6"),
            ("a: *x\n", "invalid YAML: reference to unknown value at 3..3"),
        ];
        for (text, want) in cases {
            assert_eq!(shown(text), want, "{text:?}");
        }
    }

    #[test]
    fn hostile_input_is_bounded() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let inner = format!("*a{},", level - 1).repeat(10);
            let _ = writeln!(bomb, "a{level}: &a{level} [{inner}]");
        }
        let mut deep_mapping = String::new();
        for level in 0..3000 {
            let _ = writeln!(deep_mapping, "{}a:", " ".repeat(level));
        }
        for text in [bomb, "[".repeat(100_000), "- ".repeat(100_000), deep_mapping] {
            assert!(shown(&text).starts_with("invalid YAML"), "{}", &text[..20]);
        }
    }
}
