//! How many scenarios run at the same time by default.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::thread::available_parallelism;

use greenroom_event::{Event, EventKind};

use crate::faults::many;
use crate::support::{Fifo, Project, document};

/// Far more than the processors of the machines that test.
const WAITING: usize = 60;

/// Each waits until the test has seen that all of them run.
#[test]
fn scenarios_that_wait_run_side_by_side() {
    let Some(project) = Project::sealed() else { return };
    let steps = "when I run sh -c 'echo here > \"$GATHERED\"; exec flock -s \"$LOCK\" true'";
    let project = project.file("x.md", document(&many(WAITING, steps))).fifo("gathered").file("lock", "");
    let lock = File::open(project.path("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let variables = [("GATHERED", "gathered"), ("LOCK", "lock")];
    let variables = variables.map(|(name, path)| format!("{name}={}", project.path(path).display()));
    let started = project.start(["run", "-q", "x.md", "--env", &variables[0], "--env", &variables[1]]);
    let gathered = Fifo::open(project.path("gathered"));
    // It has a writer also while no scenario writes.
    let _writer = File::options().write(true).open(project.path("gathered")).unwrap();
    for _ in 0..WAITING {
        gathered.line();
    }
    drop(lock);
    started.finish().passes();
}

/// A loop wants a processor at every moment, however busy the machine is.
#[test]
fn scenarios_that_compute_run_one_for_each_processor() {
    let Some(project) = Project::sealed() else { return };
    let processors = available_parallelism().map_or(1, usize::from);
    // A few more begin while others end, or change from one step to the next.
    let most = 2 * processors + 4;
    let steps = "when I run sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'";
    let project = project.file("x.md", document(&many(3 * most, steps)));
    project.run(["run", "-q", "x.md", "--events", "run.jsonl"]).passes();
    let (mut running, mut peak) = (0, 0);
    for line in BufReader::new(File::open(project.path("run.jsonl")).unwrap()).lines() {
        let event: Event = serde_json::from_str(&line.unwrap()).unwrap();
        match event.kind {
            EventKind::ScenarioStarted => running += 1,
            EventKind::ScenarioFinished(_) => running -= 1,
            _ => {}
        }
        peak = peak.max(running);
    }
    assert!((processors..=most).contains(&peak), "{peak} ran at the same time on {processors} processors");
}

/// What was chosen counts, whatever the scenarios do.
#[test]
fn a_number_of_jobs_is_kept_to() {
    let Some(project) = Project::sealed() else { return };
    let project = project.file("x.md", document(&many(6, "when I run true")));
    let ran = project.run(["run", "-j", "3", "x.md"]).passes();
    assert!(ran.stdout.starts_with("greenroom [VERSION]: 6 scenarios in x.md, up to 3 at a time"), "{}", ran.stdout);
}

/// A scenario begins before the processes of the one before it are gone, and may be over first.
#[test]
fn one_at_a_time_results_come_in_the_order_of_the_scenarios() {
    let Some(project) = Project::sealed() else { return };
    let scenarios = 400;
    let project = project.file("x.md", document(&many(scenarios, "when I run true")));
    project.run(["run", "-q", "-j1", "x.md", "--events", "run.jsonl"]).passes();
    let events = BufReader::new(File::open(project.path("run.jsonl")).unwrap()).lines();
    let finished = events.filter_map(|line| {
        let event: Event = serde_json::from_str(&line.unwrap()).unwrap();
        matches!(event.kind, EventKind::ScenarioFinished(_)).then(|| event.scenario.unwrap().index)
    });
    assert_eq!(finished.collect::<Vec<_>>(), (0..scenarios).collect::<Vec<_>>());
}
