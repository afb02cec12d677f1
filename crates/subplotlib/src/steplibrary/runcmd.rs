//! Steps that run commands and check what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::env::{self, JoinPathsError};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use regex::RegexBuilder;

pub use super::datadir::Datadir;
use super::datadir::about;
use crate::escapes;
pub use crate::prelude::*;

/// Variables of the tests with this prefix are set for commands without it.
const INJECTED: &str = "SUBPLOT_ENV_";

/// A child inherits files that are open for writing, and one of them may be a program that another test starts:
/// then the start fails.
static FORKS: Mutex<()> = Mutex::new(());

/// The environment of commands, and the outcome of the last one.
#[derive(Default)]
pub struct Runcmd {
    environment: BTreeMap<OsString, OsString>,
    /// Variables of the tests that commands do not get.
    removed: BTreeSet<OsString>,
    /// Directories in front of PATH, the first one last.
    directories: Vec<OsString>,
    stdin: Stdin,
    exit_code: Option<i32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// What commands read.
#[derive(Debug, Default)]
enum Stdin {
    #[default]
    Empty,
    Text(String),
    File(PathBuf),
}

impl fmt::Debug for Runcmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runcmd")
            .field("environment", &self.environment)
            .field("removed", &self.removed)
            .field("directories", &self.directories)
            .field("stdin", &self.stdin)
            .field("exit_code", &self.exit_code)
            .field("stdout", &self.stdout_as_string())
            .field("stderr", &self.stderr_as_string())
            .finish()
    }
}

impl ContextElement for Runcmd {
    #[expect(clippy::disallowed_methods, reason = "the environment of a test is that of its commands")]
    fn scenario_starts(&mut self) -> StepResult {
        let path = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let injected = env::vars_os()
            .filter_map(|(name, value)| Some((OsString::from(name.to_str()?.strip_prefix(INJECTED)?), value)));
        self.environment =
            [("SHELL".into(), "/bin/sh".into()), ("PATH".into(), path)].into_iter().chain(injected).collect();
        self.removed.clear();
        self.directories.clear();
        Ok(())
    }
}

impl Runcmd {
    /// Puts a directory in front of PATH, also before those that were put there earlier.
    pub fn prepend_to_path<S: Into<OsString>>(&mut self, element: S) {
        self.directories.push(element.into());
    }

    /// Returns the output of the last command, with replacements for bytes that are not UTF-8.
    pub fn stdout_as_string(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns the error output of the last command, with replacements for bytes that are not UTF-8.
    pub fn stderr_as_string(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Sets a variable for commands.
    pub fn setenv<K: Into<OsString>, V: Into<OsString>>(&mut self, key: K, value: V) {
        let key = key.into();
        self.removed.remove(&key);
        self.environment.insert(key, value.into());
    }

    /// Returns a variable that was set for commands.
    pub fn getenv<K: AsRef<OsStr>>(&self, key: K) -> Option<&OsStr> {
        self.environment.get(key.as_ref()).map(OsString::as_os_str)
    }

    /// Removes a variable from the environment of commands. Returns whether it was set for them.
    pub fn unsetenv<K: AsRef<OsStr>>(&mut self, key: K) -> bool {
        self.removed.insert(key.as_ref().to_owned());
        self.environment.remove(key.as_ref()).is_some()
    }

    /// Returns PATH as commands get it.
    ///
    /// # Errors
    /// If a directory has a colon in its name.
    pub fn join_paths(&self) -> Result<OsString, JoinPathsError> {
        let path = self.getenv("PATH").unwrap_or_default();
        let rest = env::split_paths(path).filter(|directory| !directory.as_os_str().is_empty());
        env::join_paths(self.directories.iter().rev().map(PathBuf::from).chain(rest))
    }

    /// Calls a function while no command of any test is being started.
    ///
    /// A function that writes a program needs it: a command that is started meanwhile would have the program open
    /// for writing, so that the program could not be started.
    ///
    /// # Errors
    /// If the function returns one.
    pub fn with_forklock<F, R>(&mut self, func: F) -> Result<R, StepError>
    where
        F: FnOnce() -> Result<R, StepError>,
    {
        let _lock = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
        func()
    }

    /// Returns the file that the next command reads.
    fn open_stdin(&self) -> Result<File, StepError> {
        let text = match &self.stdin {
            Stdin::Empty => "",
            Stdin::Text(text) => text,
            Stdin::File(path) => return File::open(path).map_err(|error| about("open", path, &error)),
        };
        let mut file = tempfile::tempfile()?;
        file.write_all(text.as_bytes())?;
        file.rewind()?;
        Ok(file)
    }
}

/// Writes an embedded file into the scenario's directory, for `sh NAME` and the like.
#[step]
pub fn helper_script(context: &Datadir, script: SubplotDataFile) {
    context.open_write(script.name())?.write_all(script.data())?;
}

/// Puts the directory of the package in front of PATH.
#[step]
#[expect(clippy::disallowed_methods, reason = "Cargo names the package of a test in its environment")]
pub fn helper_srcdir_path(context: &mut Runcmd) {
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(env::current_dir, |directory| Ok(directory.into()));
    context.prepend_to_path(package?);
}

/// Runs a command, which must succeed.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn run(context: &ScenarioContext, argv0: &str, args: &str) {
    try_to_run::call(context, argv0, args)?;
    exit_code_is::call(context, 0)?;
}

/// Runs a command, which must succeed, in a directory of the scenario.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn run_in(context: &ScenarioContext, dirname: &Path, argv0: &str, args: &str) {
    try_to_run_in::call(context, dirname, argv0, args)?;
    exit_code_is::call(context, 0)?;
}

