//! What a step function may return: nothing, or a result with any error.

use std::any::Any;
use std::error::Error;
use std::fmt::Display;

use super::capture::Function;
use crate::step::{Failure, StepResult};

/// What a step function may return.
#[diagnostic::on_unimplemented(
    message = "a step function cannot return `{Self}`",
    label = "returns `{Self}`",
    note = "a step function returns nothing, or `Result<(), E>` with an error `E` that implements `Display`, such as \
            `String`, `io::Error` or `Box<dyn Error>`",
    note = "it fails the step by an error or by a panic, such as that of `assert!`"
)]
pub trait Outcome {
    /// Returns it as the result of a step.
    ///
    /// # Errors
    ///
    /// When it is an error.
    fn into_result(self) -> StepResult;
}

#[diagnostic::do_not_recommend]
impl Outcome for () {
    fn into_result(self) -> StepResult {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Display + 'static> Outcome for Result<(), E> {
    fn into_result(self) -> StepResult {
        self.map_err(failure)
    }
}

/// What a step function has returned, before it is a [`StepResult`].
///
/// Only code that knows the type of an error can ask it for its causes. `(&Returned(&it)).failure()` calls
/// [`WithCauses`] where that is implemented, and [`WithoutCauses`] otherwise, since a method of the value comes
/// before one of a reference to it.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

/// A result whose error may have causes.
pub trait WithCauses {
    /// Returns the error as a failure, with its causes.
    fn failure(&self) -> Option<Failure>;
}

impl<E: Error + 'static> WithCauses for Returned<'_, Result<(), E>> {
    fn failure(&self) -> Option<Failure> {
        self.0.as_ref().err().map(|error| lines(&Failure::from(Causes(error)).message))
    }
}

/// Any other value that a step function returns.
pub trait WithoutCauses {
    /// Returns nothing.
    fn failure(&self) -> Option<Failure>;
}

impl<T> WithoutCauses for &Returned<'_, T> {
    fn failure(&self) -> Option<Failure> {
        None
    }
}

/// Returns the result of a step function, which its failure names. `failure` has the causes of an error.
///
/// # Errors
///
/// When the result is an error.
pub fn returned(function: Function, failure: Option<Failure>, result: StepResult) -> StepResult {
    result.map_err(|error| failure.unwrap_or(error).returned_by(function.to_string()))
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

/// Returns a failure with this message, without blank lines around it and blanks at the ends of lines.
pub(super) fn lines(text: &str) -> Failure {
    let is_blank = |line: &&str| line.trim().is_empty();
    let lines: Vec<&str> = text.lines().map(str::trim_end).skip_while(is_blank).collect();
    let end = lines.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
    match lines.get(..end) {
        Some([first, rest @ ..]) => {
            let rest: String = rest.iter().flat_map(|line| ["\n", line]).collect();
            Failure::new(format!("{}{rest}", first.trim_start()))
        }
        _ => Failure::new("the step function failed without a message"),
    }
}

/// An error behind a pointer, with its causes.
#[derive(Debug)]
struct Causes<'a>(&'a dyn Error);

impl Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The alternate form of error types of other crates has their causes.
        write!(f, "{:#}", self.0)
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
    fn an_error_of_a_known_type_has_its_causes() {
        #[derive(Debug)]
        struct NoMenu(io::Error);
        impl Display for NoMenu {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("cannot read the menu")
            }
        }
        impl Error for NoMenu {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let failed: Result<(), NoMenu> = Err(NoMenu(io::Error::other("no such file")));
        let known = &Returned(&failed);
        let failure = known.failure();
        let function = Function { name: "order", file: "tests/shop.rs", line: 7 };
        let failure = returned(function, failure, failed.into_result()).unwrap_err();
        assert_eq!(failure.message, "cannot read the menu: no such file");
        assert_eq!(failure.function.map(|function| function.name).as_deref(), Some("`order` (tests/shop.rs:7)"));
        let (passed, text) = (Ok::<(), NoMenu>(()), Err::<(), _>("no tea"));
        let (passed, text, nothing) = (&Returned(&passed), &Returned(&text), &Returned(&()));
        assert_eq!((passed.failure(), text.failure(), nothing.failure()), (None, None, None));
    }

    #[test]
    fn an_error_of_several_lines_keeps_them() {
        let of = |text: &str| failure(text.to_owned()).message;
        assert_eq!(of("\nno tea\n\n  left: 1  \n  right: 2\n\n"), "no tea\n\n  left: 1\n  right: 2");
        assert_eq!(of("  no tea"), "no tea");
        assert_eq!(of(" \n"), "the step function failed without a message");
    }
}
