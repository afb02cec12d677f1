//! The kinds of steps and their keywords.

/// The kind of a step. `and` and `but` continue the kind of the step before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepKind {
    /// Prepares.
    Given,
    /// Acts.
    When,
    /// Checks.
    Then,
}

impl StepKind {
    /// Returns the keyword.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::When => "when",
            Self::Then => "then",
        }
    }
}

/// The keywords of steps.
pub(crate) const KEYWORDS: [&str; 5] = ["given", "when", "then", "and", "but"];

/// Whether a word is the keyword of a step, in any case.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}
