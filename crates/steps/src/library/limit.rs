//! Time limits that steps set.

use std::time::Duration;

use crate::check::{Problem, ProblemKind};
use crate::step::{Captures, Failure};

/// Returns the limit that a step sets.
pub(crate) fn of(captures: &Captures) -> Result<Duration, Failure> {
    let seconds: f64 = captures.number("limit")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| Failure::new(format!("invalid time limit: {seconds} seconds")))
}

/// Returns the problem of a step whose limit is invalid, unless only the run knows it.
pub(crate) fn invalid(captures: &Captures) -> Option<Problem> {
    captures.get("limit").filter(|text| !text.contains("${")).and_then(problem)
}

/// Returns the problem of an invalid limit.
pub(crate) fn problem(text: &str) -> Option<Problem> {
    let is_valid = text.parse::<f64>().is_ok_and(|seconds| seconds > 0.0 && seconds <= 86_400.0);
    (!is_valid).then(|| {
        Problem::new("limit", ProblemKind::InvalidLimit, format!("invalid time limit: {text} seconds"))
            .help("write a number of seconds above 0 and up to 86400, such as 0.5 or 30")
    })
}
