//! The attempts of a run: a few facts about each in memory, and the rest where it has room.
//!
//! A run of many scenarios has more than memory should hold: what each step wrote and how long it took.
//! [`Details`] says what becomes of that. A report reads it back, an attempt at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use greenroom_event::{Attempt, LeftOver, Outcome, ScenarioFinished};

use crate::records::ScenarioRecord;

/// Holds bytes outside of memory until they are read back.
pub trait Spool: fmt::Debug {
    /// Adds bytes and returns where they are.
    ///
    /// # Errors
    ///
    /// If they cannot be written. What was added before can be read still.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64>;

    /// Reads bytes that were added.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn read(&self, place: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Moves what it holds from a disk into memory. Returns whether it did.
    fn leave_disk(&mut self) -> bool;
}

/// What becomes of the steps, outputs and failures of attempts that are over.
#[derive(Debug, Default)]
pub enum Details {
    /// They stay in memory.
    #[default]
    InMemory,
    /// They go into a spool. What it does not take stays in memory.
    Spooled(Box<dyn Spool>),
    /// Those of attempts that passed are dropped.
    OfFailures,
}

/// What is known about an attempt without its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptEnd {
    /// Which attempt, from 1.
    pub number: u32,
    /// When it began, since the start of the run.
    pub began: Duration,
    /// Whether it was started.
    pub started: bool,
    /// How it ended, unless its recording is cut short.
    pub outcome: Option<Outcome>,
    /// Whether another attempt was to follow.
    pub is_retried: bool,
    /// How long it took; zero without an end.
    pub took: Duration,
    /// Whether it left a process that did not end after SIGTERM.
    pub ignored_sigterm: bool,
}

/// An attempt that is over. There is one for each scenario, so it is small.
#[derive(Debug)]
struct Kept {
    began: u64,
    took: u64,
    place: Place,
    outcome: Option<Outcome>,
    started: bool,
    is_retried: bool,
    ignored_sigterm: bool,
}

/// Where the record of an attempt is.
#[derive(Debug)]
enum Place {
    Memory(Rc<ScenarioRecord>),
    Spool { place: u64, length: u32 },
    Nowhere,
}

/// The attempts at the scenarios of a run.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    details: Details,
    /// The first attempt at each scenario.
    first: Vec<Option<Kept>>,
    /// All others.
    others: BTreeMap<Attempt, Kept>,
    /// The record that was added or read last: reports ask for it several times.
    recent: RefCell<Option<Rc<ScenarioRecord>>>,
    error: RefCell<Option<io::Error>>,
}

impl Attempts {
    pub(crate) fn new(details: Details) -> Self {
        Self { details, ..Self::default() }
    }

    /// Begins a run of so many scenarios.
    pub(crate) fn begin(&mut self, scenarios: usize) {
        self.first = std::iter::repeat_with(|| None).take(scenarios).collect();
        self.others.clear();
        *self.recent.get_mut() = None;
    }

    /// Adds an attempt. One of a scenario that the run does not have is dropped.
    pub(crate) fn add(&mut self, record: ScenarioRecord) {
        if record.scenario >= self.first.len() {
            return;
        }
        let attempt = Attempt { index: record.scenario, number: record.attempt };
        let finished = record.finished.as_ref();
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let mut kept = Kept {
            began: nanos(record.began),
            took: finished.map_or(0, |finished| nanos(finished.took)),
            place: Place::Nowhere,
            outcome: finished.map(|finished| finished.outcome),
            started: record.started,
            is_retried: finished.is_some_and(|finished| finished.is_retried),
            ignored_sigterm: finished.is_some_and(|finished| finished.left_over.iter().any(LeftOver::ignored_sigterm)),
        };
        let record = Rc::new(record);
        let spooled = match &mut self.details {
            Details::InMemory => None,
            Details::OfFailures => (kept.outcome == Some(Outcome::Passed)).then_some(Place::Nowhere),
            Details::Spooled(spool) => append(&mut **spool, &record),
        };
        kept.place = spooled.unwrap_or_else(|| Place::Memory(Rc::clone(&record)));
        *self.recent.get_mut() = Some(record);
        if attempt.number == 1 {
            self.first[attempt.index] = Some(kept);
        } else {
            self.others.insert(attempt, kept);
        }
    }

