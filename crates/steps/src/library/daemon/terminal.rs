//! Steps about programs in a terminal: start, type, press keys, wait for what they show.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use greenroom_event::{OutputSource, words};
use greenroom_sandbox::process::capture::Tail;
use greenroom_sandbox::process::{Signal, TerminalSize};

use super::daemons::Daemons;
use super::escapes::unescape;
use super::instance::Daemon;
use super::keys;
use super::limit::{self, LIMIT, limit_of};
use super::prospect::{OF_ABSENCE, OF_DAEMON};
use super::screen::Screen;
use super::start::{self, bring_up};
use crate::check::{PreflightState, Problem, ProblemKind, may_be_among};
use crate::context::Context;
use crate::library::place::nearest;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Output, Relation, StepResult, Stream, names_value, output_of};

/// How long the last output of a program may be on its way when it has ended.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

/// How much of the text of a terminal a failure shows, in bytes.
const SHOWN: usize = 8 * 1024;

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_start_terminal", start_terminal, Check::With(check_start))
        .step("daemon_type", type_text, NAMED)
        .step("daemon_press", press, Check::With(check_press))
        .step("daemon_wait_shows", wait_shows, NAMED)
        .step("daemon_shows", |context, captures| shows(context, captures, Relation::Contains), NAMED)
        .step("daemon_shows_not", |context, captures| shows(context, captures, Relation::DoesNotContain), NAMED)
        .looks(OF_DAEMON, &["daemon_shows"])
        .looks(OF_ABSENCE, &["daemon_shows_not"])
}

/// The check of steps that need a terminal.
const NAMED: Check = Check::With(check_terminal);

fn size_of(captures: &Captures) -> Result<TerminalSize, Failure> {
    if captures.get("columns").is_none() {
        return Ok(TerminalSize::default());
    }
    Ok(TerminalSize { columns: captures.number("columns")?, rows: captures.number("rows")? })
}

fn start_terminal(context: &mut Context, captures: &Captures) -> StepResult {
    let size = size_of(captures)?;
    let mut order = start::order(context, captures)?;
    order.options.terminal = Some(size);
    order.options.restrictions.own_terminal = true;
    // Shells that people use ignore SIGTERM.
    order.options.stop_signal = order.options.stop_signal.or(Some(Signal::HUP));
    // Before what the scenario sets, which wins.
    let variables = [("TERM", Some("xterm")), ("COLUMNS", None), ("LINES", None)];
    let variables = variables.map(|(name, value)| (OsString::from(name), value.map(OsString::from)));
    order.environment.splice(0..0, variables);
    let more_time = start::more_time(captures, &order);
    bring_up(context, order, &more_time)
}

fn check_start(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.terminals.extend(captures.get("name").map(str::to_owned));
    let mut problems = start::check_start(captures, state);
    for name in ["columns", "rows"] {
        let text = captures.get(name);
        if text.is_some_and(|text| !text.parse::<u16>().is_ok_and(|number| (1..=1000).contains(&number))) {
            let message = "a terminal has from 1 to 1000 columns and rows";
            problems.push(Problem::new(name, ProblemKind::InvalidNumber, message));
        }
    }
    problems
}

fn check_terminal(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check_named(captures, state);
    let name = captures.get("name").unwrap_or_default();
    if problems.is_empty() && !state.own_code && !names_value(name) && !may_be_among(&state.terminals, name) {
        let problem = Problem::new("name", ProblemKind::UnknownDaemon, no_terminal(name));
        problems.push(problem.help(how_to_have_one(name)));
    }
    problems
}

fn no_terminal(name: &str) -> String {
    format!("{name} does not run in a terminal")
}

fn how_to_have_one(name: &str) -> String {
    format!("start it with `when I start \"PROGRAM\" in a terminal as {name}`")
}

fn check_press(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let key = captures.get("key").unwrap_or_default();
    let mut problems = check_terminal(captures, state);
    if !names_value(key) && keys::bytes_of(key, false).is_none() {
        let problem = Problem::new("key", ProblemKind::Other("unknown-key"), unknown_key(key));
        problems.push(match nearest(key, keys::FIXED.into_iter()) {
            Some(near) => problem.help(format!("did you mean {near}?")),
            None => problem.help(format!("write {}", keys::NAMES)),
        });
    }
    problems
}

fn unknown_key(key: &str) -> String {
    format!("unknown key: {key}")
}

impl Daemon {
    /// Returns the text of its terminal, up to now.
    fn screen(&mut self, name: &str) -> Result<&mut Screen, Failure> {
        let file = self.file(Stream::Stdout);
        let Some((_, screen)) = &mut self.terminal else {
            return Err(Failure::new(no_terminal(name)).help(how_to_have_one(name)));
        };
        // A file that the program has removed says nothing more.
        let _ = screen.update(&file);
        Ok(screen)
    }

