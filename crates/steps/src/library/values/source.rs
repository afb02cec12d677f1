//! Where a value comes from.

use crate::step::Stream;

/// What a step keeps a text of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Output(Stream),
    Body,
    Header,
    Cookie,
    File,
    Daemon(Stream),
    WebSocket,
    EventStream,
}
