//! What is checked of this library's steps before the run.

use super::source::Source;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::library::bytes::invalid_regex;
use crate::library::daemon::unknown_daemon;
use crate::library::http;
use crate::library::json::{Subject, check_data_of, check_value_name, over};
use crate::library::place::{list, nearest, never_created, outside};
use crate::library::runcmd::needs_command;
use crate::registry::Check;
use crate::step::Captures;
use crate::values::names_in;

/// Checks a step that keeps a value: its name, and that no other step keeps one under it.
pub(super) fn keeps(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let Some(name) = captures.known("name") else {
        return Vec::new();
    };
    let is_valid = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !is_valid {
        let message = format!("invalid name of a value: {name}");
        let help = "use letters, digits, `_`, `-` and `.`, as in `TOKEN`";
        return vec![Problem::new("name", ProblemKind::Other("bad-name"), message).help(help)];
    }
    match state.keeps(name) {
        None => Vec::new(),
        Some(step) => {
            let message = format!("a value is already kept as {name}: `{step}`");
            let problem = Problem::new("name", ProblemKind::Other("kept-twice"), message);
            vec![problem.help("keep this one under another name")]
        }
    }
}

/// Returns the check of steps that keep a text of a source.
pub(super) fn check_of(source: Source) -> Check {
    match source {
        Source::Output(_) => Check::With(|captures, state| {
            let earlier = needs_command(state);
            earlier.into_iter().chain(invalid_regex(captures)).chain(keeps(captures, state)).collect()
        }),
        Source::Body | Source::Header | Source::Cookie => Check::With(|captures, state| {
            let mut problems = http::check_response(captures, state);
            problems.extend(invalid_regex(captures));
            problems.extend(keeps(captures, state));
            problems
        }),
        Source::File => Check::With(|captures, state| {
            let mut problems = outside(captures, &["filename"]);
            problems.extend(never_created(captures, "filename", "file", state));
            problems.extend(invalid_regex(captures));
            problems.extend(keeps(captures, state));
            problems
        }),
        Source::Daemon(_) => Check::With(|captures, state| {
            let daemon = unknown_daemon("daemon", captures, state);
            daemon.into_iter().chain(invalid_regex(captures)).chain(keeps(captures, state)).collect()
        }),
        Source::WebSocket => Check::With(|captures, state| {
            let mut problems = http::check_named_web_socket(captures, state);
            problems.extend(keeps(captures, state));
            problems
        }),
        Source::EventStream => Check::With(|captures, state| {
            let mut problems = http::check_named_stream(captures, state);
            problems.extend(keeps(captures, state));
            problems
        }),
    }
}

/// Returns the check of steps that keep a value of data.
pub(super) fn check_data(subject: Subject) -> Check {
    macro_rules! check {
        ($subject:expr) => {
            Check::With(|captures, state| {
                let mut problems = check_data_of($subject, captures, state);
                problems.extend(keeps(captures, state));
                problems
            })
        };
    }
    match subject {
        Subject::Output(_) => check!(Subject::Output(crate::step::Stream::Stdout)),
        Subject::Response => check!(Subject::Response),
        Subject::File => check!(Subject::File),
        Subject::Daemon => check!(Subject::Daemon),
        Subject::Value => check!(Subject::Value),
        Subject::WebSocket => check!(Subject::WebSocket),
        Subject::EventStream => check!(Subject::EventStream),
    }
}

/// Checks a step that checks a value.
pub(super) fn checks(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_value_name(captures, state).into_iter().chain(invalid_regex(captures)).collect()
}

/// Says that a kept value does not change.
pub(super) fn is_fixed(_: &Captures, _: &PreflightState) -> Problem {
    over("a kept value does not change").help("look at what it was taken from, before it is kept")
}

/// Checks a step that writes an embedded file with values.
pub(super) fn fills_in(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let Some(embedded) = captures.get("embedded_file") else { return Vec::new() };
    let name = captures.get("filename").unwrap_or(embedded);
    let text =
        state.embedded.iter().find(|file| file.name.eq_ignore_ascii_case(embedded)).map(|file| file.text.clone());
    let mut problems = outside(captures, &["filename"]);
    state.creates(name);
    let Some(text) = text.filter(|_| !state.own_code) else { return problems };
    let names: Vec<&str> = names_in(&text).into_iter().map(|(name, _)| name).collect();
    if names.iter().any(|name| state.kept.contains(*name)) {
        return problems;
    }
    let message = format!("embedded file {embedded} has no `${{NAME}}` of a value that an earlier step keeps");
    let problem = Problem::new("embedded_file", ProblemKind::UnknownName, message);
    let near = names.iter().find_map(|name| nearest(name, state.kept.iter().map(String::as_str)));
    let kept: Vec<String> = state.kept.iter().cloned().collect();
    problems.push(match near {
        Some(near) => problem.help(format!("did you mean `${{{near}}}`?")),
        None if kept.is_empty() => {
            problem.help(format!("to write it as it is, write `given file {name} from {embedded}`"))
        }
        None => problem.help(format!("the kept values are {}", list(&kept))),
    });
    problems
}
