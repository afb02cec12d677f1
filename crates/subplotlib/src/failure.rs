//! Why a scenario failed, as its test shows it.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::types::StepError;

/// The failure of a step, with its place and its text.
pub struct Failure {
    place: String,
    reason: Reason,
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
        Self { place, reason: Reason::Error(error) }
    }

    /// Creates the failure of a step that panicked.
    pub(crate) fn panic(place: String, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self { place, reason: Reason::Panic(text.or_else(|| payload.downcast_ref::<String>().cloned())) }
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
                Ok(())
            }
            Reason::Panic(Some(message)) => write!(f, "panicked: {message}"),
            Reason::Panic(None) => f.write_str("panicked"),
        }
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
