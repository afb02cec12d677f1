//! Which scenarios wait for a place, in which order, and how often each is attempted.
//!
//! Each entry of the outline is a scenario of one round. Rounds follow one after another.

use std::collections::VecDeque;
use std::time::Duration;

use greenroom_doc::Plan;
use greenroom_event::{Attempt, Outline};

use crate::options::RunOptions;

/// Repeats the scenarios of an outline for each round, and says how often each may be retried.
pub(crate) fn complete(outline: &mut Outline, plan: &Plan, options: &RunOptions) {
    for (scenario, &index) in outline.scenarios.iter_mut().zip(&options.chosen) {
        let planned = &plan.scenarios[index];
        let retries = &plan.documents[planned.document].metadata.retries;
        scenario.retries = options.retries.unwrap_or_else(|| retries.of(&planned.labels));
    }
    outline.left_out = outline.left_out.saturating_sub(options.passed_earlier);
    outline.passed_earlier = options.passed_earlier;
    if let Some(rounds) = options.repeat {
        let once = std::mem::take(&mut outline.scenarios);
        for round in 1..=rounds {
            let repetition = once.iter().cloned().map(|mut scenario| {
                scenario.repetition = Some(round);
                scenario
            });
            outline.scenarios.extend(repetition);
        }
    }
}

/// Returns the entries of the outline in the order in which they start.
///
/// `compete`: more than one runs at a time, and not all can start at once. Then the slowest of a round
/// start first, so that none of them runs alone at the end.
pub(crate) fn queue(options: &RunOptions, compete: bool) -> VecDeque<usize> {
    let mut shuffle = options.shuffle.map(fastrand::Rng::with_seed);
    let scenarios = options.chosen.len();
    let mut order: Vec<usize> = (0..scenarios).collect();
    if compete && shuffle.is_none() {
        slowest_first(&mut order, &options.durations);
    }
    let mut queue = VecDeque::new();
    for round in 0..options.repeat.unwrap_or(1) as usize {
        if let Some(random) = &mut shuffle {
            random.shuffle(&mut order);
        }
        queue.extend(order.iter().map(|at| round * scenarios + at));
    }
    queue
}

/// Sorts scenarios by what they took earlier. One that is not known counts as the median.
fn slowest_first(order: &mut [usize], durations: &[Option<Duration>]) {
    let mut known: Vec<Duration> = durations.iter().copied().flatten().collect();
    known.sort_unstable();
    let Some(&median) = known.get(known.len() / 2) else { return };
    let duration = |at: usize| durations.get(at).copied().flatten().unwrap_or(median);
    order.sort_by_key(|&at| std::cmp::Reverse(duration(at)));
}

/// How often each entry of the outline was attempted, and how often it may be.
pub(crate) struct Attempts {
    /// The number of the current or next attempt, and that of the last one.
    numbers: Vec<(u32, u32)>,
}

impl Attempts {
    pub(crate) fn new(outline: &Outline) -> Self {
        let numbers = outline.scenarios.iter().map(|scenario| (1, scenario.retries.saturating_add(1)));
        Self { numbers: numbers.collect() }
    }

    /// Returns the attempt that runs or is next.
    pub(crate) fn current(&self, index: usize) -> Attempt {
        Attempt { index, number: self.numbers[index].0 }
    }

    /// Returns whether another attempt may follow this one.
    pub(crate) fn may_retry(&self, attempt: Attempt) -> bool {
        attempt.number < self.numbers[attempt.index].1
    }

    /// Begins the next attempt.
    pub(crate) fn retry(&mut self, index: usize) {
        self.numbers[index].0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(durations: &[Option<u64>]) -> Vec<usize> {
        let durations: Vec<_> = durations.iter().map(|seconds| seconds.map(Duration::from_secs)).collect();
        let mut order: Vec<usize> = (0..durations.len()).collect();
        slowest_first(&mut order, &durations);
        order
    }

    #[test]
    fn the_slowest_start_first_and_unknown_ones_in_the_middle() {
        assert_eq!(sorted(&[Some(1), Some(9), None, Some(5)]), [1, 2, 3, 0]);
    }

    #[test]
    fn without_durations_the_order_is_that_of_the_documents() {
        assert_eq!(sorted(&[None, None, None]), [0, 1, 2]);
        assert_eq!(sorted(&[Some(2), Some(2), Some(2)]), [0, 1, 2]);
        let mut order = [0, 1, 2];
        slowest_first(&mut order, &[]);
        assert_eq!(order, [0, 1, 2]);
    }
}
