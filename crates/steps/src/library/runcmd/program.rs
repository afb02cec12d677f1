//! Finding the program of a command, and the failure when it cannot run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use greenroom_sandbox::process::{ProgramError, find_program};

use super::command::Command;
use crate::context::{Context, leaves};
use crate::library::command;
use crate::library::place::around;
use crate::step::{Failure, FailureKind, note_emptied};

/// The exit status of shells for a program that they do not find.
const NOT_FOUND: i32 = 127;
/// The exit status of shells for a program that they cannot execute.
pub(super) const NOT_EXECUTABLE: i32 = 126;

/// Why a command did not run.
pub(super) struct NotRun {
    /// The exit status that a shell would give.
    pub(super) status: i32,
    pub(super) error: Failure,
}

impl NotRun {
    pub(super) fn new(status: i32, error: Failure) -> Self {
        Self { status, error }
    }
}

/// The failure of a command: it did not run, which a step that only tries does not mind, or the
/// step fails.
pub(super) enum CommandFailure {
    NotRun(NotRun),
    Step(Failure),
}

impl From<Failure> for CommandFailure {
    fn from(error: Failure) -> Self {
        Self::Step(error)
    }
}

/// Finds the file to execute.
///
/// A name with a slash is relative to the directory in which the command runs or else to the
/// working directory.
pub(super) fn find(context: &mut Context, command: &Command, directory: &Path) -> Result<PathBuf, CommandFailure> {
    let name = command.argv.first().map_or("", String::as_str);
    let path = context.environment().path();
    let error = match find_program(OsStr::new(name), &path, directory) {
        // Scripts see the name that they are executed by, so it stays as written.
        Ok(_) if name.contains('/') => return Ok(PathBuf::from(name)),
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    if name.contains('/')
        && let Ok(found) = find_program(OsStr::new(name), &path, context.working_directory()?)
    {
        return Ok(found);
    }
    Err(CommandFailure::NotRun(match error {
        ProgramError::NotExecutable { path: file } => {
            let file = if name.contains('/') { name.to_owned() } else { file.display().to_string() };
            let error =
                Failure::new(format!("{file} is not an executable file")).kind(FailureKind::NotExecutable).help(
                    format!("write it with `given executable file`, or run its interpreter: `sh {file}`, for example"),
                );
            NotRun::new(NOT_EXECUTABLE, error)
        }
        ProgramError::NotFound { .. } => {
            let error = Failure::new(format!("program not found: {name}")).kind(FailureKind::ProgramNotFound);
            let error = note_emptied(name, &path, error);
            NotRun::new(NOT_FOUND, advise(context, name, command.directory.as_deref(), &path, error))
        }
    }))
}

/// Adds advice to a failure about a program that was not found.
fn advise(context: &Context, name: &str, directory: Option<&str>, path: &OsStr, error: Failure) -> Failure {
    let elsewhere = command::in_source_directory(name, context.source_directory());
    if let Some(help) = elsewhere.filter(|_| error.help.is_empty()) {
        return error.help(help);
    }
    if name.contains('/') {
        return match directory {
            _ if leaves(name) => error,
            Some(directory) => around(context, &format!("{directory}/{name}"), error),
            None => around(context, name, error),
        };
    }
    let error = error.note(format!("PATH is {}", path.to_string_lossy()));
    if context.working_directory().is_ok_and(|here| here.join(name).is_file()) {
        return error.help(format!("{} has a file of this name: write `./{name}`", context.here()));
    }
    if let Some(directory) = directory
        && context.working_directory().is_ok_and(|here| here.join(directory).join(name).is_file())
    {
        return error.help(format!("{directory} has a file of this name: write `./{name}`"));
    }
    let names = command::names_on(path);
    // A program that is not visible here has the right name.
    match command::nearest_program(name, &names).filter(|_| error.help.is_empty()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}
