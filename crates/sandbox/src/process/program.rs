//! What to start, and starting it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};

use super::capture;
use super::restrictions::{Restrictions, RunAs};
use super::running::Process;
use super::wait::{WaitError, Watch};
use crate::surroundings::emptied;
use crate::sys;

/// How long the file of a program may stay open for writing.
const BUSY_LIMIT: Duration = Duration::from_secs(1);

/// How long a program may lack a process or memory.
const SCARCITY_LIMIT: Duration = Duration::from_secs(5);

/// Where a program's standard input comes from.
#[derive(Debug)]
pub enum Input {
    /// `/dev/null`.
    Null,
    /// An open file.
    File(File),
}

/// A program to start, in a process group of its own.
#[derive(Debug)]
pub struct Program {
    /// The executable, as [`find_program`] returns it, or relative to `directory` with a slash in
    /// it.
    pub path: PathBuf,
    /// The command line with the program's name; must not be empty.
    pub argv: Vec<OsString>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Changes to the environment of this process; a variable without a value is unset.
    ///
    /// Unless they name PWD and OLDPWD, PWD is the working directory, and OLDPWD is unset.
    pub environment: Vec<(OsString, Option<OsString>)>,
    /// Its standard input.
    pub stdin: Input,
    /// Its standard output. A file, since a pipe blocks the program when its reader is slow, and
    /// stays open in the program's children.
    pub stdout: File,
    /// Its standard error.
    pub stderr: File,
}

/// Why a program was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// There is no such file, here or on the PATH.
    #[error("program not found: {name}")]
    NotFound {
        /// The program's name as given.
        name: String,
        /// Whether the PATH was searched.
        searched_path: bool,
    },
    /// There is a file, but it is not executable.
    #[error("{path} is not an executable file", path = path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
#[error("failed to start {path}: {source}", path = path.display())]
pub struct SpawnError {
    /// The program.
    pub path: PathBuf,
    /// The cause, where the system's error is misleading: a missing interpreter, a missing `#!`
    /// line.
    pub hint: Option<String>,
    /// The system's error.
    pub source: io::Error,
}

impl SpawnError {
    /// Whether the system lacks something that any program needs.
    pub fn is_scarcity(&self) -> bool {
        let scarce = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN];
        self.source.raw_os_error().is_some_and(|number| scarce.contains(&number)) || null().is_err()
    }

    /// Whether there is no process or memory left for it: see [`retry_while_scarce`].
    pub fn is_out_of_room(&self) -> bool {
        matches!(self.source.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM))
    }

    /// Whether the program's file is open for writing (`ETXTBSY`): see [`retry_while_busy`].
    pub fn is_busy(&self) -> bool {
        self.source.kind() == io::ErrorKind::ExecutableFileBusy
    }
}

/// Repeats a start while `is_busy` says that the program's file is open for writing.
///
/// A program that was just written cannot be executed as long as a process has it open for writing.
/// That may be a child that another thread has forked and that has not yet executed its program, so
/// it passes in a moment.
///
/// # Errors
///
/// When the wait is cut short.
pub fn retry_while_busy<R>(
    watch: &mut Watch,
    program: &Path,
    start: impl FnMut() -> R,
    is_busy: impl Fn(&R) -> bool,
) -> Result<R, WaitError> {
    let what = || format!("{} to be closed for writing", program.display());
    retry(watch, (what, BUSY_LIMIT), start, is_busy)
}

/// Repeats a start while `is_scarce` says that there is no process or memory left for a program.
///
/// # Errors
///
/// When the wait is cut short.
pub fn retry_while_scarce<R>(
    watch: &mut Watch,
    program: &Path,
    start: impl FnMut() -> R,
    is_scarce: impl Fn(&R) -> bool,
) -> Result<R, WaitError> {
    retry(watch, (|| format!("a process for {}", program.display()), SCARCITY_LIMIT), start, is_scarce)
}

/// Repeats a start while an obstacle is in its way.
fn retry<R>(
    watch: &mut Watch,
    (what, limit): (impl Fn() -> String, Duration),
    mut start: impl FnMut() -> R,
    is_obstructed: impl Fn(&R) -> bool,
) -> Result<R, WaitError> {
    let mut outcome = start();
    if is_obstructed(&outcome) {
        watch.until(&what(), limit, &[], || {
            outcome = start();
            (!is_obstructed(&outcome)).then_some(())
        })?;
    }
    Ok(outcome)
}

