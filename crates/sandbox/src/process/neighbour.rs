//! A process of this stage that somebody else has started.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::child::Child;
use crate::process::watch::Watch;

/// Such a process, held by a pidfd: its end can be seen, but not how it ended, since that is told to its parent alone.
#[derive(Debug)]
pub struct Neighbour(Child);

impl Neighbour {
    /// Takes hold of a process by its number; an error when there is none. Whoever says the number must be sure that it is still
    /// the same process's.
    pub fn hold(pid: i32) -> io::Result<Self> {
        Ok(Self(Child::hold(Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?)?))
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.0.pid().as_raw_nonzero().get()
    }

    /// Readable once it has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.0.pidfd()
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        Watch::new().readable(&[self.pidfd()], Instant::now()) == Ok(true)
    }

    /// Sends it a signal; nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = self.0.signal(signal);
    }

    /// Kills it, and waits until it has ended.
    pub fn kill(&self) {
        if self.0.signal(Signal::KILL).is_ok() {
            let _ = Watch::new().end_of("a killed process", self.pidfd(), Duration::from_secs(2));
        }
    }
}
