//! Events and plans to people.
//!
//! Everything that a user of greenroom reads is written here: diagnostics of documents
//! ([`diagnostics`]), the progress and the results of a run ([`terminal`] and the reports of
//! [`FORMATS`]), and what documents and libraries offer ([`catalogue`]). Input is values: events, a
//! plan, diagnostics. Output is text. Nothing here starts a process, reads the environment or opens
//! a file, so that a recorded run can be shown on another machine.
//!
//! ```text
//! Event --tee--> Summary --> Verdict, from which the exit code comes
//!          |---> terminal: records --> ScenarioRecord --> page
//!          \---> any other report: a file here and a row in FORMATS
//! ```
//!
//! What processes wrote and what documents say is untrusted text: [`words::escape`] makes it safe
//! to show.

#![forbid(unsafe_code)]

mod attempts;
mod case;
pub mod catalogue;
mod comparison;
pub mod diagnostics;
pub mod events;
mod excerpt;
mod explanation;
pub mod findings;
pub mod github;
mod in_short;
mod json;
pub mod junit;
pub mod libtest;
pub mod merge;
mod output;
#[cfg(feature = "pages")]
pub mod page;
pub mod records;
pub mod reporter;
pub mod run_record;
pub mod style;
pub mod summary;
mod tap;
mod teamcity;
pub mod tee;
pub mod terminal;
pub mod terminal_format;
pub mod words;

pub use attempts::{AttemptEnd, Details, Spool};
pub use findings::Findings;
pub use libtest::{LibtestLog, LibtestOptions, LibtestReporter};
pub use reporter::Reporter;
pub use run_record::{RunRecord, ScenarioState};
pub use style::Style;
pub use summary::{Summary, Verdict};
pub use tee::{Format, Tee, Writing};
pub use terminal::{Options, Terminal, TerminalReporter, Verbosity};
pub use terminal_format::TerminalFormat;

/// The reports that `greenroom run` writes to files, a row for each.
pub const FORMATS: &[Format] = &[events::FORMAT, junit::FORMAT];
