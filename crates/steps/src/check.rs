//! Checks of steps before any scenario starts.
//!
//! A check function gets the captures of a step and the [`PreflightState`]: what earlier steps of
//! the scenario change. It returns the problems that it finds, which are reported together with all
//! other mistakes in the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::context::EmbeddedFile;
use crate::step::names_value;

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A text is not a valid regular expression.
    InvalidRegex,
    /// A command looks like a shell command, but no shell runs it.
    NoShell,
    /// A program is not installed.
    MissingProgram,
    /// A program exists, but below a directory that scenarios have of their own.
    HiddenProgram,
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
    /// A regular expression is between slashes or quotes, which are part of it.
    WrappedRegex,
    /// A text has an escape where none is replaced.
    LiteralEscape,
    /// No earlier step starts a daemon of this name.
    UnknownDaemon,
    /// No earlier step can create this file.
    NeverCreated,
    /// A step is to be repeated, but what it looks at does not change.
    NeverChanges,
    /// A file or directory that a step copies does not exist.
    MissingSource,
    /// A user does not exist, or nothing can run as that user.
    UnknownUser,
    /// An option of a daemon has no effect.
    UnusedOption,
    /// A program in front of a daemon's switches the user and stays.
    SwitchesUser,
    /// A step needs reports of a daemon that has no socket for them.
    NoNotifySocket,
    /// A step writes to the standard input of a daemon that has none.
    ClosedStdin,
    /// A text is not a size.
    InvalidSize,
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
            Self::HiddenProgram => "hidden-program",
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
            Self::WrappedRegex => "wrapped-regex",
            Self::LiteralEscape => "literal-escape",
            Self::UnknownDaemon => "unknown-daemon",
            Self::NeverCreated => "never-created",
            Self::NeverChanges => "never-changes",
            Self::MissingSource => "missing-source",
            Self::UnknownUser => "unknown-user",
            Self::UnusedOption => "unused-option",
            Self::SwitchesUser => "switches-user",
            Self::NoNotifySocket => "no-notify-socket",
            Self::ClosedStdin => "closed-stdin",
            Self::InvalidSize => "bad-size",
            Self::Other(word) => word,
        }
    }
}

/// A problem of a step: an error, or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The capture that it is about; `None` for the whole step.
    pub capture: Option<String>,
    /// The part of the capture's text that it is about, in bytes. `None` is the whole text.
    ///
    /// It may end in the next capture, if nothing is between the two.
    pub part: Option<Range<usize>>,
    /// Whether it is only a warning, and the scenario may run.
    pub warning: bool,
    /// Its kind.
    pub kind: ProblemKind,
    /// The message: one line, lower case, without a full stop.
    pub message: String,
    /// The text beside the place in the document.
    pub label: String,
    /// Advice, each on a line of its own.
    pub help: Vec<String>,
}

impl Problem {
    /// Creates an error about a capture.
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

    /// Creates a warning about a capture.
    pub fn warning(capture: &str, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::new(capture, kind, message) }
    }

    /// Narrows the place to a part of the capture's text.
    #[must_use]
    pub fn part(mut self, part: Range<usize>) -> Self {
        self.part = Some(part);
        self
    }

    /// Sets the text beside the place in the document.
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

/// Where the PATH of a scenario comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathOrigin {
    /// From the environment of greenroom.
    Caller,
    /// From the option `--env`.
    Option,
    /// From a step.
    Step {
        /// The PATH before.
        before: OsString,
    },
}

/// What earlier steps of library `http` do.
#[derive(Debug, Clone, Default)]
pub struct HttpSteps {
    /// Whether one sends a request.
    pub requested: bool,
    /// The method of the latest request, if it is known.
    pub method: Option<String>,
    /// Whether one says where relative URLs go.
    pub has_base: bool,
    /// Names of event streams that they open.
    pub streams: BTreeSet<String>,
    /// Names of WebSockets that they open.
    pub web_sockets: BTreeSet<String>,
}

/// An option that a step gives to a daemon before its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonOption {
    /// The name of the daemon.
    pub daemon: String,
    /// What the option is about.
    pub kind: &'static str,
    /// The number of the step, from 0.
    pub step: usize,
    /// Whether a daemon of this name had been started before.
    pub is_started: bool,
    /// The file or directory that the option names, if it names one.
    pub path: Option<String>,
}

