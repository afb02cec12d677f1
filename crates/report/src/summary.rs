//! The counts and the verdict of a run, folded from its events.
//!
//! Reporters take their numbers from here, and the command its exit code.

use std::collections::BTreeMap;
use std::time::Duration;

use greenroom_event::{Attempt, Event, EventKind, Outcome, Partition, StepFinished};

/// The counts of a run, complete after [`EventKind::RunFinished`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Scenarios that were to run.
    pub scenarios: usize,
    /// Scenarios that passed.
    pub passed: usize,
    /// Those of them that passed only after a failed attempt.
    pub flaky: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios that could not run to their end, so neither passed nor failed.
    pub broken: usize,
    /// Scenarios that were not started, or were stopped with the run.
    pub skipped: usize,
    /// Scenarios that the filters left out.
    pub left_out: usize,
    /// Scenarios that a rerun of what failed left out because they passed in their last run.
    pub passed_earlier: usize,
    /// Which part of the scenarios it has, if they are spread over several runs.
    pub partition: Option<Partition>,
    /// Steps that passed, without those of attempts that do not count.
    pub steps_passed: usize,
    /// Leftover processes.
    pub left_over: usize,
    /// Whether the run was stopped early.
    pub interrupted: bool,
    /// Whether the run ended. A recording that is cut short has no end.
    pub finished: bool,
    /// Whether a run without an end still goes on.
    pub goes_on: bool,
    /// How long it took, until the last event.
    pub took: Duration,
    /// The failed and broken scenarios, in the order in which they ended.
    ///
    /// They are indices into the outline.
    pub failures: Vec<(usize, Outcome)>,
    /// The flaky scenarios, likewise.
    pub flakes: Vec<usize>,
    /// How many steps of each running attempt passed.
    running: BTreeMap<Attempt, usize>,
}

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// At least one scenario ran, and all that ran passed; or the partition has none to run.
    Passed,
    /// A scenario failed or is broken.
    Failed,
    /// The run was stopped early, or its recording is cut short.
    Interrupted,
    /// No scenario ran, which is not a success.
    NothingRan,
}

impl Summary {
    /// Adds one event.
    pub fn fold(&mut self, event: &Event) {
        self.took = self.took.max(event.at);
        match &event.kind {
            EventKind::RunStarted(run) => {
                self.scenarios = run.outline.scenarios.len();
                self.left_out = run.outline.left_out;
                self.passed_earlier = run.outline.passed_earlier;
                self.partition.clone_from(&run.partition);
            }
            EventKind::StepFinished(StepFinished { outcome: Outcome::Passed, .. }) => {
                self.steps_passed += 1;
                if let Some(attempt) = event.scenario {
                    *self.running.entry(attempt).or_default() += 1;
                }
            }
            EventKind::ScenarioFinished(scenario) => {
                self.left_over += scenario.left_over.len();
                let steps = event.scenario.and_then(|attempt| self.running.remove(&attempt)).unwrap_or_default();
                if scenario.is_retried {
                    self.steps_passed = self.steps_passed.saturating_sub(steps);
                    return;
                }
                let retry = event.scenario.filter(|attempt| attempt.number > 1);
                if let (Some(attempt), Outcome::Passed) = (retry, scenario.outcome) {
                    self.flaky += 1;
                    self.flakes.push(attempt.index);
                }
                match scenario.outcome {
                    Outcome::Passed => self.passed += 1,
                    Outcome::Failed => self.failed += 1,
                    Outcome::Broken => self.broken += 1,
                    Outcome::Skipped => self.skipped += 1,
                }
                if let (Some(attempt), Outcome::Failed | Outcome::Broken) = (event.scenario, scenario.outcome) {
                    self.failures.push((attempt.index, scenario.outcome));
                }
            }
            EventKind::RunFinished { interrupted } => {
                self.interrupted = *interrupted;
                self.finished = true;
            }
            _ => {}
        }
    }

    /// Returns how many scenarios are over, whether they ran or not.
    pub fn over(&self) -> usize {
        self.passed + self.failed + self.broken + self.skipped
    }

    /// Returns whether the run has no scenarios because all passed earlier, which is a success.
    pub fn is_nothing_left(&self) -> bool {
        self.scenarios == 0 && self.passed_earlier > 0 && self.partition.as_ref().is_none_or(|all| all.scenarios == 0)
    }

    /// Returns the partition of the run if it has no scenarios, which is a success.
    pub fn empty_partition(&self) -> Option<&Partition> {
        self.partition.as_ref().filter(|_| self.scenarios == 0)
    }

    /// Returns the result. An interruption outweighs failures, because not everything ran.
    pub fn verdict(&self) -> Verdict {
        if self.interrupted || !self.finished {
            Verdict::Interrupted
        } else if self.failed + self.broken > 0 {
            Verdict::Failed
        } else if self.passed == 0 && self.empty_partition().is_none() && !self.is_nothing_left() {
            Verdict::NothingRan
        } else {
            Verdict::Passed
        }
    }
}
