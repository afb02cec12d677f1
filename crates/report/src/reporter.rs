//! What a run is shown as on standard output: for people, or in a format that a program reads.

use std::io::{self, Write};

use greenroom_event::Sink;

use crate::github::GithubReporter;
use crate::json::JsonReporter;
use crate::tap::TapReporter;
use crate::teamcity::TeamcityReporter;
use crate::terminal::{Options, Terminal, TerminalReporter};

/// A report of a run that is written while the run goes on.
pub trait Reporter: Sink {
    /// Erases lines that are there only for now.
    fn clear(&mut self) {}

    /// Writes the ending, for a recording that has none. `goes_on`: its run still goes on.
    fn cut_short(&mut self, goes_on: bool);

    /// Returns the first write error. Nothing was written after it.
    fn error(&self) -> Option<&io::Error>;
}

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
