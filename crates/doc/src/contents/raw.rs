//! Scenarios and embedded files before their steps are matched.

use std::collections::HashMap;
use std::sync::Arc;

use crate::contents::step_line::{Continued, StepLine};
use crate::network::Network;
use crate::source::{SourceId, Span};

/// A scenario before its steps are matched.
#[derive(Debug)]
pub(crate) struct RawScenario {
    pub(crate) source: SourceId,
    pub(crate) title: Arc<str>,
    pub(crate) span: Span,
    pub(crate) labels: Vec<String>,
    /// The network that its labels ask for.
    pub(crate) network: Option<Network>,
    pub(crate) steps: Vec<StepLine>,
    /// Level of its heading.
    pub(crate) level: u8,
    /// What a following `and` continues.
    pub(crate) before: Continued,
}

/// A heading of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its level, from 1 for a chapter to 6.
    pub level: u8,
    /// Its text without markup.
    pub title: Arc<str>,
    /// Its lines.
    pub span: Span,
}

/// A file embedded in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedFile {
    /// Its name, as the document writes it.
    pub name: String,
    /// Its content after the newline rules.
    pub text: Arc<str>,
}

/// An embedded file and its place.
#[derive(Debug)]
pub(crate) struct RawFile {
    pub(crate) file: EmbeddedFile,
    pub(crate) span: Span,
}

/// What the Markdown files of a document contain.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) scenarios: Vec<RawScenario>,
    pub(crate) files: Vec<RawFile>,
    /// Index in `files` by name in lower case.
    pub(crate) files_by_name: HashMap<String, usize>,
    /// All headings, in order.
    pub(crate) headings: Vec<Heading>,
    /// The first scenario block, valid or not.
    pub(crate) first_block: Option<Span>,
    /// Whether an unclosed block contains others, so that files may be missing from the list.
    pub(crate) has_swallowed: bool,
    /// Whether Markdown does not see an embedded file, so that files may be missing from the list.
    pub(crate) has_hidden: bool,
    /// Blocks with a name that are not files, by name in lower case.
    pub(crate) named: HashMap<String, Named>,
}

/// A block with a name that is not a file.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) span: Span,
    /// Whether an error says that it is not a file.
    pub(crate) is_reported: bool,
    /// Its class that was probably meant to be `.file`.
    pub(crate) class: Option<String>,
}

impl Contents {
    /// Returns the block of this name, in any case, that is not a file.
    pub(crate) fn named(&self, name: &str) -> Option<&Named> {
        self.named.get(&name.to_lowercase())
    }

    /// Returns the text of the first heading.
    pub(crate) fn first_heading(&self) -> Option<&str> {
        self.headings.first().map(|heading| &*heading.title)
    }

    /// Returns the index of the embedded file of this name, in any case.
    pub(crate) fn file(&self, name: &str) -> Option<usize> {
        self.files_by_name.get(&name.to_lowercase()).copied()
    }
}