/// Opens an empty input.
fn null() -> io::Result<File> {
    File::open("/dev/null").map_err(|error| io::Error::new(error.kind(), format!("cannot open /dev/null: {error}")))
}

/// Finds a program as a shell does.
///
/// A name with a slash is a path relative to `directory`; any other is searched on `path`, the
/// value of PATH.
///
/// # Errors
///
/// When there is no such program, or it is not executable.
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

/// Whether a file is executable; `None` when there is no such file.
fn is_executable(path: &Path) -> Option<bool> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

impl Program {
    /// Starts it.
    ///
    /// Returns when the kernel shows the new program's command line, so that a look at the process
    /// table cannot miss it.
    ///
    /// # Errors
    ///
    /// When the program cannot be executed.
    pub fn start(self) -> Result<Process, SpawnError> {
        self.start_with(|command| {
            command.process_group(0);
        })
    }

    /// Starts it with limits, or as another user.
    ///
    /// # Errors
    ///
    /// When the program cannot be executed, or not in that way.
    pub fn start_restricted(self, restrictions: &Restrictions) -> Result<Process, SpawnError> {
        if restrictions.is_empty() {
            return self.start();
        }
        let started = self.start_with(|command| {
            // A session has a group of its own, which only a process that has none can create.
            if !restrictions.own_terminal {
                command.process_group(0);
            }
            sys::restrict(command, restrictions);
        });
        started.map_err(|error| {
            let hint = error.hint.or_else(|| refused(restrictions, &error.source));
            SpawnError { hint, ..error }
        })
    }

    /// Starts it so that it ends with this process and adopts what its own children leave behind.
    ///
    /// [`Process::kill_all`] then leaves nothing of it.
    ///
    /// # Errors
    ///
    /// When the program cannot be executed.
    pub fn start_attached(self) -> Result<Process, SpawnError> {
        self.start_with(|command| {
            command.process_group(0);
            sys::attach(command);
        })
    }

    fn start_with(self, prepare: impl FnOnce(&mut Command)) -> Result<Process, SpawnError> {
        let (path, argv) = (self.path.clone(), self.argv.clone());
        let started = Instant::now();
        let child = self.spawn(prepare)?;
        Process::adopt(child, argv, started).map_err(|source| SpawnError { path, hint: None, source })
    }

    /// Spawns it with the standard library, after `prepare` has completed the command.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is where processes are started")]
    pub(crate) fn spawn(self, prepare: impl FnOnce(&mut Command)) -> Result<Child, SpawnError> {
        let Self { path, argv, directory, environment, stdin, stdout, stderr } = self;
        let mut command = Command::new(&path);
        let stdin = match stdin {
            Input::Null => null(),
            Input::File(file) => Ok(file),
        };
        let stdin = match stdin {
            Ok(stdin) => stdin,
            Err(source) => return Err(SpawnError { path, hint: None, source }),
        };
        if let Some((name, args)) = argv.split_first() {
            command.arg0(name).args(args);
        }
        command.current_dir(&directory).stdin(stdin).stdout(stdout).stderr(stderr);
        // Programs take the name of their directory from it; only a shell replaces a wrong one.
        match logical(&directory) {
            Some(directory) => command.env("PWD", directory),
            None => command.env_remove("PWD"),
        };
        command.env_remove("OLDPWD");
        for (name, value) in &environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        prepare(&mut command);
        command.spawn().map_err(|source| {
            let hint = explain(&directory, &path, &argv, &environment, &source);
            SpawnError { path, hint, source }
        })
    }
}

/// Explains why a program could not be started with these restrictions.
fn refused(restrictions: &Restrictions, error: &io::Error) -> Option<String> {
    let number = error.raw_os_error()?;
    match &restrictions.user {
        Some(RunAs::Ordinary(_)) if [libc::EPERM, libc::ENOSPC, libc::EUSERS].contains(&number) => {
            Some("an ordinary user is made by a user namespace, which this system refuses here".to_owned())
        }
        Some(RunAs::Account(account)) if number == libc::EACCES => {
            Some(format!("user {} may not execute it, or not reach its directory", account.name))
        }
        Some(RunAs::Account(account)) if [libc::EPERM, libc::EINVAL].contains(&number) => {
            Some(format!("this process may not switch to user {}", account.name))
        }
        _ => None,
    }
}

