//! Steps that give options to daemons before their start.
//!
//! An option belongs to a name: it applies to every later start under it, and a restart keeps what
//! its start had.

use greenroom_sandbox::process::{RunAs, most_open_files};

use super::daemons::Daemons;
use super::options::{Options, Stdin};
use super::{limit, signals};
use crate::check::{DaemonOption, PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::place::{nearest, outside};
use crate::library::user::{self, user_of};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, names_value};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_option_signal", stop_signal, Check::With(check_signal))
        .step("daemon_option_end_limit", end_limit, Check::With(check_end_limit))
        .step("daemon_option_notify", notify, Check::With(|captures, state| note(captures, state, REPORTS)))
        .step("daemon_option_directory", directory, Check::With(check_directory))
        .step("daemon_option_stdin_file", stdin_file, Check::With(check_stdin_file))
        .step("daemon_option_stdin_open", stdin_open, Check::With(|captures, state| note(captures, state, OPEN_STDIN)))
        .step("daemon_option_open_files", open_files, Check::With(check_open_files))
        .step("daemon_option_memory", memory, Check::With(check_memory))
        .step("daemon_option_user", run_as, Check::With(check_user))
        .step("daemon_option_ordinary", ordinary, Check::With(|captures, state| note(captures, state, "user")))
}

/// The kinds of options that other steps need.
pub(super) const REPORTS: &str = "a notify socket";
pub(super) const OPEN_STDIN: &str = "an open stdin";
pub(super) const DIRECTORY: &str = "a directory";

/// Changes the options of a daemon.
fn set(context: &mut Context, captures: &Captures, change: impl FnOnce(&mut Options)) -> StepResult {
    let name = captures.text("name")?;
    change(context.state::<Daemons>().options.entry(name.to_owned()).or_default());
    Ok(())
}

/// Notes an option until a step starts its daemon.
fn note(captures: &Captures, state: &mut PreflightState, kind: &'static str) -> Vec<Problem> {
    let path = ["path", "file"].iter().find_map(|name| captures.get(name)).map(str::to_owned);
    let daemon = captures.get("name").unwrap_or_default().to_owned();
    let is_started = state.daemons.contains(&daemon);
    state.daemon_options.push(DaemonOption { daemon, kind, step: state.step, is_started, path });
    Vec::new()
}

/// Finds options of daemons that no step has started since.
pub(super) fn check_end(state: &PreflightState) -> Vec<(usize, Problem)> {
    if state.own_code {
        return Vec::new();
    }
    let known = state.daemon_options.iter().filter(|option| !names_value(&option.daemon));
    let unused = known.filter(|option| !state.has_started(option));
    let problem = |option: &DaemonOption| {
        let name = &option.daemon;
        let start = format!("`when I start \"PROGRAM\" as a background process as {name}`");
        if option.is_started {
            let message = format!("daemon {name} has been started before this step, which has no effect on it");
            let problem = Problem::new("name", ProblemKind::UnusedOption, message);
            return problem.help(format!("move this step before {start}"));
        }
        let message = format!("no step starts a daemon {name}");
        let problem = Problem::new("name", ProblemKind::UnusedOption, message);
        match nearest(name, state.daemons.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean {near}?")),
            None => problem.help(format!("write {start} after this step")),
        }
    };
    unused.map(|option| (option.step, problem(option))).collect()
}

fn stop_signal(context: &mut Context, captures: &Captures) -> StepResult {
    let signal = signals::signal_of(captures)?;
    if !signals::can_end(signal) {
        return Err(Failure::new(signals::CANNOT_END.replace("{}", &signal.to_string())));
    }
    set(context, captures, |options| options.stop_signal = Some(signal))
}

fn check_signal(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, "signal");
    signals::check_stop(captures)
}

fn end_limit(context: &mut Context, captures: &Captures) -> StepResult {
    let limit = limit::limit_of(captures)?;
    set(context, captures, |options| options.end_limit = Some(limit))
}

fn check_end_limit(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, "limit");
    limit::check(captures, state)
}

