//! Steps that check the latest command: its exit status and its outputs.

use super::state::{CommandRun, Runcmd};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::{self, Bytes, invalid_regex};
use crate::library::literal::{Remedy, literal_escape};
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult, Stream};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let library = library
        .step(
            "runcmd_exit_code_is",
            |context, captures| exit_code(context, captures, Relation::Is),
            Check::With(check_exit_code),
        )
        .step(
            "runcmd_exit_code_is_not",
            |context, captures| exit_code(context, captures, Relation::IsNot),
            Check::With(check_other_exit_code),
        )
        .step("runcmd_succeeded", |context, _| latest(context)?.succeeded(), CHECK)
        .step("runcmd_failed", failed, Check::With(check_failed));
    let relations = [
        ("is", Relation::Is),
        ("is_not", Relation::IsNot),
        ("contains", Relation::Contains),
        ("does_not_contain", Relation::DoesNotContain),
        ("matches_regex", Relation::Matches),
        ("does_not_match_regex", Relation::DoesNotMatch),
    ];
    let rows = Stream::BOTH.into_iter().flat_map(|stream| relations.map(|(name, relation)| (stream, name, relation)));
    let library = rows.fold(library, |library, (stream, name, relation)| {
        let function = move |context: &mut Context, captures: &Captures| output(context, captures, stream, relation);
        let (function_name, look) = (format!("runcmd_{}_{name}", stream.name()), Look::Fixed(output_is_over));
        let says_why =
            stream == Stream::Stderr && matches!(relation, Relation::Is | Relation::Contains | Relation::Matches);
        let check = if says_why { Check::With(check_reason) } else { CHECK };
        library.step(&function_name, function, check).looks(look, &[&function_name])
    });
    library.looks(
        Look::Fixed(command_is_over),
        &["runcmd_exit_code_is", "runcmd_exit_code_is_not", "runcmd_succeeded", "runcmd_failed"],
    )
}

/// Says that the output of a command that has ended does not change.
pub(crate) fn output_is_over(captures: &Captures, state: &PreflightState) -> Problem {
    let text = captures.get("text").filter(|text| !text.is_empty()).unwrap_or("TEXT");
    let command = state.command.as_deref().unwrap_or("COMMAND");
    over("the output of a command that has ended does not change").help(format!(
        "look at what runs in the background, or run the command for each look: \
         `then within 5 seconds running \"{command}\" prints \"{text}\"`"
    ))
}

fn command_is_over(_: &Captures, state: &PreflightState) -> Problem {
    let command = state.command.as_deref().unwrap_or("COMMAND");
    over("how a command ended does not change")
        .help(format!("run the command for each look: `then within 5 seconds I can run {command}`"))
}

fn over(message: &str) -> Problem {
    Problem { capture: None, ..Problem::new("", ProblemKind::NeverChanges, message) }
}

/// The check of every step here.
const CHECK: Check = Check::With(check);

/// Checks a step that needs an earlier command.
pub(super) fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let literal = literal_escape(captures, "text", Remedy::Binding);
    invalid_regex(captures).into_iter().chain(literal).chain(needs_command(state)).collect()
}

/// Checks a step that holds if the command failed in any way.
fn check_failed(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note_held(state);
    check(captures, state)
}

fn check_other_exit_code(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note_held(state);
    check_range(captures, state)
}

fn check_exit_code(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    // Whatever the code, the step says which one is meant.
    state.failing = None;
    check_range(captures, state)
}

/// Checks a step that looks at the reason of a failure.
fn check_reason(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.failing = None;
    check(captures, state)
}

fn check_range(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = check(captures, state);
    let number = captures.get("exit").and_then(|text| text.parse::<i64>().ok());
    if number.is_some_and(|number| number > MOST) {
        let message = format!("no exit code is greater than {MOST}");
        problems.push(Problem::new("exit", ProblemKind::InvalidStatus, message));
    }
    problems
}

/// The greatest exit code.
const MOST: i64 = 255;

/// Notes that the present step holds if the latest command cannot run.
fn note_held(state: &mut PreflightState) {
    let step = state.step;
    if let Some(command) = &mut state.failing {
        command.held.get_or_insert(step);
    }
}

/// Warns about steps that hold only because the command before them cannot run, unless a later one looks at
/// which exit code that gives, or at the reason.
pub(super) fn check_end(state: &PreflightState) -> Vec<(usize, Problem)> {
    let latest = state.failing.iter().filter_map(|command| Some((command.held?, command.reason.clone())));
    let warning = |(step, reason): (usize, String)| {
        let message = format!("this holds only because the command cannot run: {reason}");
        let problem = Problem::warning("", ProblemKind::MissingProgram, message)
            .help("correct the command, or make its program before; if this is meant, write `then exit code is 127`");
        (step, Problem { capture: None, ..problem })
    };
    state.held.iter().cloned().chain(latest).map(warning).collect()
}

/// Returns the problem of a step about a command when no earlier step runs one.
pub(crate) fn needs_command(state: &PreflightState) -> Option<Problem> {
    if state.anything_goes || state.ran {
        return None;
    }
    let mut problem = Problem::new("", ProblemKind::NoCommand, NO_COMMAND).help(NO_COMMAND_HELP);
    problem.capture = None;
    Some(problem)
}

const NO_COMMAND: &str = "no earlier step has run a command";
const NO_COMMAND_HELP: &str = "write a step such as `when I try to run ls` before this step";

/// Returns the latest command of the scenario.
pub(super) fn latest(context: &mut Context) -> Result<&CommandRun, Failure> {
    context.state::<Runcmd>().latest.as_ref().ok_or_else(no_command)
}

/// Describes that no step has run a command.
pub(crate) fn no_command() -> Failure {
    Failure::new(NO_COMMAND).help(NO_COMMAND_HELP)
}

fn exit_code(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let expected: i64 = captures.number("exit")?;
    let ran = latest(context)?;
    let actual = i64::from(ran.status.returncode());
    if (actual == expected) == (relation == Relation::Is) {
        return Ok(());
    }
    let error = Failure::comparison("exit code of the command", relation, expected.to_string(), actual.to_string());
    Err(ran.with_outputs(ran.explain(error)))
}

fn failed(context: &mut Context, _: &Captures) -> StepResult {
    let ran = latest(context)?;
    if !ran.status.success() {
        return Ok(());
    }
    let error = Failure::new(format!("the command succeeded, but should have failed: {}", ran.command.line));
    Err(ran.with_outputs(ran.place(error)))
}

fn output(context: &mut Context, captures: &Captures, stream: Stream, relation: Relation) -> StepResult {
    let expected = match relation {
        Relation::Matches | Relation::DoesNotMatch => captures.text("regex")?,
        _ => captures.text("text")?,
    };
    let (state, watch) = context.state_and_watch::<Runcmd>();
    let ran = state.latest.as_ref().ok_or_else(no_command)?;
    let (what, written) = match stream {
        Stream::Stdout => ("stdout of the command", &ran.stdout),
        Stream::Stderr => ("stderr of the command", &ran.stderr),
    };
    bytes::check(what, Bytes::of(&written.file)?, relation, expected, watch).map_err(|error| {
        let error = ran.explain(error);
        // The reason for wrong output is often on stderr.
        if stream == Stream::Stdout { error.output(ran.output(Stream::Stderr)) } else { error }
    })
}
