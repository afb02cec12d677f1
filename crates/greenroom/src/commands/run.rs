//! `greenroom run`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenroom_doc::Loaded;
use greenroom_event::{Event, Sink};
use greenroom_report::{Options, TerminalReporter, Verbosity, Verdict, words};
use greenroom_run::{Orders, RunError, RunOptions};
use greenroom_sandbox::SandboxError;
use greenroom_steps::Registry;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};

use crate::arguments::{Leftovers, Network, Run, Sandbox};
use crate::commands::doctor;
use crate::screen::Screen;
use crate::settings::{Settings, absolute, below_tmp, complain};
use crate::{commands, exit};

pub(crate) fn run(options: &Run, settings: &Settings, registry: &Registry) -> u8 {
    let Ok(loaded) = commands::load(&options.chosen.documents, &options.hosts, settings, registry) else {
        return exit::CANNOT;
    };
    commands::show(&loaded, settings);
    if loaded.has_errors() {
        return exit::BAD_DOCUMENT;
    }
    let Ok(chosen) = commands::choose(&loaded, &options.chosen) else { return exit::USAGE };
    let run_options = RunOptions {
        chosen,
        jobs: options.jobs.map(|jobs| jobs as usize),
        sandbox: options.sandbox.into(),
        timeout: options.timeout,
        environment: options.environment.clone(),
        fail_fast: options.fail_fast,
        keep: options.keep,
        leftovers_fail: options.leftovers == Leftovers::Fail,
        output_limit: options.output_limit,
        shuffle: options.shuffle.map(|seed| seed.unwrap_or_else(new_seed)),
        source_directory: settings.directory.clone(),
        temporary_directory: settings.temporary.clone(),
        visible: visible(&loaded, options, settings),
        network: options.network.map(|network| network == Network::Host),
        python: absolute(&options.hosts.python, settings),
        hosts: options.hosts.others().into_iter().map(|(name, program)| (name, absolute(&program, settings))).collect(),
    };
    let verbosity = match (options.verbose, options.quiet) {
        (true, _) => Verbosity::Verbose,
        (_, true) => Verbosity::Quiet,
        _ => Verbosity::Normal,
    };
    let shown = Options { verbosity, rerun_options: rerun_options(options) };
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("failed to listen for signals: {error}"));
            return exit::CANNOT;
        }
    };
    let screen = match Screen::new(io::stdout()) {
        Ok(screen) => screen,
        Err(error) => {
            complain(&format!("failed to start a thread: {error}"));
            return exit::CANNOT;
        }
    };
    let mut reporter = OnScreen(TerminalReporter::new(screen, settings.stdout, shown));
    let ran = greenroom_run::run(&loaded.plan, &loaded.sources, &run_options, signals.orders(), &mut reporter);
    let OnScreen(mut reporter) = reporter;
    if ran.is_err() {
        reporter.clear();
    }
    // Somebody who has stopped the run does not wait for a reader that does not read.
    let stopped = reporter.summary().interrupted || matches!(ran, Err(RunError::Sandbox(SandboxError::Interrupted)));
    let limit = stopped.then_some(LAST_WORDS);
    reporter.get_ref().wait(limit, signals.stop.as_fd(), signals.pause.as_ref().map(AsFd::as_fd));
    match ran {
        Ok(()) => {}
        Err(RunError::Sandbox(SandboxError::Interrupted)) => return exit::INTERRUPTED,
        Err(RunError::Sandbox(error)) => return doctor::cannot(&error, settings),
    }
    match (reporter.summary().verdict(), reporter.get_ref().lost()) {
        // Whoever stops a run may well close its terminal too.
        (Verdict::Interrupted, _) => exit::INTERRUPTED,
        (_, Some(error)) => {
            complain(&format!("failed to write the results: {error}"));
            exit::CANNOT
        }
        (Verdict::Passed, None) => exit::PASSED,
        (Verdict::Failed, None) => exit::FAILED,
        (Verdict::NothingRan, None) => exit::USAGE,
    }
}

/// How long the report of a run that was stopped may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A reporter whose output is out when the process is stopped.
struct OnScreen(TerminalReporter<Screen>);

impl Sink for OnScreen {
    fn push(&mut self, event: &Event) {
        self.0.push(event);
    }

    fn idle(&mut self, at: Duration) {
        self.0.idle(at);
    }

    fn pausing(&mut self) {
        self.0.pausing();
        self.0.get_ref().drain();
    }

    fn is_deserted(&self) -> bool {
        self.0.get_ref().is_deserted()
    }
}

