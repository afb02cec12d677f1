//! JSON Schema: whether a value conforms to one, and where it does not.

#[cfg(feature = "schema")]
use jsonschema::paths::LocationSegment;
use serde_json::Value;

use super::place::{Element, place};
#[cfg(feature = "schema")]
use super::show::brief;
use crate::step::Failure;

/// The most places that a failure lists.
const LISTED: usize = 10;

/// A schema that is ready to use.
#[cfg(feature = "schema")]
pub(super) struct Schema(jsonschema::Validator);

/// A schema, which cannot be used without the feature `schema`.
#[cfg(not(feature = "schema"))]
pub(super) struct Schema;

#[cfg(not(feature = "schema"))]
impl Schema {
    /// Says that this program cannot use schemas.
    pub(super) fn compile(_: &Value) -> Result<Self, String> {
        Err("this program was built without the feature `schema`".to_owned())
    }

    /// Returns nothing, since no schema is ever compiled.
    pub(super) fn complaints(&self, _: &Value) -> Vec<(Vec<Element>, String)> {
        Vec::new()
    }
}

#[cfg(feature = "schema")]
impl Schema {
    /// Compiles a schema: of draft 2020-12, unless its `$schema` names another one.
    ///
    /// The error says why it is not a valid schema.
    pub(super) fn compile(schema: &Value) -> Result<Self, String> {
        let compiled = jsonschema::options().should_validate_formats(true).build(schema);
        compiled.map(Self).map_err(|error| {
            let message = error.masked_with(brief(error.instance())).to_string();
            let message = match message.split_once("' is not present in a registry") {
                Some((reference, _)) => {
                    let reference = reference.trim_start_matches("Resource '");
                    format!("it refers to {reference}, and nothing outside of the file is read")
                }
                None => match message.strip_prefix("Pointer '").and_then(|rest| rest.split_once('\'')) {
                    Some((pointer, _)) => format!("it refers to #{pointer}, which it does not have"),
                    None => lower(&message),
                },
            };
            match elements(error.instance_path().segments()) {
                place_of if place_of.is_empty() => message,
                place_of => format!("{message}, at {}", place(&place_of)),
            }
        })
    }

    /// Returns what keeps a value from conforming: places and reasons.
    pub(super) fn complaints(&self, value: &Value) -> Vec<(Vec<Element>, String)> {
        let complaint = |error: jsonschema::ValidationError<'_>| {
            let reason = lower(&error.masked_with("it").to_string());
            let actual = error.instance();
            let is_plain = !actual.is_object() && !actual.is_array();
            let actual = if is_plain { format!(", actual {}", brief(actual)) } else { String::new() };
            (elements(error.instance_path().segments()), format!("{reason}{actual}"))
        };
        self.0.iter_errors(value).map(complaint).collect()
    }
}

/// Returns the failure of a value that does not conform, with the first place.
pub(super) fn failure(message: String, complaints: &[(Vec<Element>, String)]) -> Failure {
    let lines = complaints.iter().take(LISTED).map(|(at, reason)| format!("{}: {reason}", place(at)));
    let failure = lines.fold(Failure::new(message), Failure::note);
    match complaints.len().saturating_sub(LISTED) {
        0 => failure,
        more => failure.note(format!("and {more} more")),
    }
}

#[cfg(feature = "schema")]
fn elements<'a>(segments: impl Iterator<Item = LocationSegment<'a>>) -> Vec<Element> {
    let element = |segment: LocationSegment<'a>| match segment {
        LocationSegment::Property(name) => Element::Name(name.into_owned()),
        LocationSegment::Index(index) => Element::Index(index),
    };
    segments.map(element).collect()
}

/// Returns a message that begins with a small letter, as others do.
#[cfg(feature = "schema")]
fn lower(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
#[cfg(feature = "schema")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn complaints_have_places() {
        let schema = json!({
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": true, "n": {"type": "integer"}, "d": {"format": "date"}, "items": {"items": {"minimum": 3}}
            },
            "additionalProperties": false
        });
        let schema = Schema::compile(&schema).unwrap();
        let value = json!({"n": "x", "d": "tomorrow", "items": [1, 5], "c": 1});
        let mut lines: Vec<String> =
            schema.complaints(&value).into_iter().map(|(at, reason)| format!("{}: {reason}", place(&at))).collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "$.d: it is not a \"date\", actual \"tomorrow\"",
                "$.items[0]: it is less than the minimum of 3, actual 1",
                "$.n: it is not of type \"integer\", actual \"x\"",
                "$: \"id\" is a required property",
                "$: additional properties are not allowed ('c' was unexpected)",
            ]
        );
        assert!(schema.complaints(&json!({"id": 1, "n": 1.0})).is_empty());
        let exact = Schema::compile(&json!({"const": 9_007_199_254_740_993_i64})).unwrap();
        assert!(!exact.complaints(&json!(9_007_199_254_740_992_i64)).is_empty());
    }

    #[test]
    fn invalid_schemas_say_where() {
        let reason = |schema: Value| Schema::compile(&schema).err().unwrap_or_default();
        assert_eq!(
            reason(json!({"properties": {"a": {"pattern": "("}}})),
            "\"(\" is not a \"regex\", at $.properties.a.pattern"
        );
        assert_eq!(
            reason(json!({"type": "objekt"})),
            "\"objekt\" is not valid under any of the schemas listed in the 'anyOf' keyword, at $.type"
        );
        assert_eq!(
            reason(json!({"$ref": "http://x/y"})),
            "it refers to http://x/y, and nothing outside of the file is read"
        );
        assert_eq!(reason(json!({"$ref": "#/$defs/none"})), "it refers to #/$defs/none, which it does not have");
        assert_eq!(reason(json!([])), "[] is not of types \"boolean\", \"object\"");
    }
}
