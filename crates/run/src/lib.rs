//! Runs a plan: [`Plan`](greenroom_doc::Plan) in, events out.
//!
//! One thread launches stages, reads their messages, watches deadlines and stop requests, and pushes
//! events into a [`Sink`](greenroom_event::Sink). The steps run inside the stages, in `agent`, which talks
//! to the runner by the messages of `wire`.
//!
//! ```text
//! Plan --> preflight --> runner ==launcher==> stage: agent --> step functions
//!                          |  <---- wire -------------'
//!                          '--> Event --> Sink
//! ```

#![forbid(unsafe_code)]

mod admission;
mod agent;
mod cargo;
mod disk;
mod emit;
mod functions;
mod hold;
mod mentions;
mod options;
mod order;
mod outline;
mod own_programs;
mod places;
mod predefined;
mod preflight;
mod progress;
mod runner;
mod scenario;
mod schedule;
mod script;
mod users;
mod wire;

pub use agent::StepAgent;
pub use cargo::CargoBuild;
pub use functions::check_functions;
pub use greenroom_steps::Evidence;
pub use options::{Orders, RunOptions, Strictness, TimeLimit};
pub use outline::{outline, property_name, texts};
pub use own_programs::OwnPrograms;
pub use preflight::{HostView, preflight};
pub use runner::{RunError, run};
pub use users::check_users;
