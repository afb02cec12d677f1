//! A daemon for a Rust test: start, wait until it is ready, look, stop, and be sure that it is gone.
//!
//! # The promise
//!
//! Between the test and its [`Daemon`] stands a *keeper*: a process that becomes the parent of every orphan below it, as a
//! service manager does. When the value is dropped, everything is killed that the daemon has started, whatever it has done
//! to get away (double forks, sessions of its own, ignored signals), and `drop` returns when the kernel says that nothing is
//! left. The same happens when the test panics, when the test process exits, and when it is killed with SIGKILL, since the
//! keeper holds one end of a line of which only the test process holds the other.
//!
//! The promise does not hold for
//!
//! - what other processes start because the daemon asks them to: the containers of a container engine, `systemd-run`, `at`;
//! - a keeper that is killed with SIGKILL itself. The daemon's own process dies with it; what that has started may live on;
//! - processes that this user may not kill (`sudo`), or that hang in the kernel. `drop` waits ten seconds for them,
//!   [`Daemon::stop`] reports them, and the keeper waits on.
//!
//! # What a daemon gets
//!
//! A process group of its own in a session without a terminal, so that a Ctrl-C reaches the test alone; standard input from
//! `/dev/null`; output into files without names, which nothing has to remove; no other descriptor; default actions for all
//! signals; the environment of the test, and what [`DaemonCommand::env`] adds. Network, files and process table are the
//! machine's: let it take a free port where it can ([`Daemon::wait_for_listener`]), and a [directory](DaemonCommand::directory)
//! of the test's own.
//!
//! The keeper is a fork of the test process and shares its memory, copy on write. It needs Linux 5.4 or newer.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::keeper::{Farewell, Keeper, Known};
use crate::process::capture::{self, Seeker};
use crate::process::ports::{self, Listener, Listeners};
use crate::process::table::{self, Entry};
use crate::process::{Ended, Input, Program, ProgramError, Signal, StartError, Stopped, Watch, find_program};

/// How long [`Drop`] and the end of [`Daemon::stop`] wait for what has been killed.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a program's file may be open for writing elsewhere.
const BUSY: Duration = Duration::from_secs(1);
/// How much of each output is shown in messages.
const LAST_WORDS: u64 = 2000;

/// What to start as a daemon: made by [`Daemon::command`], started by [`DaemonCommand::start`].
#[derive(Debug, Clone)]
pub struct DaemonCommand {
    argv: Vec<OsString>,
    directory: PathBuf,
    environment: Vec<(OsString, Option<OsString>)>,
}

impl DaemonCommand {
    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets the working directory; without this it is the test's. A program with a slash in its name is looked for from here.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        directory.as_ref().clone_into(&mut self.directory);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Keeps a variable of the test's environment from the daemon.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Starts it. Returns when the program is being executed, or says why it cannot be; whether it is ready for anything is
    /// a matter of the waits of [`Daemon`].
    pub fn start(self) -> Result<Daemon, DaemonError> {
        let directory = std::path::absolute(&self.directory).unwrap_or_else(|_| self.directory.clone());
        let name = self.argv.first().cloned().unwrap_or_default();
        let path = find_program(&name, &self.search_path(), &directory)?;
        let stdout = Capture::new()?;
        let stderr = Capture::new()?;
        let start = || -> Result<Keeper, DaemonError> {
            Ok(Keeper::start(Program {
                path: path.clone(),
                argv: self.argv.clone(),
                directory: directory.clone(),
                environment: self.environment.clone(),
                stdin: Input::Null,
                stdout: stdout.to_write()?,
                stderr: stderr.to_write()?,
            })?)
        };
        let mut keeper = start();
        // A program that the test has just written cannot be executed as long as somebody has it open to write: children of
        // other threads do, until they execute something.
        if is_busy(&keeper) {
            let _ = Watch::new().until("the program's file to be closed", BUSY, &[], || {
                keeper = start();
                (!is_busy(&keeper)).then_some(())
            });
        }
        let keeper = keeper?;
        Ok(Daemon { name: name.to_string_lossy().into_owned(), keeper, stdout, stderr })
    }

    /// The PATH that the daemon will have.
    #[expect(clippy::disallowed_methods, reason = "a daemon has the environment of the test that starts it")]
    fn search_path(&self) -> OsString {
        let set = self.environment.iter().rev().find(|(name, _)| name == "PATH");
        set.map_or_else(|| std::env::var_os("PATH"), |(_, value)| value.clone()).unwrap_or_default()
    }
}

