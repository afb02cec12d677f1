//! One run for several readers: the screen, reports in files, and the summary.
//!
//! [`Tee`] passes each event on to any number of sinks and folds the [`Summary`], so that the
//! verdict depends on no reporter. [`Format`] describes a report in a file; the table of all of
//! them is [`FORMATS`](crate::FORMATS).

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use greenroom_event::{Event, Sink};

use crate::run_record::RunRecord;
use crate::summary::Summary;

/// Passes events on to sinks, and sums them up.
#[derive(Default)]
pub struct Tee<'a> {
    sinks: Vec<&'a mut dyn Sink>,
    summary: Summary,
}

impl<'a> Tee<'a> {
    /// Creates a tee with these sinks.
    pub fn new(sinks: impl IntoIterator<Item = &'a mut dyn Sink>) -> Self {
        Self { sinks: sinks.into_iter().collect(), summary: Summary::default() }
    }

    /// Ends the tee and returns the summary.
    pub fn into_summary(self) -> Summary {
        self.summary
    }
}

impl fmt::Debug for Tee<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee").field("sinks", &self.sinks.len()).field("summary", &self.summary).finish()
    }
}

impl Sink for Tee<'_> {
    fn push(&mut self, event: &Event) {
        self.summary.fold(event);
        self.sinks.iter_mut().for_each(|sink| sink.push(event));
    }

    fn idle(&mut self, at: Duration) {
        self.sinks.iter_mut().for_each(|sink| sink.idle(at));
    }

    fn pausing(&mut self) {
        self.sinks.iter_mut().for_each(|sink| sink.pausing());
    }

    /// Returns whether the reader of one of them is gone.
    fn is_deserted(&self) -> bool {
        self.sinks.iter().any(|sink| sink.is_deserted())
    }
}

/// A report in a file: its option of `greenroom run`, and how it is written.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// The option: `events` for `--events FILE`.
    pub option: &'static str,
    /// The help text of the option.
    pub help: &'static str,
    /// Whether it needs the texts of documents, which cost time.
    pub needs_texts: bool,
    /// How it is written.
    pub writing: Writing,
}

/// When a report is written, and how.
#[derive(Debug, Clone, Copy)]
pub enum Writing {
    /// While the scenarios run. It writes to its writer only, which remembers the first error.
    Streaming(fn(Box<dyn Write>) -> Box<dyn Sink>),
    /// At the end of the run, at once.
    Whole(fn(&RunRecord, &mut dyn Write) -> io::Result<()>),
}
