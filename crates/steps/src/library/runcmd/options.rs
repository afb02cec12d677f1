//! Steps that choose how all later commands run: their time limit, directory and environment. And a
//! step that gives one command variables of its own.

use super::command::Command;
use super::execute::check_line;
use super::run::{run, try_to_run};
use super::state::Runcmd;
use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::library::environment;
use crate::library::limit;
use crate::library::place::{never_created, outside};
use crate::registry::{Check, Library};
use crate::step::{Captures, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step(
            "runcmd_may_take",
            may_take,
            Check::With(|captures, state| limit::problem(captures, state).into_iter().collect()),
        )
        .step("runcmd_run_in_directory", run_in_directory, Check::With(check_directory))
        .step(
            "runcmd_clean_environment",
            |context, _| {
                context.state::<Runcmd>().options.has_clean_environment = true;
                Ok(())
            },
            Check::Nothing,
        )
        .step(
            "runcmd_run_with_environment",
            |context, captures| with_environment(context, captures, run),
            Check::With(|captures, state| check_environment(captures, state, true)),
        )
        .step(
            "runcmd_try_to_run_with_environment",
            |context, captures| with_environment(context, captures, try_to_run),
            Check::With(|captures, state| check_environment(captures, state, false)),
        )
}

fn may_take(context: &mut Context, captures: &Captures) -> StepResult {
    context.state::<Runcmd>().options.limit = Some(limit::of(captures)?);
    Ok(())
}

fn run_in_directory(context: &mut Context, captures: &Captures) -> StepResult {
    let directory = captures.text("dirname")?;
    context.inside(directory)?;
    context.state::<Runcmd>().options.directory = Some(directory.to_owned());
    Ok(())
}

fn check_directory(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "dirname", "directory", state);
    outside(captures, &["dirname"]).into_iter().chain(absent).collect()
}

/// Runs a command with variables of its own.
fn with_environment(
    context: &mut Context,
    captures: &Captures,
    run: fn(&mut Context, &Command) -> StepResult,
) -> StepResult {
    let command = Command::of(captures)?;
    let variables = environment::of(captures)?;
    let before = context.environment().clone();
    for (name, value) in variables {
        context.environment().set(name, value);
    }
    let result = run(context, &command);
    *context.environment() = before;
    result
}

fn check_environment(captures: &Captures, state: &mut PreflightState, must_be_found: bool) -> Vec<Problem> {
    let mut problems = environment::check(captures, state);
    let sets_path = environment::known(captures).iter().any(|(name, _)| name == "PATH");
    problems.extend(check_line(captures, state, &["argv0", "args"], must_be_found && !sets_path));
    problems
}
