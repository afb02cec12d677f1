//! `greenroom init`: writes a first document, and for a Rust crate the test that runs it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use greenroom_report::words;

use crate::cargo_manifest;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output::print;
use crate::settings::Settings;

/// A document that runs anywhere: it needs only a shell. It has a file, a command and a background
/// process.
const FIRST: &str = include_str!("first.md");

/// A document for a Rust crate, and its step functions.
const FIRST_RUST: &str = include_str!("first_rust.md");
const FIRST_STEPS: &str = include_str!("first_steps.rs");

/// Where they go, and the name of the test.
const DOCUMENT: &str = "tests/acceptance.md";
const STEPS: &str = "tests/acceptance.rs";
const TEST: &str = "acceptance";

/// Write a first document that runs as it is
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// File to write
    #[arg(value_name = "FILE", default_value = "acceptance.md")]
    file: PathBuf,
    /// Write a document, a test and step functions for the Rust crate of this directory, and add the
    /// test to its Cargo.toml
    #[arg(long, conflicts_with = "file")]
    rust: bool,
}

impl Init {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<ExitCode, CommandError> {
        if self.rust {
            return init_crate(&settings.directory);
        }
        let is_list = self.file.extension().is_some_and(|extension| extension == "subplot");
        if is_list || self.file.as_os_str() == "-" {
            let markdown = if is_list { self.file.with_extension("md") } else { "acceptance.md".into() };
            let markdown = markdown.to_string_lossy();
            let message =
                format!("`init` writes a Markdown document: greenroom init {}", words::shell_quote(&markdown));
            return Err(CommandError::Usage(vec![message]));
        }
        let file = self.file.display();
        let word = self.file.to_string_lossy();
        let word = words::shell_quote(&word);
        match write_new(&settings.directory.join(&self.file), FIRST) {
            Ok(()) => print(&format!(
                "wrote {file}\n\n\
                 Run it:              greenroom run {word}\n\
                 See all the steps:   greenroom steps\n"
            )),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(CommandError::Usage(vec![format!("{file} already exists; name another file: greenroom init FILE")]))
            }
            Err(error) => Err(CommandError::system(format!("write {file}"), &error)),
        }
    }
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    File::options().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Adds a document, a test and step functions to the crate of a directory.
fn init_crate(directory: &Path) -> Result<ExitCode, CommandError> {
    let manifest = directory.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| match error.kind() {
        ErrorKind::NotFound => CommandError::Usage(vec![
            "there is no Cargo.toml here; change to the directory of a crate, or make one with `cargo new`".to_owned(),
        ]),
        _ => CommandError::system("read Cargo.toml", &error),
    })?;
    let existing: Vec<String> = [DOCUMENT, STEPS]
        .into_iter()
        .filter(|path| directory.join(path).exists())
        .map(|path| format!("{path} already exists; move it away, or write the test by hand: docs/rust.md"))
        .collect();
    if !existing.is_empty() {
        return Err(CommandError::Usage(existing));
    }
    let has_dependency = has_dependency(&text).map_err(|message| CommandError::Usage(vec![message]))?;
    let line = (!has_dependency).then(|| dependency(directory));
    let changed = with_test(&text, line.as_deref());
    let dependency = if has_dependency { "" } else { " and the dev-dependency `greenroom`" };
    let written = fs::create_dir_all(directory.join("tests"))
        .and_then(|()| write_new(&directory.join(DOCUMENT), FIRST_RUST))
        .and_then(|()| write_new(&directory.join(STEPS), FIRST_STEPS))
        .and_then(|()| fs::write(&manifest, changed));
    written.map_err(|error| CommandError::system("write the files of the test", &error))?;
    print(&format!(
        "wrote {DOCUMENT}\n\
         wrote {STEPS}\n\
         added the test `{TEST}`{dependency} to Cargo.toml\n\n\
         Run it:              cargo test --test {TEST}\n\
         See all the steps:   greenroom steps\n"
    ))
}

/// The heading below which the dependency goes.
const HEADING: &str = "[dev-dependencies]";

