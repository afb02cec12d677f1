//! What the libraries know about why a step failed, whichever step it was.

use crate::context::Context;
use crate::library::daemon::{texts_of, with_crash, with_denials, with_holder, with_missing_files, with_refusals};
use crate::library::files::{with_disk, with_evidence};
use crate::library::rights::with_lost_rights;
use crate::step::Failure;

/// Adds facts and advice to the failure of a step.
///
/// They are about taken ports, refused connections, denied permissions, missing files, crashes and
/// lost rights, and show the files that the scenario chose for that.
pub fn explain(context: &mut Context, failure: Failure) -> Failure {
    let failure = with_holder(context, failure);
    let failure = with_refusals(context, failure);
    let texts = texts_of(context, &failure);
    let failure = with_denials(context, failure, &texts);
    let failure = with_missing_files(context, failure, &texts);
    let failure = with_crash(context, failure);
    let failure = with_lost_rights(context, failure, &texts);
    let failure = with_disk(context, failure, texts.iter().map(|text| text.text.as_str()));
    with_evidence(context, failure)
}
