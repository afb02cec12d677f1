//! What a failure says about a response.

use greenroom_event::{OutputSource, words};

use super::state::Response;
use crate::step::{Failure, Output};

/// How much of a body is shown, in bytes.
const BODY: usize = 2000;
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

/// Returns the beginning of a body; all of it, indented, if it is JSON.
fn body(response: &Response) -> Output {
    let pretty = serde_json::from_slice::<serde_json::Value>(&response.body)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    let bytes = pretty.as_deref().map_or(response.body.as_slice(), str::as_bytes);
    let shown = &bytes[..bytes.len().min(BODY)];
    let size = (shown.len() < bytes.len()).then_some(bytes.len() as u64);
    Output::from_bytes(OutputSource::Response { size }, shown, 0)
}
