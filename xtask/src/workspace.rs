//! The workspace: its directories and files, and the commands that checks run in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable for the directory in which greenroom records runs.
///
/// Ours must leave the records of the user alone.
pub(crate) const STATE: &str = "XDG_STATE_HOME";

/// Returns the directory of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it; a program that another copy of the workspace has built would name that copy.
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest_dir).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Returns the directory that cargo builds to.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns the `greenroom` program of the development build.
pub(crate) fn greenroom() -> PathBuf {
    target().join("debug/greenroom")
}

/// Whether a check that cannot run here must fail.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// Runs cargo, and fails if it fails.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    run(Command::new(cargo_program()).args(arguments).envs(environment.iter().copied()).current_dir(root()))
}

/// Returns the cargo that started this program, which is that of the workspace's toolchain.
pub(crate) fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Shows and runs a command, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    eprintln!("+ {command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// Returns the paths of all files with this extension, sorted. Includes new files that git does not
/// know yet.
pub(crate) fn files(extension: &str) -> Result<Vec<String>, String> {
    let mut command = Command::new("git");
    command.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let is_wanted = |path: &&str| Path::new(path).extension().is_some_and(|found| found == extension);
    let mut files: Vec<String> = text.lines().filter(is_wanted).map(str::to_owned).collect();
    // Deleted files are listed until they are committed.
    files.retain(|path| root().join(path).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

/// Reads a file of the workspace.
pub(crate) fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))
}

/// Writes a file, and creates the directories that it is in.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
    parent.and_then(|()| fs::write(path, text)).map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for entry in fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))? {
        let entry = entry.map_err(|error| format!("{}: {error}", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Copies a file.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", from.display()))
}

/// Fails with a list of problems, unless it is empty.
pub(crate) fn no_problems(check: &str, problems: &[String]) -> Result<(), String> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("{check}:\n  {}", problems.join("\n  ")))
}
