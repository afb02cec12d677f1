//! Time limits of this library's steps.

use std::time::Duration;

use super::unknown::unknown;
use crate::check::{PreflightState, Problem};
use crate::library::limit;
use crate::step::{Captures, Failure};

/// How long a step waits for a daemon, unless it sets a limit. It waits for readiness, output or
/// the end.
pub const LIMIT: Duration = Duration::from_secs(5);

/// How long steps about the process table wait for a process that is starting or ending.
pub(super) const SETTLE: Duration = Duration::from_secs(1);

/// Returns the limit of a step, which is [`LIMIT`] unless it sets one.
pub(super) fn limit_of(captures: &Captures) -> Result<Duration, Failure> {
    if captures.get("limit").is_none() {
        return Ok(LIMIT);
    }
    limit::of(captures)
}

/// Says how the author of a step can allow more time: by a limit, or by a higher one than that of the step.
pub(super) fn more_time(captures: &Captures, limit: String) -> String {
    if captures.get("limit").is_some() { "raise the limit of this step".to_owned() } else { limit }
}

/// Checks the limit of a step, and that its daemon was started.
pub(super) fn check_named(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check(captures, state).into_iter().chain(unknown(captures, state)).collect()
}

/// Checks the limit of a step.
pub(super) fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    limit::problem(captures, state).into_iter().collect()
}
