//! A stage from inside.
//!
//! `first_process` is its first process, which reaps and watches; `worker` is the child of that,
//! which plays the agent; `agent` is what an agent implements and is given.

mod agent;
pub(crate) mod first_process;
mod worker;

pub use agent::{Agent, Sender, Stage};
