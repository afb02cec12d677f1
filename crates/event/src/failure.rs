//! Why something did not pass: the failure, what was compared, and the output that explains it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::daemon::Exit;
use crate::micros;
use crate::output::{Output, OutputSource};

/// Why a step, a cleanup or a scenario did not pass.
///
/// Steps make it with [`Failure::new`] and add to it, or with `?` from any error, whose chain of
/// causes becomes the message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Failure {
    /// What kind of failure it is.
    #[serde(default)]
    pub kind: FailureKind,
    /// What is wrong, in one line, lower case, without a full stop.
    pub message: String,
    /// The command or daemon that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Expected and actual, where there is such a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Box<Comparison>>,
    /// Further facts, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The step function that it comes from, if that is code of the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Box<FailedFunction>>,
    /// Output that explains it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Output>,
    /// What to try, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
}

/// A step function that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct FailedFunction {
    /// Its name, with its place where nothing else says that.
    pub name: String,
    /// Where in the code it panicked; missing if it returned an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panicked_at: Option<String>,
}

/// What kind of failure it is. The message says it to people, this says it to programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// Something that the step asserts does not hold, or its action failed.
    #[default]
    Assertion,
    /// A program was not found.
    ProgramNotFound,
    /// A file was found where a program is needed, but it is not executable.
    NotExecutable,
    /// The machine had no process or memory left for a program.
    Scarcity,
    /// The time limit passed.
    TimeLimit {
        /// Whose limit.
        scope: Scope,
        /// The limit, in microseconds.
        #[serde(rename = "limit_us", with = "micros")]
        #[cfg_attr(test, schemars(with = "u64"))]
        limit: Duration,
    },
    /// A process wrote more than the output limit allows.
    OutputLimit,
    /// The step function panicked.
    Panic,
    /// The step was interrupted because the run is stopping.
    Interrupted,
    /// Processes were left over, and the user asked for that to be a failure.
    LeftOver,
    /// A daemon crashed unnoticed, and the user asked for that to be a failure.
    Crash,
    /// It passed only after a failed attempt, and the user asked for that to be a failure.
    Flaky,
    /// The sandbox could not be set up.
    Setup,
    /// The scenario was never started: the run stopped before its turn.
    NotStarted,
    /// The process that runs the steps died.
    StageDied,
    /// The messages of the stage were unreadable or out of order.
    Channel,
    /// Processes could not be killed, or did not end in time.
    Stuck,
    /// The scenario's directory could not be removed.
    Removal,
}

impl FailureKind {
    /// Its name in recordings and in reports for programs: `program_not_found`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::ProgramNotFound => "program_not_found",
            Self::NotExecutable => "not_executable",
            Self::Scarcity => "scarcity",
            Self::TimeLimit { .. } => "time_limit",
            Self::OutputLimit => "output_limit",
            Self::Panic => "panic",
            Self::Interrupted => "interrupted",
            Self::LeftOver => "left_over",
            Self::Crash => "crash",
            Self::Flaky => "flaky",
            Self::Setup => "setup",
            Self::NotStarted => "not_started",
            Self::StageDied => "stage_died",
            Self::Channel => "channel",
            Self::Stuck => "stuck",
            Self::Removal => "removal",
        }
    }
}

/// Whose time limit it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A step's.
    Step,
    /// A cleanup's.
    Cleanup,
    /// The whole scenario's.
    Scenario,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Step => "step",
            Self::Cleanup => "cleanup",
            Self::Scenario => "scenario",
        })
    }
}

/// What a failure is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// A command that a step ran.
    Command {
        /// Its command line, as the document writes it.
        line: String,
        /// How it ended; missing when it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
    },
    /// A daemon.
    Daemon {
        /// Its name in the document.
        name: String,
    },
}

impl Failure {
    /// Creates a failed assertion with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Creates a failed comparison.
    pub fn comparison(
        what: impl Into<String>,
        relation: Relation,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        let what = what.into();
        let message = format!("{what} {}", relation.complaint());
        let (expected, actual) = (expected.into(), actual.into());
        let part = Part::default();
        let comparison =
            Comparison { what, relation, expected, actual, part, closest: None, source: None, unordered: false };
        Self { message, comparison: Some(Box::new(comparison)), ..Self::default() }
    }

