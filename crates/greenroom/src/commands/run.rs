//! `greenroom run`: runs scenarios and reports on them.

use std::fs::File;
use std::io::{self, Write};
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use greenroom_doc::Loaded;
use greenroom_event::{Event, Sink};
use greenroom_report::{
    LibtestLog, LibtestOptions, LibtestReporter, Options, Reporter, Tee, TerminalFormat, Verdict, words,
};
use greenroom_run::{Evidence, RunError, RunOptions, Strictness};
use greenroom_sandbox::{SandboxChoice, SandboxError};
use greenroom_steps::Registry;

use crate::detail::Detail;
use crate::documents::{Checks, Documents};
use crate::error::CommandError;
use crate::exit::{self, ExitCode};
use crate::filter::Filter;
use crate::format::{self, FormatOption};
use crate::history::HistoryArguments;
use crate::origin;
use crate::pages::{self, PageOutput};
use crate::repetition::Repetition;
use crate::reports::{self, ReportFiles};
#[cfg(feature = "command")]
use crate::rust_steps;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::test_filter::{self, TestFilter, TestReport};
use crate::values;

/// Run the scenarios of documents
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Run {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// Treat warnings about documents as errors
    #[arg(long)]
    strict: bool,
    /// Number of scenarios to run at the same time [default: as many as the machine can carry, or 1 if
    /// they share the host's network]
    ///
    /// By default one scenario runs for each processor, and up to 256 while those that run wait for a
    /// process, a port or a timer: waiting uses no CPU, so a hundred scenarios that each wait 50 ms
    /// take less than half a second, not five. No more start while less than a tenth of the memory is
    /// available. 1 runs them one after another. Scenarios that share the host's network and name the
    /// same port always take turns.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Set an environment variable for all steps and the processes they start. May be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = values::variable)]
    environment: Vec<(String, String)>,
    /// Start no more scenarios after the first failure; finish those that are running
    #[arg(long)]
    fail_fast: bool,
    #[command(flatten)]
    repetition: Repetition,
    #[command(flatten)]
    history: HistoryArguments,
    /// Keep the directories of failed scenarios and show their paths
    #[arg(long)]
    keep: bool,
    /// Run scenarios in random order, or in the order of a seed that an earlier run showed
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, value_parser = values::seed)]
    #[expect(clippy::option_option, reason = "what clap gives for an option whose value may be left out")]
    shuffle: Option<Option<u64>>,
    /// Time limit for one scenario, such as 90s or 5m [default: from the document, else 15m]
    #[arg(long, value_name = "DURATION", value_parser = greenroom_doc::parse_duration, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// Limit for what a process writes to stdout or to stderr, such as 500k or 1G [default: from
    /// the document, else 64M]
    #[arg(long, value_name = "SIZE", value_parser = greenroom_doc::parse_size, allow_hyphen_values = true)]
    output_limit: Option<u64>,
    /// What to do when a scenario leaves processes running; they are stopped in any case
    #[arg(long, value_name = "ACTION", default_value = "warn")]
    leftovers: Leftovers,
    /// What to do when a daemon crashes and no step notices it
    #[arg(long, value_name = "ACTION", default_value = "warn")]
    crashes: Crashes,
    /// How scenarios are isolated
    #[arg(long, value_name = "KIND", default_value = "auto")]
    sandbox: Sandbox,
    /// Network of the scenarios [default: from the document, else private]
    #[arg(long, value_name = "KIND")]
    network: Option<Network>,
    #[command(flatten)]
    format: FormatOption,
    #[command(flatten)]
    reports: ReportFiles,
    #[command(flatten)]
    pages: PageOutput,
    #[command(flatten)]
    detail: Detail,
    /// Which scenarios run as tests of a test program.
    #[arg(skip)]
    tests: Option<TestFilter>,
}

/// What to do with a scenario that leaves processes running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Leftovers {
    /// Fail the scenario
    Fail,
    /// List the processes
    Warn,
}

/// What to do with a scenario in which a daemon crashes unnoticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Crashes {
    /// Fail the scenario
    Fail,
    /// Name the daemon
    Warn,
}

/// How scenarios are isolated.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sandbox {
    /// As well as this machine allows; the run shows what is missing
    Auto,
    /// Each scenario has its own processes, network, /tmp, /proc and host name; fail if that is not
    /// possible
    Sealed,
    /// No namespaces: greenroom kills the processes one by one, everything else is the host's
    Tended,
}

impl From<Sandbox> for SandboxChoice {
    fn from(sandbox: Sandbox) -> Self {
        match sandbox {
            Sandbox::Auto => Self::Auto,
            Sandbox::Sealed => Self::Sealed,
            Sandbox::Tended => Self::Tended,
        }
    }
}

