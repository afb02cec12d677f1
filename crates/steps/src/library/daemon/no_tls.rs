//! Stands for waiting until a daemon accepts TLS in programs that were built without it.

use std::time::Duration;

use crate::check::Problem;
use crate::context::Context;
use crate::library::feature::TLS;
use crate::step::StepResult;

/// Returns what is known before the run.
pub(super) fn problems() -> [Problem; 1] {
    [TLS.problem("port")]
}

/// Says that this program cannot wait for TLS.
pub(super) fn wait(_: &mut Context, _: &str, _: u16, _: Duration) -> StepResult {
    Err(TLS.failure())
}
