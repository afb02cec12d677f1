//! Fuzz targets, and a driver for them that needs nothing but a stable toolchain.
//!
//! A [`Target`] is a plain function that takes any bytes and must not panic, hang or die. The driver ([`campaign`]) feeds it
//! with real input (`seeds`), with every beginning of that, and with mutations of it ([`mutate`]), from a seed, so that every run
//! can be repeated. README.md says how to use it and how to add a target.
//!
//! ```text
//! seeds --mutate--> campaign --bytes--> target --fingerprint--> campaign (keeps inputs that did something new)
//! ```

#![forbid(unsafe_code)]

pub mod campaign;
mod mutate;
mod seeds;
pub mod targets;

use std::path::PathBuf;

/// Something that takes bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line and below `fuzz/corpus/`.
    pub name: &'static str,
    /// Takes any bytes. Returns a fingerprint of what it made of them; inputs with a new one are mutated further.
    pub run: fn(&[u8]) -> u64,
    /// Files and directories with real input, relative to the workspace; those in `fuzz/corpus/NAME` come on top.
    pub seeds: &'static [&'static str],
    /// Extensions of the files that are taken from directories.
    pub extensions: &'static [&'static str],
    /// Words of the format.
    pub dictionary: &'static [&'static str],
}

/// All targets.
pub const TARGETS: [Target; 3] = [targets::document::TARGET, targets::bindings::TARGET, targets::recording::TARGET];

/// The workspace's directory.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
