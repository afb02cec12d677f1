//! A running daemon.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::error::{DaemonError, Details};
use super::keeper::{Keeper, KeeperEnd, KeeperState};
use super::output::Output;
use crate::process::ports::Listener;
use crate::process::ready::{Port, Readiness, Text};
use crate::process::{Exit, Signal, StopOutcome, table};
use crate::surroundings::this_process;

/// How long `drop` and [`Daemon::stop`] wait for what was killed.
const FAREWELL: Duration = Duration::from_secs(10);
/// How much of each output messages show, in bytes.
const SHOWN: u64 = 2000;

/// A running daemon. Dropping it kills it, with everything that it has started.
///
/// What that promise covers is described in the module [`daemon`](crate::daemon).
///
/// ```
/// use std::time::Duration;
/// use greenroom_sandbox::DaemonCommand;
///
/// let script = "echo hello; trap '' TERM; while :; do sleep 60; done";
/// let mut daemon = DaemonCommand::new("sh").args(["-c", script]).spawn()?;
/// daemon.wait_for_stdout("hello", Duration::from_secs(10))?;
/// drop(daemon); // it is gone, and so is its `sleep`
/// # Ok::<(), greenroom_sandbox::DaemonError>(())
/// ```
#[derive(Debug)]
pub struct Daemon {
    name: String,
    keeper: Keeper,
    stdout: Output,
    stderr: Output,
}

/// A process of a daemon: see [`Daemon::processes`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its process number.
    pub id: u32,
    /// The process number of its parent.
    pub parent_id: u32,
    /// Its command line, words joined by spaces; its name in brackets when it has none.
    pub command: String,
    /// How long it has been running.
    pub age: Duration,
}

impl Daemon {
    /// Puts it together.
    pub(super) fn new(name: String, keeper: Keeper, stdout: Output, stderr: Output) -> Self {
        Self { name, keeper, stdout, stderr }
    }

    /// Returns its process number, which is also that of its process group.
    pub fn id(&self) -> u32 {
        u32::try_from(self.keeper.daemon()).unwrap_or_default()
    }

