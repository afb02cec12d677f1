//! Steps about the process table: whether a process is running.

use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::table;

use super::daemons::Daemons;
use super::limit::SETTLE;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::interpreter::known_as;
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_no_process", no_process, Check::With(check_pattern))
        .step("daemon_process_runs", process_runs, Check::With(check_pattern))
        .looks(Look::Live, &["daemon_no_process", "daemon_process_runs"])
}

/// Returns a matcher of command lines.
///
/// A pattern that is not a valid regex is matched literally, because a command line may contain
/// anything. A pattern without special characters, which is the usual case, does not need a regex.
fn matcher(pattern: &str) -> impl Fn(&str) -> bool {
    let special = pattern.contains(['.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$', '\\']);
    let regex = if special { regex::Regex::new(pattern).ok() } else { None };
    move |command| regex.as_ref().map_or_else(|| command.contains(pattern), |regex| regex.is_match(command))
}

/// Returns how long a look waits for a process that is starting or ending.
fn patience(context: &Context) -> Duration {
    if context.is_repeated() { Duration::ZERO } else { SETTLE }
}

fn no_process(context: &mut Context, captures: &Captures) -> StepResult {
    let pattern = captures.text("args")?;
    let (matches, patience) = (matcher(pattern), patience(context));
    let mut seen = Vec::new();
    let gone = context.watch().until(&format!("the end of process {pattern}"), patience, &[], || {
        let (unnamed, named): (Vec<_>, Vec<_>) = table::members().into_iter().partition(|entry| entry.is_unnamed);
        let matching: Vec<_> = named.into_iter().filter(|entry| matches(&entry.command)).collect();
        // A process without a command line may be about to run another program. Until then, what
        // was seen before counts.
        if !matching.is_empty() || unnamed.is_empty() {
            seen = matching;
        }
        (seen.is_empty() && unnamed.is_empty()).then_some(())
    })?;
    if gone.is_some() || seen.is_empty() {
        return Ok(());
    }
    let mut error = Failure::new(format!("a process \"{pattern}\" is running"));
    for entry in seen.iter().take(5) {
        let command = known_as(&entry.command);
        error = error.note(format!("process {}, running for {}: {command}", entry.pid, words::duration(entry.age)));
    }
    Err(error)
}

fn process_runs(context: &mut Context, captures: &Captures) -> StepResult {
    let pattern = captures.text("args")?;
    let (matches, patience) = (matcher(pattern), patience(context));
    let mut seen = Vec::new();
    let found = context.watch().until(&format!("a process {pattern}"), patience, &[], || {
        seen = table::members();
        seen.iter().any(|entry| matches(&entry.command)).then_some(())
    })?;
    if found.is_some() {
        return Ok(());
    }
    let mut error = Failure::new(format!("no process \"{pattern}\" is running"));
    error = match seen.as_slice() {
        [] => error.note("this scenario has no running processes"),
        some => some
            .iter()
            .take(8)
            .fold(error, |error, entry| error.note(format!("process {}: {}", entry.pid, known_as(&entry.command)))),
    };
    let (daemons, _) = context.state_and_watch::<Daemons>();
    for daemon in daemons.iter_mut() {
        if let Some(ended) = daemon.try_wait() {
            let (name, after) = (daemon.label(), words::duration(ended.after));
            error = daemon.show(error.note(format!("daemon {name} ended with {} after {after}", ended.status)));
        }
    }
    Err(error)
}

fn check_pattern(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    match captures.get("args") {
        Some("") => vec![
            Problem::new("args", ProblemKind::EmptyPattern, "the pattern is empty, so it matches every process")
                .help("write the command line, or a part of it, between the quotes"),
        ],
        _ => Vec::new(),
    }
}
