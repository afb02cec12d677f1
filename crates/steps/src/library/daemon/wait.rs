//! Steps that wait: for readiness, for output, and for the end of a daemon.

use super::daemons::Daemons;
use super::limit::{self, limit_of};
use super::{background, port, readiness};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, Stream};
use greenroom_event::words;

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_wait_port", wait_port, Check::With(check_port))
        .step("daemon_wait_stdout", |context, captures| readiness::text(context, captures, Stream::Stdout), TIMED)
        .step("daemon_wait_stderr", |context, captures| readiness::text(context, captures, Stream::Stderr), TIMED)
        .step("daemon_wait_end", wait_end, TIMED)
        .step("daemon_wait_file", readiness::file, TIMED)
        .step("daemon_wait_socket", readiness::socket, TIMED)
        .step("daemon_wait_http", readiness::http, Check::With(check_http))
}

/// The check of steps that have nothing to check besides their limit.
const TIMED: Check = Check::With(limit::check);

fn wait_port(context: &mut Context, captures: &Captures) -> StepResult {
    let port = port::port_of(captures)?;
    let limit = limit_of(captures)?;
    let more_time = "add `, for at most 30 seconds` to this step";
    readiness::port(context, captures.text("name")?, port, limit, more_time).map(drop)
}

fn check_port(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    port::check(captures, state).into_iter().chain(limit::check(captures, state)).collect()
}

fn wait_end(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    if let Some(process) = daemon.process_mut() {
        process.wait(watch, &format!("the end of daemon {name}"), limit)?;
    }
    if daemon.try_wait().is_some() {
        daemon.note_end();
        return Ok(());
    }
    let error = Failure::new(format!("daemon {name} did not end within {}", words::limit(limit)));
    let error = background::note(daemon, error);
    Err(daemon.show(error))
}

fn check_http(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check(captures, state);
    let url = captures.get("url").unwrap_or_default();
    if !url.to_ascii_lowercase().starts_with("http://") {
        problems.push(
            Problem::new("url", ProblemKind::InvalidUrl, format!("{url} is not an http URL"))
                .help("write it with its scheme, such as http://127.0.0.1:8080/health; https is not supported"),
        );
    }
    let status = captures.get("status").unwrap_or_default();
    if !status.parse::<u16>().is_ok_and(|status| (100..1000).contains(&status)) {
        problems.push(
            Problem::new("status", ProblemKind::InvalidStatus, format!("{status} is not an HTTP status"))
                .help("write a status such as 200 or 404"),
        );
    }
    problems
}
