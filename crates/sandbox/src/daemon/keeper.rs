//! The test's side of a keeper: see `sys::keeper` for the process itself.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown, socketpair,
};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};

use crate::process::wait::plain;
use crate::process::{Exit, ExitStatus, Program, Signal, SpawnError};
use crate::sys::keeper::{EXITED, GROUP, KILLED, Report, STARTED, put_between};

/// How long a keeper may take to report the daemon's number.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A daemon's keeper. Once it has ended, nothing of the daemon is left.
///
/// Dropping it makes it end, without waiting for that.
#[derive(Debug)]
pub(super) struct Keeper {
    pid: Pid,
    pidfd: OwnedFd,
    line: OwnedFd,
    state: KeeperState,
    end: Option<KeeperEnd>,
}

/// What the keeper has reported.
#[derive(Debug)]
pub(super) struct KeeperState {
    started: Instant,
    daemon: i32,
    exit: Option<Exit>,
    phase: Phase,
}

/// Whether the keeper still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// It has ended and reports nothing more.
    Ended,
}

/// How a keeper ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeeperEnd {
    /// It has seen all of the daemon's processes end.
    AllGone,
    /// It was killed, so it is unknown what is left.
    Killed,
    /// It still waits for a process that was killed.
    StillWaiting,
}

impl Keeper {
    /// Starts a program under a keeper. Returns when the program is being executed.
    pub(super) fn start(program: Program) -> Result<Self, SpawnError> {
        let path = program.path.clone();
        let failed = |source| SpawnError { path, hint: None, source };
        let line = || {
            let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
            // The first three descriptors become the program's own input and output, so avoid their
            // numbers, which are free if this process has closed its own.
            rustix::io::Result::Ok((ours, fcntl_dupfd_cloexec(theirs, 3)?))
        };
        let (line, theirs) = match line() {
            Ok(line) => line,
            Err(error) => return Err(failed(error.into())),
        };
        let started = Instant::now();
        let child = program.spawn(|command| put_between(command, theirs))?;
        let pid = Pid::from_child(&child);
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => return Err(failed(error.into())),
        };
        let state = KeeperState { started, daemon: 0, exit: None, phase: Phase::Running };
        let mut keeper = Self { pid, pidfd, line, state, end: None };
        // The keeper reports the daemon's number before it does anything else.
        let started = keeper.until(START_LIMIT, |state| {
            (state.daemon > 0).then_some(true).or_else(|| state.has_ended().then_some(false))
        });
        match started {
            Some(true) => Ok(keeper),
            _ => Err(failed(std::io::Error::other("its keeper was killed"))),
        }
    }

    /// Returns the keeper's number: its descendants are the daemon and everything it has started.
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Returns the daemon's number.
    pub(super) fn daemon(&self) -> i32 {
        self.state.daemon
    }

    /// Returns what is known by now.
    pub(super) fn state(&mut self) -> &KeeperState {
        self.state.receive(&self.line);
        &self.state
    }

    /// Looks until `look` finds something; `None` when `limit` passes first. Reports wake it.
    pub(super) fn until<T>(&mut self, limit: Duration, mut look: impl FnMut(&KeeperState) -> Option<T>) -> Option<T> {
        let Self { line, state, .. } = self;
        let line = &*line;
        plain::until(limit, &[line.as_fd()], || {
            state.receive(line);
            look(state)
        })
    }

    /// Sends a signal to the daemon alone.
    pub(super) fn signal(&self, signal: Signal) {
        self.request(signal, 0);
    }

    /// Sends a signal to the daemon's process group; once the daemon has ended, to what it left
    /// behind.
    pub(super) fn signal_group(&self, signal: Signal) {
        self.request(signal, GROUP);
    }

    fn request(&self, signal: Signal, target: u8) {
        if let Ok(number) = u8::try_from(signal.as_raw()) {
            // An error means that the keeper has ended, and so everything that could get the
            // signal.
            let _ = send(&self.line, &[number | target], SendFlags::NOSIGNAL);
        }
    }

    /// Kills everything that is left, and waits until it is gone, for at most `limit`.
    pub(super) fn end(&mut self, limit: Duration) -> KeeperEnd {
        if let Some(end @ (KeeperEnd::AllGone | KeeperEnd::Killed)) = self.end {
            return end;
        }
        // Closing would not be enough: a child of this process may have a copy.
        let _ = shutdown(&self.line, Shutdown::Write);
        // In case it was stopped.
        let _ = pidfd_send_signal(&self.pidfd, Signal::CONT.raw());
        plain::end_of(&self.pidfd, limit);
        self.state.receive(&self.line);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let waited = match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            // Kernels before 5.4, and filters made for them. Only we reap it, so its number is its
            // own.
            Err(Errno::INVAL | Errno::NOSYS) => waitid(WaitId::Pid(self.pid), options),
            other => other,
        };
        let end = match waited {
            Ok(None) => KeeperEnd::StillWaiting,
            Ok(Some(status)) if status.exit_status() != Some(0) => KeeperEnd::Killed,
            // An error means that other code of this process, which waits for any child, has reaped
            // it.
            Ok(Some(_)) | Err(_) => KeeperEnd::AllGone,
        };
        self.end = Some(end);
        end
    }
}

impl KeeperState {
    /// Returns how the daemon ended, if it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Whether nothing of the daemon is left.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Takes the reports that have come since the last time.
    fn receive(&mut self, line: &OwnedFd) {
        let mut report: Report = [0; 5];
        while self.phase == Phase::Running {
            match recv(line, &mut report[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) if length == report.len() => self.take(report),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                _ => self.phase = Phase::Ended,
            }
        }
        if self.exit.is_none() {
            // The keeper was killed before it could report; the kernel has killed the daemon then.
            self.end_with(ExitStatus::Signal(Signal::KILL));
        }
    }

    fn take(&mut self, report: Report) {
        let [kind, number @ ..] = report;
        let number = i32::from_ne_bytes(number);
        match kind {
            STARTED => self.daemon = number,
            EXITED => self.end_with(ExitStatus::Code(number)),
            KILLED => self.end_with(ExitStatus::Signal(Signal::from_raw(number).unwrap_or(Signal::KILL))),
            _ => {}
        }
    }

    fn end_with(&mut self, status: ExitStatus) {
        self.exit = Some(Exit { status, after: self.started.elapsed() });
    }
}
