//! Has Cargo run the test program that has the functions of documents.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use greenroom_report::words;

use super::project::CargoTest;
use crate::error::CommandError;

/// The option of a test program that selects documents.
const DOCUMENT: &str = "--document";

/// A document as the user named it, and the test programs that name it.
#[derive(Debug)]
pub(crate) struct OfTest {
    pub(crate) written: String,
    pub(crate) tests: Vec<CargoTest>,
}

/// Replaces this program by Cargo, which builds the test program and runs the documents.
///
/// `arguments` are those of the command behind `run`, as the user wrote them. Returns only if that is not
/// possible.
pub(crate) fn run(documents: &[OfTest], arguments: impl Iterator<Item = OsString>, directory: &Path) -> CommandError {
    let tests: Vec<&CargoTest> = documents.iter().flat_map(|of| &of.tests).collect();
    let Some(first) = tests.first().copied() else {
        return CommandError::Usage(vec![elsewhere(documents, directory)]);
    };
    if tests.len() > documents.len() && documents.len() == 1 {
        return CommandError::Usage(vec![several(&documents[0], directory)]);
    }
    if tests.len() != documents.len() || tests.iter().any(|test| test.source != first.source) {
        return CommandError::Usage(vec![elsewhere(documents, directory)]);
    }
    let is_document = |word: &OsStr| documents.iter().any(|of| *word == *of.written);
    let mut command = vec![OsString::from("test")];
    command.extend(selection(first, directory).into_iter().map(OsString::from));
    command.push("--".into());
    command.extend(arguments.filter(|word| !is_document(word) && word != "--"));
    for of in documents {
        let line = of.written.rsplit_once(':').filter(|(path, line)| {
            !path.is_empty() && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
        });
        let line = line.map_or_else(String::new, |(_, line)| format!(":{line}"));
        let document = of.tests.first().map_or("", |test| &test.document);
        command.extend([DOCUMENT.into(), format!("{document}{line}").into()]);
    }
    let shown: Vec<String> =
        command.iter().map(|word| words::shell_quote(&word.to_string_lossy()).into_owned()).collect();
    let _ =
        writeln!(std::io::stderr(), "greenroom: steps of it are in Rust, so Cargo runs it: cargo {}", shown.join(" "));
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo replaces this process, so that nothing is between it and the user"
    )]
    let error = Command::new("cargo").args(&command).exec();
    CommandError::system("run cargo", &error)
}

/// Returns the arguments by which Cargo selects a test.
fn selection(test: &CargoTest, directory: &Path) -> Vec<String> {
    let mut words = Vec::new();
    if test.directory != directory {
        words.extend(["--manifest-path".to_owned(), test.directory.join("Cargo.toml").display().to_string()]);
    }
    words.extend(["--test".to_owned(), test.name.clone()]);
    if !test.features.is_empty() {
        words.extend(["--features".to_owned(), test.features.join(",")]);
    }
    words
}

/// Returns the command that runs a document.
fn command(test: &CargoTest, directory: &Path) -> String {
    let document = words::shell_quote(&test.document);
    format!("cargo test {} -- {DOCUMENT} {document}", selection(test, directory).join(" "))
}

/// Says which commands run a document that several test programs name.
fn several(of: &OfTest, directory: &Path) -> String {
    let lines: Vec<String> = of.tests.iter().map(|test| format!("  {}", command(test, directory))).collect();
    format!("several test programs name {}; run one of them:\n{}", words::escape(&of.written), lines.join("\n"))
}

/// Says which command runs each document, as one cannot run all.
fn elsewhere(documents: &[OfTest], directory: &Path) -> String {
    let line = |of: &OfTest| {
        let command = of.tests.first().map_or_else(
            || format!("greenroom run {}", words::shell_quote(&of.written)),
            |test| command(test, directory),
        );
        format!("  {}: {command}", words::escape(&of.written))
    };
    let lines: Vec<String> = documents.iter().map(line).collect();
    format!(
        "the functions of these documents are in different programs; run them one after the other:\n{}",
        lines.join("\n")
    )
}
