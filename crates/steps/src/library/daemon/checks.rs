//! What can be known of this library's steps before anything runs.

use greenroom_sandbox::process::Signal;

use super::daemons::{NAME_HELP, check_name, command_line, parse_environment, search_path, split};
use super::readiness::parse_port;
use crate::check::{Outlook, Problem, ProblemKind};
use crate::library::command::{QUOTING_HELP, not_found};
use crate::library::place::nearest;
use crate::step::Captures;

pub(super) fn nothing(_: &Captures, _: &mut Outlook) -> Vec<Problem> {
    Vec::new()
}

pub(super) fn free_port(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    outlook.kept.insert(captures.get("name").unwrap_or_default().to_owned());
    Vec::new()
}

pub(super) fn pattern(captures: &Captures, _: &mut Outlook) -> Vec<Problem> {
    match captures.get("args") {
        Some("") => vec![
            Problem::new("args", ProblemKind::EmptyPattern, "the pattern is empty, so it matches every process")
                .help("write the command line, or a part of it, between the quotes"),
        ],
        _ => Vec::new(),
    }
}

pub(super) fn helper_script(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    outlook.creates(captures.get("filename").unwrap_or_default());
    Vec::new()
}

pub(super) fn start(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    let mut problems = order(captures, outlook);
    if let Some(Ok(words)) = command_line(captures).ok().map(|line| split(&line)) {
        let program = &words[0];
        // A bare name is looked for on the PATH and then in the scenario's directory.
        let here = !program.contains('/') && outlook.may_have(program);
        let path = search_path(&outlook.path);
        let outlook = Outlook { path, ..outlook.clone() };
        problems.extend(not_found("path", program, None, &outlook).filter(|_| !here));
    }
    outlook.anything_goes = true;
    problems
}

/// The same without the program: that it cannot start may be the very point.
pub(super) fn try_start(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    let problems = order(captures, outlook);
    outlook.anything_goes = true;
    problems
}

fn order(captures: &Captures, outlook: &Outlook) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(Err(problem)) = captures.get("name").map(check_name) {
        problems.push(Problem::new("name", ProblemKind::InvalidDaemonName, problem).help(NAME_HELP));
    }
    if let Some(Err(problem)) = command_line(captures).ok().map(|line| split(&line)) {
        let capture = if captures.get("args").is_some_and(|args| !args.is_empty()) { "args" } else { "path" };
        problems.push(Problem::new(capture, ProblemKind::InvalidCommand, problem).help(QUOTING_HELP));
    }
    if let Some(Err(problem)) = captures.get("env").map(parse_environment) {
        let help = "write a JSON object, such as {\"LANG\": \"C\", \"DEBUG\": \"1\"}";
        problems.push(Problem::new("env", ProblemKind::InvalidEnvironment, problem).help(help));
    }
    problems.extend(port(captures, outlook));
    problems
}

fn port(captures: &Captures, outlook: &Outlook) -> Option<Problem> {
    let text = captures.get("port")?;
    if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        // The number is known only when it runs; whether it will be there is known now, unless a
        // function that may do anything has run.
        let near = nearest(name, outlook.kept.iter().map(String::as_str));
        let unknown = !outlook.kept.contains(name) && (near.is_some() || !outlook.anything_goes);
        return unknown.then(|| {
            let problem =
                Problem::new("port", ProblemKind::UnknownName, format!("no step before keeps a port as {name}"));
            match near {
                Some(near) => problem.help(format!("did you mean ${{{near}}}?")),
                None => problem.help(format!("write `given a free port kept as {name}` before this step")),
            }
        });
    }
    parse_port(text).is_none().then(|| {
        Problem::new("port", ProblemKind::InvalidPort, format!("{text} is not a port"))
            .help("a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`")
    })
}

pub(super) fn limit(captures: &Captures, _: &mut Outlook) -> Vec<Problem> {
    let Some(text) = captures.get("limit") else {
        return Vec::new();
    };
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Vec::new(),
        _ => vec![
            Problem::new("limit", ProblemKind::InvalidLimit, format!("a limit of {text} seconds makes no sense"))
                .help("write a number of seconds above 0 and up to 86400, such as 0.5 or 30"),
        ],
    }
}

pub(super) fn port_and_limit(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    port(captures, outlook).into_iter().chain(limit(captures, outlook)).collect()
}

pub(super) fn file_and_limit(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    limit(captures, outlook)
}

pub(super) fn http(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    let mut problems = limit(captures, outlook);
    let url = captures.get("url").unwrap_or_default();
    if !url.to_ascii_lowercase().starts_with("http://") {
        problems.push(
            Problem::new("url", ProblemKind::InvalidUrl, format!("{url} is not an http URL"))
                .help("write it with its scheme, such as http://127.0.0.1:8080/health; https is not supported"),
        );
    }
    let status = captures.get("status").unwrap_or_default();
    if !status.parse::<u16>().is_ok_and(|status| (100..1000).contains(&status)) {
        problems.push(
            Problem::new("status", ProblemKind::InvalidStatus, format!("{status} is not an HTTP status"))
                .help("such as 200 or 404"),
        );
    }
    problems
}

pub(super) fn signal(captures: &Captures, _: &mut Outlook) -> Vec<Problem> {
    let name = captures.get("signal").unwrap_or_default();
    if name.parse::<Signal>().is_ok() {
        return Vec::new();
    }
    let known: Vec<&str> = Signal::names().collect();
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let near = nearest(short, known.iter().copied()).filter(|_| !short.starts_with(|c: char| c.is_ascii_digit()));
    let problem = Problem::new("signal", ProblemKind::UnknownSignal, format!("there is no signal {name}"));
    let help = near.map_or_else(
        || format!("known are {}, and numbers from 1 to 64", known.join(", ")),
        |near| format!("did you mean {near}?"),
    );
    vec![problem.help(help)]
}

pub(super) fn ended(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    let mut problems = match captures.get("signal") {
        Some(_) => signal(captures, outlook),
        None => Vec::new(),
    };
    if let Some(status) = captures.get("status")
        && status.parse::<u8>().is_err()
    {
        problems.push(
            Problem::new("status", ProblemKind::InvalidStatus, format!("{status} is not an exit status"))
                .help("it is a number from 0 to 255"),
        );
    }
    problems
}
