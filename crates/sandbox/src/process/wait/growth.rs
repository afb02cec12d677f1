//! Records when an output grew.

use std::collections::VecDeque;
use std::time::Duration;

/// The most entries of one output.
const MOST: usize = 2000;

/// How long an output was when a look found it longer than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Its length in bytes.
    pub length: u64,
    /// When the look was, since the creation of the watch, without pauses.
    pub at: Duration,
}

/// When the last bytes of an output were written.
#[derive(Debug)]
pub(super) struct GrowthLog {
    /// For how many of the last bytes that is kept.
    window: u64,
    entries: VecDeque<Growth>,
}

impl GrowthLog {
    /// Creates the log of an empty output.
    pub(super) fn new(window: u64) -> Self {
        Self { window, entries: VecDeque::new() }
    }

    /// Takes the present length of the output. Asks for the time only if it is another one.
    pub(super) fn note(&mut self, length: u64, now: impl FnOnce() -> Duration) {
        let last = self.entries.back().map_or(0, |last| last.length);
        if length == last {
            return;
        }
        if length < last {
            // The process has cut its file, and begins again.
            self.entries.clear();
        }
        let outside = length.saturating_sub(self.window);
        while self.entries.front().is_some_and(|first| first.length <= outside) {
            self.entries.pop_front();
        }
        if length > 0 {
            self.entries.push_back(Growth { length, at: now() });
        }
        if self.entries.len() > MOST {
            self.thin();
        }
    }

    /// Returns the entries, in the order of their lengths and times.
    pub(super) fn entries(&self) -> Vec<Growth> {
        self.entries.iter().copied().collect()
    }

    /// Keeps at most about half of the entries, at even times. The newest remains.
    fn thin(&mut self) {
        let (Some(first), Some(last)) = (self.entries.front(), self.entries.back()) else { return };
        let gap = last.at.saturating_sub(first.at).as_nanos() * 2 / MOST as u128;
        let mut kept: VecDeque<Growth> = VecDeque::with_capacity(MOST);
        for entry in self.entries.drain(..) {
            // The bytes of an entry that is dropped count to the one after it, a little later.
            let after = |at: usize| kept[at].at.saturating_sub(kept[at - 1].at).as_nanos();
            let is_close = kept.len() > 1 && after(kept.len() - 1) < gap;
            if is_close {
                kept.pop_back();
            }
            kept.push_back(entry);
        }
        kept.drain(..kept.len().saturating_sub(MOST));
        self.entries = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn log(window: u64, looks: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut log = GrowthLog::new(window);
        for &(length, at) in looks {
            log.note(length, || ms(at));
        }
        log.entries()
            .iter()
            .map(|entry| (entry.length, u64::try_from(entry.at.as_millis()).unwrap_or(u64::MAX)))
            .collect()
    }

    #[test]
    fn only_growth_is_recorded_and_only_of_the_last_bytes() {
        assert_eq!(log(100, &[(0, 1), (10, 2), (10, 3), (20, 4)]), [(10, 2), (20, 4)]);
        assert_eq!(log(100, &[(10, 1), (50, 2), (110, 3), (111, 4)]), [(50, 2), (110, 3), (111, 4)]);
        assert_eq!(log(100, &[(10, 1), (999, 2)]), [(999, 2)]);
    }

    #[test]
    fn an_output_that_was_cut_begins_again() {
        assert_eq!(log(100, &[(50, 1), (0, 2), (30, 3)]), [(30, 3)]);
        assert_eq!(log(100, &[(50, 1), (20, 2), (30, 3)]), [(20, 2), (30, 3)]);
    }

    #[test]
    fn many_entries_are_thinned_to_even_times() {
        let looks: Vec<(u64, u64)> = (1..=100_000).map(|at| (at, at * 10)).collect();
        let entries = log(u64::MAX, &looks);
        assert!((MOST / 2..=MOST).contains(&entries.len()), "{}", entries.len());
        assert_eq!(entries.last(), Some(&(100_000, 1_000_000)));
        // No time is wrong by more than 1 % of the whole.
        for pair in entries.windows(2) {
            assert!(pair[0].0 < pair[1].0 && pair[1].1 - pair[0].1 <= 10_000, "{pair:?}");
        }
        // All at once: the newest are kept.
        let entries = log(u64::MAX, &(1..=5000).map(|length| (length, 7)).collect::<Vec<_>>());
        assert!(entries.len() <= MOST && entries.last() == Some(&(5000, 7)));
    }
}
