//! Acceptance documents: text in, [`Plan`] out.
//!
//! [`load()`] reads documents, their metadata, bindings and embedded files through a [`Loader`],
//! and matches every step against the bindings. It returns a [`Plan`] and all mistakes as a list of
//! [`Diagnostic`]s. This crate does no I/O, so it runs in an editor or a fuzzer as well as in the
//! runner.
//!
//! ```text
//! Loader --bytes--> read --nodes--> contents --step lines--> matching --> Plan
//!                     \________________ Diagnostic ________________/
//! ```
//!
//! | module | from | to |
//! |---|---|---|
//! | `read` | text | Markdown blocks, YAML, metadata, bindings |
//! | `contents` | Markdown blocks | scenarios and embedded files |
//! | `matching` | step lines and bindings | matched steps, hints for those that match nothing |
//! | `load` | a request | all of the above, in order, with the files that they need |
//!
//! A module uses those above it and never those below.

#![forbid(unsafe_code)]

mod capture;
mod code;
mod contents;
pub mod diagnostic;
mod keyword;
mod load;
mod look_alike;
mod matching;
mod measure;
mod network;
pub mod plan;
mod read;
pub mod roadmap;
pub mod source;
mod suggest;
mod test_names;

pub use capture::{Capture, CaptureDefinition, CaptureType};
pub use code::Code;
pub use contents::raw::{EmbeddedFile, Heading};
pub use diagnostic::{Diagnostic, Label, Severity};
pub use keyword::StepKind;
pub use load::session::{Loaded, Request, bindings_of, load};
pub use load::survey::{has_metadata, markdowns_of};
pub use measure::{parse_duration, parse_size};
pub use network::Network;
pub use plan::{
    ImplementationFile, MatchedStep, Plan, PlannedDocument, PlannedScenario, Repetition, RepetitionKind, UnboundStep,
};
pub use read::attributes::Attributes;
pub use read::binding::{Binding, Implementation, NATIVE};
pub use read::markdown::options as markdown_options;
pub use read::metadata::keys as metadata;
pub use read::metadata::keys::Metadata;
pub use read::metadata::value::{MAX_RETRIES, Retries};
pub use source::{BuiltinFile, LoadError, Loader, MemoryLoader, Reach, SourceFile, SourceId, Sources, Span};
pub use suggest::nearest;
pub use test_names::TestNames;

/// The README, whose examples are compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
