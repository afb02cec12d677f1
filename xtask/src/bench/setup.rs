//! What benchmarks work with: a directory, and the programs of a build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::measure::{self, Measured, Peaks};
use crate::workspace::{STATE, target};

/// Metadata of the generated documents.
pub(super) const HEAD: &str =
    "---\ntitle: Benchmark\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n...\n";

/// The directory that benchmarks work in, and the programs that they run.
pub(super) struct Bench {
    pub(super) directory: PathBuf,
    pub(super) greenroom: PathBuf,
    pub(super) xtask: PathBuf,
}

impl Bench {
    /// Creates the directory, for the programs of the profile with this directory of `target`.
    pub(super) fn new(profile: &str) -> Result<Self, String> {
        let build = target().join(profile);
        let directory = build.join("bench");
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        measure::begin();
        Ok(Self { directory, greenroom: build.join("greenroom"), xtask: build.join("xtask") })
    }

    /// Removes the directory, and passes the result of the benchmarks on.
    pub(super) fn finish(&self, done: Result<(), String>) -> Result<(), String> {
        measure::end();
        std::fs::remove_dir_all(&self.directory).map_err(|error| error.to_string())?;
        done
    }

    /// Writes a file into the directory.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.directory.join(name);
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// Creates a command of greenroom on a document.
    pub(super) fn greenroom(&self, arguments: &[&str], document: &Path) -> Command {
        let mut command = Command::new(&self.greenroom);
        command.args(arguments).arg(document).stdout(Stdio::null()).env(STATE, self.directory.join("state"));
        command
    }

    /// Measures a command several times. It must pass.
    pub(super) fn measure(&self, arguments: &[&str], document: &Path) -> Result<Vec<Measured>, String> {
        (0..measure::ROUNDS).map(|_| self.once(arguments, document)).collect()
    }

    /// Measures a command once, with its peak memory.
    pub(super) fn once(&self, arguments: &[&str], document: &Path) -> Result<Measured, String> {
        measure::once(&mut self.greenroom(arguments, document), Peaks::Own)
    }

    /// Measures only the time of a command, whose temporary files are in `place`.
    ///
    /// Measuring memory would take time on the processors.
    pub(super) fn time(&self, arguments: &[&str], document: &Path, place: &Path) -> Result<Measured, String> {
        let mut command = self.greenroom(arguments, document);
        command.env("TMPDIR", place);
        measure::once(&mut command, Peaks::None)
    }

    /// Returns what a command prints, whether it passes or not.
    pub(super) fn output(&self, arguments: &[&str], document: &Path) -> Result<String, String> {
        let output = self.greenroom(arguments, document).stdout(Stdio::piped()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).map_err(|error| error.to_string())
    }
}
