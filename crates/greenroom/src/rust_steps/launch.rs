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

/// A document as the user named it, and the test program that names it.
#[derive(Debug)]
pub(crate) struct OfTest {
    pub(crate) written: String,
    pub(crate) test: Option<CargoTest>,
}

/// Replaces this program by Cargo, which builds the test program and runs the documents.
///
/// `arguments` are those of the command behind `run`, as the user wrote them. Returns only if that is not
/// possible.
pub(crate) fn run(documents: &[OfTest], arguments: impl Iterator<Item = OsString>, directory: &Path) -> CommandError {
    let tests: Vec<Option<&CargoTest>> = documents.iter().map(|of| of.test.as_ref()).collect();
    let Some(Some(first)) = tests.first().copied() else {
        return CommandError::Usage(vec![elsewhere(documents, directory)]);
    };
    if tests.iter().any(|test| test.is_none_or(|test| test.source != first.source)) {
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
        let document = of.test.as_ref().map_or("", |test| &test.document);
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
    words
}

/// Says which command runs each document, as one cannot run all.
fn elsewhere(documents: &[OfTest], directory: &Path) -> String {
    let line = |of: &OfTest| {
        let command = of.test.as_ref().map_or_else(
            || format!("greenroom run {}", words::shell_quote(&of.written)),
            |test| format!("cargo test {} -- {DOCUMENT} {}", selection(test, directory).join(" "), test.document),
        );
        format!("  {}: {command}", words::escape(&of.written))
    };
    let lines: Vec<String> = documents.iter().map(line).collect();
    format!(
        "the functions of these documents are in different programs; run them one after the other:\n{}",
        lines.join("\n")
    )
}
