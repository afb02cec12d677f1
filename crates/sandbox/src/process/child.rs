//! A child of this process, held by a descriptor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, kill_process, pidfd_open, pidfd_send_signal, waitid};

use super::signal::Signal;
use super::status::ExitStatus;

/// A child process that cannot be confused with another one that gets its number.
///
/// Where a filter refuses the system calls that take the descriptor, those that take the number
/// serve as well: a number is not reused before its owner is reaped, and only this process can reap
/// it.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pid: Pid,
    pidfd: Arc<OwnedFd>,
}

impl Child {
    /// Opens a child that has not been reaped. Needs Linux 5.3.
    pub(crate) fn hold(pid: Pid) -> io::Result<Self> {
        Ok(Self { pid, pidfd: Arc::new(pidfd_open(pid, PidfdFlags::empty())?) })
    }

    /// Returns its process number.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Returns a descriptor that is readable once the child has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Returns the same descriptor, to be kept.
    pub(crate) fn shared_pidfd(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.pidfd)
    }

    /// Sends it a signal; an error when it has ended and was reaped.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(self.pidfd(), signal.raw()) {
            // Only while it is not reaped: after that the number may belong to another process.
            Err(Errno::NOSYS | Errno::PERM) if self.is_ours() => Ok(kill_process(self.pid, signal.raw())?),
            other => Ok(other?),
        }
    }

    /// Sends it a signal; nothing happens when it has ended.
    pub(crate) fn signal_unless_ended(&self, signal: Signal) -> io::Result<()> {
        match self.signal(signal) {
            Err(error) if error.raw_os_error() != Some(Errno::SRCH.raw_os_error()) => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns how it ended, once it has; an error when it is reaped.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.wait_id(WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
    }

    /// Waits for its end and reaps it.
    pub(crate) fn reap(&self) -> io::Result<Option<ExitStatus>> {
        self.wait_id(WaitIdOptions::EXITED)
    }

    /// Whether it is not reaped, so that its number, and that of the group it leads, is still its
    /// own.
    pub(crate) fn is_ours(&self) -> bool {
        self.try_wait().is_ok()
    }

    fn wait_id(&self, options: WaitIdOptions) -> io::Result<Option<ExitStatus>> {
        let status = match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            Err(Errno::INVAL | Errno::NOSYS) => waitid(WaitId::Pid(self.pid), options)?,
            other => other?,
        };
        Ok(status.and_then(|status| ExitStatus::from_wait(&status)))
    }
}
