//! What is checked of this library's steps before the run.

use super::expected_status::ExpectedStatus;
use super::state::{NO_REQUEST, NO_REQUEST_HELP};
use super::url::{self, Kind};
use crate::check::{PreflightState, Problem, ProblemKind, may_be_among};
use crate::library::bytes::invalid_regex;
use crate::library::limit;
use crate::library::place::{nearest, never_created, outside};
use crate::registry::CheckFunction;
use crate::step::{Captures, Failure};

/// The methods that have a short form, with its check.
pub(super) const SHORT_FORMS: [(&str, CheckFunction); 7] = [
    ("GET", |captures, state| check_sent(captures, state, Some("GET"))),
    ("HEAD", |captures, state| check_sent(captures, state, Some("HEAD"))),
    ("OPTIONS", |captures, state| check_sent(captures, state, Some("OPTIONS"))),
    ("DELETE", |captures, state| check_sent(captures, state, Some("DELETE"))),
    ("POST", |captures, state| check_sent(captures, state, Some("POST"))),
    ("PUT", |captures, state| check_sent(captures, state, Some("PUT"))),
    ("PATCH", |captures, state| check_sent(captures, state, Some("PATCH"))),
];

/// Checks a step that sends a request with a method that it names.
pub(super) fn check_request(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_sent(captures, state, captures.known("method"))
}

/// Checks a step that sends a request with this method, if it is known.
fn check_sent(captures: &Captures, state: &mut PreflightState, sent: Option<&str>) -> Vec<Problem> {
    state.http.requested = true;
    state.http.method = sent.map(str::to_owned);
    let error = captures.known("method").and_then(method);
    let mut problems: Vec<Problem> =
        error.map(|error| problem("method", ProblemKind::Other("bad-method"), error)).into_iter().collect();
    problems.extend(captures.known("url").and_then(|text| url_problem(text, state, Kind::Resource)));
    problems.extend(invalid_json(captures));
    let names = ["filename", "upload"];
    problems.extend(outside(captures, &names));
    problems.extend(names.iter().filter_map(|name| never_created(captures, name, "file", state)));
    problems
}

/// Returns the problem of a step whose JSON is invalid, unless only the run knows it.
fn invalid_json(captures: &Captures) -> Option<Problem> {
    let text = captures.known("json")?;
    let (error, at) = json(text)?;
    Some(problem("json", ProblemKind::Other("bad-json"), error).part(at..text.len().min(at + 1).max(at)))
}

/// Checks the step that says where relative URLs go.
pub(super) fn check_base(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.http.has_base = true;
    let Some(text) = captures.known("url") else { return Vec::new() };
    let mut problems: Vec<Problem> = absolute_url_problem(text).into_iter().collect();
    if problems.is_empty()
        && let Some(at) = text.find(['?', '#'])
    {
        let problem = Problem::new("url", ProblemKind::InvalidUrl, format!("invalid URL: {text}"));
        problems.push(problem.part(at..text.len()).label("nothing can follow a query or a fragment"));
    }
    problems
}

/// Checks the step that names a socket.
pub(super) fn check_socket(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    outside(captures, &["socket"])
}

/// Checks the step that sets a time limit.
pub(super) fn check_time(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    limit::problem(captures, state).into_iter().collect()
}

/// Checks a step about a header of requests.
pub(super) fn check_option(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    let name = captures.known("header").and_then(header).map(|error| ("header", error));
    let value = captures.known("text").and_then(header_value).map(|error| ("text", error));
    let errors = name.into_iter().chain(value);
    errors.map(|(capture, error)| problem(capture, ProblemKind::Other("bad-header"), error)).collect()
}

/// Checks a step that names certificates or keys.
pub(super) fn check_certificates(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let names = ["filename", "certificate", "key"];
    let absent = names.iter().filter_map(|name| never_created(captures, name, "file", state));
    let absent: Vec<Problem> = absent.collect();
    outside(captures, &names).into_iter().chain(absent).collect()
}

