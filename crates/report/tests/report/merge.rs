//! Merged runs: which results count, and that the order of the recordings does not matter.

use greenroom_event::{
    Event, EventKind, Machine, Merge, MergeProblem, Origin, Outcome, Partition, PartitionKind, RunEnd,
};
use greenroom_report::merge::{Recording, explain, merge};
use greenroom_report::{RunRecord, Verdict};
use proptest::prelude::*;

use crate::support::{Run, over};

const TITLES: [&str; 4] = ["Ale", "Beer", "Cider", "Draught"];

/// A run of some scenarios that began in this second, with an outcome for each.
///
/// `None`: nothing is known about the scenario, as when greenroom was killed.
fn run(second: u32, scenarios: &[(&str, Option<Outcome>)], end: RunEnd) -> Run {
    let outline: Vec<(&str, &[&str])> = scenarios.iter().map(|(title, _)| (*title, &["when I drink"][..])).collect();
    let mut run = Run::of(&outline).started(|started| started.origin = Some(origin(second)));
    for (index, (_, outcome)) in scenarios.iter().enumerate() {
        run = match outcome {
            Some(Skipped) => run.finish(index, over(Skipped, 0)),
            Some(outcome) => run.begin(index).finish(index, over(*outcome, 10)),
            None => run,
        };
    }
    match end {
        RunEnd::Finished => run.end(),
        RunEnd::Interrupted => run.interrupted(),
        RunEnd::CutShort | RunEnd::GoesOn => run,
    }
}

fn origin(second: u32) -> Origin {
    Origin {
        id: format!("run-{second}"),
        started: format!("2026-11-26T18:50:{second:02}Z"),
        machine: Machine { host: format!("host-{second}"), ..Machine::default() },
        ..Origin::default()
    }
}

fn recording(name: &str, run: &Run) -> Recording {
    Recording { name: name.to_owned(), events: run.all(), cut: None }
}

fn merge_of(events: &[Event]) -> Merge {
    match &events[0].kind {
        EventKind::RunStarted(started) => started.merge.clone().unwrap_or_default(),
        other => panic!("the first event is {other:?}"),
    }
}

/// Returns the outcome of each scenario with the number of its attempts.
fn outcomes(events: &[Event]) -> Vec<(String, usize, Option<Outcome>)> {
    let record = RunRecord::of(events);
    let scenarios = record.started.outline.scenarios.iter().enumerate();
    scenarios
        .map(|(index, scenario)| {
            let attempts = record.attempts(index);
            let outcome = attempts.last().and_then(|last| Some(last.finished.as_ref()?.outcome));
            (scenario.title.to_string(), attempts.len(), outcome)
        })
        .collect()
}

fn problems(events: &[Event]) -> Vec<String> {
    merge_of(events).problems.iter().map(explain).collect()
}

use Outcome::{Broken, Failed, Passed, Skipped};

#[test]
fn a_rerun_adds_an_attempt_and_its_result_counts() {
    let first = run(1, &[("Ale", Some(Passed)), ("Beer", Some(Failed))], RunEnd::Finished);
    let again = run(9, &[("Beer", Some(Passed))], RunEnd::Finished)
        .started(|started| started.origin.as_mut().unwrap().is_rerun = true);
    let events = merge(vec![recording("again", &again), recording("first", &first)]);
    assert_eq!(problems(&events), [""; 0]);
    let expected = [("Ale".to_owned(), 1, Some(Passed)), ("Beer".to_owned(), 2, Some(Passed))];
    assert_eq!(outcomes(&events), expected);
    let record = RunRecord::of(&events);
    assert_eq!((record.summary.verdict(), record.summary.flaky), (Verdict::Passed, 1));
    let runs = merge_of(&events);
    let run_of = |attempt| runs.runs.iter().find(|run| run.attempts.contains(&attempt)).unwrap();
    let host = |attempt| run_of(attempt).origin.clone().unwrap().machine.host;
    assert_eq!(
        record
            .attempts(1)
            .iter()
            .map(|record| host(greenroom_event::Attempt { index: 1, number: record.attempt }))
            .collect::<Vec<_>>(),
        ["host-1", "host-9"]
    );
}

#[test]
fn a_scenario_that_passed_twice_is_not_flaky() {
    let first = run(1, &[("Ale", Some(Passed))], RunEnd::Finished);
    let second = run(2, &[("Ale", Some(Passed))], RunEnd::Finished);
    let events = merge(vec![recording("first", &first), recording("second", &second)]);
    assert_eq!(outcomes(&events), [("Ale".to_owned(), 1, Some(Passed))]);
    assert_eq!(RunRecord::of(&events).summary.flaky, 0);
}

#[test]
fn what_did_not_run_never_replaces_a_result() {
    for (later, end) in [(Some(Skipped), RunEnd::Interrupted), (None, RunEnd::CutShort)] {
        let first = run(1, &[("Ale", Some(Failed))], RunEnd::Finished);
        let second = run(2, &[("Ale", later)], end);
        for order in [[&first, &second], [&second, &first]] {
            let events = merge(order.map(|run| recording("x", run)).to_vec());
            assert_eq!(outcomes(&events), [("Ale".to_owned(), 1, Some(Failed))]);
            // The run that ended has all results, so nothing is missing.
            assert_eq!(RunRecord::of(&events).summary.verdict(), Verdict::Failed);
        }
    }
}

