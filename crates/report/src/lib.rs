//! Events and plans to people.
//!
//! Everything a user of greenroom reads is written here: complaints about documents ([`diagnostics`]), the progress and the
//! outcome of a run ([`terminal`]), and what documents and libraries offer ([`catalogue`]). Input is values — events, a plan,
//! diagnostics — and output is text; nothing here starts a process, reads the environment or opens a file, so a recorded
//! run can be shown again on another machine.
//!
//! ```text
//! Event --order--> ScenarioRecord --terminal--> Write
//!    \---summary--> Summary --> Verdict (from which alone the exit code comes)
//! ```
//!
//! What processes wrote and what documents say is untrusted text: it goes through [`words::escape`] before it is shown.

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod diagnostics;
pub mod order;
pub mod style;
pub mod summary;
pub mod terminal;
pub mod words;

pub use style::Style;
pub use summary::{Summary, Verdict};
pub use terminal::{Options, Terminal, TerminalReporter, Verbosity};