/// Which network scenarios have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Each scenario has its own localhost and no outside network
    Private,
    /// All scenarios use the host's network
    Host,
}

impl Run {
    /// Runs scenarios as the tests of a test program.
    pub(crate) fn of_tests(self, tests: TestFilter) -> Self {
        Self { tests: Some(tests), ..self }
    }

    /// Shows what passed steps wrote, too.
    pub(crate) fn show_output(&mut self) {
        self.detail.show_more();
    }

    /// Shows only failures and the end.
    pub(crate) fn show_less(&mut self) {
        self.detail.show_less();
    }

    /// Runs scenarios in the order of a seed, or of a new one.
    pub(crate) fn shuffle(&mut self, seed: Option<u64>) {
        self.shuffle.get_or_insert(seed);
    }

    /// Sets the time limit of a scenario, unless `--timeout` does.
    pub(crate) fn limit_time(&mut self, limit: Duration) {
        self.timeout.get_or_insert(limit);
    }

    /// Sets how many scenarios run at the same time, unless `--jobs` does.
    pub(crate) fn limit_jobs(&mut self, jobs: u32) {
        self.jobs.get_or_insert(jobs);
    }

    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        settings.bazel.begin()?;
        let result = self.run(settings, registry);
        settings.bazel.end(result.as_ref().err());
        result
    }

    fn run(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let bazel = &settings.bazel;
        let assignment = bazel.assignment(self.filter.partition)?;
        let checks = Checks {
            environment: &self.environment,
            strict: self.strict,
            shares_tmp: matches!(self.sandbox, Sandbox::Tended),
        };
        let (loaded, named) = self.documents.load(settings, registry, &checks)?;
        let loaded = Arc::new(loaded);
        let test_names = self.tests.as_ref().map_or_else(Vec::new, |_| test_filter::names(&loaded));
        let mut selected = self.filter.select(&loaded, &named)?;
        let mut libtest = LibtestOptions::default();
        if let Some(tests) = &self.tests {
            let ignored = tests.ignored(&loaded, &selected, &test_names);
            selected = tests.select(&loaded, &selected, &test_names);
            libtest = LibtestOptions {
                shows_output: tests.report.shows_output,
                reports_time: tests.report.reports_time,
                filtered_out: test_names.len() - selected.len() - ignored.len(),
                ignored: ignored.into_iter().map(|index| test_names[index].clone()).collect(),
            };
        }
        #[cfg(feature = "command")]
        if rust_steps::are_elsewhere(&loaded, &selected, registry) {
            let documents = rust_steps::of_tests(&self.documents.written(), &settings.directory);
            let arguments = std::env::args_os().skip_while(|word| word != "run").skip(1);
            let selected = rust_steps::selected_tests(&loaded, &selected);
            let options = Self::augment_args(clap::Command::new("run"));
            return Err(rust_steps::run(&documents, arguments, &options, &selected, &settings.directory));
        }
        let mut warnings = Documents::warnings(&loaded);
        if let Some(name) = &bazel.filter {
            selected = Filter::select_named(name, &loaded, &selected).unwrap_or_default();
            if selected.is_empty() {
                let message = format!(
                    "nothing to run: no scenario here has \"{}\" in its title or in a heading above it \
                     (TESTBRIDGE_TEST_ONLY)",
                    words::escape(name)
                );
                let _ = writeln!(io::stderr(), "greenroom: {message}");
                warnings.push(message);
            }
        }
        let is_filtered_out = selected.is_empty();
        let mut history = self.history.read(&loaded, settings)?;
        let mut selection = history.select(&loaded, selected);
        let mut chosen = std::mem::take(&mut selection.chosen);
        let mut partition = None;
        if let Some(assignment) = assignment {
            let (part, of_all) = assignment.take(&loaded, &settings.directory, &chosen);
            (chosen, partition) = (part, Some(of_all));
        }
        let repeat = self.repetition.rounds(chosen.len())?;
        let durations = history.durations(&loaded, &chosen);
        history.forget();
        let passed_earlier = selection.passed_earlier;
        let outputs = Outputs {
            format: self.format.or(settings.format()),
            files: self.reports.clone().for_bazel(bazel),
            pages: self.pages.for_bazel(bazel),
            of_tests: self.tests.as_ref().map(|tests| tests.report.clone()).unwrap_or_default(),
        };
        let mut options = RunOptions {
            partition,
            repeat,
            durations,
            passed_earlier,
            test_names,
            ..self.options(chosen, &loaded, settings, &outputs)
        };
        if let Some(origin) = &mut options.origin {
            if let Some(tests) = &self.tests {
                // The path of a test program has a hash, which another build changes.
                let program = ..origin.command.len().min(1);
                origin.command.splice(program, tests.command.split(' ').map(str::to_owned));
                origin.test_command = Some(tests.command.clone());
            }
            origin.is_rerun = history.is_rerun();
        }
        let mut inputs = reports::inputs(&loaded);
        let documents: Vec<&str> = loaded.plan.documents.iter().map(|document| &*document.path).collect();
        let pages = outputs.pages.check(&documents, &mut inputs, settings)?;
        let mut reports = outputs.files.open(&inputs, settings)?;
        reports.add_pages(pages);
        let signals = Signals::listen()?;
        let on_stderr = self.reports.take_standard_output();
        let screen = if on_stderr { Screen::new(io::stderr()) } else { Screen::new(io::stdout()) };
        let screen = screen.map_err(|error| CommandError::system("start a thread", &error))?;
        let shown = Options { verbosity: self.detail.verbosity(), shows_output: outputs.of_tests.shows_output };
        let terminal = if on_stderr { settings.stderr } else { settings.stdout };
        if outputs.format == TerminalFormat::Github {
            reports.add_job_summary(settings);
        }
        reports.spool(settings);
        let mut log = outputs.open_log(&libtest.ignored)?;
        let reporter = if outputs.of_tests.is_json {
            Box::new(LibtestReporter::new(screen.clone(), libtest))
        } else {
            format::reporter(outputs.format, screen.clone(), terminal, shown)
        };
        let mut reporter = OnScreen { reporter, screen: screen.clone() };
        let mut recorder = history.recorder();
        let records = recorder.iter_mut().map(|recorder| recorder as &mut dyn Sink);
        let logged = log.iter_mut().map(|log| log as &mut dyn Sink);
        let mut tee =
            Tee::new(iter::once(&mut reporter as &mut dyn Sink).chain(reports.sinks()).chain(records).chain(logged));
        let ran = greenroom_run::run(&loaded.plan, &loaded.sources, &options, signals.orders(), &mut tee);
        let summary = tee.into_summary();
        if ran.is_err() {
            reporter.reporter.clear();
        } else {
            reports.finish(false, Some(signals.stop()), settings);
        }
        // A user who stops a run does not wait for a reader that has stopped reading.
        let stopped = summary.interrupted || matches!(ran, Err(RunError::Sandbox(SandboxError::Interrupted)));
        let limit = stopped.then_some(LIMIT_AFTER_STOP);
        for output in iter::once(&screen).chain(reports.outputs()) {
            output.wait(limit, signals.stop(), signals.pause());
        }
        ran.map_err(|RunError::Sandbox(error)| match error {
            SandboxError::Interrupted => CommandError::Interrupted,
            error => CommandError::Sandbox { error, tmpdir_is_set: settings.tmpdir_is_set },
        })?;
        if let Some(recorder) = recorder {
            recorder.report();
        }
        selection.report();
        let verdict = summary.verdict();
        // Who stops a run may close its terminal too, so lost output does not matter.
        let lost = screen.lost().filter(|_| verdict != Verdict::Interrupted).map(CommandError::Output);
        let unlogged =
            log.as_ref().and_then(LibtestLog::error).map(|error| CommandError::system("write the log", error));
        let errors: Vec<CommandError> = reports.into_errors().into_iter().chain(unlogged).chain(lost).collect();
        errors.iter().for_each(CommandError::report);
        let lost = errors.first().filter(|_| verdict != Verdict::Interrupted);
        let is_late = options.time_limit.is_some_and(|limit| summary.interrupted && summary.took >= limit.stop);
        if let Some(message) = bazel.explain_stop().filter(|_| is_late) {
            let _ = writeln!(io::stderr(), "greenroom: {message}");
            warnings.push(message);
        }
        bazel.warn(&warnings);
        Ok(match verdict {
            _ if let Some(error) = lost => error.exit_code(),
            // Bazel passes one filter to many tests, and most of them have no scenario of the name.
            Verdict::NothingRan if is_filtered_out => ExitCode::Passed,
            verdict => verdict.into(),
        })
    }

    fn options(&self, chosen: Vec<usize>, loaded: &Arc<Loaded>, settings: &Settings, outputs: &Outputs) -> RunOptions {
        let hosts = self.documents.other_hosts();
        RunOptions {
            chosen,
            jobs: self.jobs.map(|jobs| jobs as usize),
            sandbox: self.sandbox.into(),
            timeout: self.timeout,
            time_limit: settings.bazel.time_limit(),
            environment: self.environment.clone(),
            fail_fast: self.fail_fast || settings.bazel.fail_fast,
            retries: self.repetition.retries,
            repeat: None,
            until_failure: self.repetition.until_failure,
            durations: Vec::new(),
            passed_earlier: 0,
            keep: self.keep,
            strictness: Strictness {
                leftovers: self.leftovers == Leftovers::Fail,
                crashes: self.crashes == Crashes::Fail,
                flaky: self.repetition.flaky_fails(),
            },
            evidence: if outputs.need_evidence() { Evidence::Full } else { Evidence::OfFailures },
            output_limit: self.output_limit,
            shuffle: self.shuffle.map(|seed| seed.unwrap_or_else(new_seed)),
            source_directory: settings.directory.clone(),
            temporary_directory: settings.bazel.temporary().unwrap_or(&settings.temporary).to_owned(),
            visible: self.documents.visible(loaded, settings, &self.environment),
            network: self.network.map(|network| match network {
                Network::Private => greenroom_doc::Network::Private,
                Network::Host => greenroom_doc::Network::Host,
            }),
            python: settings.absolute(&self.documents.python),
            origin: Some(origin::of_this_run(self.rerun_options(), settings)),
            partition: None,
            test_names: Vec::new(),
            texts: if outputs.need_texts() { pages::texts(loaded, settings) } else { Vec::new() },
            hosts: hosts.into_iter().map(|(name, program)| (name, settings.absolute(&program))).collect(),
        }
    }

    /// Returns the options that a failed scenario needs to fail again, for the command shown with
    /// it.
    fn rerun_options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |option: &str, value: String| options.extend([option.to_owned(), value]);
        for (name, value) in &self.environment {
            add("--env", format!("{name}={value}"));
        }
        if self.documents.python != "python3" {
            add("--python", self.documents.python.clone());
        }
        for (language, program) in &self.documents.hosts {
            add("--host", format!("{language}={program}"));
        }
        if let Some(network) = self.network {
            add("--network", if network == Network::Host { "host" } else { "private" }.to_owned());
        }
        if let Some(timeout) = self.timeout {
            let whole = timeout.subsec_nanos() == 0;
            let time = if whole { format!("{}s", timeout.as_secs()) } else { format!("{}ms", timeout.as_millis()) };
            add("--timeout", time);
        }
        if let Some(limit) = self.output_limit {
            add("--output-limit", limit.to_string());
        }
        if self.leftovers == Leftovers::Fail {
            add("--leftovers", "fail".to_owned());
        }
        if self.crashes == Crashes::Fail {
            add("--crashes", "fail".to_owned());
        }
        match self.sandbox {
            Sandbox::Auto => {}
            Sandbox::Sealed => add("--sandbox", "sealed".to_owned()),
            Sandbox::Tended => add("--sandbox", "tended".to_owned()),
        }
        options
    }
}

