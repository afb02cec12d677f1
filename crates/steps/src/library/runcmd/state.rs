//! The state of this library in a scenario: the latest command that ran, and the standard input of
//! the next one.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use greenroom_event::OutputSource;
use greenroom_sandbox::process::{ExitStatus, RunAs};

use super::captured_output::CapturedOutput;
use super::command::Command;
use crate::context::Context;
use crate::library::invocation::Invocation;
use crate::library::place;
use crate::step::{Failure, Output, StepResult, Stream, Subject, exit_of};

/// The state of this library in a scenario.
#[derive(Debug, Default)]
pub struct Runcmd {
    pub(super) latest: Option<CommandRun>,
    pub(super) stdin: Stdin,
    /// The user that commands run as, if it is another one.
    pub(super) user: Option<RunAs>,
    pub(super) options: CommandOptions,
}

/// What steps chose for all later commands.
#[derive(Debug, Default, Clone)]
pub(super) struct CommandOptions {
    /// How long each may take.
    pub(super) limit: Option<Duration>,
    /// The directory in which they run, as the document writes it.
    pub(super) directory: Option<String>,
    /// Whether they get none of the variables that greenroom was started with.
    pub(super) has_clean_environment: bool,
}

impl Runcmd {
    /// Returns what commands read from standard input: a file, a text, or nothing.
    pub fn input(&self) -> (Option<&str>, Option<&str>) {
        match &self.stdin {
            Stdin::Nothing => (None, None),
            Stdin::File(name) => (Some(name), None),
            Stdin::Text(text) => (None, Some(text)),
        }
    }

    /// Sets what commands read from standard input: a file, or a text, or nothing.
    pub fn set_input(&mut self, file: Option<&str>, text: Option<&str>) {
        self.stdin = match (file, text) {
            (Some(name), _) => Stdin::File(name.to_owned()),
            (None, Some(text)) => Stdin::Text(text.to_owned()),
            (None, None) => Stdin::Nothing,
        };
    }

    /// Returns the command line of the latest command. `here` and `path` are those of the scenario.
    pub(crate) fn invocation(&self, here: &Path, path: &OsStr) -> Option<Invocation> {
        let command = &self.latest.as_ref()?.command;
        Some(Invocation {
            words: command.argv.clone(),
            path: path.to_owned(),
            directory: command.directory.as_ref().map_or_else(|| here.to_owned(), |directory| here.join(directory)),
            daemon: None,
            user: self.user.clone(),
        })
    }

    /// Returns the latest command that ran.
    pub fn latest(&self) -> Option<&CommandRun> {
        self.latest.as_ref()
    }
}

/// The standard input of commands.
#[derive(Debug, Default)]
pub(super) enum Stdin {
    #[default]
    Nothing,
    /// A file in the scenario's directory, opened again for each command.
    File(String),
    Text(String),
}

/// A command that ran, with its exit status and outputs.
#[derive(Debug)]
pub struct CommandRun {
    pub(super) command: Command,
    /// When it ended.
    pub(super) at: Instant,
    /// How long it ran.
    pub(super) took: Duration,
    pub(super) status: ExitStatus,
    pub(super) stdout: CapturedOutput,
    pub(super) stderr: CapturedOutput,
}

impl CommandRun {
    /// Returns the command.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Returns how it ended. As in a shell, 127 means that its program was not found, and 126 that
    /// it could not start.
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// Returns what it wrote to standard output.
    pub fn stdout(&self) -> &CapturedOutput {
        &self.stdout
    }

    /// Returns what it wrote to standard error.
    pub fn stderr(&self) -> &CapturedOutput {
        &self.stderr
    }

    /// Fails unless it ended with exit status 0.
    pub(super) fn succeeded(&self) -> StepResult {
        if self.status.success() {
            return Ok(());
        }
        let error = Failure::new(format!("command failed with {}: {}", self.status, self.command.line));
        Err(self.with_outputs(self.place(error)))
    }

    /// Adds to a failure in which directory it ran, if a step chose one, and whether the disk is
    /// full.
    pub(super) fn place(&self, error: Failure) -> Failure {
        let error = place::full_disk(&self.stderr.file).into_iter().fold(error, Failure::note);
        match &self.command.directory {
            Some(directory) => error.note(format!("it ran in directory {directory}")),
            None => error,
        }
    }

    /// Adds the command and how it ended to a failure.
    pub(crate) fn explain(&self, error: Failure) -> Failure {
        let note = format!("the command `{}` ended with {}", self.command.line, self.status);
        self.place(error.note(note)).about(self.subject())
    }

    fn subject(&self) -> Subject {
        Subject::Command { line: self.command.line.clone(), exit: Some(exit_of(self.status)) }
    }

    /// Adds both outputs to a failure.
    pub(crate) fn with_outputs(&self, error: Failure) -> Failure {
        Stream::BOTH.into_iter().fold(error, |error, stream| error.output(self.output(stream)))
    }

    /// Returns the end of one output.
    pub(crate) fn output(&self, stream: Stream) -> Output {
        self.captured(stream).output(stream)
    }

    /// Returns one output.
    pub(super) fn captured(&self, stream: Stream) -> &CapturedOutput {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }
}

/// Returns what the latest command wrote, if it ran since the given time.
pub fn written_since(context: &mut Context, since: Instant) -> Vec<Output> {
    let latest = context.state::<Runcmd>().latest.as_ref().filter(|ran| ran.at >= since);
    let outputs = latest.map(|ran| [(Stream::Stdout, &ran.stdout), (Stream::Stderr, &ran.stderr)]);
    outputs.into_iter().flatten().filter_map(|(stream, output)| output.evidence(stream)).collect()
}

/// Adds the latest command to the failure of a function.
///
/// Only if the command ran since the given time, and the failure does not show it already.
pub(crate) fn explain_since(context: &mut Context, since: Instant, error: Failure) -> Failure {
    let latest = context.state::<Runcmd>().latest.as_ref().filter(|ran| ran.at >= since);
    let names_it = |ran: &CommandRun| {
        let is_about_a_command = matches!(error.subject, Some(Subject::Command { .. }));
        let shows_a_command = |output: &Output| matches!(output.source, OutputSource::Command { .. });
        is_about_a_command || error.output.iter().any(shows_a_command) || error.message.contains(&ran.command.line)
    };
    match latest {
        Some(ran) if !names_it(ran) => ran.with_outputs(ran.explain(error)),
        _ => error,
    }
}
