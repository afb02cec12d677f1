//! What names in the scenario's directory lead to.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::context::Context;
use crate::library::place::{cannot, kind, missing, names};
use crate::step::Failure;

/// Returns the path of a directory, which must exist.
pub(super) fn directory(context: &Context, shown: &str) -> Result<PathBuf, Failure> {
    let path = context.inside(shown)?;
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(metadata) => Err(Failure::new(format!("{shown} is {}, not a directory", kind(&metadata)))),
        Err(error) if is_absence(&error) => Err(missing(context, "directory", shown)),
        Err(error) => Err(cannot("look at", shown, &error)),
    }
}

/// Returns whether an error means that a file does not exist; nothing exists below a file.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Returns the names in a directory, sorted.
pub(super) fn names_in(context: &Context, shown: &str) -> Result<Vec<String>, Failure> {
    names(&directory(context, shown)?).map_err(|error| cannot("list directory", shown, &error))
}
