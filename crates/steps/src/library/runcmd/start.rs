//! Starting the process of a command.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use greenroom_sandbox::process::{
    Input, Process, Program, Restrictions, RunAs, SpawnError, retry_while_busy, retry_while_scarce,
};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::captured_output::CapturedOutput;
use super::command::Command;
use super::program::{CommandFailure, NOT_EXECUTABLE, NotRun};
use super::state::{Runcmd, Stdin};
use crate::context::Context;
use crate::library::place::{self, cannot};
use crate::library::user;
use crate::step::{Failure, out_of_room};

/// Starts a command. Retries if its program is being written.
pub(super) fn start(
    context: &mut Context,
    command: &Command,
    program: &Path,
    directory: &Path,
    (stdout, stderr): (&CapturedOutput, &CapturedOutput),
) -> Result<Process, CommandFailure> {
    let user = context.state::<Runcmd>().user.clone();
    let is_clean = context.state::<Runcmd>().options.has_clean_environment;
    let mut environment = if is_clean { context.environment().without_inherited() } else { Vec::new() };
    if let Some(RunAs::Account(account)) = &user {
        environment.extend(user::environment(context, account)?);
    }
    // What the scenario sets comes later, and wins.
    environment.extend(if is_clean { context.environment().set_by_steps() } else { context.environment().changes() });
    let restrictions = Restrictions { user, ..Restrictions::default() };
    let stdin = stdin(context)?;
    let argv: Vec<OsString> = command.argv.iter().map(OsString::from).collect();
    let start = || -> io::Result<Result<Process, SpawnError>> {
        let stdin = match &stdin {
            None => Input::Null,
            Some(file) => Input::File(file.try_clone()?),
        };
        Ok(Program {
            path: program.to_owned(),
            argv: argv.clone(),
            directory: directory.to_owned(),
            environment: environment.clone(),
            stdin,
            stdout: stdout.writer()?,
            stderr: stderr.writer()?,
        }
        .start_restricted(&restrictions))
    };
    let is_busy =
        |outcome: &io::Result<Result<Process, SpawnError>>| matches!(outcome, Ok(Err(error)) if error.is_busy());
    let is_scarce =
        |outcome: &io::Result<Result<Process, SpawnError>>| matches!(outcome, Ok(Err(error)) if error.is_out_of_room());
    let mut outcome = retry_while_busy(context.watch(), program, start, is_busy).map_err(Failure::from)?;
    if is_scarce(&outcome) {
        outcome = retry_while_scarce(context.watch(), program, start, is_scarce).map_err(Failure::from)?;
    }
    match outcome.map_err(Failure::from)? {
        Ok(process) => Ok(process),
        Err(error) if error.is_out_of_room() => Err(CommandFailure::from(out_of_room(&error))),
        Err(SpawnError { hint, source, .. }) => {
            let name = command.argv.first().map_or("", String::as_str);
            let error = cannot("start", name, &source);
            let error = hint.into_iter().fold(error, Failure::note);
            Err(CommandFailure::NotRun(NotRun::new(NOT_EXECUTABLE, error)))
        }
    }
}

/// Opens the standard input that the scenario chose; `None` for `/dev/null`.
fn stdin(context: &mut Context) -> Result<Option<File>, Failure> {
    let backstage = context.backstage().to_owned();
    match &context.state::<Runcmd>().stdin {
        Stdin::Nothing => Ok(None),
        Stdin::Text(text) => input_file(&backstage, text.as_bytes()).map(Some),
        Stdin::File(name) => {
            let name = name.clone();
            let file = place::read(context, &name)?;
            // The program expects a file that blocks.
            fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
            Ok(Some(file))
        }
    }
}

/// Writes a text into a file for standard input. A pipe would have to be fed.
fn input_file(backstage: &Path, bytes: &[u8]) -> Result<File, Failure> {
    let write = || -> io::Result<File> {
        let mut file = tempfile::tempfile_in(backstage)?;
        file.write_all_at(bytes, 0)?;
        file.rewind()?;
        Ok(file)
    };
    write().map_err(|error| cannot("create", "a file for the command's input", &error))
}