fn notify(context: &mut Context, captures: &Captures) -> StepResult {
    set(context, captures, |options| options.reports = true)
}

fn directory(context: &mut Context, captures: &Captures) -> StepResult {
    let path = captures.text("path")?.to_owned();
    context.inside(&path)?;
    set(context, captures, |options| options.directory = Some(path))
}

fn check_directory(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, DIRECTORY);
    outside(captures, &["path"])
}

fn stdin_file(context: &mut Context, captures: &Captures) -> StepResult {
    let file = captures.text("file")?.to_owned();
    context.inside(&file)?;
    set(context, captures, |options| options.stdin = Stdin::File(file))
}

fn check_stdin_file(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, "stdin");
    outside(captures, &["file"])
}

fn stdin_open(context: &mut Context, captures: &Captures) -> StepResult {
    set(context, captures, |options| options.stdin = Stdin::Open)
}

fn open_files(context: &mut Context, captures: &Captures) -> StepResult {
    let number: u64 = captures.number("number")?;
    if let Some(problem) = too_few_or_many(number) {
        return Err(Failure::new(problem));
    }
    set(context, captures, |options| options.restrictions.open_files = Some(number))
}

fn check_open_files(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, "open files");
    let number = captures.get("number").and_then(|number| number.parse().ok());
    let problem = number.map_or(Some("this number is too large".to_owned()), too_few_or_many);
    problem.into_iter().map(|problem| Problem::new("number", ProblemKind::InvalidNumber, problem)).collect()
}

/// Says why a process cannot have this number of open files.
fn too_few_or_many(number: u64) -> Option<String> {
    if number <= 3 {
        return Some(format!("a program needs more than {number} open files: stdin, stdout and stderr are three"));
    }
    let most = most_open_files().filter(|&most| number > most)?;
    Some(format!("{number} open files are more than this user may allow, which is {most} (`ulimit -Hn`)"))
}

fn memory(context: &mut Context, captures: &Captures) -> StepResult {
    let size = captures.text("size")?;
    let Some(bytes) = bytes(size) else { return Err(Failure::new(not_a_size(size)).help(SIZE_HELP)) };
    set(context, captures, |options| options.restrictions.memory = Some(bytes))
}

fn check_memory(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, "memory");
    let size = captures.get("size").unwrap_or_default();
    if names_value(size) || bytes(size).is_some() {
        return Vec::new();
    }
    vec![Problem::new("size", ProblemKind::InvalidSize, not_a_size(size)).help(SIZE_HELP)]
}

const SIZE_HELP: &str = "write a size above 1M, such as 64M or 2G; K, M and G count in 1024";

fn not_a_size(size: &str) -> String {
    format!("{size} is not an amount of memory for a program")
}

/// Reads a size such as `64M`. No program starts with less than a megabyte.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match &text[digits..] {
        "" | "B" => 1,
        "K" | "KiB" | "KB" => 1 << 10,
        "M" | "MiB" | "MB" => 1 << 20,
        "G" | "GiB" | "GB" => 1 << 30,
        _ => return None,
    };
    let bytes = text[..digits].parse::<u64>().ok()?.checked_mul(unit)?;
    (bytes >= 1 << 20).then_some(bytes)
}

fn run_as(context: &mut Context, captures: &Captures) -> StepResult {
    let user = user_of(captures)?;
    if user.is_some() {
        user::open_directory(context)?;
    }
    set(context, captures, |options| options.restrictions.user = user.map(RunAs::Account))
}

fn check_user(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    note(captures, state, "user");
    user::check(captures, state)
}

fn ordinary(context: &mut Context, captures: &Captures) -> StepResult {
    set(context, captures, |options| options.restrictions.user = Some(RunAs::ordinary()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        assert_eq!(bytes("64M"), Some(64 << 20));
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("1048576"), Some(1 << 20));
        for invalid in ["", "M", "64", "1K", "64m", "-1M", "1.5G", "99999999999G", "64 M"] {
            assert_eq!(bytes(invalid), None, "{invalid}");
        }
    }
}
