//! The signals that stop or pause a run, as descriptors that become readable.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use greenroom_run::Orders;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};

use crate::error::CommandError;

/// Two descriptors, each with one byte to read for every signal received.
pub(crate) struct Signals {
    /// SIGINT, SIGTERM and SIGHUP.
    stop: OwnedFd,
    /// SIGTSTP, which Ctrl-Z sends. Only under a shell that can continue a stopped job.
    pause: Option<OwnedFd>,
}

impl Signals {
    /// Starts to catch the signals, except those that greenroom was started to ignore.
    ///
    /// `nohup` ignores SIGHUP, and a script ignores SIGINT for its background jobs.
    pub(crate) fn listen() -> Result<Self, CommandError> {
        let ignored = ignored_signals();
        let is_ignored = |signal: i32| ignored >> (signal - 1) & 1 == 1;
        let stops = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal == SIGTERM || !is_ignored(signal));
        let failed = |error: io::Error| CommandError::system("listen for signals", &error);
        let stop = readable_on(stops).map_err(failed)?;
        let pause = (!is_ignored(SIGTSTP) && has_job_control()).then(|| readable_on([SIGTSTP]));
        Ok(Self { stop, pause: pause.transpose().map_err(failed)? })
    }

    /// Returns the descriptor of the signals that stop a run.
    pub(crate) fn stop(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Returns the descriptor of the signal that pauses a run.
    pub(crate) fn pause(&self) -> Option<BorrowedFd<'_>> {
        self.pause.as_ref().map(AsFd::as_fd)
    }

    /// Returns both descriptors for a run.
    pub(crate) fn orders(&self) -> Orders<'_> {
        Orders { stop: Some(self.stop()), pause: self.pause() }
    }
}

/// Creates a descriptor that gets a byte whenever one of the signals arrives.
fn readable_on(signals: impl IntoIterator<Item = i32>) -> io::Result<OwnedFd> {
    let (read, write) = std::os::unix::net::UnixStream::pair()?;
    for signal in signals {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read.into())
}

/// Returns whether a shell controls this process group.
///
/// Without one the kernel ignores Ctrl-Z for the group, and so does greenroom. There is one if the
/// nearest ancestor in another group is in this session.
fn has_job_control() -> bool {
    let Some(own) = Ancestry::read("self") else { return false };
    let mut parent = own.parent;
    while let Some(process) = (parent != 0).then(|| Ancestry::read(&parent.to_string())).flatten() {
        if process.group != own.group {
            return process.session == own.session;
        }
        parent = process.parent;
    }
    false
}

/// Parent, process group and session of a process, from `/proc`.
///
/// A number is 0 if it lies outside of the process namespace: the session of a process that was
/// started in a container from outside, for example. The functions of rustix panic on that.
struct Ancestry {
    parent: u32,
    group: u32,
    session: u32,
}

impl Ancestry {
    fn read(process: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may contain anything. The state follows the last parenthesis.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1).map(|field| field.parse().ok());
        Some(Self { parent: fields.next()??, group: fields.next()??, session: fields.next()?? })
    }
}

/// Returns the ignored signals as bits, signal 1 first.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
