//! The scenarios of several runs: which are the same, and which of their attempts count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use greenroom_event::{Attempt, DocumentOutline, EventKind, MergeProblem, Outcome, Outline, RunEnd, ScenarioOutline};

use super::recording::Run;

/// What a scenario is recognized by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    path: String,
    title: String,
    repetition: Option<u32>,
    /// Which of several scenarios of this name, as only a damaged recording has them.
    copy: usize,
}

/// An attempt at a scenario in one of the runs.
#[derive(Debug, Clone, Copy)]
struct Entry {
    run: usize,
    attempt: Attempt,
    is_started: bool,
    /// How it ended, and whether another attempt was to follow.
    finished: Option<(Outcome, bool)>,
}

/// How much the end of an attempt says. A greater one is never replaced by a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    NotStarted,
    Stopped,
    NotRunnable,
    Result,
}

impl Entry {
    fn weight(&self) -> Weight {
        match self.finished {
            Some((Outcome::Passed | Outcome::Failed, _)) => Weight::Result,
            Some((Outcome::Broken, _)) if self.is_started => Weight::Result,
            Some((Outcome::Broken, _)) => Weight::NotRunnable,
            Some((Outcome::Skipped, _)) | None if self.is_started => Weight::Stopped,
            Some((Outcome::Skipped, _)) | None => Weight::NotStarted,
        }
    }

    fn is_retried(&self) -> bool {
        self.finished.is_some_and(|(_, is_retried)| is_retried)
    }
}

/// All scenarios of all runs.
pub(super) struct Scenarios {
    /// The attempts at each scenario, in the order of runs.
    entries: BTreeMap<Key, Vec<Entry>>,
    /// Each scenario in the outline of each run.
    keys: Vec<Vec<Key>>,
    /// The latest run that has the scenario, and its index there.
    latest: BTreeMap<Key, (usize, usize)>,
    /// Documents that are not the same in all runs that have them.
    different: BTreeSet<String>,
}

