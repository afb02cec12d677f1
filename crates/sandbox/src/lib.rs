#![doc = include_str!("../README.md")]
//!
//! # What is in here
//!
//! - [`daemon`] is the above, and all that most tests need.
//! - [`process`] has what it is made of: programs, processes held by pidfds, listening sockets, the process table.
//! - [`Launcher`], [`enter`] and [`stage`] are for a program with a `main` of its own, which makes sealed rooms: stages in which
//!   nobody else's processes, ports, files in `/tmp` are to be seen, on machines that allow it.
//!
//! Everything of greenroom that talks to the kernel is in this crate, and all of its `unsafe` in the module `sys`. It knows
//! nothing of documents.
//!
//! # Processes of a run of greenroom
//!
//! ```text
//! runner                  the user's process; never enters a namespace
//!  └─ launcher            the same executable, started once per run in a session of its own; clones stages, removes the
//!      │                  run's directory should the runner be killed
//!      ├─ first process   one per stage, pid 1 of its namespaces: reaps, watches its lifeline, nothing else
//!      │   └─ worker      carries out the agent's work: steps, daemons, waiting
//!      │       └─ daemons and commands, each in a process group of its own
//!      └─ ...
//! ```
//!
//! The launcher has a single thread and little memory, so that a stage is a plain `clone` of it, without an `exec`: that
//! saves about a millisecond a stage, and makes everything that happens between `clone` and the agent's work ordinary code
//! (a child of a threaded process may not even allocate).
//!
//! # Endings
//!
//! The stage's channel is its lifeline: only the runner holds the other end, so its death closes it and the first process
//! goes, and with it, by the kernel's hand, everything in its namespaces. The launcher goes the same way. Should the
//! launcher be killed, the first processes go by their parent-death signal.

mod channel;
mod child;
pub mod daemon;
pub mod isolation;
mod keeper;
pub mod launcher;
mod probe;
pub mod process;
mod run_directory;
mod service;
pub mod stage;
mod sys;
pub mod tree;
pub mod turn;

pub use daemon::{Daemon, DaemonCommand, DaemonError};
pub use isolation::{Isolation, Property, Refusal, SandboxChoice};
pub use launcher::{
    COLLAPSE_LIMIT, Launcher, LauncherOptions, Notice, RunnerEnd, Said, SandboxError, StageId, StageSpec,
};
pub use stage::{Agent, Sender, Stage, enter, namespaces, send_with};
