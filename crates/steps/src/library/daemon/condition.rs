//! A condition that a step waited for after it had started a daemon.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::step::Stream;

/// A condition that a step waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// The daemon listens on a port.
    Port(u16),
    /// The daemon reports that it is ready.
    Ready,
    /// The daemon accepts TLS on a port.
    Tls(u16),
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
    /// A URL answers with a status, or with any.
    Http(String, Option<u16>),
}

/// A wait that was successful.
#[derive(Debug, Clone)]
pub(super) struct PastWait {
    pub(super) condition: Condition,
    pub(super) limit: Duration,
}

/// What a daemon should write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A text, anywhere.
    Text(String),
    /// A text behind everything that waits on this stream have found.
    Again(String),
    /// A text so many times, without overlap.
    Times(String, u64),
    /// What a regex matches.
    Regex(String),
}

impl Wanted {
    /// Returns the text that it looks for; a regex has none.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Again(text) | Self::Times(text, _) => Some(text),
            Self::Regex(_) => None,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Again(text) | Self::Times(text, _) => write!(f, "\"{}\"", text.escape_debug()),
            Self::Regex(regex) => write!(f, "anything that matches /{regex}/"),
        }
    }
}
