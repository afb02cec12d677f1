//! Recordings, and the runs in them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use greenroom_event::{Event, EventKind, MergeProblem, Partition, RunEnd, RunStarted};

/// A recording, read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The name of the file, for messages.
    pub name: String,
    /// Its events; the first is the start of the run.
    pub events: Vec<Event>,
    /// How it ends, if that is not with the end of the run.
    pub cut: Option<RunEnd>,
}

impl Recording {
    pub(super) fn started(&self) -> Option<&RunStarted> {
        match &self.events.first()?.kind {
            EventKind::RunStarted(started) => Some(started),
            _ => None,
        }
    }

    fn end(&self) -> RunEnd {
        match self.events.last().map(|event| &event.kind) {
            Some(EventKind::RunFinished { interrupted: false }) => RunEnd::Finished,
            Some(EventKind::RunFinished { interrupted: true }) => RunEnd::Interrupted,
            _ => self.cut.unwrap_or(RunEnd::CutShort),
        }
    }

    fn took(&self) -> Duration {
        self.events.iter().map(|event| event.at).max().unwrap_or_default()
    }

    /// What the order of recordings depends on: never the order in which they are given.
    pub(super) fn order(&self) -> (Option<DateTime<Utc>>, String, usize, String, String) {
        let started = self.started();
        let origin = started.and_then(|started| started.origin.as_ref());
        (
            origin.and_then(|origin| origin.started.parse().ok()),
            origin.map_or(String::new(), |origin| origin.id.clone()),
            started.and_then(|started| started.partition.as_ref()).map_or(0, |partition| partition.index),
            // Old recordings have no origin.
            if origin.is_none() { format!("{:?}", self.events) } else { String::new() },
            self.name.clone(),
        )
    }
}

/// One of the runs, with its place in time.
pub(super) struct Run<'a> {
    pub(super) name: &'a str,
    pub(super) events: &'a [Event],
    pub(super) started: &'a RunStarted,
    pub(super) began: Duration,
    pub(super) took: Duration,
    pub(super) end: RunEnd,
}

impl Run<'_> {
    pub(super) fn is_rerun(&self) -> bool {
        self.started.origin.as_ref().is_some_and(|origin| origin.is_rerun)
    }

    /// The partition, unless the run repeats failed scenarios of others.
    pub(super) fn partition(&self) -> Option<&Partition> {
        self.started.partition.as_ref().filter(|_| !self.is_rerun())
    }
}

/// Returns the runs of recordings, with their places in time.
pub(super) fn runs<'a>(recordings: &'a [Recording]) -> Vec<Run<'a>> {
    let clock = |started: &RunStarted| started.origin.as_ref()?.started.parse::<DateTime<Utc>>().ok();
    let first = recordings.iter().filter_map(|recording| clock(recording.started()?)).min();
    let started = recordings.iter().filter_map(|recording| Some((recording, recording.started()?)));
    let run = |(recording, started): (&'a Recording, &'a RunStarted)| {
        let since = clock(started).zip(first).map(|(own, first)| own - first);
        Run {
            name: &recording.name,
            events: &recording.events,
            started,
            began: since.and_then(|since| since.to_std().ok()).unwrap_or_default(),
            took: recording.took(),
            end: recording.end(),
        }
    };
    started.map(run).collect()
}

/// Keeps one recording of each run, the most complete one.
pub(super) fn remove_copies(recordings: &mut Vec<Recording>) -> Vec<MergeProblem> {
    let mut kept: Vec<(Recording, Vec<String>)> = Vec::new();
    for recording in recordings.drain(..) {
        let id = |recording: &Recording| Some(recording.started()?.origin.as_ref()?.id.clone());
        let is_same = |other: &Recording| match (id(&recording), id(other)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => recording.events == other.events,
            _ => false,
        };
        if let Some((other, names)) = kept.iter_mut().find(|(other, _)| is_same(other)) {
            names.push(recording.name.clone());
            if recording.events.len() > other.events.len() {
                *other = recording;
            }
        } else {
            let name = recording.name.clone();
            kept.push((recording, vec![name]));
        }
    }
    let mut problems = Vec::new();
    for (recording, names) in kept {
        recordings.push(recording);
        if names.len() > 1 {
            problems.push(MergeProblem::SameRun { recordings: names });
        }
    }
    problems
}
