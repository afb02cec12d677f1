//! What a failure says about a response.

use greenroom_event::{OutputSource, words};

use super::indent::indent;
use super::state::Response;
use crate::step::{Failure, Output};

/// How much of a body is shown, in bytes.
const BODY: usize = 2000;
/// How many lines of JSON are shown.
const LINES: usize = 40;
/// A body up to this size is JSON if it can be parsed, without saying so.
const PARSED: usize = 64 << 10;
/// The most redirects that are shown.
const REDIRECTS: usize = 10;

/// Adds request, status, time and body to the failure of a check.
pub(crate) fn with_response(response: &Response, error: Failure) -> Failure {
    let error = with_status(response, error);
    if response.body.is_empty() {
        return error.note("the body of the response is empty");
    }
    error.output(body(response))
}

/// Adds request, status and time to the failure of a check that shows the body itself.
pub(crate) fn with_status(response: &Response, error: Failure) -> Failure {
    let Response { status, reason, request, took, .. } = response;
    let reason = if reason.is_empty() { String::new() } else { format!(" {reason}") };
    let took = words::duration(*took);
    let error = with_redirects(error, &response.redirects);
    error.note(format!("{} was answered with status {status}{reason} after {took}", request.line()))
}

/// Adds the redirects that led to a request, each once.
pub(super) fn with_redirects(error: Failure, redirects: &[String]) -> Failure {
    let mut shown: Vec<&String> = Vec::new();
    for redirect in redirects.iter().take(REDIRECTS) {
        if !shown.contains(&redirect) {
            shown.push(redirect);
        }
    }
    shown.into_iter().fold(error, |error, redirect| error.note(format!("redirected with status {redirect}")))
}

/// Adds that the text of a body is in a character set that is not decoded.
pub(super) fn with_charset(response: &Response, error: Failure) -> Failure {
    match response.charset() {
        Some(name) if !["utf-8", "utf8", "us-ascii", "iso-8859-1", "latin1", "latin-1"].contains(&name.as_str()) => {
            error.note(format!("the body is in the character set {name}, which is not decoded: its bytes are compared"))
        }
        _ => error,
    }
}

/// Returns the beginning of a body; indented if it is JSON.
fn body(response: &Response) -> Output {
    let whole = response.text();
    let output = |text: &[u8], is_all: bool| {
        let size = (!is_all).then_some(response.body.len() as u64);
        Output::from_bytes(OutputSource::Response { size }, text, 0)
    };
    let says_json = response.header("Content-Type").any(|value| value.to_ascii_lowercase().contains("json"));
    if let Ok(text) = std::str::from_utf8(&whole)
        && text.trim_start().starts_with(['{', '['])
        && (says_json || text.len() <= PARSED && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
    {
        let (indented, is_all) = indent(text, BODY);
        let lines: Vec<&str> = indented.split_inclusive('\n').collect();
        let shown = lines[..lines.len().min(LINES)].concat();
        return output(shown.trim_end().as_bytes(), is_all && lines.len() <= LINES);
    }
    let shown = &whole[..whole.len().min(BODY)];
    output(shown, shown.len() == whole.len())
}
