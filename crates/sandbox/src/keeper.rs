//! The test's side of a keeper: see `sys::keeper` for the process itself.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown, socketpair,
};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};

use crate::process::{Ended, Program, StartError, Status, Watch};
use crate::sys::keeper::{EXITED, GROUP, KILLED, News, STARTED, put_between};

/// A daemon's keeper. Its end is the proof that nothing of the daemon is left. Dropping it lets it end, and does not wait.
#[derive(Debug)]
pub(crate) struct Keeper {
    pid: Pid,
    pidfd: OwnedFd,
    line: OwnedFd,
    known: Known,
    farewell: Option<Farewell>,
}

/// What the keeper has told.
#[derive(Debug)]
pub(crate) struct Known {
    started: Instant,
    daemon: i32,
    ended: Option<Ended>,
    /// Nothing more will be told: the keeper has ended.
    over: bool,
}

/// What came of the end of a keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It has seen the last of the daemon's processes end.
    Gone,
    /// Somebody has killed it, so that nobody knows what is left.
    KeeperKilled,
    /// Something does not end although it was killed. The keeper goes on.
    Waiting,
}

impl Keeper {
    /// Starts a program under a keeper. Returns when the program is being executed.
    pub(crate) fn start(program: Program) -> Result<Self, StartError> {
        let path = program.path.clone();
        let failed = |source| StartError { path, hint: None, source };
        let line = || {
            let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
            // The first three numbers are those of the program's own input and output, should this process have closed its.
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
        let known = Known { started, daemon: 0, ended: None, over: false };
        let mut keeper = Self { pid, pidfd, line, known, farewell: None };
        // The keeper says the number before it does anything else.
        let number = keeper.until("the keeper", Duration::from_secs(10), |known| {
            (known.daemon > 0).then_some(true).or_else(|| known.over.then_some(false))
        });
        match number {
            Some(true) => Ok(keeper),
            _ => Err(failed(std::io::Error::other("its keeper was killed"))),
        }
    }

    /// The keeper's number: what descends from it is the daemon and all that it has started.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The daemon's number.
    pub(crate) fn daemon(&self) -> i32 {
        self.known.daemon
    }

    /// What is known by now.
    pub(crate) fn known(&mut self) -> &Known {
        self.known.listen(&self.line);
        &self.known
    }

    /// Waits until `look` has found something, woken by what the keeper tells; `None` when it has not within `limit`.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&Known) -> Option<T>,
    ) -> Option<T> {
        let Self { line, known, .. } = self;
        let line = &*line;
        let limit = limit.min(Duration::from_hours(24 * 365));
        let found = Watch::new().until(what, limit, &[line.as_fd()], || {
            known.listen(line);
            look(known)
        });
        found.ok().flatten()
    }

    /// Has a signal sent to the daemon alone.
    pub(crate) fn signal(&self, signal: Signal) {
        self.request(signal, 0);
    }

    /// Has a signal sent to the daemon's process group; to what the daemon has left behind, if it has ended.
    pub(crate) fn signal_group(&self, signal: Signal) {
        self.request(signal, GROUP);
    }

    fn request(&self, signal: Signal, whom: u8) {
        if let Ok(number) = u8::try_from(signal.as_raw()) {
            // An error is that the keeper has ended, and so everything that could get the signal.
            let _ = send(&self.line, &[number | whom], SendFlags::NOSIGNAL);
        }
    }

    /// Has everything killed that is left, and waits until it is gone, for at most `limit`.
    pub(crate) fn end(&mut self, limit: Duration) -> Farewell {
        if let Some(farewell @ (Farewell::Gone | Farewell::KeeperKilled)) = self.farewell {
            return farewell;
        }
        // Not only closed: a process that this one has forked may have a copy.
        let _ = shutdown(&self.line, Shutdown::Write);
        // Somebody may have stopped it; when nobody has, this does nothing.
        let _ = pidfd_send_signal(&self.pidfd, Signal::CONT);
        let _ = Watch::new().end_of("the keeper", &self.pidfd, limit);
        self.known.listen(&self.line);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let waited = match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            // Kernels before 5.4, and filters made for them. Nobody else reaps it, so that its number is its own.
            Err(Errno::INVAL | Errno::NOSYS) => waitid(WaitId::Pid(self.pid), options),
            other => other,
        };
        let farewell = match waited {
            Ok(None) => Farewell::Waiting,
            Ok(Some(status)) if status.exit_status() != Some(0) => Farewell::KeeperKilled,
            // An error is that other code of this process, which waits for any child, has reaped it.
            Ok(Some(_)) | Err(_) => Farewell::Gone,
        };
        self.farewell = Some(farewell);
        farewell
    }
}

impl Known {
    /// How the daemon ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Whether nothing of the daemon is left.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes what the keeper has told since the last time.
    fn listen(&mut self, line: &OwnedFd) {
        let mut news: News = [0; 5];
        while !self.over {
            match recv(line, &mut news[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) if length == news.len() => self.take(news),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                _ => self.over = true,
            }
        }
        if self.ended.is_none() {
            // The keeper was killed before it could tell; the kernel has killed the daemon then.
            self.end_with(Status::Signal(Signal::KILL.as_raw()));
        }
    }

    fn take(&mut self, news: News) {
        let [what, number @ ..] = news;
        let number = i32::from_ne_bytes(number);
        match what {
            STARTED => self.daemon = number,
            EXITED => self.end_with(Status::Exit(number)),
            KILLED => self.end_with(Status::Signal(number)),
            _ => {}
        }
    }

    fn end_with(&mut self, status: Status) {
        self.ended = Some(Ended { status, after: self.started.elapsed() });
    }
}
