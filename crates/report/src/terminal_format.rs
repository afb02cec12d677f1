//! The formats of standard output: for people, or such that a program reads.

use std::io::Write;

use crate::github::GithubReporter;
use crate::json::JsonReporter;
use crate::reporter::Reporter;
use crate::tap::TapReporter;
use crate::teamcity::TeamcityReporter;
use crate::terminal::{Options, Terminal, TerminalReporter};

/// A format of standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TerminalFormat {
    /// For people.
    #[default]
    Human,
    /// Version 14 of the Test Anything Protocol.
    Tap,
    /// For people, with annotations that GitHub Actions shows at their places.
    Github,
    /// Service messages for TeamCity.
    Teamcity,
    /// The events, as in a recording.
    Json,
}

impl TerminalFormat {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Human, Self::Tap, Self::Github, Self::Teamcity, Self::Json];

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Tap => "tap",
            Self::Github => "github",
            Self::Teamcity => "teamcity",
            Self::Json => "json",
        }
    }

    /// Returns what it is, for the help text.
    pub fn help(self) -> &'static str {
        match self {
            Self::Human => "For people",
            Self::Tap => "Test Anything Protocol 14: a test for each document, a subtest for each scenario",
            Self::Github => "For people, with annotations and a job summary for GitHub Actions",
            Self::Teamcity => "Service messages for TeamCity",
            Self::Json => "One line of JSON per event, as `--events` records them",
        }
    }

    /// Creates the report. `token` is unknown to what the scenarios run; `github` needs it.
    pub fn reporter<'a>(
        self,
        out: impl Write + 'a,
        terminal: Terminal,
        options: Options,
        token: String,
    ) -> Box<dyn Reporter + 'a> {
        match self {
            Self::Human => Box::new(TerminalReporter::new(out, terminal, options)),
            Self::Tap => Box::new(TapReporter::new(out)),
            Self::Github => Box::new(GithubReporter::new(out, terminal, options, token)),
            Self::Teamcity => Box::new(TeamcityReporter::new(out)),
            Self::Json => Box::new(JsonReporter::new(out)),
        }
    }
}
