//! Diagnostics: mistakes in documents as values. `report` renders them.

use crate::code::Code;
use crate::source::Span;

/// How serious a diagnostic is. Errors stop a run before anything starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing runs until it is fixed.
    Error,
    /// The document runs, but probably not as intended.
    Warning,
}

/// A place and a text beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The text; may be empty.
    pub text: String,
}

/// One mistake in a document, with everything that a renderer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// One line, lower case, no full stop; names in it are the ones the user wrote.
    pub message: String,
    /// The place. `None` if it is in no text: a document that does not exist.
    pub primary: Option<Label>,
    /// Other places: the first of two duplicates, the candidates of an ambiguous step.
    pub secondary: Vec<Label>,
    /// Further facts, one line each.
    pub notes: Vec<String>,
    /// Advice, one line each, imperative.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// Creates an error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Creates a warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: one_line(message.into()),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Sets the place.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn and_at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(one_line(text.into()));
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(one_line(text.into()));
        self
    }
}

/// Replaces control characters.
///
/// Names from documents must not break lines or move the cursor.
fn one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}
