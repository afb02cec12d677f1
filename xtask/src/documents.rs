//! Runs our own acceptance documents and the examples with the program that was just built.

use std::path::Path;
use std::process::Command;

use crate::workspace::{STATE, cargo, greenroom, is_ci, root, run, target};

/// The directories whose documents must pass.
const DIRECTORIES: [&str; 3] = ["acceptance", "acceptance/python", "examples"];

/// Examples with servers that a machine may lack: their names, and a program of each server. CI installs all of them.
const SERVERS: [(&str, &str); 6] = [
    ("broker", "/usr/sbin/mosquitto"),
    ("nginx", "/usr/sbin/nginx"),
    ("node", "/usr/bin/node"),
    ("postgresql", "/usr/lib/postgresql/15/bin/postgres"),
    ("redis", "/usr/bin/redis-server"),
    ("tls", "/usr/bin/openssl"),
];

/// Runs all documents.
pub(crate) fn check() -> Result<(), String> {
    let root = root();
    // The program of examples/counter.md.
    cargo(&["build", "--package", "greenroom-example-counter"], &[])?;
    let mut documents = Vec::new();
    for directory in DIRECTORIES {
        let entries = std::fs::read_dir(root.join(directory)).map_err(|error| format!("{directory}: {error}"))?;
        documents.extend(entries.flatten().map(|entry| entry.path()).filter(|path| is_document(path)));
    }
    documents.sort();
    for (name, program) in SERVERS {
        if Path::new(program).exists() {
            continue;
        }
        if is_ci() {
            return Err(format!("examples/{name}.md needs {program}, which is not installed"));
        }
        eprintln!("examples/{name}.md is skipped: {program} is not installed");
        documents.retain(|path| path.file_stem().is_none_or(|stem| stem != name));
    }
    let mut command = Command::new(greenroom());
    run(command.arg("run").args(documents).current_dir(&root).env(STATE, target().join("state")))
}

/// Returns whether a file is a document. The Markdown of a `.subplot` file is not: it lacks
/// metadata.
fn is_document(path: &Path) -> bool {
    let has = |wanted| path.extension().is_some_and(|extension| extension == wanted);
    let is_readme = path.file_name().is_some_and(|name| name == "README.md");
    has("subplot") || has("md") && !is_readme && !path.with_extension("subplot").exists()
}