    /// Returns the attempts at a scenario, in order.
    fn of(&self, scenario: usize) -> impl DoubleEndedIterator<Item = (Attempt, &Kept)> {
        let first = self.first.get(scenario).and_then(Option::as_ref);
        let first = first.map(|kept| (Attempt::first(scenario), kept));
        let at = |number: u32| Attempt { index: scenario, number };
        first.into_iter().chain(self.others.range(at(0)..=at(u32::MAX)).map(|(attempt, kept)| (*attempt, kept)))
    }

    /// Returns how the attempts at a scenario ended, in order.
    pub(crate) fn ends(&self, scenario: usize) -> impl DoubleEndedIterator<Item = AttemptEnd> {
        self.of(scenario).map(|(attempt, kept)| kept.end(attempt.number))
    }

    /// Returns the records of the attempts at a scenario, in order.
    pub(crate) fn records(&self, scenario: usize) -> Vec<Rc<ScenarioRecord>> {
        self.of(scenario).map(|(attempt, kept)| self.record(attempt, kept)).collect()
    }

    /// Returns the record of the last attempt at a scenario.
    pub(crate) fn last(&self, scenario: usize) -> Option<Rc<ScenarioRecord>> {
        let (attempt, kept) = self.of(scenario).next_back()?;
        Some(self.record(attempt, kept))
    }

    /// Moves details from a disk into memory. Returns whether there were any.
    pub(crate) fn leave_disk(&mut self) -> bool {
        match &mut self.details {
            Details::Spooled(spool) => spool.leave_disk(),
            Details::InMemory | Details::OfFailures => false,
        }
    }

    /// Returns the error because of which a record was not read back, once.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.error.take()
    }

    fn record(&self, attempt: Attempt, kept: &Kept) -> Rc<ScenarioRecord> {
        if let Place::Memory(record) = &kept.place {
            return Rc::clone(record);
        }
        let is_it = |record: &&Rc<ScenarioRecord>| record.scenario == attempt.index && record.attempt == attempt.number;
        if let Some(record) = self.recent.borrow().as_ref().filter(is_it) {
            return Rc::clone(record);
        }
        let record = match (&self.details, &kept.place) {
            (Details::Spooled(spool), Place::Spool { place, length }) => read(&**spool, *place, *length)
                .unwrap_or_else(|error| {
                    self.error.borrow_mut().get_or_insert(error);
                    kept.without_details(attempt)
                }),
            _ => kept.without_details(attempt),
        };
        let record = Rc::new(record);
        self.recent.replace(Some(Rc::clone(&record)));
        record
    }
}

impl Kept {
    fn end(&self, number: u32) -> AttemptEnd {
        AttemptEnd {
            number,
            began: Duration::from_nanos(self.began),
            started: self.started,
            outcome: self.outcome,
            is_retried: self.is_retried,
            took: Duration::from_nanos(self.took),
            ignored_sigterm: self.ignored_sigterm,
        }
    }

    /// Returns a record of what is known without the details.
    fn without_details(&self, attempt: Attempt) -> ScenarioRecord {
        let finished = |outcome| ScenarioFinished {
            is_retried: self.is_retried,
            ..ScenarioFinished::new(outcome, Duration::from_nanos(self.took))
        };
        ScenarioRecord {
            scenario: attempt.index,
            attempt: attempt.number,
            began: Duration::from_nanos(self.began),
            started: self.started,
            finished: self.outcome.map(finished),
            ..ScenarioRecord::default()
        }
    }
}

/// Adds a record to a spool. `None` if that fails: its disk may be full.
fn append(spool: &mut dyn Spool, record: &ScenarioRecord) -> Option<Place> {
    let bytes = serde_json::to_vec(record).ok()?;
    let length = u32::try_from(bytes.len()).ok()?;
    Some(Place::Spool { place: spool.append(&bytes).ok()?, length })
}

