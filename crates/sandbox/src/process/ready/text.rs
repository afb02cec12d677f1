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
