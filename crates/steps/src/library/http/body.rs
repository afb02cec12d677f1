//! Steps that check the body of a response.

use super::state;
use super::{again, show, validity};
use crate::context::Context;
use crate::library::bytes::{self, Bytes, check_equal};
use crate::library::place::{self, Place};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let relations = [
        ("is", Relation::Is),
        ("contains", Relation::Contains),
        ("does_not_contain", Relation::DoesNotContain),
        ("matches_regex", Relation::Matches),
    ];
    relations
        .into_iter()
        .fold(library, |library, (name, relation)| {
            let function = move |context: &mut Context, captures: &Captures| check(context, captures, relation);
            library.step(&format!("http_body_{name}"), function, CHECK)
        })
        .step("http_body_is_empty", is_empty, CHECK)
        .step("http_body_is_embedded", is_embedded, CHECK)
        .step("http_body_matches_file", matches_file, Check::With(validity::check_file))
        .looks(
            again::LOOK,
            &[
                "http_body_is",
                "http_body_contains",
                "http_body_does_not_contain",
                "http_body_matches_regex",
                "http_body_is_empty",
                "http_body_is_embedded",
                "http_body_matches_file",
            ],
        )
        .step("http_write_body", write_body, Check::With(validity::check_new_file))
}

const CHECK: Check = Check::With(validity::check_body);

/// The body in messages.
const WHAT: &str = "body of the response";

fn check(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let expected = captures.text(if relation == Relation::Matches { "regex" } else { "text" })?;
    let (response, watch) = state::latest_and_watch(context)?;
    let text = response.text();
    bytes::check(WHAT, Bytes::Held(&text), relation, expected, watch)
        .map_err(|error| show::with_status(response, show::with_charset(response, error)))
}

fn is_empty(context: &mut Context, _: &Captures) -> StepResult {
    let response = state::latest(context)?;
    if response.body.is_empty() {
        return Ok(());
    }
    let error = Failure::new("the body of the response is not empty");
    Err(show::with_response(response, error.note(format!("it has {} bytes", response.body.len()))))
}

fn is_embedded(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("embedded")?;
    let text = context.embedded_file(name)?.text.clone();
    equals(context, &format!("embedded file {name}"), Bytes::Held(text.as_bytes()))
}

fn matches_file(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("filename")?;
    let file = place::read(context, name)?;
    equals(context, &format!("file {name}"), Bytes::of(&file)?)
}

fn write_body(context: &mut Context, captures: &Captures) -> StepResult {
    let body = state::latest(context)?.body.clone();
    Place::make(context, captures.text("filename")?)?.write(&body, false)
}

fn equals(context: &mut Context, name: &str, expected: Bytes<'_>) -> StepResult {
    let (response, watch) = state::latest_and_watch(context)?;
    check_equal((name, WHAT), expected, Bytes::Held(&response.body), watch)
        .map_err(|error| show::with_status(response, error))
}
