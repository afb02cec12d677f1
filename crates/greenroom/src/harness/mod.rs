//! The test harness: `cargo test` runs the scenarios of documents, each as a test.
//!
//! [`Harness`] is what a test program without the standard harness calls. Its command line is that of
//! the standard harness with the options of `greenroom run`; `arguments` reads it, and
//! `parent` ends the run with the program that started it. The run
//! itself is that of `greenroom run`.

mod arguments;
mod parent;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use greenroom_doc::Loaded;
use greenroom_report::libtest;
use greenroom_run::StepAgent;
use greenroom_steps::{Library, Registry, function};

use self::arguments::Format;
use crate::documents::Documents;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output;
use crate::settings::Settings;
use crate::test_filter::{self, TestFilter};

/// The exit code of a test program whose tests failed, as Cargo expects it.
const FAILED: u8 = 101;

/// Runs the scenarios of documents as tests of a Cargo package.
///
/// A test program that is declared with `harness = false` calls it; [`acceptance_tests!`](crate::acceptance_tests)
/// is the short form of it. The documents are read when the test runs, so a changed document needs no
/// compilation. Steps are those of built-in libraries, of bindings that documents list, and the functions
/// of the program that have the attribute [`given`](crate::given), [`when`](crate::when),
/// [`then`](crate::then) or [`step`](crate::step).
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     greenroom::Harness::new(env!("CARGO_MANIFEST_DIR")).document("tests/shop.md").main()
/// }
/// ```
#[derive(Debug)]
pub struct Harness {
    directory: PathBuf,
    documents: Vec<String>,
    registry: Registry,
}

impl Harness {
    /// Creates a harness without documents, for the package of this directory.
    ///
    /// Paths of documents begin there, and it is the source directory of the scenarios (`${SRCDIR}`). The
    /// variable `CARGO_MANIFEST_DIR`, which Cargo sets, names another one if the package has moved.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), documents: Vec::new(), registry: Registry::builtin() }
    }

    /// Adds a document: a Markdown or `.subplot` file, or a directory of them.
    #[must_use]
    pub fn document(mut self, path: impl Into<String>) -> Self {
        self.documents.push(path.into());
        self
    }

    /// Adds a library of steps, which documents list as `lib/NAME.yaml`.
    #[must_use]
    pub fn library(mut self, library: Library) -> Self {
        self.registry = self.registry.with(library);
        self
    }

    /// Runs the test program to its end.
    ///
    /// Call it first in `main`, and do nothing else there: each run starts the executable once more, as
    /// the process that makes sandboxes. The exit code is 0 if all tests passed, and 101 if one failed or
    /// could not be run, as Cargo expects it; errors of the command line have the codes of the command
    /// `greenroom`.
    pub fn main(self) -> std::process::ExitCode {
        let (registry, mistakes) = match function::library() {
            Ok(Some(library)) => (self.registry.with(library), None),
            Ok(None) => (self.registry, None),
            Err(mistakes) => (self.registry, Some(mistakes)),
        };
        let agent = StepAgent::new(registry);
        greenroom_sandbox::enter(&agent);
        let entered = enter(&self.directory);
        let mistakes = mistakes.map_or_else(|| mistake(&self.documents).into_iter().collect(), |mistakes| mistakes.0);
        if !mistakes.is_empty() {
            // Cargo says nothing more about a program that fails as tests do.
            CommandError::Usage(mistakes).report();
            return FAILED.into();
        }
        let result = entered.and_then(|directory| test(&directory, self.documents.clone(), agent.registry()));
        let exit_code = result.unwrap_or_else(|error| {
            error.report();
            error.exit_code()
        });
        if exit_code == ExitCode::InvalidInput {
            explain_missing(&self.documents);
        }
        match exit_code {
            ExitCode::Failed | ExitCode::InvalidInput => FAILED.into(),
            other => other.into(),
        }
    }
}

