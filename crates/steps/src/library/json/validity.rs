//! What is checked of this library's steps before the run.

use serde_json::Value;

use super::data::{self, DataError, Format};
use super::path::{Path, PathError, split};
use super::schema::Schema;
use super::subject::{Subject, unknown_format};
use super::types::{DataType, format_of, number};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::library::bytes::invalid_regex;
use crate::library::daemon::{OF_DAEMON, unknown_daemon};
use crate::library::http::{LOOK, check_named_stream, check_named_web_socket, check_response};
use crate::library::place::{nearest, never_created, outside};
use crate::library::runcmd::needs_command;
use crate::look::Look;
use crate::registry::Check;
use crate::step::{Captures, Failure, Stream, names_value};

/// Returns the check of steps about a subject.
pub(super) fn check_of(subject: Subject) -> Check {
    match subject {
        Subject::Output(_) => Check::With(|captures, state| check_data_of(OUTPUT, captures, state)),
        Subject::Response => Check::With(|captures, state| check_data_of(Subject::Response, captures, state)),
        Subject::File => Check::With(|captures, state| check_data_of(Subject::File, captures, state)),
        Subject::Daemon => Check::With(|captures, state| check_data_of(Subject::Daemon, captures, state)),
        Subject::Value => Check::With(|captures, state| check_data_of(Subject::Value, captures, state)),
        Subject::WebSocket => Check::With(|captures, state| check_data_of(Subject::WebSocket, captures, state)),
        Subject::EventStream => Check::With(|captures, state| check_data_of(Subject::EventStream, captures, state)),
    }
}

/// The checks of both outputs are the same.
const OUTPUT: Subject = Subject::Output(Stream::Stdout);

/// Checks a step about a subject, and what it says about data.
pub(crate) fn check_data_of(subject: Subject, captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems: Vec<Problem> = match subject {
        Subject::Output(_) => needs_command(state).into_iter().collect(),
        Subject::Response => check_response(captures, state),
        Subject::File => {
            let absent = never_created(captures, "filename", "file", state);
            outside(captures, &["filename"]).into_iter().chain(absent).collect()
        }
        Subject::Daemon => {
            let capture = if captures.get("daemon").is_some() { "daemon" } else { "name" };
            unknown_daemon(capture, captures, state).into_iter().collect()
        }
        Subject::Value => check_value_name(captures, state).into_iter().collect(),
        Subject::WebSocket => check_named_web_socket(captures, state),
        Subject::EventStream => check_named_stream(captures, state),
    };
    problems.extend(check(captures, state));
    problems
}

/// Returns how steps look at a subject.
pub(super) fn look_of(subject: Subject) -> Look {
    match subject {
        Subject::Output(_) => Look::Fixed(|_, _| {
            over("the output of a command that has ended does not change").help(
                "look at a response, a file or the output of a daemon, or run the command for each look: \
                 `then within 5 seconds running \"COMMAND\" prints \"TEXT\"`",
            )
        }),
        Subject::Value => Look::Fixed(|_, _| {
            over("a kept value does not change").help("look at what it was taken from, before it is kept")
        }),
        Subject::Daemon => OF_DAEMON,
        Subject::Response => LOOK,
        Subject::File | Subject::WebSocket | Subject::EventStream => Look::Live,
    }
}

/// Returns the problem of a step that is to be repeated, but looks at something that does not change.
pub(crate) fn over(message: &str) -> Problem {
    Problem { capture: None, ..Problem::new("", ProblemKind::NeverChanges, message) }
}

/// Returns the problem of a step about a value that no earlier step keeps.
pub(crate) fn check_value_name(captures: &Captures, state: &PreflightState) -> Option<Problem> {
    let name = captures.known("name").filter(|name| !state.kept.contains(*name))?;
    if state.own_code {
        return None;
    }
    let problem = Problem::new("name", ProblemKind::UnknownName, format!("no earlier step keeps a value as {name}"));
    Some(match nearest(name, state.kept.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean {near}?")),
        None => problem.help(format!("write a step such as `when I keep stdout as {name}` before this step")),
    })
}

/// Checks what a step says about data.
fn check(captures: &Captures, state: &PreflightState) -> Vec<Problem> {
    let format = captures.get("format").filter(|name| Format::named(name).is_none());
    let format = format.map(|name| problem("format", "bad-format", unknown_format(name)));
    let data_type = captures.get("type").and_then(|name| DataType::named(name).err());
    let data_type = data_type.map(|error| problem("type", "bad-type", error));
    let numbers = ["least", "most", "count"].into_iter().filter_map(|name| {
        let text = captures.get(name)?;
        let is_valid = if name == "count" { text.parse::<usize>().is_ok() } else { number(text).is_some() };
        let message = format!("invalid number: {text}");
        (!is_valid && !names_value(text)).then(|| Problem::new(name, ProblemKind::InvalidNumber, message))
    });
    let values = ["value", "elements", "part"].into_iter().filter_map(|name| value(captures, name));
    let file = captures.get("file").and_then(|name| embedded("file", name, format_of(name, captures), state));
    let schema = captures.get("schema").and_then(|name| schema(name, state));
    [format, data_type, path(captures), invalid_regex(captures), file, schema]
        .into_iter()
        .flatten()
        .chain(paths(captures))
        .chain(numbers)
        .chain(values)
        .collect()
}

/// Turns the failure that a step would have into a problem before the run.
fn problem(capture: &str, word: &'static str, error: Failure) -> Problem {
    error.help.into_iter().fold(Problem::new(capture, ProblemKind::Other(word), error.message), Problem::help)
}

