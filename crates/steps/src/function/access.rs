//! What step functions in Rust can do with commands and daemons: the same as native steps, with the same
//! state.

use std::sync::LazyLock;
use std::time::Duration;

use greenroom_sandbox::Signal;
use greenroom_sandbox::process::ExitStatus;

use crate::context::Context;
use crate::library::daemon::Daemons;
use crate::library::place::nearest;
use crate::library::runcmd::{Runcmd, no_command};
use crate::registry::{Library, Registry};
use crate::step::{Captures, Failure, StepResult, Stream};

/// The functions of native steps.
static NATIVE: LazyLock<Registry> = LazyLock::new(Registry::builtin);

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Returns its standard output. Invalid UTF-8 is replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns its standard error. Invalid UTF-8 is replaced.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Context {
    /// Calls the function of a native step: `daemon_wait_port` with the captures `name` and `port`.
    ///
    /// `greenroom steps --rust` shows these calls for all of them.
    ///
    /// # Errors
    ///
    /// When no native step has a function of this name, or the function fails.
    pub fn native(&mut self, function: &str, captures: &[(&str, &str)]) -> StepResult {
        let Some(step) = NATIVE.function(function) else {
            return Err(no_native_function(function));
        };
        let texts = captures.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        step(self, &Captures::new(texts))
    }

    /// Runs a command to its end. Fails when it does.
    ///
    /// The command line is split into words as a shell does it, but no shell runs it. The command runs in
    /// the working directory, with the environment of the scenario. Later steps can check its output.
    ///
    /// # Errors
    ///
    /// When the command cannot be started, or does not end with status 0.
    pub fn run(&mut self, command: &str) -> Result<Finished, Failure> {
        self.command("runcmd_run", command)
    }

    /// Runs a command to its end, whatever its status.
    ///
    /// # Errors
    ///
    /// When the command cannot be started.
    pub fn try_to_run(&mut self, command: &str) -> Result<Finished, Failure> {
        self.command("runcmd_try_to_run", command)
    }

    fn command(&mut self, function: &str, command: &str) -> Result<Finished, Failure> {
        let (program, arguments) = split(command);
        self.native(function, &[("argv0", program), ("args", arguments)])?;
        self.last_command()
    }

    /// Returns the command that ran last, by a step of the document or by a function.
    ///
    /// # Errors
    ///
    /// When no command has run, or its output cannot be read.
    pub fn last_command(&mut self) -> Result<Finished, Failure> {
        let ran = self.state::<Runcmd>().latest().ok_or_else(no_command)?;
        Ok(Finished { status: ran.status(), stdout: ran.stdout().bytes()?, stderr: ran.stderr().bytes()? })
    }

    /// Starts a program in the background, as a daemon with this name.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_daemon(&mut self, name: &str, command: &str) -> StepResult {
        let (program, arguments) = split(command);
        self.native("daemon_start", &[("path", program), ("args", arguments), ("name", name)])
    }

    /// Starts a program in the background, and waits until it listens on a TCP port, for at most five
    /// seconds.
    ///
    /// # Errors
    ///
    /// When the program cannot be started, ends before that, or the time is over.
    pub fn start_daemon_on_port(&mut self, name: &str, command: &str, port: u16) -> StepResult {
        let (program, arguments) = split(command);
        let port = port.to_string();
        self.native("daemon_start", &[("path", program), ("args", arguments), ("name", name), ("port", &port)])
    }

    /// Waits until a daemon listens on a TCP port.
    ///
    /// # Errors
    ///
    /// When there is no such daemon, it ends before that, or the time is over.
    pub fn wait_for_daemon_port(&mut self, name: &str, port: u16, limit: Duration) -> StepResult {
        let (port, limit) = (port.to_string(), seconds(limit));
        self.native("daemon_wait_port", &[("name", name), ("port", &port), ("limit", &limit)])
    }

    /// Waits until a daemon has written a text to its standard output or error.
    ///
    /// # Errors
    ///
    /// When there is no such daemon, it ends before that, or the time is over.
    pub fn wait_for_daemon_text(&mut self, name: &str, stream: Stream, text: &str, limit: Duration) -> StepResult {
        let function = match stream {
            Stream::Stdout => "daemon_wait_stdout",
            Stream::Stderr => "daemon_wait_stderr",
        };
        self.native(function, &[("name", name), ("text", text), ("limit", &seconds(limit))])
    }

    /// Stops a daemon, and starts it as it was started last. Waits for its port again, if it had one.
    ///
    /// # Errors
    ///
    /// When there is no such daemon, or it does not stop or start.
    pub fn restart_daemon(&mut self, name: &str) -> StepResult {
        self.native("daemon_restart", &[("name", name)])
    }

    /// Stops a daemon: SIGTERM, and SIGKILL after five seconds, which is a failure.
    ///
    /// # Errors
    ///
    /// When there is no such daemon, or it had to be killed.
    pub fn stop_daemon(&mut self, name: &str) -> StepResult {
        self.native("daemon_stop", &[("name", name)])
    }

    /// Sends a signal to a daemon.
    ///
    /// # Errors
    ///
    /// When there is no such daemon, or it has ended.
    pub fn signal_daemon(&mut self, name: &str, signal: Signal) -> StepResult {
        self.native("daemon_signal", &[("name", name), ("signal", &signal.to_string())])
    }

    /// Returns what a daemon has written to its standard output or error.
    ///
    /// # Errors
    ///
    /// When there is no such daemon, or its output cannot be read.
    pub fn daemon_output(&mut self, name: &str, stream: Stream) -> Result<Vec<u8>, Failure> {
        Ok(std::fs::read(self.state::<Daemons>().get(name)?.file(stream))?)
    }

    /// Returns the process number of a daemon.
    ///
    /// # Errors
    ///
    /// When there is no such daemon.
    pub fn daemon_id(&mut self, name: &str) -> Result<u32, Failure> {
        Ok(self.state::<Daemons>().get(name)?.id())
    }
}

/// Says that no built-in step has a function of this name.
fn no_native_function(name: &str) -> Failure {
    let known = NATIVE.libraries().flat_map(Library::functions);
    let near = nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Failure::new(format!("no built-in step has a function `{name}`{near}"))
        .help("`greenroom steps --rust` shows the functions of the built-in steps, with their captures")
}

/// Splits a command line behind the program, as the captures of steps do.
fn split(command: &str) -> (&str, &str) {
    let command = command.trim_start();
    // A quoted program is the beginning of the whole.
    let end = if command.starts_with(['"', '\'']) { None } else { command.find(char::is_whitespace) };
    command.split_at(end.unwrap_or(command.len()))
}

fn seconds(limit: Duration) -> String {
    limit.as_secs_f64().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_behind_its_program() {
        assert_eq!(split("tally 7000 -v"), ("tally", " 7000 -v"));
        assert_eq!(split("tally"), ("tally", ""));
        assert_eq!(split("'my tally' 7000"), ("'my tally' 7000", ""));
    }

    #[test]
    fn a_misspelled_native_function_is_recognized() {
        let failure = no_native_function("files_tuch");
        assert_eq!(failure.message, "no built-in step has a function `files_tuch`; did you mean `files_touch`?");
        assert!(failure.help[0].starts_with("`greenroom steps --rust` shows"), "{failure:?}");
        assert_eq!(no_native_function("brew coffee").message, "no built-in step has a function `brew coffee`");
    }
}
