//! A process of this stage that another process has started.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::child::Child;
use super::signal::Signal;
use super::wait::plain;

/// A process that is not our child, held by a pidfd.
///
/// Its end can be seen, but not how it ended: the kernel reports that to its parent only.
#[derive(Debug)]
pub struct Neighbour(Child);

impl Neighbour {
    /// Opens a process by its number. The caller must know that the number still belongs to it.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn hold(pid: i32) -> io::Result<Self> {
        Ok(Self(Child::hold(Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?)?))
    }

    /// Returns its process number.
    pub fn pid(&self) -> i32 {
        self.0.pid().as_raw_nonzero().get()
    }

    /// Returns a descriptor that is readable once the process has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.0.pidfd()
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        plain::readable(&[self.pidfd()], Instant::now())
    }

    /// Sends it a signal; nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = self.0.signal(signal);
    }

    /// Sends it a signal; nothing happens when it has ended.
    pub(super) fn try_signal(&self, signal: Signal) -> io::Result<()> {
        self.0.signal_unless_ended(signal)
    }

    /// Kills it and waits until it has ended.
    pub fn kill(&self) {
        if self.0.signal(Signal::KILL).is_ok() {
            plain::end_of(self.pidfd(), Duration::from_secs(2));
        }
    }
}
