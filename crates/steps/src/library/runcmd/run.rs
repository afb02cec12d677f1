//! Running commands, for the steps of this library and of others.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_event::words;
use greenroom_sandbox::process::ExitStatus;

use super::captured_output::CapturedOutput;
use super::command::Command;
use super::program::{CommandFailure, NotRun, find};
use super::start::start;
use super::state::{CommandRun, Runcmd};
use crate::context::Context;
use crate::library::place::{kind, missing};
use crate::step::{Failure, StepResult, Stream};

/// The limit of a command in a step without a limit.
const NO_LIMIT: Duration = Duration::from_hours(24 * 365);

/// Runs a command, as `when I run` does.
///
/// # Errors
///
/// If it cannot run, or does not end with exit status 0.
pub fn run(context: &mut Context, command: &Command) -> StepResult {
    match in_its_directory(context, command) {
        Ok(ran) => {
            let state = context.state::<Runcmd>();
            state.latest.insert(ran).succeeded()
        }
        Err(CommandFailure::NotRun(NotRun { error, .. }) | CommandFailure::Step(error)) => {
            context.state::<Runcmd>().latest = None;
            Err(error)
        }
    }
}

/// Runs a command, as `when I try to run` does.
///
/// A command that cannot run counts as one that ended with exit status 126 or 127.
///
/// # Errors
///
/// If its directory does not exist, its output has no room, or the step timed out.
pub fn try_to_run(context: &mut Context, command: &Command) -> StepResult {
    let ran = match in_its_directory(context, command) {
        Ok(ran) => ran,
        Err(CommandFailure::Step(error)) => return Err(error),
        Err(CommandFailure::NotRun(NotRun { status, error })) => {
            let (stdout, mut stderr) = (CapturedOutput::new(context)?, CapturedOutput::new(context)?);
            writeln!(stderr.file, "{}", error.message)?;
            CommandRun {
                command: command.clone(),
                at: Instant::now(),
                took: Duration::ZERO,
                status: ExitStatus::Code(status),
                stdout,
                stderr,
            }
        }
    };
    context.state::<Runcmd>().latest = Some(ran);
    Ok(())
}

/// Runs a command. Its exit status does not matter.
///
/// # Errors
///
/// If it cannot run.
pub(super) fn run_whatever_its_status(context: &mut Context, command: &Command) -> StepResult {
    context.state::<Runcmd>().latest = None;
    match in_its_directory(context, command) {
        Ok(ran) => {
            context.state::<Runcmd>().latest = Some(ran);
            Ok(())
        }
        Err(CommandFailure::NotRun(NotRun { error, .. }) | CommandFailure::Step(error)) => Err(error),
    }
}

/// Runs a command for a step host. The host passes its words and environment variables. Steps then
/// check it.
///
/// # Errors
///
/// If it cannot run. Its exit status does not matter.
pub fn run_words(
    context: &mut Context,
    argv: &[String],
    directory: Option<&Path>,
    environment: Vec<(String, Option<String>)>,
) -> StepResult {
    if argv.first().is_none_or(String::is_empty) {
        return Err(Failure::new("the command has no program"));
    }
    // Hosts pass absolute paths, and may pass any.
    let here = context.working_directory().map(Path::to_owned);
    let directory = directory.map_or_else(|| here.clone(), |directory| Ok(directory.to_owned()))?;
    let shown = here.ok().and_then(|here| Some(directory.strip_prefix(here).ok()?.display().to_string()));
    let command =
        Command { line: argv.join(" "), argv: argv.to_owned(), directory: shown.filter(|shown| !shown.is_empty()) };
    if !directory.is_dir() {
        let kind = if directory.exists() { "is not a directory" } else { "does not exist" };
        return Err(Failure::new(format!("the command cannot run in {}: it {kind}", directory.display())));
    }
    let before = context.environment().clone();
    for (name, value) in environment {
        match value {
            Some(value) => context.environment().set(name, value),
            None => context.environment().unset(name),
        }
    }
    let ran = carry_out(context, &command, &directory);
    // The variables were for this command only.
    *context.environment() = before;
    match ran {
        Ok(ran) => {
            context.state::<Runcmd>().latest = Some(ran);
            Ok(())
        }
        Err(CommandFailure::NotRun(NotRun { error, .. }) | CommandFailure::Step(error)) => Err(error),
    }
}