/// Says what a test needs that has Rust's own harness. `file` is its source.
pub fn missing_harness(file: &str, crate_name: &str) -> String {
    // The name of a crate has underscores for the hyphens of its file.
    let name = Path::new(file).file_stem().and_then(OsStr::to_str).filter(|name| *name != "main").unwrap_or(crate_name);
    format!(
        "the documents do not run, because the test has Rust's own harness; write in Cargo.toml:\n\n\
         [[test]]\nname = \"{name}\"\nharness = false\n"
    )
}

/// Enters the directory of the package, which may have moved since the program was built.
#[expect(clippy::disallowed_methods, reason = "the harness is the program, and reads its environment here alone")]
fn enter(directory: &Path) -> Result<PathBuf, CommandError> {
    let moved = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).filter(|moved| moved.is_dir());
    let directory = moved.unwrap_or_else(|| directory.to_owned());
    if directory.is_dir() {
        std::env::set_current_dir(&directory)
            .map_err(|error| CommandError::system(format!("enter {}", directory.display()), &error))?;
    }
    Ok(directory)
}

/// Returns what is wrong with the documents that a harness names.
fn mistake(documents: &[String]) -> Option<String> {
    if documents.is_empty() {
        let message = "the harness names no document; add one: `greenroom::acceptance_tests!(\"tests/shop.md\")`";
        return Some(message.to_owned());
    }
    let mut known: Vec<(PathBuf, &String)> = Vec::new();
    for path in documents {
        let file = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
        match known.iter().find(|(other, _)| *other == file) {
            Some((_, same)) if *same == path => {
                return Some(format!("the harness names {path} twice; remove one of them"));
            }
            Some((_, same)) => {
                return Some(format!(
                    "the harness names {same} and {path}, which are the same file; remove one of them"
                ));
            }
            None => known.push((file, path)),
        }
    }
    None
}

/// Reads the command line, then lists or runs the tests in the present directory, that of the package.
#[expect(clippy::disallowed_methods, reason = "the harness is the program, and reads its environment here alone")]
fn test(directory: &Path, documents: Vec<String>, registry: &Registry) -> Result<ExitCode, CommandError> {
    let arguments = match arguments::read(std::env::args_os(), |name| std::env::var_os(name), documents) {
        Ok(arguments) => arguments,
        Err(arguments::ReadError::Clap(error)) => return output::no_command(&error),
        Err(arguments::ReadError::Usage(message)) => return Err(CommandError::Usage(vec![message])),
    };
    let mut settings = Settings::read(arguments.color)?;
    // A test is in the directory `deps` beside the programs of its package.
    settings.cargo.programs = std::env::current_exe().ok().and_then(|test| test.ancestors().nth(2).map(Path::to_owned));
    // Cargo and nextest set it for the tests that they start.
    if std::env::var_os("CARGO").is_some() && !arguments.is_list {
        parent::follow();
    }
    if arguments.is_list {
        list(&arguments.run.documents, &arguments.tests, &settings, registry, arguments.format)
    } else {
        let tests = TestFilter { command: test_command(directory), ..arguments.tests };
        arguments.run.of_tests(tests).execute(&settings, registry)
    }
}

/// Says where documents were looked for that do not exist.
#[expect(clippy::disallowed_methods, reason = "the harness is the program, and has entered its directory")]
fn explain_missing(documents: &[String]) {
    let missing: Vec<&str> = documents.iter().map(String::as_str).filter(|path| !Path::new(path).exists()).collect();
    if missing.is_empty() {
        return;
    }
    let directory = std::env::current_dir().unwrap_or_default();
    let _ = writeln!(
        io::stderr(),
        "note: the test program names {}, and looked in {}\n\
         help: correct the path in `acceptance_tests!` or `Harness::document`; it is relative to the package",
        missing.join(", "),
        directory.display()
    );
}

