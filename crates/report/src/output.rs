//! A writer that falls silent after the first error: a run never fails because of its readers.

use std::io::{self, Write};

/// A writer, until a write fails.
pub(crate) struct Output<W: Write> {
    pub(crate) to: W,
    pub(crate) error: Option<io::Error>,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, error: None }
    }

    /// Writes a text and flushes it.
    pub(crate) fn write(&mut self, text: &str) {
        if self.error.is_none() && !text.is_empty() {
            let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
            self.error = written.err();
        }
    }

    /// Returns whether the reader is gone.
    pub(crate) fn is_deserted(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}
