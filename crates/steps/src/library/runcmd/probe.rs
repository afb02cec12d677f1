//! Steps that look at what a command does, and run it for that: `within` and `for` run it again.

use super::command::Command;
use super::execute::check_line;
use super::run::{run, run_whatever_its_status};
use super::state::Runcmd;
use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::library::limit;
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::repeat::{Repetition, RepetitionKind, repeat};
use crate::step::{Captures, Failure, Relation, StepResult, Stream, names_value};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step(
            "runcmd_running_prints",
            |context, captures| prints(context, captures, Relation::Contains),
            Check::With(check_running),
        )
        .step(
            "runcmd_running_does_not_print",
            |context, captures| prints(context, captures, Relation::DoesNotContain),
            Check::With(check_running),
        )
        .step("runcmd_running_fails", fails, Check::With(check_failing))
        .step("runcmd_run_until_it_succeeds", run_until_it_succeeds, Check::With(check_until))
        .looks(
            Look::Command,
            &["runcmd_run", "runcmd_running_prints", "runcmd_running_does_not_print", "runcmd_running_fails"],
        )
}

fn prints(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let (command, expected) = (Command::parse(captures.text("command")?, None)?, captures.text("text")?);
    run_whatever_its_status(context, &command)?;
    let (state, watch) = context.state_and_watch::<Runcmd>();
    let Some(ran) = state.latest.as_ref() else { return Ok(()) };
    bytes::check("stdout of the command", Bytes::of(&ran.stdout.file)?, relation, expected, watch)
        .map_err(|error| ran.explain(error).output(ran.output(Stream::Stderr)))
}

fn fails(context: &mut Context, captures: &Captures) -> StepResult {
    let command = Command::parse(captures.text("command")?, None)?;
    run_whatever_its_status(context, &command)?;
    match context.state::<Runcmd>().latest.as_ref().filter(|ran| ran.status.success()) {
        Some(ran) => {
            let error = Failure::new(format!("the command succeeded, but should have failed: {}", command.line));
            Err(ran.with_outputs(ran.place(error)))
        }
        None => Ok(()),
    }
}

fn run_until_it_succeeds(context: &mut Context, captures: &Captures) -> StepResult {
    let command = Command::of(captures)?;
    let repetition = Repetition { kind: RepetitionKind::Within, seconds: captures.text("limit")?.to_owned() };
    repeat(context, &repetition, (Look::Command, captures), |context| run(context, &command), |_| true)
}

fn check_running(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_line(captures, state, &["command"], true)
}

fn check_failing(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_line(captures, state, &["command"], true)
}

fn check_until(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let seconds = captures.get("limit").unwrap_or_default().to_owned();
    let limit = if names_value(&seconds) {
        let problem = Repetition { kind: RepetitionKind::Within, seconds }.check(state);
        problem.map(|problem| Problem { capture: Some("limit".to_owned()), ..problem })
    } else {
        limit::problem(captures, state)
    };
    limit.into_iter().chain(check_line(captures, state, &["argv0", "args"], true)).collect()
}
