//! Loads documents from the disk.

use std::fs;
use std::io::ErrorKind;

use greenroom_doc::{LoadError, Loader};

/// Reads plain files, relative to the working directory.
#[derive(Debug)]
pub(crate) struct Disk;

impl Loader for Disk {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        // Before opening: to open a named pipe would block.
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => LoadError::NotFound,
            _ => LoadError::Other(error.to_string()),
        })?;
        if metadata.is_dir() {
            return Err(LoadError::Directory);
        }
        if !metadata.is_file() {
            return Err(LoadError::NotAFile);
        }
        fs::read(path).map_err(|error| LoadError::Other(error.to_string()))
    }
}