/// Runs a command.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn try_to_run(context: &ScenarioContext, argv0: &str, args: &str) {
    try_to_run_in::call(context, Path::new(""), argv0, args)?;
}

/// Runs a command in a directory of the scenario.
///
/// Its home directory and that for temporary files are the scenario's.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
#[expect(clippy::disallowed_methods, reason = "the tests are those of the standard harness, without a stage")]
#[expect(clippy::print_stdout, reason = "the harness shows it with a failure")]
pub fn try_to_run_in(context: &ScenarioContext, dirname: &Path, argv0: &str, args: &str) {
    let (program, base) = context.with(
        |datadir: &Datadir| {
            let is_relative = argv0.starts_with('.');
            let program = if is_relative { datadir.canonicalise_filename(argv0)? } else { argv0.into() };
            Ok((program, datadir.base_path().to_owned()))
        },
        false,
    )?;
    let directory = base.join(dirname);
    let words = shell_words::split(args).map_err(|error| format!("cannot split `{args}` into words: {error}"))?;
    println!("running {argv0} with {words:?} in {}", directory.display());
    context.with_mut(
        |runcmd: &mut Runcmd| {
            let mut command = Command::new(&program);
            for name in &runcmd.removed {
                command.env_remove(name);
            }
            command.args(&words).current_dir(&directory).env("HOME", &base).env("TMPDIR", &base);
            command.envs(&runcmd.environment).env("PATH", runcmd.join_paths()?);
            command.stdin(runcmd.open_stdin()?).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = runcmd.with_forklock(|| {
                command.spawn().map_err(|error| {
                    let place = if directory.is_dir() { "" } else { ": its working directory does not exist" };
                    format!("cannot run {argv0} in {}{place}: {error}", directory.display()).into()
                })
            })?;
            let output = child.wait_with_output()?;
            runcmd.exit_code = output.status.code();
            runcmd.stdout = output.stdout;
            runcmd.stderr = output.stderr;
            println!("{}", output.status);
            for (name, text) in [("stdout", runcmd.stdout_as_string()), ("stderr", runcmd.stderr_as_string())] {
                println!("{name}:\n{text}");
            }
            Ok(())
        },
        false,
    )?;
}

/// Checks the exit code of the last command.
#[step]
pub fn exit_code_is(context: &Runcmd, exit: i32) {
    if context.exit_code != Some(exit) {
        throw!(format!("exit code: expected {exit}, actual {}{}", context.shown_exit_code(), context.shown_stderr()));
    }
}

/// Checks that the last command exited with another code.
#[step]
pub fn exit_code_is_not(context: &Runcmd, exit: i32) {
    if context.exit_code.is_none_or(|code| code == exit) {
        throw!(format!("exit code: expected any but {exit}, actual {}", context.shown_exit_code()));
    }
}

/// Checks that the last command succeeded.
#[step]
#[context(Runcmd)]
pub fn exit_code_is_zero(context: &ScenarioContext) {
    exit_code_is::call(context, 0)?;
}

/// Checks that the last command failed.
#[step]
#[context(Runcmd)]
pub fn exit_code_is_nonzero(context: &ScenarioContext) {
    exit_code_is_not::call(context, 0)?;
}

impl Runcmd {
    fn shown_exit_code(&self) -> String {
        self.exit_code.map_or_else(|| "none".to_owned(), |code| code.to_string())
    }

    fn shown_stderr(&self) -> String {
        if self.stderr.is_empty() { String::new() } else { format!("; stderr:\n{}", self.stderr_as_string()) }
    }
}

