//! A hold on a child of this process, by descriptor: it is never confused with a stranger that got its number.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, pidfd_open, pidfd_send_signal, waitid,
};

/// A child. Where a filter refuses the calls that take its descriptor, those that take its number serve as well: a number is
/// not given to another process before its owner is reaped, and nobody but us can do that.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    pidfd: Arc<OwnedFd>,
}

impl Child {
    /// Takes hold of a child that nobody has reaped. This takes Linux 5.3.
    pub(crate) fn hold(pid: Pid) -> io::Result<Self> {
        Ok(Self { pid, pidfd: Arc::new(pidfd_open(pid, PidfdFlags::empty())?) })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Readable once it has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The same, to be kept.
    pub(crate) fn shared_pidfd(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.pidfd)
    }

    /// Sends it a signal; an error when it is gone.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(self.pidfd(), signal) {
            // Reaped already if this says nothing: then the number is not its own any more.
            Err(Errno::NOSYS | Errno::PERM) if self.is_ours() => Ok(kill_process(self.pid, signal)?),
            other => Ok(other?),
        }
    }

    /// How it ended, once it has; an error when it is reaped.
    pub(crate) fn look(&self) -> io::Result<Option<WaitIdStatus>> {
        self.wait_id(WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
    }

    /// Waits for its end and reaps it.
    pub(crate) fn reap(&self) -> io::Result<Option<WaitIdStatus>> {
        self.wait_id(WaitIdOptions::EXITED)
    }

    /// Whether it is not reaped, so that its number, and that of the group it leads, are still its own.
    pub(crate) fn is_ours(&self) -> bool {
        self.look().is_ok()
    }

    fn wait_id(&self, options: WaitIdOptions) -> io::Result<Option<WaitIdStatus>> {
        match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            Err(Errno::INVAL | Errno::NOSYS) => Ok(waitid(WaitId::Pid(self.pid), options)?),
            other => Ok(other?),
        }
    }
}
