//! Runs and checks documents from their text.

use crate::support::{Project, Ran, scenario};

/// Runs a document of one scenario with these steps. It must be refused.
pub(super) fn steps(steps: &str) -> Ran {
    Project::new().file("x.md", scenario(steps)).refused(["run", "x.md"])
}

/// Runs a document with this content. It must be refused.
pub(super) fn text(text: impl AsRef<[u8]>) -> Ran {
    Project::new().file("x.md", text).refused(["run", "x.md"])
}

/// Checks a document with this content. It must have no mistakes.
pub(super) fn fine(text: impl AsRef<[u8]>) -> Ran {
    Project::new().file("x.md", text).run(["check", "x.md"]).passes()
}

/// Checks a document with this content. It must have warnings and no errors.
pub(super) fn warned(text: impl AsRef<[u8]>) -> Ran {
    let ran = Project::new().file("x.md", text).run(["check", "x.md"]).code(0);
    assert!(ran.stdout.ends_with(": OK, with warnings\n"), "{}", ran.stdout);
    ran
}