/// Returns the problem of a step with an invalid path.
fn path(captures: &Captures) -> Option<Problem> {
    let text = captures.known("path")?;
    Path::parse(text).err().map(|error| invalid_path("path", text, 0, error))
}

fn invalid_path(capture: &str, text: &str, start: usize, error: PathError) -> Problem {
    let PathError { reason, at, help } = error;
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let part = if at < text.len() { start + at..start + end } else { start..start + text.len() };
    let problem = Problem::new(capture, ProblemKind::Other("bad-jsonpath"), format!("invalid JSONPath: {reason}"));
    help.into_iter().fold(problem.part(part), Problem::help)
}

fn paths(captures: &Captures) -> Vec<Problem> {
    let Some(text) = captures.known("paths") else {
        return Vec::new();
    };
    let invalid = split(text).into_iter().filter_map(|path| {
        let start = path.as_ptr() as usize - text.as_ptr() as usize;
        Path::parse(path).err().map(|error| invalid_path("paths", path, start, error))
    });
    invalid.collect()
}

/// Returns the problem of a step whose JSON is not valid, or says nothing.
fn value(captures: &Captures, name: &str) -> Option<Problem> {
    let text = captures.get(name)?;
    let parsed = match data::json(&without_values(text)) {
        Ok(parsed) => parsed,
        Err(error) => return Some(invalid_json(name, text, error)),
    };
    let is_empty = match &parsed {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let problem = |message: String| Some(Problem::new(name, ProblemKind::Other("bad-json"), message));
    match name {
        "part" if is_empty => problem(format!("everything includes {parsed}"))
            .map(|problem| problem.help(format!("for a value that is empty, write `is {parsed}`"))),
        "elements" if !parsed.is_array() && !names_value(text) => {
            problem("`is, in any order,` needs an array".to_owned()).map(|problem| problem.help("write `[...]`"))
        }
        _ => None,
    }
}

fn invalid_json(capture: &str, text: &str, error: DataError) -> Problem {
    let DataError { reason, at, help } = error;
    let problem = Problem::new(capture, ProblemKind::Other("bad-json"), format!("invalid JSON: {reason}"));
    let problem = match at {
        Some(at) if at < text.len() => {
            let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            problem.part(at..end)
        }
        _ => problem,
    };
    help.into_iter().fold(problem, Problem::help)
}

/// Replaces `${NAME}` outside of strings by a value of the same length.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !in_string && let Some(end) = rest.strip_prefix("${").and_then(|name| name.find('}')) {
            let length = end + 3;
            out.push_str("null");
            out.extend(std::iter::repeat_n(' ', length.saturating_sub(4)));
            rest = &rest[length..];
            continue;
        }
        let mut length = c.len_utf8();
        match c {
            '"' => in_string = !in_string,
            '\\' if in_string => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => {}
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// Returns the problem of a step whose embedded file is not data of its format.
fn embedded(capture: &str, name: &str, format: Format, state: &PreflightState) -> Option<Problem> {
    let file = state.embedded.iter().find(|file| file.name.eq_ignore_ascii_case(name))?;
    let DataError { reason, at, help } = data::parse(file.text.as_bytes(), format).err()?;
    let line = at.map_or_else(String::new, |at| format!(", line {}", file.text[..at].matches('\n').count() + 1));
    let message = format!("embedded file {name} is not {}: {reason}{line}", format.name());
    help.into_iter().fold(Problem::new(capture, ProblemKind::Other("bad-json"), message), Problem::help).into()
}

/// Returns the problem of a step whose embedded file is not a JSON Schema.
fn schema(name: &str, state: &PreflightState) -> Option<Problem> {
    let file = state.embedded.iter().find(|file| file.name.eq_ignore_ascii_case(name))?;
    let format = Format::of_file(name).unwrap_or(Format::Json);
    let Ok(schema) = data::parse(file.text.as_bytes(), format) else {
        return embedded("schema", name, format, state);
    };
    let error = Schema::compile(&schema, &file.name, &state.embedded).err()?;
    let message = format!("embedded file {name} is not a valid JSON Schema: {}", error.reason);
    let problem = Problem::new("schema", ProblemKind::Other("bad-schema"), message);
    Some(error.help.into_iter().fold(problem, Problem::help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_values_stand_for_values() {
        for (text, want) in [
            (r#"{"a": ${ID}, "b": "${ID}"}"#, r#"{"a": null , "b": "${ID}"}"#),
            ("${X}", "null"),
            (r#"["\"${A}", ${LONG_NAME}]"#, r#"["\"${A}", null        ]"#),
            ("${", "${"),
        ] {
            assert_eq!(without_values(text), want);
        }
    }

    #[test]
    fn json_that_says_nothing_is_refused() {
        let checked = |name: &str, text: &str| {
            value(&Captures::new([(name.to_owned(), text.to_owned())]), name).map(|problem| problem.message)
        };
        assert_eq!(checked("part", "[]").as_deref(), Some("everything includes []"));
        assert_eq!(checked("part", "{}").as_deref(), Some("everything includes {}"));
        assert_eq!(checked("part", "[1]"), None);
        assert_eq!(checked("value", "[]"), None);
        assert_eq!(checked("elements", "{}").as_deref(), Some("`is, in any order,` needs an array"));
        assert_eq!(checked("value", "{\"a\": }").as_deref(), Some("invalid JSON: expected a JSON value"));
        assert_eq!(checked("value", "{\"a\": ${X}}"), None);
    }
}
