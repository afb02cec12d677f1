//! The document that greenroom was written for, if it is available.

use std::path::Path;

use crate::support::Project;

#[test]
fn the_seed_document_runs_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seed/daemon.md");
    let Ok(text) = std::fs::read(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let Some(project) = Project::sealed() else { return };
    let project = project.file("daemon.md", text);
    let both = ["1", "8"].map(|jobs| project.start(["run", "daemon.md", "-j", jobs]));
    for run in both {
        let ran = run.finish().passes();
        assert!(ran.stdout.ends_with("\n\n5 scenarios passed, 44 steps, [TIME]\n"), "{}", ran.stdout);
    }
    project.nothing_is_left();
}
