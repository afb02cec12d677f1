//! Calls a step function of the user's own.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind};
use std::thread;

use super::capture::Function;
use super::outcome::lines;
use super::{guard, output};
use crate::context::Context;
use crate::step::{Failure, FailureKind, StepResult};

thread_local! {
    /// Where this thread panicked last.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes where the thread that runs the steps panics, and prints panics of other threads.
///
/// The first becomes the failure of a step. Nothing else would say the second.
#[expect(clippy::print_stderr, reason = "the output of a step function is for whoever reads its failure")]
pub fn panic_hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map(Location::to_string);
    let current = thread::current();
    if current.name() == Some("main") || current.name().is_none() {
        PANICKED_AT.with_borrow_mut(|last| *last = place);
    } else {
        let (name, place) = (current.name().unwrap_or_default(), place.unwrap_or_default());
        eprintln!("thread '{name}' panicked at {place}:\n{}", message(info.payload()));
    }
}

/// Calls a step function: in the scenario's working directory, with its output kept, and its panic
/// as a failure.
///
/// A directory to which it changes is the working directory of later steps.
///
/// # Errors
///
/// When the function fails or panics.
pub fn call(context: &mut Context, function: Function, body: impl FnOnce(&mut Context) -> StepResult) -> StepResult {
    output::begin(context)?;
    let directory = context.working_directory()?.to_owned();
    change_directory(&directory)?;
    guard::begin(context, function)?;
    let result = catch_unwind(AssertUnwindSafe(|| body(context)));
    guard::end(context);
    if let Some(now) = current_directory().filter(|now| *now != directory) {
        context.enter(&now);
    }
    let result = result.unwrap_or_else(|panic| Err(panicked(panic.as_ref(), function)));
    output::end(context, result)
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

fn panicked(panic: &(dyn Any + Send), function: Function) -> Failure {
    let failure = lines(&without_styles(&message(panic))).kind(FailureKind::Panic);
    match PANICKED_AT.take() {
        Some(place) if place.starts_with(&format!("{}:", function.file)) => {
            failure.note(format!("the step function panicked at {place}"))
        }
        // Code of other files, such as that of a crate for assertions, which the function calls.
        Some(place) => failure.note(format!("the step function {function} panicked, at {place}")),
        None => failure,
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the step function panicked without a message".to_owned())
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
        let notes = |place: &str| {
            PANICKED_AT.set(Some(place.to_owned()));
            panicked(&"out of tea", function).notes
        };
        assert_eq!(notes("tests/shop.rs:9:5"), ["the step function panicked at tests/shop.rs:9:5"]);
        let elsewhere = "the step function `sell` (tests/shop.rs:7) panicked, at /home/u/insta/src/runtime.rs:1:2";
        assert_eq!(notes("/home/u/insta/src/runtime.rs:1:2"), [elsewhere]);
    }

    #[test]
    fn colours_of_assertions_are_left_out() {
        assert_eq!(without_styles("\u{1b}[1mDiff\u{1b}[0m \u{1b}[31m< left\u{1b}[0m"), "Diff < left");
        assert_eq!(without_styles("plain [text]"), "plain [text]");
        assert_eq!(without_styles("cut \u{1b}[31"), "cut ");
    }
}
