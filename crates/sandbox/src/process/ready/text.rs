//! Readiness: an output contains a text.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::readiness::Readiness;
use crate::process::capture::Seeker;

/// Is met when a file that a process writes contains a text.
#[derive(Debug)]
pub struct Text {
    bytes: Vec<u8>,
    /// What messages call the file: `stdout`.
    stream: String,
    file: Source,
    seeker: Seeker,
}

/// Where the text is looked for.
#[derive(Debug)]
enum Source {
    Path(PathBuf),
    Open(File),
}

impl Text {
    /// Creates the condition for the file with this path, which may not exist yet.
    pub fn in_path(text: &[u8], stream: &str, path: PathBuf) -> Self {
        Self::new(text, stream, Source::Path(path))
    }

    /// Creates the condition for an open file, whose position does not change.
    pub fn in_file(text: &[u8], stream: &str, file: File) -> Self {
        Self::new(text, stream, Source::Open(file))
    }

    fn new(text: &[u8], stream: &str, file: Source) -> Self {
        Self { bytes: text.to_owned(), stream: stream.to_owned(), file, seeker: Seeker::new(text) }
    }

    /// Looks only behind this position of the file.
    #[must_use]
    pub fn behind(mut self, position: u64) -> Self {
        self.seeker = self.seeker.behind(position);
        self
    }

    /// Is met when the file contains the text this many times, without overlap.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.seeker = self.seeker.times(times);
        self
    }

    /// Returns how many times the text was found.
    pub fn seen(&self) -> u64 {
        self.seeker.seen()
    }

    /// Returns the position behind the place where the text was found last.
    pub fn end(&self) -> Option<u64> {
        self.seeker.end()
    }

    /// Whether the process has written nothing at all.
    pub fn is_empty(&self) -> io::Result<bool> {
        let metadata = match &self.file {
            Source::Path(path) => std::fs::metadata(path)?,
            Source::Open(file) => file.metadata()?,
        };
        Ok(metadata.len() == 0)
    }

    /// Returns the text as messages show it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", String::from_utf8_lossy(&self.bytes).escape_debug())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.quoted(), self.stream)
    }
}

impl Readiness for Text {
    type Found = ();

    fn look(&mut self, _: Duration) -> Option<()> {
        let found = match &self.file {
            Source::Path(path) => self.seeker.look(path),
            Source::Open(file) => self.seeker.look_in(file),
        };
        found.unwrap_or(false).then_some(())
    }

    fn unmet(&self) -> String {
        format!("{} was not written to {}", self.quoted(), self.stream)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_text_is_found_again_behind_the_place_where_it_was() {
        let mut output = tempfile::NamedTempFile::new().unwrap();
        let mut text = Text::in_path(b"aba", "stdout", output.path().to_owned());
        write!(output, "x aba").unwrap();
        assert_eq!((text.look(Duration::ZERO), text.end()), (Some(()), Some(5)));
        let mut again = Text::in_path(b"aba", "stdout", output.path().to_owned()).behind(5);
        write!(output, "ba a").unwrap();
        assert_eq!(again.look(Duration::ZERO), None);
        write!(output, "ba").unwrap();
        assert_eq!((again.look(Duration::ZERO), again.end()), (Some(()), Some(11)));
    }

    #[test]
    fn a_text_is_counted_without_overlap_and_across_pieces() {
        let mut output = tempfile::NamedTempFile::new().unwrap();
        let mut thrice = Text::in_path(b"abab", "stdout", output.path().to_owned()).times(3);
        write!(output, "ababab{}aba", "x".repeat(64 * 1024 - 8)).unwrap();
        assert_eq!((thrice.look(Duration::ZERO), thrice.seen()), (None, 1));
        write!(output, "babab").unwrap();
        assert_eq!((thrice.look(Duration::ZERO), thrice.seen()), (Some(()), 3));
    }
}
