//! What a `then` step looks at, which decides how `within` and `for` repeat it.

use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::step::{Captures, StepResult};

/// What a `then` step looks at.
///
/// Only the look is repeated, never the act that it is about. [`crate::Library::looks`] declares it for
/// steps of a library. A step without a declaration looks at something live.
#[derive(Debug, Clone, Copy, Default)]
pub enum Look {
    /// Something that may change by itself: a file, a process.
    #[default]
    Live,
    /// The same, and this function knows whether it still can change.
    LiveUntil(fn(&mut Context, &Captures) -> Prospect),
    /// That something is not there, which stays once it is there. This function says so.
    Absence(fn(&Captures) -> String),
    /// What a command does that each look runs.
    Command,
    /// What an earlier step fetched, which can be fetched again.
    Fetched(Fetched),
    /// Something that is over, such as the output of an ended command.
    ///
    /// This function says so, and what to write instead. It is reported before anything runs.
    Fixed(fn(&Captures, &PreflightState) -> Problem),
    /// One of the others, depending on the captures.
    By(fn(&Captures) -> Look),
}

/// Whether what a step looks at can still change.
#[derive(Debug)]
pub enum Prospect {
    /// It can. The descriptor is readable once it cannot any more.
    Open(Option<OwnedFd>),
    /// It cannot, for this reason.
    Closed(String),
}

/// How a step looks at something that was fetched.
#[derive(Debug, Clone, Copy)]
pub struct Fetched {
    /// Returns why it cannot be fetched again, as far as that is known before the run.
    pub check: fn(&Captures, &PreflightState) -> Option<Problem>,
    /// Fetches it again. If it fails, so does the look that was about to follow.
    pub again: fn(&mut Context) -> StepResult,
}

impl Look {
    /// Resolves [`Look::By`].
    pub(crate) fn of(self, captures: &Captures) -> Self {
        match self {
            Self::By(choose) => choose(captures),
            other => other,
        }
    }

    /// Returns the pause after the first look, and the longest one. Each is twice as long as the one before.
    pub(crate) fn pauses(self) -> (Duration, Duration) {
        let (first, longest) = match self {
            Self::Command => (50, 500),
            Self::Fetched(_) => (10, 250),
            _ => (1, 50),
        };
        (Duration::from_millis(first), Duration::from_millis(longest))
    }
}
