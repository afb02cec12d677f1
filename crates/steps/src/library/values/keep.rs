//! Steps that keep what commands, services and files have written.

use std::borrow::Cow;

use greenroom_sandbox::process::capture;

use super::source::Source;
use super::validity;
use crate::context::Context;
use crate::library::bytes::{self, Bytes, HELD};
use crate::library::daemon::Daemons;
use crate::library::http;
use crate::library::json::{Subject, value_at};
use crate::library::place::{self, cannot};
use crate::library::runcmd::{self, Runcmd};
use crate::registry::Library;
use crate::step::{Captures, Failure, Relation, StepResult, Stream};

/// Sources of which a step keeps all.
const WHOLE: [(Source, &str); 8] = [
    (Source::Output(Stream::Stdout), "stdout"),
    (Source::Output(Stream::Stderr), "stderr"),
    (Source::Body, "body"),
    (Source::Header, "header"),
    (Source::Cookie, "cookie"),
    (Source::File, "file"),
    (Source::WebSocket, "web_socket"),
    (Source::EventStream, "event_stream"),
];

/// Sources of which a step keeps what a regex matches.
const SEARCHED: [(Source, &str); 8] = [
    (Source::Output(Stream::Stdout), "stdout"),
    (Source::Output(Stream::Stderr), "stderr"),
    (Source::Body, "body"),
    (Source::File, "file"),
    (Source::Daemon(Stream::Stdout), "daemon_stdout"),
    (Source::Daemon(Stream::Stderr), "daemon_stderr"),
    (Source::WebSocket, "web_socket"),
    (Source::EventStream, "event_stream"),
];

/// Subjects of which a step keeps the value at a path.
const DATA: [(Subject, &str); 7] = [
    (Subject::Output(Stream::Stdout), "stdout"),
    (Subject::Output(Stream::Stderr), "stderr"),
    (Subject::Response, "response"),
    (Subject::File, "file"),
    (Subject::Daemon, "daemon"),
    (Subject::WebSocket, "web_socket"),
    (Subject::EventStream, "event_stream"),
];

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let library = WHOLE.into_iter().fold(library, |library, (source, name)| {
        let function = move |context: &mut Context, captures: &Captures| keep_all(context, captures, source);
        library.step(&format!("values_keep_{name}"), function, validity::check_of(source))
    });
    let library = SEARCHED.into_iter().fold(library, |library, (source, name)| {
        let function = move |context: &mut Context, captures: &Captures| keep_match(context, captures, source);
        library.step(&format!("values_keep_match_in_{name}"), function, validity::check_of(source))
    });
    DATA.into_iter().fold(library, |library, (subject, name)| {
        let function = move |context: &mut Context, captures: &Captures| keep_data(context, captures, subject);
        library.step(&format!("values_keep_data_of_{name}"), function, validity::check_data(subject))
    })
}

fn keep_all(context: &mut Context, captures: &Captures, source: Source) -> StepResult {
    let (what, bytes) = read(context, captures, source)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!("{what} is not UTF-8, so it cannot be kept"))
            .note(format!("byte {at} is 0x{:02x}", error.as_bytes()[at]))
    })?;
    // As a shell does, one line end is not part of it.
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    context.keep_new(captures.text("name")?, text.into())
}

fn keep_match(context: &mut Context, captures: &Captures, source: Source) -> StepResult {
    let (what, bytes) = read(context, captures, source)?;
    let pattern = captures.text("regex")?;
    let regex = bytes::regex(pattern)?;
    // Of a log, the latest place counts.
    let found = match source {
        Source::Daemon(_) => regex.captures_iter(&bytes).last(),
        _ => regex.captures(&bytes),
    };
    let Some(found) = found else {
        let error = bytes::check(&what, Bytes::Held(&bytes), Relation::Matches, pattern, context.watch());
        return error.map_err(|error| explain(context, captures, source, error));
    };
    let group = found.iter().flatten().nth(1).or_else(|| found.get(0));
    let text = String::from_utf8_lossy(group.map_or(&[][..], |group| group.as_bytes())).into_owned();
    context.keep_new(captures.text("name")?, text.into())
}

