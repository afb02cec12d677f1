//! Reads recordings of runs, and finds out whether a run still goes on.
//!
//! greenroom holds a lock on the recording that it writes. So a recording without an end is of a run
//! that still goes on if it is locked, and cut short if it is not.

use std::fs::{File, TryLockError};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use greenroom_event::RunEnd;
use greenroom_event::recording::{self, RecordingError};
use greenroom_report::merge::Recording;

use crate::error::CommandError;
use crate::settings::Settings;

/// A recording without an end.
pub(crate) struct Incomplete {
    pub(crate) end: RunEnd,
    /// What to say about it.
    pub(crate) error: CommandError,
}

/// Reads recordings. Those without an end are also returned as such.
///
/// # Errors
/// When one cannot be read. All of them are on standard error then, but for the last.
pub(crate) fn read(paths: &[PathBuf], settings: &Settings) -> Result<(Vec<Recording>, Vec<Incomplete>), CommandError> {
    let mut recordings = Vec::new();
    let mut incomplete = Vec::new();
    let mut errors = Vec::new();
    if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
        let message = "standard input (-) can be read only once";
        return Err(CommandError::Usage(vec![message.to_owned()]));
    }
    for path in paths {
        let name = path.display().to_string();
        match read_one(path, settings) {
            Ok(events) => recordings.push(Recording { name, events, cut: None }),
            Err(CommandError::Recording { error: RecordingError::CutShort { line, events }, path }) => {
                let end = if is_locked(&path, settings) { RunEnd::GoesOn } else { RunEnd::CutShort };
                recordings.push(Recording { name, events, cut: Some(end) });
                let error = if end == RunEnd::GoesOn {
                    CommandError::GoesOn { path, line }
                } else {
                    CommandError::Recording { path, error: RecordingError::CutShort { line, events: Vec::new() } }
                };
                incomplete.push(Incomplete { end, error });
            }
            Err(error) => errors.push(error),
        }
    }
    match errors.pop() {
        Some(last) => {
            errors.iter().for_each(CommandError::report);
            Err(last)
        }
        None => Ok((recordings, incomplete)),
    }
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn read_one(path: &Path, settings: &Settings) -> Result<Vec<greenroom_event::Event>, CommandError> {
    let failed = |error| CommandError::Recording { path: path.to_owned(), error };
    let open = || -> io::Result<Box<dyn Read>> {
        if is_standard_input(path) {
            return Ok(Box::new(io::stdin().lock()));
        }
        Ok(Box::new(File::open(settings.directory.join(path))?))
    };
    let read = || recording::read(BufReader::new(open().map_err(RecordingError::Io)?));
    match read() {
        // The run may have ended since.
        Err(RecordingError::CutShort { .. }) if is_file(path, settings) && !is_locked(path, settings) => read(),
        read => read,
    }
    .map_err(failed)
}

fn is_file(path: &Path, settings: &Settings) -> bool {
    !is_standard_input(path) && settings.directory.join(path).is_file()
}

/// Returns whether a run that goes on writes to a file.
fn is_locked(path: &Path, settings: &Settings) -> bool {
    let locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    is_file(path, settings) && File::open(settings.directory.join(path)).is_ok_and(locked)
}
