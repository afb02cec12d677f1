//! Values that steps keep under names, and how they are put into the steps that name them.
//!
//! A step is matched before its values are replaced, so a value cannot change which step it is. Nor
//! can it change how a step is read: how it is put into a capture depends on what the step reads
//! there. A value with spaces is one word of a command line, and its characters are literal in a
//! regex.

use std::collections::BTreeMap;

use serde_json::Value;

/// How a step reads a capture, which decides how values are put into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// As it is.
    #[default]
    Text,
    /// As text for a function of the document's own. `$${NAME}` stays as it is, as with Subplot:
    /// `expand_values` of Python does not replace it either.
    OwnFunction,
    /// As text in which backslashes begin escapes.
    Escaped,
    /// As a command line, or a part of it.
    CommandLine,
    /// As a regular expression.
    Regex,
    /// As a URL.
    Url,
    /// As JSON.
    Json,
    /// As a path into JSON.
    JsonPath,
}

impl Reading {
    /// Returns how the steps of libraries read a capture of this name.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "args" | "argv" | "argv0" | "cmd" | "command" => Self::CommandLine,
            "regex" => Self::Regex,
            "url" => Self::Url,
            "env" => Self::Json,
            _ => Self::Text,
        }
    }
}

/// A kept value.
#[derive(Debug, Clone)]
pub(crate) struct KeptValue {
    /// A string, or another JSON value that was taken from data.
    pub(crate) value: Value,
    /// The text of it.
    pub(crate) text: String,
    /// The number of the step that keeps it; 0 for one that no step keeps.
    pub(crate) step: u64,
}

/// The kept values of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<String, KeptValue>);

impl Values {
    /// Keeps a value under a name, and forgets another one of that name.
    pub(crate) fn keep(&mut self, name: &str, value: Value, step: u64) {
        let text = text_of(&value);
        self.0.insert(name.to_owned(), KeptValue { value, text, step });
    }

    /// Returns the value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&KeptValue> {
        self.0.get(name)
    }

    /// Returns all names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Replaces each `${NAME}` of a kept value. `None` if there is nothing to replace.
    ///
    /// `$${NAME}` stands for `${NAME}`, except in texts for functions of the document's own. Other
    /// names stay as they are, because they may be for a shell. `quote` is the quote that is open
    /// before the text, and after it.
    pub(crate) fn expand(&self, text: &str, reading: Reading, quote: &mut Option<char>) -> Option<String> {
        if reading == Reading::CommandLine {
            let expanded = self.walk(text, reading, quote);
            return (expanded != text).then_some(expanded);
        }
        if self.0.is_empty() || !text.contains("${") {
            return None;
        }
        Some(self.walk(text, reading, quote))
    }

    fn walk(&self, text: &str, reading: Reading, quote: &mut Option<char>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '$' {
                let (is_literal, inside) = match rest.strip_prefix("$${") {
                    Some(inside) => (true, Some(inside)),
                    None => (false, rest.strip_prefix("${")),
                };
                let named = inside.and_then(|inside| inside.split_once('}'));
                if let Some((name, kept, after)) = named.and_then(|(name, after)| Some((name, self.get(name)?, after)))
                {
                    if is_literal {
                        let dollar = if reading == Reading::OwnFunction { "$" } else { "" };
                        out.extend([dollar, "${", name, "}"]);
                    } else {
                        push(&mut out, kept, reading, *quote);
                    }
                    rest = after;
                    continue;
                }
            }
            let mut length = c.len_utf8();
            // Between the single quotes of a shell, a backslash is literal.
            let escapes = match reading {
                Reading::CommandLine => *quote != Some('\''),
                Reading::Json | Reading::JsonPath => true,
                _ => false,
            };
            let quotes: &[char] = match reading {
                Reading::CommandLine | Reading::JsonPath => &['\'', '"'],
                Reading::Json => &['"'],
                _ => &[],
            };
            if c == '\\' && escapes {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
            } else if quotes.contains(&c) {
                toggle(quote, c);
            }
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        out
    }
}

fn toggle(quote: &mut Option<char>, c: char) {
    match *quote {
        None => *quote = Some(c),
        Some(open) if open == c => *quote = None,
        Some(_) => {}
    }
}

/// Appends a value in the form that the text around it asks for.
fn push(out: &mut String, kept: &KeptValue, reading: Reading, quote: Option<char>) {
    let text = kept.text.as_str();
    match (reading, quote) {
        (Reading::Text | Reading::OwnFunction | Reading::Url, _) => out.push_str(text),
        (Reading::Escaped, _) => out.push_str(&text.replace('\\', "\\\\")),
        (Reading::Regex, _) => out.push_str(&regex::escape(text)),
        (Reading::CommandLine, None) => {
            let is_plain = |c: char| c.is_alphanumeric() || "_-+=./:,@%^".contains(c);
            if !text.is_empty() && text.chars().all(is_plain) {
                out.push_str(text);
            } else {
                out.extend(["'", &text.replace('\'', "'\\''"), "'"]);
            }
        }
        (Reading::CommandLine, Some('\'')) => out.push_str(&text.replace('\'', "'\\''")),
        (Reading::CommandLine, Some(_)) => {
            for c in text.chars() {
                if matches!(c, '\\' | '"' | '$' | '`') {
                    out.push('\\');
                }
                out.push(c);
            }
        }
        // A name after a dot.
        (Reading::JsonPath, None) if out.ends_with('.') => out.push_str(text),
        (Reading::Json | Reading::JsonPath, None) => out.push_str(&kept.value.to_string()),
        (Reading::JsonPath, Some('\'')) => {
            out.push_str(&inside_quotes(text).replace('\'', "\\'").replace("\\\"", "\""));
        }
        (Reading::Json | Reading::JsonPath, Some(_)) => out.push_str(&inside_quotes(text)),
    }
}

