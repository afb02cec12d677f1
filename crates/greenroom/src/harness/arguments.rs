//! The command line of a test program: that of the standard harness, and the options of `greenroom run`.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, Args, ColorChoice, Command, FromArgMatches};

use crate::commands::Run;
use crate::exit;
use crate::targets::split_line;
use crate::test_filter::{Ignored, TestFilter};

/// The variable with further arguments, for programs that start tests without passing any.
const VARIABLE: &str = "GREENROOM_ARGS";
/// The variables of the standard harness.
const THREADS: &str = "RUST_TEST_THREADS";
const NO_CAPTURE: &str = "RUST_TEST_NOCAPTURE";

/// The options of the standard harness that `greenroom run` does not have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of Rust's test harness")]
#[expect(clippy::struct_excessive_bools, reason = "these are the options of the standard harness")]
struct Standard {
    /// List the tests, and run none
    #[arg(long)]
    list: bool,
    /// Take the filters for whole names
    #[arg(long)]
    exact: bool,
    /// Leave out tests whose name has this text. May be repeated
    #[arg(long = "skip", value_name = "FILTER")]
    skip: Vec<String>,
    /// Run only ignored tests: scenarios with the label `ignored`
    #[arg(long, conflicts_with = "include_ignored")]
    ignored: bool,
    /// Run ignored tests too
    #[arg(long)]
    include_ignored: bool,
    /// Show what passed steps wrote, too; the same as --show-output
    #[arg(long = "no-capture", alias = "nocapture")]
    no_capture: bool,
    /// Show what passed steps wrote, too
    #[arg(long)]
    show_output: bool,
    /// Number of tests to run at the same time; the same as --jobs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    test_threads: Option<u32>,
    /// Allow options that Rust calls unstable: `--format json` for that of the standard harness
    #[arg(short = 'Z', value_name = "NAME", hide = true)]
    unstable: Vec<String>,
    /// Report the time of each test, as greenroom always does
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "plain")]
    report_time: Option<String>,
    /// Run only the scenarios of this document of the test program, or the one at a line of it (`FILE:18`).
    /// May be repeated
    #[arg(long = "document", value_name = "DOCUMENT")]
    documents: Vec<String>,
    /// Run tests, as always
    #[arg(long, hide = true)]
    test: bool,
    /// Run benchmarks. There are none
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) color: ColorChoice,
    pub(super) is_list: bool,
    /// Whether a list has nothing but names.
    pub(super) is_terse: bool,
    pub(super) tests: TestFilter,
    pub(super) run: Run,
}

/// Why there are no arguments.
pub(super) enum ReadError {
    /// An error of the command line, or a text that it asks for.
    Clap(Box<clap::Error>),
    /// What is wrong, in one line.
    Usage(String),
}

impl From<clap::Error> for ReadError {
    fn from(error: clap::Error) -> Self {
        Self::Clap(Box::new(error))
    }
}

/// Reads the command line of a test program, after the arguments in variables.
pub(super) fn read(
    arguments: impl Iterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
    documents: Vec<String>,
) -> Result<Arguments, ReadError> {
    let mut words: Vec<OsString> = arguments.collect();
    let program = if words.is_empty() { OsString::from("acceptance") } else { words.remove(0) };
    let mut first = vec![program];
    if let Some(more) = variable(VARIABLE) {
        let split = more.to_str().and_then(greenroom_steps::library::split_words);
        let message = || ReadError::Usage(format!("{VARIABLE} has a quote that is not closed: {}", more.display()));
        first.extend(split.ok_or_else(message)?.into_iter().map(OsString::from));
    }
    let is_given = |option: &str| {
        words
            .iter()
            .filter_map(|word| word.to_str())
            .any(|word| word == option || word.starts_with(&format!("{option}=")))
    };
    if let Some(threads) = variable(THREADS).filter(|_| !is_given("--test-threads")) {
        first.extend(["--test-threads".into(), threads]);
    }
    if variable(NO_CAPTURE).is_some_and(|value| value != "0") && !is_given("--no-capture") && !is_given("--nocapture") {
        first.push("--no-capture".into());
    }
    words.splice(0..0, first);
    let is_terse = take_format(&mut words);
    let matches = command().try_get_matches_from(words)?;
    let standard = Standard::from_arg_matches(&matches)?;
    let mut run = Run::from_arg_matches(&matches)?;
    let filters = run.documents.replace(choose(documents, standard.documents)?);
    if standard.no_capture || standard.show_output {
        run.show_output();
    }
    if let Some(threads) = standard.test_threads {
        run.limit_jobs(threads);
    }
    let ignored = match (standard.ignored, standard.include_ignored) {
        (true, _) => Ignored::Only,
        (_, true) => Ignored::Include,
        _ => Ignored::Skip,
    };
    let tests = TestFilter { filters, skip: standard.skip, is_exact: standard.exact, ignored, ..TestFilter::default() };
    // There are no benchmarks.
    Ok(Arguments { color: color(&matches), is_list: standard.list, is_terse, tests, run })
}

/// Returns the documents to run: all, or those that the user chose among them.
fn choose(documents: Vec<String>, chosen: Vec<String>) -> Result<Vec<String>, ReadError> {
    if chosen.is_empty() {
        return Ok(documents);
    }
    let is_known = |path: &str| {
        documents.iter().any(|known| Path::new(path).starts_with(known.strip_prefix("./").unwrap_or(known)))
    };
    let unknown =
        chosen.iter().find(|name| !is_known(name) && !split_line(name).is_some_and(|(path, _)| is_known(path)));
    match unknown {
        Some(name) => Err(ReadError::Usage(format!(
            "this test program has no document {name}; its documents are {}",
            documents.join(", ")
        ))),
        None => Ok(chosen),
    }
}

/// Removes the formats that only the standard harness has. Returns whether one of them was terse.
fn take_format(words: &mut Vec<OsString>) -> bool {
    let mut is_terse = false;
    let mut at = 0;
    while at < words.len() {
        let (count, format) = match words[at].to_str() {
            Some("--") => break,
            Some("--format") => (2, words.get(at + 1).and_then(|word| word.to_str())),
            Some(word) => (1, word.strip_prefix("--format=")),
            None => (1, None),
        };
        match format {
            Some("terse" | "pretty") => {
                is_terse |= format == Some("terse");
                words.drain(at..at + count);
            }
            _ => at += 1,
        }
    }
    is_terse
}

/// Returns the definition of the command line.
fn command() -> Command {
    let command = Command::new("acceptance").after_help(exit::help()).arg(
        clap::Arg::new("color")
            .long("color")
            .value_name("WHEN")
            .help("When to use color")
            .value_parser(clap::value_parser!(ColorChoice))
            .default_value("auto"),
    );
    let command = Run::augment_args(Standard::augment_args(command).next_help_heading("Options of greenroom run"));
    let help = "Run only tests whose name has this text. May be repeated";
    let long_help = "Run only tests whose name has this text. May be repeated\n\nThe name of a test is the title of \
                     its scenario. Where several scenarios have one title, the document or the place in it follows.";
    command
        .about("Run the scenarios of acceptance documents as tests")
        .mut_arg("paths", |arg| arg.required(false).value_name("FILTER").help(help).long_help(long_help))
}

fn color(matches: &ArgMatches) -> ColorChoice {
    matches.get_one("color").copied().unwrap_or_default()
}
