//! Signals by name and number.

use std::fmt;
use std::str::FromStr;

use rustix::process::Signal as Raw;
use serde::{Deserialize, Serialize};

use crate::sys;

/// A signal that can be sent to a process.
///
/// ```
/// use greenroom_sandbox::Signal;
///
/// let signal: Signal = "SIGHUP".parse()?;
/// assert_eq!(signal, Signal::HUP);
/// assert_eq!((signal.to_string(), signal.as_raw()), ("SIGHUP".to_owned(), 1));
/// # Ok::<(), greenroom_sandbox::UnknownSignal>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "i32", try_from = "i32")]
pub struct Signal(Raw);

/// Error of parsing a signal: there is none with this name or number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown signal: {name}")]
pub struct UnknownSignal {
    /// What was parsed.
    pub name: String,
}

/// Defines the constants and the table of names.
macro_rules! signals {
    ($($name:ident = $raw:ident, $meaning:literal;)*) => {
        impl Signal {
            $(#[doc = $meaning] pub const $name: Self = Self(Raw::$raw);)*

            /// All signals that have a name, without `SIG`.
            const NAMED: &[(&str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

signals! {
    HUP = HUP, "Hangup; asks many daemons to read their configuration again.";
    INT = INT, "Interrupt, as by Ctrl-C.";
    QUIT = QUIT, "Quit, as by Ctrl-\\.";
    ILL = ILL, "Illegal instruction.";
    TRAP = TRAP, "Trace or breakpoint trap.";
    ABRT = ABORT, "Abort.";
    BUS = BUS, "Bus error.";
    FPE = FPE, "Arithmetic error.";
    KILL = KILL, "Kill; cannot be handled.";
    USR1 = USR1, "User-defined.";
    SEGV = SEGV, "Invalid memory reference.";
    USR2 = USR2, "User-defined.";
    PIPE = PIPE, "Write to a pipe without readers.";
    ALRM = ALARM, "Timer.";
    TERM = TERM, "Termination: the polite way to stop a process.";
    CHLD = CHILD, "A child has ended or was stopped.";
    CONT = CONT, "Continue after a stop.";
    STOP = STOP, "Stop; cannot be handled.";
    TSTP = TSTP, "Stop, as by Ctrl-Z.";
    TTIN = TTIN, "Terminal input from the background.";
    TTOU = TTOU, "Terminal output from the background.";
    URG = URG, "Urgent data on a socket.";
    XCPU = XCPU, "CPU time limit exceeded.";
    XFSZ = XFSZ, "File size limit exceeded.";
    VTALRM = VTALARM, "Virtual timer.";
    PROF = PROF, "Profiling timer.";
    WINCH = WINCH, "The terminal changed its size.";
    IO = IO, "I/O is possible.";
    PWR = POWER, "Power failure.";
    SYS = SYS, "Invalid system call.";
}

impl Signal {
    /// Returns the signal with this number, 1 to 64, also one without a name.
    pub fn from_raw(number: i32) -> Option<Self> {
        sys::signal_of_number(number).map(Self)
    }

    /// Returns its number.
    pub fn as_raw(self) -> i32 {
        self.0.as_raw()
    }

    /// Returns its name without `SIG`, if it has one.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(_, signal)| *signal == self).map(|(name, _)| *name)
    }

    /// Returns the names of all signals that have one, without `SIG`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().map(|(name, _)| *name)
    }

    /// Returns it as system calls take it.
    pub(crate) fn raw(self) -> Raw {
        self.0
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Parses a name, with or without `SIG`, in any case, or a number.
    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        let upper = text.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        let named = Self::NAMED.iter().find(|(name, _)| *name == short).map(|(_, signal)| *signal);
        named
            .or_else(|| text.parse().ok().and_then(Self::from_raw))
            .ok_or_else(|| UnknownSignal { name: text.to_owned() })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "SIG{name}"),
            None => write!(f, "{}", self.as_raw()),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::hash::Hash for Signal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_raw().hash(state);
    }
}

impl From<Signal> for i32 {
    fn from(signal: Signal) -> Self {
        signal.as_raw()
    }
}

impl TryFrom<i32> for Signal {
    type Error = UnknownSignal;

    fn try_from(number: i32) -> Result<Self, UnknownSignal> {
        Self::from_raw(number).ok_or_else(|| UnknownSignal { name: number.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_parsed_by_name_and_number() {
        assert_eq!("TERM".parse(), Ok(Signal::TERM));
        assert_eq!("sigusr1".parse(), Ok(Signal::USR1));
        assert_eq!("9".parse(), Ok(Signal::KILL));
        assert_eq!("64".parse().map(Signal::as_raw), Ok(64));
        assert_eq!("16".parse().map(Signal::as_raw), Ok(16));
        for invalid in ["65", "0", "-9", "TREM", ""] {
            assert_eq!(invalid.parse::<Signal>(), Err(UnknownSignal { name: invalid.to_owned() }));
        }
    }

    #[test]
    fn a_signal_shows_its_name_or_its_number() {
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
        assert_eq!(Signal::from_raw(40).map(|signal| signal.to_string()), Some("40".to_owned()));
    }
}
