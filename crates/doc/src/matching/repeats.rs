//! Diagnostics about steps. The same mistake is reported once, with a count of the other places.

use std::collections::HashMap;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::keyword::StepKind;

/// What makes two mistakes the same: their kind, and the step or name that they are about.
pub(crate) type Mistake = (Code, StepKind, String);

/// The diagnostics of one document's steps.
#[derive(Default)]
pub(crate) struct Repeats {
    /// Each with the number of places left out.
    diagnostics: Vec<(Diagnostic, usize)>,
    known: HashMap<Mistake, usize>,
}

impl Repeats {
    /// Adds a diagnostic and returns its index.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) -> usize {
        self.diagnostics.push((diagnostic, 0));
        self.diagnostics.len() - 1
    }

    /// Adds a diagnostic for a mistake that is not known yet.
    pub(crate) fn push_mistake(&mut self, mistake: Mistake, diagnostic: Diagnostic) {
        let at = self.push(diagnostic);
        self.known.insert(mistake, at);
    }

    /// Counts one more place for the diagnostic with this index.
    pub(crate) fn count(&mut self, at: usize) {
        self.diagnostics[at].1 += 1;
    }

    /// Whether a mistake was reported before. If so, this counts it.
    pub(crate) fn is_known(&mut self, mistake: &Mistake) -> bool {
        let known = self.known.get(mistake).copied();
        if let Some(at) = known {
            self.count(at);
        }
        known.is_some()
    }

    /// Returns all diagnostics, with their counts as notes.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let counted = self.diagnostics.into_iter().map(|(diagnostic, more)| match more {
            0 => diagnostic,
            1 => diagnostic.note("and in 1 more place"),
            more => diagnostic.note(format!("and in {more} more places")),
        });
        counted.collect()
    }
}
