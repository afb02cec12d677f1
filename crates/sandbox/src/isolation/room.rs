//! What the set-up of a stage's namespaces needs to know.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::surroundings::Network;

/// What one stage asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Room {
    /// The network that it uses.
    pub(crate) network: Network,
    /// The size of the disk that holds the stage's directory, in bytes, if it has one of its own.
    pub(crate) disk: Option<u64>,
    /// Directories that must stay visible under the stage's own `/tmp` and `/dev/shm`.
    ///
    /// Their paths have no symbolic links.
    pub(crate) keep: Vec<PathBuf>,
}

/// The user who runs greenroom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Ids {
    /// Returns those of this process.
    pub(crate) fn own() -> Self {
        Self { user: rustix::process::getuid().as_raw(), group: rustix::process::getgid().as_raw() }
    }
}
