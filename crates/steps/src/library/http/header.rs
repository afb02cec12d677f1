//! Steps that check the headers of a response.

use greenroom_event::words;

use super::cookies::name_and_value;
use super::state::{self, Response};
use super::{again, show, validity};
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::library::place::{list, nearest};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let relations = [("is", Relation::Is), ("contains", Relation::Contains), ("matches_regex", Relation::Matches)];
    relations
        .into_iter()
        .fold(library, |library, (name, relation)| {
            let function = move |context: &mut Context, captures: &Captures| check(context, captures, relation);
            library.step(&format!("http_header_{name}"), function, CHECK)
        })
        .step("http_header_exists", exists, CHECK)
        .step("http_header_does_not_exist", does_not_exist, CHECK)
        .step("http_sets_cookie", sets_cookie, Check::With(validity::check_body))
        .looks(
            again::LOOK,
            &[
                "http_header_is",
                "http_header_contains",
                "http_header_matches_regex",
                "http_header_exists",
                "http_header_does_not_exist",
                "http_sets_cookie",
            ],
        )
}

const CHECK: Check = Check::With(validity::check_header);

fn check(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let name = captures.text("header")?;
    let expected = captures.text(if relation == Relation::Matches { "regex" } else { "text" })?;
    let (response, watch) = state::latest_and_watch(context)?;
    let values: Vec<&str> = response.header(name).collect();
    if values.is_empty() {
        return Err(show::with_response(response, missing(response, name)));
    }
    let what = format!("header {name} of the response");
    let mut failed = None;
    for value in &values {
        match bytes::check(&what, Bytes::Held(value.as_bytes()), relation, expected, watch) {
            Ok(()) => return Ok(()),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let error = failed.unwrap_or_else(|| Failure::new(what));
    let others = values[1..].iter().map(|value| format!("another header {name} is `{value}`"));
    Err(show::with_response(response, others.fold(error, Failure::note)))
}

fn exists(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("header")?;
    let response = state::latest(context)?;
    if response.header(name).next().is_some() {
        return Ok(());
    }
    Err(show::with_response(response, missing(response, name)))
}

fn does_not_exist(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("header")?;
    let response = state::latest(context)?;
    let Some(value) = response.header(name).next() else { return Ok(()) };
    let error = Failure::new(format!("the response has a header {name}, but should not"));
    Err(show::with_response(response, error.note(format!("{name}: {value}"))))
}

/// Returns the failure for a header that a response does not have.
pub(crate) fn missing(response: &Response, name: &str) -> Failure {
    let error = Failure::new(format!("the response has no header {name}"));
    let mut names: Vec<String> = response.headers.iter().map(|(name, _)| name.clone()).collect();
    names.dedup();
    if names.is_empty() {
        return error.note("it has no headers at all");
    }
    let near = nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean {near}?"));
    near.into_iter().fold(error.note(format!("its headers are {}", list(&names))), Failure::help)
}

fn sets_cookie(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, expected) = (captures.text("cookie")?, captures.text("text")?);
    let response = state::latest(context)?;
    let set: Vec<(&str, &str)> = response.header("Set-Cookie").filter_map(name_and_value).collect();
    let mut values = set.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value);
    let Some(first) = values.next() else {
        let names: Vec<String> = set.iter().map(|(name, _)| (*name).to_owned()).collect();
        let error = Failure::new(format!("the response does not set a cookie {name}"));
        let note = if names.is_empty() { "it sets none".to_owned() } else { format!("it sets {}", list(&names)) };
        return Err(show::with_response(response, error.note(note)));
    };
    // Servers may put the value between quotes.
    if std::iter::once(first).chain(values).any(|value| value == expected || value.trim_matches('"') == expected) {
        return Ok(());
    }
    let error = Failure::comparison(format!("cookie {name} of the response"), Relation::Is, expected, first);
    Err(show::with_response(response, error))
}

/// Adds the step about the time of a response.
pub(super) fn time(library: Library) -> Library {
    library
        .step("http_took_at_most", took_at_most, Check::With(validity::check_limit))
        .looks(again::LOOK, &["http_took_at_most"])
}

fn took_at_most(context: &mut Context, captures: &Captures) -> StepResult {
    let seconds: f64 = captures.number("limit")?;
    let response = state::latest(context)?;
    if response.took.as_secs_f64() <= seconds {
        return Ok(());
    }
    let took = words::duration(response.took);
    let error = Failure::new(format!("the response took {took}, which is more than {seconds} s"));
    Err(show::with_response(response, error))
}
