//! A condition that a step waited for after it had started a daemon.

use std::path::PathBuf;
use std::time::Duration;

use super::text_wait::Wanted;
use crate::step::Stream;

/// A condition that a step waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// The daemon listens on a port.
    Port(u16),
    /// The daemon has a UDP socket on a port.
    UdpPort(u16),
    /// The daemon writes something.
    Text(Stream, Wanted),
    /// A file exists: its path, and its name in messages.
    File(PathBuf, String),
    /// A file contains a text: its path, its name in messages, and the text.
    Content(PathBuf, String, String),
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
