//! Calls a step function of the user's own.

use super::capture::Function;
use super::guard::Running;
use super::outcome::lines;
use super::panics::Panic;
use super::{assertion, guard, output, panics};
use crate::context::Context;
use crate::step::{Failure, FailureKind, StepResult};

/// Calls a step function: in the scenario's working directory, with its output kept, and its panic
/// as a failure.
///
/// `body` also reads its parameters, which may call code of the user's own. A directory to which
/// it changes is the working directory of later steps.
///
/// # Errors
///
/// When the function fails or panics.
pub fn call(context: &mut Context, function: Function, body: impl FnOnce(&mut Context) -> StepResult) -> StepResult {
    output::begin(context)?;
    let directory = context.working_directory()?.to_owned();
    change_directory(&directory)?;
    guard::begin(context, Running::Function(function))?;
    let result = panics::catch(|| body(context));
    guard::end(context);
    if let Some(now) = current_directory().filter(|now| *now != directory) {
        context.enter(&now);
    }
    let result = result.unwrap_or_else(|panic| Err(panicked(&panic, function)));
    output::end(context, result)
}

/// Calls the step function itself, whose panic must not lose what the scenario keeps.
///
/// # Errors
///
/// When the function fails or panics.
pub fn catch(function: Function, body: impl FnOnce() -> StepResult) -> StepResult {
    panics::catch(body).unwrap_or_else(|panic| Err(panicked(&panic, function)))
}

/// Drops what the scenario keeps for step functions, the latest first, with the guard and the limits of a step
/// function.
///
/// # Errors
///
/// When a `Drop` panics, with the first of these panics.
pub fn drop_kept(context: &mut Context) -> StepResult {
    let mut result = Ok(());
    while let Some((state, of)) = context.take_kept() {
        output::begin(context)?;
        guard::begin(context, Running::Drop(of))?;
        let dropped = panics::catch(|| drop(state));
        guard::end(context);
        if let Err(panic) = dropped {
            let message = panic.message.as_deref().unwrap_or("without a message");
            let failure = lines(&format!("the `Drop` of `{of}` panicked: {}", without_styles(message)));
            let failure = failure.kind(FailureKind::Panic);
            let failure = panic.place.iter().fold(failure, |failure, place| failure.note(format!("at {place}")));
            result = result.and(output::end(context, Err(failure)));
        }
    }
    result
}

/// Takes a value that the scenario keeps, for a parameter of a function.
///
/// # Errors
///
/// If the function has it already.
pub fn lend<T: Default + 'static>(context: &mut Context) -> Result<Box<T>, Failure> {
    context.lend()
}

/// Takes the value of a parameter back.
pub fn take_back<T: 'static>(context: &mut Context, state: Box<T>) {
    context.take_back(state);
}

#[expect(clippy::disallowed_methods, reason = "a stage's worker is its own process")]
fn change_directory(directory: &std::path::Path) -> StepResult {
    std::env::set_current_dir(directory)
        .map_err(|error| Failure::new(format!("cannot enter {}: {error}", directory.display())))
}

#[expect(clippy::disallowed_methods, reason = "a stage's worker is its own process")]
fn current_directory() -> Option<std::path::PathBuf> {
    std::env::current_dir().ok()
}

fn panicked(panic: &Panic, function: Function) -> Failure {
    let message = panic.message.as_deref().unwrap_or("the step function panicked without a message");
    let failure = lines(&without_styles(message)).kind(FailureKind::Panic);
    let failure = assertion::difference(&failure.message).into_iter().fold(failure, Failure::note);
    match &panic.place {
        Some(place) if place.starts_with(&format!("{}:", function.file)) => {
            failure.panicked_in(format!("`{}`", function.name), place)
        }
        // Code of other files, such as that of a crate for assertions, which the function calls.
        Some(place) => failure.panicked_in(function.to_string(), place),
        None => failure,
    }
}

/// Removes the escape sequences by which assertions of other crates colour their messages.
fn without_styles(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| ('@'..='~').contains(&c)).map_or(after.len(), |at| at + 1);
        rest = &after[end..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_another_file_names_the_step_function() {
        let function = Function { name: "sell", file: "tests/shop.rs", line: 7 };
        let facts = |place: &str| {
            let panic = Panic { message: Some("out of tea".to_owned()), place: Some(place.to_owned()) };
            panicked(&panic, function).facts().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(facts("tests/shop.rs:9:5"), ["the step function `sell` panicked at tests/shop.rs:9:5"]);
        let elsewhere = "the step function `sell` (tests/shop.rs:7) panicked at /home/u/insta/src/runtime.rs:1:2";
        assert_eq!(facts("/home/u/insta/src/runtime.rs:1:2"), [elsewhere]);
    }

    #[test]
    fn colours_of_assertions_are_left_out() {
        assert_eq!(without_styles("\u{1b}[1mDiff\u{1b}[0m \u{1b}[31m< left\u{1b}[0m"), "Diff < left");
        assert_eq!(without_styles("plain [text]"), "plain [text]");
        assert_eq!(without_styles("cut \u{1b}[31"), "cut ");
    }
}
