//! Processes that no step stopped and that are in no process group of a daemon, at the end of a scenario.

use std::time::Duration;

use greenroom_sandbox::Signal;
use greenroom_sandbox::process::table::Entry;
use greenroom_sandbox::process::{Neighbour, Stopwatch};

use super::daemons::Daemons;
use super::limit::LIMIT;
use crate::context::Context;

/// At most so many are asked to end. The end of the sandbox kills the others.
const MOST: usize = 100;

/// Such processes.
pub(super) struct Strays {
    /// Those that a daemon has started: it may end them itself, in its own way.
    of_daemons: Vec<Neighbour>,
    others: Vec<Neighbour>,
}

impl Strays {
    /// Holds them. `members` are all processes of the scenario.
    pub(super) fn new<'a>(strays: impl Iterator<Item = &'a Entry>, daemons: &Daemons, members: &[Entry]) -> Self {
        let (mut of_daemons, mut others) = (Vec::new(), Vec::new());
        for entry in strays.take(MOST) {
            let Ok(process) = Neighbour::hold(entry.pid) else { continue };
            let has_daemon = daemons.iter().any(|daemon| daemon.process.owns(members, entry.pid));
            if has_daemon { of_daemons.push(process) } else { others.push(process) }
        }
        Self { of_daemons, others }
    }

    /// Asks those to end that no daemon has started.
    pub(super) fn ask_others(&self) {
        ask(&self.others);
    }

    /// Asks the rest to end, once the daemons have ended, and waits for all. `clock` stands at zero when the
    /// first were asked.
    ///
    /// Returns those that did not end, each with how long that was waited for.
    pub(super) fn wait(&self, context: &mut Context, clock: Stopwatch) -> Vec<(i32, Duration)> {
        ask(&self.of_daemons);
        let mut left = Vec::new();
        for process in self.others.iter().chain(&self.of_daemons) {
            let limit = LIMIT.saturating_sub(clock.elapsed(context.watch()));
            // An error means that the scenario has no more time: the end of its sandbox kills the rest.
            if let Ok(false) = context.watch().end_of("the other processes to end", process.pidfd(), limit) {
                left.push((process.pid(), clock.elapsed(context.watch())));
            }
        }
        left
    }

    /// Whether it is one of them, and has ended.
    pub(super) fn have_ended(&self, pid: i32) -> bool {
        self.others.iter().chain(&self.of_daemons).any(|process| process.pid() == pid && process.has_ended())
    }
}

/// Asks processes to end. A stopped one goes on, so that it can.
fn ask(processes: &[Neighbour]) {
    for process in processes.iter().filter(|process| !process.has_ended()) {
        process.signal(Signal::TERM);
        process.signal(Signal::CONT);
    }
}
