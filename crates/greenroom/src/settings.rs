//! The facts that greenroom was started with, read once: environment, working directory, terminal.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::ColorChoice;
use greenroom_report::{Terminal, TerminalFormat};
use greenroom_run::CargoBuild;

use crate::bazel::Bazel;
use crate::error::CommandError;

/// The facts that greenroom was started with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The working directory: relative names start here, and it is the scenarios' source directory.
    pub(crate) directory: PathBuf,
    /// The search path for programs.
    pub(crate) path: OsString,
    /// The parent of temporary directories.
    pub(crate) temporary: PathBuf,
    /// Whether it comes from TMPDIR.
    pub(crate) tmpdir_is_set: bool,
    /// Where greenroom keeps what it remembers of earlier runs, if the environment says where.
    pub(crate) state: Option<PathBuf>,
    /// Directories below /tmp that the environment names. Scenarios may need them.
    pub(crate) mentioned: Vec<PathBuf>,
    /// Whether a step of a GitHub workflow runs.
    pub(crate) is_github: bool,
    /// The file for the summary of a GitHub job.
    pub(crate) job_summary: Option<PathBuf>,
    /// Where Puppeteer, which draws Mermaid, keeps the browsers that it has downloaded.
    #[cfg_attr(not(feature = "pages"), expect(dead_code, reason = "pages alone have diagrams"))]
    pub(crate) puppeteer_cache: Option<PathBuf>,
    /// The browser that the user wants Puppeteer to use.
    #[cfg_attr(not(feature = "pages"), expect(dead_code, reason = "pages alone have diagrams"))]
    pub(crate) puppeteer_browser: Option<OsString>,
    /// How Cargo builds the programs that documents name.
    pub(crate) cargo: CargoBuild,
    /// What Bazel asks of a test run.
    pub(crate) bazel: Bazel,
    /// Properties of standard output.
    pub(crate) stdout: Terminal,
    /// Properties of standard error.
    pub(crate) stderr: Terminal,
}

/// The width of output that does not go to a terminal.
const PAGE_WIDTH: usize = 100;

/// The variable that names the directory for state.
const STATE: &str = "XDG_STATE_HOME";

impl Settings {
    /// Reads environment, working directory and terminal.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
    pub(crate) fn read(choice: ColorChoice) -> Result<Self, CommandError> {
        let directory = std::env::current_dir().map_err(|error| {
            let message = format!("cannot use the working directory: {error}; change to a directory that exists");
            CommandError::Directory(message)
        })?;
        let named = std::env::var_os("TMPDIR").filter(|path| !path.is_empty());
        let tmpdir_is_set = named.is_some();
        let temporary = named.unwrap_or_else(|| "/tmp".into()).into();
        for (what, path) in [("working directory", &directory), ("directory for temporary files (TMPDIR)", &temporary)]
        {
            if path.to_str().is_none() {
                let message = format!("the path of the {what} is not UTF-8: {}", path.display());
                return Err(CommandError::Directory(message));
            }
        }
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute(STATE).or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !dumb && !no_color,
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let width =
            |terminal: bool, size: Option<u16>| if terminal { size.map_or(80, usize::from) } else { PAGE_WIDTH };
        let columns = |size: rustix::termios::Winsize| (size.ws_col > 0).then_some(size.ws_col);
        let out_columns = rustix::termios::tcgetwinsize(std::io::stdout()).ok().and_then(columns);
        let err_columns = rustix::termios::tcgetwinsize(std::io::stderr()).ok().and_then(columns);
        Ok(Self {
            directory,
            path: std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
            temporary,
            tmpdir_is_set,
            state: state.map(|state| state.join("greenroom")),
            mentioned: std::env::vars_os()
                .filter(|(name, _)| name != STATE)
                .flat_map(|(_, value)| below_tmp(&value))
                .collect(),
            is_github: std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            job_summary: std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from),
            puppeteer_cache: absolute("PUPPETEER_CACHE_DIR")
                .or_else(|| absolute("HOME").map(|home| home.join(".cache/puppeteer"))),
            puppeteer_browser: std::env::var_os("PUPPETEER_EXECUTABLE_PATH").filter(|path| !path.is_empty()),
            cargo: CargoBuild {
                profile: text("GREENROOM_CARGO_PROFILE").unwrap_or_else(|| "dev".to_owned()),
                target: text("CARGO_BUILD_TARGET"),
                programs: None,
            },
            bazel: Bazel::read(|name| std::env::var_os(name)),
            stdout: Terminal { colour: colour(out), width: width(out, out_columns), live: out && !dumb },
            stderr: Terminal { colour: colour(err), width: width(err, err_columns), live: err && !dumb },
        })
    }

    /// Returns the format of standard output for a user who chooses none.
    pub(crate) fn format(&self) -> TerminalFormat {
        if self.is_github { TerminalFormat::Github } else { TerminalFormat::Human }
    }

    /// Resolves a program that is given as a path, so that it is found from any directory.
    ///
    /// Resolves only its directory: the program may be a link that must keep its name, as the
    /// Python of a virtual environment.
    pub(crate) fn absolute(&self, program: &str) -> String {
        if !program.contains('/') {
            return program.to_owned();
        }
        let path = self.directory.join(program);
        let resolved = path.parent().and_then(|parent| Some(parent.canonicalize().ok()?.join(path.file_name()?)));
        resolved.unwrap_or(path).display().to_string()
    }
}

/// Returns the directories below /tmp or /dev/shm that a variable names, alone or in a list like
/// PATH.
pub(crate) fn below_tmp(value: &OsStr) -> Vec<PathBuf> {
    let directory = |path: PathBuf| {
        if path.is_dir() { Some(path) } else { path.parent().filter(|_| path.exists()).map(PathBuf::from) }
    };
    std::env::split_paths(value)
        .filter(|path| path.starts_with("/tmp") || path.starts_with("/dev/shm"))
        .filter_map(directory)
        // The launcher gets their names as text.
        .filter(|path| path != Path::new("/tmp") && path != Path::new("/dev/shm") && path.to_str().is_some())
        .collect()
}
