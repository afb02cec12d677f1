//! What the Markdown files of a document contain: scenarios and embedded files.

pub(crate) mod blocks;
pub(crate) mod raw;
pub(crate) mod step_line;
mod suspects;
