//! How much output a page holds: some of each process, and not too much altogether.

use std::collections::HashSet;

use greenroom_event::{Failure, Output};

use crate::records::ScenarioRecord;
use crate::run_record::{RunRecord, ScenarioState};

/// Bytes of the output of a process that a page holds.
pub(super) const MOST_OF_PROCESS: usize = 64 * 1024;
/// Lines of the output of a process that a page holds.
pub(super) const MOST_LINES: usize = 2000;
/// Bytes of output that a page holds.
const MOST_OF_PAGE: usize = 8 * 1024 * 1024;
/// Scenarios that passed whose time lines a page holds.
const MOST_TIME_LINES: usize = 1000;

/// Which attempts have room for their output in a page. What failed gets it first.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Scenario and attempt of those that have none.
    without: HashSet<(usize, u32)>,
    /// The first scenario that passed and has no time line; nor have those after it.
    without_time_line: Option<usize>,
}

impl Room {
    /// Shares the room of the page of a document.
    pub(crate) fn of(run: &RunRecord, document: usize) -> Self {
        Self::share(run, document, MOST_OF_PAGE, MOST_TIME_LINES)
    }

    pub(super) fn share(run: &RunRecord, document: usize, most: usize, most_time_lines: usize) -> Self {
        let mut room = Self::default();
        let mut scenarios: Vec<(bool, usize)> =
            run.scenarios_of(document).map(|(index, _)| (run.state(index) == ScenarioState::Passed, index)).collect();
        scenarios.sort_unstable();
        let mut left = most;
        let mut time_lines = most_time_lines;
        for (passed, index) in scenarios {
            for record in run.attempts(index).iter().rev() {
                match left.checked_sub(size(record)) {
                    Some(rest) => left = rest,
                    None => {
                        room.without.insert((index, record.attempt));
                    }
                }
            }
            if passed {
                match time_lines.checked_sub(1) {
                    Some(rest) => time_lines = rest,
                    None => {
                        room.without_time_line.get_or_insert(index);
                    }
                }
            }
        }
        room
    }

    /// Whether the output of an attempt is in the page.
    pub(super) fn has(&self, record: &ScenarioRecord) -> bool {
        !self.without.contains(&(record.scenario, record.attempt))
    }

    /// Whether the time line of a scenario that passed is in the page.
    pub(super) fn has_time_line(&self, scenario: usize) -> bool {
        self.without_time_line.is_none_or(|first| scenario < first)
    }
}

/// Returns how many bytes of output an attempt wants to show.
fn size(record: &ScenarioRecord) -> usize {
    let of = |outputs: &[Output]| outputs.iter().map(|output| output.text.len().min(MOST_OF_PROCESS)).sum::<usize>();
    let of_failure = |failure: &Option<Failure>| failure.as_ref().map_or(0, |failure| of(&failure.output));
    let steps = record.steps.iter().chain(&record.cleanups);
    let steps = steps.map(|step| of(&step.output) + of_failure(&step.failure)).sum::<usize>();
    let daemons = record.finished.iter().flat_map(|finished| &finished.daemons);
    let daemons = daemons.map(|daemon| of(&daemon.output)).sum::<usize>();
    steps + daemons
}
