//! What every condition of readiness has in common.

use std::fmt;
use std::time::Duration;

/// A condition that is met when a process is ready.
///
/// `Display` names it; the name follows "waiting for" in messages.
pub trait Readiness: fmt::Display {
    /// What a successful look returns.
    type Found;

    /// Looks once. `left` is the rest of the wait's limit; a look must not take much longer.
    fn look(&mut self, left: Duration) -> Option<Self::Found>;

    /// Says that the condition was not met: "file x did not appear".
    fn unmet(&self) -> String;

    /// Returns what the latest look saw instead, if it is worth a note.
    fn latest(&self) -> Option<String> {
        None
    }
}
