//! Numbers and times events, and pushes them into the sink.

use std::time::{Duration, Instant};

use greenroom_event::{Attempt, Event, EventKind, Sink};

/// Gives events their number and time.
pub(crate) struct Emitter<'a> {
    sink: &'a mut dyn Sink,
    begun: Instant,
    next: u64,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, begun: Instant::now(), next: 0 }
    }

    pub(crate) fn run(&mut self, kind: EventKind) {
        self.push(None, kind);
    }

    pub(crate) fn scenario(&mut self, scenario: Attempt, kind: EventKind) {
        self.push(Some(scenario), kind);
    }

    fn push(&mut self, scenario: Option<Attempt>, kind: EventKind) {
        let event = Event { seq: self.next, at: self.at(), scenario, kind };
        self.next += 1;
        self.sink.push(&event);
    }

    pub(crate) fn idle(&mut self) {
        let at = self.at();
        self.sink.idle(at);
    }

    pub(crate) fn pausing(&mut self) {
        self.sink.pausing();
    }

    pub(crate) fn is_deserted(&self) -> bool {
        self.sink.is_deserted()
    }

    /// Takes the time for which the run was suspended off the clock.
    pub(crate) fn shift(&mut self, lost: Duration) {
        self.begun += lost;
    }

    fn at(&self) -> Duration {
        self.begun.elapsed()
    }
}
