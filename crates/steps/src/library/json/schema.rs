//! JSON Schema: whether a value conforms to one, and where it does not.

#[cfg(feature = "schema")]
use std::fmt::Write as _;
#[cfg(feature = "schema")]
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "schema")]
use jsonschema::paths::LocationSegment;
use serde_json::Value;

#[cfg(feature = "schema")]
use super::data::{self, Format};
use super::place::{Element, place};
#[cfg(feature = "schema")]
use super::show::brief;
use crate::context::EmbeddedFile;
#[cfg(not(feature = "schema"))]
use crate::library::feature::SCHEMA;
#[cfg(feature = "schema")]
use crate::library::place::nearest;
use crate::step::Failure;

/// The most places that a failure lists.
const LISTED: usize = 10;

/// A schema that is ready to use.
#[cfg(feature = "schema")]
pub(super) struct Schema(jsonschema::Validator);

/// A schema, of which there are none without the feature `schema`.
#[cfg(not(feature = "schema"))]
pub(super) enum Schema {}

/// Why an embedded file is not a schema that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemaError {
    /// The reason: lower case, without a full stop.
    pub(super) reason: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

impl From<String> for SchemaError {
    fn from(reason: String) -> Self {
        Self { reason, help: None }
    }
}

#[cfg(not(feature = "schema"))]
impl Schema {
    /// Says that this program cannot use schemas.
    pub(super) fn compile(_: &Value, _: &str, _: &[EmbeddedFile]) -> Result<Self, SchemaError> {
        Err(SchemaError { reason: SCHEMA.message(), help: Some(SCHEMA.help()) })
    }

    /// Returns where a value does not conform.
    pub(super) fn complaints(&self, _: &Value) -> Vec<(Vec<Element>, String)> {
        match *self {}
    }
}

