//! What happened in a run: the contract between running and reporting.
//!
//! A run is a sequence of [`Event`]s pushed into a [`Sink`]. They carry facts only, and enough of them to report without
//! the documents: the first event holds an [`Outline`] of everything that was to run.
//!
//! # Order
//!
//! - `seq` starts at 0 and has no gaps; `at` never goes backwards. One thread numbers and pushes.
//! - The first event is [`Kind::RunStarted`], the last [`Kind::RunFinished`], on every way a run can end but the death of the runner itself.
//! - Per scenario: `ScenarioStarted`, then per step `StepStarted`, any number of `Waiting`, `StepFinished`, then `CleanupFinished`
//!   per cleanup that ran, then `ScenarioFinished`. A scenario that is never started has only a `ScenarioFinished` (skipped).
//! - Scenarios run side by side, so their events interleave. Reading order is the order of [`Outline::scenarios`]; `report` restores it.
//! - `ScenarioFinished` comes only after every process of the scenario is gone, so all output in it is final.
//!
//! New fields and kinds may be added; readers must ignore what they do not know.

#![forbid(unsafe_code)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One fact, with its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the run, from 0.
    pub seq: u64,
    /// Time since the run started, on the monotonic clock, without the time for which everything stood still (Ctrl-Z).
    pub at: Duration,
    /// Which scenario, as an index into [`Outline::scenarios`]; none for facts about the run.
    pub scenario: Option<usize>,
    /// What happened.
    pub kind: Kind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The run begins.
    RunStarted(RunStarted),
    /// A scenario's stage has been launched.
    ScenarioStarted,
    /// A step begins.
    StepStarted {
        /// Index of the step in its scenario.
        step: usize,
    },
    /// A step has been waiting for a while; said once per thing waited for.
    Waiting {
        /// Index of the step.
        step: usize,
        /// For what, in words that follow "waiting for": `port 8888 of slow-daemon`.
        what: String,
        /// How long it may take.
        limit: Duration,
    },
    /// A step ended. Steps after one that did not pass are skipped without an event.
    StepFinished {
        /// Index of the step.
        step: usize,
        /// How.
        outcome: Outcome,
        /// How long it took.
        took: Duration,
        /// Why, unless it passed.
        failure: Option<Failure>,
    },
    /// The cleanup of a step ended.
    CleanupFinished {
        /// Index of the step whose cleanup it is.
        step: usize,
        /// How.
        outcome: Outcome,
        /// How long it took.
        took: Duration,
        /// Why, unless it passed.
        failure: Option<Failure>,
    },
    /// A scenario is over and nothing of it is left.
    ScenarioFinished(ScenarioFinished),
    /// The run is over.
    RunFinished {
        /// Whether somebody stopped it.
        interrupted: bool,
    },
}

/// The run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// Version of greenroom.
    pub version: String,
    /// Everything that is to run.
    pub outline: Outline,
    /// How scenarios are kept apart.
    pub isolation: Isolation,
    /// How many scenarios run side by side.
    pub jobs: usize,
    /// The seed, when the order was shuffled.
    pub shuffle: Option<u64>,
}

/// How scenarios are kept apart from one another and from the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// Every scenario has all of its own, and ends as a whole.
    pub sealed: bool,
    /// What there is to have, one by one: `kill`, `network`, `tmp`, `proc`, `host`, `user`.
    pub properties: Vec<Property>,
}

/// Something that scenarios have of their own or share with the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// `network`.
    pub name: String,
    /// `private` or `shared`, say.
    pub value: String,
    /// When it is shared although that was not asked for: the system call that failed and its error.
    pub refused: Option<String>,
}

/// What was to run, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// Documents in the order given.
    pub documents: Vec<DocumentOutline>,
    /// Scenarios that were chosen, in reading order.
    pub scenarios: Vec<ScenarioOutline>,
    /// How many scenarios the filters left out.
    pub left_out: usize,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentOutline {
    /// As the user named it.
    pub path: String,
    /// Its title.
    pub title: String,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioOutline {
    /// Index in [`Outline::documents`].
    pub document: usize,
    /// Its title.
    pub title: String,
    /// Where its heading is.
    pub location: Location,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its steps.
    pub steps: Vec<StepOutline>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepOutline {
    /// As written, keyword included.
    pub text: String,
    /// Where it is.
    pub location: Location,
}

/// A place in a file, line from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The file as the user knows it.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It was not run: after a failure, or because the run was stopped.
    Skipped,
    /// It does not hold.
    Failed,
    /// It could not be found out: the sandbox could not be made, the stage died.
    Broken,
}

/// A scenario is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioFinished {
    /// How. Failed when a step or a cleanup failed.
    pub outcome: Outcome,
    /// From its start to its last process gone.
    pub took: Duration,
    /// For a scenario that is broken, skipped or ended from outside: why.
    pub failure: Option<Failure>,
    /// Daemons of the scenario, in order of their start; when it passed, only those that died without anybody's knowledge.
    pub daemons: Vec<Daemon>,
    /// Processes that no step had stopped when the scenario ended.
    pub left_over: Vec<LeftOver>,
    /// Where its directory is kept, if it is.
    pub kept: Option<String>,
    /// How it used its network, if that was its own; only when it did not pass.
    pub network: Option<PrivateNetwork>,
}

