//! Runs a plan: [`Plan`](greenroom_doc::Plan) in, events out.
//!
//! One thread does it all: it launches stages, listens to them, watches the clock and the order to stop, and pushes what
//! happens into a [`Sink`](greenroom_event::Sink). The steps themselves run inside the stages, in `agent`; between the two
//! go the messages of `wire`.
//!
//! ```text
//! Plan --> preflight --> runner ==launcher==> stage: agent --> step functions
//!                          |  <---- wire -------------'
//!                          '--> Event --> Sink
//! ```

#![forbid(unsafe_code)]

mod admission;
mod agent;
mod emit;
mod functions;
mod options;
mod outline;
mod preflight;
mod runner;
mod scenario;
mod script;
mod wire;

pub use agent::StepAgent;
pub use functions::check_functions;
pub use options::{Orders, RunOptions};
pub use preflight::preflight;
pub use runner::{RunError, run};