fn is_busy(started: &Result<Keeper, DaemonError>) -> bool {
    matches!(started, Err(DaemonError::Start(error)) if error.source.kind() == io::ErrorKind::ExecutableFileBusy)
}

/// A running daemon. When the value goes, so does the daemon, with everything that it has started: see the [module](self).
///
/// ```
/// use std::time::Duration;
/// use greenroom_sandbox::Daemon;
///
/// let mut shy = Daemon::command("sh").args(["-c", "echo hello; trap '' TERM; while :; do sleep 60; done"]).start()?;
/// shy.wait_for_stdout("hello", Duration::from_secs(10))?;
/// drop(shy); // and it is gone, with its `sleep`
/// # Ok::<(), greenroom_sandbox::DaemonError>(())
/// ```
#[derive(Debug)]
pub struct Daemon {
    name: String,
    keeper: Keeper,
    stdout: Capture,
    stderr: Capture,
}

impl Daemon {
    /// A command for this program: a name to be searched on the PATH, or a path.
    pub fn command(program: impl AsRef<OsStr>) -> DaemonCommand {
        DaemonCommand { argv: vec![program.as_ref().to_owned()], directory: ".".into(), environment: Vec::new() }
    }

    /// Its process number. It is also that of its process group.
    pub fn pid(&self) -> i32 {
        self.keeper.daemon()
    }

    /// How it ended, if it has. Processes that it left behind may live on, as those of a program that puts itself into the
    /// background do.
    pub fn ended(&mut self) -> Option<Ended> {
        self.keeper.known().ended()
    }

    /// Waits until it listens on this TCP port, on any address, and gives the address to connect to. No connection is made.
    ///
    /// What others listen on does not count: the socket must be open in the daemon or in a process below it.
    pub fn wait_for_port(&mut self, port: u16, limit: Duration) -> Result<SocketAddr, DaemonError> {
        let listeners = Listeners::new();
        let keeper = self.keeper.pid();
        self.wait(&format!("port {port}"), limit, || {
            let on_port = listeners.on_port(port);
            if on_port.is_empty() { None } else { first_of_family(keeper, &on_port) }
        })
        .map_err(|error| error.noting(who_listens(keeper, &listeners, port)))
    }

    /// Waits until it listens on some TCP port, and gives the address to connect to.
    ///
    /// With a daemon that takes port 0 for "any that is free", tests can run side by side. Of several ports one that opens
    /// first is given.
    pub fn wait_for_listener(&mut self, limit: Duration) -> Result<SocketAddr, DaemonError> {
        let listeners = Listeners::new();
        let keeper = self.keeper.pid();
        self.wait("a port", limit, || first_of_family(keeper, &listeners.all()))
    }

    /// Waits until it has written this text to its standard output.
    ///
    /// Many programs hold their output back while it goes to a file, and write it when they end or when they have some
    /// kilobytes of it: Python needs `-u`, others `stdbuf -oL`.
    pub fn wait_for_stdout(&mut self, text: impl AsRef<[u8]>, limit: Duration) -> Result<(), DaemonError> {
        let file = self.stdout.reader();
        self.wait_for_text(text.as_ref(), "stdout", file, limit)
    }

    /// Waits until it has written this text to its standard error.
    pub fn wait_for_stderr(&mut self, text: impl AsRef<[u8]>, limit: Duration) -> Result<(), DaemonError> {
        let file = self.stderr.reader();
        self.wait_for_text(text.as_ref(), "stderr", file, limit)
    }

    fn wait_for_text(
        &mut self,
        text: &[u8],
        stream: &str,
        file: io::Result<File>,
        limit: Duration,
    ) -> Result<(), DaemonError> {
        let file = file?;
        let mut seeker = Seeker::new(text);
        let what = format!("\"{}\" on {stream}", String::from_utf8_lossy(text).escape_debug());
        let waited = self.wait(&what, limit, || seeker.look_in(&file).unwrap_or(false).then_some(()));
        waited.map_err(|error| match (&error, file.metadata()) {
            (DaemonError::Limit { .. }, Ok(metadata)) if metadata.len() == 0 => error.noting(vec![format!(
                "{stream} is empty; many programs hold their output back while it does not go to a terminal"
            )]),
            _ => error,
        })
    }

    /// Waits until `is_ready` says so; it is asked at least every 10 ms. `what` is for the message, after "waiting for".
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<(), DaemonError> {
        self.wait(what, limit, || is_ready().then_some(()))
    }

