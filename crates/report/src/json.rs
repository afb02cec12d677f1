//! A run as its events, one line of JSON each: on standard output what a recording has in its file.

use std::io::{self, Write};

use greenroom_event::recording::Recorder;
use greenroom_event::{Event, Sink};

use crate::reporter::Reporter;

/// Writes events as lines of JSON.
pub(crate) struct JsonReporter<W: Write>(Recorder<W>);

impl<W: Write> JsonReporter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self(Recorder::new(out))
    }
}

impl<W: Write> Sink for JsonReporter<W> {
    fn push(&mut self, event: &Event) {
        self.0.push(event);
    }

    fn is_deserted(&self) -> bool {
        self.0.error().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl<W: Write> Reporter for JsonReporter<W> {
    /// Writes nothing: a reader sees from the missing last event that the run has no end.
    fn cut_short(&mut self, _goes_on: bool) {}

    fn error(&self) -> Option<&io::Error> {
        self.0.error()
    }
}