    /// Returns how it ended, if it has.
    ///
    /// Processes that it left behind may still run, as those of a program that puts itself into the
    /// background do.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use greenroom_sandbox::{DaemonCommand, ExitStatus};
    /// let mut daemon = DaemonCommand::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// daemon.wait(Duration::from_secs(10))?;
    /// assert_eq!(daemon.try_wait().map(|exit| exit.status), Some(ExitStatus::Code(7)));
    /// # Ok::<(), greenroom_sandbox::DaemonError>(())
    /// ```
    pub fn try_wait(&mut self) -> Option<Exit> {
        self.keeper.state().exit()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    ///
    /// When the limit passes first.
    pub fn wait(&mut self, limit: Duration) -> Result<Exit, DaemonError> {
        self.keeper.until(limit, KeeperState::exit).ok_or_else(|| DaemonError::TimedOut {
            name: self.name.clone(),
            what: "the end".to_owned(),
            limit,
            details: self.details(),
        })
    }

    /// Waits until it listens on this TCP port, and returns the address to connect to.
    ///
    /// The port counts on any address, but the socket must belong to the daemon or a process that
    /// it has started. No connection is made.
    ///
    /// # Errors
    ///
    /// When it ends, or the limit passes first. Notes say which process has the port instead.
    pub fn wait_for_port(&mut self, port: u16, limit: Duration) -> Result<SocketAddr, DaemonError> {
        let keeper = self.keeper.pid();
        let mut readiness = Port::new(port).of_descendants(keeper);
        match self.wait_for(&mut readiness, limit) {
            Ok(listener) => Ok(listener.target()),
            Err(error) => Err(error.with_notes(owners(keeper, &readiness.listeners().all(), port))),
        }
    }

    /// Waits until it listens on any TCP port, and returns the address to connect to.
    ///
    /// A daemon that treats port 0 as "any free port" lets tests run side by side. When it opens
    /// several ports, this is one that it opens first.
    ///
    /// # Errors
    ///
    /// When it ends, or the limit passes first.
    pub fn wait_for_listener(&mut self, limit: Duration) -> Result<SocketAddr, DaemonError> {
        let mut readiness = Port::any().of_descendants(self.keeper.pid());
        self.wait_for(&mut readiness, limit).map(|listener| listener.target())
    }

    /// Waits until it has written this text to its standard output.
    ///
    /// Many programs buffer output that does not go to a terminal, and write it when they end or
    /// when the buffer is full. Python needs `-u`, others `stdbuf -oL`.
    ///
    /// # Errors
    ///
    /// When it ends without writing the text, or the limit passes first.
    pub fn wait_for_stdout(&mut self, text: impl AsRef<[u8]>, limit: Duration) -> Result<(), DaemonError> {
        let readiness = Text::in_file(text.as_ref(), "stdout", self.stdout.file()?);
        self.wait_for_text(readiness, "stdout", limit)
    }

    /// Waits until it has written this text to its standard error.
    ///
    /// # Errors
    ///
    /// When it ends without writing the text, or the limit passes first.
    pub fn wait_for_stderr(&mut self, text: impl AsRef<[u8]>, limit: Duration) -> Result<(), DaemonError> {
        let readiness = Text::in_file(text.as_ref(), "stderr", self.stderr.file()?);
        self.wait_for_text(readiness, "stderr", limit)
    }

    fn wait_for_text(&mut self, mut readiness: Text, stream: &str, limit: Duration) -> Result<(), DaemonError> {
        self.wait_for(&mut readiness, limit).map_err(|error| match error {
            DaemonError::TimedOut { .. } if readiness.is_empty().unwrap_or(false) => error.with_notes(vec![format!(
                "{stream} is empty; many programs buffer output that does not go to a terminal"
            )]),
            _ => error,
        })
    }

    /// Waits for any condition: one of the module [`ready`](crate::ready), or your own.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use greenroom_sandbox::{DaemonCommand, ready};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut daemon = DaemonCommand::new("sh")
    ///     .args(["-c", "touch ready; exec sleep 60"])
    ///     .current_dir(&directory)
    ///     .spawn()?;
    /// daemon.wait_for(&mut ready::File::new(directory.path().join("ready")), Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it ends, or the limit passes first.
    pub fn wait_for<R: Readiness>(&mut self, readiness: &mut R, limit: Duration) -> Result<R::Found, DaemonError> {
        let what = readiness.to_string();
        let begun = Instant::now();
        let found = self.look(&what, limit, || readiness.look(limit.saturating_sub(begun.elapsed())));
        found.map_err(|error| error.with_notes(readiness.latest().into_iter().collect()))
    }

    /// Waits until `is_ready` returns true; it is called at least every 10 ms.
    ///
    /// `what` follows "waiting for" in the error.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use greenroom_sandbox::DaemonCommand;
    /// # let directory = tempfile::tempdir()?;
    /// # let mut daemon = DaemonCommand::new("sh")
    /// #     .args(["-c", "echo 1 >state; exec sleep 60"]).current_dir(&directory).spawn()?;
    /// let state = directory.path().join("state");
    /// let is_ready = || std::fs::read_to_string(&state).is_ok_and(|text| text == "1\n");
    /// daemon.wait_until("state 1", Duration::from_secs(10), is_ready)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it ends, or the limit passes first.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<(), DaemonError> {
        self.look(what, limit, || is_ready().then_some(()))
    }