/// Checks the step that writes the body of a response to a file.
pub(super) fn check_new_file(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    if let Some(name) = captures.get("filename") {
        state.creates(name);
    }
    check_response(captures, state).into_iter().chain(outside(captures, &["filename"])).collect()
}

/// Checks a step that opens a stream of events.
pub(super) fn check_stream(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    if let Some(name) = captures.get("stream") {
        state.http.streams.insert(name.to_owned());
    }
    captures.known("url").and_then(|text| url_problem(text, state, Kind::Resource)).into_iter().collect()
}

/// Checks a step about a stream that an earlier one opens.
pub(crate) fn check_named_stream(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems: Vec<Problem> = limit::problem(captures, state).into_iter().collect();
    problems.extend(invalid_regex(captures));
    let Some(name) = captures.known("stream") else { return problems };
    if state.own_code || may_be_among(&state.http.streams, name) {
        return problems;
    }
    let message = format!("no earlier step opens an event stream {name}");
    let problem = Problem::new("stream", ProblemKind::UnknownName, message);
    problems.push(match nearest(name, state.http.streams.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean {near}?")),
        None => problem.help(format!("write `when I open event stream {name} at URL` before this step")),
    });
    problems
}

/// Checks a step that opens a WebSocket.
pub(super) fn check_web_socket(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    if let Some(name) = captures.get("socket") {
        state.http.web_sockets.insert(name.to_owned());
    }
    captures.known("url").and_then(|text| url_problem(text, state, Kind::WebSocket)).into_iter().collect()
}

/// Checks a step about a WebSocket that an earlier one opens.
pub(crate) fn check_named_web_socket(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems: Vec<Problem> = limit::invalid(captures).into_iter().collect();
    problems.extend(invalid_regex(captures));
    problems.extend(invalid_json(captures));
    problems.extend(captures.known("code").and_then(close_code_problem));
    let Some(name) = captures.known("socket") else { return problems };
    if state.own_code || may_be_among(&state.http.web_sockets, name) {
        return problems;
    }
    let message = format!("no earlier step opens a WebSocket {name}");
    let problem = Problem::new("socket", ProblemKind::UnknownName, message);
    problems.push(match nearest(name, state.http.web_sockets.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean {near}?")),
        None => problem.help(format!("write `when I open WebSocket {name} at URL` before this step")),
    });
    problems
}

/// Returns the problem of a number that is not the code of a close.
fn close_code_problem(text: &str) -> Option<Problem> {
    let is_valid = text.parse::<u16>().is_ok_and(|code| (1000..5000).contains(&code));
    let problem = || Problem::new("code", ProblemKind::Other("bad-close-code"), format!("invalid close code: {text}"));
    (!is_valid).then(|| problem().help("write a number from 1000 to 4999, such as 1000 for a normal end"))
}

/// Checks a step about a response.
pub(crate) fn check_response(_: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    if state.own_code || state.http.requested {
        return Vec::new();
    }
    let mut problem = Problem::new("", ProblemKind::Other("no-request"), NO_REQUEST).help(NO_REQUEST_HELP);
    problem.capture = None;
    vec![problem]
}

/// Checks a step about the status of a response.
pub(super) fn check_status(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let error = captures.known("status").and_then(|text| ExpectedStatus::parse(text).err());
    let invalid = error.map(|error| problem("status", ProblemKind::InvalidStatus, error));
    check_response(captures, state).into_iter().chain(invalid).collect()
}

/// Checks a step about a header of a response.
pub(super) fn check_header(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let error = captures.known("header").and_then(header);
    let invalid = error.map(|error| problem("header", ProblemKind::Other("bad-header"), error));
    check_body(captures, state).into_iter().chain(invalid).collect()
}

/// Checks a step that compares a part of a response with a text or a regex.
pub(super) fn check_body(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_response(captures, state).into_iter().chain(invalid_regex(captures)).collect()
}

/// Checks a step that compares a response with a file.
pub(super) fn check_file(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let file = outside(captures, &["filename"]).into_iter().chain(never_created(captures, "filename", "file", state));
    check_response(captures, state).into_iter().chain(file).collect()
}

