//! Complaints as values. They are collected, never thrown, and never rendered here: `report` draws them.

use crate::source::Span;

/// How bad it is. Errors stop a run before anything starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing runs until this is mended.
    Error,
    /// Worth knowing; the run goes on.
    Warning,
}

/// What kind of complaint, as a stable word (`unknown-step`) that messages show and tools can match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

/// A place and what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// Said beside it; may be empty.
    pub text: String,
}

/// One complaint, with all a renderer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// What kind.
    pub code: Code,
    /// One line, lower case, no full stop; names in it are the ones the user wrote.
    pub message: String,
    /// Where. `None` only for what has no place in a text, such as a document that does not exist.
    pub primary: Option<Label>,
    /// Other places that matter: the first of two duplicates, the candidates of an ambiguous step.
    pub secondary: Vec<Label>,
    /// Further facts, one line each.
    pub notes: Vec<String>,
    /// What to do about it, one line each, imperative.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// A new error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A new warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: Code(code),
            message: one_line(message.into()),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Says where it is.
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

/// Names that users wrote may have anything in them; a complaint is still one line, and moves no cursor.
fn one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}
