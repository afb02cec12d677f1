//! Why a scenario failed, as its test shows it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::path::Path;

use crate::types::StepError;

/// The failure of a step, with its place and its text.
pub struct Failure {
    place: String,
    reason: Reason,
    function: Option<Function>,
}

/// A function that a step calls, as messages show it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) is_cleanup: bool,
}

impl fmt::Display for Function {
    #[expect(clippy::disallowed_methods, reason = "only a message depends on it")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_cleanup { "cleanup" } else { "step" };
        // Files that macros include have absolute paths. Tests run in the directory of their package.
        let directory = std::env::current_dir().unwrap_or_default();
        let file = Path::new(self.file).strip_prefix(directory).unwrap_or(Path::new(self.file));
        write!(f, "{kind} function `{}` at {}:{}", self.name, file.display(), self.line)
    }
}

enum Reason {
    /// The step returned an error.
    Error(StepError),
    /// It panicked, with this message if it has one.
    Panic(Option<String>),
}

impl Failure {
    /// Creates the failure of a step that returned an error.
    pub(crate) fn error(place: String, error: StepError) -> Self {
        Self { place, reason: Reason::Error(error), function: None }
    }

    /// Creates the failure of a step that panicked.
    pub(crate) fn panic(place: String, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let reason = Reason::Panic(text.or_else(|| payload.downcast_ref::<String>().cloned()));
        Self { place, reason, function: None }
    }

    /// Adds the function that failed.
    pub(crate) fn of(self, function: Option<Function>) -> Self {
        Self { function, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match &self.reason {
            Reason::Error(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, "\ncaused by: {cause}")?;
                    source = cause.source();
                }
            }
            Reason::Panic(Some(message)) => write!(f, "panicked: {message}")?,
            Reason::Panic(None) => f.write_str("panicked")?,
        }
        self.function.map_or(Ok(()), |function| write!(f, "\n  in {function}"))
    }
}

// Tests show their error in this form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {
    // Its text contains those of its causes.
}
