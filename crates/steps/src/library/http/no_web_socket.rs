//! Stands for the steps about WebSockets in programs that were built without them.

use super::validity;
use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::library::feature::WEB_SOCKETS;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// The steps about an open WebSocket, as `web_socket` has them.
const STEPS: [&str; 8] = [
    "http_send_web_socket",
    "http_wait_web_socket",
    "http_wait_web_socket_exactly",
    "http_wait_web_socket_regex",
    "http_wait_web_socket_close",
    "http_close_web_socket",
    "http_web_socket_is_open",
    "http_web_socket_is_closed",
];

/// Says that there are no messages.
pub(crate) fn latest_message(_: &mut Context, _: &str) -> Result<Vec<u8>, Failure> {
    Err(WEB_SOCKETS.failure())
}

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let library = library.step("http_open_web_socket", absent, Check::With(check));
    STEPS
        .iter()
        .fold(library, |library, name| library.step(name, absent, Check::With(validity::check_named_web_socket)))
}

fn absent(_: &mut Context, _: &Captures) -> StepResult {
    Err(WEB_SOCKETS.failure())
}

fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = validity::check_web_socket(captures, state);
    problems.push(WEB_SOCKETS.problem("socket"));
    problems
}
