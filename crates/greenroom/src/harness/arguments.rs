//! The command line of a test program: that of the standard harness, and the options of `greenroom run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, ColorChoice, Command, FromArgMatches};

use greenroom_report::TerminalFormat;

use crate::commands::Run;
use crate::exit;
use crate::targets::split_line;
use crate::test_filter::{Ignored, TestFilter, TestReport};
use crate::values;

/// The variable with further arguments, for programs that start tests without passing any.
const VARIABLE: &str = "GREENROOM_ARGS";
/// The variables of the standard harness.
const THREADS: &str = "RUST_TEST_THREADS";
const NO_CAPTURE: &str = "RUST_TEST_NOCAPTURE";
const SHUFFLE: &str = "RUST_TEST_SHUFFLE";
const SHUFFLE_SEED: &str = "RUST_TEST_SHUFFLE_SEED";
const TIMES: &str = "RUST_TEST_TIME_INTEGRATION";

/// What a test may take with `--ensure-time`, if the variable does not say it.
const CRITICAL_TIME: Duration = Duration::from_secs(1);

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
    /// Show what passed steps printed, too; the same as --show-output
    ///
    /// Each step has a file for what it prints, so its output is shown with it when its scenario has ended.
    #[arg(long = "no-capture", alias = "nocapture")]
    no_capture: bool,
    /// Show what passed steps printed, too
    #[arg(long)]
    show_output: bool,
    /// Number of tests to run at the same time; the same as --jobs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    test_threads: Option<u32>,
    /// Run tests in the order of a seed; the same as --shuffle=SEED
    #[arg(long, value_name = "SEED", value_parser = values::seed, conflicts_with = "shuffle")]
    shuffle_seed: Option<u64>,
    /// Allow unstable options. `-Z unstable-options --format json` writes the JSON of Rust's harness; without
    /// -Z, --format json writes the events of greenroom. Other options do not need it
    #[arg(short = 'Z', value_name = "unstable-options", value_parser = ["unstable-options"])]
    unstable: Vec<String>,
    /// Add the time of each test to the JSON of Rust's harness. Other formats always have it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "plain", value_name = "STYLE")]
    report_time: Option<String>,
    /// Fail scenarios that take longer than the second number of `RUST_TEST_TIME_INTEGRATION=WARN,LIMIT`
    /// [default: 1000], in ms; the same as --timeout
    #[arg(long)]
    ensure_time: bool,
    /// Write a line for each test to a file, such as `ok NAME`. --junit and --events say more
    #[arg(long, value_name = "FILE")]
    logfile: Option<PathBuf>,
    /// No effect: each scenario has processes of its own
    #[arg(long)]
    force_run_in_process: bool,
    /// No effect: no scenario is expected to panic
    #[arg(long)]
    exclude_should_panic: bool,
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

/// A format of the standard harness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// The screen of greenroom, or a list with a count.
    #[default]
    Pretty,
    /// Less on the screen; a list of nothing but names.
    Terse,
    /// The JSON of the standard harness.
    Json,
    /// Any that `greenroom run` has.
    Other,
}

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) color: ColorChoice,
    pub(super) is_list: bool,
    pub(super) format: Format,
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
    let format = take_format(&mut words)?;
    let matches = command().try_get_matches_from(words)?;
    let standard = Standard::from_arg_matches(&matches)?;
    let mut run = Run::from_arg_matches(&matches)?;
    let filters = run.documents.replace(choose(documents, standard.documents)?);
    let shows_output = standard.no_capture || standard.show_output;
    if shows_output {
        run.show_output();
    } else if format == Format::Terse {
        run.show_less();
    }
    if let Some(seed) = standard.shuffle_seed {
        run.shuffle(Some(seed));
    } else if let Some(seed) = variable(SHUFFLE_SEED) {
        let text = seed.to_string_lossy();
        let usage = || ReadError::Usage(format!("{SHUFFLE_SEED} is `{text}`; expected a number"));
        run.shuffle(Some(values::seed(&text).map_err(|_| usage())?));
    } else if variable(SHUFFLE).is_some_and(|value| value != "0") {
        run.shuffle(None);
    }
    if standard.ensure_time {
        run.limit_time(critical_time(variable(TIMES))?);
    }
    if let Some(threads) = standard.test_threads {
        run.limit_jobs(threads);
    }
    let ignored = match (standard.ignored, standard.include_ignored || standard.list) {
        (true, _) => Ignored::Only,
        // A list has ignored tests, too.
        (_, true) => Ignored::Include,
        _ => Ignored::Skip,
    };
    let report = TestReport {
        is_json: format == Format::Json,
        reports_time: standard.report_time.is_some(),
        shows_output,
        log: standard.logfile,
    };
    let (skip, is_exact) = (standard.skip, standard.exact);
    let tests = TestFilter { filters, skip, is_exact, ignored, report, ..TestFilter::default() };
    // There are no benchmarks.
    Ok(Arguments { color: color(&matches), is_list: standard.list, format, tests, run })
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

/// Removes the formats that only the standard harness has, and returns the last one.
///
/// `junit` becomes the report of that name.
fn take_format(words: &mut Vec<OsString>) -> Result<Format, ReadError> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let is_unstable = words[..end].iter().any(|word| word == "-Zunstable-options" || word == "unstable-options");
    let mut format = Format::default();
    let mut at = 0;
    while at < words.len() {
        let (count, name) = match words[at].to_str() {
            Some("--") => break,
            Some("--format") => (2, words.get(at + 1).and_then(|word| word.to_str())),
            Some(word) => (1, word.strip_prefix("--format=")),
            None => (1, None),
        };
        let Some(name) = name else {
            at += 1;
            continue;
        };
        let mut instead = None;
        format = match name {
            "pretty" => Format::Pretty,
            "terse" => Format::Terse,
            "json" if is_unstable => Format::Json,
            "junit" => {
                instead = Some("--junit=-".into());
                Format::Pretty
            }
            _ if TerminalFormat::ALL.iter().any(|format| format.name() == name) => {
                at += count;
                format = Format::Other;
                continue;
            }
            _ => return Err(ReadError::Usage(format!("unknown format `{name}`; {}", formats()))),
        };
        words.splice(at..at + count, instead);
    }
    Ok(format)
}

/// Lists the formats.
fn formats() -> String {
    let names: Vec<&str> = TerminalFormat::ALL.iter().map(|format| format.name()).collect();
    format!(
        "those of Rust's harness are pretty, terse, junit and, behind `-Z unstable-options`, json; those of greenroom \
         are {}",
        names.join(", ")
    )
}

/// Returns the time that a test may take: the second number of the variable.
fn critical_time(variable: Option<OsString>) -> Result<Duration, ReadError> {
    let Some(value) = variable else { return Ok(CRITICAL_TIME) };
    let text = value.to_string_lossy();
    let time = text.split_once(',').and_then(|(_, limit)| limit.trim().parse().ok());
    time.map(Duration::from_millis).ok_or_else(|| {
        ReadError::Usage(format!("{TIMES} is `{text}`; expected two numbers of milliseconds, such as `500,1000`"))
    })
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
        .mut_arg("format", |arg| {
            arg.help(format!("Format of standard output: {}", formats())).hide_possible_values(true)
        })
        .mut_arg("paths", |arg| arg.required(false).value_name("FILTER").help(help).long_help(long_help))
}

fn color(matches: &ArgMatches) -> ColorChoice {
    matches.get_one("color").copied().unwrap_or_default()
}
