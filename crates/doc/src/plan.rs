//! What a load gives: a [`Plan`], in which every step is matched to one binding and its captures.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::source::{Loader, SourceId, Sources, Span};

/// What to load, and from where.
pub struct Request<'a> {
    /// The documents as the user named them: `.md` with its metadata in it, or `.subplot`.
    pub documents: &'a [String],
    /// Where files come from.
    pub loader: &'a dyn Loader,
    /// Files that come with the runner: bindings of its libraries, found after those beside the document.
    pub builtin: &'a [BuiltinFile],
    /// Whether a step function can be carried out: language and function name. Languages are the keys under `impl:` in bindings.
    pub can_run: &'a dyn Fn(&str, &str) -> bool,
}

/// A file that comes with the runner.
#[derive(Debug, Clone)]
pub struct BuiltinFile {
    /// Its name as documents write it: `lib/daemon.yaml`, `lib/daemon.py`.
    pub name: String,
    /// Its text. A name that documents may list under `impls` but whose steps are served natively has none.
    pub text: Option<Arc<str>>,
}

/// The outcome of a load. The plan is complete for all that could be understood; when `diagnostics` holds an error it must not be run.
#[derive(Debug)]
pub struct Loaded {
    /// All texts, for positions and excerpts.
    pub sources: Sources,
    /// The plan.
    pub plan: Plan,
    /// Every complaint, in order of document and position.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether an error forbids running the plan.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == crate::Severity::Error)
    }
}

/// Everything that is to run, in reading order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The documents.
    pub documents: Vec<PlannedDocument>,
    /// The scenarios of all documents.
    pub scenarios: Vec<PlannedScenario>,
}

/// A document as far as running needs it.
#[derive(Debug)]
pub struct PlannedDocument {
    /// The path as the user named it.
    pub path: String,
    /// Its title.
    pub title: String,
    /// Its bindings, in the order of its bindings files.
    pub bindings: Vec<Binding>,
    /// Its embedded files.
    pub files: Vec<EmbeddedFile>,
    /// The files listed under `impls`, in order.
    pub implementations: Vec<ImplementationFile>,
    /// Limits that the metadata sets.
    pub limits: Limits,
    /// Whether its scenarios use the machine's network (`network: host`) instead of one of their own, unless a label says otherwise.
    pub network_host: bool,
    /// Where relative names in it are looked up: its directory, empty for the working directory.
    pub directory: String,
    /// The Markdown texts it consists of, in order, without metadata blocks.
    pub bodies: Vec<Span>,
    /// What the title page says besides the title.
    pub front: Front,
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
    /// Its path, relative to the working directory or absolute, and its text; none when a built-in library stands for it.
    pub file: Option<(String, SourceId)>,
    /// Whether it is neither there nor built in, or cannot be read; a diagnostic says so.
    pub missing: bool,
}

/// Metadata that only a typeset document shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Front {
    /// `subtitle`.
    pub subtitle: Option<String>,
    /// `author` and `authors`.
    pub authors: Vec<String>,
    /// `date`, as written.
    pub date: Option<String>,
    /// `css_embed`: names of style sheets to put into the typeset document.
    pub css_embed: Vec<String>,
    /// `css_urls`: style sheets to link to.
    pub css_urls: Vec<String>,
}

/// Limits that a document sets for its scenarios (`scenario_timeout`, `step_timeout`, `output_limit`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// For one scenario with all its steps and cleanups.
    pub scenario: Option<Duration>,
    /// For one step.
    pub step: Option<Duration>,
    /// For what one daemon or command writes to one of its outputs, in bytes (`output_limit`).
    pub output: Option<u64>,
}

/// A file embedded in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddedFile {
    /// Its name, as the document writes it.
    pub name: String,
    /// Its content after the newline rules.
    pub text: Arc<str>,
}

/// A scenario, ready to run unless there were errors.
#[derive(Debug)]
pub struct PlannedScenario {
    /// Index in [`Plan::documents`].
    pub document: usize,
    /// Its title: the heading's text without markup.
    pub title: String,
    /// The heading.
    pub span: Span,
    /// Labels, in order, without duplicates.
    pub labels: Vec<String>,
    /// Whether it uses the machine's network: as its labels `network-host` and `network-private` say, else as its document does.
    pub network_host: bool,
    /// Its steps. A step that matched nothing is left out (and is an error among the diagnostics).
    pub steps: Vec<MatchedStep>,
}

/// Which kind of step; `and` and `but` take the kind of the step before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Sets the scene.
    Given,
    /// Does what is tested.
    When,
    /// Checks.
    Then,
}

impl StepKind {
    /// The keyword.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::When => "when",
            Self::Then => "then",
        }
    }
}

/// A step with its one binding.
#[derive(Debug)]
pub struct MatchedStep {
    /// Given, when or then.
    pub kind: StepKind,
    /// The step as written, keyword included, blanks collapsed.
    pub text: String,
    /// The step in the source, from its keyword to its last character.
    pub span: Span,
    /// Index in the document's bindings.
    pub binding: usize,
    /// What carries it out.
    pub implementation: Implementation,
    /// The captured parts, in order of position. A group of a regex that took no part is not among them, but for native functions,
    /// which find it empty.
    pub captures: Vec<Capture>,
}

/// What carries a step out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Implementation {
    /// The key under `impl:`; `native` for the built-in libraries.
    pub language: Arc<str>,
    /// The step function.
    pub function: Arc<str>,
    /// Runs when the scenario ends, if the step completed.
    pub cleanup: Option<Arc<str>>,
}

/// A captured part of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Its name in the binding.
    pub name: String,
    /// Its type.
    pub kind: CaptureType,
    /// What it stands for: escapes of escaped types resolved.
    pub text: String,
    /// Byte range in the step's source file, (start, end). Where blanks were collapsed before it, the range is that of the text as written.
    pub range: (u32, u32),
}

/// Capture types of bindings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureType {
    /// No blanks. The default of simple patterns.
    Word,
    /// Like `Word`, with backslash escapes.
    EscapedWord,
    /// Anything, also nothing. The default of named groups in regexes.
    Text,
    /// Like `Text`, with backslash escapes.
    EscapedText,
    /// An integer.
    Int,
    /// An integer without sign.
    Uint,
    /// An integer or decimal fraction.
    Number,
    /// The name of an embedded file.
    File,
    /// A path.
    Path,
}

/// A binding: which steps it matches and what carries them out.
#[derive(Debug, Clone)]
pub struct Binding {
    /// Given, when or then.
    pub kind: StepKind,
    /// The pattern as written.
    pub pattern: String,
    /// The pattern's place in its bindings file.
    pub span: Span,
    /// `doc:`, if it has one.
    pub doc: Option<String>,
    /// Names and types of its captures, in order.
    pub captures: Vec<(String, CaptureType)>,
    /// Implementations by language, in the order written.
    pub implementations: Vec<Implementation>,
}
