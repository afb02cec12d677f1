//! Steps that run commands.

use super::command::Command;
use super::run::{run, try_to_run};
use crate::check::{FailingCommand, PreflightState, Problem, ProblemKind};
use crate::library::command;
use crate::library::literal::taken_literally;
use crate::library::place::{never_created, outside};
use crate::registry::{Check, Library};
use crate::step::{Captures, names_value};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step("runcmd_run", |context, captures| run(context, &Command::of(captures)?), Check::With(check_run)).step(
        "runcmd_try_to_run",
        |context, captures| try_to_run(context, &Command::of(captures)?),
        Check::With(check_try_to_run),
    )
}

fn check_run(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_command(captures, state, true)
}

fn check_try_to_run(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_command(captures, state, false)
}

fn check_command(captures: &Captures, state: &mut PreflightState, must_be_found: bool) -> Vec<Problem> {
    let mut problems = outside(captures, &["dirname"]);
    problems.extend(never_created(captures, "dirname", "directory", state));
    problems.extend(check_line(captures, state, &["argv0", "args"], must_be_found));
    let parts = ["argv0", "args"].map(|part| captures.get(part).unwrap_or_default());
    problems.extend(retry_tail(&parts.concat()));
    problems
}

/// Warns about a tail that looks like a repetition: it is passed to the program.
fn retry_tail(line: &str) -> Option<Problem> {
    let limit = || {
        let at = [", for at most ", ", within "].iter().find_map(|start| line.rfind(start))?;
        let mut words = line[at..].trim_end().trim_end_matches(" seconds").rsplit(' ');
        let is_limit = line.trim_end().ends_with(" seconds") && words.next()?.parse::<f64>().is_ok();
        is_limit.then_some((
            at,
            "to limit the time of commands, write `given commands may take 5 seconds` before this step",
        ))
    };
    let until = "to run it until it succeeds, write `I run, until it succeeds, for at most 5 seconds, COMMAND`";
    let (at, help) = line.find(", until it ").map(|at| (at, until)).or_else(limit)?;
    let message = "everything after `I run` is passed to the program";
    Some(Problem::warning("argv0", ProblemKind::NoShell, message).part(at..line.len()).help(help))
}

/// Checks the command line of a step, which is in these captures, one right behind the other.
pub(super) fn check_line(
    captures: &Captures,
    state: &mut PreflightState,
    parts: &[&'static str],
    must_be_found: bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let texts: Vec<&str> = parts.iter().map(|part| captures.get(part).unwrap_or_default()).collect();
    let line = texts.concat();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    let place = ([first, last], texts[0].len());
    if let Some(FailingCommand { reason, held: Some(step) }) = state.failing.take() {
        state.held.push((step, reason));
    }
    // A kept value is not known yet, and may contain quotes.
    if names_value(&line) {
        state.command = None;
        problems.extend(taken_literally(place.0, place.1, &line, state));
    } else {
        match Command::parse(&line, captures.get("dirname")) {
            Err(error) => {
                let problem = Problem::new(last, ProblemKind::InvalidCommand, error.message);
                problems.push(error.help.into_iter().fold(problem, Problem::help));
            }
            Ok(command) => {
                state.command = Some(command.line.clone());
                let mut found = check_program(first, &command, state);
                if !must_be_found {
                    let missing = found.take().filter(|problem| problem.kind == ProblemKind::MissingProgram);
                    state.failing = missing.map(|it| FailingCommand { reason: it.message, held: None });
                }
                let for_shell = found.is_some() && command::shell_help(&command.argv[0], None).is_some();
                problems.extend(found);
                if !for_shell {
                    problems.extend(taken_literally(place.0, place.1, &command.line, state));
                }
            }
        }
    }
    state.anything_goes = true;
    problems
}

/// Returns the problem of a command whose program cannot be found.
fn check_program(capture: &str, command: &Command, state: &PreflightState) -> Option<Problem> {
    let name = command.argv.first()?;
    let mut problem = command::not_found(capture, name, command.directory.as_deref(), state)?;
    // With quotes it may be longer than its capture.
    problem.part = command::words(&command.line).ok()?.into_iter().next().map(|word| word.place);
    if let Some(help) = command::shell_help(name, Some(&command.line)) {
        problem.help = vec![help];
    }
    Some(problem)
}