/// What scenarios must see also when it lies below /tmp, which is their own: the documents' directories and whatever the
/// environment and `--env` mention.
fn visible(loaded: &Loaded, options: &Run, settings: &Settings) -> Vec<PathBuf> {
    let documents = loaded.plan.documents.iter().map(|document| settings.directory.join(&document.directory));
    let given = options.environment.iter().flat_map(|(_, value)| below_tmp(value.as_ref()));
    // A program, what lies beside it, and the virtual environment that a Python is in.
    let programs = options.hosts.hosts.iter().map(|(_, program)| program).chain([&options.hosts.python]);
    let programs = programs.filter(|program| program.contains('/')).flat_map(|program| {
        let path = PathBuf::from(absolute(program, settings));
        path.ancestors().skip(1).take(2).map(PathBuf::from).collect::<Vec<_>>()
    });
    let programs = programs.filter(|path| !is_shared(path));
    documents.chain(given).chain(programs).chain(settings.mentioned.iter().cloned()).collect()
}

/// Whether a directory is one for temporary files itself, which scenarios have of their own.
fn is_shared(path: &Path) -> bool {
    ["/", "/tmp", "/dev/shm", "/dev"].iter().any(|shared| path == Path::new(shared))
}

/// The options that a failed scenario needs to fail again, for the command that is shown with it.
fn rerun_options(options: &Run) -> String {
    let mut words = Vec::new();
    for (name, value) in &options.environment {
        words.push(format!("--env {}", words::shell_quote(&format!("{name}={value}"))));
    }
    if options.hosts.python != "python3" {
        words.push(format!("--python {}", words::shell_quote(&options.hosts.python)));
    }
    for (language, program) in &options.hosts.hosts {
        words.push(format!("--host {}", words::shell_quote(&format!("{language}={program}"))));
    }
    if let Some(network) = options.network {
        words.push(format!("--network {}", if network == Network::Host { "host" } else { "private" }));
    }
    if let Some(timeout) = options.timeout {
        let whole = timeout.subsec_nanos() == 0;
        let time = if whole { format!("{}s", timeout.as_secs()) } else { format!("{}ms", timeout.as_millis()) };
        words.push(format!("--timeout {time}"));
    }
    if let Some(limit) = options.output_limit {
        words.push(format!("--output-limit {limit}"));
    }
    if options.leftovers == Leftovers::Fail {
        words.push("--leftovers fail".to_owned());
    }
    match options.sandbox {
        Sandbox::Auto => {}
        Sandbox::Sealed => words.push("--sandbox sealed".to_owned()),
        Sandbox::Tended => words.push("--sandbox tended".to_owned()),
    }
    words.join(" ")
}

/// A seed that nobody has to remember: it is shown.
fn new_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::from(since.subsec_nanos()) ^ (u64::from(std::process::id()) << 16))
}

/// Descriptors from which one byte can be read for every signal that has come.
struct Signals {
    /// SIGINT, SIGTERM and SIGHUP.
    stop: OwnedFd,
    /// SIGTSTP, which Ctrl-Z sends, where somebody can continue what it stops.
    pause: Option<OwnedFd>,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let ignored = ignored_signals();
        let is_ignored = |signal: i32| ignored >> (signal - 1) & 1 == 1;
        // What greenroom was told to ignore, as nohup tells it of SIGHUP and a script of a background job's SIGINT, it ignores.
        let stops = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal == SIGTERM || !is_ignored(signal));
        let stop = pipe_of(stops)?;
        let pause = (!is_ignored(SIGTSTP) && has_job_control()).then(|| pipe_of([SIGTSTP])).transpose()?;
        Ok(Self { stop, pause })
    }

    fn orders(&self) -> Orders<'_> {
        Orders { stop: Some(self.stop.as_fd()), pause: self.pause.as_ref().map(AsFd::as_fd) }
    }
}

fn pipe_of(signals: impl IntoIterator<Item = i32>) -> io::Result<OwnedFd> {
    let (read, write) = std::os::unix::net::UnixStream::pair()?;
    for signal in signals {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read.into())
}

/// Whether a shell watches over this process group: else the kernel ignores Ctrl-Z for it, and so does greenroom. The first
/// process up the line that is in another group must be in this session.
fn has_job_control() -> bool {
    let Some(own) = Lineage::of("self") else { return false };
    let mut parent = own.parent;
    while let Some(process) = (parent != 0).then(|| Lineage::of(&parent.to_string())).flatten() {
        if process.group != own.group {
            return process.session == own.session;
        }
        parent = process.parent;
    }
    false
}

/// What `/proc` says of a process. Numbers are 0 for what is outside of the process namespace, as the session of what is
/// started in a container from outside is: the functions of rustix that ask for them do not expect that.
struct Lineage {
    parent: u32,
    group: u32,
    session: u32,
}

impl Lineage {
    fn of(process: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name before the last parenthesis can hold anything; the state comes after it.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1).map(|field| field.parse().ok());
        Some(Self { parent: fields.next()??, group: fields.next()??, session: fields.next()?? })
    }
}

/// The signals that are ignored, as bits from that of signal 1 on.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
