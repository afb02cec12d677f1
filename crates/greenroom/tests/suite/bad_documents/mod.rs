//! Documents that must be refused: each with a message that says what to do, before anything starts.

mod daemons;
mod embedded_files;
mod files;
mod helpers;
mod hidden;
mod look_alikes;
mod metadata_and_bindings;
mod steps;
mod unclosed_blocks;
