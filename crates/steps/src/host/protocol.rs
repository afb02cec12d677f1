//! The messages of `docs/PROTOCOL.md`: what hosts say, read from bytes, and what greenroom says, as JSON.
//!
//! Everything here is a pure function. Whatever a host writes, reading it does not panic: a field that is missing or of
//! the wrong type counts as absent.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greenroom_event::{self as event, OutputSource};
use greenroom_sandbox::process::{ExitStatus, Signal};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::step_file::StepFile;
use crate::library::bytes::complete;
use crate::step::{Captures, Closest, Failure, FailureKind, Output, Relation, Stream, Subject};

/// The latest version of the protocol: replies repeat the number of their request.
pub const VERSION: u64 = 2;
/// The oldest version that hosts may speak, without numbers.
pub const OLDEST: u64 = 1;

/// Variables by name; `None` unsets.
pub(super) type Variables = BTreeMap<OsString, Option<OsString>>;

/// A message from a host.
#[derive(Debug)]
pub enum Message {
    /// The files are loaded.
    Ready {
        /// The version of the protocol that the host speaks.
        protocol: Option<u64>,
        /// Whether the host can copy itself.
        can_fork: bool,
        /// Whether it can enter a stage by one of its processes, and leaves it to us to see the ends of copies.
        can_fork_directly: bool,
    },
    /// The conversation cannot go on.
    Broken(Failure, BrokenCause),
    /// The host is in the scenario.
    Begun {
        /// The number of its process, as it sees it.
        process: Option<i32>,
        /// The signal on which it writes its stacks.
        stack_signal: Option<i32>,
    },
    /// A function has returned.
    Done {
        /// Why it failed, if it did.
        failure: Option<Failure>,
        /// What is new in the host's frame.
        frame: Frame,
    },
    /// A function wants something from greenroom.
    Call(Call),
    /// A copy of a host has ended.
    Ended(Option<ExitStatus>),
    /// A message with another name.
    Unknown(String),
}

/// What is behind a `broken`, where greenroom knows advice for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenCause {
    /// A module is not installed.
    MissingModule,
    /// Anything else.
    Other,
}

/// What a host says of its environment and working directory.
#[derive(Debug, Default)]
pub struct Frame {
    /// Variables that have changed; `None` unsets.
    pub environment: Vec<(String, Option<String>)>,
    /// The working directory, if the host names it.
    pub directory: Option<PathBuf>,
}

/// What a function wants from greenroom.
#[derive(Debug)]
pub struct Call {
    /// The name of the call.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// What is new in the host's frame.
    pub frame: Frame,
}

/// A message with the number of the request that it belongs to.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) request: Option<String>,
}

impl Reply {
    /// Reads a line; `None` if it is not a message.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let Value::Object(message) = serde_json::from_slice(line).ok()? else { return None };
        let mut entries = message.into_iter();
        let (Some((name, content)), None) = (entries.next(), entries.next()) else { return None };
        let request = content.get("request").and_then(Value::as_str).map(str::to_owned);
        let message = Message::new(name, &content);
        Some(Self { message, request })
    }
}

impl Message {
    /// Reads a line; `None` if it is not a message.
    pub fn parse(line: &[u8]) -> Option<Self> {
        Reply::parse(line).map(|reply| reply.message)
    }

    fn new(name: String, content: &Value) -> Self {
        let number = |field: &str| content.get(field).and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
        let is_true = |field: &str| content.get(field).and_then(Value::as_bool) == Some(true);
        match name.as_str() {
            "ready" => Self::Ready {
                protocol: content.get("protocol").and_then(Value::as_u64),
                can_fork: is_true("can_fork"),
                can_fork_directly: is_true("can_fork_directly"),
            },
            "broken" => Self::Broken(failure(content), broken_cause(content)),
            "begun" => Self::Begun { process: number("process"), stack_signal: number("stack_signal") },
            "done" => Self::Done {
                failure: content.get("failure").filter(|failure| !failure.is_null()).map(failure),
                frame: frame(content),
            },
            "call" => Self::Call(Call {
                name: content.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                arguments: content.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default(),
                frame: frame(content),
            }),
            "ended" => Self::Ended(status(content)),
            _ => Self::Unknown(name),
        }
    }