fn keep_data(context: &mut Context, captures: &Captures, subject: Subject) -> StepResult {
    let value = value_at(subject, context, captures)?;
    context.keep_new(captures.text("name")?, value)
}

/// Returns what a source is, for messages, and all of it.
fn read(context: &mut Context, captures: &Captures, source: Source) -> Result<(String, Vec<u8>), Failure> {
    Ok(match source {
        Source::Output(stream) => {
            let what = format!("{stream} of the command");
            let ran = context.state::<Runcmd>().latest().ok_or_else(runcmd::no_command)?;
            let output = if stream == Stream::Stdout { ran.stdout() } else { ran.stderr() };
            let bytes = output.bytes().map_err(|error| cannot("keep", &what, &error))?;
            (what, bytes)
        }
        Source::Body => ("the body of the response".to_owned(), http::latest(context)?.body.clone()),
        Source::Header => {
            let name = captures.text("header")?;
            let response = http::latest(context)?;
            let value = response.header(name).next().map(|value| value.as_bytes().to_owned());
            let value = value.ok_or_else(|| http::missing_header(response, name))?;
            (format!("header {name} of the response"), value)
        }
        Source::Cookie => {
            let name = captures.text("cookie")?;
            let response = http::latest(context)?;
            let value = response.header("Set-Cookie").find_map(|cookie| {
                let (known, value) = cookie.split(';').next()?.split_once('=')?;
                (known.trim() == name).then(|| value.trim().trim_matches('"').as_bytes().to_owned())
            });
            let value = value.ok_or_else(|| no_cookie(response, name))?;
            (format!("cookie {name}"), value)
        }
        Source::File => {
            let shown = captures.text("filename")?;
            let file = place::read(context, shown)?;
            let bytes = Bytes::of(&file)?.all().map_err(|error| cannot("keep", shown, &error))?;
            (format!("file {shown}"), bytes.into_owned())
        }
        Source::Daemon(stream) => {
            let name = captures.text("daemon")?;
            let daemon = context.state::<Daemons>().get(name)?;
            let what = format!("{stream} of daemon {name}");
            let file = capture::open(&daemon.file(stream)).map_err(|error| cannot("read", &what, &error))?;
            let bytes = Bytes::of(&file)?;
            let bytes = bytes.part(bytes.len().saturating_sub(HELD), HELD).map(Cow::into_owned)?;
            (what, bytes)
        }
        Source::WebSocket => {
            let name = captures.text("socket")?;
            (format!("the message of WebSocket {name}"), http::latest_message(context, name)?)
        }
        Source::EventStream => {
            let name = captures.text("stream")?;
            (format!("the event of event stream {name}"), http::latest_event(context, name)?)
        }
    })
}

/// Describes a cookie that a response does not set.
fn no_cookie(response: &http::Response, name: &str) -> Failure {
    let set = response.header("Set-Cookie").filter_map(|cookie| Some(cookie.split('=').next()?.trim().to_owned()));
    let set: Vec<String> = set.collect();
    let error = http::with_status(response, Failure::new(format!("the response sets no cookie {name}")));
    if set.is_empty() {
        return error.note("it has no header Set-Cookie");
    }
    let error = error.note(format!("it sets {}", place::list(&set)));
    match place::nearest(name, set.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error,
    }
}

/// Adds to a failure what is known about its source.
fn explain(context: &mut Context, captures: &Captures, source: Source, error: Failure) -> Failure {
    match source {
        Source::Output(stream) => match context.state::<Runcmd>().latest() {
            Some(ran) => ran.explain(error).output(ran.output(stream.other())),
            None => error,
        },
        Source::Body => match http::latest(context) {
            Ok(response) => http::with_status(response, error),
            Err(_) => error,
        },
        Source::Daemon(stream) => match captures.get("daemon").map(|name| context.state::<Daemons>().get(name)) {
            Some(Ok(daemon)) => error.output(daemon.captured(stream.other())),
            _ => error,
        },
        _ => error,
    }
}
