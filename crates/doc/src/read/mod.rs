//! Reads text: Markdown, YAML, metadata, bindings and patterns, with the place of every part.

pub(crate) mod attributes;
pub(crate) mod binding;
pub(crate) mod hidden;
pub(crate) mod markdown;
pub(crate) mod metadata;
pub(crate) mod pattern;
pub(crate) mod plain;
pub(crate) mod unclosed;
pub(crate) mod yaml;
