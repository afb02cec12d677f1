//! The documents and step files that the published crate subplotlib has for itself, with the renamed dependency.
//!
//! Cargo fetches the crates. They are copied below `target`, in the layout of their repository, so that the tests of
//! subplotlib find all documents. Most of these run the program `subplot`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::workspace::{cargo_program, copy, copy_file, is_ci, root, run, target, write};

/// The version whose documents are run.
const VERSION: &str = "0.14.0";

/// Tests of subplotlib, and how many scenarios each has.
const TESTS: [(&str, usize); 3] = [("subplotlib", 3), ("files", 7), ("runcmd", 21)];

/// The test whose scenarios run the program `subplot`.
const PROGRAM_TEST: (&str, usize) = ("subplot-others", 68);

/// Runs the tests, without those that need `subplot` if it is missing.
///
/// Where the crates cannot be fetched, only CI insists on them.
pub(crate) fn check() -> Result<(), String> {
    let directory = target().join("subplotlib");
    let package = match fetch(&directory) {
        Ok(package) => package,
        Err(problem) if !is_ci() => {
            eprintln!("skipped the documents of subplotlib: {problem}");
            return Ok(());
        }
        Err(problem) => return Err(problem),
    };
    let mut tests = TESTS.to_vec();
    match program() {
        Some(_) => tests.push(PROGRAM_TEST),
        None => eprintln!(
            "skipped {} scenarios of subplotlib: no program subplot {VERSION} on PATH, and GREENROOM_SUBPLOT does not \
             name it",
            PROGRAM_TEST.1
        ),
    }
    for (test, scenarios) in tests {
        let mut command = Command::new(cargo_program());
        command.args(["test", "--test", test]).current_dir(&package).env("CARGO_TARGET_DIR", directory.join("build"));
        command.envs(program().map(|directory| ("SUBPLOT_DIR", directory)));
        passes(&mut command, scenarios)?;
    }
    Ok(())
}

/// Runs a test, which must have this many scenarios.
fn passes(command: &mut Command, scenarios: usize) -> Result<(), String> {
    eprintln!("+ {command:?}");
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let shown = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !shown.contains(&format!("test result: ok. {scenarios} passed")) {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}, expected {scenarios} tests\n{shown}{errors}", output.status));
    }
    eprintln!("{scenarios} scenarios passed");
    Ok(())
}

/// Returns the directory of the program `subplot` of the right version: that of `GREENROOM_SUBPLOT`, or one on PATH.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("GREENROOM_SUBPLOT").map(PathBuf::from);
    let named = named.and_then(|program| program.parent().map(Path::to_owned));
    let path = std::env::var_os("PATH").unwrap_or_default();
    named.into_iter().chain(std::env::split_paths(&path)).find(|directory| {
        let output = Command::new(directory.join("subplot")).arg("--version").output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(VERSION))
    })
}

/// Makes a package of the tests of subplotlib, which uses our crate under that name. Returns its directory.
fn fetch(directory: &Path) -> Result<PathBuf, String> {
    let fetched = directory.join("fetch");
    let dependencies = format!("subplot = \"={VERSION}\"\nsubplotlib = \"={VERSION}\"\n");
    write(&fetched.join("Cargo.toml"), &manifest(&dependencies))?;
    write(&fetched.join("src/lib.rs"), "")?;
    run(Command::new(cargo_program()).arg("fetch").current_dir(&fetched))?;

    let mut command = Command::new(cargo_program());
    let output = command.args(["metadata", "--format-version", "1", "--offline"]).current_dir(&fetched).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let source = |name: &str| {
        let mut packages = metadata["packages"].as_array().into_iter().flatten();
        let package = packages.find(|package| package["name"] == name);
        let manifest = package.and_then(|package| package["manifest_path"].as_str());
        manifest.and_then(|path| Path::new(path).parent()).ok_or_else(|| format!("cargo did not fetch {name}"))
    };
    let repository = directory.join("subplot");
    let package = repository.join("subplotlib");
    let _ = fs::remove_dir_all(&repository);
    copy(source("subplot")?, &repository)?;
    copy(source("subplotlib")?, &package)?;
    let _ = fs::remove_dir_all(package.join("src"));
    write(&package.join("src/lib.rs"), "")?;
    let ours = root().join("crates/subplotlib");
    let dependencies = format!(
        "[dev-dependencies]\nsubplotlib = {{ package = \"greenroom-subplotlib\", path = {:?} }}\nculpa = \
         \"1\"\nserde_json = \"1\"\ntempfile = \"3\"\n",
        ours.display().to_string()
    );
    write(&package.join("Cargo.toml"), &manifest(&dependencies))?;
    // The same versions as here, which are built for the same toolchain.
    copy_file(&root().join("Cargo.lock"), &package.join("Cargo.lock"))?;
    Ok(package)
}

/// The manifest of a package that belongs to no workspace.
fn manifest(dependencies: &str) -> String {
    let section = if dependencies.starts_with('[') { "" } else { "[dependencies]\n" };
    format!(
        "[package]\nname = \"published\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n{section}{dependencies}"
    )
}
