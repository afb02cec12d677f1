//! What the process was started with, read once: environment, working directory, terminal.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ColorChoice;
use greenroom_report::{Style, Terminal};

use crate::exit;
use crate::screen::Failed;

/// Facts about how greenroom was started.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The working directory: where relative names lead from, and the scenarios' srcdir.
    pub(crate) directory: PathBuf,
    /// PATH.
    pub(crate) path: OsString,
    /// Where temporary directories are made.
    pub(crate) temporary: PathBuf,
    /// Whether it is TMPDIR that says so.
    pub(crate) names_temporary: bool,
    /// Paths below /tmp that the environment mentions: scenarios may need them.
    pub(crate) mentioned: Vec<PathBuf>,
    /// What standard output is.
    pub(crate) stdout: Terminal,
    /// What standard error is.
    pub(crate) stderr: Style,
}

/// Columns of a page that is no terminal.
const PAGE: usize = 100;

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
    pub(crate) fn read(choice: ColorChoice) -> Result<Self, String> {
        let directory = std::env::current_dir()
            .map_err(|error| format!("the working directory cannot be used: {error}; change into one that exists"))?;
        let named = std::env::var_os("TMPDIR").filter(|path| !path.is_empty());
        let names_temporary = named.is_some();
        let temporary = named.unwrap_or_else(|| "/tmp".into()).into();
        for (what, path) in [("working directory", &directory), ("directory for temporary files (TMPDIR)", &temporary)]
        {
            if path.to_str().is_none() {
                return Err(format!("the path of the {what} is not UTF-8: {}", path.display()));
            }
        }
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !dumb && !no_color,
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let width = |terminal: bool, size: Option<u16>| if terminal { size.map_or(80, usize::from) } else { PAGE };
        let columns = |size: rustix::termios::Winsize| (size.ws_col > 0).then_some(size.ws_col);
        let out_columns = rustix::termios::tcgetwinsize(std::io::stdout()).ok().and_then(columns);
        let err_columns = rustix::termios::tcgetwinsize(std::io::stderr()).ok().and_then(columns);
        Ok(Self {
            directory,
            path: std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
            temporary,
            names_temporary,
            mentioned: std::env::vars_os().flat_map(|(_, value)| below_tmp(&value)).collect(),
            stdout: Terminal { colour: colour(out), width: width(out, out_columns), live: out && !dumb },
            stderr: Style { colour: colour(err), width: width(err, err_columns) },
        })
    }
}

/// Directories below /tmp or /dev/shm (not themselves) that a variable's value names, alone or in a list like PATH's.
pub(crate) fn below_tmp(value: &std::ffi::OsStr) -> Vec<PathBuf> {
    std::env::split_paths(value)
        .filter(|path| path.starts_with("/tmp") || path.starts_with("/dev/shm"))
        .filter_map(
            |path| if path.is_dir() { Some(path) } else { path.parent().filter(|_| path.exists()).map(PathBuf::from) },
        )
        // Names that are no text cannot be told to the launcher.
        .filter(|path| path != Path::new("/tmp") && path != Path::new("/dev/shm") && path.to_str().is_some())
        .collect()
}

/// A program whose name is a path, from wherever it is looked at. It may be a link with a meaning of its own, as the Python of a
/// virtual environment is, so only its directory is resolved.
pub(crate) fn absolute(program: &str, settings: &Settings) -> String {
    if !program.contains('/') {
        return program.to_owned();
    }
    let path = settings.directory.join(program);
    let resolved = path.parent().and_then(|parent| Some(parent.canonicalize().ok()?.join(path.file_name()?)));
    resolved.unwrap_or(path).display().to_string()
}

/// Says on standard error what keeps greenroom from working.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "greenroom: {message}");
}

/// Writes to standard output; the exit code that comes of it.
pub(crate) fn print(text: &str) -> u8 {
    let mut out = std::io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// The exit code that comes of writing to standard output. A reader that has gone away, or a closed terminal, is not our trouble.
pub(crate) fn written(result: std::io::Result<()>) -> u8 {
    match result.map_err(Failed::from) {
        Err(failed) if !failed.is_deserted() => {
            complain(&format!("failed to write the results: {failed}"));
            exit::CANNOT
        }
        _ => exit::PASSED,
    }
}