/// What earlier steps of a scenario change, as far as checks know.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about earlier steps")]
pub struct PreflightState {
    /// PATH of the programs that the scenario starts.
    pub path: OsString,
    /// Where that PATH comes from.
    pub path_origin: PathOrigin,
    /// Directories that earlier steps put in front of PATH, whatever PATH is.
    pub path_prefix: Vec<PathBuf>,
    /// The account that the whole scenario runs as, if it is not the present one.
    pub user: Option<String>,
    /// The embedded files of the document.
    pub embedded: Arc<[EmbeddedFile]>,
    /// Scripts that earlier steps create in the scenario's directory. The value is the first line.
    pub scripts: BTreeMap<String, String>,
    /// The directory in which greenroom was started.
    pub source_directory: PathBuf,
    /// What scenarios see of the host's `/tmp` and `/dev/shm`; `None` if they see all of it.
    ///
    /// The paths have no symbolic links.
    pub visible: Option<Arc<[PathBuf]>>,
    /// Files and directories that earlier steps create, as the document writes them.
    pub files: BTreeSet<String>,
    /// Names under which earlier steps keep a value.
    pub kept: BTreeSet<String>,
    /// The values of predefined names that are known before the run: `SRCDIR`, `DOCDIR`.
    pub known: BTreeMap<String, String>,
    /// The limits that hold for every step, with the metadata keys that set them.
    pub limits: Vec<(&'static str, Duration)>,
    /// The text of the present step.
    pub step_text: String,
    /// For each of these names that a step of a library keeps only once, that step.
    pub kept_by: BTreeMap<String, String>,
    /// Names of daemons that earlier steps start.
    pub daemons: BTreeSet<String>,
    /// Names of daemons that earlier steps start in a terminal.
    pub terminals: BTreeSet<String>,
    /// The number of the present step, from 0.
    pub step: usize,
    /// Options that steps have given to daemons.
    pub daemon_options: Vec<DaemonOption>,
    /// The steps that start daemons, with their names.
    pub starts: Vec<(usize, String)>,
    /// Whether an earlier step is the user's own code, or is not known. It may start daemons and keep
    /// values.
    pub own_code: bool,
    /// Whether an earlier step may do anything: it runs a program or user code.
    ///
    /// Then any file may exist.
    pub anything_goes: bool,
    /// Whether a directory is missing that should be on PATH. Programs may have been meant to be there.
    pub lacks_path: bool,
    /// Whether the program of an earlier step is missing. It may have been meant to create any file.
    pub lacks_program: bool,
    /// Whether an earlier step gives the scenario a disk.
    pub has_disk: bool,
    /// Whether an earlier step runs a command.
    pub ran: bool,
    /// What earlier steps of library `http` do.
    pub http: HttpSteps,
    /// The command line of the latest command, if it is known.
    pub command: Option<String>,
    /// The latest command, if it may fail and cannot run.
    pub failing: Option<FailingCommand>,
    /// Steps that hold only because an earlier command cannot run: their numbers, and why it cannot.
    pub held: Vec<(usize, String)>,
}

/// A command that may fail, and cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingCommand {
    /// Why it cannot run.
    pub reason: String,
    /// The number of the first step that holds only because of that.
    pub held: Option<usize>,
}

impl PreflightState {
    /// Creates the state at the first step of a scenario.
    pub fn new(path: OsString, source_directory: PathBuf) -> Self {
        Self {
            path,
            path_origin: PathOrigin::Caller,
            path_prefix: Vec::new(),
            user: None,
            embedded: Arc::new([]),
            scripts: BTreeMap::new(),
            source_directory,
            visible: None,
            files: BTreeSet::new(),
            kept: BTreeSet::new(),
            known: BTreeMap::new(),
            limits: Vec::new(),
            step_text: String::new(),
            kept_by: BTreeMap::new(),
            daemons: BTreeSet::new(),
            terminals: BTreeSet::new(),
            step: 0,
            daemon_options: Vec::new(),
            starts: Vec::new(),
            own_code: false,
            anything_goes: false,
            lacks_path: false,
            lacks_program: false,
            has_disk: false,
            ran: false,
            http: HttpSteps::default(),
            command: None,
            failing: None,
            held: Vec::new(),
        }
    }

    /// Replaces each `${NAME}` of a predefined name whose value is known before the run.
    pub fn expand(&self, text: &str) -> String {
        if !text.contains("${") {
            return text.to_owned();
        }
        // A value with special characters would be read in another way than the step reads it.
        let is_plain = |value: &str| value.chars().all(|c| c.is_alphanumeric() || "/._-+@".contains(c));
        let names = self.known.iter().filter(|(_, value)| is_plain(value));
        names.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }

