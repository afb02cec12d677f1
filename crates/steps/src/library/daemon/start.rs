//! Steps that start daemons, and what they need: helper scripts and free ports.

use greenroom_sandbox::process::greet;

use super::daemons::{Daemons, FailedStart};
use super::limit::{self, limit_of};
use super::option_steps::DIRECTORY;
use super::order::{self, StartOrder, search_path};
use super::spawn::spawn;
use super::{port, readiness, stop, waits};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::command::not_found;
use crate::library::literal::{Remedy, literal_escape};
use crate::library::place::Place;
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, FailureKind, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_helper_script", helper_script, Check::With(check_helper_script))
        .step("daemon_free_port", free_port, Check::With(check_free_port))
        .step("daemon_start", start, Check::With(check_start))
        .step("daemon_try_start", try_start, Check::With(check_try_start))
        .step("daemon_start_fails", start_fails, Check::With(check_fails))
        .step("daemon_start_succeeds", start_succeeds, Check::Nothing)
        .looks(Look::Fixed(start_is_over), &["daemon_start_fails", "daemon_start_succeeds"])
        .step("daemon_restart", restart, Check::With(limit::check_named))
}

fn start_is_over(_: &Captures, _: &PreflightState) -> Problem {
    let problem = Problem::new("", ProblemKind::NeverChanges, "how a start went does not change");
    let help = "wait for the daemon instead: `when I wait for daemon NAME to listen on port PORT`";
    Problem { capture: None, ..problem.help(help) }
}

fn helper_script(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("filename")?;
    let text = context.embedded_file(name)?.text.clone();
    Place::make(context, name)?.write(text.as_bytes(), true)
}

fn check_helper_script(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let name = captures.get("filename").unwrap_or_default();
    state.creates_from(name, name);
    Vec::new()
}

fn free_port(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let port = context.state::<Daemons>().free_port()?;
    context.keep_data(name, port.into());
    Ok(())
}

fn check_free_port(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.keeps(captures.get("name").unwrap_or_default());
    Vec::new()
}

/// Returns what a step starts, with the options of its daemon.
pub(super) fn order(context: &mut Context, captures: &Captures) -> Result<StartOrder, Failure> {
    let options = context.state::<Daemons>().options.get(captures.text("name")?).cloned().unwrap_or_default();
    StartOrder::from_captures(context, captures, options)
}

fn start(context: &mut Context, captures: &Captures) -> StepResult {
    let order = order(context, captures)?;
    let more_time = more_time(captures, &order);
    bring_up(context, order, &more_time)
}

/// Says how the author of a step that starts a daemon can allow more time.
pub(super) fn more_time(captures: &Captures, order: &StartOrder) -> String {
    let port = order.port.unwrap_or_default();
    let add = format!("add `, within 30 seconds` behind the port: `on port {port}, within 30 seconds`");
    limit::more_time(captures, add)
}

/// Starts a daemon and waits for its port, if it has one. `more_time` says how the author can allow more time.
pub(super) fn bring_up(context: &mut Context, order: StartOrder, more_time: &str) -> StepResult {
    let name = order.name.clone();
    let (port, limit) = (order.port, order.limit);
    if let Some(port) = port {
        readiness::port_is_free(context, port)?;
    }
    spawn(context, order)?;
    let Some(port) = port else { return Ok(()) };
    let listener = readiness::port(context, &name, port, limit, more_time)?;
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    daemons.note_ready(watch, &name, true);
    let daemon = daemons.get(&name)?;
    if let Some(process) = daemon.process() {
        greet(watch, process, &listener)?;
    }
    Ok(())
}

pub(super) fn check_start(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = order::check(captures, state);
    problems.extend(port::check(captures, state));
    if let Some(Ok(words)) = order::command_line(captures).ok().map(|line| order::split(&line)) {
        let program = &words[0];
        // A name without a slash is looked for on PATH and then in the scenario's directory.
        // So is one that runs in another directory.
        let runs_elsewhere = captures.get("name").is_some_and(|name| state.may_have_option(name, DIRECTORY));
        let is_here = runs_elsewhere || (!program.contains('/') && state.may_have_program(program));
        if !is_here {
            problems.extend(not_found_by(captures, program, state));
        }
    }
    state.anything_goes = true;
    problems
}

/// Returns the problem of a program that cannot be found on the PATH of a step that starts a daemon.
fn not_found_by(captures: &Captures, program: &str, state: &mut PreflightState) -> Option<Problem> {
    let before = state.search_path();
    let path = order::path_of(captures, &before);
    // It is for this look only.
    let (former, origin) = (state.path.clone(), state.path_origin.clone());
    let prefix = std::mem::take(&mut state.path_prefix);
    if path != before {
        state.sets_path(path.clone());
    }
    state.path = search_path(&path);
    let problem = not_found("path", program, None, state);
    (state.path, state.path_origin, state.path_prefix) = (former, origin, prefix);
    problem
}

fn try_start(context: &mut Context, captures: &Captures) -> StepResult {
    let tried = start(context, captures);
    // A timeout, an interruption or a lack of processes does not say whether the daemon starts.
    if let Err(error) = &tried
        && (context.watch().is_cut_short() || error.kind == FailureKind::Scarcity)
    {
        return Err(error.clone());
    }
    let step = context.step_number();
    let daemons = context.state::<Daemons>();
    let name = captures.text("name")?;
    daemons.tried = Some(tried.map_err(|failure| match daemons.get(name) {
        Ok(daemon) if daemon.start_step == step => {
            // Later steps ask for its end.
            daemon.note_end();
            FailedStart { failure, is_port_closed: daemon.closed_port.is_some() }
        }
        _ => FailedStart { failure, is_port_closed: false },
    }));
    Ok(())
}

/// Does not check the program: the document may want to show that it cannot start.
fn check_try_start(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = order::check(captures, state);
    problems.extend(port::check(captures, state));
    state.anything_goes = true;
    problems
}

fn check_fails(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    literal_escape(captures, "message", Remedy::Part).into_iter().collect()
}

fn start_fails(context: &mut Context, captures: &Captures) -> StepResult {
    let expected = captures.text("message")?;
    let Err(start) = context.state::<Daemons>().tried()? else {
        return Err(Failure::new("the daemon started, but should have failed to"));
    };
    let (error, reason) = (&start.failure, start.reason());
    if reason.to_lowercase().contains(&expected.to_lowercase()) {
        return Ok(());
    }
    let what = "the reason why the daemon could not start";
    let mut failure = Failure::comparison(what, Relation::Contains, expected, reason);
    failure.notes.clone_from(&error.notes);
    failure.output.clone_from(&error.output);
    Err(failure)
}

fn start_succeeds(context: &mut Context, _: &Captures) -> StepResult {
    let daemons = context.state::<Daemons>();
    match daemons.tried() {
        // A daemon of a step that does not only try would have failed there.
        Err(_) if !daemons.names().is_empty() => Ok(()),
        tried => tried?.map_err(|start| start.failure.clone()),
    }
}

fn restart(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    stop::stop(context, captures)?;
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let (mut order, waits) = (daemon.order.clone(), std::mem::take(&mut daemon.waits));
    let usual = order.limit;
    if captures.get("limit").is_some() {
        order.limit = limit_of(captures)?;
    }
    let more_time = limit::more_time(captures, format!("write `when I restart daemon {name}, within 30 seconds`"));
    let started = bring_up(context, order, &more_time);
    let daemon = context.state::<Daemons>().get(name)?;
    daemon.is_restarted = true;
    daemon.order.limit = usual;
    started?;
    waits::repeat(context, name, waits)
}
