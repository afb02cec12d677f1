//! The example in Rust with `greenroom-dynamic`, as a package outside of this workspace.
//!
//! Cargo builds `greenroom-dynamic` without a copy of the standard library only as a dependency. With `--workspace` it
//! gets a copy of its own, and then no program can be linked to it.

use std::fs;
use std::process::Command;

use crate::workspace::{cargo_program, copy, copy_file, read, root, target, write};

/// How large the test program may be, in bytes. With everything in it, it has more than a hundred megabytes.
const MOST: u64 = 20 << 20;

/// Runs its document, and checks that the test program is small.
pub(crate) fn check() -> Result<(), String> {
    let package = target().join("dynamic");
    let _ = fs::remove_dir_all(&package);
    let example = root().join("examples/tally");
    for part in ["src", "tests"] {
        copy(&example.join(part), &package.join(part))?;
    }
    write(&package.join("Cargo.toml"), &manifest()?)?;
    // The same versions as here.
    copy_file(&root().join("Cargo.lock"), &package.join("Cargo.lock"))?;

    let mut command = Command::new(cargo_program());
    // Dependencies are those that the workspace was built with.
    command.args(["test", "--test", "acceptance"]).current_dir(&package).env("CARGO_TARGET_DIR", target());
    eprintln!("+ {command:?}");
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let (shown, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() || !shown.contains("3 scenarios passed") {
        return Err(format!("{command:?}: {}, expected 3 scenarios\n{shown}{errors}", output.status));
    }
    let program = errors.lines().find_map(|line| Some(line.split_once("Running tests/acceptance.rs (")?.1));
    let program = program.and_then(|rest| rest.strip_suffix(')')).ok_or(format!("no test program\n{errors}"))?;
    let size = fs::metadata(package.join(program)).map_err(|error| format!("{program}: {error}"))?.len();
    if size > MOST { Err(format!("{program} has {size} bytes")) } else { Ok(()) }
}

/// The manifest of the example, with the profile of this workspace.
fn manifest() -> Result<String, String> {
    let ours = read("Cargo.toml")?;
    let profile = ours.find("[profile.dev]").map_or("", |at| &ours[at..]);
    let dynamic = root().join("crates/dynamic").display().to_string();
    Ok(format!(
        "[package]\nname = \"tally\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [[test]]\nname = \"acceptance\"\nharness = false\n\
         [dev-dependencies]\ngreenroom = {{ package = \"greenroom-dynamic\", path = {dynamic:?} }}\n{profile}"
    ))
}
