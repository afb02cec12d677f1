//! Readiness: a file contains a text.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::readiness::Readiness;
use crate::process::capture::Seeker;

/// A file up to this size is read as a whole in each look, because it may have been replaced or
/// overwritten. Of a larger one, each part is read once.
const SMALL: u64 = 64 * 1024;

/// Is met when a file, which may not exist yet, contains a text.
#[derive(Debug)]
pub struct Content {
    path: PathBuf,
    name: String,
    text: Vec<u8>,
    /// The search in a large file, and the file.
    large: Option<(Seeker, (u64, u64))>,
    latest: Option<String>,
}

impl Content {
    /// Creates the condition. Without [`Content::shown_as`], messages show the path.
    pub fn new(path: impl AsRef<Path>, text: &[u8]) -> Self {
        let path = path.as_ref().to_owned();
        Self { name: path.display().to_string(), path, text: text.to_owned(), large: None, latest: None }
    }

    /// Sets the name that messages show.
    #[must_use]
    pub fn shown_as(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Returns the text as messages show it.
    fn quoted(&self) -> String {
        format!("\"{}\"", String::from_utf8_lossy(&self.text).escape_debug())
    }

    fn contains(&mut self) -> io::Result<bool> {
        // Without blocking, because the name may be a fifo.
        let file =
            std::fs::File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(&self.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file, but a directory or a device"));
        }
        if metadata.len() <= SMALL {
            self.large = None;
            return Seeker::new(&self.text).look_in(&file);
        }
        let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        let known = self.large.take().filter(|(_, known)| *known == identity(&metadata));
        let (seeker, _) = self.large.insert(known.unwrap_or_else(|| (Seeker::new(&self.text), identity(&metadata))));
        seeker.look_in(&file)
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {} to contain {}", self.name, self.quoted())
    }
}

impl Readiness for Content {
    type Found = ();

    fn look(&mut self, _: Duration) -> Option<()> {
        let found = self.contains();
        self.latest = found.as_ref().err().map(|error| match error.kind() {
            io::ErrorKind::NotFound => "the file does not exist".to_owned(),
            _ => error.to_string(),
        });
        found.unwrap_or(false).then_some(())
    }

    fn unmet(&self) -> String {
        format!("file {} did not contain {}", self.name, self.quoted())
    }

    fn latest(&self) -> Option<String> {
        self.latest.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_a_file_that_was_replaced_or_overwritten() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("state");
        let mut content = Content::new(&path, b"ready");
        assert_eq!((content.look(Duration::ZERO), content.latest.is_some()), (None, true));
        std::fs::write(&path, "state: begun").unwrap();
        assert_eq!((content.look(Duration::ZERO), content.latest()), (None, None));
        std::fs::write(&path, "state: ready").unwrap();
        assert_eq!(content.look(Duration::ZERO), Some(()));
        let long = "x".repeat(100_000);
        std::fs::write(&path, format!("begun {long}")).unwrap();
        assert_eq!(content.look(Duration::ZERO), None);
        std::fs::write(room.path().join("new"), format!("ready {long}{long}")).unwrap();
        std::fs::rename(room.path().join("new"), &path).unwrap();
        assert_eq!(content.look(Duration::ZERO), Some(()));
    }
}
