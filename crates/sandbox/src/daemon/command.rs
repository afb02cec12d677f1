//! What to start as a daemon.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::DaemonError;
use super::keeper::Keeper;
use super::output::Output;
use super::running::Daemon;
use crate::process::{Input, Program, Watch, find_program, retry_while_busy};

/// A builder of daemons, with the methods of [`std::process::Command`].
///
/// ```
/// use greenroom_sandbox::DaemonCommand;
///
/// let mut command = DaemonCommand::new("sh");
/// command.arg("-c").arg("echo $COLOUR; exec sleep 60").env("COLOUR", "green").current_dir("/");
/// let daemon = command.spawn()?;
/// assert!(daemon.id() > 1);
/// # Ok::<(), greenroom_sandbox::DaemonError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DaemonCommand {
    argv: Vec<OsString>,
    directory: PathBuf,
    environment: Vec<(OsString, Option<OsString>)>,
}

impl DaemonCommand {
    /// Creates a command for this program: a name to be searched on the PATH, or a path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { argv: vec![program.as_ref().to_owned()], directory: ".".into(), environment: Vec::new() }
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = A>) -> &mut Self {
        self.argv.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets the working directory; the default is the test's.
    ///
    /// A program with a slash in its name is relative to it.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        directory.as_ref().clone_into(&mut self.directory);
        self
    }

    /// Sets an environment variable.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Sets environment variables.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, variables: impl IntoIterator<Item = (N, V)>) -> &mut Self {
        for (name, value) in variables {
            self.env(name, value);
        }
        self
    }

    /// Removes a variable of the test's environment.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Removes all variables of the test's environment.
    pub fn env_clear(&mut self) -> &mut Self {
        self.environment = std::env::vars_os().map(|(name, _)| (name, None)).collect();
        self
    }

    /// Starts the daemon. It can be called again, for another one.
    ///
    /// Returns when the program is being executed. The waits of [`Daemon`] find out when it is
    /// ready.
    ///
    /// # Errors
    ///
    /// When the program does not exist or cannot be executed, or when there is no file for its
    /// output.
    pub fn spawn(&mut self) -> Result<Daemon, DaemonError> {
        let directory = std::path::absolute(&self.directory).unwrap_or_else(|_| self.directory.clone());
        let name = self.argv.first().cloned().unwrap_or_default();
        let path = find_program(&name, &self.search_path(), &directory)?;
        let (stdout, stderr) = (Output::new()?, Output::new()?);
        let start = || -> Result<Keeper, DaemonError> {
            Ok(Keeper::start(Program {
                path: path.clone(),
                argv: self.argv.clone(),
                directory: directory.clone(),
                environment: self.environment.clone(),
                stdin: Input::Null,
                stdout: stdout.file()?,
                stderr: stderr.file()?,
            })?)
        };
        let is_busy =
            |started: &Result<Keeper, _>| matches!(started, Err(DaemonError::Spawn(error)) if error.is_busy());
        match retry_while_busy(&mut Watch::new(), &path, start, is_busy) {
            Ok(keeper) => Ok(Daemon::new(name.to_string_lossy().into_owned(), keeper?, stdout, stderr)),
            // A watch without limits cuts nothing short.
            Err(error) => Err(std::io::Error::other(error).into()),
        }
    }

    /// Returns the PATH that the daemon will have.
    #[expect(clippy::disallowed_methods, reason = "a daemon has the environment of the test that starts it")]
    fn search_path(&self) -> OsString {
        let set = self.environment.iter().rev().find(|(name, _)| name == "PATH");
        set.map_or_else(|| std::env::var_os("PATH"), |(_, value)| value.clone()).unwrap_or_default()
    }
}
