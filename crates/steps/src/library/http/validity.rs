//! What is checked of this library's steps before the run.

use greenroom_sandbox::process::http::Url;

use super::state::{NO_REQUEST, NO_REQUEST_HELP};
use super::status::Expected;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::library::bytes::invalid_regex;
use crate::library::place::{never_created, outside};
use crate::step::{Captures, Failure};

/// Checks a step that sends a request.
pub(super) fn check_request(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.http.requested = true;
    let error = known(captures, "method").and_then(method);
    let method = error.map(|error| problem("method", ProblemKind::Other("bad-method"), error));
    method.into_iter().chain(known(captures, "url").and_then(url)).collect()
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
    let error = known(captures, "status").and_then(|text| Expected::parse(text).err());
    let invalid = error.map(|error| problem("status", ProblemKind::InvalidStatus, error));
    check_response(captures, state).into_iter().chain(invalid).collect()
}

/// Checks a step about a header of a response.
pub(super) fn check_header(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let error = known(captures, "header").and_then(header);
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
    check_response(captures, state).into_iter().chain(limit(captures)).collect()
}

/// Returns the problem of a step whose time is not above zero.
pub(super) fn limit(captures: &Captures) -> Option<Problem> {
    let text = known(captures, "limit")?;
    let is_valid = text.parse::<f64>().is_ok_and(|seconds| seconds > 0.0 && seconds <= 86_400.0);
    (!is_valid).then(|| {
        Problem::new("limit", ProblemKind::InvalidLimit, format!("invalid time limit: {text} seconds"))
            .help("write a number of seconds above 0 and up to 86400, such as 0.5 or 30")
    })
}

/// Returns why a text is not the name of a header.
pub(super) fn header(text: &str) -> Option<Failure> {
    let name = text.trim_end_matches(':');
    if !text.is_empty() && text.bytes().all(is_token_byte) {
        return None;
    }
    let error = Failure::new(format!("invalid header name: {text}"));
    let is_name = name != text && !name.is_empty() && name.bytes().all(is_token_byte);
    Some(if is_name { error.help(format!("write it without the colon: `{name}`")) } else { error })
}

/// Returns the text of a capture, unless it has a value that only the run knows.
fn known<'a>(captures: &'a Captures, name: &str) -> Option<&'a str> {
    captures.get(name).filter(|text| !text.contains("${"))
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

fn url(text: &str) -> Option<Problem> {
    let error = Url::parse(text).err()?;
    let problem = Problem::new("url", ProblemKind::InvalidUrl, format!("invalid URL: {text}"));
    Some(error.help.into_iter().fold(problem.part(error.part).label(error.reason), Problem::help))
}