    /// Waits for its end.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<Ended, DaemonError> {
        let ended = self.keeper.until("the end", limit, Known::ended);
        ended.ok_or_else(|| DaemonError::Limit {
            name: self.name.clone(),
            what: "the end".to_owned(),
            limit,
            details: self.details(),
        })
    }

    /// Waits until `look` has found something, the daemon can bring it about no more, or `limit` has passed.
    fn wait<T>(&mut self, what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, DaemonError> {
        let found = self.keeper.until(what, limit, |known| {
            // The end first: what it did before is then to be seen. A program that puts itself into the background ends well, and
            // what it leaves behind goes on.
            let hopeless = known.is_over() || known.ended().is_some_and(|ended| !ended.status.success());
            look().map(Some).or_else(|| hopeless.then_some(None))
        });
        let (name, what) = (self.name.clone(), what.to_owned());
        match (found, self.ended()) {
            (Some(Some(found)), _) => Ok(found),
            (Some(None), Some(ended)) => Err(DaemonError::Ended { name, what, ended, details: self.details() }),
            (Some(None) | None, _) => Err(DaemonError::Limit { name, what, limit, details: self.details() }),
        }
    }

    /// What it has written to its standard output so far; what is no UTF-8 is replaced.
    pub fn stdout(&self) -> io::Result<String> {
        self.stdout_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same of its standard error.
    pub fn stderr(&self) -> io::Result<String> {
        self.stderr_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What it has written to its standard output so far, to the byte.
    pub fn stdout_bytes(&self) -> io::Result<Vec<u8>> {
        self.stdout.tail(u64::MAX)
    }

    /// The same of its standard error.
    pub fn stderr_bytes(&self) -> io::Result<Vec<u8>> {
        self.stderr.tail(u64::MAX)
    }

    /// Has a signal sent to the daemon's own process: `HUP` to have it read its configuration again, say. It is on its way
    /// when this returns. Nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        self.keeper.signal(signal);
    }

    /// Stops it: SIGTERM to its process group, then, when the daemon has ended but at the latest after `grace`, SIGKILL to
    /// everything that it has started. Returns when all is gone, and says how the daemon ended. Its output can still be read.
    ///
    /// Others of its group have what is left of the grace, to end as politely. So has what a daemon left behind that has put
    /// itself into the background.
    pub fn stop(&mut self, grace: Duration) -> Result<Stopped, DaemonError> {
        let begun = Instant::now();
        let before = self.ended();
        self.keeper.signal_group(Signal::TERM);
        // In case it is stopped: it could not act on the other.
        self.keeper.signal_group(Signal::CONT);
        let ended = before.or_else(|| self.keeper.until("the daemon's end", grace, Known::ended));
        if ended.is_some() {
            let group = self.pid();
            let rest = grace.saturating_sub(begun.elapsed());
            self.keeper.until("the end of its group", rest, |known| {
                (known.is_over() || (before.is_none() && !table::group_lives(group))).then_some(())
            });
        }
        match self.keeper.end(FAREWELL) {
            Farewell::Gone => {}
            Farewell::KeeperKilled => return Err(DaemonError::KeeperKilled { name: self.name.clone() }),
            Farewell::Waiting => {
                let left =
                    self.left().iter().map(|entry| format!("process {} ({})", entry.pid, entry.command)).collect();
                return Err(DaemonError::NotGone {
                    name: self.name.clone(),
                    details: Details { notes: left, ..Details::default() },
                });
            }
        }
        match (before, ended, self.ended()) {
            (Some(ended), ..) => Ok(Stopped::Already(ended)),
            (None, Some(ended), _) => Ok(Stopped::Gracefully(ended)),
            (None, None, Some(ended)) => Ok(Stopped::Killed(ended)),
            // The keeper tells of the end before its own.
            (None, None, None) => Err(DaemonError::KeeperKilled { name: self.name.clone() }),
        }
    }

    /// The daemon's processes that have not ended: its own first, and all that it has started.
    pub fn left(&self) -> Vec<Entry> {
        table::living(table::descendants(self.keeper.pid()))
    }

    fn details(&self) -> Details {
        let words = |capture: &Capture| capture.tail(LAST_WORDS).unwrap_or_default();
        Details { notes: Vec::new(), output: [("stdout", words(&self.stdout)), ("stderr", words(&self.stderr))].into() }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.keeper.end(FAREWELL);
        if std::thread::panicking() {
            self.show_last_words();
        }
    }
}

impl Daemon {
    /// The test fails: what the daemon wrote may be the reason. The test harness shows it with the test's own output.
    #[expect(clippy::print_stderr, reason = "a failing test's output is where its reader looks")]
    fn show_last_words(&self) {
        let details = self.details().to_string();
        if !details.is_empty() {
            eprintln!("{} was running:{details}", self.name);
        }
    }
}

/// The first of these sockets that is open in a process below the keeper: where a client reaches it.
fn first_of_family(keeper: i32, listeners: &[Listener]) -> Option<SocketAddr> {
    let own = table::sockets_of(table::descendants(keeper));
    listeners.iter().filter(|listener| own.contains(&listener.inode)).map(ports::target).min()
}

/// Notes for a wait for a port that was in vain: who else has it, and where the daemon listens instead.
fn who_listens(keeper: i32, listeners: &Listeners, port: u16) -> Vec<String> {
    let daemons = table::sockets_of(table::descendants(keeper));
    // Asked first: children of other threads have copies until they execute something.
    let ours = table::sockets_of(i32::try_from(std::process::id()));
    let mut notes = Vec::new();
    for Listener { address, inode, .. } in listeners.all() {
        if daemons.contains(&inode) {
            notes.push(format!("it listens on {address}"));
        } else if address.port() == port {
            let who = if ours.contains(&inode) {
                "the test process itself".to_owned()
            } else if let Some(holder) = table::holder_of_socket(inode) {
                format!("process {} ({})", holder.pid, holder.command)
            } else {
                "another user's process".to_owned()
            };
            notes.push(format!("{who} listens on {address}"));
        }
    }
    notes
}

/// A file without a name that the daemon writes to.
#[derive(Debug)]
struct Capture(File);

impl Capture {
    fn new() -> Result<Self, DaemonError> {
        let file = tempfile::tempfile()?;
        // Whoever writes writes at the end: the daemon, its children, and those that open it anew by `/dev/stdout`.
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND).map_err(io::Error::from)?;
        Ok(Self(file))
    }

    fn to_write(&self) -> io::Result<File> {
        self.0.try_clone()
    }

    fn reader(&self) -> io::Result<File> {
        self.0.try_clone()
    }

    /// The last `most` bytes. The position that is shared with the writers stays where it is.
    fn tail(&self, most: u64) -> io::Result<Vec<u8>> {
        capture::tail_of(&self.0, most).map(|tail| tail.bytes)
    }
}

