//! Library `daemon`: background processes, from their start to their end.
//!
//! `daemons` keeps what the scenario has started, `readiness` waits for them, `checks` looks at steps before anything
//! runs; here are the step functions, one for each `native` function in `daemon.yaml`.

mod checks;
mod daemons;
mod readiness;

use std::time::Duration;

use greenroom_sandbox::process::{ExitStatus, Signal, StopOutcome, capture, greet, table};

use crate::context::Context;
use crate::interpreter::known_as;
use crate::library::bytes::{self, Bytes};
use crate::library::place::Place;
use crate::registry::Library;
use crate::step::{Captures, Failure, Relation, StepResult, Stream};

pub use daemons::{Daemon, Daemons};
use daemons::{Order, unescape};

/// How long readiness, output and a polite end may take unless a step says otherwise.
pub const LIMIT: Duration = Duration::from_secs(5);

/// How long a process that is being started or is ending may take to show.
const SETTLE: Duration = Duration::from_secs(1);

/// The library.
pub fn library() -> Library {
    Library::new("daemon", include_str!("daemon.yaml"))
        .serves("lib/daemon.py")
        .step("daemon_no_process", no_process)
        .check("daemon_no_process", checks::pattern)
        .step("daemon_process_runs", process_runs)
        .check("daemon_process_runs", checks::pattern)
        .step("daemon_helper_script", helper_script)
        .check("daemon_helper_script", checks::helper_script)
        .step("daemon_start", start)
        .check("daemon_start", checks::start)
        .step("daemon_try_start", try_start)
        .check("daemon_try_start", checks::try_start)
        .step("daemon_start_fails", start_fails)
        .check("daemon_start_fails", checks::nothing)
        .step("daemon_start_succeeds", start_succeeds)
        .check("daemon_start_succeeds", checks::nothing)
        .step("daemon_stop", stop)
        .check("daemon_stop", checks::limit)
        .step("daemon_restart", restart)
        .check("daemon_restart", checks::nothing)
        .step("daemon_signal", signal)
        .check("daemon_signal", checks::signal)
        .step("daemon_has_output", has_output)
        .check("daemon_has_output", checks::nothing)
        .step("daemon_stdout_is", |context, captures| output(context, captures, Stream::Stdout, Relation::Is))
        .check("daemon_stdout_is", checks::nothing)
        .step("daemon_stdout_contains", |context, captures| {
            output(context, captures, Stream::Stdout, Relation::Contains)
        })
        .check("daemon_stdout_contains", checks::nothing)
        .step("daemon_stdout_lacks", |context, captures| {
            output(context, captures, Stream::Stdout, Relation::DoesNotContain)
        })
        .check("daemon_stdout_lacks", checks::nothing)
        .step("daemon_stderr_is", |context, captures| output(context, captures, Stream::Stderr, Relation::Is))
        .check("daemon_stderr_is", checks::nothing)
        .step("daemon_stderr_contains", |context, captures| {
            output(context, captures, Stream::Stderr, Relation::Contains)
        })
        .check("daemon_stderr_contains", checks::nothing)
        .step("daemon_stderr_lacks", |context, captures| {
            output(context, captures, Stream::Stderr, Relation::DoesNotContain)
        })
        .check("daemon_stderr_lacks", checks::nothing)
        .step("daemon_free_port", free_port)
        .check("daemon_free_port", checks::free_port)
        .step("daemon_wait_port", wait_port)
        .check("daemon_wait_port", checks::port_and_limit)
        .step("daemon_wait_stdout", |context, captures| readiness::text(context, captures, Stream::Stdout))
        .check("daemon_wait_stdout", checks::limit)
        .step("daemon_wait_stderr", |context, captures| readiness::text(context, captures, Stream::Stderr))
        .check("daemon_wait_stderr", checks::limit)
        .step("daemon_wait_end", wait_end)
        .check("daemon_wait_end", checks::limit)
        .step("daemon_wait_file", readiness::file)
        .check("daemon_wait_file", checks::file_and_limit)
        .step("daemon_wait_socket", readiness::socket)
        .check("daemon_wait_socket", checks::file_and_limit)
        .step("daemon_wait_http", readiness::http)
        .check("daemon_wait_http", checks::http)
        .step("daemon_is_running", is_running)
        .check("daemon_is_running", checks::nothing)
        .step("daemon_has_ended", has_ended)
        .check("daemon_has_ended", checks::ended)
        .at_end(daemons::end)
}

/// The limit that a step names, in seconds, or the usual one.
fn limit_of(captures: &Captures) -> Result<Duration, Failure> {
    if captures.get("limit").is_none() {
        return Ok(LIMIT);
    }
    let seconds: f64 = captures.number("limit")?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::new(format!("a limit of {seconds} seconds makes no sense")))
}

/// A time as messages give it.
fn words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
    }
}

// ---- The process table ----

