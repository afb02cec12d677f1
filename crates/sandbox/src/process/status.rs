//! How processes end.

use std::fmt;
use std::time::Duration;

use rustix::process::WaitIdStatus;
use serde::{Deserialize, Serialize};

use super::signal::Signal;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// With this exit code, 0 to 255.
    Code(i32),
    /// Killed by this signal.
    Signal(Signal),
    /// Killed by this signal, with a core dump.
    CoreDump(Signal),
    /// Not known: the kernel reports it to the parent of a process only.
    Unknown,
}

impl ExitStatus {
    /// Whether it is exit code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    /// Returns the exit code; `None` when a signal killed the process.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            Self::Signal(_) | Self::CoreDump(_) | Self::Unknown => None,
        }
    }

    /// Returns the signal that killed the process, if one did.
    pub fn signal(self) -> Option<Signal> {
        match self {
            Self::Code(_) | Self::Unknown => None,
            Self::Signal(signal) | Self::CoreDump(signal) => Some(signal),
        }
    }

    /// Whether both are the same exit code or signal, with or without a core dump.
    #[must_use]
    pub fn is_like(self, other: Self) -> bool {
        self.code() == other.code() && self.signal() == other.signal()
    }

    /// Returns it as Python's `returncode`: the exit code, or minus the signal's number.
    ///
    /// An unknown one is less than any of these.
    #[doc(hidden)]
    pub fn returncode(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) | Self::CoreDump(signal) => -signal.as_raw(),
            Self::Unknown => i32::MIN,
        }
    }

    /// Converts Python's `returncode`.
    #[doc(hidden)]
    pub fn from_returncode(returncode: i32) -> Self {
        if returncode == i32::MIN {
            return Self::Unknown;
        }
        let signal = returncode.checked_neg().and_then(Signal::from_raw);
        signal.map_or(Self::Code(returncode), Self::Signal)
    }

    /// Converts what `waitpid` stores; `None` for a process that has not ended.
    pub(crate) fn from_raw(status: i32) -> Option<Self> {
        let kind = if status & 0x80 == 0 { Self::Signal } else { Self::CoreDump };
        match status & 0x7f {
            0 => Some(Self::Code(status >> 8 & 0xff)),
            signal => Signal::from_raw(signal).map(kind),
        }
    }

    /// Converts what `waitid` returns; `None` while the process has not ended.
    pub(crate) fn from_wait(status: &WaitIdStatus) -> Option<Self> {
        let kind = if status.dumped() { Self::CoreDump } else { Self::Signal };
        let signal = || status.terminating_signal().and_then(Signal::from_raw).map(kind);
        status.exit_status().map(Self::Code).or_else(signal)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::CoreDump(signal) => write!(f, "signal {signal} (core dumped)"),
            Self::Unknown => f.write_str("an unknown exit status"),
        }
    }
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// How it ended.
    pub status: ExitStatus,
    /// How long it had run when its end was noticed.
    pub after: Duration,
}

/// What stopping a process came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// It had ended before.
    Already(Exit),
    /// It ended after the signal.
    Gracefully(Exit),
    /// It was still running when the time had passed, and was killed.
    Killed(Exit),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returncode_is_an_exit_code_or_a_signal() {
        for (status, returncode) in [
            (ExitStatus::Code(3), 3),
            (ExitStatus::Signal(Signal::TERM), -15),
            (ExitStatus::Code(-1000), -1000),
            (ExitStatus::Unknown, i32::MIN),
        ] {
            assert_eq!((status.returncode(), ExitStatus::from_returncode(returncode)), (returncode, status));
        }
        assert_eq!(ExitStatus::Signal(Signal::TERM).to_string(), "signal SIGTERM");
    }

    #[test]
    fn what_waitpid_stores_is_an_exit_code_or_a_signal() {
        for (stored, status) in [
            (0, Some(ExitStatus::Code(0))),
            (0xff00, Some(ExitStatus::Code(255))),
            (9, Some(ExitStatus::Signal(Signal::KILL))),
            (0x80 | 6, Some(ExitStatus::CoreDump(Signal::ABRT))),
            (0x137f, None),
        ] {
            assert_eq!(ExitStatus::from_raw(stored), status);
        }
    }
}
