//! A process of this stage that another process has started.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};

use super::child::Child;
use super::signal::Signal;
use super::status::ExitStatus;
use super::wait::plain;
use crate::sys::{self, Side};

/// A process that is not our child, held by a pidfd.
///
/// Its end can be seen. How it ended the kernel reports to its parent; to others only since Linux 6.15, once it is
/// reaped.
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

    /// Sees one of our children as others do.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.clone())
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

    /// Whether the kernel says how processes have ended that are not our children.
    pub fn status_is_known() -> bool {
        let child = match sys::fork() {
            Ok(Side::Child) => sys::exit_now(0),
            Ok(Side::Parent(pid)) => Child::hold(pid),
            Err(error) => Err(error),
        };
        child.is_ok_and(|child| child.reap().is_ok() && sys::status_of_reaped(child.pidfd()).is_some())
    }

    /// Waits until it has been reaped, and returns how it ended, if the kernel says so.
    pub fn status(&self, limit: Duration) -> Option<ExitStatus> {
        if !plain::end_of(self.pidfd(), limit) {
            return None;
        }
        let status = plain::until(limit, &[], || sys::status_of_reaped(self.pidfd()));
        status.and_then(ExitStatus::from_raw)
    }

    /// Sends it a signal; nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        // Old kernels and some filters have no signals by descriptor. Its number is given to another process only
        // when all others were.
        if self.0.signal(signal).is_err() && !self.has_ended() {
            let _ = kill_process(self.0.pid(), signal.raw());
        }
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    /// The shell stands for a process that starts others and reaps them.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "processes to look at")]
    fn how_the_child_of_another_process_ended_is_known_where_the_kernel_says_it() {
        if !Neighbour::status_is_known() {
            println!("skipped: needs Linux 6.15");
            return;
        }
        for (end, expected) in [("exit 3", ExitStatus::Code(3)), ("kill -TERM $$", ExitStatus::Signal(Signal::TERM))] {
            let script = format!("exec 3<&0; sh -c 'read line <&3; {end}' & echo $!; wait");
            let mut shell = Command::new("sh");
            let mut shell = shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut number = String::new();
            BufReader::new(shell.stdout.take().unwrap()).read_line(&mut number).unwrap();
            let neighbour = Neighbour::hold(number.trim().parse().unwrap()).unwrap();
            assert_eq!(neighbour.status(Duration::ZERO), None);
            // The end of its input ends it.
            drop(shell.stdin.take());
            assert_eq!(neighbour.status(Duration::from_mins(1)), Some(expected));
            shell.wait().unwrap();
        }
    }
}
