//! Environment variables that a step gives as a JSON object.

/// Reads environment variables from a JSON object.
pub(crate) fn parse_environment(json: &str) -> Result<Vec<(String, String)>, String> {
    use serde_json::Value;
    let value: Value =
        serde_json::from_str(json).map_err(|error| format!("the environment is not valid JSON: {error}"))?;
    let kind = match value {
        Value::Object(object) => {
            return object
                .into_iter()
                .map(|(name, value)| {
                    if name.is_empty() || name.contains(['=', '\0']) {
                        return Err(format!(
                            "`{}` is not a valid name of an environment variable",
                            name.escape_debug()
                        ));
                    }
                    match value {
                        Value::String(text) if text.contains('\0') => {
                            Err(format!("the value of {name} contains a NUL character"))
                        }
                        Value::String(text) => Ok((name, text)),
                        Value::Number(number) => Ok((name, number.to_string())),
                        Value::Bool(truth) => Ok((name, truth.to_string())),
                        Value::Null | Value::Array(_) | Value::Object(_) => {
                            Err(format!("the value of {name} is not a string, number or boolean"))
                        }
                    }
                })
                .collect();
        }
        Value::Array(_) => "a list",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    Err(format!("the environment is {kind}, not a JSON object"))
}
