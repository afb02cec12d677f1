//! Time limits of commands.

use std::time::Duration;

use crate::check::{Problem, ProblemKind};
use crate::step::{Captures, Failure};

/// Returns the limit that a step sets.
pub(super) fn of(captures: &Captures) -> Result<Duration, Failure> {
    let seconds: f64 = captures.number("limit")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| Failure::new(format!("invalid time limit: {seconds} seconds")))
}

/// Returns the problem of a limit that is not one.
pub(super) fn invalid(captures: &Captures) -> Option<Problem> {
    let text = captures.get("limit").filter(|text| !text.contains("${"))?;
    let is_valid = text.parse::<f64>().is_ok_and(|seconds| seconds > 0.0 && seconds <= 86_400.0);
    (!is_valid).then(|| {
        Problem::new("limit", ProblemKind::InvalidLimit, format!("invalid time limit: {text} seconds"))
            .help("write a number of seconds above 0 and up to 86400, such as 0.5 or 30")
    })
}
