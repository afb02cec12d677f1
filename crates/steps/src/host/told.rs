//! Failures and environments as they travel.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greenroom_event::OutputSource;
use greenroom_sandbox::process::{ExitStatus, Signal};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::step::{Failure, FailureKind, Output, Part, Relation, Stream, Subject};

/// Variables by name; no value unsets.
pub(super) type Variables = BTreeMap<OsString, Option<OsString>>;

/// A failure as a host tells it.
pub(super) fn failure(told: &Value) -> Failure {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let lines = |name: &str| {
        let lines = told.get(name).and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(|line| line.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let message = text("message").unwrap_or("the step function failed and did not say why").to_owned();
    let mut error = match told.get("comparison").and_then(comparison) {
        Some(error) => Failure { message, ..error },
        None => Failure::new(message),
    };
    error.subject = text("command").map(|line| Subject::Command { line: line.to_owned(), exit: None });
    error.notes = lines("notes");
    error.help = lines("help");
    if let Some(trace) = text("trace") {
        let source = OutputSource::Function { title: "where it failed".to_owned() };
        error = error.output(Output { source, text: trace.to_owned(), omitted: 0 });
    }
    for output in told.get("output").and_then(Value::as_array).into_iter().flatten() {
        let bytes = output.get("end_base64").and_then(Value::as_str).and_then(|end| STANDARD.decode(end).ok());
        let omitted = output.get("omitted").and_then(Value::as_u64).unwrap_or(0);
        error = error.output(Output::from_bytes(source(output), &bytes.unwrap_or_default(), omitted));
    }
    error
}

/// Who wrote an output. One without a `source` goes by its title.
fn source(told: &Value) -> OutputSource {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let stream = Stream::BOTH.into_iter().find(|stream| Some(stream.name()) == text("stream"));
    match (text("source"), text("daemon"), stream) {
        (Some("command"), _, Some(stream)) => OutputSource::Command { stream },
        (Some("daemon"), Some(name), Some(stream)) => OutputSource::Daemon { name: name.to_owned(), stream },
        _ => OutputSource::Function { title: text("of").unwrap_or("output").to_owned() },
    }
}

/// How a host has ended, as it is told.
pub(super) fn status(told: &Value) -> Option<ExitStatus> {
    let number = |name: &str| told.get(name).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let signal = || number("signal").and_then(Signal::from_raw).map(ExitStatus::Signal);
    number("status").map(ExitStatus::Code).or_else(signal)
}

fn comparison(told: &Value) -> Option<Failure> {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let relation = Relation::named(text("relation")?)?;
    let mut error = Failure::comparison(text("what")?, relation, text("expected")?, text("actual")?);
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
pub(super) fn error(error: &Failure) -> Value {
    let comparison = error.comparison.as_ref().map(|comparison| {
        json!({
            "what": comparison.what,
            "relation": comparison.relation.name(),
            "expected": comparison.expected,
            "actual": comparison.actual,
            "part": part_of(&comparison.part),
        })
    });
    let output = error.output.iter().map(|output| {
        let mut told = match &output.source {
            OutputSource::Command { stream } => json!({"source": "command", "stream": stream.name()}),
            OutputSource::Daemon { name, stream } => {
                json!({"source": "daemon", "daemon": name, "stream": stream.name()})
            }
            _ => json!({}),
        };
        told["of"] = output.source.to_string().into();
        told["end_base64"] = STANDARD.encode(output.bytes()).into();
        told["omitted"] = output.omitted.into();
        told
    });
    let mut told = json!({
        "message": error.message, "notes": error.notes, "help": error.help, "comparison": comparison,
        "output": output.collect::<Vec<_>>(),
    });
    if let (Some(Subject::Command { line, .. }), Value::Object(told)) = (&error.subject, &mut told) {
        told.insert("command".to_owned(), line.as_str().into());
    }
    let kind = match error.kind {
        FailureKind::ProgramNotFound => Some("not-found"),
        FailureKind::NotExecutable => Some("not-executable"),
        _ => None,
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
