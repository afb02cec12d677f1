//! What can go wrong with a daemon.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::process::{Exit, ProgramError, SpawnError};

/// Why a daemon is not in the state that the test needs.
///
/// `Debug` is the same as `Display`, so that `unwrap`, and a test that returns the error, show a
/// readable message.
///
/// ```
/// use std::time::Duration;
/// use greenroom_sandbox::{DaemonCommand, DaemonError, ExitStatus};
///
/// let mut daemon = DaemonCommand::new("sh").args(["-c", "exit 3"]).spawn()?;
/// match daemon.wait_for_port(8080, Duration::from_secs(10)) {
///     Err(DaemonError::Exited { exit, .. }) => assert_eq!(exit.status, ExitStatus::Code(3)),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), greenroom_sandbox::DaemonError>(())
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The program does not exist or is not executable.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The program could not be started.
    #[error("{}{}", .0, .0.hint.as_ref().map_or_else(String::new, |hint| format!("\nnote: {hint}")))]
    Spawn(#[from] SpawnError),
    /// The daemon's output could not be captured or read.
    #[error("failed to capture a daemon's output: {0}")]
    Output(#[from] io::Error),
    /// The daemon ended before the wait was over.
    #[error("waiting for {what} of {name}: it ended with {} after {}{details}", .exit.status, words(.exit.after))]
    Exited {
        /// The program.
        name: String,
        /// What the wait was for.
        what: String,
        /// How the daemon ended.
        exit: Exit,
        /// Notes, and the end of the daemon's output.
        details: Details,
    },
    /// The time limit of the wait has passed.
    #[error("waiting for {what} of {name}: timed out after {}{details}", words(*.limit))]
    TimedOut {
        /// The program.
        name: String,
        /// What the wait was for.
        what: String,
        /// The time limit.
        limit: Duration,
        /// Notes, and the end of the daemon's output.
        details: Details,
    },
    /// A process is still there after SIGKILL: it is stuck in the kernel, or belongs to another
    /// user.
    #[error("processes of {name} are still running {} after they were killed{details}", words(*.after))]
    NotKilled {
        /// The program.
        name: String,
        /// How long ago they were killed.
        after: Duration,
        /// The processes.
        details: Details,
    },
    /// The daemon's keeper was killed, and the daemon with it. What the daemon started may live on.
    #[error("the keeper of {name} was killed; processes that {name} started may still be running")]
    KeeperKilled {
        /// The program.
        name: String,
    },
}

impl DaemonError {
    /// Adds notes to the error of a wait.
    pub(super) fn with_notes(mut self, more: Vec<String>) -> Self {
        if let Self::Exited { details, .. } | Self::TimedOut { details, .. } = &mut self {
            details.notes.extend(more);
        }
        self
    }
}

impl fmt::Debug for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a message says below its first line; shown by `Display`.
#[derive(Clone, Default)]
pub struct Details {
    pub(super) notes: Vec<String>,
    /// The ends of the daemon's outputs, by name.
    pub(super) output: Vec<(&'static str, Vec<u8>)>,
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        for (stream, bytes) in self.output.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            write!(f, "\n{stream} ends with:")?;
            for line in String::from_utf8_lossy(bytes).lines() {
                f.write_str("\n    ")?;
                line.chars().try_for_each(|c| match c {
                    '\t' => f.write_str("\t"),
                    c if c.is_control() => write!(f, "{}", c.escape_default()),
                    c => write!(f, "{c}"),
                })?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Formats a time for people.
fn words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
    }
}
