//! Gathers the events of scenarios that run side by side.
//!
//! [`Records`] turns the events of each scenario into a [`ScenarioRecord`] and returns it when the
//! scenario is over, so that results appear as they come. It holds only scenarios that run.

use greenroom_event::{Event, EventKind, ScenarioFinished, StepFinished};
use std::collections::{BTreeMap, BTreeSet};

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

/// Turns interleaved events into records.
#[derive(Debug, Default)]
pub struct Records {
    running: BTreeMap<usize, ScenarioRecord>,
    over: BTreeSet<usize>,
}

impl Records {
    /// Adds one event. Returns the record of its scenario if that is over now.
    pub fn push(&mut self, event: &Event) -> Option<ScenarioRecord> {
        // Only a damaged recording has events of a scenario that is over.
        let index = event.scenario?.index;
        if self.over.contains(&index) {
            return None;
        }
        self.gather(index, event);
        self.running.get(&index)?.finished.as_ref()?;
        self.over.insert(index);
        self.running.remove(&index)
    }

    /// Returns the records of scenarios that are not over, in reading order. For a recording
    /// without an end.
    pub fn rest(&mut self) -> Vec<ScenarioRecord> {
        std::mem::take(&mut self.running).into_values().collect()
    }

    fn gather(&mut self, index: usize, event: &Event) {
        let record = || ScenarioRecord { scenario: index, ..ScenarioRecord::default() };
        match &event.kind {
            EventKind::ScenarioStarted => self.running.entry(index).or_insert_with(record).started = true,
            EventKind::StepStarted { step } => {
                let record = self.running.entry(index).or_insert_with(record);
                record.open_step = Some(*step);
                record.waiting = None;
            }
            EventKind::Waiting { what, .. } => {
                self.running.entry(index).or_insert_with(record).waiting = Some(what.clone());
            }
            EventKind::StepFinished(finished) => {
                let record = self.running.entry(index).or_insert_with(record);
                record.open_step = None;
                record.waiting = None;
                record.steps.push(finished.clone());
            }
            EventKind::CleanupFinished(finished) => {
                self.running.entry(index).or_insert_with(record).cleanups.push(finished.clone());
            }
            EventKind::ScenarioFinished(finished) => {
                self.running.entry(index).or_insert_with(record).finished = Some(finished.clone());
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

    fn started(scenario: usize) -> Event {
        let scenario = Some(Attempt::first(scenario));
        Event { seq: 0, at: Duration::ZERO, scenario, kind: EventKind::ScenarioStarted }
    }

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

    #[test]
    fn a_record_comes_when_its_scenario_is_over() {
        let mut records = Records::default();
        let mut push = |event| records.push(&event).map(|record| record.scenario);
        assert_eq!(push(started(0)), None);
        assert_eq!(push(started(3)), None);
        assert_eq!(push(finished(3)), Some(3));
        assert_eq!(push(finished(1)), Some(1));
        assert_eq!(push(finished(0)), Some(0));
    }

    #[test]
    fn scenarios_without_an_end_come_last_and_impossible_events_are_ignored() {
        let mut records = Records::default();
        assert!(records.push(&finished(0)).is_some());
        assert!(records.push(&finished(0)).is_none());
        assert!(records.push(&started(7)).is_none());
        assert!(records.push(&started(5)).is_none());
        let rest: Vec<usize> = records.rest().iter().map(|record| record.scenario).collect();
        assert_eq!(rest, [5, 7]);
    }
}