/// Whether the manifest of a crate has the dependency already.
fn has_dependency(manifest: &str) -> Result<bool, String> {
    let table: toml::Table = manifest.parse().map_err(|error| format!("Cargo.toml is not valid TOML: {error}"))?;
    if !table.contains_key("package") {
        return Err("this Cargo.toml has no [package]; change to the directory of a crate of the workspace".to_owned());
    }
    Ok(table.get("dev-dependencies").is_some_and(|dependencies| dependencies.get("greenroom").is_some()))
}

/// Returns a manifest with the test and, if it is given, the lines of its dependency.
fn with_test(manifest: &str, dependency: Option<&str>) -> String {
    let mut text = manifest.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if let Some(line) = dependency {
        let is_heading = |line: &str| line.split('#').next().unwrap_or_default().trim() == HEADING;
        let mut at = 0;
        let place = text.split_inclusive('\n').find_map(|line| {
            at += line.len();
            is_heading(line).then_some(at)
        });
        match place {
            Some(place) => text.insert_str(place, line),
            None => text = format!("{text}\n{HEADING}\n{line}"),
        }
    }
    format!("{text}\n[[test]]\nname = \"{TEST}\"\nharness = false\n")
}

/// Returns the lines of the dependency of a crate. What only some documents need would double the first build.
fn dependency(directory: &Path) -> String {
    let workspace = cargo_manifest::dependencies_of_workspace(directory);
    if workspace.is_some_and(|(_, dependencies)| dependencies.contains_key("greenroom")) {
        return "greenroom.workspace = true\n".to_owned();
    }
    format!(
        "# Features: pages (reports in HTML), schema (JSON Schema), tls, websocket, tokio (async step functions).\n\
         greenroom = {{ version = \"{}\", default-features = false }}\n",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_is_added_to_a_manifest() {
        let own = tempfile::tempdir().unwrap();
        let lines = dependency(own.path());
        let test = "\n[[test]]\nname = \"acceptance\"\nharness = false\n";
        let plain = "[package]\nname = \"a\"\n";
        assert_eq!(with_test(plain, Some(&lines)), format!("{plain}\n[dev-dependencies]\n{lines}{test}"));
        let others = "[package]\nname = \"a\"\n\n[dev-dependencies] # for tests\nserde = \"1\"\n\n[features]";
        assert_eq!(
            with_test(others, Some(&lines)),
            format!(
                "[package]\nname = \"a\"\n\n[dev-dependencies] # for tests\n{lines}serde = \"1\"\n\n[features]\n{test}"
            )
        );
        let known = "[package]\nname = \"a\"\n\n[dev-dependencies]\ngreenroom = { path = \"..\" }\n";
        assert_eq!(with_test(known, None), format!("{known}{test}"));
    }

    #[test]
    fn a_member_takes_the_dependency_of_its_workspace() {
        let workspace = tempfile::tempdir().unwrap();
        let member = workspace.path().join("members/a");
        fs::create_dir_all(&member).unwrap();
        fs::write(member.join("Cargo.toml"), "[package]\nname = \"a\"\n").unwrap();
        let write = |text: &str| fs::write(workspace.path().join("Cargo.toml"), text).unwrap();
        write("[workspace]\nmembers = [\"members/*\"]\n");
        assert!(dependency(&member).contains("default-features = false"));
        write("[workspace]\n[workspace.dependencies]\ngreenroom = { path = \"../greenroom\" }\n");
        assert_eq!(dependency(&member), "greenroom.workspace = true\n");
    }

    #[test]
    fn a_dependency_is_looked_for_in_the_manifest_of_a_crate() {
        assert_eq!(has_dependency("[package]\nname = \"a\"\n"), Ok(false));
        let path = "[package]\nname = \"a\"\n\n[dev-dependencies]\ngreenroom = { path = \"..\" }\n";
        assert_eq!(has_dependency(path), Ok(true));
        assert!(has_dependency("[workspace]\n").unwrap_err().contains("[package]"));
        assert!(has_dependency("[").unwrap_err().contains("not valid TOML"));
    }
}
