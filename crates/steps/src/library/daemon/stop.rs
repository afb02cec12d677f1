//! Steps that stop daemons or send them signals, and steps that check how they ended.

use greenroom_event::words;
use greenroom_sandbox::process::{ExitStatus, Signal, StopOutcome};

use super::background;
use super::daemons::{Daemons, KilledDaemon};
use super::limit::{self, SETTLE, limit_of};
use super::prospect::OF_DAEMON;
use super::running;
use super::unknown::unknown;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::interpreter::known_as;
use crate::library::place::nearest;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_stop", stop, Check::With(limit::check_named))
        .step("daemon_signal", signal, Check::With(check_signal))
        .step("daemon_is_running", is_running, Check::With(limit::check_named))
        .step("daemon_has_ended", has_ended, Check::With(check_end))
        .looks(OF_DAEMON, &["daemon_is_running", "daemon_has_ended"])
}

/// Stops a daemon: the step, and the first half of the step that restarts one.
pub(super) fn stop(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, grace) = (captures.text("name")?, limit_of(captures)?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let killed = daemons.stop(watch, name, grace)?;
    let mut errors = killed.into_iter().map(|KilledDaemon { daemon, stopped, running }| {
        let (name, grace) = (daemon.label(), words::limit(grace));
        let error = match stopped {
            StopOutcome::Killed(ended) => {
                Failure::new(format!("daemon {name} did not end within {grace} of SIGTERM and was killed"))
                    .note(format!("it had been running for {}", words::duration(ended.after)))
            }
            StopOutcome::Gracefully(_) | StopOutcome::Already(_) => Failure::new(format!(
                "daemon {name} ended, but other processes of its group did not end within {grace} of SIGTERM and were \
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
    Err(error.help(format!(
        "correct its handling of SIGTERM; or give it more time: `when I stop background process {name}, within 30 \
         seconds`"
    )))
}

fn signal(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, signal) = (captures.text("name")?, signal_of(captures)?);
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
    Ok(daemon.signal(signal)?)
}

fn signal_of(captures: &Captures) -> Result<Signal, Failure> {
    let name = captures.text("signal")?;
    name.parse().map_err(|_| {
        let known: Vec<&str> = Signal::names().collect();
        Failure::new(format!("unknown signal: {name}"))
            .help(format!("write one of {}, or a number from 1 to 64", known.join(", ")))
    })
}

fn check_signal(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    unknown(captures, state).into_iter().chain(unknown_signal(captures)).collect()
}

fn unknown_signal(captures: &Captures) -> Vec<Problem> {
    let name = captures.get("signal").unwrap_or_default();
    if name.parse::<Signal>().is_ok() {
        return Vec::new();
    }
    let known: Vec<&str> = Signal::names().collect();
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let near = nearest(short, known.iter().copied()).filter(|_| !short.starts_with(|c: char| c.is_ascii_digit()));
    let problem = Problem::new("signal", ProblemKind::UnknownSignal, format!("unknown signal: {name}"));
    let help = near.map_or_else(
        || format!("write one of {}, or a number from 1 to 64", known.join(", ")),
        |near| format!("did you mean {near}?"),
    );
    vec![problem.help(help)]
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
