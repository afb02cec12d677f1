//! Steps about what a daemon reports to its notify socket (`sd_notify(3)`).

use greenroom_event::words;

use super::condition::Condition;
use super::daemons::Daemons;
use super::limit::{self, limit_of};
use super::option_steps::REPORTS;
use super::prospect::OF_DAEMON;
use super::reports::{self, HABIT, how_to_have_one, no_socket};
use super::waits;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_wait_ready", wait_ready, Check::With(check))
        .step("daemon_has_reported_status", has_status, Check::With(check))
        .looks(OF_DAEMON, &["daemon_has_reported_status"])
}

fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check_named(captures, state);
    let name = captures.get("name").unwrap_or_default();
    if problems.is_empty() && !state.may_have_option(name, REPORTS) {
        let problem = Problem::new("name", ProblemKind::NoNotifySocket, no_socket(name));
        problems.push(problem.help(how_to_have_one(name)));
    }
    problems
}

fn wait_ready(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    reports::wait_ready(context, name, limit)?;
    waits::note(context, Some(name), Condition::Ready, limit);
    Ok(())
}

fn has_status(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, expected) = (captures.text("name")?, captures.text("text")?);
    let daemon = context.state::<Daemons>().get(name)?;
    let reports = daemon.reports(name)?;
    let error = match &reports.status {
        Some(status) if status == expected => return Ok(()),
        Some(status) => {
            Failure::comparison(format!("the status that daemon {name} has reported"), Relation::Is, expected, status)
        }
        None if reports.any => Failure::new(format!("daemon {name} has reported no status")),
        None => Failure::new(format!("daemon {name} has reported nothing")).help(HABIT),
    };
    let error = match daemon.try_wait() {
        Some(ended) => error.note(format!("it ended with {} after {}", ended.status, words::duration(ended.after))),
        None => error,
    };
    Err(daemon.show(error))
}
