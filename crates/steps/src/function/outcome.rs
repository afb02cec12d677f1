//! What a step function may return: nothing, or a result with any error.

use std::any::Any;
use std::error::Error;
use std::fmt::Display;

use crate::step::{Failure, StepResult};

/// What a step function may return.
pub trait Outcome {
    /// Returns it as the result of a step.
    ///
    /// # Errors
    ///
    /// When it is an error.
    fn into_result(self) -> StepResult;
}

impl Outcome for () {
    fn into_result(self) -> StepResult {
        Ok(())
    }
}

impl<E: Display + 'static> Outcome for Result<(), E> {
    fn into_result(self) -> StepResult {
        self.map_err(failure)
    }
}

/// Returns an error as a failure, with its causes.
pub(crate) fn failure<E: Display + 'static>(error: E) -> Failure {
    let any: &dyn Any = &error;
    if let Some(failure) = any.downcast_ref::<Failure>() {
        return failure.clone();
    }
    let boxed = any.downcast_ref::<Box<dyn Error>>().map(|error| &**error);
    let sent = any.downcast_ref::<Box<dyn Error + Send + Sync>>().map(|error| &**error as &dyn Error);
    match boxed.or(sent) {
        Some(error) => Failure::from(Causes(error)),
        // The alternate form of error types of other crates has their causes.
        None => lines(&format!("{error:#}")),
    }
}

/// Returns a failure whose message is the first line of a text, with the others as notes.
pub(super) fn lines(text: &str) -> Failure {
    let mut lines = text.trim().lines().map(str::trim_end).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("the step function failed without a message");
    lines.fold(Failure::new(first), |failure, line| failure.note(line.trim()))
}

/// An error behind a pointer, with its causes.
#[derive(Debug)]
struct Causes<'a>(&'a dyn Error);

impl Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self.0, f)
    }
}

impl Error for Causes<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn all_errors_become_failures() {
        let of = |result: StepResult| result.unwrap_err().message;
        assert_eq!(of(Err::<(), _>("no tea").into_result()), "no tea");
        assert_eq!(of(Err::<(), _>(io::Error::other("no tea")).into_result()), "no tea");
        let boxed: Box<dyn Error> = Box::new(io::Error::other("no tea"));
        assert_eq!(of(Err::<(), _>(boxed).into_result()), "no tea");
        let sent: Box<dyn Error + Send + Sync> = "no tea".into();
        assert_eq!(of(Err::<(), _>(sent).into_result()), "no tea");
        let failure = Failure::new("no tea").note("since noon");
        assert_eq!(Err::<(), _>(failure.clone()).into_result(), Err(failure));
        assert_eq!(().into_result(), Ok(()));
    }

    #[test]
    fn an_error_of_several_lines_has_notes() {
        let failure = failure("no tea\n\n  left: 1\n  right: 2\n".to_owned());
        assert_eq!((&*failure.message, failure.notes), ("no tea", vec!["left: 1".to_owned(), "right: 2".to_owned()]));
    }
}
