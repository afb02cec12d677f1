//! The plain YAML that the libraries are written in, read without the YAML crate.
//!
//! Libraries are read at each start, and what is left of them without descriptions is a list of mappings
//! with an entry in each line. Anything else, mistakes too, is left to the YAML crate, so both give the same
//! nodes.

use crate::read::yaml::{Node, Value};
use crate::source::{SourceId, Span};

/// Characters that begin something other than a plain scalar.
const INDICATORS: &str = "-?:,[]{}#&*!|>'\"%@`";

/// Empties the lines of comments, `doc` and `example`, which steps are not matched by.
///
/// They are most of a library's text. All other lines keep their places.
pub(crate) fn without_descriptions(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut is_description = false;
    for line in text.lines() {
        // A text below a key is indented by more than the key, or blank.
        is_description = is_description && (line.is_empty() || line.starts_with("    "));
        let begins = line.starts_with("  doc:") || line.starts_with("  example:");
        is_description |= begins;
        if !is_description && !line.starts_with('#') {
            plain.push_str(line);
        }
        plain.push('\n');
    }
    plain
}

/// Reads a list of mappings. Returns `None` if anything in it is not plain.
pub(crate) fn read(source: SourceId, text: &str) -> Option<Node> {
    let mut items: Vec<Vec<(Node, Node)>> = Vec::new();
    let mut next = 0;
    for line in text.split('\n') {
        let start = next;
        next += line.len() + 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (begins_item, entry) = match line.strip_prefix("- ") {
            Some(entry) => (true, entry),
            None => (false, line.strip_prefix("  ")?),
        };
        if begins_item {
            items.push(Vec::with_capacity(4));
        }
        let colon = entry.find(": ")?;
        let at = start + 2;
        let key = word(source, &entry[..colon], at)?;
        let value = value(source, &entry[colon + 2..], at + colon + 2)?;
        add(items.last_mut()?, key, value)?;
    }
    let nodes: Vec<Node> = items.into_iter().map(mapping).collect();
    Some(Node { span: nodes.first()?.span, value: Value::List(nodes) })
}

/// Adds an entry. Returns `None` if its key is there already.
fn add(entries: &mut Vec<(Node, Node)>, key: Node, value: Node) -> Option<()> {
    if entries.iter().any(|(known, _)| known.text() == key.text()) {
        return None;
    }
    entries.push((key, value));
    Some(())
}

/// Creates a mapping of at least one entry.
fn mapping(entries: Vec<(Node, Node)>) -> Node {
    Node { span: entries[0].0.span, value: Value::Map(entries) }
}

fn scalar(source: SourceId, text: &str, at: usize, written: usize) -> Node {
    Node { span: Span::new(source, at..at + written), value: Value::Text(text.to_owned()) }
}

/// Reads a key, or a value between braces.
fn word(source: SourceId, text: &str, at: usize) -> Option<Node> {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_word && !is_null(text)).then(|| scalar(source, text, at, text.len()))
}

/// Reads a value: a scalar, or a mapping of words between braces.
fn value(source: SourceId, text: &str, at: usize) -> Option<Node> {
    if !text.chars().all(|c| matches!(c, ' '..='~') || c.is_alphanumeric()) {
        return None;
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        let quoted = quoted.strip_suffix('\'').filter(|quoted| !quoted.contains('\''))?;
        return Some(scalar(source, quoted, at, text.len()));
    }
    if let Some(inside) = text.strip_prefix('{') {
        let mut entries = Vec::new();
        let mut start = at + 1;
        for entry in inside.strip_suffix('}')?.split(", ") {
            let (key, value) = entry.split_once(": ")?;
            let key_node = word(source, key, start)?;
            add(&mut entries, key_node, word(source, value, start + key.len() + 2)?)?;
            start += entry.len() + 2;
        }
        return Some(mapping(entries));
    }
    let is_plain = !text.starts_with(|c| INDICATORS.contains(c))
        && text.trim() == text
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !is_null(text);
    is_plain.then(|| scalar(source, text, at, text.len()))
}

/// Whether a scalar is empty or stands for nothing.
fn is_null(text: &str) -> bool {
    text.is_empty() || text == "~" || text.eq_ignore_ascii_case("null")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::read::yaml;

    /// Reads a text with the YAML crate. Returns `None` if it has mistakes.
    fn with_crate(text: &str) -> Option<Node> {
        let mut diagnostics = Vec::new();
        let node = yaml::parse(SourceId(0), text, 0..text.len(), &mut diagnostics).ok().flatten();
        node.filter(|_| diagnostics.is_empty())
    }

    fn libraries(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                libraries(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_libraries_are_plain_and_read_as_the_yaml_crate_reads_them() {
        let mut found = Vec::new();
        libraries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../steps/src/library"), &mut found);
        assert!(found.len() >= 7, "{found:?}");
        for path in found {
            let text = without_descriptions(&fs::read_to_string(&path).unwrap());
            let plain = read(SourceId(0), &text).unwrap_or_else(|| panic!("{} is not plain", path.display()));
            assert_eq!(Some(plain), with_crate(&text), "{}", path.display());
        }
    }

    #[test]
    fn plain_texts_are_read_as_the_yaml_crate_reads_them() {
        for text in [
            "- given: a {b:text}\n  native: c\n",
            "# why\n\n- when: 'it''s'\n",
            "- when: '\"a\" b: c # d'\n  regex: true\n\n- then: \\S+ (?P<x>.*) é\n  types: {x: text, y_1: int}\n",
            "- a: 1.50\n  b: yes\n  c: -1\n  d: 0x10\n  e: .inf\n",
            "- a: x:y #z\n",
            "- a: b#c\n- a: b",
        ] {
            let node = read(SourceId(0), text);
            assert!(node.is_none() || node == with_crate(text), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_left_to_the_yaml_crate() {
        for text in [
            "",
            "# a\n",
            "a: b\n",
            "- a\n",
            "- a: b: c\n",
            "- a: b # c\n",
            "- a: b:\n",
            "- a: |\n    b\n",
            "- a: b\n  a: c\n",
            "- a: b\n    c\n",
            "- a: b\n  c\n",
            "- a: b \n",
            "- a: b\r\n",
            "- a: 'b\n",
            "- a: '\n",
            "- a: 'b' c\n",
            "- a: \"b\"\n",
            "- a: {b}\n",
            "- a: {}\n",
            "- a: {b: c, b: d}\n",
            "- a: {b: c,d: e}\n",
            "- a: {b: c} d\n",
            "- a: [b]\n",
            "- a: &b c\n",
            "- a: *b\n",
            "- a: !b c\n",
            "- a: @b\n",
            "- a: ~\n",
            "- a: null\n",
            "- a: {b: null}\n",
            "- null: b\n",
            "-  a: b\n",
            "  a: b\n",
            "- a: b\n...\n",
            "--- \n- a: b\n",
            "\u{feff}- a: b\n",
            "- a: b\u{2028}c\n",
            "- a: b\tc\n",
        ] {
            assert_eq!(read(SourceId(0), text), None, "{text:?}");
        }
    }
}