/// Matches command lines. What is no regex is meant literally, since a command line may hold anything; so is what has
/// nothing of a regex in it, which is nearly always, and costs nothing then.
fn matcher(pattern: &str) -> impl Fn(&str) -> bool {
    let special = pattern.contains(['.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$', '\\']);
    let regex = if special { regex::Regex::new(pattern).ok() } else { None };
    move |command| regex.as_ref().map_or_else(|| command.contains(pattern), |regex| regex.is_match(command))
}

fn no_process(context: &mut Context, captures: &Captures) -> StepResult {
    let pattern = captures.text("args")?;
    let matches = matcher(pattern);
    let mut seen = Vec::new();
    let gone = context.watch().until(&format!("the end of process {pattern}"), SETTLE, &[], || {
        let (unnamed, named): (Vec<_>, Vec<_>) = table::members().into_iter().partition(|entry| entry.is_unnamed);
        let matching: Vec<_> = named.into_iter().filter(|entry| matches(&entry.command)).collect();
        // One without a command line may be becoming another program, and is what it was seen to be before.
        if !matching.is_empty() || unnamed.is_empty() {
            seen = matching;
        }
        (seen.is_empty() && unnamed.is_empty()).then_some(())
    })?;
    if gone.is_some() || seen.is_empty() {
        return Ok(());
    }
    let mut error = Failure::new(format!("there is a process \"{pattern}\""));
    for entry in seen.iter().take(5) {
        let command = known_as(&entry.command);
        error = error.note(format!("process {}, running for {}: {command}", entry.pid, words(entry.age)));
    }
    Err(error)
}

fn process_runs(context: &mut Context, captures: &Captures) -> StepResult {
    let pattern = captures.text("args")?;
    let matches = matcher(pattern);
    let mut seen = Vec::new();
    let found = context.watch().until(&format!("a process {pattern}"), SETTLE, &[], || {
        seen = table::members();
        seen.iter().any(|entry| matches(&entry.command)).then_some(())
    })?;
    if found.is_some() {
        return Ok(());
    }
    let mut error = Failure::new(format!("no process \"{pattern}\" is running"));
    error = match seen.as_slice() {
        [] => error.note("this scenario has no processes at present"),
        some => some
            .iter()
            .take(8)
            .fold(error, |error, entry| error.note(format!("process {}: {}", entry.pid, known_as(&entry.command)))),
    };
    let (daemons, _) = context.state_and_watch::<Daemons>();
    for daemon in daemons.iter_mut() {
        if let Some(ended) = daemon.ended() {
            error = error.note(format!(
                "daemon {} ended with {} after {}",
                daemon.label(),
                ended.status,
                words(ended.after)
            ));
            error = daemon.show(error);
        }
    }
    Err(error)
}

// ---- Starting ----

fn helper_script(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("filename")?;
    let text = context.embedded_file(name)?.text.clone();
    Place::make(context, name)?.write(text.as_bytes(), true)
}

fn start(context: &mut Context, captures: &Captures) -> StepResult {
    let order = Order::from_captures(context, captures)?;
    bring_up(context, order)
}

/// Starts a daemon and waits for its port, if it has one.
fn bring_up(context: &mut Context, order: Order) -> StepResult {
    let name = order.name.clone();
    let port = order.port;
    if let Some(port) = port {
        readiness::port_is_free(context, port)?;
    }
    Daemons::start(context, order)?;
    let Some(port) = port else { return Ok(()) };
    let more_time = format!(
        "remove `, on port {port}` and add `when I wait for daemon {name} to listen on port {port}, \
         for at most 30 seconds` after this step"
    );
    let listener = readiness::port(context, &name, port, LIMIT, &more_time)?;
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(&name)?;
    if let Some(process) = daemon.process() {
        greet(watch, process, &listener)?;
    }
    Ok(())
}

fn try_start(context: &mut Context, captures: &Captures) -> StepResult {
    let tried = start(context, captures);
    // A time limit or an interruption is no answer to whether it starts.
    if let Err(error) = &tried
        && context.watch().is_cut_short()
    {
        return Err(error.clone());
    }
    let daemons = context.state::<Daemons>();
    if tried.is_err()
        && let Ok(daemon) = daemons.get(captures.text("name")?)
    {
        // That it has ended is what steps after this one ask for.
        daemon.note_end();
    }
    daemons.tried = Some(tried);
    Ok(())
}

fn start_fails(context: &mut Context, captures: &Captures) -> StepResult {
    let expected = captures.text("message")?;
    let Err(error) = context.state::<Daemons>().tried()? else {
        return Err(Failure::new("starting the daemon succeeded, which should have failed"));
    };
    if error.message.to_lowercase().contains(&expected.to_lowercase()) {
        return Ok(());
    }
    let what = "the reason why the daemon could not start";
    let mut failure = Failure::comparison(what, Relation::Contains, expected, &error.message);
    failure.notes.clone_from(&error.notes);
    failure.output.clone_from(&error.output);
    Err(failure)
}

fn start_succeeds(context: &mut Context, _: &Captures) -> StepResult {
    let daemons = context.state::<Daemons>();
    match daemons.tried() {
        // What was started without a try would have failed then.
        Err(_) if !daemons.names().is_empty() => Ok(()),
        tried => tried?.map_err(Clone::clone),
    }
}

