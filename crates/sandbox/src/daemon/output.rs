//! A file without a name that a daemon writes to.

use std::fs::File;
use std::io;

use rustix::fs::OFlags;

use crate::process::capture;

/// One output of a daemon.
#[derive(Debug)]
pub(super) struct Output(File);

impl Output {
    /// Creates an empty file.
    pub(super) fn new() -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        // Every writer appends: the daemon, its children, and those that open it again by
        // `/dev/stdout`.
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND).map_err(io::Error::from)?;
        Ok(Self(file))
    }

    /// Returns another descriptor of the file.
    pub(super) fn file(&self) -> io::Result<File> {
        self.0.try_clone()
    }

    /// Reads the last `most` bytes. The position, which the writers share, does not change.
    pub(super) fn tail(&self, most: u64) -> io::Result<Vec<u8>> {
        capture::tail_of(&self.0, most).map(|tail| tail.bytes)
    }
}
