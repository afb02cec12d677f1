//! A whole run, gathered from its events: what reports are made from that are written at its end.
//!
//! [`RunRecord`] takes events until the run is over, or until a recording that is cut short has no
//! more. Then every scenario that began has its attempts in order, with or without an end.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use greenroom_event::{Event, EventKind, Outcome, RunStarted, ScenarioOutline, Sink};

use crate::attempts::{AttemptEnd, Attempts, Details};
use crate::records::{Records, ScenarioRecord};
use crate::summary::Summary;

/// A run with the records of all its scenarios.
#[derive(Debug, Default)]
pub struct RunRecord {
    /// The start of the run: its outline, its isolation, its origin.
    pub started: RunStarted,
    /// The counts.
    pub summary: Summary,
    /// Whether the run ended. A recording that is cut short, or of a run that goes on, has no end.
    pub ended: bool,
    records: Records,
    attempts: Attempts,
}

/// How a scenario ended, over all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScenarioState {
    /// It failed.
    Failed,
    /// It could not be run to its end.
    Broken,
    /// It was running when the recording ended.
    Unfinished,
    /// It passed after an attempt that did not.
    Flaky,
    /// It passed at once.
    Passed,
    /// It was not started, or was stopped with the run.
    Skipped,
}

impl ScenarioState {
    /// Returns how one attempt ended, whatever the others did.
    pub fn of(attempt: &ScenarioRecord) -> Self {
        Self::after(attempt.finished.as_ref().map(|finished| finished.outcome))
    }

    /// Returns how an attempt of this outcome ended.
    fn after(outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Passed) => Self::Passed,
            Some(Outcome::Failed) => Self::Failed,
            Some(Outcome::Broken) => Self::Broken,
            Some(Outcome::Skipped) => Self::Skipped,
            None => Self::Unfinished,
        }
    }

    /// Whether the scenario did not come to a good end.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Broken | Self::Unfinished)
    }
}

impl RunRecord {
    /// Creates one that keeps the details of attempts there.
    pub fn new(details: Details) -> Self {
        Self { attempts: Attempts::new(details), ..Self::default() }
    }

    /// Gathers a whole recording.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut record = Self::default();
        events.into_iter().for_each(|event| record.push(event));
        record.close();
        record
    }

    /// Adds the scenarios that have no end. Called by itself when the run ends.
    pub fn close(&mut self) {
        self.records.rest().into_iter().for_each(|record| self.add(record));
    }

    /// Returns the attempts at a scenario, in order.
    pub fn attempts(&self, scenario: usize) -> Vec<Rc<ScenarioRecord>> {
        self.attempts.records(scenario)
    }

    /// Returns the attempt that decides how a scenario ended: the last one.
    pub fn deciding(&self, scenario: usize) -> Option<Rc<ScenarioRecord>> {
        self.attempts.last(scenario)
    }

    /// Returns how the attempts at a scenario ended, in order, without reading their details.
    pub fn ends(&self, scenario: usize) -> impl DoubleEndedIterator<Item = AttemptEnd> {
        self.attempts.ends(scenario)
    }

    /// Returns how the attempt ended that decides.
    pub fn deciding_end(&self, scenario: usize) -> Option<AttemptEnd> {
        self.ends(scenario).next_back()
    }

    /// Moves details from a disk that is full into memory. Returns whether there were any.
    pub fn leave_disk(&mut self) -> bool {
        self.attempts.leave_disk()
    }

    /// Returns why details are missing that were to be read, once.
    pub fn take_error(&self) -> Option<io::Error> {
        self.attempts.take_error()
    }

    /// Returns how a scenario ended.
    pub fn state(&self, scenario: usize) -> ScenarioState {
        let Some(end) = self.deciding_end(scenario) else {
            return ScenarioState::Skipped;
        };
        // Another attempt was to follow.
        if end.is_retried {
            return ScenarioState::Unfinished;
        }
        match ScenarioState::after(end.outcome) {
            ScenarioState::Passed if end.number > 1 => ScenarioState::Flaky,
            state => state,
        }
    }

    /// Returns the scenarios of a document with their indices, in reading order.
    pub fn scenarios_of(&self, document: usize) -> impl Iterator<Item = (usize, &ScenarioOutline)> {
        let scenarios = self.started.outline.scenarios.iter().enumerate();
        scenarios.filter(move |(_, scenario)| scenario.document == document)
    }

    /// Returns the time of the machine's clock so long after the start, if it is known.
    pub fn wall_time(&self, at: Duration) -> Option<DateTime<Utc>> {
        let started: DateTime<Utc> = self.started.origin.as_ref()?.started.parse().ok()?;
        started.checked_add_signed(TimeDelta::from_std(at).ok()?)
    }

    fn add(&mut self, mut record: ScenarioRecord) {
        // It may stay until the end of the run, with thousands of others.
        record.steps.shrink_to_fit();
        record.step_starts.shrink_to_fit();
        record.cleanups.shrink_to_fit();
        self.attempts.add(record);
    }
}

