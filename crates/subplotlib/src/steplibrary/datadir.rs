//! The directory of a scenario, and steps about the space in it.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

pub use crate::prelude::*;

/// The directory of a scenario.
///
/// It is created when a step that uses it is added to the scenario, and removed at the end.
#[derive(Debug, Default)]
pub struct Datadir {
    directory: Option<tempfile::TempDir>,
}

impl ContextElement for Datadir {
    fn created(&mut self, scenario: &Scenario) {
        let title = scenario.title().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let title = &title[..title.len().min(100)];
        match tempfile::Builder::new().prefix("subplot").suffix(title).tempdir() {
            Ok(directory) => self.directory = Some(directory),
            Err(error) => panic!("cannot create a directory for the scenario: {error}"),
        }
    }
}

impl Datadir {
    /// Returns the path of the directory.
    ///
    /// # Panics
    /// If the value is not one of a scenario.
    pub fn base_path(&self) -> &Path {
        self.directory.as_ref().expect("only a scenario creates this directory").path()
    }

    /// Returns the path of a file in the directory.
    ///
    /// # Errors
    /// If the name is absolute or has `..`.
    pub fn canonicalise_filename<S: AsRef<Path>>(&self, subpath: S) -> Result<PathBuf, StepError> {
        let name = subpath.as_ref();
        let mut path = self.base_path().to_owned();
        for component in name.components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir => throw!(format!(
                    "{} is invalid: a name in the scenario's directory cannot have `..`",
                    name.display()
                )),
                Component::RootDir | Component::Prefix(_) => throw!(format!(
                    "{} is invalid: a name in the scenario's directory must be relative",
                    name.display()
                )),
            }
        }
        Ok(path)
    }

    /// Creates or empties a file, and opens it for writing.
    ///
    /// # Errors
    /// If the name is invalid or the file cannot be opened.
    pub fn open_write<S: AsRef<Path>>(&self, subpath: S) -> Result<File, StepError> {
        let path = self.canonicalise_filename(&subpath)?;
        File::create(path).map_err(|error| about("create", subpath, &error))
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// If the name is invalid or the file cannot be opened.
    pub fn open_read<S: AsRef<Path>>(&self, subpath: S) -> Result<File, StepError> {
        let path = self.canonicalise_filename(&subpath)?;
        File::open(path).map_err(|error| about("open", subpath, &error))
    }

    /// Creates a directory and its missing parents.
    ///
    /// # Errors
    /// If the name is invalid or the directory cannot be created.
    pub fn create_dir_all<S: AsRef<Path>>(&self, subpath: S) -> Result<(), StepError> {
        let path = self.canonicalise_filename(&subpath)?;
        fs::create_dir_all(path).map_err(|error| about("create directory", subpath, &error))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// If the name is invalid or the file cannot be removed.
    pub fn remove_file<S: AsRef<Path>>(&self, subpath: S) -> Result<(), StepError> {
        let path = self.canonicalise_filename(&subpath)?;
        fs::remove_file(path).map_err(|error| about("remove", subpath, &error))
    }
}

/// Names the file of an error of the system.
pub(super) fn about(what: &str, path: impl AsRef<Path>, error: &std::io::Error) -> StepError {
    format!("cannot {what} {}: {error}", path.as_ref().display()).into()
}

/// Checks that the file system has so many free bytes.
#[step]
pub fn datadir_has_enough_space(datadir: &Datadir, bytes: u64) {
    let system = rustix::fs::statvfs(datadir.base_path())?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free < bytes {
        throw!(format!("not enough space for the scenario's directory: expected {bytes} bytes, actual {free}"));
    }
}

/// Checks that the file system has so many free megabytes, of 1048576 bytes.
#[step]
#[context(Datadir)]
pub fn datadir_has_enough_space_megabytes(context: &ScenarioContext, megabytes: u64) {
    datadir_has_enough_space::call(context, megabytes.saturating_mul(1024 * 1024))?;
}