/// Sets the command that steps check to one that a step host ran.
///
/// # Errors
///
/// If its output has no room.
pub fn set_latest(context: &mut Context, argv: &[String], exit: i32, stdout: &[u8], stderr: &[u8]) -> StepResult {
    let (mut out, mut err) = (CapturedOutput::new(context)?, CapturedOutput::new(context)?);
    out.file.write_all(stdout)?;
    err.file.write_all(stderr)?;
    let status = ExitStatus::from_returncode(exit);
    let command = Command { line: argv.join(" "), argv: argv.to_owned(), directory: None };
    context.state::<Runcmd>().latest =
        Some(CommandRun { command, at: Instant::now(), took: Duration::ZERO, status, stdout: out, stderr: err });
    Ok(())
}

fn in_its_directory(context: &mut Context, command: &Command) -> Result<CommandRun, CommandFailure> {
    let chosen = context.state::<Runcmd>().options.directory.clone();
    let is_chosen = command.directory.is_none() && chosen.is_some();
    let directory = command.directory.clone().or(chosen);
    let command = Command { directory, ..command.clone() };
    let directory = working_directory(context, &command);
    let note = "an earlier step chose it for all commands";
    let directory = directory.map_err(|error| if is_chosen { error.note(note) } else { error })?;
    carry_out(context, &command, &directory)
}

fn carry_out(context: &mut Context, command: &Command, directory: &Path) -> Result<CommandRun, CommandFailure> {
    context.note_command(&command.line);
    let program = find(context, command, directory)?;
    let (mut stdout, mut stderr) = (CapturedOutput::new(context)?, CapturedOutput::new(context)?);
    let mut process = start(context, command, &program, directory, (&stdout, &stderr))?;
    let what = format!("the command `{}`", command.line);
    let own_limit = context.state::<Runcmd>().options.limit;
    let watch = context.watch();
    let clock = watch.stopwatch();
    let meters = [
        watch.meter(&format!("stdout of {what}"), &stdout.file, Some(process.shared_pidfd())).map_err(Failure::from)?,
        watch.meter(&format!("stderr of {what}"), &stderr.file, Some(process.shared_pidfd())).map_err(Failure::from)?,
    ];
    let outer = watch.deadline().map_or(NO_LIMIT, |end| end.saturating_duration_since(Instant::now()));
    let limit = own_limit.map_or(outer, |own| own.min(outer));
    // Waits for the process, not for its output: processes that it leaves in the background belong
    // to the scenario.
    let waited = process.wait(watch, &what, limit);
    for (output, meter) in [&mut stdout, &mut stderr].into_iter().zip(meters) {
        output.growth = watch.growth(meter);
    }
    // Removes all of them, even if one fails.
    let metered = meters.map(|meter| watch.unmeter(meter));
    let waited = metered.into_iter().fold(waited, |waited, metered| metered.and(waited));
    if let Ok(Some(ended)) = waited {
        process.release();
        let took = clock.elapsed(watch);
        let status = ended.status;
        return Ok(CommandRun { command: command.clone(), at: Instant::now(), took, status, stdout, stderr });
    }
    process.kill();
    if let (Ok(None), Some(own)) = (&waited, own_limit.filter(|own| *own <= outer)) {
        return Err(Failure::new(format!("{what} did not end within {} and was killed", words::limit(own)))
            .help("to allow more time, raise the limit of the step `given commands may take N seconds`")
            .output(stdout.output(Stream::Stdout))
            .output(stderr.output(Stream::Stderr))
            .into());
    }
    let reason = waited.err().map_or_else(|| "it timed out".to_owned(), |error| error.to_string());
    Err(Failure::new(format!("{what} was stopped: {reason}"))
        .output(stdout.output(Stream::Stdout))
        .output(stderr.output(Stream::Stderr))
        .into())
}

fn working_directory(context: &Context, command: &Command) -> Result<PathBuf, Failure> {
    let Some(shown) = &command.directory else {
        return Ok(context.working_directory()?.to_owned());
    };
    let directory = context.inside(shown)?;
    match std::fs::metadata(&directory) {
        Ok(metadata) if metadata.is_dir() => Ok(directory),
        Ok(metadata) => Err(Failure::new(format!("{shown} is {}, not a directory", kind(&metadata)))),
        Err(_) => Err(missing(context, "directory", shown)),
    }
}
