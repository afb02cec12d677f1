//! What Cargo built: asks `cargo metadata` where programs of the source directory are. Builds nothing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenroom_sandbox::process::{Input, Program, Watch, capture, find_program};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::Deserialize;

/// How long Cargo may take to answer.
const LIMIT: Duration = Duration::from_mins(1);
/// The most that it may answer.
const LONGEST: u64 = 64 << 20;

/// How Cargo was asked to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CargoBuild {
    /// The profile: `dev`, `release` or one of the project's own.
    pub profile: String,
    /// The target platform, if one was chosen (`CARGO_BUILD_TARGET`).
    pub target: Option<String>,
    /// Where the programs are, if this program is a test that Cargo has built with them.
    pub programs: Option<PathBuf>,
}

impl CargoBuild {
    /// Returns the directory of the profile below the target directory.
    fn directory(&self) -> &str {
        match self.profile.as_str() {
            "dev" | "test" => "debug",
            "bench" => "release",
            other => other,
        }
    }

    /// Returns the command that builds a program.
    fn command(&self, package: &str, name: &str, is_member_of_many: bool) -> String {
        let package = if is_member_of_many { format!(" --package {package}") } else { String::new() };
        let profile = match self.profile.as_str() {
            "dev" | "test" => String::new(),
            "release" | "bench" => " --release".to_owned(),
            other => format!(" --profile {other}"),
        };
        format!("cargo build{package} --bin {name}{profile}")
    }
}

/// The programs of a Cargo project or workspace.
#[derive(Debug)]
pub(crate) struct CargoPrograms {
    directory: PathBuf,
    build: CargoBuild,
    /// The package of each program, by the program's name.
    packages: BTreeMap<String, String>,
    is_workspace: bool,
}

/// What `cargo metadata` prints, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl CargoPrograms {
    /// Asks Cargo about the project of a directory. The error is a reason, in one line.
    pub(crate) fn of(directory: &Path, path: &OsStr, build: &CargoBuild) -> Result<Self, String> {
        let cargo = find_program("cargo".as_ref(), path, Path::new("/"));
        let cargo = cargo.map_err(|_| "the program `cargo` is not on PATH".to_owned())?;
        let (answer, complaint) = run(&cargo, directory).map_err(|error| format!("cargo cannot run: {error}"))?;
        let Some(answer) = answer else {
            let text = String::from_utf8_lossy(&complaint);
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let line = lines.iter().find_map(|line| line.strip_prefix("error: ")).or(lines.last().copied());
            return Err(line.unwrap_or("cargo metadata failed").to_owned());
        };
        let metadata: Metadata =
            serde_json::from_slice(&answer).map_err(|error| format!("cargo metadata is not as expected: {error}"))?;
        Ok(Self::new(metadata, build))
    }

    fn new(metadata: Metadata, build: &CargoBuild) -> Self {
        let is_program = |target: &&Target| target.kind.iter().any(|kind| kind == "bin");
        let programs = metadata.packages.iter().flat_map(|package| {
            package.targets.iter().filter(is_program).map(|target| (target.name.clone(), package.name.clone()))
        });
        Self {
            packages: programs.collect(),
            directory: metadata.target_directory,
            build: build.clone(),
            is_workspace: metadata.packages.len() > 1,
        }
    }

    /// Returns the names of all programs.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str)
    }

    /// Returns where Cargo puts a program, whether or not it has been built.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        self.packages.get(name)?;
        let platform = self.build.target.as_deref().unwrap_or_default();
        Some(self.directory.join(platform).join(self.build.directory()).join(name))
    }

    /// Returns the command that builds a program.
    pub(crate) fn command(&self, name: &str) -> String {
        let package = self.packages.get(name).map_or("", String::as_str);
        self.build.command(package, name, self.is_workspace)
    }
}

/// Runs `cargo metadata`. Returns its answer, if it succeeded, and what it wrote to stderr.
fn run(cargo: &Path, directory: &Path) -> io::Result<(Option<Vec<u8>>, Vec<u8>)> {
    let memory = || Ok::<_, io::Error>(File::from(memfd_create("greenroom-cargo", MemfdFlags::CLOEXEC)?));
    let (output, errors) = (memory()?, memory()?);
    let arguments = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"];
    let started = Program {
        path: cargo.to_owned(),
        argv: arguments.map(Into::into).to_vec(),
        directory: directory.to_owned(),
        environment: Vec::new(),
        stdin: Input::Null,
        stdout: output.try_clone()?,
        stderr: errors.try_clone()?,
    }
    .start();
    let mut process = started.map_err(|error| error.source)?;
    let ended = process.wait(&mut Watch::new(), "cargo", LIMIT).map_err(io::Error::other)?;
    if ended.is_none() {
        process.kill();
    }
    let is_success = ended.is_some_and(|ended| ended.status.success());
    let answer = if is_success { Some(capture::tail_of(&output, LONGEST)?.bytes) } else { None };
    Ok((answer, capture::tail_of(&errors, 1 << 16)?.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(profile: &str, target: Option<&str>) -> CargoPrograms {
        let text = r#"{"target_directory": "/t", "packages": [
            {"name": "a", "targets": [{"name": "a", "kind": ["lib"]}, {"name": "server", "kind": ["bin"]}]},
            {"name": "b", "targets": [{"name": "try", "kind": ["example"]}, {"name": "b", "kind": ["bin"]}]}
        ]}"#;
        let build = CargoBuild { profile: profile.to_owned(), target: target.map(str::to_owned), programs: None };
        CargoPrograms::new(serde_json::from_str(text).unwrap(), &build)
    }

    #[test]
    fn programs_are_where_cargo_puts_them() {
        let at = |profile, target, name: &str| {
            programs(profile, target).program(name).map(|path| path.display().to_string())
        };
        assert_eq!(at("dev", None, "server").as_deref(), Some("/t/debug/server"));
        assert_eq!(at("release", None, "b").as_deref(), Some("/t/release/b"));
        assert_eq!(
            at("fast", Some("x86_64-unknown-linux-musl"), "b").as_deref(),
            Some("/t/x86_64-unknown-linux-musl/fast/b")
        );
        assert_eq!(at("dev", None, "a"), None);
        assert_eq!(at("dev", None, "try"), None);
        assert_eq!(programs("dev", None).command("server"), "cargo build --package a --bin server");
        assert_eq!(programs("release", None).command("b"), "cargo build --package b --bin b --release");
        assert_eq!(programs("fast", None).command("b"), "cargo build --package b --bin b --profile fast");
    }
}
