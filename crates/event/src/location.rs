//! Places in files.

use std::sync::Arc;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Location {
    /// The file as the user knows it.
    // Shared by the places in it, which are many.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}
