//! What step functions see, and the step libraries that come with greenroom.
//!
//! A step function gets the scenario's [`Context`] and the step's [`Captures`] and says how it went
//! with a [`StepResult`]. A [`Library`] names functions and carries the bindings that lead to them;
//! a [`Registry`] holds libraries. The libraries in [`library`] register through the same door as
//! anybody's own:
//!
//! ```
//! use greenroom_steps::{Captures, Context, Library, Registry, Failure, StepResult};
//!
//! fn count_to(context: &mut Context, captures: &Captures) -> StepResult {
//!     let top: u32 = captures.number("top")?;
//!     if top > 100 {
//!         return Err(Failure::new(format!("cannot count to {top}")));
//!     }
//!     context.state::<Counter>().0 = top;
//!     Ok(())
//! }
//!
//! #[derive(Default)]
//! struct Counter(u32);
//!
//! let library = Library::new("counting", "- when: I count to {top:uint}\n  impl: {native: {function: count_to}}\n")
//!     .step("count_to", count_to);
//! let registry = Registry::builtin().with(library);
//! assert!(registry.function("count_to").is_some());
//! ```

#![forbid(unsafe_code)]

pub mod check;
pub mod context;
pub mod host;
mod interpreter;
pub mod library;
pub mod registry;
pub mod step;

pub use check::{Outlook, Problem, ProblemKind};
pub use context::{Context, EmbeddedFile, Environment};
pub use greenroom_event::{
    Comparison, Daemon, Failure, FailureKind, LeftOver, Output, OutputSource, Part, Relation, Stream, Subject,
};
pub use registry::{CheckFunction, EndFunction, Library, Registry, StepFunction};
pub use step::{Captures, Ending, StepResult};

/// The README, whose examples are compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