// ---- Stopping ----

fn stop(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, grace) = (captures.text("name")?, limit_of(captures)?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let killed = daemons.stop(watch, name, grace)?;
    let mut errors = killed.into_iter().map(|(daemon, stopped)| {
        let (name, grace) = (daemon.label(), words(grace));
        let error = match stopped {
            StopOutcome::Killed(ended) => {
                Failure::new(format!("daemon {name} did not end within {grace} of SIGTERM and was killed"))
                    .note(format!("it had been running for {}", words(ended.after)))
            }
            StopOutcome::Gracefully(_) | StopOutcome::Already(_) => Failure::new(format!(
                "daemon {name} has ended, but others of its process group did not \
                 within {grace} of SIGTERM and were killed"
            )),
        };
        let killed = daemon.stragglers().iter().map(|command| format!("killed with it: {}", known_as(command)));
        daemon.show(killed.fold(error, Failure::note))
    });
    let Some(first) = errors.next() else { return Ok(()) };
    let error = errors.fold(first, |error, other| {
        let error = error.note(other.message);
        other.output.into_iter().fold(error, Failure::output)
    });
    Err(error.help(
        "give it more time with `I stop background process NAME, within N seconds`, or mend its handling of SIGTERM",
    ))
}

fn restart(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    stop(context, captures)?;
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let order = daemons.get(name)?.order().clone();
    bring_up(context, order)
}

fn signal(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, signal) = (captures.text("name")?, signal_of(captures)?);
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    if let Some(ended) = daemon.ended() {
        let message = format!("daemon {name} has ended, with {} after {}", ended.status, words(ended.after));
        return Err(daemon.show(Failure::new(message)));
    }
    Ok(daemon.signal(signal)?)
}

fn signal_of(captures: &Captures) -> Result<Signal, Failure> {
    let name = captures.text("signal")?;
    name.parse().map_err(|_| {
        let known: Vec<_> = Signal::names().collect();
        Failure::new(format!("no signal {name}")).help(format!("one of {}, or a number from 1 to 64", known.join(", ")))
    })
}

fn wait_end(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    if let Some(process) = daemon.process_mut() {
        process.wait(watch, &format!("the end of daemon {name}"), limit)?;
    }
    match daemon.ended() {
        Some(_) => {
            daemon.note_end();
            Ok(())
        }
        None => Err(daemon.show(Failure::new(format!("daemon {name} has not ended within {}", words(limit))))),
    }
}

// ---- Looking ----

fn has_output(context: &mut Context, captures: &Captures) -> StepResult {
    readiness::output(context, captures.text("name")?, LIMIT)
}

fn output(context: &mut Context, captures: &Captures, stream: Stream, relation: Relation) -> StepResult {
    let (name, expected) = (captures.text("name")?, unescape(captures.text("text")?));
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let path = daemon.file(stream);
    let what = format!("{} of daemon {name}", stream.name());
    let file = capture::open(&path).map_err(|error| {
        let file = path.file_name().unwrap_or_default().display();
        Failure::new(format!("cannot read {what}: {error}")).note(format!("it is in the file {file}"))
    })?;
    let Err(mut error) = bytes::check(&what, Bytes::of(&file)?, relation, &expected, watch) else {
        return Ok(());
    };
    if let Some(ended) = daemon.ended() {
        error = error.note(format!("daemon {name} has ended, with {}", ended.status));
    }
    // What it wrote to the other stream often says why.
    Err(daemon.note_full_disk(error).output(daemon.captured(stream.other())))
}

fn free_port(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let port = context.state::<Daemons>().free_port()?;
    context.keep(name, port.to_string());
    Ok(())
}

fn wait_port(context: &mut Context, captures: &Captures) -> StepResult {
    let port = readiness::port_of(captures)?;
    let limit = limit_of(captures)?;
    readiness::port(context, captures.text("name")?, port, limit, "add `, for at most 30 seconds` to this step")
        .map(|_| ())
}

fn is_running(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    match daemon.ended() {
        None => Ok(()),
        Some(ended) => {
            let message =
                format!("daemon {name} is not running: it ended with {} after {}", ended.status, words(ended.after));
            Err(daemon.show(Failure::new(message)))
        }
    }
}

fn has_ended(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let expected = match (captures.get("status"), captures.get("signal")) {
        (Some(_), _) => Some(ExitStatus::Code(captures.number("status")?)),
        (None, Some(_)) => Some(ExitStatus::Signal(signal_of(captures)?)),
        (None, None) => None,
    };
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    daemon.note_end();
    let Some(ended) = daemon.ended() else {
        let error = Failure::new(format!("daemon {name} is still running"))
            .help(format!("to wait for its end, write `when I wait for daemon {name} to end`"));
        return Err(daemon.show(error));
    };
    match expected {
        Some(expected) if expected != ended.status => {
            let error = Failure::comparison(
                format!("the end of daemon {name}"),
                Relation::Is,
                expected.to_string(),
                ended.status.to_string(),
            );
            Err(daemon.show(error))
        }
        _ => Ok(()),
    }
}
