//! Failures and environments as they travel.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greenroom_sandbox::process::Status;
use greenroom_sandbox::process::capture::Tail;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::step::{Output, Part, Relation, StepError};

/// Variables by name; no value unsets.
pub(super) type Variables = BTreeMap<OsString, Option<OsString>>;

const RELATIONS: [(&str, Relation); 6] = [
    ("is", Relation::Is),
    ("is_not", Relation::IsNot),
    ("contains", Relation::Contains),
    ("does_not_contain", Relation::DoesNotContain),
    ("matches", Relation::Matches),
    ("does_not_match", Relation::DoesNotMatch),
];

/// A failure as a host tells it.
pub(super) fn failure(told: &Value) -> StepError {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let lines = |name: &str| {
        let lines = told.get(name).and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(|line| line.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let message = text("message").unwrap_or("the step function failed and did not say why").to_owned();
    let mut error = match told.get("comparison").and_then(comparison) {
        Some(error) => StepError { message, ..error },
        None => StepError::new(message),
    };
    error.notes = lines("notes");
    error.help = lines("help");
    if let Some(trace) = text("trace") {
        error = error.output(Output {
            of: "where it failed".to_owned(),
            tail: Tail { bytes: trace.as_bytes().to_owned(), omitted: 0 },
        });
    }
    for output in told.get("output").and_then(Value::as_array).into_iter().flatten() {
        let of = output.get("of").and_then(Value::as_str).unwrap_or("output").to_owned();
        let bytes = output.get("end_base64").and_then(Value::as_str).and_then(|end| STANDARD.decode(end).ok());
        let omitted = output.get("omitted").and_then(Value::as_u64).unwrap_or(0);
        error = error.output(Output { of, tail: Tail { bytes: bytes.unwrap_or_default(), omitted } });
    }
    error
}

/// How a host has ended, as it is told.
pub(super) fn status(told: &Value) -> Option<Status> {
    let number = |name: &str| told.get(name).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    number("status").map(Status::Exit).or(number("signal").map(Status::Signal))
}

fn comparison(told: &Value) -> Option<StepError> {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let (_, relation) = RELATIONS.into_iter().find(|(name, _)| Some(*name) == text("relation"))?;
    let mut error = StepError::comparison(text("what")?, relation, text("expected")?, text("actual")?);
    if let (Some(comparison), Some(part)) = (&mut error.comparison, told.get("part")) {
        let number = |name: &str| part.get(name).and_then(Value::as_u64).unwrap_or(0);
        let found = |at: usize| part.get("found")?.get(at)?.as_u64()?.try_into().ok();
        comparison.part = Part {
            lines_before: number("lines_before"),
            before: number("before"),
            after: number("after"),
            found: found(0).zip(found(1)),
        };
    }
    Some(error)
}

fn part_of(part: &Part) -> Value {
    let Part { lines_before, before, after, found } = *part;
    json!({"lines_before": lines_before, "before": before, "after": after, "found": found.map(|(start, end)| [start, end])})
}

/// A failure as a host is told it.
pub(super) fn error(error: &StepError) -> Value {
    let comparison = error.comparison.as_ref().map(|comparison| {
        let relation = RELATIONS.into_iter().find(|(_, relation)| *relation == comparison.relation);
        json!({
            "what": comparison.what,
            "relation": relation.map_or("is", |(name, _)| name),
            "expected": comparison.expected,
            "actual": comparison.actual,
            "part": part_of(&comparison.part),
        })
    });
    let output = error.output.iter().map(|output| {
        json!({"of": output.of, "end_base64": STANDARD.encode(&output.tail.bytes), "omitted": output.tail.omitted})
    });
    let mut told = json!({
        "message": error.message, "notes": error.notes, "help": error.help, "comparison": comparison,
        "output": output.collect::<Vec<_>>(),
    });
    let kind = if error.message.starts_with("program not found") {
        Some("not-found")
    } else if error.message.ends_with("is not an executable file") {
        Some("not-executable")
    } else {
        None
    };
    if let (Some(kind), Value::Object(told)) = (kind, &mut told) {
        told.insert("kind".to_owned(), kind.into());
    }
    told
}

/// Takes a host's changes to its environment over into the scenario's.
pub(super) fn apply(context: &mut Context, changes: &Value) {
    for (name, value) in environment(changes) {
        match value {
            Some(value) => context.environment().set(name, value),
            None => context.environment().unset(name),
        }
    }
}

/// Takes a host's working directory over, if it tells one.
pub(super) fn enter(context: &mut Context, told: &Value) {
    if let Some(directory) = told.get("directory").and_then(Value::as_str) {
        context.enter(Path::new(directory));
    }
}

/// Changes to an environment as they are told.
pub(super) fn environment(told: &Value) -> Vec<(String, Option<String>)> {
    let changes = told.as_object().into_iter().flatten();
    changes.map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned))).collect()
}

/// Variables as they are told.
pub(super) fn texts(variables: &Variables) -> Map<String, Value> {
    let text = |text: &OsStr| text.to_string_lossy().into_owned();
    variables.iter().map(|(name, value)| (text(name), value.as_deref().map(text).into())).collect()
}

/// What has changed from one environment to the next.
pub(super) fn difference(before: &Variables, after: &Variables) -> Variables {
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    changed.map(|(name, value)| (name.clone(), value.clone())).collect()
}
