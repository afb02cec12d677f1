//! A running program, from its start to its last word.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, kill_process, kill_process_group, test_kill_process_group, waitpid};

use crate::child::Child;
use crate::process::table;
use crate::process::watch::{Cut, Watch};
use crate::sys;

pub use rustix::process::Signal;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// With this exit status, 0 to 255.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Status {
    /// Whether it is exit status 0.
    pub fn success(self) -> bool {
        self == Self::Exit(0)
    }

    /// As shells and Python's `subprocess` give it: the exit status, or minus the signal's number.
    pub fn code(self) -> i32 {
        match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => -signal,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit status {code}"),
            Self::Signal(number) => match SIGNALS.iter().find(|(_, signal)| signal.as_raw() == *number) {
                Some((name, _)) => write!(f, "signal SIG{name}"),
                None => write!(f, "signal {number}"),
            },
        }
    }
}

/// Signals by name, without `SIG`.
const SIGNALS: &[(&str, Signal)] = &[
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ILL", Signal::ILL),
    ("TRAP", Signal::TRAP),
    ("ABRT", Signal::ABORT),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("SEGV", Signal::SEGV),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("CHLD", Signal::CHILD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
    ("VTALRM", Signal::VTALARM),
    ("PROF", Signal::PROF),
    ("WINCH", Signal::WINCH),
    ("IO", Signal::IO),
    ("PWR", Signal::POWER),
    ("SYS", Signal::SYS),
];

/// The signal of this name, with or without `SIG`, in any case, or of this number; the names there are otherwise.
pub fn signal_named(name: &str) -> Result<Signal, Vec<&'static str>> {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let numbered = || name.parse().ok().and_then(sys::signal_of_number);
    SIGNALS
        .iter()
        .find(|(known, _)| *known == short)
        .map(|(_, signal)| *signal)
        .or_else(numbered)
        .ok_or_else(|| SIGNALS.iter().map(|(known, _)| *known).collect())
}

/// The name of a signal, without `SIG`.
pub fn signal_name(number: i32) -> Option<&'static str> {
    SIGNALS.iter().find(|(_, signal)| signal.as_raw() == number).map(|(name, _)| *name)
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// How long it had lived when its end was noticed.
    pub after: Duration,
}

/// What came of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It had ended before.
    Already(Ended),
    /// It ended after the signal.
    Gracefully(Ended),
    /// It did not within the grace, and was killed.
    Killed(Ended),
}

/// A program that was started here: the leader of its own process group.
///
/// It is not reaped before it is stopped, so its number, which is also its group's, cannot pass to a stranger while we may
/// still send signals to it. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    argv: Vec<OsString>,
    started: Instant,
    /// When it ended, if a watch has noted that.
    end: Arc<OnceLock<Instant>>,
    ended: Option<Ended>,
    reaped: bool,
    /// Command lines of others of its group that did not end when it was stopped.
    stragglers: Vec<String>,
}

impl Process {
    /// Takes over a child that has just been spawned.
    pub(crate) fn adopt(spawned: std::process::Child, argv: Vec<OsString>, started: Instant) -> std::io::Result<Self> {
        // It neither kills nor reaps when it is dropped; from here on our hold on it stands for the process.
        let pid = Pid::from_child(&spawned);
        drop(spawned);
        let child = Child::hold(pid).inspect_err(|_| {
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
        })?;
        let mut process =
            Self { child, argv, started, end: Arc::default(), ended: None, reaped: false, stragglers: Vec::new() };
        process.wait_until_shown();
        Ok(process)
    }

    /// Spawning returns when the child has left our memory, which is a moment before the kernel publishes its command line
    /// (measured elsewhere: nine first looks in ten miss it). Until then `/proc/PID/cmdline` is empty.
    fn wait_until_shown(&mut self) {
        let mut watch = Watch::new();
        let (pid, child) = (self.child.pid(), &self.child);
        let shown = || {
            let ended = !matches!(child.look(), Ok(None));
            (ended || !table::command_line(pid.as_raw_nonzero().get()).is_empty()).then_some(())
        };
        if shown().is_none() {
            let _ = watch.until("the command line to appear", Duration::from_millis(100), &[child.pidfd()], shown);
        }
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.child.pid().as_raw_nonzero().get()
    }

    /// Its command line.
    pub fn argv(&self) -> &[OsString] {
        &self.argv
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Readable once it has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.pidfd()
    }

    /// Its descriptor, to be kept.
    pub(super) fn shared_pidfd(&self) -> Arc<OwnedFd> {
        self.child.shared_pidfd()
    }

