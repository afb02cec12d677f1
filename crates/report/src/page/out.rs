//! Where a page goes: what is written of it leaves memory while the rest is made.

use std::fmt;
use std::io::{self, Write};

/// Bytes of a page that are held at most, apart from one block of the document.
const HELD: usize = 64 << 10;

/// A page that is written piece by piece.
pub(crate) struct Out<'a> {
    /// What has not been written yet.
    pub(crate) text: String,
    to: &'a mut dyn Write,
    error: Option<io::Error>,
}

impl<'a> Out<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Self {
        Self { text: String::new(), to, error: None }
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Writes what is held if that is much. After an error it is dropped.
    pub(crate) fn flush_if_long(&mut self) {
        if self.text.len() >= HELD {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.error.is_none() {
            self.error = self.to.write_all(self.text.as_bytes()).err();
        }
        self.text.clear();
    }

    /// Writes the rest, and returns the first error.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.error.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").field("held", &self.text.len()).field("error", &self.error).finish_non_exhaustive()
    }
}