/// Where a run is reported besides the screen for people.
struct Outputs {
    format: TerminalFormat,
    files: ReportFiles,
    pages: PageOutput,
    of_tests: TestReport,
}

impl Outputs {
    /// Whether one of them shows what passed, too.
    fn need_evidence(&self) -> bool {
        let shows_passed = self.format == TerminalFormat::Json || self.of_tests.shows_output;
        shows_passed || !self.files.is_empty() || !self.pages.is_empty()
    }

    /// Opens the file that gets a line for each test.
    fn open_log(&self, ignored: &[String]) -> Result<Option<LibtestLog<File>>, CommandError> {
        let Some(path) = &self.of_tests.log else { return Ok(None) };
        let file = File::create(path)
            .map_err(|error| CommandError::Unwritable(vec![format!("failed to write {}: {error}", path.display())]))?;
        Ok(Some(LibtestLog::new(file, ignored.to_vec())))
    }

    /// Whether one of them has the texts of documents.
    fn need_texts(&self) -> bool {
        self.format == TerminalFormat::Json || self.files.need_texts() || !self.pages.is_empty()
    }
}

/// How long the report of a stopped run may take to be read.
const LIMIT_AFTER_STOP: Duration = Duration::from_secs(5);

/// A reporter whose output is written before the process stops itself.
struct OnScreen {
    reporter: Box<dyn Reporter>,
    screen: Screen,
}

impl Sink for OnScreen {
    fn push(&mut self, event: &Event) {
        self.reporter.push(event);
    }

    fn idle(&mut self, at: Duration) {
        self.reporter.idle(at);
    }

    fn pausing(&mut self) {
        self.reporter.pausing();
        self.screen.drain();
    }

    fn is_deserted(&self) -> bool {
        self.screen.is_closed()
    }
}

/// Returns a seed that differs between runs. The report shows it.
fn new_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::from(since.subsec_nanos()) ^ (u64::from(std::process::id()) << 16))
}
