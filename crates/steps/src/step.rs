//! What a step function gets, and what it returns.

use std::ffi::OsStr;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub(crate) use greenroom_event::{Closest, Comparison};
use greenroom_event::{Daemon, Exit, LeftOver, OutputSource};
pub use greenroom_event::{Failure, FailureKind, Output, Part, Relation, Stream, Subject};
use greenroom_sandbox::process::capture::Tail;
use greenroom_sandbox::process::{ExitStatus, Signal};
use greenroom_sandbox::{SpawnError, emptied};

/// The result of a step. A failure fails its scenario.
pub type StepResult = Result<(), Failure>;

/// Returns how a process ended, as events carry it.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    match status {
        ExitStatus::Code(code) => Exit::Status(code),
        ExitStatus::Signal(signal) | ExitStatus::CoreDump(signal) => Exit::Signal(greenroom_event::Signal {
            core_dumped: matches!(status, ExitStatus::CoreDump(_)),
            ..signal_of(signal)
        }),
        ExitStatus::Unknown => Exit::Unknown,
    }
}

/// Returns a signal, as events carry it.
pub(crate) fn signal_of(signal: Signal) -> greenroom_event::Signal {
    let name = signal.name().map(|name| format!("SIG{name}"));
    greenroom_event::Signal { number: signal.as_raw(), name, core_dumped: false }
}

/// The advice about programs that scenarios do not see.
pub(crate) const HIDDEN_HELP: &str = "keep the program outside of /tmp and /dev/shm, or run with `--sandbox tended`";

/// Adds to a failure that a program that was not found may be one that only exists outside.
///
/// `path` is the PATH that a name without a slash was looked for on.
pub(crate) fn note_emptied(name: &str, path: &OsStr, error: Failure) -> Failure {
    if let Some(directory) = name.contains('/').then(|| emptied(Path::new(name))).flatten() {
        return error
            .note(format!("each scenario has an empty {directory} of its own, without the files of the host's"))
            .help(HIDDEN_HELP);
    }
    let hidden = |entry: PathBuf| emptied(&entry).filter(|_| !entry.exists()).map(|directory| (entry, directory));
    match std::env::split_paths(path).find_map(hidden).filter(|_| !name.contains('/')) {
        Some((entry, directory)) => error
            .note(format!(
                "{} on PATH is not visible here: each scenario has an empty {directory} of its own",
                entry.display()
            ))
            .help(HIDDEN_HELP),
        None => error,
    }
}

/// Describes a program for which there is no process or memory left: that says nothing about it.
pub(crate) fn out_of_room(error: &SpawnError) -> Failure {
    Failure::new(error.to_string())
        .kind(FailureKind::Scarcity)
        .note("the machine has no process or memory left for it, and had none for several seconds")
        .help(
            "run fewer scenarios at a time with `-j`, or raise the limit on processes: `ulimit -u`, or the pids limit \
             of the container",
        )
}

/// Returns the end of an output, as failures carry it.
pub(crate) fn output_of(source: OutputSource, tail: &Tail) -> Output {
    Output::from_bytes(source, &tail.bytes, tail.omitted)
}

/// The captures of a step: the parts of its text that have a name.
#[derive(Debug, Clone, Default)]
pub struct Captures {
    texts: Vec<(String, String)>,
    /// The names of those whose type takes escapes.
    escaped: Vec<String>,
}

impl Captures {
    /// Creates captures from names and texts.
    pub fn new(captures: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { texts: captures.into_iter().collect(), escaped: Vec::new() }
    }

    /// Adds the names of captures whose types take escapes.
    #[must_use]
    pub fn with_escapes(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.escaped.extend(names);
        self
    }

    /// Returns whether the type of a capture takes escapes: they are replaced in its text.
    pub(crate) fn takes_escapes(&self, name: &str) -> bool {
        self.escaped.iter().any(|known| known == name)
    }

    /// Returns the text of a capture.
    ///
    /// # Errors
    ///
    /// If the binding does not have a capture of this name.
    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| {
            Failure::new(format!("the binding of this step has no capture `{name}`"))
                .help("add the capture to the binding, or bind the step to another function")
        })
    }

    /// Returns the text of a capture, if the binding has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Returns the text of a capture, if it is known before the run.
    pub(crate) fn known(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !names_value(text))
    }

    /// Parses a capture as a number, or as any type that parses from text.
    ///
    /// # Errors
    ///
    /// If the binding does not have the capture, or its text does not parse.
    pub fn number<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Failure> {
        let text = self.text(name)?;
        text.parse().map_err(|error| Failure::new(format!("{name} is `{text}`: {error}")))
    }

    /// Returns all names and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Replaces each text for which `change` returns another one, given its name and the text.
    pub fn map(&mut self, mut change: impl FnMut(&str, &str) -> Option<String>) {
        for (name, text) in &mut self.texts {
            if let Some(changed) = change(name, text) {
                *text = changed;
            }
        }
    }
}

/// What the libraries report at the end of a scenario.
#[derive(Debug, Clone, Default)]
pub struct ScenarioEnd {
    /// Whether the output of daemons is wanted, because the scenario did not pass.
    pub explain: bool,
    /// Whether leftover processes fail the scenario.
    pub strict: bool,
    /// All daemons of the scenario, in the order of their start.
    pub daemons: Vec<Daemon>,
    /// Processes that no step stopped.
    pub left_over: Vec<LeftOver>,
}

/// Whether a text has the `${NAME}` of a value, so that only the run knows what it will be.
pub(crate) fn names_value(text: &str) -> bool {
    text.contains("${")
}