impl Sink for RunRecord {
    fn push(&mut self, event: &Event) {
        self.summary.fold(event);
        match &event.kind {
            EventKind::RunStarted(started) => {
                self.started = started.clone();
                self.attempts.begin(started.outline.scenarios.len());
            }
            EventKind::RunFinished { .. } => {
                self.ended = true;
                self.close();
            }
            _ => {
                if let Some(record) = self.records.push(event) {
                    self.add(record);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_event::{Attempt, Location, Origin, Outline, ScenarioFinished};

    use super::*;

    fn started() -> Event {
        let scenario = |title: &str| ScenarioOutline {
            document: 0,
            title: title.into(),
            location: Location { file: "a.md".into(), line: 1 },
            ..ScenarioOutline::default()
        };
        let outline = Outline { scenarios: vec![scenario("a"), scenario("b")], ..Outline::default() };
        let origin = Origin { started: "2026-11-26T18:50:19Z".to_owned(), ..Origin::default() };
        event(
            None,
            EventKind::RunStarted(RunStarted {
                outline: outline.into(),
                origin: Some(origin),
                ..RunStarted::default()
            }),
        )
    }

    fn event(scenario: Option<Attempt>, kind: EventKind) -> Event {
        Event { seq: 0, at: Duration::ZERO, scenario, kind }
    }

    fn finished(index: usize, number: u32, outcome: Outcome, is_retried: bool) -> Event {
        let finished = ScenarioFinished { is_retried, ..ScenarioFinished::new(outcome, Duration::ZERO) };
        event(Some(Attempt { index, number }), EventKind::ScenarioFinished(finished))
    }

    #[test]
    fn the_last_attempt_decides() {
        let events = [
            started(),
            finished(1, 1, Outcome::Failed, true),
            finished(1, 2, Outcome::Passed, false),
            finished(7, 1, Outcome::Passed, false),
            event(None, EventKind::RunFinished { interrupted: false }),
        ];
        let record = RunRecord::of(&events);
        assert_eq!(record.attempts(1).iter().map(|record| record.attempt).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(record.state(1), ScenarioState::Flaky);
        assert_eq!(record.state(0), ScenarioState::Skipped, "it never began");
        assert_eq!(record.state(7), ScenarioState::Skipped, "the outline does not have it");
        assert!(record.ended);
    }

    #[test]
    fn a_recording_that_is_cut_short_has_scenarios_without_an_end() {
        let begun = event(Some(Attempt::first(0)), EventKind::ScenarioStarted);
        let record = RunRecord::of(&[started(), begun, finished(1, 1, Outcome::Failed, true)]);
        assert_eq!(record.state(0), ScenarioState::Unfinished);
        assert_eq!(record.state(1), ScenarioState::Unfinished, "the second attempt is missing");
        assert!(!record.ended);
    }

    #[test]
    fn times_of_the_clock_count_from_the_start_of_the_run() {
        let record = RunRecord::of(&[started()]);
        let time = record.wall_time(Duration::from_millis(1500)).unwrap();
        assert_eq!(time.to_rfc3339(), "2026-11-26T18:50:20.500+00:00");
        assert!(record.wall_time(Duration::MAX).is_none());
        assert!(RunRecord::default().wall_time(Duration::ZERO).is_none());
    }
}
