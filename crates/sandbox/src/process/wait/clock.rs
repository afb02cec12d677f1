//! Counts time in which this process could not run.

use std::time::Duration;

use crate::surroundings;

/// One `poll` lasts at most this long.
pub(super) const PULSE: Duration = Duration::from_millis(100);
/// A `poll` that lasts this much too long means that this process was not running.
const LAPSE: Duration = Duration::from_millis(500);

/// Counts the time that pauses of the stage, stops and a sleeping machine took.
#[derive(Debug)]
pub(super) struct Clock {
    lost: Duration,
    /// How much of it is known to be pauses of the stage.
    paused: Duration,
}

impl Clock {
    /// Starts counting.
    pub(super) fn new() -> Self {
        Self { lost: Duration::ZERO, paused: surroundings::paused() }
    }

    /// Takes into account that something lasted `excess` too long; returns the newly lost time.
    pub(super) fn account(&mut self, excess: Duration) -> Duration {
        let paused = surroundings::paused();
        let pause = paused.saturating_sub(self.paused);
        self.paused = paused;
        let unexplained = excess.saturating_sub(pause);
        let lost = pause + if unexplained >= LAPSE { unexplained } else { Duration::ZERO };
        self.lost += lost;
        lost
    }

    /// Returns all lost time so far.
    pub(super) fn lost(&self) -> Duration {
        self.lost
    }
}
