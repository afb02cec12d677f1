//! The interface of step functions, and the step libraries that come with greenroom.
//!
//! A step function gets the [`Context`] of its scenario and the [`Captures`] of its step, and
//! returns a [`StepResult`]. A [`Library`] has functions with their names and checks, and the
//! bindings that lead to them. A [`Registry`] has all libraries of a program. Your own libraries
//! work as those in [`library`] do:
//!
//! ```
//! use greenroom_steps::{Captures, Check, Context, Failure, Library, Registry, StepResult};
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
//! let bindings = "- when: I count to {top:uint}\n  impl: {native: {function: count_to}}\n";
//! let library = Library::new("counting", bindings).step("count_to", count_to, Check::AnythingGoes);
//! let registry = Registry::builtin().with(library);
//! assert!(registry.function("count_to").is_some());
//! ```

#![forbid(unsafe_code)]

pub mod check;
pub mod context;
mod evidence;
pub mod function;
pub mod host;
mod interpreter;
pub mod library;
pub mod look;
pub mod registry;
pub mod repeat;
pub mod step;
pub mod values;

pub use check::{PathOrigin, PreflightState, Problem, ProblemKind};
pub use context::{Context, EmbeddedFile, Environment};
pub use evidence::Evidence;
pub use greenroom_event::{
    Comparison, Daemon, Failure, FailureKind, LeftOver, Output, OutputSource, Part, Relation, Stream, Subject,
};
pub use look::{Fetched, Look, Prospect};
pub use registry::{Availability, Check, CheckFunction, EndFunction, Library, Registry, StepFunction};
pub use repeat::{Repetition, RepetitionKind, repeat};
pub use step::{Captures, ScenarioEnd, StepResult};
pub use values::Reading;

/// The README, whose examples are compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
