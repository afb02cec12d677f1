//! A stage from inside.
//!
//! `first_process` is its first process, which reaps and watches; `worker` is the child of that,
//! which plays the agent; `agent` is what an agent implements and is given; `outside` asks the
//! runner about what the stage does not see.

mod agent;
pub(crate) mod first_process;
pub(crate) mod outside;
mod worker;

pub use agent::{Agent, Sender, Stage};