    /// Notes that the present step keeps a value under a name. Returns the step that already does.
    pub fn keeps(&mut self, name: &str) -> Option<String> {
        if let Some(step) = self.kept_by.get(name) {
            return Some(step.clone());
        }
        self.kept.insert(name.to_owned());
        self.kept_by.insert(name.to_owned(), self.step_text.clone());
        None
    }

    /// Notes that a step sets PATH.
    pub fn sets_path(&mut self, path: OsString) {
        let before = std::mem::replace(&mut self.path, path);
        if !matches!(self.path_origin, PathOrigin::Step { .. }) {
            self.path_origin = PathOrigin::Step { before };
        }
    }

    /// Returns PATH with what steps put in front of it.
    pub fn search_path(&self) -> OsString {
        if self.path_prefix.is_empty() {
            return self.path.clone();
        }
        let entries = self.path_prefix.iter().cloned().chain(std::env::split_paths(&self.path));
        // PATH cannot contain a directory with a colon in its name.
        std::env::join_paths(entries).unwrap_or_else(|_| self.path.clone())
    }

    /// Notes that a step creates this file with the text of an embedded one.
    pub fn creates_from(&mut self, name: &str, embedded: &str) {
        self.creates(name);
        let text = self.embedded.iter().find(|file| file.name.eq_ignore_ascii_case(embedded)).map(|file| &file.text);
        let first = text.and_then(|text| text.lines().next()).filter(|line| line.starts_with("#!"));
        match first.map(str::to_owned) {
            Some(line) => self.scripts.insert(plain(name).to_owned(), line),
            None => self.scripts.remove(plain(name)),
        };
    }

    /// Returns the first line of a script that an earlier step has created.
    pub fn script(&self, name: &str) -> Option<&str> {
        self.scripts.get(plain(name)).map(String::as_str)
    }

    /// Notes that a step creates this file.
    pub fn creates(&mut self, name: &str) {
        self.scripts.remove(plain(name));
        self.files.insert(plain(name).to_owned());
    }

    /// Notes that a step starts a daemon.
    pub fn starts_daemon(&mut self, name: &str) {
        self.daemons.insert(name.to_owned());
        self.starts.push((self.step, name.to_owned()));
    }

    /// Returns whether a step after an option has started its daemon.
    pub fn has_started(&self, option: &DaemonOption) -> bool {
        self.starts.iter().any(|(step, name)| *step > option.step && (*name == option.daemon || names_value(name)))
    }

    /// Returns whether a daemon has an option of this kind in what is known of it.
    ///
    /// The name or the start of a daemon may not be known.
    pub fn may_have_option(&self, daemon: &str, kind: &str) -> bool {
        let is_it = |option: &DaemonOption| option.daemon == daemon || names_value(&option.daemon);
        let has = |option: &DaemonOption| is_it(option) && option.kind == kind;
        self.own_code || names_value(daemon) || self.daemon_options.iter().any(has)
    }

    /// Notes a step that may do anything: the user's own code, or one that is not known.
    pub fn runs_own_code(&mut self) {
        self.own_code = true;
        self.anything_goes = true;
    }

    /// Returns whether any file may exist.
    fn any_file(&self) -> bool {
        self.anything_goes || self.lacks_program
    }

    /// Returns whether this file or directory may exist, also because a file in it does.
    pub fn may_exist(&self, name: &str) -> bool {
        let name = plain(name).trim_end_matches('/');
        let is_in_it = |file: &String| {
            file.strip_prefix(name).map_or(names_value(file), |rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.any_file() || name.is_empty() || name == "." || self.files.iter().any(is_in_it)
    }

    /// Returns whether an earlier step may have created a program of this name, without a slash.
    ///
    /// Missing programs are other mistakes, each to be reported.
    pub fn may_have_program(&self, name: &str) -> bool {
        self.anything_goes || self.files.contains(name)
    }

    /// Returns whether this file may exist.
    pub fn may_have(&self, name: &str) -> bool {
        self.any_file() || may_be_among(&self.files, plain(name))
    }
}

/// Whether a name is one of these, or may be: which name a value stands for is known only in the run.
pub(crate) fn may_be_among(names: &BTreeSet<String>, name: &str) -> bool {
    names.contains(name) || names.iter().any(|known| names_value(known))
}

/// Removes a leading `./`.
fn plain(name: &str) -> &str {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./") {
        name = rest.trim_start_matches('/');
    }
    name
}
