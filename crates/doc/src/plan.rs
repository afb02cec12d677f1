//! What a load gives: a [`Plan`], in which every step is matched to one binding and its captures.

use std::sync::Arc;

use arcstr::Substr;

use crate::capture::Capture;
use crate::contents::raw::{EmbeddedFile, Heading};
use crate::keyword::StepKind;
use crate::network::Network;
use crate::read::binding::{Binding, Implementation};
use crate::read::metadata::keys::Metadata;
use crate::source::{SourceId, Span};

/// All documents and scenarios to run, in reading order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The documents.
    pub documents: Vec<PlannedDocument>,
    /// The scenarios of all documents.
    pub scenarios: Vec<PlannedScenario>,
    /// Documents without scenarios that were skipped, because they may be without
    /// ([`Request::may_be_empty`](crate::Request::may_be_empty)).
    pub skipped: Vec<String>,
}

/// A document, as far as running it is concerned.
#[derive(Debug)]
pub struct PlannedDocument {
    /// The path as the user named it.
    pub path: String,
    /// Its title: from the metadata, or else its first heading.
    pub title: String,
    /// Its bindings, in the order of its bindings files.
    pub bindings: Vec<Binding>,
    /// Its embedded files.
    pub files: Vec<EmbeddedFile>,
    /// The files listed under `impls`, in order.
    pub implementations: Vec<ImplementationFile>,
    /// Its metadata, with defaults for what it leaves out.
    pub metadata: Metadata,
    /// The directory of relative names in it, empty for the working directory.
    pub directory: String,
    /// The Markdown texts it consists of, in order, without metadata blocks.
    pub bodies: Vec<Span>,
    /// Its headings, in order.
    pub headings: Vec<Heading>,
    /// Its steps that need bindings, each text once.
    pub unbound: Vec<UnboundStep>,
}

/// A step that needs a binding: none matches it, and it has no mistake that explains this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnboundStep {
    /// Its kind, which `and` and `but` have from the step before.
    pub kind: StepKind,
    /// Its text without its keyword, and without the words that repeat it.
    pub text: String,
    /// Where it is first.
    pub span: Span,
}

/// A file with step functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImplementationFile {
    /// The key under `impls` that it is listed under.
    pub language: String,
    /// Its name, as the document writes it.
    pub name: String,
    /// Where the document writes it.
    pub span: Span,
    /// Its path, relative to the working directory or absolute, and its text.
    ///
    /// `None` if a built-in library stands for it.
    pub file: Option<(String, SourceId)>,
    /// Its bytes, which need not be UTF-8: the language knows their encoding.
    pub bytes: Arc<[u8]>,
    /// Whether it is missing or cannot be read. A diagnostic says so.
    pub missing: bool,
}

/// A scenario, ready to run if there are no errors.
#[derive(Debug)]
pub struct PlannedScenario {
    /// Index in [`Plan::documents`].
    pub document: usize,
    /// Its title: the heading's text without markup.
    pub title: Arc<str>,
    /// The heading.
    pub span: Span,
    /// Labels, in order, without duplicates.
    pub labels: Vec<String>,
    /// Its network: as its labels `network-host` and `network-private` say, or else as its document
    /// does.
    pub network: Network,
    /// Its steps. One that cannot run is left out; an error says so.
    pub steps: Vec<MatchedStep>,
    /// The number of steps before the first one that is left out. `None` if all are there.
    pub complete_until: Option<usize>,
}

/// A step and the one binding that matches it.
#[derive(Debug)]
pub struct MatchedStep {
    /// Given, when or then.
    pub kind: StepKind,
    /// The step as written, with its keyword; spaces outside quotes are collapsed.
    pub text: Substr,
    /// The step in the source, from its keyword to its last character.
    pub span: Span,
    /// Index in the document's bindings.
    pub binding: usize,
    /// What runs it. The steps of a binding share it.
    pub implementation: Arc<Implementation>,
    /// The captured parts, in order of position. A group of a regex that took no part is left out,
    /// except for native functions, which get it empty.
    pub captures: Box<[Capture]>,
    /// How it is repeated, if it is.
    pub repetition: Option<Box<Repetition>>,
}

/// The repetition of a `then` step: `within 5 seconds` or `for 2 seconds` in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repetition {
    /// Which of the two.
    pub kind: RepetitionKind,
    /// The number of seconds as written, which may be a kept value.
    pub seconds: String,
    /// The byte range of that number in the step's source file, (start, end).
    pub range: (u32, u32),
}

/// How often a `then` step has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepetitionKind {
    /// `within`: once, before the time is over.
    Within,
    /// `for`: each time, until the time is over.
    For,
}

impl RepetitionKind {
    /// Returns its word in front of a step.
    pub fn word(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::For => "for",
        }
    }
}