    /// From now on this watch notes when it ends, whatever is waited for. Otherwise its end is as late as it is looked for.
    pub fn be_noted_by(&self, watch: &mut Watch) {
        watch.note_end(self.shared_pidfd(), Arc::clone(&self.end));
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<Ended> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.look()
        {
            let status = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Status::Exit(code),
                (None, Some(signal)) => Status::Signal(signal),
                (None, None) => return None,
            };
            let end = self.end.get().copied().unwrap_or_else(Instant::now);
            self.ended = Some(Ended { status, after: end.saturating_duration_since(self.started) });
        }
        self.ended
    }

    /// Waits for its end, for at most `limit`.
    pub fn wait(&mut self, watch: &mut Watch, what: &str, limit: Duration) -> Result<Option<Ended>, Cut> {
        if self.ended().is_none() {
            watch.end_of(what, self.child.pidfd(), limit)?;
        }
        Ok(self.ended())
    }

    /// Sends a signal to it alone. Nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) -> std::io::Result<()> {
        match self.child.signal(signal) {
            Err(error) if error.raw_os_error() != Some(Errno::SRCH.raw_os_error()) => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends a signal to its whole group, which it leads also after its end, until it is reaped.
    fn signal_group(&self, signal: Signal) {
        if !self.reaped {
            // ESRCH and EPERM (a member that changed its user): nothing more can be done from here; the sandbox's end gets them.
            let _ = kill_process_group(self.child.pid(), signal);
        }
    }

    /// Asks it and its group to end: `signal`, and SIGCONT in case it is stopped.
    pub fn ask_to_end(&self, signal: Signal) {
        self.signal_group(signal);
        if signal != Signal::CONT {
            self.signal_group(Signal::CONT);
        }
    }

    /// Stops it and its group: asks it to end, and kills it when it has not after `grace`. Returns when the process has ended
    /// and nothing of its group is left.
    ///
    /// When the wait is cut the group is killed at once, and the cut is returned.
    pub fn stop(&mut self, watch: &mut Watch, what: &str, signal: Signal, grace: Duration) -> Result<Stopped, Cut> {
        let before = self.ended();
        self.ask_to_end(signal);
        self.see_out(watch, what, before, grace)
    }

    /// The command lines of those of its group, but itself, that had to be killed when it was stopped.
    pub fn stragglers(&self) -> &[String] {
        &self.stragglers
    }

    /// The rest of a stop, for a process that was asked to end before: so many can share one grace.
    pub fn see_out(
        &mut self,
        watch: &mut Watch,
        what: &str,
        before: Option<Ended>,
        grace: Duration,
    ) -> Result<Stopped, Cut> {
        let clock = watch.stopwatch();
        let mut overflow = None;
        let waited = loop {
            if before.is_some() {
                break Ok(true);
            }
            let left = grace.saturating_sub(clock.elapsed(watch));
            match watch.end_of(what, self.child.pidfd(), left) {
                // Another process has written too much: no reason to give this one less time.
                Err(Cut::Output) => overflow = Some(Cut::Output),
                other => break other,
            }
        };
        let killed = !matches!(waited, Ok(true));
        if killed {
            self.signal_group(Signal::KILL);
            self.wait_for_the_killed();
        }
        let ended = self.ended().unwrap_or(Ended { status: Status::Signal(9), after: self.started.elapsed() });
        self.reap();
        let left = grace.saturating_sub(clock.elapsed(watch));
        self.clear_group(watch, what, left)?;
        waited?;
        overflow.map_or(Ok(()), Err)?;
        Ok(match before {
            Some(ended) => Stopped::Already(ended),
            None if killed => Stopped::Killed(ended),
            None => Stopped::Gracefully(ended),
        })
    }

    /// Kills it and its group, and waits until they are gone.
    pub fn kill(&mut self) {
        if self.reaped {
            return;
        }
        self.signal_group(Signal::KILL);
        self.wait_for_the_killed();
        self.ended();
        self.reap();
        let group = self.group_is_empty();
        let _ = Watch::new().until("a killed group", Duration::from_secs(2), &[], group);
    }

    /// Kills it and everything that descends from it, which is everything that it has started if it was started attached.
    pub fn kill_all(&mut self) {
        // Stopped, so that it neither starts more nor, by its end, lets go of what there is.
        let _ = self.signal(Signal::STOP);
        let pid = self.pid();
        let mut watch = Watch::new();
        let _ = watch.until("what a process has started to end", Duration::from_secs(2), &[], || {
            let below = table::living(table::descendants(pid));
            for process in below.iter().filter_map(|entry| Pid::from_raw(entry.pid)) {
                let _ = kill_process(process, Signal::KILL);
            }
            below.is_empty().then_some(())
        });
        self.kill();
    }

    /// Waits for the end of a process that has been sent SIGKILL. That comes in milliseconds, or, should it hang in the
    /// kernel, never: then the sandbox's end deals with it.
    fn wait_for_the_killed(&self) {
        let _ = Watch::new().end_of("a killed process", self.child.pidfd(), Duration::from_secs(2));
    }

    /// The rest of the group gets what is left of the grace, then SIGKILL.
    fn clear_group(&mut self, watch: &mut Watch, what: &str, grace: Duration) -> Result<(), Cut> {
        let pid = self.child.pid();
        let empty = self.group_is_empty();
        if empty().is_some() {
            return Ok(());
        }
        let waited = watch.until(what, grace, &[], empty);
        if !matches!(waited, Ok(Some(()))) {
            let left = table::living_group(pid.as_raw_nonzero().get());
            self.stragglers = left.into_iter().map(|entry| entry.command).collect();
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = Watch::new().until(what, Duration::from_secs(2), &[], empty);
        }
        waited.map(|_| ())
    }

    /// A look whether nobody of its group is left. Members that have ended but that nobody has reaped do not count.
    fn group_is_empty(&self) -> impl Fn() -> Option<()> + Copy + use<> {
        // After the leader is reaped the number lives on as the group's while it has members, and only so long.
        let pid = self.child.pid();
        move || {
            let gone = test_kill_process_group(pid) == Err(Errno::SRCH);
            (gone || !table::group_lives(pid.as_raw_nonzero().get())).then_some(())
        }
    }

    /// Lets go of a process that has ended: it is reaped, and the rest of its group, children that it left in the background,
    /// lives on. One that has not ended is killed with its group.
    pub fn release(mut self) -> Option<Ended> {
        let ended = self.ended();
        self.reap();
        ended
    }

    fn reap(&mut self) {
        if !self.reaped && self.ended.is_some() {
            self.reaped = true;
            let _ = waitpid(Some(self.child.pid()), WaitOptions::NOHANG);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
