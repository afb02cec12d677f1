//! How large a response may be.

/// The largest body of a response, in bytes.
pub const BODY_LIMIT: usize = 64 << 20;
/// The largest head of a response, in bytes.
pub const HEAD_LIMIT: usize = 64 << 10;