    /// Whether it has ended, and all of its output was read or should have been.
    fn is_over(&mut self, ended: &mut Option<Instant>) -> bool {
        if self.try_wait().is_none() {
            return false;
        }
        let since = *ended.get_or_insert_with(Instant::now);
        let is_drained = self.terminal.as_ref().is_none_or(|(terminal, _)| terminal.is_drained());
        is_drained || since.elapsed() >= ON_ITS_WAY
    }

    /// Adds the end of its text to a failure.
    fn show_screen(&mut self, name: &str, error: Failure) -> Failure {
        let label = self.label();
        let Ok(screen) = self.screen(name) else { return error };
        let text = screen.text();
        let start = text.len().saturating_sub(SHOWN);
        let tail = Tail { bytes: text[start..].to_vec(), omitted: start as u64 };
        let shown: Output = output_of(OutputSource::Daemon { name: label, stream: Stream::Stdout }, &tail);
        error.output(shown)
    }
}

fn type_text(context: &mut Context, captures: &Captures) -> StepResult {
    let text = unescape(captures.text("text")?);
    input(context, captures.text("name")?, text.as_bytes())
}

fn press(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, key) = (captures.text("name")?, captures.text("key")?);
    let application = context.state::<Daemons>().get(name)?.screen(name)?.application;
    let bytes = keys::bytes_of(key, application)
        .ok_or_else(|| Failure::new(unknown_key(key)).help(format!("write {}", keys::NAMES)))?;
    input(context, name, &bytes)
}

/// Types into a terminal.
fn input(context: &mut Context, name: &str, bytes: &[u8]) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    daemon.screen(name)?;
    let mut left = bytes;
    let mut failed = None;
    watch.until(&format!("{name} to read from its terminal"), LIMIT, &[], || {
        while !left.is_empty() && daemon.try_wait().is_none() {
            let Some((terminal, _)) = &daemon.terminal else { break };
            match terminal.input(left) {
                Ok(written) => left = &left[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        Some(())
    })?;
    if left.is_empty() {
        return Ok(());
    }
    let error = match (daemon.try_wait(), failed) {
        (Some(ended), _) => {
            let after = words::duration(ended.after);
            Failure::new(format!("the program in terminal {name} has ended, with {} after {after}", ended.status))
        }
        (None, Some(error)) => Failure::new(format!("cannot type into terminal {name}: {error}")),
        (None, None) => {
            let limit = words::limit(LIMIT);
            Failure::new(format!("the program in terminal {name} did not read what was typed within {limit}"))
        }
    };
    Err(daemon.show_screen(name, error))
}

fn wait_shows(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    let text = unescape(captures.text("text")?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    daemon.screen(name)?;
    let quoted = format!("\"{}\"", text.escape_debug());
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let mut ended = None;
    let found = watch.until(&format!("{quoted} in terminal {name}"), limit, &fds, || {
        // The end first, so that the look sees everything from before it.
        let is_over = daemon.is_over(&mut ended);
        let found = daemon.screen(name).is_ok_and(|screen| screen.finds(text.as_bytes()));
        (found || is_over).then_some(found)
    })?;
    if found == Some(true) {
        return Ok(());
    }
    let mut error = Failure::new(match daemon.try_wait() {
        Some(ended) => format!("the program in terminal {name} ended with {} without showing {quoted}", ended.status),
        None => format!("terminal {name} did not show {quoted} within {}", words::limit(limit)),
    });
    if greenroom_sandbox::process::capture::find(daemon.screen(name)?.text(), text.as_bytes()).is_some() {
        error =
            error.note("it has shown this before; only what comes after the text that the latest wait found counts");
    }
    Err(daemon.show_screen(name, error))
}

fn shows(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let (name, text) = (captures.text("name")?, unescape(captures.text("text")?));
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    daemon.screen(name)?;
    if daemon.try_wait().is_some() {
        let mut ended = None;
        watch.until(&format!("the end of terminal {name}"), ON_ITS_WAY, &[], || {
            daemon.is_over(&mut ended).then_some(())
        })?;
    }
    let shown = daemon.screen(name)?.text().to_vec();
    let what = format!("the text of terminal {name}");
    let checked =
        crate::library::bytes::check(&what, crate::library::bytes::Bytes::Held(&shown), relation, &text, watch);
    checked.map_err(|error| match daemon.try_wait() {
        Some(ended) => error.note(format!("its program has ended, with {}", ended.status)),
        None if relation == Relation::Contains => error.help(format!(
            "to wait for it, write `when I wait for terminal {name} to show \"{}\"`",
            text.escape_debug()
        )),
        None => error,
    })
}
