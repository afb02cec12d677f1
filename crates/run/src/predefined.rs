//! Values that every scenario has: `${SRCDIR}`, `${DOCDIR}` and `${DATADIR}`.
//!
//! A scenario that uses one of the names for something of its own does not get it, so that its steps
//! mean what they meant before.

use std::path::{Path, PathBuf};

use greenroom_doc::PlannedScenario;
use serde::{Deserialize, Serialize};

/// A predefined value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Predefined {
    /// Where greenroom was started.
    Source,
    /// The directory of the document.
    Document,
    /// The scenario's own directory.
    Data,
}

impl Predefined {
    const ALL: [Self; 3] = [Self::Source, Self::Document, Self::Data];

    /// Returns its name in steps.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "SRCDIR",
            Self::Document => "DOCDIR",
            Self::Data => "DATADIR",
        }
    }

    /// Returns those that a scenario has.
    pub(crate) fn of(scenario: &PlannedScenario) -> Vec<Self> {
        let is_free = |value: &Self| !scenario.steps.iter().any(|step| sets(&step.text, value.name()));
        Self::ALL.into_iter().filter(is_free).collect()
    }

    /// Returns the value, if it is known before the scenario starts.
    pub(crate) fn value(self, source: &Path, document: &str) -> Option<String> {
        match self {
            Self::Source => source.to_str().map(str::to_owned),
            Self::Document if document.is_empty() => source.to_str().map(str::to_owned),
            Self::Document => {
                let path: PathBuf = source.join(document).components().collect();
                path.to_str().map(str::to_owned)
            }
            Self::Data => None,
        }
    }
}

/// Returns whether a step uses a name in another way than to read it: `NAME=x`, `kept as NAME`.
fn sets(step: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    step.match_indices(name).any(|(at, _)| {
        let (before, after) = (&step[..at], &step[at + name.len()..]);
        let is_word = !before.ends_with(is_part) && !after.starts_with(is_part);
        is_word && !before.ends_with('$') && !before.ends_with("${")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_step_sets_itself() {
        for step in [
            "given a free port kept as SRCDIR",
            "given the environment variable SRCDIR=/x",
            "when I run sh -c 'SRCDIR=/x; echo ${SRCDIR}'",
            "when I start \"x\" as a background process as y, with environment {\"SRCDIR\": \"/x\"}",
        ] {
            assert!(sets(step, "SRCDIR"), "{step}");
        }
        for step in ["when I run ${SRCDIR}/x $SRCDIR", "when I run MYSRCDIR=x SRCDIRS", "when I run x"] {
            assert!(!sets(step, "SRCDIR"), "{step}");
        }
    }
}