impl Scenarios {
    pub(super) fn gather(runs: &[Run<'_>]) -> Self {
        let keys: Vec<Vec<Key>> = runs.iter().map(|run| keys(&run.started.outline)).collect();
        let mut latest = BTreeMap::new();
        for (run, keys) in keys.iter().enumerate() {
            latest.extend(keys.iter().enumerate().map(|(index, key)| (key.clone(), (run, index))));
        }
        let mut different = different_texts(runs);
        let mut entries: BTreeMap<Key, Vec<Entry>> = latest.keys().map(|key| (key.clone(), Vec::new())).collect();
        for (at, run) in runs.iter().enumerate() {
            let steps = |run: usize, index: usize| {
                let scenario: &ScenarioOutline = &runs[run].started.outline.scenarios[index];
                scenario.steps.iter().map(|step| &step.text)
            };
            for entry in entries_of(at, run) {
                let Some(key) = keys[at].get(entry.attempt.index) else { continue };
                let &(latest_run, index) = &latest[key];
                if steps(latest_run, index).eq(steps(at, entry.attempt.index)) {
                    entries.entry(key.clone()).or_default().push(entry);
                } else {
                    different.insert(key.path.clone());
                }
            }
        }
        Self { entries, keys, latest, different }
    }

    pub(super) fn different_documents(&self, runs: &[Run<'_>]) -> Vec<MergeProblem> {
        let recordings = |path: &str| {
            let has = |run: &&Run<'_>| run.started.outline.documents.iter().any(|other| normal(&other.path) == path);
            runs.iter().filter(has).map(|run| run.name.to_owned()).collect()
        };
        let problem =
            |path: &String| MergeProblem::DifferentDocument { path: path.clone(), recordings: recordings(path) };
        self.different.iter().map(problem).collect()
    }

    /// Finds scenarios with results from several runs, of which none is a rerun.
    ///
    /// Those of a partition that is given twice are known already.
    pub(super) fn repeated(&self, runs: &[Run<'_>]) -> Vec<MergeProblem> {
        let mut sets: BTreeMap<BTreeSet<usize>, Vec<&Key>> = BTreeMap::new();
        for (key, entries) in &self.entries {
            let results = entries.iter().filter(|entry| entry.weight() == Weight::Result);
            let from: BTreeSet<usize> = results.map(|entry| entry.run).filter(|&run| !runs[run].is_rerun()).collect();
            let parts: BTreeSet<_> = from
                .iter()
                .map(|&run| runs[run].partition().map(|part| (part.by.name(), part.index, part.total, &part.hash)))
                .collect();
            let is_known = parts.len() == 1 && parts.iter().all(Option::is_some);
            if from.len() > 1 && !is_known {
                sets.entry(from).or_default().push(key);
            }
        }
        let problem = |(from, keys): (BTreeSet<usize>, Vec<&Key>)| MergeProblem::RepeatedScenarios {
            scenarios: keys.len(),
            first: keys.first().map_or(String::new(), |key| key.title.clone()),
            recordings: from.into_iter().map(|run| runs[run].name.to_owned()).collect(),
        };
        sets.into_iter().map(problem).collect()
    }

    /// Returns whether other runs, which ended, have a result for every scenario of a run.
    pub(super) fn is_superseded(&self, run: usize, runs: &[Run<'_>]) -> bool {
        let is_elsewhere = |entry: &Entry| {
            entry.run != run
                && runs[entry.run].end == RunEnd::Finished
                && entry.weight() == Weight::Result
                && !entry.is_retried()
        };
        self.keys[run].iter().all(|key| self.entries[key].iter().any(is_elsewhere))
    }

    /// Returns the outline of all runs together. `order` is the reading order.
    pub(super) fn outline(&self, runs: &[Run<'_>], order: &[(usize, &Key)]) -> Outline {
        let outlines = || runs.iter().map(|run| &*run.started.outline);
        let mut documents: Vec<DocumentOutline> = Vec::new();
        for document in outlines().flat_map(|outline| &outline.documents) {
            let path = normal(&document.path);
            match documents.iter_mut().find(|other| normal(&other.path) == path) {
                None => documents.push(document.clone()),
                Some(other) => {
                    let text = document.text.clone().or_else(|| other.text.take());
                    *other = DocumentOutline { path: other.path.clone(), title: document.title.clone(), text };
                }
            }
        }
        let scenarios = order.iter().map(|&(document, key)| {
            let (run, index) = self.latest[key];
            ScenarioOutline { document, ..runs[run].started.outline.scenarios[index].clone() }
        });
        Outline {
            scenarios: scenarios.collect(),
            documents,
            left_out: left_out(runs, &self.keys),
            // The run that a rerun follows has them.
            passed_earlier: match outlines().map(|outline| outline.passed_earlier).min() {
                Some(1..) => outlines().map(|outline| outline.passed_earlier).max().unwrap_or(0),
                _ => 0,
            },
            without_scenarios: outlines().map(|outline| outline.without_scenarios).max().unwrap_or(0),
        }
    }

    /// Returns all scenarios in reading order, round by round, each with the index of its document.
    pub(super) fn in_order(&self, runs: &[Run<'_>]) -> Vec<(usize, &Key)> {
        let mut documents: Vec<String> = Vec::new();
        let mut files: Vec<String> = Vec::new();
        for outline in runs.iter().map(|run| &run.started.outline) {
            append(&mut documents, outline.documents.iter().map(|document| normal(&document.path)));
            for text in outline.documents.iter().filter_map(|document| document.text.as_ref()) {
                append(&mut files, text.parts.iter().map(|part| part.location.file.to_string()));
            }
            append(&mut files, outline.scenarios.iter().map(|scenario| scenario.location.file.to_string()));
        }
        let place = |list: &[String], name: &str| list.iter().position(|other| other == name).unwrap_or(list.len());
        let mut order: Vec<_> = self
            .latest
            .iter()
            .map(|(key, &(run, index))| {
                let location = &runs[run].started.outline.scenarios[index].location;
                let document = place(&documents, &key.path);
                (key.repetition, document, place(&files, &location.file), location.line, key)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, document, _, _, key)| (document, key)).collect()
    }

    /// Returns what becomes of each attempt that is kept: its place in the merged run, and whether
    /// another one follows. `order` is the reading order.
    pub(super) fn attempts(&self, order: &[(usize, &Key)]) -> BTreeMap<(usize, Attempt), (Attempt, bool)> {
        let mut attempts = BTreeMap::new();
        for (index, &(_, key)) in order.iter().enumerate() {
            let kept = deciding(&self.entries[key]);
            for (at, entry) in kept.iter().enumerate() {
                let is_last = at + 1 == kept.len();
                let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
                attempts.insert((entry.run, entry.attempt), (Attempt { index, number }, !is_last));
            }
        }
        attempts
    }
}

/// Returns the attempts that count: failures, and the last result; else the last of those that say most.
fn deciding(entries: &[Entry]) -> Vec<&Entry> {
    let mut kept: Vec<&Entry> = entries.iter().filter(|entry| entry.weight() == Weight::Result).collect();
    // Only a scenario that failed before it passed is flaky.
    let last = kept.len().saturating_sub(1);
    let mut at = 0..;
    kept.retain(|entry| at.next() == Some(last) || !matches!(entry.finished, Some((Outcome::Passed, _))));
    if kept.iter().all(|entry| entry.is_retried()) {
        // The attempt that was to follow has no result.
        let others = entries.iter().filter(|entry| entry.weight() != Weight::Result);
        kept.extend(others.max_by_key(|entry| (entry.weight(), entry.run, entry.attempt)));
    }
    kept
}

fn keys(outline: &Outline) -> Vec<Key> {
    let mut seen: BTreeMap<Key, usize> = BTreeMap::new();
    let key = |scenario: &ScenarioOutline| {
        let path = outline.documents.get(scenario.document).map_or(String::new(), |document| normal(&document.path));
        let key = Key { path, title: scenario.title.to_string(), repetition: scenario.repetition, copy: 0 };
        let copies = seen.entry(key.clone()).or_default();
        *copies += 1;
        Key { copy: *copies - 1, ..key }
    };
    outline.scenarios.iter().map(key).collect()
}

/// Gathers the attempts of a run, in order.
fn entries_of(at: usize, run: &Run<'_>) -> Vec<Entry> {
    let mut entries: BTreeMap<Attempt, Entry> = BTreeMap::new();
    for event in run.events {
        let Some(attempt) = event.scenario else { continue };
        let entry = entries.entry(attempt).or_insert(Entry { run: at, attempt, is_started: false, finished: None });
        match &event.kind {
            EventKind::ScenarioFinished(end) => entry.finished = Some((end.outcome, end.is_retried)),
            _ => entry.is_started = true,
        }
    }
    entries.into_values().collect()
}

/// Returns the paths of documents whose texts differ between runs.
fn different_texts(runs: &[Run<'_>]) -> BTreeSet<String> {
    let mut known = BTreeMap::new();
    let mut different = BTreeSet::new();
    for document in runs.iter().flat_map(|run| &run.started.outline.documents) {
        let Some(text) = &document.text else { continue };
        let parts = || text.parts.iter().map(|part| &part.text);
        let path = normal(&document.path);
        match known.get(&path) {
            None => drop(known.insert(path, text)),
            Some(first) if first.parts.iter().map(|part| &part.text).eq(parts()) => {}
            Some(_) => drop(different.insert(path)),
        }
    }
    different
}

/// Counts the scenarios that the filters of all runs left out.
fn left_out(runs: &[Run<'_>], keys: &[Vec<Key>]) -> usize {
    // Runs of the same documents.
    let mut groups: BTreeMap<BTreeSet<String>, Vec<usize>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        let documents = run.started.outline.documents.iter().map(|document| normal(&document.path)).collect();
        groups.entry(documents).or_default().push(at);
    }
    let of_group = |group: &Vec<usize>| {
        let scenarios = |at: usize| {
            let first = |key: &&Key| key.repetition.is_none_or(|repetition| repetition == 1);
            keys[at].iter().filter(first)
        };
        // What a run selected, with the partitions that other runs had.
        let selected = |at: usize| {
            runs[at].started.partition.as_ref().map_or_else(|| scenarios(at).count(), |partition| partition.scenarios)
        };
        let all = group.iter().map(|&at| selected(at) + runs[at].started.outline.left_out).max().unwrap_or(0);
        let together: BTreeSet<&Key> = group.iter().flat_map(|&at| scenarios(at)).collect();
        let most = group.iter().map(|&at| selected(at)).max().unwrap_or(0);
        all.saturating_sub(together.len().max(most))
    };
    groups.values().map(of_group).sum()
}

/// Adds names that a list does not have, each before the next one that it has.
fn append(list: &mut Vec<String>, names: impl Iterator<Item = String>) {
    let mut new = Vec::new();
    for name in names {
        match list.iter().position(|known| *known == name) {
            Some(at) => drop(list.splice(at..at, new.drain(..))),
            None if new.contains(&name) => {}
            None => new.push(name),
        }
    }
    list.append(&mut new);
}

/// Returns a path without `.` and doubled slashes.
fn normal(path: &str) -> String {
    let components = Path::new(path).components().filter(|component| !matches!(component, Component::CurDir));
    components.collect::<PathBuf>().display().to_string()
}
