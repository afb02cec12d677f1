//! What steps write besides JSON: types, numbers, and formats of embedded files.

use serde_json::Value;

use super::data::Format;
use crate::step::{Captures, Failure};

/// Parses a number as a step writes it.
pub(super) fn number(text: &str) -> Option<serde_json::Number> {
    match text.parse::<i64>() {
        Ok(integer) => Some(integer.into()),
        Err(_) => text
            .parse::<u64>()
            .map(serde_json::Number::from)
            .ok()
            .or_else(|| text.parse().ok().and_then(serde_json::Number::from_f64)),
    }
}

/// Returns the format of an embedded file: what its name says, else that of the step.
pub(super) fn format_of(file: &str, captures: &Captures) -> Format {
    Format::of_file(file).or_else(|| Format::named(captures.get("format")?)).unwrap_or(Format::Json)
}

/// A type of data that a step can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataType {
    String,
    Number,
    Integer,
    Boolean,
    Null,
    Object,
    Array,
}

impl DataType {
    const ALL: [(Self, &str); 7] = [
        (Self::String, "string"),
        (Self::Number, "number"),
        (Self::Integer, "integer"),
        (Self::Boolean, "boolean"),
        (Self::Null, "null"),
        (Self::Object, "object"),
        (Self::Array, "array"),
    ];

    /// Returns the type of this name.
    pub(super) fn named(name: &str) -> Result<Self, Failure> {
        let found = Self::ALL.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        found.map(|(data_type, _)| data_type).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name);
            let error = Failure::new(format!("unknown type {name}"));
            match name.to_ascii_lowercase().as_str() {
                "text" | "str" => error.help("did you mean `string`?"),
                "int" => error.help("did you mean `integer`?"),
                "float" | "decimal" => error.help("did you mean `number`?"),
                "bool" => error.help("did you mean `boolean`?"),
                "list" => error.help("did you mean `array`?"),
                "map" | "mapping" | "dict" | "table" => error.help("did you mean `object`?"),
                _ => error.help(format!("the types are {}", names.join(", "))),
            }
        })
    }

    /// Returns its name with an article.
    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Object => "an object",
            Self::Array => "an array",
        }
    }

    /// Returns whether a value is of this type.
    pub(super) fn includes(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            // 1.0 is the number 1.
            Self::Integer => value
                .as_number()
                .is_some_and(|number| !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)),
            Self::Boolean => value.is_boolean(),
            Self::Null => value.is_null(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_hold_for_their_values_only() {
        let holds = |value: &Value| {
            let holding = DataType::ALL.into_iter().filter(|(data_type, _)| data_type.includes(value));
            holding.map(|(_, name)| name).collect::<Vec<_>>().join(" ")
        };
        for (value, types) in [
            (json!("1"), "string"),
            (json!(1), "number integer"),
            (json!(1.0), "number integer"),
            (json!(1.5), "number"),
            (json!(true), "boolean"),
            (json!(null), "null"),
            (json!({}), "object"),
            (json!([]), "array"),
        ] {
            assert_eq!(holds(&value), types, "{value}");
        }
        assert!(DataType::named("list").is_err());
    }

    #[test]
    fn numbers_of_steps_are_exact() {
        for (text, want) in
            [("5", "5"), ("-5", "-5"), ("007", "7"), ("1.50", "1.5"), ("18446744073709551615", "18446744073709551615")]
        {
            assert_eq!(number(text).unwrap().to_string(), want);
        }
    }
}
