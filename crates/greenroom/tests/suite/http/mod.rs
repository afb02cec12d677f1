//! Library `http`: requests, checks of responses, and what fails.

mod checks;
mod failures;
mod requests;
mod streams;
mod tls;
mod websocket;

use crate::support::{Project, Ran, with_programs};

/// The metadata of these documents.
const HEAD: &str =
    "---\ntitle: Trial\nbindings: [lib/http.yaml, lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n...\n";

/// A server `web` on port 8000.
const UP: &str = "given file answers.py
when I start \"python3 answers.py 8000\" as a background process as web, on port 8000
";

/// Returns a document with one scenario of these steps.
fn document(steps: &str) -> String {
    with_programs(format!("{HEAD}# The scenario\n~~~scenario\n{steps}\n~~~\n"))
}

/// Runs steps that must pass.
fn holds(steps: &str) {
    Project::anywhere().file("x.md", document(steps)).run(["run", "x.md"]).passes();
}

/// Runs steps of which the last must fail. Returns the peak of the memory of the largest process, in MiB.
fn peak(steps: &str) -> u64 {
    // The kernel knows it of all processes that ended below this one.
    let program = "import resource, subprocess, sys\nended = subprocess.run(sys.argv[1:])\n\
                   peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\nopen('peak', 'w').write(str(peak))\n\
                   sys.exit(ended.returncode)";
    let project = Project::anywhere().file("x.md", document(steps)).through(["python3", "-c", program]);
    project.run(["run", "x.md"]).code(1).stderr("");
    let kib: u64 = std::fs::read_to_string(project.path("peak")).unwrap().parse().unwrap();
    kib / 1024
}

/// Runs steps, behind the start of the server, of which the last must fail.
fn fails(steps: &str) -> Ran {
    Project::anywhere().file("x.md", document(&format!("{UP}{steps}"))).run(["run", "x.md"]).code(1).stderr("")
}