    /// Looks until `look` finds something, the daemon can no longer cause it, or `limit` has
    /// passed.
    fn look<T>(&mut self, what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, DaemonError> {
        let found = self.keeper.until(limit, |state| {
            // The end first, so that `look` sees everything from before it. A program that puts
            // itself into the background ends with status 0, and what it leaves behind continues.
            let hopeless = state.has_ended() || state.exit().is_some_and(|exit| !exit.status.success());
            look().map(Some).or_else(|| hopeless.then_some(None))
        });
        let (name, what) = (self.name.clone(), what.to_owned());
        match (found, self.try_wait()) {
            (Some(Some(found)), _) => Ok(found),
            (Some(None), Some(exit)) => Err(DaemonError::Exited { name, what, exit, details: self.details() }),
            (Some(None) | None, _) => Err(DaemonError::TimedOut { name, what, limit, details: self.details() }),
        }
    }

    /// Returns its standard output so far. Invalid UTF-8 is replaced.
    ///
    /// # Errors
    ///
    /// When the output cannot be read.
    pub fn stdout(&self) -> io::Result<String> {
        self.stdout_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns its standard error so far. Invalid UTF-8 is replaced.
    ///
    /// # Errors
    ///
    /// When the output cannot be read.
    pub fn stderr(&self) -> io::Result<String> {
        self.stderr_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the bytes of its standard output so far.
    ///
    /// # Errors
    ///
    /// When the output cannot be read.
    pub fn stdout_bytes(&self) -> io::Result<Vec<u8>> {
        self.stdout.tail(u64::MAX)
    }

    /// Returns the bytes of its standard error so far.
    ///
    /// # Errors
    ///
    /// When the output cannot be read.
    pub fn stderr_bytes(&self) -> io::Result<Vec<u8>> {
        self.stderr.tail(u64::MAX)
    }

    /// Sends a signal to the daemon's own process, without waiting for its effect.
    ///
    /// Nothing happens when it has ended.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use greenroom_sandbox::{DaemonCommand, Signal};
    /// let script = "trap 'echo reloaded' HUP; echo up; while :; do sleep 0.01; done";
    /// let mut daemon = DaemonCommand::new("sh").args(["-c", script]).spawn()?;
    /// daemon.wait_for_stdout("up", Duration::from_secs(10))?;
    /// daemon.signal(Signal::HUP);
    /// daemon.wait_for_stdout("reloaded", Duration::from_secs(10))?;
    /// # Ok::<(), greenroom_sandbox::DaemonError>(())
    /// ```
    pub fn signal(&self, signal: Signal) {
        self.keeper.signal(signal);
    }

    /// Stops it politely: SIGTERM to its process group, and SIGKILL to what is left after `grace`.
    ///
    /// SIGKILL goes to everything that the daemon has started, once the daemon and its group have
    /// ended or `grace` has passed. The same holds for what a daemon left behind that has put
    /// itself into the background. Returns when all of it is gone. The output can still be read.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use greenroom_sandbox::{DaemonCommand, StopOutcome};
    /// let mut daemon = DaemonCommand::new("sleep").arg("60").spawn()?;
    /// let outcome = daemon.stop(Duration::from_secs(10))?;
    /// assert!(matches!(outcome, StopOutcome::Gracefully(_)));
    /// # Ok::<(), greenroom_sandbox::DaemonError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When something is still running ten seconds after it was killed, or the keeper was killed.
    pub fn stop(&mut self, grace: Duration) -> Result<StopOutcome, DaemonError> {
        let begun = Instant::now();
        let before = self.try_wait();
        self.keeper.signal_group(Signal::TERM);
        // A stopped process could not handle SIGTERM.
        self.keeper.signal_group(Signal::CONT);
        let exit = before.or_else(|| self.keeper.until(grace, KeeperState::exit));
        if exit.is_some() {
            let group = self.keeper.daemon();
            let rest = grace.saturating_sub(begun.elapsed());
            self.keeper.until(rest, |state| {
                (state.has_ended() || (before.is_none() && !table::group_lives(group))).then_some(())
            });
        }
        self.end(before, exit)
    }

    /// Kills it with SIGKILL, and everything that it has started. Returns when all of it is gone.
    ///
    /// # Errors
    ///
    /// When something is still running ten seconds after it was killed, or the keeper was killed.
    pub fn kill(&mut self) -> Result<StopOutcome, DaemonError> {
        let before = self.try_wait();
        self.end(before, before)
    }

    /// Kills what is left. `before` is its end before the stop, `exit` the one that the stop
    /// reached.
    fn end(&mut self, before: Option<Exit>, exit: Option<Exit>) -> Result<StopOutcome, DaemonError> {
        match self.keeper.end(FAREWELL) {
            KeeperEnd::AllGone => {}
            KeeperEnd::Killed => return Err(DaemonError::KeeperKilled { name: self.name.clone() }),
            KeeperEnd::StillWaiting => {
                let processes = self.processes();
                let notes =
                    processes.iter().map(|process| format!("process {} ({})", process.id, process.command)).collect();
                return Err(DaemonError::NotKilled {
                    name: self.name.clone(),
                    after: FAREWELL,
                    details: Details { notes, ..Details::default() },
                });
            }
        }
        match (before, exit, self.try_wait()) {
            (Some(exit), ..) => Ok(StopOutcome::Already(exit)),
            (None, Some(exit), _) => Ok(StopOutcome::Gracefully(exit)),
            (None, None, Some(exit)) => Ok(StopOutcome::Killed(exit)),
            // The keeper reports the daemon's end before its own.
            (None, None, None) => Err(DaemonError::KeeperKilled { name: self.name.clone() }),
        }
    }

    /// Lists the daemon's processes that have not ended: its own first, then those it has started.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use greenroom_sandbox::DaemonCommand;
    /// let mut daemon = DaemonCommand::new("sh").args(["-c", "sleep 60 & echo up; wait"]).spawn()?;
    /// daemon.wait_for_stdout("up", Duration::from_secs(10))?;
    /// let processes = daemon.processes();
    /// assert_eq!((processes.len(), processes[0].id), (2, daemon.id()));
    /// # Ok::<(), greenroom_sandbox::DaemonError>(())
    /// ```
    pub fn processes(&self) -> Vec<ProcessInfo> {
        let number = |pid: i32| u32::try_from(pid).unwrap_or_default();
        table::living(table::descendants(self.keeper.pid()))
            .into_iter()
            .map(|entry| ProcessInfo {
                id: number(entry.pid),
                parent_id: number(entry.parent),
                command: entry.command,
                age: entry.age,
            })
            .collect()
    }

    fn details(&self) -> Details {
        let end = |output: &Output| output.tail(SHOWN).unwrap_or_default();
        Details { notes: Vec::new(), output: [("stdout", end(&self.stdout)), ("stderr", end(&self.stderr))].into() }
    }

    /// Shows the end of its output when the test fails, since it may be the reason.
    #[expect(clippy::print_stderr, reason = "readers look for reasons in the output of a failing test")]
    fn show_output(&self) {
        let details = self.details().to_string();
        if !details.is_empty() {
            eprintln!("{} was running:{details}", self.name);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.keeper.end(FAREWELL);
        if std::thread::panicking() {
            self.show_output();
        }
    }
}

/// Says who listens on a port instead of the daemon, and where the daemon listens.
fn owners(keeper: i32, listeners: &[Listener], port: u16) -> Vec<String> {
    let of_daemon = table::sockets_of(table::descendants(keeper));
    // First this process: children of other threads have copies of its sockets until they execute a
    // program.
    let ours = table::sockets_of([this_process()]);
    let mut notes = Vec::new();
    for Listener { address, inode, .. } in listeners {
        if of_daemon.contains(inode) {
            notes.push(format!("it listens on {address}"));
        } else if address.port() == port {
            let owner = if ours.contains(inode) {
                "the test process itself".to_owned()
            } else if let Some(holder) = table::holder_of_socket(*inode) {
                format!("process {} ({})", holder.pid, holder.command)
            } else {
                "a process of another user".to_owned()
            };
            notes.push(format!("{owner} listens on {address}"));
        }
    }
    notes
}
