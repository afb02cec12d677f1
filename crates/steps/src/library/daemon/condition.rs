//! A condition that a step waited for after it had started a daemon.

use std::path::PathBuf;
use std::time::Duration;

use crate::step::Stream;

/// A condition that a step waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// The daemon listens on a port.
    Port(u16),
    /// The daemon writes a text.
    Text(Stream, String),
    /// A file exists: its path, and its name in messages.
    File(PathBuf, String),
    /// A Unix socket accepts connections: its path, and its name in messages.
    Socket(PathBuf, String),
    /// A URL answers with a status.
    Http(String, u16),
}

/// A wait that was successful.
#[derive(Debug, Clone)]
pub(super) struct PastWait {
    pub(super) condition: Condition,
    pub(super) limit: Duration,
}
