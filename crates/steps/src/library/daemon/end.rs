//! The end of a scenario: stops the daemons that are still running, and reports how each one ended.

use std::cmp::Reverse;
use std::time::Duration;

use greenroom_event::{Daemon as Report, DaemonEnd, LeftOver, Notice};
use greenroom_sandbox::process::{Exit, Signal, table};

use super::daemons::Daemons;
use super::instance::Daemon;
use super::limit::{LIMIT, SETTLE};
use crate::context::Context;
use crate::interpreter::known_as;
use crate::step::{ScenarioEnd, Stream};

/// Stops the daemons that are still running, all at the same time, and reports how each one ended.
pub(super) fn end(context: &mut Context, scenario_end: &mut ScenarioEnd) {
    let mut daemons = context.take_state::<Daemons>();
    let ends: Vec<DaemonEnd> = daemons.started.iter_mut().map(|daemon| daemon.end(context.watch())).collect();
    find_leftovers(context, &daemons, scenario_end);
    stop(context, &mut daemons);
    // Output that they wrote while they ended belongs to it.
    for (daemon, mut end) in daemons.started.iter_mut().zip(ends) {
        if let DaemonEnd::Exited { notice, .. } = &mut end
            && daemon.is_end_expected()
        {
            *notice = Notice::Expected;
        }
        let streams = if scenario_end.explain { Stream::BOTH.as_slice() } else { &[] };
        let output = streams.iter().map(|stream| daemon.captured(*stream)).collect();
        let command = daemon.command_line().to_owned();
        scenario_end.daemons.push(Report { name: daemon.label(), command, end, output });
    }
}

/// Lists the processes that no step stopped: daemons in the order of their start, then others, the
/// oldest first.
fn find_leftovers(context: &mut Context, daemons: &Daemons, scenario_end: &mut ScenarioEnd) {
    let mut members = table::members();
    if scenario_end.strict {
        // A process that ends by itself right now is not a leftover.
        let daemons: Vec<i32> = daemons.iter().filter_map(|daemon| Some(daemon.process()?.pid())).collect();
        let _ = context.watch().until("processes that are ending", SETTLE, &[], || {
            members = table::members();
            members.iter().all(|entry| daemons.contains(&entry.pid)).then_some(())
        });
    }
    // A process that has just started has no command line yet.
    if members.iter().any(|entry| entry.is_unnamed) {
        let _ = context.watch().until("command lines to appear", Duration::from_millis(20), &[], || {
            members = table::members();
            (!members.iter().any(|entry| entry.is_unnamed)).then_some(())
        });
    }
    let place = |pid: i32| {
        let is_it = |daemon: &Daemon| daemon.process().is_some_and(|process| process.pid() == pid);
        daemons.iter().position(is_it)
    };
    members.sort_by_key(|entry| (place(entry.pid).unwrap_or(usize::MAX), Reverse(entry.age)));
    for entry in &members {
        scenario_end.left_over.push(LeftOver {
            command: known_as(&entry.command).into_owned(),
            daemon: place(entry.pid).map(|at| daemons.started[at].label()),
            age: entry.age,
        });
    }
}

/// Stops the daemons that are still running. They share one grace period, so all are signalled
/// before the first is waited for.
fn stop(context: &mut Context, daemons: &mut Daemons) {
    let clock = context.watch().stopwatch();
    let running = daemons.iter_mut().filter(|daemon| daemon.stopped.is_none());
    let mut running: Vec<(&mut Daemon, Option<Exit>)> = running
        .map(|daemon| {
            let ended = daemon.try_wait();
            (daemon, ended)
        })
        .collect();
    for (daemon, _) in &running {
        daemon.process.request_stop(Signal::TERM);
    }
    for (daemon, ended) in running.iter_mut().rev() {
        let what = format!("daemon {} to end", daemon.label());
        // An error means that the scenario has timed out: the end of its sandbox kills the rest.
        let left = LIMIT.saturating_sub(clock.elapsed(context.watch()));
        let _ = daemon.process.finish_stop(context.watch(), &what, *ended, left);
    }
}