    /// The name of the message.
    pub fn name(&self) -> &str {
        match self {
            Self::Ready { .. } => "ready",
            Self::Broken(..) => "broken",
            Self::Begun { .. } => "begun",
            Self::Done { .. } => "done",
            Self::Call(_) => "call",
            Self::Ended(_) => "ended",
            Self::Unknown(name) => name,
        }
    }
}

fn broken_cause(json: &Value) -> BrokenCause {
    match json.get("kind").and_then(Value::as_str) {
        Some("module-not-found") => BrokenCause::MissingModule,
        _ => BrokenCause::Other,
    }
}

fn frame(json: &Value) -> Frame {
    let directory = json.get("directory").and_then(Value::as_str).map(PathBuf::from);
    Frame { environment: json.get("environment").map(environment).unwrap_or_default(), directory }
}

/// Reads an ENVIRONMENT.
pub(super) fn environment(json: &Value) -> Vec<(String, Option<String>)> {
    let changes = json.as_object().into_iter().flatten();
    changes.map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned))).collect()
}

/// Reads a FAILURE.
fn failure(json: &Value) -> Failure {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let lines = |name: &str| {
        let lines = json.get(name).and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(|line| line.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let message = text("message").unwrap_or("the step function failed without a message").to_owned();
    let mut error = match json.get("comparison").and_then(comparison) {
        Some(error) => Failure { message, ..error },
        None => Failure::new(message),
    };
    error.subject = text("command").map(|line| Subject::Command { line: line.to_owned(), exit: None });
    error.notes.splice(..0, lines("notes"));
    error.help = lines("help");
    if let Some(trace) = text("trace") {
        let source = OutputSource::Function { title: "where it failed".to_owned() };
        error =
            error.output(Output { source, text: trace.to_owned(), omitted: 0, after_stop: false, marks: Vec::new() });
    }
    for output in json.get("output").and_then(Value::as_array).into_iter().flatten() {
        let bytes = output.get("end_base64").and_then(Value::as_str).and_then(|end| STANDARD.decode(end).ok());
        let omitted = output.get("omitted").and_then(Value::as_u64).unwrap_or(0);
        error = error.output(Output::from_bytes(source(output), &bytes.unwrap_or_default(), omitted));
    }
    error
}

/// Reads who wrote an output. One without a `source` goes by its title.
fn source(json: &Value) -> OutputSource {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let stream = Stream::BOTH.into_iter().find(|stream| Some(stream.name()) == text("stream"));
    match (text("source"), text("daemon"), stream) {
        (Some("command"), _, Some(stream)) => OutputSource::Command { stream },
        (Some("daemon"), Some(name), Some(stream)) => OutputSource::Daemon { name: name.to_owned(), stream },
        _ => OutputSource::Function { title: text("of").unwrap_or("output").to_owned() },
    }
}

/// Reads how a host has ended.
fn status(json: &Value) -> Option<ExitStatus> {
    let number = |name: &str| json.get(name).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let signal = || number("signal").and_then(Signal::from_raw).map(ExitStatus::Signal);
    number("status").map(ExitStatus::Code).or_else(signal)
}

fn comparison(json: &Value) -> Option<Failure> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let relation = Relation::named(text("relation")?)?;
    let mut error = Failure::comparison(text("what")?, relation, text("expected")?, text("actual")?);
    if let (Some(comparison), Some(part)) = (&mut error.comparison, json.get("part")) {
        let number = |name: &str| part.get(name).and_then(Value::as_u64).unwrap_or(0);
        let found = |at: usize| part.get("found")?.get(at)?.as_u64()?.try_into().ok();
        comparison.part = event::Part {
            lines_before: number("lines_before"),
            before: number("before"),
            after: number("after"),
            found: found(0).zip(found(1)),
        };
    }
    if let Some(comparison) = &mut error.comparison {
        comparison.unordered = json.get("unordered").and_then(Value::as_bool).unwrap_or(false);
        let closest = json.get("closest").and_then(|closest| Closest::deserialize(closest).ok());
        // What cannot be looked for is not shown.
        let note = complete(comparison, closest).ok().flatten();
        error.notes.extend(note);
    }
    Some(error)
}

/// Which scenarios a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It runs the steps of a scenario.
    Scenario,
    /// It is copied for each scenario.
    Copies,
}

