//! What is missing or does not fit in a set of recordings, and how to say it.

use std::collections::{BTreeMap, BTreeSet};

use greenroom_event::{MergeProblem, Partition, RecordingGroup};

use super::recording::Run;
use crate::words;

/// Says in a line what is wrong with a set of recordings.
pub fn explain(problem: &MergeProblem) -> String {
    let names = |recordings: &[String]| {
        words::list(&recordings.iter().map(|name| words::escape(name).into_owned()).collect::<Vec<_>>())
    };
    let groups = |groups: &[RecordingGroup]| {
        let group = |group: &RecordingGroup| format!("{} ({})", words::escape(&group.what), names(&group.recordings));
        groups.iter().map(group).collect::<Vec<_>>().join("; ")
    };
    match problem {
        MergeProblem::MissingPartitions { by, total, gaps, recordings } => {
            let gap = |(first, last): &(usize, usize)| {
                if first == last { format!("{first}/{total}") } else { format!("{first}/{total} to {last}/{total}") }
            };
            let missing = words::list(&gaps.iter().map(gap).collect::<Vec<_>>());
            let is_one = matches!(&gaps[..], [(first, last)] if first == last);
            let (noun, verb) = if is_one { ("partition", "is") } else { ("partitions", "are") };
            format!("{noun} {} {missing} {verb} missing; given: {}", by.name(), names(recordings))
        }
        MergeProblem::RepeatedPartition { by, index, total, recordings } => {
            format!("partition {} {index}/{total} is given more than once: {}", by.name(), names(recordings))
        }
        MergeProblem::SameRun { recordings } => format!("recordings of the same run: {}", names(recordings)),
        MergeProblem::DifferentLists { lists } => {
            format!("the partitions are of different lists of scenarios: {}", groups(lists))
        }
        MergeProblem::DifferentVersions { versions } => {
            format!("different versions of greenroom: {}", groups(versions))
        }
        MergeProblem::DifferentDocument { path, recordings } => format!(
            "{} differs between {}; scenarios with other steps than in the latest are not counted",
            words::escape(path),
            names(recordings)
        ),
        MergeProblem::RepeatedScenarios { scenarios, first, recordings } => {
            let first = words::escape(first);
            let which = match scenarios {
                0 | 1 => format!("\"{first}\" is"),
                many => format!("\"{first}\" and {} are", words::count(many - 1, "more scenario")),
            };
            format!("{which} in several runs without --rerun failed: {}", names(recordings))
        }
        _ => "the recordings do not fit together".to_owned(),
    }
}

/// What the partitions of one list of scenarios have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct List<'a> {
    by: &'static str,
    total: usize,
    scenarios: usize,
    hash: &'a str,
}

/// A run of a partition.
struct Part<'a> {
    run: &'a Run<'a>,
    partition: &'a Partition,
}

/// Finds partitions that are missing, repeated, or of another list than the rest.
pub(super) fn partition_problems(runs: &[Run<'_>]) -> Vec<MergeProblem> {
    let mut lists: BTreeMap<List<'_>, Vec<Part<'_>>> = BTreeMap::new();
    for run in runs {
        if let Some(partition) = run.partition() {
            let Partition { total, scenarios, ref hash, .. } = *partition;
            let list = List { by: partition.by.name(), total, scenarios, hash };
            lists.entry(list).or_default().push(Part { run, partition });
        }
    }
    let mut problems = Vec::new();
    if lists.len() > 1 {
        let group = |(list, parts): (&List<'_>, &Vec<Part<'_>>)| {
            let (partitions, scenarios) =
                (words::count(list.total, "partition"), words::count(list.scenarios, "scenario"));
            RecordingGroup {
                what: format!("{partitions} by {} of {scenarios}", list.by),
                recordings: parts.iter().map(|part| part.run.name.to_owned()).collect(),
            }
        };
        problems.push(MergeProblem::DifferentLists { lists: lists.iter().map(group).collect() });
    }
    for parts in lists.values() {
        let mut by_index: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for part in parts {
            by_index.entry(part.partition.index).or_default().push(part.run.name.to_owned());
        }
        let Some(&Part { partition: &Partition { by, total, .. }, .. }) = parts.first() else { continue };
        let mut gaps = Vec::new();
        let mut next = 1;
        for index in by_index.keys().copied().filter(|index| (1..=total).contains(index)) {
            if index > next {
                gaps.push((next, index - 1));
            }
            next = index + 1;
        }
        if next <= total {
            gaps.push((next, total));
        }
        if !gaps.is_empty() {
            let recordings = by_index.values().flatten().cloned().collect();
            problems.push(MergeProblem::MissingPartitions { by, total, gaps, recordings });
        }
        for (index, recordings) in by_index {
            if recordings.len() > 1 {
                problems.push(MergeProblem::RepeatedPartition { by, index, total, recordings });
            }
        }
    }
    problems
}

/// Finds out whether different versions ran the scenarios.
pub(super) fn version_problem(runs: &[Run<'_>]) -> Option<MergeProblem> {
    let mut versions: BTreeMap<(&str, u32), Vec<String>> = BTreeMap::new();
    for run in runs {
        let version = (run.started.version.as_str(), run.started.schema_version);
        versions.entry(version).or_default().push(run.name.to_owned());
    }
    let differs_in_schema = versions.keys().map(|(_, schema)| schema).collect::<BTreeSet<_>>().len() > 1;
    let group = |((version, schema), recordings): ((&str, u32), Vec<String>)| RecordingGroup {
        what: if differs_in_schema { format!("{version}, schema {schema}") } else { version.to_owned() },
        recordings,
    };
    (versions.len() > 1)
        .then(|| MergeProblem::DifferentVersions { versions: versions.into_iter().map(group).collect() })
}