/// Returns a text as it stands between the double quotes of JSON.
fn inside_quotes(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns the text of a value: a string as it is, everything else as compact JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Returns the quote that is open where a text ends.
pub fn open_quote(text: &str, reading: Reading) -> Option<char> {
    let mut quote = None;
    Values::default().walk(text, reading, &mut quote);
    quote
}

/// Returns the names that a text has in `${NAME}`, with their places. Those in `$${NAME}` are not
/// among them.
pub fn names_in(text: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    let mut names = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("${").map(|at| from + at) {
        let Some(end) = text[start..].find('}').map(|at| start + at) else { break };
        let name = &text[start + 2..end];
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if is_name && !text[..start].ends_with('$') {
            names.push((name, start..end + 1));
        }
        from = if is_name { end + 1 } else { start + 2 };
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        for (name, value) in [
            ("N", json!(5)),
            ("T", json!("it's \"a\" \\ $b")),
            ("W", json!("word")),
            ("E", json!("")),
            ("O", json!({"a": [1, "x"]})),
            ("R", json!("a.b+")),
        ] {
            values.keep(name, value, 1);
        }
        values
    }

    fn expanded(text: &str, reading: Reading) -> String {
        values().expand(text, reading, &mut None).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn only_kept_names_are_replaced() {
        for (text, want) in [
            ("a ${N} ${W}${N}", "a 5 word5"),
            ("${X} ${ N} ${n} $N ${", "${X} ${ N} ${n} $N ${"),
            ("$${N} $${X} $$${N}", "${N} $${X} $${N}"),
            ("\\${N}", "\\5"),
            ("${O}", r#"{"a":[1,"x"]}"#),
            ("${T}", "it's \"a\" \\ $b"),
            ("${X${N}}", "${X5}"),
        ] {
            assert_eq!(expanded(text, Reading::Text), want, "{text}");
        }
        assert_eq!(expanded("${N} $${N}", Reading::OwnFunction), "5 $${N}");
        assert_eq!(Values::default().expand("${N}", Reading::Text, &mut None), None);
    }

    #[test]
    fn a_value_is_one_word_of_a_command_line() {
        let text = "it's \"a\" \\ $b";
        for (line, word) in [
            ("a ${T} b", text.to_owned()),
            ("a x${T}y b", format!("x{text}y")),
            ("a \"x ${T}\" b", format!("x {text}")),
            ("a 'x ${T}' b", format!("x {text}")),
            ("a ${E} b", String::new()),
            ("a ${O} b", r#"{"a":[1,"x"]}"#.to_owned()),
            ("a ${W}/${N} b", "word/5".to_owned()),
        ] {
            let line = expanded(line, Reading::CommandLine);
            assert_eq!(crate::library::command::split(&line).unwrap(), ["a", word.as_str(), "b"], "{line}");
        }
        assert_eq!(expanded("echo ${W} ${N}", Reading::CommandLine), "echo word 5");
        assert_eq!(expanded("sh -c 'echo $${N} ${X}'", Reading::CommandLine), "sh -c 'echo ${N} ${X}'");
        // A quote may begin in one capture and end in the next.
        let mut quote = None;
        let values = values();
        assert_eq!(values.expand("'a", Reading::CommandLine, &mut quote), None);
        assert_eq!(quote, Some('\''));
        assert_eq!(values.expand(" ${T}'", Reading::CommandLine, &mut quote).unwrap(), " it'\\''s \"a\" \\ $b'");
    }

    #[test]
    fn json_gets_values_of_their_types() {
        for (text, want) in [
            (
                r#"{"a": ${N}, "b": "${N}", "c": ${T}, "d": "x ${T}", "e": ${O}}"#,
                r#"{"a": 5, "b": "5", "c": "it's \"a\" \\ $b", "d": "x it's \"a\" \\ $b", "e": {"a":[1,"x"]}}"#,
            ),
            (r#"["\"", ${W}, "\\", ${W}]"#, r#"["\"", "word", "\\", "word"]"#),
        ] {
            assert_eq!(expanded(text, Reading::Json), want);
        }
        for (text, want) in [
            ("$.items[${N}].${W}", "$.items[5].word"),
            ("$[?@.a == ${W}]", "$[?@.a == \"word\"]"),
            ("$['${T}']", r#"$['it\'s "a" \\ $b']"#),
            ("$[\"${T}\"]", r#"$["it's \"a\" \\ $b"]"#),
        ] {
            assert_eq!(expanded(text, Reading::JsonPath), want);
        }
    }

    #[test]
    fn other_readings_take_a_value_literally() {
        assert_eq!(expanded("^${R}$", Reading::Regex), r"^a\.b\+$");
        assert_eq!(expanded("${T}", Reading::Escaped), "it's \"a\" \\\\ $b");
    }

    #[test]
    fn names_are_found() {
        let found: Vec<_> = names_in("a ${N} $${N} ${A B} ${x-1.y} ${} ${").into_iter().collect();
        assert_eq!(found, [("N", 2..6), ("x-1.y", 20..28)]);
    }
}