fn read(spool: &dyn Spool, place: u64, length: u32) -> io::Result<ScenarioRecord> {
    let bytes = spool.read(place, length as usize)?;
    serde_json::from_slice(&bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use greenroom_event::{Output, OutputSource, StepFinished, Stream};

    use super::*;

    /// A spool in memory that is full after some appends, and may forget.
    #[derive(Debug)]
    struct Memory {
        bytes: Vec<u8>,
        room: usize,
        forgets: bool,
    }

    impl Spool for Memory {
        fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
            self.room = self.room.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            let place = self.bytes.len() as u64;
            self.bytes.extend_from_slice(bytes);
            Ok(place)
        }

        fn read(&self, place: u64, length: usize) -> io::Result<Vec<u8>> {
            let start = usize::try_from(place).unwrap();
            if self.forgets { Err(io::Error::other("forgotten")) } else { Ok(self.bytes[start..start + length].into()) }
        }

        fn leave_disk(&mut self) -> bool {
            false
        }
    }

    fn record(scenario: usize, attempt: u32, outcome: Outcome) -> ScenarioRecord {
        let output = Output::from_bytes(OutputSource::Command { stream: Stream::Stdout }, b"hello\n", 0);
        let step = StepFinished {
            step: 0,
            outcome,
            began: Some(Duration::from_micros(3)),
            took: Duration::from_micros(5),
            failure: None,
            output: vec![output],
        };
        ScenarioRecord {
            scenario,
            attempt,
            began: Duration::from_nanos(1_234_567),
            started: true,
            steps: vec![step],
            step_starts: vec![Duration::from_nanos(3001)],
            finished: Some(ScenarioFinished::new(outcome, Duration::from_micros(9))),
            ..ScenarioRecord::default()
        }
    }

    fn filled(details: Details) -> Attempts {
        let mut attempts = Attempts::new(details);
        attempts.begin(3);
        attempts.add(record(0, 1, Outcome::Failed));
        attempts.add(record(2, 1, Outcome::Passed));
        attempts.add(record(0, 2, Outcome::Passed));
        attempts.add(record(3, 1, Outcome::Passed));
        attempts
    }

    #[test]
    fn records_are_the_same_in_memory_and_in_a_spool() {
        for room in 0..4 {
            let spool = Memory { bytes: Vec::new(), room, forgets: false };
            for details in [Details::InMemory, Details::Spooled(Box::new(spool))] {
                let attempts = filled(details);
                let failed = record(0, 1, Outcome::Failed);
                let passed = record(0, 2, Outcome::Passed);
                assert_eq!(attempts.records(0).iter().map(|record| &**record).collect::<Vec<_>>(), [&failed, &passed]);
                assert_eq!(attempts.last(2).as_deref(), Some(&record(2, 1, Outcome::Passed)));
                assert_eq!((attempts.last(1), attempts.last(3)), (None, None), "the run has no scenario 3");
                assert!(attempts.take_error().is_none());
            }
        }
    }

    #[test]
    fn the_end_of_an_attempt_is_known_without_its_record() {
        let spool = Memory { bytes: Vec::new(), room: 9, forgets: true };
        let attempts = filled(Details::Spooled(Box::new(spool)));
        let ends: Vec<_> = attempts.ends(0).map(|end| (end.number, end.outcome, end.took.as_micros())).collect();
        assert_eq!(ends, [(1, Some(Outcome::Failed), 9), (2, Some(Outcome::Passed), 9)]);
        assert!(attempts.take_error().is_none());
        assert!(attempts.last(2).unwrap().steps.is_empty());
        assert_eq!(attempts.take_error().unwrap().to_string(), "forgotten");
    }

    #[test]
    fn details_of_what_passed_are_dropped_once_another_attempt_is_over() {
        let mut attempts = filled(Details::OfFailures);
        attempts.add(record(1, 1, Outcome::Passed));
        assert_eq!(attempts.last(1).unwrap().steps.len(), 1, "it was added last");
        let dropped = attempts.last(2).unwrap();
        assert!(dropped.steps.is_empty() && dropped.started);
        assert_eq!(dropped.finished, record(2, 1, Outcome::Passed).finished);
        assert_eq!(attempts.records(0)[0].steps.len(), 1, "it failed");
    }
}
