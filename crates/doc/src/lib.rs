//! Acceptance documents: text in, [`Plan`] out.
//!
//! [`load()`] reads documents, their metadata, bindings and embedded files through a [`Loader`], matches every step
//! against the bindings, and returns a [`Plan`] together with every complaint it has as a list of [`Diagnostic`]s.
//! Nothing here touches a file, a process or a terminal, so it runs in an editor or a fuzzer as well as in the runner.
//!
//! ```text
//! Loader --bytes--> SourceFile --markdown--> Document --bindings--> Plan
//!                       \______________ Diagnostic _______________/
//! ```

#![forbid(unsafe_code)]

mod attributes;
mod binding;
mod capture;
pub mod diagnostic;
mod document;
mod hints;
mod index;
mod load;
mod lookup;
mod markdown;
mod matching;
mod measure;
mod metadata;
mod pattern;
pub mod plan;
pub mod source;
mod suggest;
mod yaml;

pub use diagnostic::{Code, Diagnostic, Label, Severity};
pub use load::{bindings_of, load};
pub use measure::{parse_duration, parse_size};
pub use plan::{
    Binding, BuiltinFile, Capture, CaptureType, EmbeddedFile, Front, Implementation, ImplementationFile, Limits,
    Loaded, MatchedStep, Plan, PlannedDocument, PlannedScenario, Request, StepKind,
};
pub use source::{LoadError, Loader, MemoryLoader, SourceFile, SourceId, Sources, Span};
pub use suggest::nearest;

/// The README, whose examples are compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