/// `hello`: asks a host to load files.
pub(super) fn hello(language: &str, files: &[StepFile], source_directory: &Path, purpose: Use) -> Value {
    let contents: Map<String, Value> = files
        .iter()
        .filter_map(|file| Some((file.name(), json!({"content_base64": file.content_base64.as_deref()?}))))
        .collect();
    let files: Vec<String> = files.iter().map(StepFile::name).collect();
    json!({"hello": {
        // Hosts of version 1 look at the first of these only.
        "protocol": OLDEST, "protocols": (OLDEST..=VERSION).collect::<Vec<_>>(),
        "language": language, "files": files, "contents": contents,
        "source_directory": source_directory.display().to_string(), "forks": purpose == Use::Copies,
    }})
}

/// Adds the number of a request.
pub(super) fn numbered(mut message: Value, number: &str) -> Value {
    let content = message.as_object_mut().and_then(|message| message.values_mut().next());
    if let Some(Value::Object(content)) = content {
        content.insert("request".to_owned(), number.into());
    }
    message
}

/// `fork`: asks for a copy that gets descriptors for these uses.
pub(super) fn fork(uses: &[&str]) -> Value {
    json!({"fork": {"descriptors": uses}})
}

/// `fork`: asks for a copy that enters these namespaces of a process, and whose end we see.
pub(super) fn fork_directly(namespaces: i32) -> Value {
    json!({"fork": {"descriptors": ["host", "output", "process"], "namespaces": namespaces}})
}

/// `scenario`: begins a scenario.
pub(super) fn scenario(directory: &Path, environment: &Variables) -> Value {
    json!({"scenario": {"directory": directory.display().to_string(), "environment": environment_json(environment)}})
}

/// The function that a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The function of a step.
    Step,
    /// The cleanup of a step.
    Cleanup,
}

/// The words of a `step` or `cleanup`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function<'a> {
    pub(super) part: Part,
    pub(super) name: &'a str,
    pub(super) captures: &'a Captures,
    pub(super) kind: &'a str,
    pub(super) text: &'a str,
}

/// `step` or `cleanup`: has a function called.
pub(super) fn function(function: Function<'_>, environment: &Variables, directory: Option<&Path>) -> Value {
    let Function { part, name, captures, kind, text } = function;
    let captures: Map<String, Value> =
        captures.iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
    let message = match part {
        Part::Step => "step",
        Part::Cleanup => "cleanup",
    };
    json!({message: {
        "function": name, "captures": captures, "environment": environment_json(environment), "kind": kind,
        "text": text, "directory": directory.map(|directory| directory.display().to_string()),
    }})
}

/// The answer to a call.
pub(super) fn answer(result: &Result<Value, Failure>) -> Value {
    match result {
        Ok(value) => json!({"result": value}),
        Err(failure) => json!({"error": failure_json(failure)}),
    }
}

fn part_of(part: &event::Part) -> Value {
    let event::Part { lines_before, before, after, found } = *part;
    let found = found.map(|(start, end)| [start, end]);
    json!({"lines_before": lines_before, "before": before, "after": after, "found": found})
}

