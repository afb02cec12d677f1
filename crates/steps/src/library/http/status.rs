//! Steps that check the status of a response.

use super::expected_status::ExpectedStatus;
use super::{again, show, state, validity};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("http_status_is", |context, captures| check(context, captures, Relation::Is), CHECK)
        .step("http_status_is_not", |context, captures| check(context, captures, Relation::IsNot), CHECK)
        .looks(again::LOOK, &["http_status_is", "http_status_is_not"])
}

const CHECK: Check = Check::With(validity::check_status);

fn check(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let text = captures.text("status")?;
    let expected = ExpectedStatus::parse(text)?;
    let response = state::latest(context)?;
    if expected.includes(response.status) == (relation == Relation::Is) {
        return Ok(());
    }
    let error = Failure::comparison("status of the response", relation, text, response.status.to_string());
    Err(show::with_response(response, error))
}
