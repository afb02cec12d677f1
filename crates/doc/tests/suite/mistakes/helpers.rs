//! Diagnostics of documents from their text.

use crate::project::Project;

/// Returns the diagnostics of a document with this text after its metadata and heading.
pub(super) fn scenario(text: &str) -> String {
    Project::with_scenario(text).complaints()
}

/// Returns the diagnostics of a scenario with these steps.
pub(super) fn steps(steps: &str) -> String {
    scenario(&format!("~~~scenario\n{steps}\n~~~\n"))
}

/// Returns the diagnostics of a document with this metadata.
pub(super) fn metadata(yaml: &str) -> String {
    Project::new().document("d.md", format!("---\n{yaml}\n---\n# S\n~~~scenario\ngiven a thing\n~~~\n")).complaints()
}
