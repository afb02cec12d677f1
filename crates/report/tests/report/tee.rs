//! Several readers of one run, and the summary.

use std::time::Duration;

use greenroom_event::{Event, Outcome, Sink};
use greenroom_report::{FORMATS, Summary, Tee, Verdict};

use crate::support::{Run, because, over, three};

/// A reader that counts what it gets.
#[derive(Default)]
struct Counter {
    events: usize,
    idle: usize,
    pauses: usize,
    is_gone: bool,
}

impl Sink for Counter {
    fn push(&mut self, _: &Event) {
        self.events += 1;
    }

    fn idle(&mut self, _: Duration) {
        self.idle += 1;
    }

    fn pausing(&mut self) {
        self.pauses += 1;
    }

    fn is_deserted(&self) -> bool {
        self.is_gone
    }
}

fn failing() -> Run {
    three()
        .passes(0)
        .begin(1)
        .step_fails(1, 0, 5, because("no"))
        .finish(1, over(Outcome::Failed, 7))
        .finish(2, over(Outcome::Skipped, 0))
}

fn summary(events: &[Event]) -> Summary {
    let mut tee = Tee::default();
    for event in events {
        tee.push(event);
    }
    tee.into_summary()
}

#[test]
fn every_sink_gets_everything() {
    let (mut one, mut other) = (Counter::default(), Counter::default());
    let mut tee = Tee::new([&mut one as &mut dyn Sink, &mut other]);
    let events = failing().end().all();
    for event in &events {
        tee.push(event);
    }
    tee.idle(Duration::ZERO);
    tee.pausing();
    assert!(!tee.is_deserted());
    assert_eq!(tee.into_summary().verdict(), Verdict::Failed);
    for counter in [one, other] {
        assert_eq!((counter.events, counter.idle, counter.pauses), (events.len(), 1, 1));
    }
}

#[test]
fn one_reader_that_is_gone_is_enough() {
    let (mut one, mut other) = (Counter::default(), Counter { is_gone: true, ..Counter::default() });
    assert!(Tee::new([&mut one as &mut dyn Sink, &mut other]).is_deserted());
}

#[test]
fn the_summary_counts() {
    let summary = summary(&failing().end().all());
    assert_eq!((summary.scenarios, summary.passed, summary.failed, summary.skipped), (3, 1, 1, 1));
    assert_eq!(summary.failures, [(1, Outcome::Failed)]);
    assert_eq!(summary.verdict(), Verdict::Failed);
}

#[test]
fn an_early_end_outweighs_failures() {
    assert_eq!(summary(&failing().interrupted().all()).verdict(), Verdict::Interrupted);
    assert_eq!(summary(&failing().all()).verdict(), Verdict::Interrupted, "there is no end");
    assert_eq!(summary(&Run::of(&[]).end().all()).verdict(), Verdict::NothingRan);
}

#[test]
fn options_of_formats_differ() {
    let mut options: Vec<&str> = FORMATS.iter().map(|format| format.option).collect();
    options.sort_unstable();
    options.dedup();
    assert_eq!(options.len(), FORMATS.len());
}
