//! Reads the parameters of step functions from the captures of their steps, before the run and in it.

use std::fmt::Display;
use std::str::FromStr;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::{Context, EmbeddedFile};
use crate::step::{Captures, Failure};

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

/// Reads a capture as a type.
///
/// # Errors
///
/// If the binding has no such capture, or its text is not of the type.
pub fn parse<T: FromStr<Err: Display>>(
    captures: &Captures,
    name: &str,
    kind: &str,
    function: Function,
) -> Result<T, Failure> {
    let text = text(captures, name, function)?;
    text.parse().map_err(|error: T::Err| {
        Failure::new(invalid(name, text, kind, &error)).note(format!("the parameter `{name}` of {function} is {kind}"))
    })
}

/// Reads a capture that may be missing as a type.
///
/// # Errors
///
/// If its text is not of the type.
pub fn optional<T: FromStr<Err: Display>>(
    captures: &Captures,
    name: &str,
    kind: &str,
    function: Function,
) -> Result<Option<T>, Failure> {
    // A group that takes no part is empty.
    if captures.get(name).is_none_or(str::is_empty) {
        Ok(None)
    } else {
        parse(captures, name, kind, function).map(Some)
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

    /// Checks that a capture is of a type, if it is there.
    #[must_use]
    pub fn parses<T: FromStr<Err: Display>>(mut self, name: &str, kind: &str) -> Self {
        // A kept value is not known yet, and a group that takes no part is empty.
        let is_known = |text: &&str| !text.is_empty() && !text.contains("${");
        if let Some(text) = self.captures.get(name).filter(is_known)
            && let Err(error) = text.parse::<T>()
        {
            let help = format!("the parameter `{name}` of {} is {kind}", self.function);
            self.problems.push(Problem::new(name, INVALID, invalid(name, text, kind, &error)).help(help));
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

fn invalid(name: &str, text: &str, kind: &str, error: &dyn Display) -> String {
    format!("{name} is `{text}`, which is not a valid {kind}: {error}")
}
