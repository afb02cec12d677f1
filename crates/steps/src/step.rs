//! What goes into a step function and what comes out.

use std::fmt::Display;
use std::str::FromStr;

use greenroom_event::{Daemon, Exit, LeftOver, OutputSource};
pub use greenroom_event::{Failure, FailureKind, Output, Part, Relation, Stream, Subject};
use greenroom_sandbox::process::ExitStatus;
use greenroom_sandbox::process::capture::Tail;

/// How a step went. An error means that the scenario does not hold.
pub type StepResult = Result<(), Failure>;

/// How a process ended, as events say it.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    match status {
        ExitStatus::Code(code) => Exit::Status(code),
        ExitStatus::Signal(signal) => Exit::Signal(greenroom_event::Signal {
            number: signal.as_raw(),
            name: signal.name().map(|name| format!("SIG{name}")),
        }),
    }
}

/// The end of an output, as failures and daemons carry it.
pub(crate) fn output_of(source: OutputSource, tail: &Tail) -> Output {
    Output::from_bytes(source, &tail.bytes, tail.omitted)
}

/// The captured parts of a step, by name.
#[derive(Debug, Clone, Default)]
pub struct Captures(Vec<(String, String)>);

impl Captures {
    /// From names and texts.
    pub fn new(captures: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(captures.into_iter().collect())
    }

    /// The text of a capture.
    ///
    /// # Errors
    ///
    /// If the binding has no capture of that name.
    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| {
            Failure::new(format!("the binding of this step captures nothing named `{name}`"))
                .help("give the binding that capture, or the step another function")
        })
    }

    /// The text of a capture, if the binding has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// A capture as a number, or anything else that parses from text.
    ///
    /// # Errors
    ///
    /// If the binding has no capture of that name, or its text is not a `T`.
    pub fn number<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Failure> {
        let text = self.text(name)?;
        text.parse().map_err(|error| Failure::new(format!("{name} is `{text}`: {error}")))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Changes every text.
    pub fn map(&mut self, mut change: impl FnMut(&str) -> Option<String>) {
        for (_, text) in &mut self.0 {
            if let Some(changed) = change(text) {
                *text = changed;
            }
        }
    }
}

/// What the end of a scenario brings to light.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// Whether somebody will read what daemons wrote: the scenario has not passed.
    pub explain: bool,
    /// Whether processes that are left over are held against the scenario.
    pub strict: bool,
    /// Every daemon of the scenario, in order of start.
    pub daemons: Vec<Daemon>,
    /// Processes that no step had stopped.
    pub left_over: Vec<LeftOver>,
}
