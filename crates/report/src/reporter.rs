//! A report of a run on standard output, for people or for a program.

use std::io;

use greenroom_event::Sink;

/// A report of a run that is written while the run goes on.
pub trait Reporter: Sink {
    /// Erases lines that are there only for now.
    fn clear(&mut self) {}

    /// Writes the ending, for a recording that has none. `goes_on`: its run still goes on.
    fn cut_short(&mut self, goes_on: bool);

    /// Returns the first write error. Nothing was written after it.
    fn error(&self) -> Option<&io::Error>;
}
