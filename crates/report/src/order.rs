//! Restores the reading order of scenarios that ran side by side.
//!
//! [`ReadingOrder`] gathers the events of each scenario into a [`ScenarioRecord`] and returns
//! records in the order of the outline, each as soon as all before it are over. It holds only
//! scenarios that run or that finished out of order.

use greenroom_event::{Event, EventKind, ScenarioFinished, StepFinished};
use std::collections::BTreeMap;

/// The events of one scenario, gathered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScenarioRecord {
    /// Index in the outline.
    pub scenario: usize,
    /// Whether it was started.
    pub started: bool,
    /// Steps that ended, in order.
    pub steps: Vec<StepFinished>,
    /// The step that began and did not finish: it still runs, or the stage died in it.
    pub open_step: Option<usize>,
    /// What that step is waiting for.
    pub waiting: Option<String>,
    /// Cleanups that ran, in order.
    pub cleanups: Vec<StepFinished>,
    /// How it ended; missing when the recording is cut short before.
    pub finished: Option<ScenarioFinished>,
}

/// Turns interleaved events into records in reading order.
#[derive(Debug, Default)]
pub struct ReadingOrder {
    next: usize,
    held: BTreeMap<usize, ScenarioRecord>,
}

impl ReadingOrder {
    /// Adds one event and returns the records that are due.
    pub fn push(&mut self, event: &Event) -> Vec<ScenarioRecord> {
        match event.scenario.map(|attempt| attempt.index) {
            // Only a damaged recording has an index before `next`: that record has been returned.
            Some(index) if index >= self.next => self.gather(index, event),
            _ => {}
        }
        let mut ready = Vec::new();
        while let Some(entry) = self.held.first_entry()
            && *entry.key() == self.next
            && entry.get().finished.is_some()
        {
            ready.push(entry.remove());
            self.next += 1;
        }
        ready
    }

    /// Returns the records that are still held, in order, finished or not. For the end of the run.
    pub fn rest(&mut self) -> Vec<ScenarioRecord> {
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// Returns how many scenarios are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn gather(&mut self, index: usize, event: &Event) {
        let record = || ScenarioRecord { scenario: index, ..ScenarioRecord::default() };
        match &event.kind {
            EventKind::ScenarioStarted => self.held.entry(index).or_insert_with(record).started = true,
            EventKind::StepStarted { step } => {
                let record = self.held.entry(index).or_insert_with(record);
                record.open_step = Some(*step);
                record.waiting = None;
            }
            EventKind::Waiting { what, .. } => {
                self.held.entry(index).or_insert_with(record).waiting = Some(what.clone());
            }
            EventKind::StepFinished(finished) => {
                let record = self.held.entry(index).or_insert_with(record);
                record.open_step = None;
                record.waiting = None;
                record.steps.push(finished.clone());
            }
            EventKind::CleanupFinished(finished) => {
                self.held.entry(index).or_insert_with(record).cleanups.push(finished.clone());
            }
            EventKind::ScenarioFinished(finished) => {
                self.held.entry(index).or_insert_with(record).finished = Some(finished.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use greenroom_event::{Attempt, Outcome};

    use super::*;

    fn finished(scenario: usize) -> Event {
        let finished = ScenarioFinished {
            outcome: Outcome::Passed,
            took: Duration::ZERO,
            failure: None,
            daemons: Vec::new(),
            left_over: Vec::new(),
            kept: None,
            network: None,
        };
        Event {
            seq: 0,
            at: Duration::ZERO,
            scenario: Some(Attempt::first(scenario)),
            kind: EventKind::ScenarioFinished(finished),
        }
    }

    fn indices(records: &[ScenarioRecord]) -> Vec<usize> {
        records.iter().map(|record| record.scenario).collect()
    }

    #[test]
    fn records_come_in_reading_order_as_early_as_possible() {
        let mut order = ReadingOrder::default();
        assert_eq!(indices(&order.push(&finished(1))), [0usize; 0]);
        assert_eq!(indices(&order.push(&finished(3))), [0usize; 0]);
        assert_eq!(indices(&order.push(&finished(0))), [0, 1]);
        assert_eq!(order.held(), 1);
        assert_eq!(indices(&order.push(&finished(2))), [2, 3]);
        assert_eq!(order.held(), 0);
    }

    #[test]
    fn the_rest_comes_at_the_end_and_impossible_events_are_ignored() {
        let mut order = ReadingOrder::default();
        assert_eq!(indices(&order.push(&finished(0))), [0]);
        assert_eq!(indices(&order.push(&finished(0))), [0usize; 0]);
        assert_eq!(indices(&order.push(&finished(7))), [0usize; 0]);
        let started =
            Event { seq: 0, at: Duration::ZERO, scenario: Some(Attempt::first(5)), kind: EventKind::ScenarioStarted };
        assert_eq!(indices(&order.push(&started)), [0usize; 0]);
        assert_eq!(indices(&order.rest()), [5, 7]);
    }
}
