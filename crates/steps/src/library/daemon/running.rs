//! What a command or daemon was doing when its time limit passed: its processes at that moment.

use std::collections::BTreeSet;

use greenroom_sandbox::process::table::{self, Entry};

use super::daemons::Daemons;
use crate::context::Context;
use crate::interpreter::known_as;
use crate::step::Failure;

/// How many processes a message names.
const NAMED: usize = 3;
/// Characters of a command line that are shown.
const MOST_OF_LINE: usize = 200;

/// Adds to a failure which processes were running when the time limit of the step passed.
///
/// Daemons count only if the step waited for one of them.
pub fn with_running(context: &mut Context, error: Failure) -> Failure {
    let running = context.watch().take_running();
    let mut others = BTreeSet::new();
    for daemon in context.state::<Daemons>().iter() {
        if !error.message.contains(&format!("daemon {}", daemon.label()))
            && let Some(process) = daemon.process()
        {
            others.extend(table::family(&running, process.pid()));
        }
    }
    let own: Vec<Entry> = running.into_iter().filter(|entry| !others.contains(&entry.pid)).collect();
    note(error, &own)
}

/// Adds to a failure which of these processes were at work: those that did not wait for another.
pub(super) fn note(error: Failure, running: &[Entry]) -> Failure {
    let parents: BTreeSet<i32> = running.iter().map(|entry| entry.parent).collect();
    let working: Vec<&Entry> =
        running.iter().filter(|entry| !parents.contains(&entry.pid) && !entry.is_zombie()).collect();
    if working.is_empty() {
        return error;
    }
    let mut names: Vec<String> = working.iter().take(NAMED).map(|entry| describe(entry)).collect();
    if working.len() > NAMED {
        names.push(format!("{} more", working.len() - NAMED));
    }
    error.note(format!("when the limit passed it was running {}", names.join(", ")))
}

fn describe(entry: &Entry) -> String {
    let command = known_as(&entry.command);
    let command = match command.char_indices().nth(MOST_OF_LINE) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command.into_owned(),
    };
    format!("\"{}\" (process {}, {})", command, entry.pid, state(entry.state))
}

/// Says what a process is doing, by its state in `/proc`.
fn state(state: char) -> &'static str {
    match state {
        'R' => "running",
        'D' => "waiting for a disk",
        'T' | 't' => "stopped",
        _ => "asleep",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(pid: i32, parent: i32, state: char, command: &str) -> Entry {
        let (command, age) = (command.to_owned(), Duration::ZERO);
        Entry { pid, parent, group: 3, state, command, is_unnamed: false, age }
    }

    #[test]
    fn processes_that_wait_for_others_are_not_named() {
        let running = [entry(3, 2, 'S', "sh backup.sh"), entry(4, 3, 'S', "sleep 100"), entry(5, 3, 'R', "yes")];
        let notes = note(Failure::new("x"), &running).notes;
        let text =
            "when the limit passed it was running \"sleep 100\" (process 4, asleep), \"yes\" (process 5, running)";
        assert_eq!(notes, [text]);
        assert!(note(Failure::new("x"), &[]).notes.is_empty());
    }
}