    /// Sets the kind.
    #[must_use]
    pub fn kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets what it is about.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Names the step function that returned it.
    #[must_use]
    pub fn returned_by(mut self, function: impl Into<String>) -> Self {
        self.function = Some(Box::new(FailedFunction { name: function.into(), panicked_at: None }));
        self
    }

    /// Names the step function that panicked, and where it did.
    #[must_use]
    pub fn panicked_in(mut self, function: impl Into<String>, place: impl Into<String>) -> Self {
        self.function = Some(Box::new(FailedFunction { name: function.into(), panicked_at: Some(place.into()) }));
        self
    }

    /// Returns all facts besides the message, as sentences: the notes, and which function it comes from.
    pub fn facts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let origin = self.function.iter().map(|function| {
            let FailedFunction { name, panicked_at } = &**function;
            match panicked_at {
                Some(place) => format!("the step function {name} panicked at {place}").into(),
                None => format!("returned by the step function {name}").into(),
            }
        });
        self.notes.iter().map(|note| note.as_str().into()).chain(origin)
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds output, unless it is empty.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        if !output.text.is_empty() {
            self.output.push(output);
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Failure {
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

/// Expected and actual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Comparison {
    /// What was compared: `stdout of the command`, `exit code of the command`.
    pub what: String,
    /// How the two should relate.
    pub relation: Relation,
    /// Expected.
    pub expected: String,
    /// Actual, or a part of it when it is long.
    pub actual: String,
    /// Which part of the two is shown.
    #[serde(default)]
    pub part: Part,
    /// The part of a long actual text that is most like the expected text, if it was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closest: Option<Closest>,
    /// Whose output the actual text is, if it is the output of a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<OutputSource>,
    /// Whether either side may be the expected one, as in an `assert` of Python: `expected` is the
    /// left side, and `actual` the right one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
}

impl Comparison {
    /// Returns what the two sides are called: `expected` and `actual`, or `left` and `right`.
    pub fn sides(&self) -> (&'static str, &'static str) {
        if self.unordered { ("left", "right") } else { ("expected", "actual") }
    }
}

/// A part of a text that is like another text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Closest {
    /// Its line, from 1.
    pub line: u64,
    /// The part of that line.
    pub text: String,
    /// What is before the part in its line; begins with `…` if more is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// What is after the part in its line; ends with `…` if more is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// A few lines above that line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<String>,
    /// A few lines below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<String>,
}

impl Closest {
    /// Returns the whole line, cut only if it is very long.
    pub fn whole_line(&self) -> String {
        format!("{}{}{}", self.before, self.text, self.after)
    }
}

/// Where the texts of a comparison come from when they are not the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
pub struct Part {
    /// Lines before the shown text of `actual`.
    pub lines_before: u64,
    /// Bytes before it.
    pub before: u64,
    /// Bytes of either text that follow what is shown of it.
    pub after: u64,
    /// Where in `actual` the unexpected text is: its start and its end, in bytes.
    pub found: Option<(usize, usize)>,
}

/// How expected and actual should relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Actual equals expected: worth a diff.
    Is,
    /// Actual differs from expected.
    IsNot,
    /// Actual contains expected.
    Contains,
    /// Actual does not contain expected.
    DoesNotContain,
    /// Actual matches the regex.
    Matches,
    /// Actual does not match the regex.
    DoesNotMatch,
}

impl Relation {
    /// All relations.
    pub const ALL: [Self; 6] =
        [Self::Is, Self::IsNot, Self::Contains, Self::DoesNotContain, Self::Matches, Self::DoesNotMatch];

    /// Its name in recordings and in the step protocol: `does_not_contain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is_not",
            Self::Contains => "contains",
            Self::DoesNotContain => "does_not_contain",
            Self::Matches => "matches",
            Self::DoesNotMatch => "does_not_match",
        }
    }

    /// The relation of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.name() == name)
    }

    /// What follows the name of the thing when it does not hold.
    pub fn complaint(self) -> &'static str {
        match self {
            Self::Is => "is not as expected",
            Self::IsNot => "has the value that it must not have",
            Self::Contains => "does not contain the expected text",
            Self::DoesNotContain => "contains text that it must not contain",
            Self::Matches => "does not match the regex",
            Self::DoesNotMatch => "matches the regex, but must not",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_from_an_error_names_each_cause_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("cannot read the book")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let failure = Failure::from(Outer(std::io::Error::other("disk on fire")));
        assert_eq!(failure.message, "cannot read the book: disk on fire");
    }
}
