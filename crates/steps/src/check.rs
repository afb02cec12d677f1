//! What can be known of a step before anything runs.
//!
//! A check function looks at a step's captures and at the [`Outlook`]: what the scenario has surely
//! done by then. It says what cannot work, so that it is shown with all other mistakes and nothing
//! is started in vain.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A text is not a valid regular expression.
    InvalidRegex,
    /// A command looks like a shell command, but no shell runs it.
    NoShell,
    /// A program is not installed.
    MissingProgram,
    /// A pattern is empty, so it matches everything.
    EmptyPattern,
    /// A name cannot be the name of a daemon.
    InvalidDaemonName,
    /// A command cannot be split into words.
    InvalidCommand,
    /// An environment is not a JSON object of strings.
    InvalidEnvironment,
    /// No earlier step keeps a value under this name.
    UnknownName,
    /// A text is not a port.
    InvalidPort,
    /// A text is not a time limit.
    InvalidLimit,
    /// A text is not a URL that a step can use.
    InvalidUrl,
    /// A text is not an exit code or HTTP status.
    InvalidStatus,
    /// A signal does not exist.
    UnknownSignal,
    /// A path leaves the scenario's directory.
    OutsideDirectory,
    /// A number is out of range.
    InvalidNumber,
    /// A text is not a date and time.
    InvalidTime,
    /// A step checks a command, but no earlier step runs one.
    NoCommand,
    /// A kind of another step library, by its stable word.
    Other(&'static str),
}

impl ProblemKind {
    /// Returns the stable word that messages show: `bad-port`.
    pub fn word(self) -> &'static str {
        match self {
            Self::InvalidRegex => "bad-regex",
            Self::NoShell => "no-shell",
            Self::MissingProgram => "program-not-found",
            Self::EmptyPattern => "empty-pattern",
            Self::InvalidDaemonName => "bad-daemon-name",
            Self::InvalidCommand => "bad-command",
            Self::InvalidEnvironment => "bad-environment",
            Self::UnknownName => "unknown-name",
            Self::InvalidPort => "bad-port",
            Self::InvalidLimit => "bad-limit",
            Self::InvalidUrl => "bad-url",
            Self::InvalidStatus => "bad-status",
            Self::UnknownSignal => "unknown-signal",
            Self::OutsideDirectory => "outside-directory",
            Self::InvalidNumber => "bad-number",
            Self::InvalidTime => "bad-time",
            Self::NoCommand => "no-command",
            Self::Other(word) => word,
        }
    }
}

/// Something that cannot work, or hardly as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The capture that it is about; none for the step as a whole.
    pub capture: Option<String>,
    /// The part of the capture's text that it is about, in bytes; the whole if not given. It may go
    /// on into a capture that follows without a gap.
    pub part: Option<Range<usize>>,
    /// Whether it is only worth knowing, and the scenario may run.
    pub warning: bool,
    /// Its kind.
    pub kind: ProblemKind,
    /// What is wrong, in one line, lower case, no full stop.
    pub message: String,
    /// Said beside the place.
    pub label: String,
    /// What to do.
    pub help: Vec<String>,
}

impl Problem {
    /// A problem with a capture.
    pub fn new(capture: &str, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            capture: Some(capture.to_owned()),
            part: None,
            warning: false,
            kind,
            message: message.into(),
            label: String::new(),
            help: Vec::new(),
        }
    }

    /// A warning about a capture.
    pub fn warning(capture: &str, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::new(capture, kind, message) }
    }

    /// Narrows the place to a part of the capture's text.
    #[must_use]
    pub fn part(mut self, part: Range<usize>) -> Self {
        self.part = Some(part);
        self
    }

    /// Says something beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// What is known of a scenario at one of its steps.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// PATH as greenroom was started with it and as the steps so far change it.
    pub path: OsString,
    /// The directory in which greenroom was started.
    pub source_directory: PathBuf,
    /// Files (and directories) that steps so far have put into the scenario's directory, by the names they wrote.
    pub files: BTreeSet<String>,
    /// Names under which steps so far keep a value.
    pub kept: BTreeSet<String>,
    /// Whether a step so far may have done anything at all: run a program, run the user's own code.
    /// Then the lack of a file proves nothing.
    pub anything_goes: bool,
    /// Whether a step so far should run a program, found or not.
    pub ran: bool,
}

impl Outlook {
    /// The outlook at the first step of a scenario.
    pub fn new(path: OsString, source_directory: PathBuf) -> Self {
        Self { path, source_directory, files: BTreeSet::new(), kept: BTreeSet::new(), anything_goes: false, ran: false }
    }

    /// Notes that a step creates this file.
    pub fn creates(&mut self, name: &str) {
        self.files.insert(plain(name).to_owned());
    }

    /// Whether the scenario may have this file by now.
    pub fn may_have(&self, name: &str) -> bool {
        self.anything_goes || self.files.contains(plain(name))
    }
}

/// A path without its leading `./`.
fn plain(name: &str) -> &str {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./") {
        name = rest.trim_start_matches('/');
    }
    name
}