/// What a message says below its first line.
#[derive(Clone, Default)]
pub struct Details {
    notes: Vec<String>,
    /// The ends of what the daemon wrote.
    output: Vec<(&'static str, Vec<u8>)>,
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        for (stream, bytes) in self.output.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            write!(f, "\n{stream} ends with:")?;
            for line in String::from_utf8_lossy(bytes).lines() {
                f.write_str("\n    ")?;
                line.chars().try_for_each(|c| match c {
                    '\t' => f.write_str("\t"),
                    c if c.is_control() => write!(f, "{}", c.escape_default()),
                    c => write!(f, "{c}"),
                })?;
            }
        }
        Ok(())
    }
}

/// Why a daemon is not as the test wants it.
///
/// `Debug` is the same as `Display`, so that `unwrap` and a test that returns the error show it to be read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// There is no such program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The program could not be started.
    #[error("{}{}", .0, .0.hint.as_ref().map_or_else(String::new, |hint| format!("\nnote: {hint}")))]
    Start(#[from] StartError),
    /// Its output could not be captured or read.
    #[error("failed to capture a daemon's output: {0}")]
    Output(#[from] io::Error),
    /// It ended before what was waited for.
    #[error("waiting for {what} of {name}: it ended with {} after {}{details}", .ended.status, words(.ended.after))]
    Ended {
        /// The program.
        name: String,
        /// What was waited for.
        what: String,
        /// How it ended.
        ended: Ended,
        /// What else is known, its last words among it.
        details: Details,
    },
    /// What was waited for did not come in time.
    #[error("waiting for {what} of {name}: not there after {}{details}", words(*.limit))]
    Limit {
        /// The program.
        name: String,
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// What else is known, its last words among it.
        details: Details,
    },
    /// Something of it does not end although it was killed: it hangs in the kernel, or is another user's.
    #[error("{name} is not gone {} after it was killed{details}", words(FAREWELL))]
    NotGone {
        /// The program.
        name: String,
        /// What is left.
        details: Details,
    },
    /// Its keeper was killed by somebody, and the daemon with it; what the daemon had started may still be there.
    #[error("the keeper of {name} was killed; what {name} had started may still be there")]
    KeeperKilled {
        /// The program.
        name: String,
    },
}

impl DaemonError {
    /// With more to say.
    fn noting(mut self, more: Vec<String>) -> Self {
        if let Self::Ended { details, .. } | Self::Limit { details, .. } = &mut self {
            details.notes.extend(more);
        }
        self
    }
}

impl fmt::Debug for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A time for people.
fn words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
    }
}
