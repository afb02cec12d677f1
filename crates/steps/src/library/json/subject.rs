//! Where the data of a step comes from, and what a failure shows of it.

use greenroom_event::{OutputSource, words};
use greenroom_sandbox::process::capture;
use serde_json::Value;

use super::data::{self, DataError, Format};
use super::path::{Path, PathError};
use super::place::Element;
use super::show::{SHOWN, surroundings};
use crate::context::Context;
use crate::library::bytes::{Bytes, HELD};
use crate::library::daemon::Daemons;
use crate::library::http;
use crate::library::place::{self, list};
use crate::library::runcmd::Runcmd;
use crate::step::{Captures, Failure, Output, Stream};

/// What the data of a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An output of the latest command.
    Output(Stream),
    /// The body of the response to the latest request.
    Response,
    /// A file in the scenario's directory.
    File,
    /// The latest line of a daemon's stdout that is an object or an array.
    Daemon,
    /// A kept value.
    Value,
    /// The message of a WebSocket that the latest step waited for. Only steps that keep it read it.
    WebSocket,
    /// The event of an event stream likewise.
    EventStream,
}

/// Data that a step looks at.
#[derive(Debug)]
pub(super) struct Data {
    /// What it is, for messages: `stdout of the command`.
    pub(super) what: String,
    pub(super) value: Value,
}

impl Subject {
    /// Those that steps check, with their names in functions.
    pub(super) const ALL: [(Self, &str); 6] = [
        (Self::Output(Stream::Stdout), "stdout"),
        (Self::Output(Stream::Stderr), "stderr"),
        (Self::Response, "response"),
        (Self::File, "file"),
        (Self::Daemon, "daemon"),
        (Self::Value, "value"),
    ];

    /// Reads the data.
    pub(super) fn read(self, context: &mut Context, captures: &Captures) -> Result<Data, Failure> {
        let format = match captures.get("format") {
            Some(name) => Format::named(name).ok_or_else(|| unknown_format(name))?,
            None => Format::Json,
        };
        let what = self.name(captures)?;
        context.watch().waits_for(&format!("the end of {what}"));
        let parse = |bytes: &[u8]| data::parse(bytes, format).map_err(|error| not_data(&what, format, bytes, error));
        let value = match self {
            Self::Output(stream) => {
                let ran = latest(context)?;
                let output = if stream == Stream::Stdout { ran.stdout() } else { ran.stderr() };
                let bytes = whole(&what, output.len()?, || output.bytes())?;
                parse(&bytes).map_err(|error| ran.with_outputs(ran.explain(error)))?
            }
            Self::Response => {
                let response = http::latest(context)?;
                data::parse(&response.body, format).map_err(|error| not_json(response, error))?
            }
            Self::File => {
                let shown = captures.text("filename")?;
                let file = place::read(context, shown)?;
                let bytes = Bytes::of(&file)?;
                let bytes = whole(&what, bytes.len(), || bytes.all().map(std::borrow::Cow::into_owned))?;
                parse(&bytes)?
            }
            Self::Daemon => latest_line(context, daemon_of(captures)?)?,
            Self::Value => {
                let name = captures.text("name")?;
                match context.kept_data(name).ok_or_else(|| unknown_value(context, name))? {
                    Value::String(text) => parse(text.as_bytes())?,
                    // It was taken from data.
                    value => value.clone(),
                }
            }
            Self::WebSocket => parse(&http::latest_message(context, captures.text("socket")?)?)?,
            Self::EventStream => parse(&http::latest_event(context, captures.text("stream")?)?)?,
        };
        Ok(Data { what, value })
    }

    /// Returns what it is, for messages.
    fn name(self, captures: &Captures) -> Result<String, Failure> {
        Ok(match self {
            Self::Output(stream) => format!("{stream} of the command"),
            Self::Response => "the response".to_owned(),
            Self::File => format!("file {}", captures.text("filename")?),
            Self::Daemon => format!("the latest JSON line of daemon {}", daemon_of(captures)?),
            Self::Value => format!("value {}", captures.text("name")?),
            Self::WebSocket => format!("the message of WebSocket {}", captures.text("socket")?),
            Self::EventStream => format!("the event of event stream {}", captures.text("stream")?),
        })
    }

    /// Adds to a failure what the reader needs of the data. `at` is the place that it is about.
    pub(super) fn explain(self, context: &mut Context, data: &Data, at: &[Element], error: Failure) -> Failure {
        if self == Self::Response
            && let Ok(response) = http::latest(context)
            && data.value.to_string().len() < SHOWN / 2
        {
            return http::with_response(response, error);
        }
        let (path, text) = surroundings(&data.value, at);
        let title = if path == "$" { data.what.clone() } else { format!("{path} in {}", data.what) };
        let shown = Output::from_bytes(OutputSource::Function { title }, text.as_bytes(), 0);
        let error = match self {
            Self::Output(_) => match context.state::<Runcmd>().latest() {
                Some(ran) => ran.explain(error),
                None => error,
            },
            Self::Response => match http::latest(context) {
                Ok(response) => http::with_status(response, error),
                Err(_) => error,
            },
            _ => error,
        };
        let error = error.output(shown);
        match (self, context.state::<Runcmd>().latest()) {
            // The reason for wrong output is often on stderr.
            (Self::Output(Stream::Stdout), Some(ran)) => error.output(ran.output(Stream::Stderr)),
            _ => error,
        }
    }
}

