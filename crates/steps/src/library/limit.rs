//! Time limits that steps set, and what to do about those of the document.

use std::time::Duration;

use greenroom_event::words;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::step::{Captures, Failure};

/// Returns the advice about a time limit of the document that has passed: that of the scenario, or of a step.
pub fn advice_on_time(is_of_scenario: bool) -> String {
    let (key, option) = if is_of_scenario { ("scenario_timeout", " or `--timeout`") } else { ("step_timeout", "") };
    format!("if it hangs there, correct it; if it needs more time, set `{key}` in the document's metadata{option}")
}

/// Returns the limit that a step sets.
pub(crate) fn of(captures: &Captures) -> Result<Duration, Failure> {
    let seconds: f64 = captures.number("limit")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| Failure::new(format!("invalid time limit: {seconds} seconds")))
}

/// Returns the problem of a step whose limit is invalid, unless only the run knows it.
pub(crate) fn invalid(captures: &Captures) -> Option<Problem> {
    known(captures)?.err()
}

/// Returns the problem of a step that ends at its limit: it is invalid, or the document ends the step
/// before.
///
/// The second is a warning, since the step runs all the same.
pub(crate) fn problem(captures: &Captures, state: &PreflightState) -> Option<Problem> {
    match known(captures)? {
        Ok(limit) => {
            let (outer, help) = beyond(limit, state)?;
            let message = format!("the limit of {} is not below {outer}", words::limit(limit));
            Some(Problem::warning("limit", ProblemKind::InvalidLimit, message).help(help))
        }
        Err(problem) => Some(problem),
    }
}

/// Returns which limit of the document is reached first, if one is, and what to do.
pub(crate) fn beyond(limit: Duration, state: &PreflightState) -> Option<(String, String)> {
    let (key, outer) = state.limits.iter().filter(|(_, outer)| limit >= *outer).min_by_key(|(_, outer)| *outer)?;
    let what = key.split('_').next().unwrap_or_default();
    let outer = format!("the time limit of the {what}, {}", words::limit(*outer));
    Some((outer, format!("write less, or set `{key}` to more in the document's metadata")))
}

/// Reads the limit of a step, if it has one and it is known before the run.
fn known(captures: &Captures) -> Option<Result<Duration, Problem>> {
    let text = captures.known("limit")?;
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0);
    Some(seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        Problem::new("limit", ProblemKind::InvalidLimit, format!("invalid time limit: {text} seconds"))
            .help("write a number of seconds above 0 and up to 86400, such as 0.5 or 30")
    }))
}