/// Has later commands read a file of the scenario.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn stdin_from_file(context: &ScenarioContext, file: &Path) {
    let path = context.with(|datadir: &Datadir| datadir.canonicalise_filename(file), false)?;
    context.with_mut(
        |runcmd: &mut Runcmd| {
            runcmd.stdin = Stdin::File(path);
            Ok(())
        },
        false,
    )?;
}

/// Has later commands read a text.
#[step]
pub fn stdin_is(runcmd: &mut Runcmd, text: &str) {
    runcmd.stdin = Stdin::Text(text.to_owned());
}

/// An output of a command.
#[derive(Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

/// What an output is compared with.
#[derive(Clone, Copy)]
enum Expected<'a> {
    Exactly(&'a str),
    Containing(&'a str),
    Matching(&'a str),
}

/// Checks an output of the last command. Unless `is_wanted`, it must differ from what is expected.
fn check(runcmd: &Runcmd, stream: Stream, expected: Expected<'_>, is_wanted: bool) -> StepResult {
    let (name, output) = match stream {
        Stream::Stdout => ("stdout", &runcmd.stdout),
        Stream::Stderr => ("stderr", &runcmd.stderr),
    };
    let shown = String::from_utf8_lossy(output);
    let (is_met, verb, text) = match expected {
        Expected::Exactly(text) => {
            let text = escapes::replace(text)?;
            (output == text.as_bytes(), "be", text)
        }
        Expected::Containing(text) => {
            let text = escapes::replace(text)?;
            (super::contains(output, &text), "contain", text)
        }
        Expected::Matching(text) => {
            let regex = RegexBuilder::new(text).multi_line(true).build()?;
            (regex.is_match(&shown), "match", text.into())
        }
    };
    if is_met != is_wanted {
        let not = if is_wanted { "" } else { "not " };
        throw!(format!("{name}: expected {not}to {verb} {text:?}, actual {shown:?}"));
    }
    Ok(())
}

/// Checks that stdout of the last command is a text.
#[step]
pub fn stdout_is(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stdout, Expected::Exactly(text), true)?;
}

/// Checks that stdout of the last command is not a text.
#[step]
pub fn stdout_isnt(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stdout, Expected::Exactly(text), false)?;
}

/// Checks that stderr of the last command is a text.
#[step]
pub fn stderr_is(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stderr, Expected::Exactly(text), true)?;
}

/// Checks that stderr of the last command is not a text.
#[step]
pub fn stderr_isnt(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stderr, Expected::Exactly(text), false)?;
}

/// Checks that stdout of the last command contains a text.
#[step]
pub fn stdout_contains(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stdout, Expected::Containing(text), true)?;
}

/// Checks that stdout of the last command does not contain a text.
#[step]
pub fn stdout_doesnt_contain(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stdout, Expected::Containing(text), false)?;
}

/// Checks that stderr of the last command contains a text.
#[step]
pub fn stderr_contains(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stderr, Expected::Containing(text), true)?;
}

/// Checks that stderr of the last command does not contain a text.
#[step]
pub fn stderr_doesnt_contain(runcmd: &Runcmd, text: &str) {
    check(runcmd, Stream::Stderr, Expected::Containing(text), false)?;
}

/// Checks that a regex matches in stdout of the last command.
#[step]
pub fn stdout_matches_regex(runcmd: &Runcmd, regex: &str) {
    check(runcmd, Stream::Stdout, Expected::Matching(regex), true)?;
}

/// Checks that a regex does not match in stdout of the last command.
#[step]
pub fn stdout_doesnt_match_regex(runcmd: &Runcmd, regex: &str) {
    check(runcmd, Stream::Stdout, Expected::Matching(regex), false)?;
}

/// Checks that a regex matches in stderr of the last command.
#[step]
pub fn stderr_matches_regex(runcmd: &Runcmd, regex: &str) {
    check(runcmd, Stream::Stderr, Expected::Matching(regex), true)?;
}

/// Checks that a regex does not match in stderr of the last command.
#[step]
pub fn stderr_doesnt_match_regex(runcmd: &Runcmd, regex: &str) {
    check(runcmd, Stream::Stderr, Expected::Matching(regex), false)?;
}

/// Sets a variable for later commands.
#[step]
pub fn set_environment_variable(runcmd: &mut Runcmd, variable: &str, value: &str) {
    runcmd.setenv(variable, value);
}

/// Removes a variable from the environment of later commands.
#[step]
pub fn unset_environment_variable(runcmd: &mut Runcmd, variable: &str) {
    runcmd.unsetenv(variable);
}
