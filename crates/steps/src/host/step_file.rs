//! A file with step functions, as it was when the run began.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A file with step functions.
///
/// Hosts load its content as it was when the document was checked, whatever becomes of the file during the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFile {
    /// Its absolute path, or the name of a library that is served natively.
    pub path: PathBuf,
    /// Its bytes in base64, as messages carry them; `None` for a library.
    pub content_base64: Option<Arc<str>>,
}

impl StepFile {
    /// Creates a file with these bytes.
    pub fn new(path: PathBuf, bytes: &[u8]) -> Self {
        Self { path, content_base64: Some(STANDARD.encode(bytes).into()) }
    }

    /// Creates the name of a library that is served natively.
    pub fn library(name: PathBuf) -> Self {
        Self { path: name, content_base64: None }
    }

    /// Returns the path as messages carry it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether it is a file of the user's.
    pub(super) fn is_own(&self) -> bool {
        self.path.is_absolute()
    }

    /// Returns the last part of the path.
    pub(super) fn file_name(&self) -> Option<&Path> {
        self.path.file_name().map(Path::new)
    }
}
