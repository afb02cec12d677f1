//! Background processes as they were when their scenario ended.

use std::fmt;
use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::micros;
use crate::output::Output;

/// A background process as it was when the scenario ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Daemon {
    /// Its name in the document.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// How it ended.
    pub end: DaemonEnd,
    /// The end of its output; empty when the scenario passed, unless a report asked for it.
    pub output: Vec<Output>,
    /// Its processes, one per start, in order; empty if that was not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lives: Vec<Life>,
}

/// A daemon from a start to the end that follows. Times count from the start of the scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Life {
    /// When it was started, in microseconds.
    #[serde(rename = "started_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub started: Duration,
    /// When a step found it ready, if one waited for that, in microseconds.
    #[serde(rename = "ready_us", default, with = "micros::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub ready: Option<Duration>,
    /// When it was seen to have ended, in microseconds; missing when it ran until the scenario ended.
    #[serde(rename = "ended_us", default, with = "micros::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub ended: Option<Duration>,
    /// How it ended.
    pub end: DaemonEnd,
}

/// How a daemon ended. Times count from its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DaemonEnd {
    /// It was still running when the scenario ended, and was stopped then.
    Running,
    /// A step stopped it, and it ended when asked to.
    Stopped {
        /// How it ended.
        exit: Exit,
    },
    /// A step stopped it, it did not end when it was asked to, and was killed.
    Killed {
        /// How it ended.
        exit: Exit,
        /// After how long, in microseconds.
        #[serde(rename = "after_us", with = "micros")]
        #[cfg_attr(test, schemars(with = "u64"))]
        after: Duration,
        /// The signal that asked it to end, if it was not SIGTERM.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_by: Option<Signal>,
    },
    /// It was killed because its output exceeded the limit.
    OutputLimit,
    /// A signal that a step sent ended it.
    Signalled {
        /// The signal.
        signal: Signal,
        /// After how long, in microseconds.
        #[serde(rename = "after_us", with = "micros")]
        #[cfg_attr(test, schemars(with = "u64"))]
        after: Duration,
    },
    /// It ended by itself, or by a signal that greenroom did not send.
    Exited {
        /// How it ended.
        exit: Exit,
        /// After how long, in microseconds.
        #[serde(rename = "after_us", with = "micros")]
        #[cfg_attr(test, schemars(with = "u64"))]
        after: Duration,
        /// Whether a step knows.
        notice: Notice,
    },
    /// Not known: the process that runs the steps died first.
    Unknown,
}

/// Whether a step knows that a daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A step waited for the end, looked at it, or caused it.
    Expected,
    /// No step did.
    Unnoticed,
}

impl DaemonEnd {
    /// Whether it died by itself with a failure, or by a signal that greenroom did not send.
    pub fn is_crash(&self) -> bool {
        matches!(self, Self::Exited { exit, .. } if !exit.success() && *exit != Exit::Unknown)
    }

    /// Whether it crashed and no step knows.
    pub fn is_unnoticed_crash(&self) -> bool {
        self.is_crash() && matches!(self, Self::Exited { notice: Notice::Unnoticed, .. })
    }
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this status.
    Status(i32),
    /// This signal ended it.
    Signal(Signal),
    /// Not known: it was not a child of a process that reports it.
    Unknown,
}

impl Exit {
    /// Whether it exited with status 0.
    pub fn success(&self) -> bool {
        *self == Self::Status(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("an unknown exit status"),
        }
    }
}

/// A signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Signal {
    /// Its number on the machine that ran the scenario.
    pub number: i32,
    /// Its name, `SIGTERM`; missing when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the process that it ended left a core dump.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub core_dumped: bool,
}

impl Signal {
    /// Its name, or else its number, as steps write it.
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.number.to_string())
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())?;
        f.write_str(if self.core_dumped { " (core dumped)" } else { "" })
    }
}

/// A leftover process: one that no step stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct LeftOver {
    /// Its command line.
    pub command: String,
    /// The daemon's name, if a step started it as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<String>,
    /// How long it had been running, in microseconds.
    #[serde(rename = "age_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub age: Duration,
    /// How it ended.
    #[serde(default, skip_serializing_if = "LeftOverEnd::is_unknown")]
    pub end: LeftOverEnd,
    /// The last line that it wrote after SIGTERM, if it is a daemon that had to be killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_line: Option<String>,
}

/// How a leftover process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeftOverEnd {
    /// Not known: an older greenroom wrote the recording.
    #[default]
    Unknown,
    /// It ended after SIGTERM.
    Stopped,
    /// It did not end after SIGTERM and was killed.
    Killed {
        /// How long after SIGTERM, in microseconds.
        #[serde(rename = "after_us", with = "micros")]
        #[cfg_attr(test, schemars(with = "u64"))]
        after: Duration,
    },
    /// It was killed with the scenario, without time to end: the scenario had none left, or too many processes.
    Collapsed,
}

impl LeftOverEnd {
    /// Whether it is not known.
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl LeftOver {
    /// Whether it did not end after SIGTERM, so that it had to be killed.
    pub fn ignored_sigterm(&self) -> bool {
        matches!(self.end, LeftOverEnd::Killed { .. })
    }
}

/// What a scenario did with a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct PrivateNetwork {
    /// A connection or packet went to a port on which nothing listened.
    #[serde(default)]
    pub refused: bool,
    /// Something tried to reach another host, or to look up its name.
    pub other_hosts: bool,
}
