//! Steps that wait: for readiness, for output, and for the end of a daemon.

use super::condition::{Condition, Wanted};
use super::daemons::Daemons;
use super::escapes::unescape;
use super::limit::{self, limit_of};
use super::{background, port, readiness, running, text_wait, tls, udp, waits};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::invalid_regex;
use crate::library::http;
use crate::library::place::outside;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, Stream, names_value};
use greenroom_event::words;
use greenroom_sandbox::process::{Service, table};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_wait_port", wait_port, Check::With(check_port))
        .step("daemon_wait_tls", wait_tls, Check::With(check_tls))
        .step("daemon_wait_udp_port", wait_udp_port, Check::With(check_port))
        .step("daemon_wait_stdout", |context, captures| wait_text(context, captures, Stream::Stdout), TEXT)
        .step("daemon_wait_stderr", |context, captures| wait_text(context, captures, Stream::Stderr), TEXT)
        .step("daemon_wait_stdout_again", |context, captures| wait_again(context, captures, Stream::Stdout), TEXT)
        .step("daemon_wait_stderr_again", |context, captures| wait_again(context, captures, Stream::Stderr), TEXT)
        .step("daemon_wait_end", wait_end, TIMED)
        .step("daemon_wait_file", wait_file, TIMED)
        .step("daemon_wait_content", wait_content, Check::With(check_content))
        .step("daemon_wait_socket", wait_socket, TIMED)
        .step("daemon_wait_http", wait_http, Check::With(check_http))
}

/// The check of steps that have nothing to check besides their limit.
const TIMED: Check = Check::With(limit::check_named);

/// The check of steps that wait for output.
const TEXT: Check = Check::With(check_text);

fn wait_port(context: &mut Context, captures: &Captures) -> StepResult {
    let port = port::port_of(captures)?;
    let limit = limit_of(captures)?;
    let more_time = limit::more_time(captures, "add `, for at most 30 seconds` to this step".to_owned());
    let name = captures.text("name")?;
    readiness::port(context, name, port, limit, &more_time)?;
    waits::note(context, Some(name), Condition::Port(port), limit);
    Ok(())
}

fn wait_tls(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, port, limit) = (captures.text("name")?, port::port_of(captures)?, limit_of(captures)?);
    tls::wait(context, name, port, limit)?;
    waits::note(context, Some(name), Condition::Tls(port), limit);
    Ok(())
}

fn wait_udp_port(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, port, limit) = (captures.text("name")?, port::port_of(captures)?, limit_of(captures)?);
    udp::wait(context, name, port, limit)?;
    waits::note(context, Some(name), Condition::UdpPort(port), limit);
    Ok(())
}

/// Waits for a text, once or several times, or for what a regex matches.
fn wait_text(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let text = captures.get("text").map(unescape);
    let wanted = match (text, captures.get("times")) {
        (Some(text), Some(_)) => Wanted::Times(text, captures.number("times")?),
        (Some(text), None) => Wanted::Text(text),
        (None, _) => Wanted::Regex(captures.text("regex")?.to_owned()),
    };
    wait_wanted(context, captures, stream, wanted)
}

fn wait_again(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let wanted = Wanted::Again(unescape(captures.text("text")?));
    wait_wanted(context, captures, stream, wanted)
}

fn wait_wanted(context: &mut Context, captures: &Captures, stream: Stream, wanted: Wanted) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    text_wait::text(context, name, &wanted, stream, limit)?;
    waits::note(context, Some(name), Condition::Text(stream, wanted), limit);
    Ok(())
}

fn check_text(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check_named(captures, state);
    problems.extend(invalid_regex(captures));
    if captures.get("times").is_some_and(|times| times.parse::<u64>().is_ok_and(|times| times == 0)) {
        let problem = Problem::new("times", ProblemKind::InvalidNumber, "a text is always there at least 0 times");
        problems.push(problem.help("to say that it is not there, write a `then` step with `doesn't contain`"));
    }
    problems
}

fn wait_content(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let text = unescape(captures.text("text")?);
    let path = context.inside(name)?;
    readiness::file_content(context, &path, name, &text, limit)?;
    waits::note(context, None, Condition::Content(path, name.to_owned(), text), limit);
    Ok(())
}

fn check_content(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    limit::check(captures, state).into_iter().chain(outside(captures, &["file"])).collect()
}

fn wait_file(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let path = context.working_directory()?.join(name);
    readiness::file(context, &path, name, limit)?;
    waits::note(context, None, Condition::File(path, name.to_owned()), limit);
    Ok(())
}

fn wait_socket(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let path = context.working_directory()?.join(name);
    readiness::socket(context, &path, name, limit)?;
    waits::note(context, None, Condition::Socket(path, name.to_owned()), limit);
    Ok(())
}

fn wait_http(context: &mut Context, captures: &Captures) -> StepResult {
    let (url, limit) = (captures.text("url")?, limit_of(captures)?);
    let status = captures.get("status").map(|_| captures.number("status")).transpose()?;
    let more_time = limit::more_time(captures, "end this step with `, for at most 30 seconds`".to_owned());
    readiness::http(context, url, status, limit, &more_time)?;
    waits::note(context, None, Condition::Http(url.to_owned(), status), limit);
    Ok(())
}

fn check_port(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    port::check(captures, state).into_iter().chain(limit::check_named(captures, state)).collect()
}

fn check_tls(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_port(captures, state).into_iter().chain(tls::problems()).collect()
}

fn wait_end(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    if let Some(process) = daemon.process_mut() {
        process.wait(watch, &format!("the end of daemon {name}"), limit)?;
    }
    if daemon.try_wait().is_some() {
        daemon.note_end();
        return Ok(());
    }
    let error = Failure::new(format!("daemon {name} did not end within {}", words::limit(limit)));
    let pid = daemon.process().map(Service::pid);
    let mut living = table::members();
    let family = pid.map(|pid| table::family(&living, pid)).unwrap_or_default();
    living.retain(|entry| family.contains(&entry.pid));
    let error = background::note(daemon, running::note(error, &living));
    Err(daemon.show(error))
}

fn check_http(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check(captures, state);
    let url = captures.get("url").unwrap_or_default();
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        problems.push(
            Problem::new("url", ProblemKind::InvalidUrl, format!("{url} is not a URL of http or https"))
                .help("write it with its scheme, such as http://127.0.0.1:8080/health"),
        );
    } else if !names_value(url) {
        problems.extend(http::url_problem(url));
    }
    if let Some(status) = captures.get("status")
        && !status.parse::<u16>().is_ok_and(|status| (100..1000).contains(&status))
    {
        problems.push(
            Problem::new("status", ProblemKind::InvalidStatus, format!("{status} is not an HTTP status"))
                .help("write a status such as 200 or 404"),
        );
    }
    problems
}
