//! Steps that check more of what the latest command wrote, how long it took, and how it ended.

use greenroom_event::words;
use greenroom_sandbox::process::{ExitStatus, Signal};

use super::outcome::{check as check_needs_command, latest, no_command, output_is_over};
use super::state::{CommandRun, Runcmd};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::{Bytes, check_equal};
use crate::library::limit;
use crate::library::place::{self, nearest, never_created, outside};
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult, Stream};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let checks: [(&str, Function); 6] = [
        ("is_empty", is_empty),
        ("is_embedded", is_embedded),
        ("matches_file", matches_file),
        ("has_lines", has_lines),
        ("line_is", line_is),
        ("contains_times", contains_times),
    ];
    let rows = Stream::BOTH.into_iter().flat_map(|stream| checks.map(|(name, function)| (stream, name, function)));
    let library = rows.fold(library, |library, (stream, name, function)| {
        let row = format!("runcmd_{}_{name}", stream.name());
        let step = move |context: &mut Context, captures: &Captures| function(context, captures, stream);
        library.step(&row, step, Check::With(check)).looks(Look::Fixed(output_is_over), &[&row])
    });
    library
        .step("runcmd_took_at_most", took_at_most, Check::With(check_limit))
        .step("runcmd_ended_by_signal", ended_by_signal, Check::With(check_signal))
        .looks(Look::Fixed(output_is_over), &["runcmd_took_at_most", "runcmd_ended_by_signal"])
}

/// A step about one of the outputs.
type Function = fn(&mut Context, &Captures, Stream) -> StepResult;

/// Returns what messages call an output.
fn what(stream: Stream) -> String {
    format!("{} of the command", stream.name())
}

/// Compares a text with an output, and explains a difference.
fn equals(context: &mut Context, (name, expected): (&str, Bytes<'_>), stream: Stream) -> StepResult {
    let (state, watch) = context.state_and_watch::<Runcmd>();
    let ran = state.latest.as_ref().ok_or_else(no_command)?;
    let output = Bytes::of(&ran.captured(stream).file)?;
    check_equal((name, &what(stream)), expected, output, watch).map_err(|error| explain(ran, stream, error))
}

fn explain(ran: &CommandRun, stream: Stream, error: Failure) -> Failure {
    let error = ran.explain(error);
    // The reason for wrong output is often on stderr.
    if stream == Stream::Stdout { error.output(ran.output(Stream::Stderr)) } else { error }
}

fn is_empty(context: &mut Context, _: &Captures, stream: Stream) -> StepResult {
    let ran = latest(context)?;
    let size = ran.captured(stream).len()?;
    if size == 0 {
        return Ok(());
    }
    let error = Failure::new(format!("{} is not empty", what(stream))).note(format!("it has {}", words::size(size)));
    Err(explain(ran, stream, error.output(ran.output(stream))))
}

fn is_embedded(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let name = captures.text("embedded")?;
    let text = context.embedded_file(name)?.text.clone();
    equals(context, (&format!("embedded file {name}"), Bytes::Held(text.as_bytes())), stream)
}

fn matches_file(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let name = captures.text("filename")?;
    let file = place::read(context, name)?;
    equals(context, (&format!("file {name}"), Bytes::of(&file)?), stream)
}

/// Returns the text of an output, which is held in memory.
fn text(ran: &CommandRun, stream: Stream) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&ran.captured(stream).bytes()?).into_owned())
}

fn has_lines(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let expected: u64 = captures.number("lines")?;
    let ran = latest(context)?;
    let actual = text(ran, stream)?.lines().count() as u64;
    compare(ran, format!("number of lines of {}", what(stream)), expected, actual)
}

fn contains_times(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let (expected, wanted): (u64, &str) = (captures.number("times")?, captures.text("text")?);
    let (state, watch) = context.state_and_watch::<Runcmd>();
    let ran = state.latest.as_ref().ok_or_else(no_command)?;
    let actual = Bytes::of(&ran.captured(stream).file)?.count(wanted.as_bytes(), watch)?.times;
    compare(ran, format!("number of times that {} contains `{wanted}`", what(stream)), expected, actual)
}

