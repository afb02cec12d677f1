//! What happened in a run: the contract between running and reporting.
//!
//! A run is a sequence of [`Event`]s pushed into a [`Sink`]. They carry facts only, and enough of them
//! to report without the documents: the first event holds an [`Outline`] of everything that is to run.
//! Reports put these facts into words; only messages of steps are text.
//!
//! # Order
//!
//! - `seq` starts at 0 and has no gaps; `at` never decreases. One thread numbers and pushes.
//! - The first event is [`EventKind::RunStarted`], the last [`EventKind::RunFinished`], however a run
//!   ends, unless the runner itself is killed.
//! - Per attempt at a scenario: `ScenarioStarted`, then per step `StepStarted`, any number of `Waiting`,
//!   `StepFinished`, then `CleanupFinished` per cleanup that ran, then `ScenarioFinished`. A scenario
//!   that is never started has only a `ScenarioFinished` (skipped).
//! - A scenario that is retried has several attempts, one after another. All but the last have
//!   [`ScenarioFinished::is_retried`]; the last decides.
//! - Scenarios run side by side, so their events interleave. Reading order is the order of
//!   [`Outline::scenarios`].
//! - `ScenarioFinished` comes only after every process of the scenario is gone, so its output is final.
//!
//! # Compatibility
//!
//! [`SCHEMA_VERSION`] counts changes that an older reader could not read: new kinds, new variants, other
//! meanings. New fields come without a new version, and readers ignore fields that they do not know.
//! `schema/events.json` in this crate is the JSON Schema of a line of a [`recording`].

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod daemon;
mod document;
mod failure;
pub mod history;
mod isolation;
mod location;
mod merge;
mod micros;
mod origin;
mod outline;
mod output;
pub mod recording;
#[cfg(test)]
mod schema;
pub mod words;

pub use daemon::{Daemon, DaemonEnd, Exit, LeftOver, LeftOverEnd, Life, Notice, PrivateNetwork, Signal};
pub use document::{Asset, CaptureMarkup, DocumentText, StepKind, StepList, StepMarkup, StepSource, TextPart};
pub use failure::{Closest, Comparison, FailedFunction, Failure, FailureKind, Part, Relation, Scope, Subject};
pub use isolation::{Held, Isolation, Property, PropertyName, User};
pub use location::Location;
pub use merge::{Merge, MergeProblem, MergedRun, RecordingGroup, RunEnd};
pub use origin::{Machine, Origin, Partition, PartitionKind};
pub use outline::{DocumentOutline, Outline, ScenarioOutline, StepOutline};
pub use output::{Mark, Output, OutputSource, Stream, raw_byte, text_of};

/// The version of the event schema.
pub const SCHEMA_VERSION: u32 = 1;

/// One fact, with its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Event {
    /// Position in the run, from 0.
    pub seq: u64,
    /// Microseconds since the start of the run, without the time for which it was suspended (Ctrl-Z).
    #[serde(rename = "at_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub at: Duration,
    /// Which scenario; missing for facts about the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Attempt>,
    /// What happened.
    pub kind: EventKind,
}

/// One attempt at a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Attempt {
    /// Which scenario, as an index into [`Outline::scenarios`].
    pub index: usize,
    /// Which attempt at it, from 1.
    pub number: u32,
}

impl Attempt {
    /// The first attempt at a scenario.
    pub fn first(index: usize) -> Self {
        Self { index, number: 1 }
    }
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The run begins.
    RunStarted(RunStarted),
    /// A scenario begins.
    ScenarioStarted,
    /// A step begins.
    StepStarted {
        /// Index of the step in its scenario.
        step: usize,
    },
    /// A step has been waiting for a while; sent once per thing that it waits for.
    Waiting {
        /// Index of the step.
        step: usize,
        /// For what, to follow "waiting for": `port 8888 of slow-daemon`.
        what: String,
        /// How long it may take, in microseconds.
        #[serde(rename = "limit_us", with = "micros")]
        #[cfg_attr(test, schemars(with = "u64"))]
        limit: Duration,
    },
    /// A step ended. Steps after one that did not pass are skipped without an event.
    StepFinished(StepFinished),
    /// The cleanup of a step ended.
    CleanupFinished(StepFinished),
    /// A scenario is over and nothing of it is left.
    ScenarioFinished(ScenarioFinished),
    /// The run is over.
    RunFinished {
        /// Whether it was stopped early.
        interrupted: bool,
    },
}

/// The run begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RunStarted {
    /// [`SCHEMA_VERSION`] of the greenroom that wrote this.
    pub schema_version: u32,
    /// Version of greenroom.
    pub version: String,
    /// Everything that is to run.
    // Shared, because each report keeps it until the run ends.
    pub outline: Arc<Outline>,
    /// How scenarios are kept apart.
    pub isolation: Isolation,
    /// How many scenarios run side by side.
    pub jobs: usize,
    /// The seed, when the order was shuffled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
    /// Where it comes from; missing in old recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Which part of the scenarios it has, if they are spread over several runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// The runs that it is merged from, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
}

/// The end of a step or of a step's cleanup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StepFinished {
    /// Index of the step in its scenario.
    pub step: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began, in microseconds since the start of the scenario, by the same clock as the lives of
    /// daemons; missing in old recordings, and if the process that runs the steps did not report it.
    #[serde(rename = "began_us", default, with = "micros::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub began: Option<Duration>,
    /// How long it took, in microseconds.
    #[serde(rename = "took_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub took: Duration,
    /// Why, unless it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What its command wrote, if it passed and a report asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Output>,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It was not run: after a failure, or because the run was stopped.
    Skipped,
    /// It does not hold.
    Failed,
    /// It could not be determined: the sandbox could not be set up, or the stage died.
    Broken,
}

/// The end of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ScenarioFinished {
    /// How it ended. Failed when a step or a cleanup failed.
    pub outcome: Outcome,
    /// Microseconds from its start until its last process was gone.
    #[serde(rename = "took_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub took: Duration,
    /// Why it is broken, skipped or was ended early; missing otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Daemons of the scenario, in order of start; when it passed, only those that crashed unnoticed,
    /// unless a report asked for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub daemons: Vec<Daemon>,
    /// Leftover processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<LeftOver>,
    /// Where its directory is kept, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// What it did with its private network; missing when it passed or shared the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<PrivateNetwork>,
    /// Whether another attempt follows, so that this one does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_retried: bool,
}

impl ScenarioFinished {
    /// Creates the end of a scenario that started no daemons and left nothing over.
    pub fn new(outcome: Outcome, took: Duration) -> Self {
        Self {
            outcome,
            took,
            failure: None,
            daemons: Vec::new(),
            left_over: Vec::new(),
            kept: None,
            network: None,
            is_retried: false,
        }
    }
}

/// Takes events, in order, from one thread.
pub trait Sink {
    /// Takes one event. A sink that can no longer write stays silent and remembers the error: a run
    /// never fails because of its readers.
    fn push(&mut self, event: &Event);

    /// Called at least every 100 ms between events, for displays that show time passing.
    fn idle(&mut self, _at: Duration) {}

    /// Called before the process is suspended, as by Ctrl-Z: clear what is on the screen only for now.
    fn pausing(&mut self) {}

    /// Whether the reader of the results is gone, so that the run can stop.
    fn is_deserted(&self) -> bool {
        false
    }
}
