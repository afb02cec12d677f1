//! Counts time in which this process could not run.

use std::time::{Duration, Instant};

use crate::surroundings;

/// One `poll` lasts at most this long.
pub(super) const PULSE: Duration = Duration::from_millis(100);
/// A `poll` that lasts this much too long means that this process was not running.
const LAPSE: Duration = Duration::from_millis(500);

/// A `poll` that lasts less than this too long was not interrupted by a pause of the stage.
const NOTICEABLE: Duration = Duration::from_millis(2);

/// Counts the time that pauses of the stage, stops and a sleeping machine took.
#[derive(Debug)]
pub(super) struct Clock {
    begun: Instant,
    lost: Duration,
    /// When lost time was noticed, and how much it was.
    losses: Vec<(Instant, Duration)>,
    /// How much of it is known to be pauses of the stage.
    paused: Duration,
}

impl Clock {
    /// Starts counting.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), lost: Duration::ZERO, losses: Vec::new(), paused: surroundings::paused() }
    }

    /// Whether something that lasted so much too long has to be taken into account at once.
    ///
    /// Most wakes come a moment late, and to ask for pauses after each would double what they cost. A
    /// pause that is missed here counts as soon as someone asks for lost time.
    pub(super) fn matters(excess: Duration) -> bool {
        excess >= NOTICEABLE
    }

    /// Takes into account that something lasted `excess` too long; returns the newly lost time.
    pub(super) fn account(&mut self, excess: Duration) -> Duration {
        let paused = surroundings::paused();
        let pause = paused.saturating_sub(self.paused);
        self.paused = paused;
        let unexplained = excess.saturating_sub(pause);
        let lost = pause + if unexplained >= LAPSE { unexplained } else { Duration::ZERO };
        if !lost.is_zero() {
            self.lost += lost;
            self.losses.push((Instant::now(), lost));
        }
        lost
    }

    /// Returns the time from the start of counting to a moment, without what was lost before it.
    pub(super) fn time_of(&self, moment: Instant) -> Duration {
        // Time is lost right before that is noticed.
        let before =
            |&(noticed, lost): &(Instant, Duration)| (moment + lost).saturating_duration_since(noticed).min(lost);
        moment.saturating_duration_since(self.begun).saturating_sub(self.losses.iter().map(before).sum())
    }

    /// Returns all lost time so far.
    pub(super) fn lost(&self) -> Duration {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_after_a_loss_come_earlier_by_it() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let losses = vec![(at(10), Duration::from_secs(4)), (at(20), Duration::from_secs(2))];
        let clock = Clock { begun, lost: Duration::from_secs(6), losses, paused: Duration::ZERO };
        let times = [0, 6, 8, 10, 15, 18, 20, 25].map(|seconds| clock.time_of(at(seconds)).as_secs());
        assert_eq!(times, [0, 6, 6, 6, 11, 14, 14, 19]);
    }
}