fn compare(ran: &CommandRun, what: String, expected: u64, actual: u64) -> StepResult {
    if expected == actual {
        return Ok(());
    }
    let error = Failure::comparison(what, Relation::Is, expected.to_string(), actual.to_string());
    Err(ran.with_outputs(ran.explain(error)))
}

fn line_is(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let (number, expected): (usize, &str) = (captures.number("line")?, captures.text("text")?);
    let ran = latest(context)?;
    let text = text(ran, stream)?;
    let error = match number.checked_sub(1).and_then(|at| text.lines().nth(at)) {
        Some(line) if line == expected => return Ok(()),
        Some(line) => Failure::comparison(format!("line {number} of {}", what(stream)), Relation::Is, expected, line),
        None => {
            let lines = text.lines().count();
            let error = Failure::new(format!("{} has no line {number}", what(stream)));
            error.note(if lines == 1 { "it has 1 line".to_owned() } else { format!("it has {lines} lines") })
        }
    };
    Err(ran.with_outputs(ran.explain(error)))
}

fn took_at_most(context: &mut Context, captures: &Captures) -> StepResult {
    let limit = limit::of(captures)?;
    let ran = latest(context)?;
    if ran.took <= limit {
        return Ok(());
    }
    let (took, limit) = (words::duration(ran.took), words::limit(limit));
    Err(ran.place(Failure::new(format!("the command took {took}, which is more than {limit}: {}", ran.command.line))))
}

fn ended_by_signal(context: &mut Context, captures: &Captures) -> StepResult {
    let signal = signal(captures.text("signal")?)?;
    let ran = latest(context)?;
    if ran.status.signal() == Some(signal) {
        return Ok(());
    }
    let (expected, actual) = (ExitStatus::Signal(signal).to_string(), ran.status.to_string());
    let error = Failure::comparison("end of the command", Relation::Is, expected, actual);
    Err(ran.with_outputs(ran.explain(error)))
}

fn signal(name: &str) -> Result<Signal, Failure> {
    name.parse().map_err(|_| {
        let known: Vec<&str> = Signal::names().collect();
        let error = Failure::new(format!("unknown signal: {name}"));
        match nearest(name, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error.help(format!("write one of {}, or a number from 1 to 64", known.join(", "))),
        }
    })
}

fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = check_needs_command(captures, state);
    problems.extend(outside(captures, &["filename"]));
    problems.extend(never_created(captures, "filename", "file", state));
    let zero = captures.get("line").filter(|line| line.bytes().all(|byte| byte == b'0')).map(|_| {
        Problem::new("line", ProblemKind::InvalidNumber, "there is no line 0").help("the first line is line 1")
    });
    let empty = captures.get("times").and(captures.get("text")).filter(|text| text.is_empty()).map(|_| {
        Problem::new("text", ProblemKind::EmptyPattern, "the text is empty, so it cannot be counted")
            .help("write the text between the quotes")
    });
    let huge = ["line", "lines", "times"].iter().find_map(|name| {
        let text = captures.known(name).filter(|text| text.parse::<u64>().is_err())?;
        let message = format!("{text} is not a number that can be counted");
        Some(Problem::new(name, ProblemKind::InvalidNumber, message))
    });
    problems.into_iter().chain(zero).chain(empty).chain(huge).collect()
}

fn check_limit(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_needs_command(captures, state).into_iter().chain(limit::invalid(captures)).collect()
}

fn check_signal(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let name = captures.known("signal");
    let unknown = name.and_then(|name| signal(name).err()).map(|error| {
        let problem = Problem::new("signal", ProblemKind::UnknownSignal, error.message);
        error.help.into_iter().fold(problem, Problem::help)
    });
    check_needs_command(captures, state).into_iter().chain(unknown).collect()
}
