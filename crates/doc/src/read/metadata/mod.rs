//! Metadata: the YAML at the head of a Markdown document, or a whole `.subplot` file.
//!
//! `block` finds it, `keys` has the table of keys, `value` reads one value, and `document` puts
//! these together.

pub(crate) mod block;
pub(crate) mod document;
pub mod keys;
pub(crate) mod value;
