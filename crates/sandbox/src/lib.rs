#![doc = include_str!("../README.md")]
//!
//! # Contents
//!
//! - [`DaemonCommand`] starts a [`Daemon`]; the module [`daemon`] describes what is promised.
//! - [`ready`] has the conditions that a test can wait for.
//! - [`Exit`], [`ExitStatus`], [`StopOutcome`] and [`Signal`] say how processes end.
//! - [`DaemonError`] says why a wait failed.
//!
//! The rest of this crate carries greenroom's scenarios. It is hidden from this documentation, and
//! may change in any release.
//!
//! # Features
//!
//! - `http` (default): [`ready::Http`].

// The inside, for developers of greenroom. All of greenroom that talks to the kernel is in this
// crate, and all of its `unsafe` in the module `sys`. The crate knows nothing about documents.
//
//     runner                  the user's process; never enters a namespace
//      └─ launcher            the same executable, started once per run in a session of its own; clones
//          │                  stages, removes the run's directory if the runner is killed
//          ├─ first process   one per stage, pid 1 of its namespaces: reaps, watches its channel
//          │   └─ worker      plays the agent: steps, daemons, waits
//          │       └─ daemons and commands, each in a process group of its own
//          └─ ...
//
// The launcher has a single thread and little memory, so a stage is a plain `clone` of it, without
// an `exec`. That saves about a millisecond for each stage. It also makes everything between
// `clone` and the agent's work ordinary code; a child of a process with threads may not even
// allocate.
//
// The stage's channel is its lifeline: only the runner holds the other end. When the runner dies,
// the channel closes, the first process ends, and the kernel kills everything in its namespaces.
// The launcher ends in the same way. If the launcher is killed, first processes end by their
// parent-death signal.

#![warn(clippy::missing_errors_doc)]

mod callers;
mod covered;
pub mod daemon;
#[doc(hidden)]
pub mod decode;
mod entry;
#[doc(hidden)]
pub mod isolation;
#[doc(hidden)]
pub mod launcher;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod stage;
mod surroundings;
mod sys;
#[doc(hidden)]
pub mod tree;
#[doc(hidden)]
pub mod turn;

pub use daemon::{Daemon, DaemonCommand, DaemonError, Details, ProcessInfo};
pub use process::{Exit, ExitStatus, ProgramError, Signal, SpawnError, StopOutcome, UnknownSignal};

/// Conditions of readiness, for [`Daemon::wait_for`].
///
/// ```
/// use std::fmt;
/// use std::time::Duration;
/// use greenroom_sandbox::{DaemonCommand, ready};
///
/// /// A condition of our own: a directory contains so many files.
/// struct Files(std::path::PathBuf, usize);
///
/// impl fmt::Display for Files {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         write!(f, "{} files in {}", self.1, self.0.display())
///     }
/// }
///
/// impl ready::Readiness for Files {
///     type Found = ();
///
///     fn look(&mut self, _: Duration) -> Option<()> {
///         (std::fs::read_dir(&self.0).ok()?.count() >= self.1).then_some(())
///     }
///
///     fn unmet(&self) -> String {
///         format!("{self} did not appear")
///     }
/// }
///
/// # let directory = tempfile::tempdir()?;
/// let mut daemon = DaemonCommand::new("sh")
///     .args(["-c", "touch a b; exec sleep 60"])
///     .current_dir(&directory)
///     .spawn()?;
/// daemon.wait_for(&mut Files(directory.path().to_owned(), 2), Duration::from_secs(10))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod ready {
    pub use crate::process::ready::*;
}

#[doc(hidden)]
pub use callers::callers_variables;
#[doc(hidden)]
pub use covered::hidden_below;
#[doc(hidden)]
pub use entry::enter;
#[doc(hidden)]
pub use isolation::{IdMaps, Isolation, NoIdMaps, Property, Refusal, SandboxChoice, StageUser};
#[doc(hidden)]
pub use launcher::{
    COLLAPSE_LIMIT, DirectoryFate, Launcher, LauncherOptions, Notice, Received, RunnerEnd, SandboxError, SetupFailure,
    StageId, StageMessage, StageSpec, try_send_with_fds,
};
#[doc(hidden)]
pub use stage::{Agent, Sender, Stage};
#[doc(hidden)]
pub use surroundings::{Network, emptied, namespaces, process_of_stage};
#[doc(hidden)]
pub use sys::{name_senders, receive_from};