/// Checks a step about the time of a response.
pub(super) fn check_limit(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_response(captures, state).into_iter().chain(limit::invalid(captures)).collect()
}

/// Returns why a text is not the name of a header.
pub(super) fn header(text: &str) -> Option<Failure> {
    let name = text.trim_end_matches(':');
    if !text.is_empty() && text.bytes().all(is_token_byte) {
        return None;
    }
    let error = Failure::new(format!("invalid header name: {text}"));
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_token_byte);
    Some(match unquoted(text) {
        Some(inside) if is_name(inside) => error.help(format!("write it without quotes: `{inside}`")),
        _ if is_name(name) => error.help(format!("write it without the colon: `{name}`")),
        _ => error,
    })
}

/// Turns the failure that a step would have into a problem before the run.
fn problem(capture: &str, kind: ProblemKind, error: Failure) -> Problem {
    error.help.into_iter().fold(Problem::new(capture, kind, error.message), Problem::help)
}

/// Returns why a text is not the method of a request.
pub(super) fn method(text: &str) -> Option<Failure> {
    let is_token = !text.is_empty() && text.bytes().all(is_token_byte);
    let error = || Failure::new(format!("invalid HTTP method: {text}"));
    if !is_token {
        return Some(error().help("a method is a word such as GET or POST"));
    }
    None
}

/// Whether a byte may be part of a method or of the name of a header.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns what is between the quotes around a text.
fn unquoted(text: &str) -> Option<&str> {
    ['"', '\'', '`'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

/// Returns why a text cannot be the value of a header.
pub(super) fn header_value(text: &str) -> Option<Failure> {
    let is_valid = !text.contains(|c: char| c.is_control() && c != '\t');
    (!is_valid).then(|| Failure::new("the value of a header cannot have control characters"))
}

/// Returns why a text is not JSON, and the byte at which that shows.
pub(super) fn json(text: &str) -> Option<(Failure, usize)> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
    let reason = match reason {
        "key must be a string" => "expected a name between double quotes",
        "expected ident" => "expected `null`, `true` or `false`",
        reason => reason,
    };
    // Columns of the parser count bytes, from 1.
    let at = error.column().saturating_sub(1).min(text.len().saturating_sub(1));
    let at = text.floor_char_boundary(at);
    let failure = Failure::new(format!("invalid JSON: {reason}, at column {}", text[..at].chars().count() + 1));
    let is_json = |inside: &str| serde_json::from_str::<serde::de::IgnoredAny>(inside).is_ok();
    let is_quoted = unquoted(text).is_some_and(is_json);
    Some((if is_quoted { failure.help("write it without quotes around it") } else { failure }, at))
}

fn url_problem(text: &str, state: &PreflightState, kind: Kind) -> Option<Problem> {
    if !url::is_relative(text) {
        return absolute_problem(text, kind);
    }
    if state.http.has_base || state.own_code {
        return None;
    }
    let problem = Problem::new("url", ProblemKind::InvalidUrl, format!("invalid URL: {text}"));
    Some(problem.label("it is relative").help(url::NO_BASE))
}

/// Returns the problem of a step whose URL, without a value that only the run knows, is invalid.
pub(crate) fn absolute_url_problem(text: &str) -> Option<Problem> {
    absolute_problem(text, Kind::Resource)
}

fn absolute_problem(text: &str, kind: Kind) -> Option<Problem> {
    #[cfg(not(feature = "tls"))]
    if kind.parse(text).is_ok_and(|url| url.scheme.is_secure()) {
        return Some(crate::library::feature::TLS.problem("url"));
    }
    let error = kind.parse(text).err()?;
    let problem = Problem::new("url", ProblemKind::InvalidUrl, format!("invalid URL: {text}"));
    if let Some(inside) = unquoted(text) {
        return Some(problem.help(format!("write it without quotes: `{inside}`")));
    }
    Some(error.help.into_iter().fold(problem.part(error.part).label(error.reason), Problem::help))
}
