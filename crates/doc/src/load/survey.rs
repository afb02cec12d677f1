//! What the command asks about files before it loads them: which document a Markdown file belongs
//! to.

use crate::read::metadata::block::{self, Parts};
use crate::read::metadata::document::{self as front, FileKind, Front};
use crate::source::SourceId;

/// Returns whether a Markdown file has metadata of its own, valid or not.
pub fn has_metadata(text: &str) -> bool {
    block::split(text).yaml.is_some() || block::unclosed(text).is_some()
}

/// Returns the Markdown files that the text of a `.subplot` file names, as far as it can be read.
pub fn markdowns_of(text: &str) -> Vec<String> {
    match front::read(SourceId(0), text, &Parts::only_metadata(text), FileKind::Subplot, &mut Vec::new()) {
        Front::Metadata(metadata) => metadata.markdowns.into_iter().map(|name| name.text).collect(),
        Front::Missing | Front::Unreadable => Vec::new(),
    }
}
