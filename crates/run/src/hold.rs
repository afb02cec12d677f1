//! What the runner does while there is not enough for another stage.
//!
//! A stage needs namespaces, processes, descriptors and memory. When a launch lacks one of them, its scenario
//! goes back to the queue, and further launches wait: other scenarios of the run may hold what is lacking. Only
//! a scenario that was launched alone shows that there is not enough for one, and is broken.

use std::time::{Duration, Instant};

/// Why launches are on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaunchHold {
    /// The launcher has not caught up with its requests.
    Busy,
    /// A launch lacked something: wait until a scenario ends.
    ///
    /// Others may release it too, so one more scenario is tried at this time.
    Scarcity { again: Instant },
}

impl LaunchHold {
    /// Begins, or continues, a hold because of a launch that lacked something.
    pub(crate) fn scarcity() -> Self {
        Self::Scarcity { again: Instant::now() + NEXT_TRY }
    }
}

/// How long after a launch that lacked something the next one is tried, if no scenario ends before.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// What else ran when a scenario was launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// No other scenario of the run.
    Alone,
    /// Other scenarios, which may have held what its stage lacks.
    Others,
}
