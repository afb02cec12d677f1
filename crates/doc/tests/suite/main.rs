//! Loads whole documents from memory and looks at all that comes out.

#![expect(clippy::needless_raw_string_hashes, reason = "snapshots are written by their tool")]

mod documents;
mod mistakes;
mod project;
mod properties;
mod seed;
