//! The one door: `cargo xtask ci` is everything that must hold before a change lands, `cargo xtask bench` the figures.

#![expect(clippy::disallowed_methods, reason = "this program's whole work is to start others")]
#![expect(clippy::print_stderr, reason = "it talks to developers")]

mod bench;
mod dependencies;
mod fuzz;
mod packages;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask ci       everything that must hold: format, lints, tests, documentation, our own acceptance documents
cargo xtask fuzz     damaged input for everything that parses; fuzz/README.md has the arguments
cargo xtask package  the packages of all crates that are published, each compiled as a user gets it
cargo xtask bench    the benchmarks, on a release build; add a word to run only those with it in their name: check, bindings,
                     sleep, port, cost (beside no runner at all), scale (10,000 scenarios), flood, death";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("ci") => ci(),
        Some("fuzz") => {
            let rest: Vec<String> = arguments.collect();
            fuzz::run(&rest.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Some("package") => packages::verify(),
        // What the benchmark `port` starts.
        Some("serve") => match (arguments.next().map(|port| port.parse()), arguments.next().map(|after| after.parse()))
        {
            (Some(Ok(port)), Some(Ok(after))) => bench::serve(port, std::time::Duration::from_millis(after)),
            _ => Err(USAGE.to_owned()),
        },
        Some("bench") => bench::run(arguments.next().as_deref().unwrap_or_default()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Every check, in the order in which they are cheapest to fail.
fn ci() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    dependencies::check()?;
    packages::check()?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    cargo(&["test", "--workspace", "--all-targets"], &[])?;
    cargo(&["test", "--workspace", "--doc"], &[])?;
    cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    own_documents()?;
    fuzz::check()
}

/// Runs our own acceptance documents and the examples with the binary that was just built.
fn own_documents() -> Result<(), String> {
    cargo(&["build", "--package", "greenroom"], &[])?;
    let root = root();
    let mut documents = Vec::new();
    for directory in ["acceptance", "acceptance/python", "examples"] {
        let entries = std::fs::read_dir(root.join(directory)).map_err(|error| format!("{directory}: {error}"))?;
        let is = |path: &Path, wanted| path.extension().is_some_and(|extension| extension == wanted);
        // The Markdown of a `.subplot` file is no document by itself.
        documents.extend(entries.flatten().map(|entry| entry.path()).filter(|path| {
            let markdown = is(path, "md") && !path.with_extension("subplot").exists();
            is(path, "subplot") || markdown && path.file_name().is_some_and(|name| name != "README.md")
        }));
    }
    documents.sort();
    let greenroom = target(&root).join("debug/greenroom");
    run(Command::new(greenroom).arg("run").args(documents).current_dir(&root))
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    // The cargo that this program was started by, and so the toolchain that the workspace asks for.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(arguments).envs(environment.iter().copied()).current_dir(root()))
}

fn run(command: &mut Command) -> Result<(), String> {
    eprintln!("+ {command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// The workspace's directory.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Where cargo builds to.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
