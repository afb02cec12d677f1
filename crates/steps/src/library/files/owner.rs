//! Steps that check which user or group a file belongs to.
//!
//! A scenario in a user namespace sees one user and one group as they are. All others have the number
//! of `nobody` there, so a check that cannot tell them apart fails and says so.

use std::os::unix::fs::MetadataExt;

use greenroom_sandbox::process::{Numbers, RunAs, is_mapped};
use rustix::process::{getegid, geteuid};

use super::changed::metadata_of;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::ownership::{group_name, user_name};
use crate::library::place::{never_created, outside};
use crate::library::user::{group_of, number_of};
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("files_belongs_to_user", belongs_to_user, Check::With(check_user))
        .step("files_belongs_to_group", belongs_to_group, Check::With(check_group))
        .looks(Look::Live, &["files_belongs_to_user", "files_belongs_to_group"])
}

fn belongs_to_user(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected) = (captures.text("filename")?, number_of(captures.text("user")?)?);
    let actual = metadata_of(context, "file", shown)?.uid();
    let own = geteuid().as_raw();
    compare(shown, Numbers::Users, (expected, actual), own).map_err(|error| {
        let is_ordinary = actual == own && RunAs::ordinary() == RunAs::Ordinary(expected);
        let note = "programs that run as an ordinary user write files of the user who runs greenroom";
        if is_ordinary { error.note(note) } else { error }
    })
}

fn belongs_to_group(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected) = (captures.text("filename")?, group_of(captures.text("group")?)?);
    let actual = metadata_of(context, "file", shown)?.gid();
    compare(shown, Numbers::Groups, (expected, actual), getegid().as_raw())
}

/// Compares the owner of a file. `own` is the user or group of this process.
fn compare(shown: &str, numbers: Numbers, (expected, actual): (u32, u32), own: u32) -> StepResult {
    let (what, relation, name): (_, _, fn(u32) -> String) = match numbers {
        Numbers::Users => ("user", "owner", user_name),
        Numbers::Groups => ("group", "group", group_name),
    };
    let is_known = is_mapped(numbers, actual);
    if expected == actual && is_known {
        return Ok(());
    }
    let error = if !is_known && !is_mapped(numbers, expected) {
        Failure::new(format!("the scenario cannot tell whether {shown} belongs to {what} {}", name(expected)))
    } else {
        Failure::comparison(format!("{relation} of {shown}"), Relation::Is, name(expected), name(actual))
    };
    if is_known {
        return Err(error);
    }
    Err(error.note(format!(
        "it runs in a user namespace, in which the files of every {what} but {} look like those of {}",
        name(own),
        name(actual)
    )))
}

fn check_user(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check(captures, "user", number_of, state)
}

fn check_group(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check(captures, "group", group_of, state)
}

fn check(
    captures: &Captures,
    capture: &str,
    find: fn(&str) -> Result<u32, Failure>,
    state: &PreflightState,
) -> Vec<Problem> {
    let name = captures.known(capture);
    let unknown = name.and_then(|name| find(name).err()).map(|error| {
        let problem = Problem::new(capture, ProblemKind::UnknownUser, error.message);
        error.help.into_iter().fold(problem, Problem::help)
    });
    let absent = never_created(captures, "filename", "file", state);
    outside(captures, &["filename"]).into_iter().chain(absent).chain(unknown).collect()
}
