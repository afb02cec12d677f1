//! Standard output of the commands that print once and end.

use std::io::{self, Write};

use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::screen::WriteError;

/// Prints a text to standard output.
#[cfg(feature = "command")]
pub(crate) fn print(text: &str) -> Result<ExitCode, CommandError> {
    let mut out = io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints what clap has instead of a command: an error, the help text or the version.
pub(crate) fn no_command(error: &clap::Error) -> Result<ExitCode, CommandError> {
    if error.use_stderr() {
        let _ = error.print();
        return Ok(ExitCode::Usage);
    }
    printed(error.print().and_then(|()| io::stdout().flush()))
}

/// Returns an error that is like another one.
#[cfg(feature = "command")]
pub(crate) fn copy(error: &io::Error) -> io::Error {
    let copy = || io::Error::new(error.kind(), error.to_string());
    error.raw_os_error().map_or_else(copy, io::Error::from_raw_os_error)
}

/// Returns what a command ends with after it has printed.
///
/// That the reader of the output went away, or the terminal was closed, is not an error.
pub(crate) fn printed(result: io::Result<()>) -> Result<ExitCode, CommandError> {
    match result.map_err(WriteError::from) {
        Err(error) if !error.is_closed() => Err(CommandError::Output(error)),
        _ => Ok(ExitCode::Passed),
    }
}
