//! Steps that wait: for readiness, for output, and for the end of a daemon.

use super::condition::Condition;
use super::daemons::Daemons;
use super::escapes::unescape;
use super::limit::{self, limit_of};
use super::{background, port, readiness, running, waits};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, Stream};
use greenroom_event::words;
use greenroom_sandbox::process::{Service, table};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_wait_port", wait_port, Check::With(check_port))
        .step("daemon_wait_stdout", |context, captures| wait_text(context, captures, Stream::Stdout), TIMED)
        .step("daemon_wait_stderr", |context, captures| wait_text(context, captures, Stream::Stderr), TIMED)
        .step("daemon_wait_end", wait_end, TIMED)
        .step("daemon_wait_file", wait_file, TIMED)
        .step("daemon_wait_socket", wait_socket, TIMED)
        .step("daemon_wait_http", wait_http, Check::With(check_http))
}

/// The check of steps that have nothing to check besides their limit.
const TIMED: Check = Check::With(limit::check_named);

fn wait_port(context: &mut Context, captures: &Captures) -> StepResult {
    let port = port::port_of(captures)?;
    let limit = limit_of(captures)?;
    let more_time = "add `, for at most 30 seconds` to this step";
    let name = captures.text("name")?;
    readiness::port(context, name, port, limit, more_time)?;
    waits::note(context, Some(name), Condition::Port(port), limit);
    Ok(())
}

fn wait_text(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    let text = unescape(captures.text("text")?);
    readiness::text(context, name, &text, stream, limit)?;
    waits::note(context, Some(name), Condition::Text(stream, text), limit);
    Ok(())
}

fn wait_file(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let path = context.working_directory()?.join(name);
    readiness::file(context, &path, name, limit)?;
    waits::note(context, None, Condition::File(path, name.to_owned()), limit);
    Ok(())
}

fn wait_socket(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let path = context.working_directory()?.join(name);
    readiness::socket(context, &path, name, limit)?;
    waits::note(context, None, Condition::Socket(path, name.to_owned()), limit);
    Ok(())
}

fn wait_http(context: &mut Context, captures: &Captures) -> StepResult {
    let (url, limit, status) = (captures.text("url")?, limit_of(captures)?, captures.number("status")?);
    let more_time = "end this step with `, for at most 30 seconds`";
    readiness::http(context, url, status, limit, more_time)?;
    waits::note(context, None, Condition::Http(url.to_owned(), status), limit);
    Ok(())
}

fn check_port(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    port::check(captures, state).into_iter().chain(limit::check_named(captures, state)).collect()
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
    let pid = daemon.process().map(Service::pid);
    let mut living = table::members();
    let family = pid.map(|pid| table::family(&living, pid)).unwrap_or_default();
    living.retain(|entry| family.contains(&entry.pid));
    let error = background::note(daemon, running::note(error, &living));
    Err(daemon.show(error))
}

fn check_http(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check(captures, state);
    let url = captures.get("url").unwrap_or_default();
    let lower = url.to_ascii_lowercase();
    if lower.starts_with("https://") {
        problems.push(
            Problem::new("url", ProblemKind::InvalidUrl, "this step cannot wait for https, only for http").help(
                format!(
                    "wait for its port with `when I wait for daemon NAME to listen on port PORT`, or let a client \
                 try again: `when I run curl --silent --fail --insecure \
                --retry 20 --retry-delay 1 --retry-connrefused {url}`"
                ),
            ),
        );
    } else if !lower.starts_with("http://") {
        problems.push(
            Problem::new("url", ProblemKind::InvalidUrl, format!("{url} is not an http URL"))
                .help("write it with its scheme, such as http://127.0.0.1:8080/health"),
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
