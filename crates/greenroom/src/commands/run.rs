//! `greenroom run`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use greenroom_doc::Loaded;
use greenroom_report::{Options, TerminalReporter, Verbosity, Verdict, words};
use greenroom_run::RunOptions;
use greenroom_steps::Registry;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::arguments::{Network, Run, Sandbox};
use crate::settings::{Settings, below_tmp, complain};
use crate::{commands, exit};

pub(crate) fn run(options: &Run, settings: &Settings, registry: &Registry) -> u8 {
    let loaded = commands::load(&options.chosen.documents, settings, registry);
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
        shuffle: options.shuffle.map(|seed| seed.unwrap_or_else(new_seed)),
        source_directory: settings.directory.clone(),
        temporary_directory: settings.temporary.clone(),
        visible: visible(&loaded, options, settings),
        network: options.network.map(|network| network == Network::Host),
    };
    let verbosity = match (options.verbose, options.quiet) {
        (true, _) => Verbosity::Verbose,
        (_, true) => Verbosity::Quiet,
        _ => Verbosity::Normal,
    };
    let shown = Options { verbosity, rerun_options: rerun_options(options) };
    let mut reporter = TerminalReporter::new(io::stdout(), settings.stdout, shown);
    let interrupts = match listen_for_signals() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            complain(&format!("failed to listen for signals: {error}"));
            return exit::CANNOT;
        }
    };
    if let Err(error) =
        greenroom_run::run(&loaded.plan, &loaded.sources, &run_options, Some(interrupts.as_fd()), &mut reporter)
    {
        reporter.clear();
        complain(&error.to_string());
        return exit::CANNOT;
    }
    if let Some(error) = reporter.lost() {
        complain(&format!("failed to write the results: {error}"));
        return exit::CANNOT;
    }
    match reporter.summary().verdict() {
        Verdict::Passed => exit::PASSED,
        Verdict::Failed => exit::FAILED,
        Verdict::Interrupted => exit::INTERRUPTED,
        Verdict::NothingRan => exit::USAGE,
    }
}

/// What scenarios must see also when it lies below /tmp, which is their own: the documents' directories and whatever the
/// environment and `--env` mention.
fn visible(loaded: &Loaded, options: &Run, settings: &Settings) -> Vec<PathBuf> {
    let documents = loaded.plan.documents.iter().map(|document| settings.directory.join(&document.directory));
    let given = options.environment.iter().flat_map(|(_, value)| below_tmp(value.as_ref()));
    documents.chain(given).chain(settings.mentioned.iter().cloned()).collect()
}

/// The options that a failed scenario needs to fail again, for the command that is shown with it.
fn rerun_options(options: &Run) -> String {
    let mut words = Vec::new();
    for (name, value) in &options.environment {
        words.push(format!("--env {}", words::shell_quote(&format!("{name}={value}"))));
    }
    if let Some(network) = options.network {
        words.push(format!("--network {}", if network == Network::Host { "host" } else { "private" }));
    }
    if let Some(timeout) = options.timeout {
        let whole = timeout.subsec_nanos() == 0;
        let time = if whole { format!("{}s", timeout.as_secs()) } else { format!("{}ms", timeout.as_millis()) };
        words.push(format!("--timeout {time}"));
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

/// A descriptor from which one byte can be read for every SIGINT, SIGTERM and SIGHUP that has come.
fn listen_for_signals() -> io::Result<OwnedFd> {
    let (read, write) = std::os::unix::net::UnixStream::pair()?;
    let ignored = ignored_signals();
    // What greenroom was told to ignore, as nohup tells it of SIGHUP and a script of a background job's SIGINT, it ignores.
    for signal in
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal == SIGTERM || ignored >> (signal - 1) & 1 == 0)
    {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read.into())
}

/// The signals that are ignored, as bits from that of signal 1 on.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