/// Returns why the interpreter in the first line of a script is missing, if it is.
///
/// `head` is the beginning of the script. With `env` in that line, the interpreter is what `env`
/// looks for on `path`.
pub fn missing_interpreter(head: &[u8], path: &OsStr) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let interpreter = words.next()?;
    if is_executable(Path::new(interpreter)) != Some(true) || (line.ends_with('\r') && words.clone().next().is_none()) {
        return Some(no_interpreter(&line));
    }
    if Path::new(interpreter).file_name() != Some(OsStr::new("env")) {
        return None;
    }
    let searched = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    let is_absolute = std::env::split_paths(path).all(|entry| entry.is_absolute());
    let is_missing = is_absolute && find_program(searched.as_ref(), path, Path::new("/")).is_err();
    is_missing.then(|| format!("its first line has {interpreter} look for {searched}, which is not on PATH"))
}

/// Returns the interpreter in the first line of a script, if it exists.
///
/// `head` is the beginning of the script, and `path` is where `env` looks for the interpreter.
pub fn interpreter(head: &[u8], path: &OsStr) -> Option<PathBuf> {
    let line = String::from_utf8_lossy(head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?).into_owned();
    let mut words = line.split_whitespace();
    let interpreter = Path::new(words.next()?);
    if interpreter.file_name() == Some(OsStr::new("env")) {
        let searched = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
        return find_program(searched.as_ref(), path, Path::new("/")).ok();
    }
    interpreter.exists().then(|| interpreter.to_owned())
}

/// Describes a missing interpreter. `line` is the first line of the script after `#!`.
fn no_interpreter(line: &str) -> String {
    let interpreter = line.split_whitespace().next().unwrap_or_default();
    if line.ends_with('\r') {
        format!("its first line ends in a carriage return, so the kernel looks for `{interpreter}\\r`")
    } else {
        let hidden = emptied(Path::new(interpreter));
        let reason = hidden.map(|directory| format!(": each scenario has an empty {directory} of its own"));
        let reason = reason.unwrap_or_default();
        format!("its first line names the interpreter {interpreter}, which does not exist{reason}")
    }
}

/// Returns a directory in the form that PWD must have: absolute, without `.` and `..`.
fn logical(directory: &Path) -> Option<PathBuf> {
    let absolute: PathBuf = std::path::absolute(directory).ok()?.components().collect();
    let has_parent = absolute.components().any(|component| component == Component::ParentDir);
    if has_parent { absolute.canonicalize().ok() } else { Some(absolute) }
}

/// Explains an error of `exec` that names the wrong cause, or none.
fn explain(
    directory: &Path,
    path: &Path,
    argv: &[OsString],
    environment: &[(OsString, Option<OsString>)],
    error: &io::Error,
) -> Option<String> {
    match error.raw_os_error()? {
        libc::ENOENT if !directory.is_dir() => {
            Some(format!("its working directory does not exist: {}", directory.display()))
        }
        libc::EACCES if access(directory, Access::EXEC_OK).is_err() => {
            Some(format!("this user may not enter its working directory: {}", directory.display()))
        }
        libc::ENOENT => {
            // A relative path is relative to the program's working directory.
            let head = capture::head(&directory.join(path), 256).ok()?;
            let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
            Some(no_interpreter(&String::from_utf8_lossy(line)))
        }
        libc::ENOEXEC => Some("it is neither a program for this machine nor a script with a #! line".to_owned()),
        libc::E2BIG => {
            let size = |text: &OsString| text.len() + 1;
            let line: usize = argv.iter().map(size).sum();
            let variables: usize = environment.iter().map(|(n, v)| size(n) + v.as_ref().map_or(0, size)).sum();
            Some(format!(
                "its arguments take {line} bytes and the variables set for it {variables}; \
                 the kernel accepts 128 KiB for one string and about 2 MiB for all (E2BIG)"
            ))
        }
        _ => None,
    }
}
