//! Environment variables that a step gives as a JSON object.

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::library::command::not_replaced;
use crate::step::{Captures, Failure};

/// What to write where an environment is not a JSON object.
const HELP: &str = "write a JSON object, such as {\"LANG\": \"C\", \"DEBUG\": \"1\"}";

/// Returns the variables that a step gives in its capture `env`; none if it has no such capture.
pub(crate) fn of(captures: &Captures) -> Result<Vec<(String, String)>, Failure> {
    let variables = captures.get("env").map_or(Ok(Vec::new()), parse);
    variables.map_err(|error| Failure::new(error).help(HELP))
}

/// Returns those that are known before the run.
pub(crate) fn known(captures: &Captures) -> Vec<(String, String)> {
    of(captures).unwrap_or_default()
}

/// Checks the environment of a step, its capture `env`.
pub(crate) fn check(captures: &Captures, state: &PreflightState) -> Vec<Problem> {
    match captures.get("env").map(parse) {
        Some(Ok(variables)) => {
            variables.iter().filter_map(|(name, value)| not_replaced("env", name, value, state)).collect()
        }
        // With a kept value it may become valid.
        Some(Err(error)) if captures.known("env").is_some() => {
            vec![Problem::new("env", ProblemKind::InvalidEnvironment, error).help(HELP)]
        }
        Some(Err(_)) | None => Vec::new(),
    }
}

/// Reads environment variables from a JSON object.
fn parse(json: &str) -> Result<Vec<(String, String)>, String> {
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
