//! Sealed rooms for processes.
//!
//! This crate is everything of greenroom that talks to the kernel, and the only home of `unsafe` (in `sys`). It knows
//! nothing of documents: a Rust test can use [`process`] alone to start a daemon, wait until it is ready, read its output
//! and be sure that it is gone.
//!
//! # Processes of a run
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
pub mod isolation;
pub mod launcher;
mod probe;
pub mod process;
mod run_directory;
mod service;
pub mod stage;
mod sys;
pub mod tree;
pub mod turn;

pub use isolation::{Isolation, Property, Refusal, SandboxChoice};
pub use launcher::{
    COLLAPSE_LIMIT, Launcher, LauncherOptions, Notice, RunnerEnd, Said, SandboxError, StageId, StageSpec,
};
pub use stage::{Agent, Sender, Stage, enter};
