//! Steps that stop daemons or send them signals, and steps that check how they ended.

use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::{ExitStatus, Signal, StopOutcome};

use super::background;
use super::daemons::{Daemons, KilledDaemon};
use super::instance::Daemon;
use super::limit::{self, SETTLE, limit_of};
use super::prospect::OF_DAEMON;
use super::running;
use super::signals::{self, signal_of, unknown_signal};
use super::unknown::unknown;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::interpreter::known_as;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_stop", stop, Check::With(check_stop))
        .step("daemon_kill", kill, Check::With(limit::check_named))
        .step("daemon_signal", signal, Check::With(check_signal))
        .step("daemon_is_running", is_running, Check::With(limit::check_named))
        .step("daemon_has_ended", has_ended, Check::With(check_end))
        .looks(OF_DAEMON, &["daemon_is_running", "daemon_has_ended"])
}

/// Stops a daemon: the step, and the first half of the step that restarts one.
pub(super) fn stop(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let signal = captures.get("signal").map(|_| signal_of(captures)).transpose()?;
    let limit = captures.get("limit").map(|_| limit_of(captures)).transpose()?;
    stop_by(context, name, signal, limit)
}

fn check_stop(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    limit::check_named(captures, state).into_iter().chain(signals::check_stop(captures)).collect()
}

fn kill(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    must_be_running(context, name)?;
    stop_by(context, name, Some(Signal::KILL), None)
}

/// Stops a daemon by a signal and within a limit, or else by those that it has.
fn stop_by(context: &mut Context, name: &str, signal: Option<Signal>, limit: Option<Duration>) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let grace = limit.unwrap_or_else(|| daemon.end_limit());
    let killed = daemons.stop(watch, name, signal, grace)?;
    let mut errors = killed.into_iter().map(|KilledDaemon { daemon, stopped, running }| {
        let (name, grace, asked) = (daemon.label(), words::limit(grace), daemon.asked_by());
        let error = match stopped {
            StopOutcome::Killed(ended) => {
                Failure::new(format!("daemon {name} did not end within {grace} of {asked} and was killed"))
                    .note(format!("it had been running for {}", words::duration(ended.after)))
            }
            StopOutcome::Gracefully(_) | StopOutcome::Already(_) => Failure::new(format!(
                "daemon {name} ended, but other processes of its group did not end within {grace} of {asked} and were \
                 killed"
            )),
        };
        let killed = daemon.stragglers().iter().map(|entry| format!("killed with it: {}", known_as(&entry.command)));
        daemon.show_around_stop(watch, killed.fold(running::note(error, &running), Failure::note))
    });
    let Some(first) = errors.next() else { return Ok(()) };
    let error = errors.fold(first, |error, other| {
        let error = error.note(other.message);
        other.output.into_iter().fold(error, Failure::output)
    });
    let daemon = context.state::<Daemons>().get(name)?;
    let (asked, is_postgres) = (daemon.asked_by(), starts(daemon, &["postgres", "postmaster"]));
    let more = format!("or give it more time: `when I stop background process {name}, within 30 seconds`");
    if asked == Signal::TERM && is_postgres {
        return Err(error.help(format!(
            "on SIGTERM, PostgreSQL waits for its clients: write `given daemon {name} is stopped with signal INT` \
             before its start; {more}"
        )));
    }
    Err(error.help(format!("correct its handling of {asked}; {more}")))
}

/// Returns whether a daemon's command line has one of these programs.
fn starts(daemon: &Daemon, programs: &[&str]) -> bool {
    let names = daemon.order.words.iter().filter_map(|word| word.rsplit('/').next());
    names.into_iter().any(|name| programs.contains(&name))
}

/// Fails if a daemon has ended.
fn must_be_running<'a>(context: &'a mut Context, name: &str) -> Result<&'a mut Daemon, Failure> {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    if let Some(process) = daemon.process_mut() {
        process.settle(watch, SETTLE)?;
    }
    if let Some(ended) = daemon.try_wait() {
        let message = format!("daemon {name} has ended, with {} after {}", ended.status, words::duration(ended.after));
        let error = background::explain(daemon, Failure::new(message));
        return Err(daemon.show(error));
    }
    Ok(daemon)
}

fn signal(context: &mut Context, captures: &Captures) -> StepResult {
    let signal = signal_of(captures)?;
    Ok(must_be_running(context, captures.text("name")?)?.signal(signal)?)
}

fn check_signal(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    unknown(captures, state).into_iter().chain(unknown_signal(captures)).collect()
}

fn is_running(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    match daemon.try_wait() {
        None => Ok(()),
        Some(ended) => {
            let message = format!(
                "daemon {name} is not running: it ended with {} after {}",
                ended.status,
                words::duration(ended.after)
            );
            let error = background::explain(daemon, Failure::new(message));
            Err(daemon.show(error))
        }
    }
}

fn has_ended(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let expected = match (captures.get("status"), captures.get("signal")) {
        (Some(_), _) => Some(ExitStatus::Code(captures.number("status")?)),
        (None, Some(_)) => Some(ExitStatus::Signal(signal_of(captures)?)),
        (None, None) => None,
    };
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    daemon.note_end();
    let Some(ended) = daemon.try_wait() else {
        let error = Failure::new(format!("daemon {name} is still running"));
        let error = background::note(daemon, error)
            .help(format!("to wait for its end, write `when I wait for daemon {name} to end`"));
        return Err(daemon.show(error));
    };
    match expected {
        Some(expected) if !expected.is_like(ended.status) => {
            let what = format!("the end of daemon {name}");
            let (expected, actual) = (expected.to_string(), ended.status.to_string());
            Err(daemon.show(Failure::comparison(what, Relation::Is, expected, actual)))
        }
        _ => Ok(()),
    }
}

fn check_end(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = match captures.get("signal") {
        Some(_) => check_signal(captures, state),
        None => unknown(captures, state).into_iter().collect(),
    };
    if let Some(status) = captures.get("status")
        && status.parse::<u8>().is_err()
    {
        problems.push(
            Problem::new("status", ProblemKind::InvalidStatus, format!("{status} is not an exit status"))
                .help("an exit status is a number from 0 to 255"),
        );
    }
    problems
}