/// Returns the one value at the path of a step.
pub(crate) fn value_at(subject: Subject, context: &mut Context, captures: &Captures) -> Result<Value, Failure> {
    let data = subject.read(context, captures)?;
    let node = path_of(captures)?.one(&data.value, &data.what).map(|node| node.value.clone());
    node.map_err(|error| subject.explain(context, &data, &[], error))
}

/// Returns the name of the daemon that a step looks at.
fn daemon_of(captures: &Captures) -> Result<&str, Failure> {
    captures.get("daemon").map_or_else(|| captures.text("name"), Ok)
}

/// Parses the path of a step.
pub(super) fn path_of(captures: &Captures) -> Result<Path, Failure> {
    Path::parse(captures.text("path")?).map_err(PathError::into_failure)
}

fn latest(context: &mut Context) -> Result<&crate::library::runcmd::CommandRun, Failure> {
    context.state::<Runcmd>().latest().ok_or_else(crate::library::runcmd::no_command)
}

/// Describes a response whose body is not JSON.
fn not_json(response: &http::Response, error: DataError) -> Failure {
    let failure = if response.body.is_empty() {
        Failure::new(format!("the response is not JSON: its body is empty (status {})", response.status))
    } else {
        not_data("the response", Format::Json, &response.body, error)
    };
    let failure = match response.header("Content-Type").next() {
        Some(name) if !name.contains("json") => failure.note(format!("its Content-Type is {name}")),
        None if !response.body.is_empty() => failure.note("it has no Content-Type"),
        _ => failure,
    };
    http::with_response(response, failure)
}

/// Reads all of something, unless it is too large.
fn whole(what: &str, length: u64, read: impl FnOnce() -> std::io::Result<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    if length > HELD {
        let (size, limit) = (words::size(length), words::size_limit(HELD));
        return Err(Failure::new(format!("{what} is too large: {size}; steps about data read at most {limit}")));
    }
    read().map_err(|error| place::cannot("read", what, &error))
}

/// Returns the value of the latest line of a daemon's stdout that is an object or an array.
fn latest_line(context: &mut Context, name: &str) -> Result<Value, Failure> {
    let daemon = context.state::<Daemons>().get(name)?;
    let file = capture::open(&daemon.file(Stream::Stdout))
        .map_err(|error| place::cannot("read", &format!("stdout of daemon {name}"), &error))?;
    let bytes = Bytes::of(&file)?;
    let start = bytes.len().saturating_sub(HELD);
    let bytes = bytes.part(start, HELD)?;
    let lines = bytes.rsplit(|&byte| byte == b'\n');
    let value = lines
        .filter(|line| line.trim_ascii().first().is_some_and(|first| b"{[".contains(first)))
        .find_map(|line| data::parse(line.trim_ascii(), Format::Json).ok());
    value.ok_or_else(|| {
        daemon.show(Failure::new(format!("daemon {name} has written no line to stdout that is a JSON object or array")))
    })
}

/// Describes a value that no step has kept.
pub(crate) fn unknown_value(context: &Context, name: &str) -> Failure {
    let names = context.kept_names();
    let error = Failure::new(format!("no step has kept a value as {name}"));
    match (place::nearest(name, names.iter().map(String::as_str)), names.is_empty()) {
        (Some(near), _) => error.help(format!("did you mean {near}?")),
        (None, true) => error.help(format!("write a step such as `when I keep stdout as {name}` before this step")),
        (None, false) => error.note(format!("the kept values are {}", list(&names))),
    }
}

/// Describes a format that does not exist.
pub(super) fn unknown_format(name: &str) -> Failure {
    let names = Format::ALL.map(Format::name);
    Failure::new(format!("unknown format {name}")).help(format!("the formats are {}", names.join(", ")))
}

/// Describes a text that is not data of a format.
pub(crate) fn not_data(what: &str, format: Format, bytes: &[u8], error: DataError) -> Failure {
    let failure = Failure::new(format!("{what} is not {}: {}", format.name(), error.reason));
    let failure = match error.at {
        Some(at) if !bytes.is_empty() => failure.note(excerpt(bytes, at)),
        _ => failure,
    };
    error.help.into_iter().fold(failure, Failure::help)
}

/// Returns a place in a text with what is there: `line 2, column 5: ..."a": x}...`
fn excerpt(bytes: &[u8], at: usize) -> String {
    const BESIDE: usize = 40;
    let at = at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |newline| at + newline);
    let number = bytes[..start].split(|&byte| byte == b'\n').count();
    let (before, after) = (capture::text(&bytes[start..at]), capture::text(&bytes[at..end]));
    let column = before.chars().count() + 1;
    let cut = before.chars().count().saturating_sub(BESIDE);
    let shown: String = before.chars().skip(cut).chain(after.chars().take(BESIDE)).collect();
    let (left, right) = (if cut > 0 { "..." } else { "" }, if after.chars().count() > BESIDE { "..." } else { "" });
    format!("line {number}, column {column}: {left}{}{right}", shown.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_show_the_place_in_its_line() {
        assert_eq!(excerpt(b"{\"a\": x}", 6), "line 1, column 7: {\"a\": x}");
        assert_eq!(excerpt("{\n  \"é\": x\n}\n".as_bytes(), 10), "line 2, column 8:   \"é\": x");
        let long = format!("[{}x]", "1, ".repeat(100));
        assert_eq!(excerpt(long.as_bytes(), 301), "line 1, column 302: ... 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, x]");
        assert_eq!(excerpt(b"a\n", 9), "line 2, column 1: ");
    }
}
