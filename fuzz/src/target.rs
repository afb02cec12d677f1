//! What a target is.

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
