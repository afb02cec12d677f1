//! Restores reading order. Scenarios run side by side; people read them one after the other.
//!
//! [`ReadingOrder`] gathers the events of each scenario into a [`ScenarioRecord`] and hands records out in the order of the
//! outline, each as soon as all before it are over. It holds what is running and what finished too early, nothing else.

use greenroom_event::{Event, EventKind, ScenarioFinished, StepFinished};
use std::collections::BTreeMap;

/// All that is known about one scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScenarioRecord {
    /// Index in the outline.
    pub scenario: usize,
    /// Whether it was ever started.
    pub started: bool,
    /// Steps that ended, in order.
    pub steps: Vec<StepFinished>,
    /// A step that began and of whose end nothing is known: the stage died or was killed in it.
    pub open_step: Option<usize>,
    /// What that step was last said to be waiting for.
    pub waiting: Option<String>,
    /// Cleanups that ran, in order.
    pub cleanups: Vec<StepFinished>,
    /// How it ended; none when the run's record breaks off before.
    pub finished: Option<ScenarioFinished>,
}

/// Turns interleaved events into records in reading order.
#[derive(Debug, Default)]
pub struct ReadingOrder {
    next: usize,
    held: BTreeMap<usize, ScenarioRecord>,
}

impl ReadingOrder {
    /// Takes one event in and gives what can be read now.
    pub fn push(&mut self, event: &Event) -> Vec<ScenarioRecord> {
        match event.scenario.map(|attempt| attempt.index) {
            // An index from before `next` can only come from a damaged record: that scenario has been handed out.
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

    /// At the end of the run: everything that is still held, in order, finished or not.
    pub fn rest(&mut self) -> Vec<ScenarioRecord> {
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// How many scenarios are held back.
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
    fn hands_out_in_reading_order_as_early_as_it_can() {
        let mut order = ReadingOrder::default();
        assert_eq!(indices(&order.push(&finished(1))), [0usize; 0]);
        assert_eq!(indices(&order.push(&finished(3))), [0usize; 0]);
        assert_eq!(indices(&order.push(&finished(0))), [0, 1]);
        assert_eq!(order.held(), 1);
        assert_eq!(indices(&order.push(&finished(2))), [2, 3]);
        assert_eq!(order.held(), 0);
    }

    #[test]
    fn gives_the_rest_at_the_end_and_ignores_what_cannot_be() {
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
