//! Reads the parameters of step functions from the captures of their steps, before the run and in it.

use std::fmt::Display;
use std::str::FromStr;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::{Context, EmbeddedFile};
use crate::step::{Captures, Failure};

use super::panics;

/// Where a step function is, for messages about it.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its source file.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: u32,
}

impl Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` ({}:{})", self.name, self.file, self.line)
    }
}

/// The kind of a problem with a capture that is not of its parameter's type.
const INVALID: ProblemKind = ProblemKind::Other("bad-capture");

/// Returns the text of a capture.
///
/// # Errors
///
/// If the binding has no such capture.
pub fn text<'a>(captures: &'a Captures, name: &str, function: Function) -> Result<&'a str, Failure> {
    captures.get(name).ok_or_else(|| Failure::new(missing(name, function)).help(MISSING_HELP))
}

/// A type that captures become.
#[diagnostic::on_unimplemented(
    message = "a capture cannot become `{Self}`: it needs `FromStr`, with an error that implements `Display`",
    label = "lacks `FromStr`, or the error of it lacks `Display`",
    note = "other parameters for captures are `&str`, `&Path`, `&EmbeddedFile` and `Option` of a type with `FromStr`"
)]
pub trait FromCapture: Sized {
    /// Reads the text of a capture, or says why that is not possible.
    ///
    /// # Errors
    ///
    /// If the text is not of the type.
    fn from_capture(text: &str) -> Result<Self, String>;
}

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display>> FromCapture for T {
    fn from_capture(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: T::Err| in_one_line(&error.to_string()))
    }
}

/// Writes a message in one line.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A parameter that a capture becomes by its type.
#[derive(Debug)]
pub struct Parameter<T> {
    name: &'static str,
    /// Its type, as the source writes it.
    kind: &'static str,
    function: Function,
    read: fn(&str) -> Result<T, String>,
}

/// Describes a parameter of a function. A free function, for the sake of what the compiler says about types.
pub const fn parameter<T: FromCapture>(name: &'static str, kind: &'static str, function: Function) -> Parameter<T> {
    Parameter { name, kind, function, read: T::from_capture }
}

impl<T> Parameter<T> {
    /// Reads the parameter.
    ///
    /// # Errors
    ///
    /// If the binding has no such capture, or its text is not of the type.
    pub fn parse(&self, captures: &Captures) -> Result<T, Failure> {
        let text = text(captures, self.name, self.function)?;
        (self.read)(text).map_err(|error| Failure::new(self.invalid(text, &error)).help(self.correct_it()))
    }

    /// Reads the parameter, whose capture may be missing.
    ///
    /// # Errors
    ///
    /// If its text is not of the type.
    pub fn optional(&self, captures: &Captures) -> Result<Option<T>, Failure> {
        // A group that takes no part is empty.
        if captures.get(self.name).is_none_or(str::is_empty) { Ok(None) } else { self.parse(captures).map(Some) }
    }

    fn invalid(&self, text: &str, error: &str) -> String {
        let Self { name, kind, .. } = self;
        let reason = if error.is_empty() { String::new() } else { format!(": {error}") };
        format!("{name} is `{text}`, which is not a valid {kind}{reason}")
    }

    fn correct_it(&self) -> String {
        format!("correct the step, or the type of the parameter `{}` of {}", self.name, self.function)
    }
}

/// Returns the embedded file that a capture names.
///
/// # Errors
///
/// If the binding has no such capture, or the document has no such file.
pub fn file(context: &Context, captures: &Captures, name: &str, function: Function) -> Result<EmbeddedFile, Failure> {
    context.embedded_file(text(captures, name, function)?).cloned()
}

/// What can be known of the captures of a step before any scenario starts.
#[derive(Debug)]
pub struct Checks<'a> {
    captures: &'a Captures,
    function: Function,
    problems: Vec<Problem>,
}

impl<'a> Checks<'a> {
    /// Begins the check of a step. The function may do anything.
    pub fn new(captures: &'a Captures, state: &mut PreflightState, function: Function) -> Self {
        state.runs_own_code();
        Self { captures, function, problems: Vec::new() }
    }

    /// Checks that the binding has a capture.
    #[must_use]
    pub fn has(mut self, name: &str) -> Self {
        if self.captures.get(name).is_none() {
            let problem = Problem::new("", INVALID, missing(name, self.function)).help(MISSING_HELP);
            self.problems.push(Problem { capture: None, ..problem });
        }
        self
    }

    /// Checks that the binding has no other captures than these.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        let function = self.function;
        for (name, _) in self.captures.iter().filter(|(name, _)| !names.contains(&name.trim_start_matches('_'))) {
            let message = format!(
                "the binding of this step has a capture `{name}`, but the function {function} has no parameter for it"
            );
            let help = format!("add `{name}: &str`, or `_{name}: &str` if it does not need it, or correct the binding");
            self.problems.push(Problem::new(name, INVALID, message).help(help));
        }
        self
    }

    /// Checks that a capture is of the type of its parameter, if it is there.
    #[must_use]
    pub fn parses<T>(mut self, parameter: &Parameter<T>) -> Self {
        // A kept value is not known yet, and a group that takes no part is empty.
        let is_known = |text: &&str| !text.is_empty() && !text.contains("${");
        let Some(text) = self.captures.get(parameter.name).filter(is_known) else { return self };
        // This is code of the user's own, and its panic is not one of greenroom.
        let error = panics::catch_with_hook(|| (parameter.read)(text).map(drop)).unwrap_or_else(|panic| {
            let message = in_one_line(&panic.message.unwrap_or_default());
            Err(format!("its `FromStr` panicked at {}: {message}", panic.place.unwrap_or_default()))
        });
        if let Err(error) = error {
            let problem = Problem::new(parameter.name, INVALID, parameter.invalid(text, &error));
            self.problems.push(problem.help(parameter.correct_it()));
        }
        self
    }

    /// Returns what was found.
    pub fn end(self) -> Vec<Problem> {
        self.problems
    }
}

const MISSING_HELP: &str = "give the binding a capture of this name, or remove the parameter";

fn missing(name: &str, function: Function) -> String {
    format!("the function {function} has a parameter `{name}`, but the binding of this step has no such capture")
}