/// Writes a FAILURE.
fn failure_json(error: &Failure) -> Value {
    let comparison = error.comparison.as_ref().map(|comparison| {
        json!({
            "what": comparison.what,
            "relation": comparison.relation.name(),
            "expected": comparison.expected,
            "actual": comparison.actual,
            "part": part_of(&comparison.part),
            "closest": comparison.closest,
            "unordered": comparison.unordered,
        })
    });
    let output = error.output.iter().map(|output| {
        let mut json = match &output.source {
            OutputSource::Command { stream } => json!({"source": "command", "stream": stream.name()}),
            OutputSource::Daemon { name, stream } => {
                json!({"source": "daemon", "daemon": name, "stream": stream.name()})
            }
            _ => json!({}),
        };
        json["of"] = output.source.to_string().into();
        json["end_base64"] = STANDARD.encode(output.bytes()).into();
        json["omitted"] = output.omitted.into();
        json
    });
    let mut json = json!({
        "message": error.message, "notes": error.notes, "help": error.help, "comparison": comparison,
        "output": output.collect::<Vec<_>>(),
    });
    if let (Some(Subject::Command { line, .. }), Value::Object(json)) = (&error.subject, &mut json) {
        json.insert("command".to_owned(), line.as_str().into());
    }
    let kind = match error.kind {
        FailureKind::ProgramNotFound => Some("not-found"),
        FailureKind::NotExecutable => Some("not-executable"),
        _ => None,
    };
    if let (Some(kind), Value::Object(json)) = (kind, &mut json) {
        json.insert("kind".to_owned(), kind.into());
    }
    json
}

/// Writes an ENVIRONMENT.
fn environment_json(variables: &Variables) -> Map<String, Value> {
    let text = |text: &OsStr| text.to_string_lossy().into_owned();
    variables.iter().map(|(name, value)| (text(name), value.as_deref().map(text).into())).collect()
}

/// The changes from one environment to the next.
pub(super) fn difference(before: &Variables, after: &Variables) -> Variables {
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    changed.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_one_key_is_a_message() {
        for line in ["", "{", "3", "[]", "{}", r#"{"ready": {}, "done": {}}"#, "\u{0}", r#"{"done""#] {
            assert!(Message::parse(line.as_bytes()).is_none(), "{line}");
        }
        assert!(Message::parse(b"{\"done\": \xff}").is_none());
        let message = Message::parse(br#"{"dance": 3}"#);
        assert_eq!(message.as_ref().map(Message::name), Some("dance"));
    }

    #[test]
    fn fields_that_are_missing_or_wrong_count_as_absent() {
        for content in ["null", "3", "[]", "{}", r#"{"failure": null, "process": 1e99, "protocol": -1}"#] {
            for name in ["ready", "begun", "done", "call", "ended"] {
                let line = format!("{{\"{name}\": {content}}}");
                match Message::parse(line.as_bytes()) {
                    Some(
                        Message::Ready { protocol: None, can_fork: false, can_fork_directly: false }
                        | Message::Begun { process: None, stack_signal: None }
                        | Message::Done { failure: None, .. }
                        | Message::Call(_)
                        | Message::Ended(None),
                    ) => {}
                    other => panic!("{line}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_failure_comes_back_as_it_was_sent() {
        let mut failure = Failure::comparison("stdout", Relation::Contains, "a", "b").note("n").help("h");
        failure = failure.output(Output::from_bytes(OutputSource::Command { stream: Stream::Stderr }, b"why", 7));
        if let Some(comparison) = &mut failure.comparison {
            comparison.unordered = true;
        }
        let line = json!({"broken": failure_json(&failure)}).to_string();
        let Some(Message::Broken(again, BrokenCause::Other)) = Message::parse(line.as_bytes()) else {
            panic!("{line}");
        };
        assert_eq!(failure_json(&again), failure_json(&failure));
    }
}