#[cfg(feature = "schema")]
impl Schema {
    /// Compiles a schema: of draft 2020-12, unless its `$schema` names another one.
    ///
    /// Its `$ref` may name other embedded files, relative to its own name, or by their `$id`. Nothing
    /// else is read. The error says why it is not a valid schema.
    pub(super) fn compile(schema: &Value, name: &str, embedded: &[EmbeddedFile]) -> Result<Self, SchemaError> {
        let references = Arc::new(References::new(schema, embedded));
        let compiled = jsonschema::options()
            .should_validate_formats(true)
            .with_base_uri(uri_of(name))
            .with_retriever(Shared(Arc::clone(&references)))
            .build(schema);
        compiled.map(Self).map_err(|error| {
            if let Some(error) = references.take_error() {
                return error;
            }
            let message = error.masked_with(brief(error.instance())).to_string();
            let message = match message.strip_prefix("Pointer '").and_then(|rest| rest.split_once('\'')) {
                Some((pointer, _)) => {
                    let reference = references.with_pointer(pointer);
                    format!("it refers to {reference}, which does not exist")
                }
                None => lower(&message),
            };
            let message = match elements(error.instance_path().segments()) {
                place_of if place_of.is_empty() => message,
                place_of => format!("{message}, at {}", place(&place_of)),
            };
            message.into()
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

/// The embedded files that a schema may refer to.
#[cfg(feature = "schema")]
#[derive(Debug)]
struct References {
    /// What the schema itself refers to, as it is written.
    written: Vec<String>,
    /// None if it refers to nothing outside of itself.
    files: Vec<EmbeddedFile>,
    /// Why the latest reference leads nowhere.
    error: Mutex<Option<SchemaError>>,
}

/// What asks for referenced files, while they are asked for here too.
#[cfg(feature = "schema")]
struct Shared(Arc<References>);

/// The scheme of the URLs of embedded files, which nobody else uses.
#[cfg(feature = "schema")]
const SCHEME: &str = "embedded:///";

/// Returns the URL of an embedded file.
#[cfg(feature = "schema")]
fn uri_of(name: &str) -> String {
    let mut uri = SCHEME.to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(feature = "schema")]
impl References {
    fn new(schema: &Value, embedded: &[EmbeddedFile]) -> Self {
        let mut written = Vec::new();
        collect_references(schema, &mut written);
        let is_alone = written.iter().all(|reference| reference.starts_with('#'));
        let files = if is_alone { Vec::new() } else { embedded.to_vec() };
        Self { written, files, error: Mutex::new(None) }
    }

    /// Returns what refers to a file of this name: `it` for the schema itself, or another file.
    fn referrer(&self, name: &str) -> &str {
        let last =
            |path: &str| decoded(path.split(['#', '?']).next().unwrap_or(path)).rsplit('/').next().map(str::to_owned);
        let has = |written: &[String]| written.iter().any(|reference| last(reference) == last(name));
        if has(&self.written) {
            return "it";
        }
        let other = self.files.iter().find(|file| has(&written_in(file)));
        other.map_or("it", |file| file.name.as_str())
    }

    /// Returns the schema at a URL.
    fn find(&self, uri: &str) -> Result<Value, SchemaError> {
        let outside = || {
            let from = self.referrer(uri);
            SchemaError::from(format!("{from} refers to {uri}, and nothing outside of the document is read"))
        };
        let Some(path) = uri.strip_prefix(SCHEME) else {
            return self.identified(uri).ok_or_else(outside);
        };
        let path = path.split(['#', '?']).next().unwrap_or(path);
        let Some(file) = self.files.iter().find(|file| uri_of(&file.name)[SCHEME.len()..].eq_ignore_ascii_case(path))
        else {
            let name = decoded(path);
            let from = self.referrer(&name);
            let reason = format!("{from} refers to {name}, and the document has no embedded file {name}");
            let near = nearest(&name, self.files.iter().map(|file| file.name.as_str()));
            let help = near.map_or_else(
                || format!("embed it in a fenced block with `{{#{name} .file}}` after the fence"),
                |near| format!("did you mean {near}?"),
            );
            return Err(SchemaError { reason, help: Some(help) });
        };
        let format = Format::of_file(&file.name).unwrap_or(Format::Json);
        let schema = data::parse(file.text.as_bytes(), format)
            .map_err(|error| format!("it refers to {}, which is not {}: {}", file.name, format.name(), error.reason))?;
        jsonschema::meta::validate(&schema).map_err(|error| {
            let reason = lower(&error.masked_with(brief(error.instance())).to_string());
            let at = place(&elements(error.instance_path().segments()));
            let from = self.referrer(&file.name);
            format!("{from} refers to {}, which is not a valid JSON Schema: {reason}, at {at}", file.name)
        })?;
        Ok(schema)
    }

    /// Returns the schema whose `$id` is this URL.
    fn identified(&self, uri: &str) -> Option<Value> {
        let with_id = self.files.iter().filter(|file| file.text.contains("$id"));
        with_id
            .filter_map(|file| {
                let format = Format::of_file(&file.name).unwrap_or(Format::Json);
                data::parse(file.text.as_bytes(), format).ok()
            })
            .find(|schema| schema.get("$id").and_then(Value::as_str).is_some_and(|id| id.trim_end_matches('#') == uri))
    }

    fn take_error(&self) -> Option<SchemaError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns the reference that has this pointer, as the schema or one of the files writes it.
    fn with_pointer(&self, pointer: &str) -> String {
        let fragment = format!("#{pointer}");
        let of_files = self.files.iter().flat_map(written_in);
        let mut written = self.written.iter().cloned().chain(of_files);
        written.find(|reference| reference.ends_with(&fragment)).unwrap_or(fragment)
    }
}

#[cfg(feature = "schema")]
impl jsonschema::Retrieve for Shared {
    fn retrieve(&self, uri: &jsonschema::Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        self.0.find(uri.as_str()).map_err(|error| {
            let reason = error.reason.clone();
            *self.0.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            reason.into()
        })
    }
}

/// Returns what an embedded file refers to, if it is data.
#[cfg(feature = "schema")]
fn written_in(file: &EmbeddedFile) -> Vec<String> {
    let mut written = Vec::new();
    let format = Format::of_file(&file.name).unwrap_or(Format::Json);
    if file.text.contains("$ref")
        && let Ok(schema) = data::parse(file.text.as_bytes(), format)
    {
        collect_references(&schema, &mut written);
    }
    written
}

/// Adds what `$ref` and its like say anywhere in a schema.
#[cfg(feature = "schema")]
fn collect_references(schema: &Value, written: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(reference) if name == "$ref" || name == "$dynamicRef" => {
                        written.push(reference.clone());
                    }
                    value => collect_references(value, written),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, written)),
        _ => {}
    }
}

/// Decodes the percent encoding of a path.
#[cfg(feature = "schema")]
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let encoded = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(encoded.unwrap_or(b'%'));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
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
        let schema = Schema::compile(&schema, "s.json", &[]).unwrap();
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
        let exact = Schema::compile(&json!({"const": 9_007_199_254_740_993_i64}), "s.json", &[]).unwrap();
        assert!(!exact.complaints(&json!(9_007_199_254_740_992_i64)).is_empty());
    }

    #[test]
    fn invalid_schemas_say_where() {
        let reason =
            |schema: Value| Schema::compile(&schema, "s.json", &[]).err().map(|error| error.reason).unwrap_or_default();
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
            "it refers to http://x/y, and nothing outside of the document is read"
        );
        assert_eq!(reason(json!({"$ref": "#/$defs/none"})), "it refers to #/$defs/none, which does not exist");
        assert_eq!(reason(json!([])), "[] is not of types \"boolean\", \"object\"");
    }

    fn file(name: &str, text: &str) -> EmbeddedFile {
        EmbeddedFile { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_schema_refers_to_other_embedded_files() {
        let files = [
            file("api/order.json", ""),
            file("api/Item.json", r#"{"properties": {"price": {"$ref": "../common%20types.yaml#/$defs/price"}}}"#),
            file("common types.yaml", "$defs:\n  price: {type: integer, minimum: 1}\n"),
            file(
                "tree.json",
                r#"{"properties": {"children": {"items": {"$ref": "tree.json"}}, "n": {"type": "integer"}}}"#,
            ),
            file("named.json", r#"{"$id": "https://example.org/named.json", "type": "string"}"#),
        ];
        let complaints = |schema: &Value, name: &str, value: &Value| -> Vec<String> {
            let schema = Schema::compile(schema, name, &files).unwrap();
            schema.complaints(value).into_iter().map(|(at, reason)| format!("{}: {reason}", place(&at))).collect()
        };
        assert_eq!(
            complaints(
                &json!({"items": {"$ref": "item.json"}}),
                "api/order.json",
                &json!([{"price": 2}, {"price": 0}])
            ),
            ["$[1].price: it is less than the minimum of 1, actual 0"]
        );
        assert_eq!(
            complaints(&json!({"$ref": "/tree.json"}), "api/order.json", &json!({"children": [{"n": "x"}]})),
            ["$.children[0].n: it is not of type \"integer\", actual \"x\""]
        );
        let identified = json!({"$id": "https://example.org/order.json", "$ref": "named.json"});
        assert_eq!(complaints(&identified, "o.json", &json!(1)), ["$: it is not of type \"string\", actual 1"]);
        let itself = json!({"properties": {"next": {"$ref": "o.json"}, "n": {"minimum": 3}}});
        assert_eq!(
            complaints(&itself, "o.json", &json!({"next": {"n": 1}})),
            ["$.next.n: it is less than the minimum of 3, actual 1"]
        );
    }

    #[test]
    fn references_that_lead_nowhere_are_named() {
        let files = [
            file("item.json", r#"{"type": "objekt"}"#),
            file("broken.json", "{"),
            file("deep.json", r#"{"items": {"$ref": "itm.json"}}"#),
            file("good.json", "{}"),
        ];
        let error = |schema: Value| Schema::compile(&schema, "order.json", &files).err().unwrap();
        let reason = |schema: Value| error(schema).reason;
        let unknown = error(json!({"$ref": "itm.json"}));
        assert_eq!(unknown.reason, "it refers to itm.json, and the document has no embedded file itm.json");
        assert_eq!(unknown.help.as_deref(), Some("did you mean item.json?"));
        assert_eq!(
            reason(json!({"$ref": "deep.json"})),
            "deep.json refers to itm.json, and the document has no embedded file itm.json"
        );
        assert_eq!(
            error(json!({"$ref": "some/far.yaml"})).help.as_deref(),
            Some("embed it in a fenced block with `{#some/far.yaml .file}` after the fence")
        );
        assert_eq!(
            reason(json!({"$ref": "item.json"})),
            "it refers to item.json, which is not a valid JSON Schema: \"objekt\" is not valid under any of the \
             schemas listed in the 'anyOf' keyword, at $.type"
        );
        assert!(reason(json!({"$ref": "broken.json"})).starts_with("it refers to broken.json, which is not JSON: "));
        assert_eq!(
            reason(json!({"$ref": "good.json#/$defs/none"})),
            "it refers to good.json#/$defs/none, which does not exist"
        );
        assert_eq!(
            reason(json!({"$ref": "file:///etc/passwd"})),
            "it refers to file:///etc/passwd, and nothing outside of the document is read"
        );
    }
}
