//! Gathers the events of scenarios that run side by side.
//!
//! [`Records`] turns the events of each attempt at a scenario into a [`ScenarioRecord`] and returns it
//! when the attempt is over, so that results appear as they come. It holds only scenarios that run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use greenroom_event::{Attempt, Event, EventKind, ScenarioFinished, StepFinished};
use serde::{Deserialize, Serialize};

/// The events of one attempt at a scenario, gathered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Index in the outline.
    pub scenario: usize,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// When it began, since the start of the run.
    pub began: Duration,
    /// Whether it was started.
    pub started: bool,
    /// Steps that ended, in order.
    pub steps: Vec<StepFinished>,
    /// When each step began, since the start of the scenario.
    pub step_starts: Vec<Duration>,
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
    running: BTreeMap<Attempt, ScenarioRecord>,
    over: BTreeSet<Attempt>,
}

impl Records {
    /// Adds one event. Returns the record of its attempt if that is over now.
    pub fn push(&mut self, event: &Event) -> Option<ScenarioRecord> {
        // Only a damaged recording has events of an attempt that is over.
        let attempt = event.scenario?;
        if self.over.contains(&attempt) {
            return None;
        }
        self.gather(attempt, event);
        self.running.get(&attempt)?.finished.as_ref()?;
        self.over.insert(attempt);
        self.running.remove(&attempt)
    }

    /// Returns the records of attempts that are not over, in reading order. For a recording
    /// without an end.
    pub fn rest(&mut self) -> Vec<ScenarioRecord> {
        std::mem::take(&mut self.running).into_values().collect()
    }

    fn gather(&mut self, attempt: Attempt, event: &Event) {
        if matches!(event.kind, EventKind::RunStarted(_) | EventKind::RunFinished { .. }) {
            return;
        }
        let record = self.running.entry(attempt).or_insert_with(|| ScenarioRecord {
            scenario: attempt.index,
            attempt: attempt.number,
            began: event.at,
            ..ScenarioRecord::default()
        });
        match &event.kind {
            EventKind::ScenarioStarted => record.started = true,
            EventKind::StepStarted { step } => {
                record.open_step = Some(*step);
                record.waiting = None;
                record.step_starts.push(event.at.saturating_sub(record.began));
            }
            EventKind::Waiting { what, .. } => record.waiting = Some(what.clone()),
            EventKind::StepFinished(finished) => {
                record.open_step = None;
                record.waiting = None;
                // The event of its start comes through the runner, a little later.
                if let (Some(start), Some(began)) = (record.step_starts.last_mut(), finished.began) {
                    *start = began;
                }
                record.steps.push(finished.clone());
            }
            EventKind::CleanupFinished(finished) => record.cleanups.push(finished.clone()),
            EventKind::ScenarioFinished(finished) => record.finished = Some(finished.clone()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_event::Outcome;

    use super::*;

    fn started(scenario: usize) -> Event {
        let scenario = Some(Attempt::first(scenario));
        Event { seq: 0, at: Duration::ZERO, scenario, kind: EventKind::ScenarioStarted }
    }

    fn finished(scenario: usize) -> Event {
        let finished = ScenarioFinished::new(Outcome::Passed, Duration::ZERO);
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
    fn a_step_began_when_the_process_that_ran_it_says() {
        let mut records = Records::default();
        let attempt = Some(Attempt::first(0));
        let event = |at: u64, kind| Event { seq: 0, at: Duration::from_millis(at), scenario: attempt, kind };
        let step = |step: usize, began: Option<u64>| {
            EventKind::StepFinished(StepFinished {
                step,
                outcome: Outcome::Passed,
                began: began.map(Duration::from_millis),
                took: Duration::ZERO,
                failure: None,
                output: Vec::new(),
            })
        };
        records.push(&event(100, EventKind::ScenarioStarted));
        for (at, kind) in [
            (100, EventKind::StepStarted { step: 0 }),
            (130, step(0, Some(2))),
            (130, EventKind::StepStarted { step: 1 }),
            (150, step(1, None)),
        ] {
            records.push(&event(at, kind));
        }
        let [record] = &records.rest()[..] else { panic!() };
        assert_eq!(record.step_starts, [2, 30].map(Duration::from_millis));
    }

    #[test]
    fn each_attempt_has_a_record() {
        let mut records = Records::default();
        for number in [1, 2] {
            let attempt = Some(Attempt { index: 0, number });
            let record = records.push(&Event { scenario: attempt, ..finished(0) }).unwrap();
            assert_eq!((record.scenario, record.attempt), (0, number));
        }
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
