//! Merges the recordings of several runs into the events of one.
//!
//! Partitions of one list of scenarios ran on several machines, and reruns tried failed scenarios
//! again. [`merge`] makes one run of them, from which every report can be made. It depends on what
//! the recordings contain, not on the order in which they are given.
//!
//! - A scenario is recognized by the path of its document, its title and its repetition.
//! - Its attempts in all runs follow one another, in the order in which the runs began; the last one
//!   that ran decides. A scenario that did not run in one of the runs never replaces one that did.
//! - Runs keep their distance in time, by the clocks of their machines. So the duration is from the
//!   start of the first to the end of the last; each [`MergedRun`] has its own.
//! - What is missing or does not fit is a [`MergeProblem`] in the first event. The runs are merged all
//!   the same, so that there is something to look at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use greenroom_event::{
    Attempt, Event, EventKind, Machine, Merge, MergeProblem, MergedRun, Origin, Outline, RunEnd, RunStarted,
    SCHEMA_VERSION,
};

mod problems;
mod recording;
mod scenarios;

pub use problems::explain;
pub use recording::Recording;

use crate::words;
use problems::{partition_problems, version_problem};
use recording::{Run, remove_copies, runs};
use scenarios::Scenarios;

/// Merges recordings into the events of one run. A single one stays as it is, except for problems.
///
/// The first event has a [`Merge`] if there are several recordings, or if there are problems.
pub fn merge(mut recordings: Vec<Recording>) -> Vec<Event> {
    recordings.retain(|recording| recording.started().is_some());
    recordings.sort_by_cached_key(Recording::order);
    let mut problems = remove_copies(&mut recordings);
    let runs: Vec<Run<'_>> = runs(&recordings);
    problems.extend(partition_problems(&runs));
    problems.extend(version_problem(&runs));
    let scenarios = Scenarios::gather(&runs);
    problems.extend(scenarios.different_documents(&runs));
    problems.extend(scenarios.repeated(&runs));
    if runs.len() <= 1 && problems.is_empty() {
        return recordings.pop().map_or_else(Vec::new, |recording| recording.events);
    }
    let order = scenarios.in_order(&runs);
    let mut outline = scenarios.outline(&runs, &order);
    let attempts = scenarios.attempts(&order);
    for (attempt, _) in attempts.values() {
        let scenario = &mut outline.scenarios[attempt.index];
        scenario.retries = scenario.retries.max(attempt.number - 1);
    }
    let is_cut = |end| matches!(end, RunEnd::CutShort | RunEnd::GoesOn);
    let is_ended = runs.iter().enumerate().all(|(at, run)| !is_cut(run.end) || scenarios.is_superseded(at, &runs));
    let interrupted =
        runs.iter().enumerate().any(|(at, run)| run.end == RunEnd::Interrupted && !scenarios.is_superseded(at, &runs));
    let Some(started) = started(&runs, outline, &attempts, problems) else { return Vec::new() };
    let last = runs.iter().map(|run| run.began + run.took).max().unwrap_or_default();
    let began: Vec<Duration> = runs.iter().map(|run| run.began).collect();
    drop(runs);

    let mut events = Vec::new();
    for (at, recording) in recordings.into_iter().enumerate() {
        for mut event in recording.events {
            let Some((attempt, is_retried)) = event.scenario.and_then(|old| attempts.get(&(at, old)).copied()) else {
                continue;
            };
            event.scenario = Some(attempt);
            event.at += began[at];
            if let EventKind::ScenarioFinished(finished) = &mut event.kind {
                finished.is_retried = is_retried;
            }
            events.push(event);
        }
    }
    // Stable, so that events of one run keep their order.
    events.sort_by_key(|event| event.at);
    let of_run = |at, kind| Event { seq: 0, at, scenario: None, kind };
    events.insert(0, of_run(Duration::ZERO, EventKind::RunStarted(started)));
    if is_ended {
        events.push(of_run(last, EventKind::RunFinished { interrupted }));
    }
    for (seq, event) in (0..).zip(&mut events) {
        event.seq = seq;
    }
    events
}

/// Returns the events of a merged run in reading order: scenario by scenario, as a person reads them.
pub fn in_reading_order(events: &[Event]) -> impl Iterator<Item = &Event> {
    let mut order: Vec<&Event> = events.iter().collect();
    // Stable. The start of the run comes first, its end last.
    order.sort_by_key(|event| match event.kind {
        EventKind::RunStarted(_) => (0, None),
        EventKind::RunFinished { .. } => (2, None),
        _ => (1, event.scenario),
    });
    order.into_iter()
}

/// Creates the start of the merged run.
fn started(
    runs: &[Run<'_>],
    outline: Outline,
    attempts: &BTreeMap<(usize, Attempt), (Attempt, bool)>,
    problems: Vec<MergeProblem>,
) -> Option<RunStarted> {
    let first = runs.first()?;
    let merged = |(at, run): (usize, &Run<'_>)| MergedRun {
        recording: run.name.to_owned(),
        version: run.started.version.clone(),
        origin: run.started.origin.clone(),
        isolation: run.started.isolation.clone(),
        jobs: run.started.jobs,
        partition: run.started.partition.clone(),
        began: run.began,
        took: run.took,
        end: run.end,
        attempts: attempts.iter().filter(|((run, _), _)| *run == at).map(|(_, (attempt, _))| *attempt).collect(),
    };
    // The weakest isolation counts for all.
    let weakest = runs.iter().find(|run| !run.started.isolation.sealed).unwrap_or(first);
    Some(RunStarted {
        schema_version: SCHEMA_VERSION,
        version: first.started.version.clone(),
        outline: Arc::new(outline),
        isolation: weakest.started.isolation.clone(),
        jobs: runs.iter().map(|run| run.started.jobs).max().unwrap_or(0),
        shuffle: common(runs.iter().map(|run| run.started.shuffle)).flatten(),
        origin: origin(runs),
        // A single partition stays one.
        partition: if runs.len() == 1 { first.started.partition.clone() } else { None },
        merge: Some(Merge { runs: runs.iter().enumerate().map(merged).collect(), problems }),
    })
}

/// Returns where the merged run comes from: what all runs have in common, from the first start on.
fn origin(runs: &[Run<'_>]) -> Option<Origin> {
    /// More machines than these are counted.
    const NAMED: usize = 3;
    let origins: Vec<&Origin> = runs.iter().filter_map(|run| run.started.origin.as_ref()).collect();
    let first = *origins.first()?;
    let hosts: BTreeSet<&str> = origins.iter().map(|origin| origin.machine.host.as_str()).collect();
    let hosts: Vec<&str> = hosts.into_iter().collect();
    let machine = |value: fn(&Machine) -> String| common(origins.iter().map(|origin| value(&origin.machine)));
    Some(Origin {
        id: origins.iter().map(|origin| origin.id.as_str()).collect::<Vec<_>>().join("+"),
        machine: Machine {
            host: if hosts.len() > NAMED { words::count(hosts.len(), "machine") } else { words::list(&hosts) },
            system: machine(|machine| machine.system.clone()).unwrap_or_default(),
            cores: common(origins.iter().map(|origin| origin.machine.cores)).unwrap_or(0),
        },
        ..first.clone()
    })
}

/// Returns the value of all, if it is the same.
fn common<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
