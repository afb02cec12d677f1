//! What to start, and starting it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use crate::process::running::Process;
use crate::sys;

/// Where a program's standard input comes from.
#[derive(Debug)]
pub enum Input {
    /// Nothing: `/dev/null`.
    Null,
    /// An open file.
    File(File),
}

/// A program to start. It gets a process group of its own and the environment of this process with `environment` applied.
#[derive(Debug)]
pub struct Program {
    /// The executable, as [`find_program`] found it, or relative to `directory` and with a slash in it.
    pub path: PathBuf,
    /// The command line, the program's name included; must not be empty.
    pub argv: Vec<OsString>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Variables to set, or to unset when there is no value.
    pub environment: Vec<(OsString, Option<OsString>)>,
    /// Its standard input.
    pub stdin: Input,
    /// Its standard output: a file, since a pipe blocks the program when nobody reads and outlives it in its children.
    pub stdout: File,
    /// Its standard error.
    pub stderr: File,
}

/// Why a program was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// No such file, here or on the PATH.
    #[error("program not found: {name}")]
    NotFound {
        /// As it was asked for.
        name: String,
        /// Whether the PATH was searched.
        searched_path: bool,
    },
    /// There is a file, but it may not be executed.
    #[error("{path} is not an executable file", path = path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
#[error("failed to start {path}: {source}", path = path.display())]
pub struct StartError {
    /// The program.
    pub path: PathBuf,
    /// Said when the cause is known better than the system's error tells it: a missing interpreter, a missing `#!` line.
    pub hint: Option<String>,
    /// The system's error.
    pub source: io::Error,
}

impl StartError {
    /// Whether something is missing that any program needs.
    pub fn is_scarcity(&self) -> bool {
        let scarce = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN];
        self.source.raw_os_error().is_some_and(|number| scarce.contains(&number)) || null().is_err()
    }
}

/// An empty input.
fn null() -> io::Result<File> {
    File::open("/dev/null")
        .map_err(|error| io::Error::new(error.kind(), format!("/dev/null cannot be opened: {error}")))
}

/// Finds a program the way a shell does: a name with a slash is a path relative to `directory`, any other is searched on `path` (the value of PATH).
pub fn find_program(name: &OsStr, path: &OsStr, directory: &Path) -> Result<PathBuf, ProgramError> {
    let not_found = |searched_path| ProgramError::NotFound { name: name.to_string_lossy().into_owned(), searched_path };
    if name.is_empty() {
        return Err(not_found(false));
    }
    if name.as_bytes().contains(&b'/') {
        let file = directory.join(name);
        return match is_executable(&file) {
            Some(true) => Ok(file),
            Some(false) => Err(ProgramError::NotExecutable { path: file }),
            None => Err(not_found(false)),
        };
    }
    let mut seen = None;
    for entry in std::env::split_paths(path) {
        let file = directory.join(entry).join(name);
        match is_executable(&file) {
            Some(true) => return Ok(file),
            Some(false) => seen = seen.or(Some(file)),
            None => {}
        }
    }
    Err(seen.map_or_else(|| not_found(true), |path| ProgramError::NotExecutable { path }))
}

/// Whether a file can be executed; `None` when there is no such file.
fn is_executable(path: &Path) -> Option<bool> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

impl Program {
    /// Starts it. Returns when the kernel shows the new program under its own command line, so that a look at the process table cannot miss it.
    pub fn start(self) -> Result<Process, StartError> {
        let (path, argv) = (self.path.clone(), self.argv.clone());
        let started = Instant::now();
        let child = self.spawn(|command| {
            command.process_group(0);
        })?;
        Process::adopt(child, argv, started).map_err(|source| StartError { path, hint: None, source })
    }

    /// The same for one that ends with this process, however that ends, and that keeps what its own children leave behind:
    /// [`Process::kill_all`] then leaves nothing of it.
    pub fn start_attached(self) -> Result<Process, StartError> {
        let (path, argv) = (self.path.clone(), self.argv.clone());
        let started = Instant::now();
        let child = self.spawn(|command| {
            command.process_group(0);
            sys::attach(command);
        })?;
        Process::adopt(child, argv, started).map_err(|source| StartError { path, hint: None, source })
    }

    /// Has the standard library start it, after `prepare` has added to how.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is where processes are started")]
    pub(crate) fn spawn(self, prepare: impl FnOnce(&mut Command)) -> Result<Child, StartError> {
        let Self { path, argv, directory, environment, stdin, stdout, stderr } = self;
        let mut command = Command::new(&path);
        let null = match stdin {
            Input::Null => null(),
            Input::File(file) => Ok(file),
        };
        let stdin = match null {
            Ok(stdin) => stdin,
            Err(source) => return Err(StartError { path, hint: None, source }),
        };
        if let Some((name, args)) = argv.split_first() {
            command.arg0(name).args(args);
        }
        command.current_dir(&directory).stdin(stdin).stdout(stdout).stderr(stderr);
        for (name, value) in &environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        prepare(&mut command);
        command.spawn().map_err(|source| {
            // A relative path is relative to where it would have run.
            let hint = explain(&directory, &path, &argv, &environment, &source);
            StartError { path, hint, source }
        })
    }
}

/// What is behind an error of `exec` that names the wrong culprit or none.
fn explain(
    directory: &Path,
    path: &Path,
    argv: &[OsString],
    environment: &[(OsString, Option<OsString>)],
    error: &io::Error,
) -> Option<String> {
    match error.raw_os_error()? {
        libc::ENOENT if !directory.is_dir() => {
            Some(format!("the directory that it would work in is gone: {}", directory.display()))
        }
        libc::ENOENT => {
            let head = crate::process::capture::head(&directory.join(path), 256).ok()?;
            let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
            let line = String::from_utf8_lossy(line);
            let interpreter = line.split_whitespace().next()?;
            Some(if line.ends_with('\r') {
                format!("its first line ends in a carriage return, so the kernel looks for `{interpreter}\\r`")
            } else {
                format!("its first line names the interpreter {interpreter}, which does not exist")
            })
        }
        libc::ENOEXEC => Some("it is neither a program for this machine nor a script with a #! line".to_owned()),
        libc::E2BIG => {
            let size = |text: &OsString| text.len() + 1;
            let line: usize = argv.iter().map(size).sum();
            let variables: usize = environment.iter().map(|(n, v)| size(n) + v.as_ref().map_or(0, size)).sum();
            Some(format!(
                "its arguments take {line} bytes and the variables set for it {variables}; the kernel takes 128 KiB for one string and about 2 MiB for all (E2BIG)"
            ))
        }
        _ => None,
    }
}
