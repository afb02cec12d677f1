//! The crates that are published: complete metadata on every run of `ci`, and the packages
//! themselves before a release.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::workspace::{cargo, cargo_program, root, target};

/// What a registry shows of a crate, or what cargo needs to publish it.
const WANTED: [&str; 7] = ["description", "license", "readme", "rust_version", "keywords", "categories", "metadata"];
/// What crates.io takes of keywords and of categories at most.
const MOST: usize = 5;

/// Checks that every crate that is published says all that the registry and docs.rs want, and
/// carries its licences.
pub(crate) fn check() -> Result<(), String> {
    let metadata = output(&["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata: no packages")?;
    let mut problems = Vec::new();
    let mut published = 0;
    // An empty list of registries is `publish = false`.
    for package in packages.iter().filter(|package| package["publish"] != Value::Array(Vec::new())) {
        published += 1;
        let name = package["name"].as_str().unwrap_or_default();
        problems.extend(lacks(package).into_iter().map(|lack| format!("{name}: {lack}")));
        let files = output(&["package", "--list", "--allow-dirty", "--package", name])?;
        for wanted in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            if !files.lines().any(|file| file == wanted) {
                problems.push(format!("{name}: the package has no {wanted}"));
            }
        }
    }
    if published == 0 {
        problems.push("no crate is published".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Builds every package and compiles it as a user would get it. This takes a minute or more.
pub(crate) fn verify() -> Result<(), String> {
    let build = target().join("packages");
    forget(&build)?;
    let build = build.display().to_string();
    let unpublished = ["xtask", "greenroom-fuzz", "greenroom-example-counter", "greenroom-example-tally"];
    let excluded = unpublished.iter().flat_map(|name| ["--exclude", name]);
    let options = ["package", "--workspace", "--locked", "--target-dir", &build];
    let command: Vec<&str> = options.into_iter().chain(excluded).collect();
    // What is built never runs, so it needs no line numbers.
    cargo(&command, &[("CARGO_PROFILE_DEV_DEBUG", "false")])
}

/// Removes what earlier packages left behind.
///
/// Packages depend on one another through a temporary registry. cargo takes a version in a registry as immutable, so
/// it would use the sources and the libraries of the last time.
fn forget(build: &Path) -> Result<(), String> {
    remove(build)?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let sources = home.ok_or("neither CARGO_HOME nor HOME is set")?.join("registry/src");
    // Registries without a host are local ones.
    for registry in entries(&sources).into_iter().filter(|registry| starts_with(registry, "-")) {
        for package in entries(&registry).into_iter().filter(|package| starts_with(package, "greenroom")) {
            remove(&package)?;
        }
    }
    Ok(())
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn starts_with(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

fn remove(directory: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("failed to remove {}: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// What a package does not say, or says wrongly.
fn lacks(package: &Value) -> Vec<String> {
    let mut lacks: Vec<String> =
        WANTED.iter().filter(|key| is_empty(&package[**key])).map(|key| format!("no `{key}`")).collect();
    for key in ["keywords", "categories"] {
        if package[key].as_array().is_some_and(|list| list.len() > MOST) {
            lacks.push(format!("more than {MOST} {key}"));
        }
    }
    if package["metadata"]["docs"]["rs"].is_null() {
        lacks.push("no `package.metadata.docs.rs`".to_owned());
    }
    if let Some(readme) = package["readme"].as_str() {
        let directory = Path::new(package["manifest_path"].as_str().unwrap_or_default()).parent();
        if !directory.is_some_and(|directory| directory.join(readme).is_file()) {
            lacks.push(format!("its readme {readme} does not exist"));
        }
    }
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        if dependency["req"] == "*" && dependency["kind"] != "dev" {
            lacks.push(format!("depends on {} without a version", dependency["name"].as_str().unwrap_or_default()));
        }
    }
    lacks
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// What a cargo command prints.
fn output(arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(cargo_program());
    let output =
        command.args(arguments).current_dir(root()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
