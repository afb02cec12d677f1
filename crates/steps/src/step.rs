//! What goes into a step function and what comes out.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use greenroom_sandbox::process::capture::Tail;

/// How a step went. An error means that the scenario does not hold.
pub type StepResult = Result<(), StepError>;

/// The captured parts of a step, by name.
#[derive(Debug, Clone, Default)]
pub struct Captures(Vec<(String, String)>);

impl Captures {
    /// From names and texts.
    pub fn new(captures: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(captures.into_iter().collect())
    }

    /// The text of a capture; an error when the binding has none of that name.
    pub fn text(&self, name: &str) -> Result<&str, StepError> {
        self.get(name).ok_or_else(|| {
            StepError::new(format!("the binding of this step captures nothing named `{name}`"))
                .help("give the binding that capture, or the step another function")
        })
    }

    /// The text of a capture, if the binding has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// A capture as a number or anything else that parses from text.
    pub fn number<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, StepError> {
        let text = self.text(name)?;
        text.parse().map_err(|error| StepError::new(format!("{name} is `{text}`: {error}")))
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

/// Why a step did not pass, for people.
///
/// Made by [`StepError::new`] and added to, or with `?` from any error, whose chain of causes becomes the message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepError {
    /// What is wrong, in one line, lower case, no full stop.
    pub message: String,
    /// What was expected and what came.
    pub comparison: Option<Box<Comparison>>,
    /// Further facts, one line each.
    pub notes: Vec<String>,
    /// Output that explains it.
    pub output: Vec<Output>,
    /// What to try, one line each.
    pub help: Vec<String>,
}

impl StepError {
    /// A failure with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A failed comparison.
    pub fn comparison(
        what: impl Into<String>,
        relation: Relation,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        let what = what.into();
        let message = format!("{what} {}", relation.complaint());
        let (expected, actual) = (expected.into(), actual.into());
        let comparison = Comparison { what, relation, expected, actual, part: Part::default() };
        Self { message, comparison: Some(Box::new(comparison)), ..Self::default() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds output; nothing is added when there is none.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        if !output.tail.bytes.is_empty() {
            self.output.push(output);
        }
        self
    }
}

impl<E: std::error::Error> From<E> for StepError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some errors repeat their cause in their own text.
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Self::new(message)
    }
}

/// The end of something that a process wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Of what: `stderr of the command`, `stdout of daemon web`.
    pub of: String,
    /// Its end.
    pub tail: Tail,
}

/// What was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Of what: `stdout of the command`.
    pub what: String,
    /// How the two should relate.
    pub relation: Relation,
    /// Expected.
    pub expected: String,
    /// Actual, or a part of it when it is long.
    pub actual: String,
    /// What of the two is not here.
    pub part: Part,
}

/// Where the texts of a comparison come from, when they are not the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// Lines before the text shown of `actual`.
    pub lines_before: u64,
    /// Bytes before it.
    pub before: u64,
    /// Bytes of either text that come after what is shown of it.
    pub after: u64,
    /// Where in `actual` that is which should not be there: its start and its end, in bytes.
    pub found: Option<(usize, usize)>,
}

/// How expected and actual should relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Equal.
    Is,
    /// Not equal.
    IsNot,
    /// Actual contains expected.
    Contains,
    /// Actual does not contain expected.
    DoesNotContain,
    /// Actual matches the regex expected.
    Matches,
    /// Actual does not match the regex expected.
    DoesNotMatch,
}

impl Relation {
    /// What follows the name of the thing when it does not hold.
    pub fn complaint(self) -> &'static str {
        match self {
            Self::Is => "is not what was expected",
            Self::IsNot => "is what it should not be",
            Self::Contains => "does not contain what was expected",
            Self::DoesNotContain => "contains what it should not",
            Self::Matches => "does not match the regex",
            Self::DoesNotMatch => "matches the regex but should not",
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
    pub daemons: Vec<DaemonReport>,
    /// Processes that no step had stopped.
    pub left_over: Vec<LeftOver>,
}

/// A background process at the end of its scenario.
#[derive(Debug, Clone)]
pub struct DaemonReport {
    /// Its name in the document.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// How it was or had ended, in words.
    pub state: String,
    /// Whether it died by itself, with a failure.
    pub died: bool,
    /// Whether that was known to a step, or asked for by somebody.
    pub noted: bool,
    /// The end of its output.
    pub output: Vec<Output>,
}

/// A process that no step had stopped.
#[derive(Debug, Clone)]
pub struct LeftOver {
    /// Its command line.
    pub command: String,
    /// The daemon it is, if it was started as one.
    pub daemon: Option<String>,
    /// How long it had been running.
    pub age: Duration,
}
