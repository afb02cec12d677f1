//! The Markdown of documents, read as the loader reads it.

use greenroom_event::TextPart;
use pulldown_cmark::{OffsetIter, Parser};

/// Returns the Markdown of a part, with its places.
pub(crate) fn events(part: &TextPart) -> OffsetIter<'_> {
    Parser::new_ext(&part.text, greenroom_doc::markdown_options()).into_offset_iter()
}
