//! The end of a scenario: stops the daemons that are still running, and reports how each one ended.

use std::cmp::Reverse;
use std::time::Duration;

use greenroom_event::{Daemon as Report, DaemonEnd, LeftOver, LeftOverEnd, Life, Notice};
use greenroom_sandbox::process::table::{self, Entry};
use greenroom_sandbox::process::{Exit, StopOutcome, WaitError};

use super::daemons::Daemons;
use super::instance::{Daemon, Extent};
use super::limit::SETTLE;
use super::strays::Strays;
use crate::context::Context;
use crate::evidence::Evidence;
use crate::interpreter::known_as;
use crate::step::ScenarioEnd;

/// Stops the daemons that are still running, all at the same time, and reports how each one ended.
pub(super) fn end(context: &mut Context, scenario_end: &mut ScenarioEnd) {
    let mut daemons = context.take_state::<Daemons>();
    let mut look = |daemons: &mut Daemons| {
        let lives: Vec<Life> = daemons.started.iter_mut().map(|daemon| daemon.life(context.watch())).collect();
        (lives, find_leftovers(context, daemons, scenario_end.strict))
    };
    let (mut lives, mut leftovers) = look(&mut daemons);
    let in_own_group = |entry: &Entry| !daemons.iter().any(|daemon| is_process_of(daemon, entry.group));
    if leftovers.iter().any(in_own_group) {
        // The program that started it may be just about to end, and then it is the daemon.
        daemons.started.iter_mut().for_each(|daemon| daemon.process.let_first_leave());
        (lives, leftovers) = look(&mut daemons);
    }
    let belongs = |entry: &Entry| daemons.iter().any(|daemon| is_stopped_with(daemon, entry, &leftovers));
    let are_stopped: Vec<bool> = leftovers.iter().map(belongs).collect();
    let alone = leftovers.iter().zip(&are_stopped).filter(|(_, is_stopped)| !**is_stopped).map(|(entry, _)| entry);
    let strays = Strays::new(alone, &daemons, &leftovers);
    let killed = stop(context, &mut daemons, &strays);
    for (entry, is_stopped) in leftovers.iter().zip(are_stopped) {
        let daemon = daemons.iter().find(|daemon| is_process_of(daemon, entry.pid));
        let end = match killed.iter().find(|killed| killed.pid == entry.pid) {
            Some(killed) => LeftOverEnd::Killed { after: killed.after },
            None if is_stopped || strays.have_ended(entry.pid) => LeftOverEnd::Stopped,
            None => LeftOverEnd::Collapsed,
        };
        let ignored = daemon.filter(|_| matches!(end, LeftOverEnd::Killed { .. }));
        let last_line = ignored.and_then(|daemon| last_line(daemon, context));
        scenario_end.left_over.push(LeftOver {
            command: known_as(&entry.command).into_owned(),
            daemon: daemon.map(Daemon::label),
            age: entry.age,
            end,
            last_line,
        });
    }
    let shows_output = scenario_end.explain || context.evidence() == Evidence::Full;
    for mut crashed in std::mem::take(&mut daemons.crashed) {
        if !shows_output {
            crashed.output.clear();
        }
        scenario_end.daemons.push(crashed);
    }
    for (at, (daemon, mut life)) in daemons.started.iter_mut().zip(lives).enumerate() {
        if let DaemonEnd::Exited { notice, .. } = &mut life.end
            && daemon.is_end_expected()
        {
            *notice = Notice::Expected;
        }
        let mut output = Vec::new();
        if shows_output {
            let extent = Extent::of(context.evidence(), at);
            let (before, after) = daemon.captured_around_end(context.watch(), extent);
            output.extend(before);
            // What a daemon writes while it ends says nothing about the failure, unless it does
            // not end.
            let pid = daemon.process.pid();
            if killed.iter().any(|killed| killed.pid == pid) {
                output.extend(after);
            }
        }
        scenario_end.daemons.push(Report {
            name: daemon.label(),
            command: daemon.command_line().to_owned(),
            end: life.end.clone(),
            output,
            lives: daemon.earlier.drain(..).chain([life]).collect(),
        });
    }
}

/// Returns the last line that a daemon wrote after SIGTERM.
fn last_line(daemon: &Daemon, context: &mut Context) -> Option<String> {
    const MOST: usize = 200;
    let (_, after) = daemon.captured_around_end(context.watch(), Extent::Short);
    let mut lines = after.iter().filter_map(|output| output.text.lines().rev().find(|line| !line.trim().is_empty()));
    lines.next().map(|line| match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    })
}

/// Returns whether this is the process number of a daemon that no step stopped.
fn is_process_of(daemon: &Daemon, pid: i32) -> bool {
    daemon.process().is_some_and(|process| process.pid() == pid)
}

/// Returns whether a process is stopped with a daemon: it is in its group, or in the background with it.
fn is_stopped_with(daemon: &Daemon, entry: &Entry, members: &[Entry]) -> bool {
    let in_background =
        || daemon.process().is_some_and(|process| process.is_in_background() && process.owns(members, entry.pid));
    is_process_of(daemon, entry.group) || in_background()
}

/// Finds the processes that no step stopped: daemons in the order of their start, then others, the
/// oldest first.
fn find_leftovers(context: &mut Context, daemons: &Daemons, strict: bool) -> Vec<Entry> {
    let mut members = table::members();
    if strict {
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
    let place = |pid: i32| daemons.iter().position(|daemon| is_process_of(daemon, pid));
    members.sort_by_key(|entry| (place(entry.pid).unwrap_or(usize::MAX), Reverse(entry.age)));
    members
}

/// A process that did not end after SIGTERM.
struct KilledProcess {
    pid: i32,
    after: Duration,
}

/// Stops the daemons that are still running, and the processes beside them.
///
/// Returns the processes that did not end and were killed. They share one grace period, so all are signalled
/// before the first is waited for.
fn stop(context: &mut Context, daemons: &mut Daemons, strays: &Strays) -> Vec<KilledProcess> {
    let clock = context.watch().stopwatch();
    let running = daemons.iter_mut().filter(|daemon| daemon.stopped.is_none());
    let mut running: Vec<(&mut Daemon, Option<Exit>)> = running
        .map(|daemon| {
            let ended = daemon.ask_to_end(None);
            (daemon, ended)
        })
        .collect();
    strays.ask_others();
    let mut killed = Vec::new();
    for (daemon, ended) in running.iter_mut().rev() {
        let what = format!("daemon {} to end", daemon.label());
        // An error means that the scenario has timed out: the end of its sandbox kills the rest.
        let left = daemon.end_limit().saturating_sub(clock.elapsed(context.watch()));
        let stopped = daemon.process.finish_stop(context.watch(), &what, *ended, left);
        let after = clock.elapsed(context.watch());
        if matches!(stopped, Ok(StopOutcome::Killed(_)) | Err(WaitError::TimeLimit { .. })) {
            killed.push(KilledProcess { pid: daemon.process.pid(), after });
        }
        killed.extend(daemon.stragglers().iter().map(|entry| KilledProcess { pid: entry.pid, after }));
    }
    killed.extend(strays.wait(context, clock).into_iter().map(|(pid, after)| KilledProcess { pid, after }));
    killed
}