/// How a scenario used a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateNetwork {
    /// A connection or packet in it came to a port that nobody had.
    #[serde(default)]
    pub refused: bool,
    /// Something in it tried to reach another host, be it for a look-up of a name, which cannot be reached from there.
    pub other_hosts: bool,
}

/// A background process as it was when the scenario ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its name in the document.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// How it ended, in words: `still running at the end of the scenario`, `ended by itself with exit status 3 after 12 ms`.
    pub state: String,
    /// Whether it died by itself with a failure before a step stopped it.
    pub died: bool,
    /// Whether that was known to a step, or asked for by somebody with a signal.
    #[serde(default)]
    pub noted: bool,
    /// The end of its output.
    pub output: Vec<Captured>,
}

/// A process that nobody stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOver {
    /// Its command line.
    pub command: String,
    /// The daemon's name, if a step started it under one.
    pub daemon: Option<String>,
    /// How long it had been running.
    pub age: Duration,
}

/// Why something did not pass, for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What is wrong, in one line.
    pub message: String,
    /// What was expected and what came, where there is such a pair.
    pub comparison: Option<Comparison>,
    /// Further facts, one line each.
    pub notes: Vec<String>,
    /// Output that explains it.
    pub output: Vec<Captured>,
    /// What to try, one line each.
    pub help: Vec<String>,
}

/// What was expected and what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Of what: `stdout of the command`, `exit code`.
    pub what: String,
    /// How the two should relate: `is`, `contains`, `matches`, `is not`, ...
    pub relation: Relation,
    /// Expected.
    pub expected: String,
    /// Actual.
    pub actual: String,
    /// What of the two is not here.
    #[serde(default)]
    pub part: Part,
}

/// Where the texts of a comparison come from, when they are not the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Lines before the text shown of `actual`.
    pub lines_before: u64,
    /// Bytes before it.
    pub before: u64,
    /// Bytes of either text that come after what is shown of it.
    pub after: u64,
    /// Where in `actual` that is which should not be there: its start and its end, in bytes.
    pub found: Option<(usize, usize)>,
}

/// How expected and actual should relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Equal: worth a diff.
    Is,
    /// Not equal.
    IsNot,
    /// Actual contains expected.
    Contains,
    /// Actual does not contain expected.
    DoesNotContain,
    /// Actual matches the regex.
    Matches,
    /// Actual does not match the regex.
    DoesNotMatch,
}

/// The byte that a character of a text stands for, if it belonged to no character of UTF-8: texts that processes wrote have
/// U+10FF00 and that many more for it.
pub fn raw_byte(c: char) -> Option<u8> {
    match u32::from(c) {
        number @ 0x10_FF80..=0x10_FFFF => u8::try_from(number & 0xFF).ok(),
        _ => None,
    }
}

/// The end of something that a process wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// Of what: `stderr of the command`, `stdout of daemon web`.
    pub of: String,
    /// The last part of it; [`raw_byte`] says how bytes are in it that are not UTF-8. Control characters are in it: escape before showing.
    pub text: String,
    /// How many bytes came before `text`.
    pub omitted: u64,
}

/// Takes events, in order, from one thread.
pub trait Sink {
    /// Takes one event. A sink that cannot write any more keeps quiet and remembers: a run never fails because nobody reads it.
    fn push(&mut self, event: &Event);

    /// The run is waiting; called at least every 100 ms between events, for displays that show time passing.
    fn idle(&mut self, _at: Duration) {}

    /// The process is about to be stopped for a while, as by Ctrl-Z: what is only on the screen for the moment goes.
    fn pausing(&mut self) {}

    /// Whether nobody takes the results any more, so that there is no point in going on.
    fn is_deserted(&self) -> bool {
        false
    }
}
