//! Has Cargo run the test program that has the functions of documents.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::iter;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use greenroom_report::words;

use super::output_paths;
use super::test_program::{CargoTest, Contents, HarnessKind, TestTarget};
use crate::error::CommandError;

/// The option of a test program that selects documents.
const DOCUMENT: &str = "--document";

/// A document as the user named it, and the test programs that name it.
#[derive(Debug)]
pub(crate) struct OfTest {
    pub(crate) written: String,
    pub(crate) tests: Vec<CargoTest>,
}

/// The selected scenarios, as the tests that a program with Rust's own harness has.
#[derive(Debug)]
pub(crate) struct SelectedTests {
    /// The names of their functions.
    pub(crate) names: Vec<String>,
    /// Whether they are all that the documents have.
    pub(crate) are_all: bool,
}

impl OfTest {
    /// Returns the document as a test program names it, if it does.
    fn in_test(&self, test: &CargoTest) -> Option<&CargoTest> {
        self.tests.iter().find(|own| own.source == test.source)
    }
}

/// Returns the test programs that name all of the documents.
fn shared(documents: &[OfTest]) -> Vec<&CargoTest> {
    let Some((first, others)) = documents.split_first() else { return Vec::new() };
    first.tests.iter().filter(|test| others.iter().all(|of| of.in_test(test).is_some())).collect()
}

/// Replaces this program by Cargo, which builds the test program and runs the documents.
///
/// `arguments` are those of the command behind `run`, as the user wrote them, and `options` what it knows.
/// Returns only if that is not possible.
pub(crate) fn run(
    documents: &[OfTest],
    mut arguments: impl Iterator<Item = OsString>,
    options: &clap::Command,
    selected: &SelectedTests,
    directory: &Path,
) -> CommandError {
    let shared = shared(documents);
    let test = match *shared {
        [test] => test,
        [] => return CommandError::Usage(vec![elsewhere(documents, directory)]),
        _ => return CommandError::Usage(vec![several(documents, &shared, directory)]),
    };
    if let HarnessKind::Standard(contents) = test.kind {
        let words = standard(test, contents, selected, directory);
        let option = arguments.find(|word| word.as_encoded_bytes().starts_with(b"-") && word != "--");
        return match option {
            Some(option) => CommandError::Usage(vec![not_an_option(&option.to_string_lossy(), documents, &words)]),
            None => replace(&words.into_iter().map(OsString::from).collect::<Vec<_>>()),
        };
    }
    let is_document = |word: &OsStr| documents.iter().any(|of| *word == *of.written);
    let mut command = vec![OsString::from("test")];
    command.extend(selection(test, directory).into_iter().map(OsString::from));
    command.push("--".into());
    let arguments = arguments.filter(|word| !is_document(word) && word != "--");
    if test.directory == directory {
        command.extend(arguments);
    } else {
        // Cargo runs a test in the directory of its package.
        command.extend(output_paths::from_root(arguments, options, directory));
    }
    for of in documents {
        let line = of.written.rsplit_once(':').filter(|(path, line)| {
            !path.is_empty() && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
        });
        let line = line.map_or_else(String::new, |(_, line)| format!(":{line}"));
        let document = of.in_test(test).map_or("", |named| &named.document);
        command.extend([DOCUMENT.into(), format!("{document}{line}").into()]);
    }
    replace(&command)
}

/// Replaces this program by Cargo with these arguments. Returns only if that is not possible.
fn replace(arguments: &[OsString]) -> CommandError {
    let shown: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let _ = writeln!(
        std::io::stderr(),
        "greenroom: steps of it are in Rust, so Cargo runs it: {}",
        cargo(shown.iter().map(|word| &**word))
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo replaces this process, so that nothing is between it and the user"
    )]
    let error = Command::new("cargo").args(arguments).exec();
    CommandError::system("run cargo", &error)
}

/// Returns a command of Cargo as users type it.
fn cargo<'a>(arguments: impl Iterator<Item = &'a str>) -> String {
    iter::once("cargo").chain(arguments).map(words::shell_quote).collect::<Vec<_>>().join(" ")
}

/// Returns the arguments by which Cargo runs scenarios that are tests of Rust's own harness.
fn standard(test: &CargoTest, contents: Contents, selected: &SelectedTests, directory: &Path) -> Vec<String> {
    let mut words = vec!["test".to_owned()];
    words.extend(selection(test, directory));
    if selected.are_all && contents == Contents::DocumentOnly {
        return words;
    }
    words.push("--".to_owned());
    if contents != Contents::MoreInModules {
        words.push("--exact".to_owned());
    }
    words.extend(selected.names.iter().cloned());
    words
}

/// Says that Rust's own harness lacks an option, and what to type.
fn not_an_option(option: &str, documents: &[OfTest], words: &[String]) -> String {
    let documents: Vec<_> = documents.iter().map(|of| words::escape(&of.written)).collect();
    format!(
        "the test that has the steps of {} uses Rust's own harness, without the options of greenroom such as {}; \
         run:\n  \
         {}\nor move it to the harness of greenroom: docs/subplotlib.md, The second step",
        documents.join(" and "),
        words::shell_quote(option.split_once('=').map_or(option, |(name, _)| name)),
        cargo(words.iter().map(String::as_str))
    )
}

/// Returns the arguments by which Cargo selects a test.
fn selection(test: &CargoTest, directory: &Path) -> Vec<String> {
    let mut words = Vec::new();
    if test.directory != directory {
        words.extend(["--manifest-path".to_owned(), test.directory.join("Cargo.toml").display().to_string()]);
    }
    match &test.target {
        TestTarget::Test(name) => words.extend(["--test".to_owned(), name.clone()]),
        TestTarget::Library => words.push("--lib".to_owned()),
        TestTarget::Programs => words.push("--bins".to_owned()),
    }
    if !test.features.is_empty() {
        words.extend(["--features".to_owned(), test.features.join(",")]);
    }
    words
}

/// Returns the command that runs documents of a test program.
fn command(documents: &[OfTest], test: &CargoTest, directory: &Path) -> String {
    let mut words = vec!["test".to_owned()];
    words.extend(selection(test, directory));
    if test.kind == HarnessKind::Greenroom {
        words.push("--".to_owned());
        for named in documents.iter().filter_map(|of| of.in_test(test)) {
            words.extend([DOCUMENT.to_owned(), named.document.clone()]);
        }
    }
    cargo(words.iter().map(String::as_str))
}

/// Says which commands run documents that several test programs name.
fn several(documents: &[OfTest], tests: &[&CargoTest], directory: &Path) -> String {
    let lines: Vec<String> = tests.iter().map(|test| format!("  {}", command(documents, test, directory))).collect();
    let written: Vec<_> = documents.iter().map(|of| words::escape(&of.written)).collect();
    format!("several test programs name {}; run one of them:\n{}", written.join(" and "), lines.join("\n"))
}

/// Says which command runs each document, as one cannot run all.
fn elsewhere(documents: &[OfTest], directory: &Path) -> String {
    let line = |of: &OfTest| {
        let command = of.tests.first().map_or_else(
            || format!("greenroom run {}", words::shell_quote(&of.written)),
            |test| command(std::slice::from_ref(of), test, directory),
        );
        format!("  {}: {command}", words::escape(&of.written))
    };
    let lines: Vec<String> = documents.iter().map(line).collect();
    format!(
        "the functions of these documents are in different programs; run them one after the other:\n{}",
        lines.join("\n")
    )
}
