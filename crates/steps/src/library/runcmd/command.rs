//! A command that a step runs.

use crate::library::command::{self, QUOTING_HELP};
use crate::step::{Captures, Failure};

/// A command to run.
#[derive(Debug, Clone)]
pub struct Command {
    /// As the document writes it, for messages.
    pub line: String,
    /// Its words. The first one is the program.
    pub argv: Vec<String>,
    /// The directory in which it runs, inside the scenario's directory.
    pub directory: Option<String>,
}

impl Command {
    /// Splits a command line as a shell does.
    ///
    /// # Errors
    ///
    /// If a quote is not closed, a backslash is at the end, or there is no program.
    pub fn parse(line: &str, directory: Option<&str>) -> Result<Self, Failure> {
        let line = line.trim();
        let argv = command::split(line).map_err(|error| Failure::new(format!("{error}: {line}")).help(QUOTING_HELP))?;
        if argv.first().is_none_or(String::is_empty) {
            return Err(Failure::new("the command has no program"));
        }
        Ok(Self { line: line.to_owned(), argv, directory: directory.map(str::to_owned) })
    }

    /// Reads the captures of a step.
    pub(super) fn of(captures: &Captures) -> Result<Self, Failure> {
        // Quotes may begin in one capture and end in the other.
        let line = format!("{}{}", captures.text("argv0")?, captures.get("args").unwrap_or_default());
        Self::parse(&line, captures.get("dirname"))
    }
}