#[test]
fn a_sandbox_that_could_not_be_made_does_not_replace_a_result() {
    let first = run(1, &[("Ale", Some(Passed))], RunEnd::Finished);
    let second = Run::of(&[("Ale", &["when I drink"])])
        .started(|started| started.origin = Some(origin(2)))
        .finish(0, over(Broken, 0))
        .end();
    let events = merge(vec![recording("first", &first), recording("second", &second)]);
    assert_eq!(outcomes(&events), [("Ale".to_owned(), 1, Some(Passed))]);
}

#[test]
fn a_result_that_no_other_run_has_is_missing_when_a_recording_ends_early() {
    let first = run(1, &[("Ale", Some(Passed))], RunEnd::Finished);
    let second = run(2, &[("Beer", Some(Passed)), ("Cider", None)], RunEnd::CutShort);
    let events = merge(vec![recording("first", &first), recording("second", &second)]);
    let record = RunRecord::of(&events);
    assert!(!record.ended);
    assert_eq!(record.summary.verdict(), Verdict::Interrupted);
    assert_eq!(merge_of(&events).runs[1].end, RunEnd::CutShort);
}

#[test]
fn runs_keep_their_distance_in_time() {
    let first = run(1, &[("Ale", Some(Passed))], RunEnd::Finished);
    let second = run(5, &[("Beer", Some(Passed))], RunEnd::Finished);
    let events = merge(vec![recording("second", &second), recording("first", &first)]);
    let runs = merge_of(&events).runs;
    assert_eq!(runs.iter().map(|run| run.began.as_secs()).collect::<Vec<_>>(), [0, 4]);
    assert_eq!(RunRecord::of(&events).summary.took, runs[1].began + runs[1].took);
    assert!(events.is_sorted_by_key(|event| event.at));
    assert!(events.iter().enumerate().all(|(at, event)| event.seq == at as u64));
}

#[test]
fn a_single_recording_stays_as_it_is() {
    let single = recording("x", &run(1, &[("Ale", Some(Passed))], RunEnd::Finished));
    assert_eq!(merge(vec![single.clone()]), single.events);
}

#[test]
fn hostile_partitions_are_named_in_time() {
    let part = |index, total| {
        let partition = Partition { by: PartitionKind::Count, index, total, scenarios: 1, hash: "x".to_owned() };
        let second = u32::try_from(index % 50).unwrap();
        recording(
            "x",
            &run(second, &[("Ale", Some(Passed))], RunEnd::Finished)
                .started(|started| started.partition = Some(partition)),
        )
    };
    let events = merge(vec![part(3, usize::MAX), part(usize::MAX, 4), part(0, 4)]);
    let missing = |problem: &&MergeProblem| matches!(problem, MergeProblem::MissingPartitions { .. });
    assert_eq!(merge_of(&events).problems.iter().filter(missing).count(), 2);
}

fn outcome() -> impl Strategy<Value = Option<Outcome>> {
    prop_oneof![Just(Some(Passed)), Just(Some(Failed)), Just(Some(Broken)), Just(Some(Skipped)), Just(None)]
}

fn recordings() -> impl Strategy<Value = Vec<Recording>> {
    let end = prop_oneof![Just(RunEnd::Finished), Just(RunEnd::Interrupted), Just(RunEnd::CutShort)];
    let titles = prop::sample::subsequence(&TITLES[..], 0..4);
    let one = (0_u32..4, titles, prop::collection::vec(outcome(), 4), end);
    prop::collection::vec(one, 1..6).prop_map(|runs| {
        let number = runs.into_iter().enumerate();
        let recording = number.map(|(at, (second, titles, outcomes, end))| {
            let scenarios: Vec<_> = titles.into_iter().zip(outcomes).collect();
            let run = run(second, &scenarios, end);
            let run = run.started(|started| started.origin.as_mut().unwrap().id = format!("{second}-{at}"));
            recording(&format!("{at}.jsonl"), &run)
        });
        recording.collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_the_recordings_does_not_matter(
        (given, shuffled) in recordings().prop_flat_map(|given| (Just(given.clone()), Just(given).prop_shuffle())),
    ) {
        prop_assert_eq!(merge(given), merge(shuffled));
    }

    #[test]
    fn every_scenario_is_there_and_a_result_is_never_lost(given in recordings()) {
        let events = merge(given.clone());
        let merged = outcomes(&events);
        for recording in &given {
            for (title, _, outcome) in outcomes(&recording.events) {
                let (_, attempts, last) = merged.iter().find(|(other, ..)| *other == title).unwrap();
                if matches!(outcome, Some(Passed | Failed | Broken)) {
                    prop_assert!(matches!(last, Some(Passed | Failed | Broken)), "{} {:?}", title, last);
                    prop_assert!(*attempts > 0);
                }
            }
        }
        let mut titles: Vec<_> = merged.iter().map(|(title, ..)| title).collect();
        titles.dedup();
        prop_assert_eq!(titles.len(), merged.len());
    }
}
