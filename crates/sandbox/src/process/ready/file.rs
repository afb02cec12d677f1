//! Readiness: a file exists.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::readiness::Readiness;

/// Is met when there is a file, or a directory, with this path.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
    name: String,
}

impl File {
    /// Creates the condition. Without [`File::shown_as`], messages show the path.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self { name: path.display().to_string(), path }
    }

    /// Sets the name that messages show.
    #[must_use]
    pub fn shown_as(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {}", self.name)
    }
}

impl Readiness for File {
    type Found = ();

    fn look(&mut self, _: Duration) -> Option<()> {
        self.path.exists().then_some(())
    }

    fn unmet(&self) -> String {
        format!("file {} did not appear", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_once_it_exists() {
        let room = tempfile::tempdir().unwrap();
        let mut file = File::new(room.path().join("ready")).shown_as("ready");
        assert_eq!((file.look(Duration::ZERO), file.unmet()), (None, "file ready did not appear".to_owned()));
        std::fs::write(room.path().join("ready"), "").unwrap();
        assert_eq!(file.look(Duration::ZERO), Some(()));
    }
}
