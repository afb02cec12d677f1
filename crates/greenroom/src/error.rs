//! Why a command did not do its work: the message on standard error and the exit code.

use std::io::Write;
use std::path::PathBuf;

use greenroom_event::recording::RecordingError;
use greenroom_sandbox::{Refusal, SandboxError};

use crate::exit::ExitCode;
use crate::screen::WriteError;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(
    not(feature = "command"),
    expect(dead_code, reason = "some are of subcommands that test programs do not have")
)]
pub(crate) enum CommandError {
    /// Documents or bindings have errors. They are on standard error already, as diagnostics.
    #[error("invalid document")]
    InvalidDocument,
    /// Mistakes on the command line, a message for each.
    #[error("{}", .0.join("\ngreenroom: "))]
    Usage(Vec<String>),
    /// Embedded files have names that cannot be used, a message for each.
    #[error("{}", .0.join("\ngreenroom: "))]
    Files(Vec<String>),
    /// Reports cannot be written, a message for each.
    #[error("{}", .0.join("\ngreenroom: "))]
    Unwritable(Vec<String>),
    /// The system refused something that greenroom needs.
    #[error("failed to {action}: {reason}")]
    System {
        /// What greenroom tried to do: "write FILE".
        action: String,
        /// The reason of the system.
        reason: String,
    },
    /// The working directory or TMPDIR cannot be used.
    #[error("{0}")]
    Directory(String),
    /// No sandbox of the requested kind can be made.
    #[error("{error}")]
    Sandbox {
        /// The reason.
        error: SandboxError,
        /// Whether the directory for temporary files comes from `TMPDIR`.
        tmpdir_is_set: bool,
    },
    /// A recording cannot be read, or not to its end.
    #[error("{}: {error}", .path.display())]
    Recording {
        /// Its file.
        path: PathBuf,
        /// The reason.
        error: RecordingError,
    },
    /// A recording is of a run that still goes on.
    #[error("{}: the run still goes on; shown up to line {line} of the recording", .path.display())]
    GoesOn {
        /// Its file.
        path: PathBuf,
        /// The last line, from 1.
        line: usize,
    },
    /// The run was stopped before it began.
    #[error("interrupted")]
    Interrupted,
    /// Standard output cannot be written.
    #[error("failed to write the results: {0}")]
    Output(WriteError),
}

impl CommandError {
    /// Creates an error for something that the system refused.
    pub(crate) fn system(action: impl Into<String>, reason: &impl ToString) -> Self {
        Self::System { action: action.into(), reason: reason.to_string() }
    }

    /// Returns the exit code that the error leads to.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Interrupted
            | Self::GoesOn { .. }
            | Self::Recording { error: RecordingError::CutShort { .. }, .. } => ExitCode::Interrupted,
            Self::InvalidDocument | Self::Files(_) | Self::Recording { .. } => ExitCode::InvalidInput,
            Self::Usage(_) => ExitCode::Usage,
            Self::Unwritable(_) | Self::System { .. } | Self::Directory(_) | Self::Sandbox { .. } | Self::Output(_) => {
                ExitCode::Unavailable
            }
        }
    }

    /// Writes the error to standard error, unless the user knows it already.
    pub(crate) fn report(&self) {
        if matches!(self, Self::InvalidDocument | Self::Interrupted) {
            return;
        }
        let mut stderr = std::io::stderr();
        let _ = writeln!(stderr, "greenroom: {self}");
        for line in self.details() {
            let _ = writeln!(stderr, "  {line}");
        }
    }

    /// Returns the lines below the message: reasons and help.
    fn details(&self) -> Vec<String> {
        match self {
            Self::Sandbox { error: SandboxError::NoNetwork(refused), .. } if refused.is_empty() => {
                vec!["help: leave out `--network private`, or `--sandbox tended`".to_owned()]
            }
            Self::Sandbox {
                error:
                    SandboxError::NotSealed(refused)
                    | SandboxError::NoDisk { refusals: refused, .. }
                    | SandboxError::NoUser { refusals: refused, .. }
                    | SandboxError::NoNetwork(refused),
                ..
            } => refusals(refused),
            Self::Sandbox { error: SandboxError::Directory { .. }, tmpdir_is_set: true } => {
                vec!["help: set `TMPDIR` to a directory that you may write to".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Formats refusals: each refused call with the properties that need it, then what to change.
pub(crate) fn refusals(refusals: &[Refusal]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut listed: Vec<&Refusal> = Vec::new();
    for refusal in refusals {
        let same = |other: &&Refusal| other.call == refusal.call && other.error == refusal.error;
        if listed.iter().any(same) {
            continue;
        }
        listed.push(refusal);
        let properties: Vec<&str> = refusals.iter().filter(same).map(|other| other.property.name()).collect();
        lines.push(format!("{}: {refusal}", properties.join(", ")));
        lines.extend(refusal.help.iter().map(|help| format!("  help: {help}")));
    }
    lines
}
