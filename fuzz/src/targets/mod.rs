//! What is fuzzed, one file each.

pub(crate) mod bindings;
pub(crate) mod document;
pub(crate) mod history;
pub(crate) mod protocol;
pub(crate) mod recording;
pub(crate) mod reports;
pub(crate) mod stage;
