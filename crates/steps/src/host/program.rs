//! How a step host is started.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use greenroom_sandbox::process::{Input, Process, Program, SpawnError, find_program};
use rustix::fs::{Access, access};
use rustix::io::FdFlags;

use super::python;
use super::step_file::StepFile;
use crate::step::Failure;

/// A step host: how it is started, and what it loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProgram {
    /// The key under `impls` and in bindings.
    pub language: String,
    /// The program, a name on PATH or a path.
    pub program: String,
    /// Whether the program is a Python that runs greenroom's own host.
    pub python: bool,
    /// The files with the step functions, in order.
    pub files: Vec<StepFile>,
    /// Where the program is looked for outside of scenarios: the value of `PATH`.
    pub path: OsString,
    /// Variables while it loads them, over those of this process; no value unsets.
    pub loading: Vec<(OsString, Option<OsString>)>,
}

impl HostProgram {
    /// Starts the host, with one end of its socket.
    pub(super) fn execute(
        &self,
        socket: &UnixStream,
        path: &OsStr,
        directory: &Path,
        mut environment: Vec<(OsString, Option<OsString>)>,
        output: &File,
        start: fn(Program) -> Result<Process, SpawnError>,
    ) -> Result<Process, Failure> {
        let found = find_program(self.program.as_ref(), path, directory).map_err(|_| {
            Failure::new(format!("program not found: {}", self.program))
                .note(format!("it runs the {} steps of this document", self.language))
                .help(if self.python {
                    super::check::help_for_missing(&self.program)
                } else {
                    format!("say where it is with `--host {}=PATH`", self.language)
                })
        })?;
        if access(directory, Access::EXEC_OK).is_err() {
            let (language, directory) = (&self.language, directory.display());
            return Err(Failure::new(format!(
                "{language} steps run in the source directory, {directory}, which this user may not enter"
            ))
            .help("start greenroom in a directory that every user may enter"));
        }
        let mut argv: Vec<OsString> = vec![self.program.clone().into()];
        let code = self.python.then(python::program).transpose()?;
        if let Some(code) = &code {
            argv.extend(["-c".into(), crate::interpreter::START.into()]);
            environment.push(("GREENROOM_CODE".into(), Some(code.as_raw_fd().to_string().into())));
        }
        environment.push(("GREENROOM_HOST".into(), Some(socket.as_raw_fd().to_string().into())));
        // The host inherits these two; nothing else is started until they are close-on-exec again.
        let inherited = || code.iter().map(AsFd::as_fd).chain([socket.as_fd()]);
        inherited().try_for_each(|fd| rustix::io::fcntl_setfd(fd, FdFlags::empty()))?;
        let program = Program {
            path: found,
            argv,
            directory: directory.to_owned(),
            environment,
            stdin: Input::Null,
            stdout: output.try_clone()?,
            stderr: output.try_clone()?,
        };
        let process = start(program)?;
        inherited().try_for_each(|fd| rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC))?;
        Ok(process)
    }
}