/// Prints the names of the tests, as the standard harness does.
fn list(
    documents: &Documents,
    tests: &TestFilter,
    settings: &Settings,
    registry: &Registry,
    format: Format,
) -> Result<ExitCode, CommandError> {
    let (loaded, all) = documents.survey(settings, registry)?;
    let names = test_filter::names(&loaded);
    let selected = tests.select(&loaded, &all, &names);
    let mut text = String::new();
    if format == Format::Json {
        text = discovered(&loaded, &selected, &names);
    } else {
        for &index in &selected {
            text.extend([&names[index], ": test\n"]);
        }
        if format != Format::Terse {
            let count = selected.len();
            let _ = write!(text, "\n{count} {}, 0 benchmarks\n", if count == 1 { "test" } else { "tests" });
        }
    }
    output::printed(io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()))?;
    Ok(if loaded.has_errors() { ExitCode::InvalidInput } else { ExitCode::Passed })
}

/// Returns the list of tests in the JSON of the standard harness.
fn discovered(loaded: &Loaded, selected: &[usize], names: &[String]) -> String {
    let mut text = libtest::line(&[("type", "suite".into()), ("event", "discovery".into())]);
    let mut ignored = 0;
    for &index in selected {
        let span = loaded.plan.scenarios[index].span;
        let file = loaded.sources.file(span.source);
        let (start, end) = (file.line_column(span.start), file.line_column(span.end));
        let is_ignored = test_filter::is_ignored(loaded, index);
        ignored += usize::from(is_ignored);
        text += &libtest::line(&[
            ("type", "test".into()),
            ("event", "discovered".into()),
            ("name", names[index].as_str().into()),
            ("ignore", is_ignored.into()),
            ("ignore_message", "".into()),
            ("source_path", file.name.as_str().into()),
            ("start_line", start.0.into()),
            ("start_col", start.1.into()),
            ("end_line", end.0.into()),
            ("end_col", end.1.into()),
        ]);
    }
    let count = selected.len();
    text + &libtest::line(&[
        ("type", "suite".into()),
        ("event", "completed".into()),
        ("tests", count.into()),
        ("benchmarks", 0.into()),
        ("total", count.into()),
        ("ignored", ignored.into()),
    ])
}

/// Returns the command by which Cargo runs this program, for the command shown with a failure.
#[expect(clippy::disallowed_methods, reason = "the harness is the program, and reads its environment here alone")]
fn test_command(directory: &Path) -> String {
    let program = std::env::current_exe().ok();
    let stem = program.as_deref().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("acceptance");
    // Cargo adds a hash to the name of the test.
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = stem.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(stem, |(name, _)| name);
    let package = std::env::var("CARGO_PKG_NAME").ok().filter(|_| !directory.join("Cargo.lock").exists());
    let package = package.map_or_else(String::new, |package| format!(" --package {package}"));
    format!("cargo test{package} --test {name} --")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_with_the_wrong_harness_is_told_what_to_write() {
        let name = |file: &str, crate_name: &str| {
            let message = missing_harness(file, crate_name);
            message.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().to_owned()
        };
        assert_eq!(name("tests/my-shop.rs", "my_shop"), r#""my-shop""#);
        assert_eq!(name("tests/shop/main.rs", "shop"), r#""shop""#);
    }

    #[test]
    fn a_document_is_named_once() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).display().to_string();
        fs::write(path("a.md"), "").unwrap();
        std::os::unix::fs::symlink("a.md", path("link.md")).unwrap();
        let mistake = |names: &[&str]| {
            let documents: Vec<String> = names.iter().map(|name| path(name)).collect();
            mistake(&documents).map(|message| message.replace(&path(""), ""))
        };
        assert_eq!(mistake(&["a.md", "b.md", "c.md"]), None);
        assert_eq!(mistake(&["b.md", "b.md"]).unwrap(), "the harness names b.md twice; remove one of them");
        for other in ["./a.md", "link.md"] {
            let expected = format!("the harness names a.md and {other}, which are the same file; remove one of them");
            assert_eq!(mistake(&["a.md", other]).unwrap(), expected);
        }
        assert!(mistake(&[]).unwrap().starts_with("the harness names no document; add one:"));
    }
}
