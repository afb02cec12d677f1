//! How values are shown in messages.

use serde_json::Value;

use super::place::{Element, place};

/// The most characters of a value in a line of a message.
const BRIEF: usize = 200;
/// The most bytes of data that a failure shows.
pub(super) const SHOWN: usize = 2000;

/// Returns a value in one line, cut if it is long.
pub(super) fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().nth(BRIEF).is_none() {
        return text;
    }
    let end = text.char_indices().nth(BRIEF - 40).map_or(text.len(), |(at, _)| at);
    format!("{}... ({} more characters)", &text[..end], text[end..].chars().count())
}

/// Returns what a value is: `a string`, `an object`.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns the text of a value: a string without quotes, everything else as compact JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Returns the largest part of the data around a place that a failure can show: its path, and its
/// text, indented. If none is small enough, the beginning of the whole.
pub(super) fn surroundings(whole: &Value, elements: &[Element]) -> (String, String) {
    let mut value = whole;
    for depth in 0..=elements.len() {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        if text.len() <= SHOWN {
            return (place(&elements[..depth]), text);
        }
        let next = match elements.get(depth) {
            Some(Element::Name(name)) => value.get(name),
            Some(Element::Index(index)) => value.get(index),
            None => None,
        };
        match next {
            // A scalar alone says nothing more than the message.
            Some(next) if next.is_object() || next.is_array() => value = next,
            _ => {
                let end = (0..=SHOWN).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
                return (place(&elements[..depth]), format!("{}\n... ({} bytes in all)", &text[..end], text.len()));
            }
        }
    }
    (String::new(), String::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_values_are_cut() {
        assert_eq!(brief(&json!("a")), "\"a\"");
        let long = brief(&json!("é".repeat(300)));
        assert!(long.ends_with("... (142 more characters)") && long.chars().count() < 200, "{long}");
    }

    #[test]
    fn the_largest_part_that_fits_is_shown() {
        let whole = json!({"items": [{"a": 1}, {"b": "x".repeat(3000)}], "n": 1});
        let at = |path: &[Element]| surroundings(&whole, path).0;
        let name = |name: &str| Element::Name(name.to_owned());
        assert_eq!(surroundings(&json!({"n": 1}), &[name("n")]).0, "$");
        assert_eq!(at(&[name("items"), Element::Index(0), name("a")]), "$.items[0]");
        assert_eq!(at(&[name("n")]), "$");
        assert!(surroundings(&whole, &[name("n")]).1.ends_with("bytes in all)"));
    }
}
