//! The steps of the libraries `datadir`, `files` and `runcmd`.
//!
//! Bindings name them, and step files call them.

pub mod datadir;
pub mod files;
pub mod runcmd;

/// Whether bytes contain a text.
fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|part| part == text.as_bytes())
}
