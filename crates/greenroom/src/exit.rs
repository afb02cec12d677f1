//! The exit codes of the command. `--help`, the manual pages and the book are checked against this
//! table.

use std::fmt::Write as _;

use greenroom_report::Verdict;

macro_rules! exit_codes {
    ($(#[doc = $meaning:literal] $name:ident = $code:literal,)+) => {
        /// An exit code of the `greenroom` command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ExitCode {
            $(#[doc = $meaning] $name,)+
        }

        impl ExitCode {
            /// All exit codes, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the number that the process exits with.
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)+ }
            }

            /// Returns what the exit code means, in one line: its documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }.trim_start()
            }
        }
    };
}

exit_codes! {
    /// All selected scenarios passed, or the command succeeded
    Passed = 0,
    /// A scenario failed or could not be run
    Failed = 1,
    /// A document or a recording is missing or invalid; nothing was run
    InvalidInput = 2,
    /// The command line is invalid, or no scenario matches the filters
    Usage = 3,
    /// greenroom cannot work here: no temporary directory, sandbox or output
    Unavailable = 4,
    /// Interrupted by SIGINT, SIGTERM or SIGHUP, or the reader of the output left
    Interrupted = 130,
}

impl ExitCode {
    /// Returns this exit code, or that of invalid input if a document has errors.
    #[cfg(feature = "command")]
    pub(crate) fn unless_invalid(self, loaded: &greenroom_doc::Loaded) -> Self {
        if loaded.has_errors() { Self::InvalidInput } else { self }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit: ExitCode) -> Self {
        Self::from(exit.code())
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed => Self::Failed,
            Verdict::Interrupted => Self::Interrupted,
            Verdict::NothingRan => Self::Usage,
        }
    }
}

/// Returns the table that ends the help texts.
pub(crate) fn help() -> String {
    ExitCode::ALL.iter().fold("Exit codes:".to_owned(), |mut text, exit| {
        let _ = write!(text, "\n  {:<4} {}", exit.code(), exit.meaning());
        text
    })
}
