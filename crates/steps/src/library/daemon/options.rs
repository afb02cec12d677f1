//! The options of a daemon: in which surroundings it runs, and how it ends.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Duration;

use greenroom_sandbox::process::{Account, Input, Restrictions, RunAs, Signal, TerminalSize};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::context::Context;
use crate::library::place;
use crate::step::Failure;

/// The options of a daemon.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    /// The signal that asks it to end, if it is not SIGTERM.
    pub(super) stop_signal: Option<Signal>,
    /// How long it may take to end.
    pub(super) end_limit: Option<Duration>,
    /// Whether it has a socket for its reports.
    pub(super) reports: bool,
    /// Its working directory, relative to that of the scenario.
    pub(super) directory: Option<String>,
    pub(super) stdin: Stdin,
    /// The size of its terminal, if it runs in one.
    pub(super) terminal: Option<TerminalSize>,
    pub(super) restrictions: Restrictions,
}

impl Options {
    /// Returns the account that it runs as, if it is another one.
    pub(super) fn account(&self) -> Option<&Account> {
        match &self.restrictions.user {
            Some(RunAs::Account(account)) => Some(account),
            _ => None,
        }
    }
}

/// Where the standard input of a daemon comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Stdin {
    #[default]
    Nothing,
    /// A file in the scenario's directory.
    File(String),
    /// A pipe, which steps write to.
    Open,
}

impl Stdin {
    /// Opens it for a daemon. Returns the end of a pipe that steps write to.
    pub(super) fn open(&self, context: &Context) -> Result<(Input, Option<OwnedFd>), Failure> {
        Ok(match self {
            Self::Nothing => (Input::Null, None),
            Self::File(name) => (Input::File(place::read(context, name)?), None),
            Self::Open => {
                let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from)?;
                fcntl_setfl(&writer, OFlags::NONBLOCK).map_err(std::io::Error::from)?;
                (Input::File(File::from(reader)), Some(writer))
            }
        })
    }
}
