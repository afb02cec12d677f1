//! What a run came to: the one fold of events from which reporters take their numbers and the binary its exit code.

use std::time::Duration;

use greenroom_event::{Event, EventKind, Outcome, StepFinished};

/// Counts of a run, complete once [`EventKind::RunFinished`] was folded in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Scenarios that were to run.
    pub scenarios: usize,
    /// Scenarios that passed.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios of which it could not be found out.
    pub broken: usize,
    /// Scenarios that were not run, or not to their end.
    pub skipped: usize,
    /// Scenarios that the filters left out.
    pub left_out: usize,
    /// Steps that passed.
    pub steps_passed: usize,
    /// Processes that no step had stopped.
    pub left_over: usize,
    /// Whether somebody stopped the run.
    pub interrupted: bool,
    /// Whether the run came to its end. A record of a runner that was killed has none.
    pub finished: bool,
    /// How long it took, up to the last event.
    pub took: Duration,
    /// The failed and broken ones, as indices into the outline, in the order in which they ended.
    pub unhappy: Vec<(usize, Outcome)>,
}

/// What a run came to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// At least one scenario ran, and all that ran passed.
    Passed,
    /// A scenario failed, or could not be judged.
    Failed,
    /// Somebody stopped the run, or its record breaks off.
    Interrupted,
    /// No scenario ran. That is no success.
    NothingRan,
}

impl Summary {
    /// Takes one event in.
    pub fn fold(&mut self, event: &Event) {
        self.took = self.took.max(event.at);
        match &event.kind {
            EventKind::RunStarted(run) => {
                self.scenarios = run.outline.scenarios.len();
                self.left_out = run.outline.left_out;
            }
            EventKind::StepFinished(StepFinished { outcome: Outcome::Passed, .. }) => self.steps_passed += 1,
            EventKind::ScenarioFinished(scenario) => {
                self.left_over += scenario.left_over.len();
                match scenario.outcome {
                    Outcome::Passed => self.passed += 1,
                    Outcome::Failed => self.failed += 1,
                    Outcome::Broken => self.broken += 1,
                    Outcome::Skipped => self.skipped += 1,
                }
                if let (Some(attempt), Outcome::Failed | Outcome::Broken) = (event.scenario, scenario.outcome) {
                    self.unhappy.push((attempt.index, scenario.outcome));
                }
            }
            EventKind::RunFinished { interrupted } => {
                self.interrupted = *interrupted;
                self.finished = true;
            }
            _ => {}
        }
    }

    /// Scenarios that are over, whether they ran or not.
    pub fn over(&self) -> usize {
        self.passed + self.failed + self.broken + self.skipped
    }

    /// What the run came to. An interruption outweighs failures: the run says nothing about what it did not reach.
    pub fn verdict(&self) -> Verdict {
        if self.interrupted || !self.finished {
            Verdict::Interrupted
        } else if self.failed + self.broken > 0 {
            Verdict::Failed
        } else if self.passed == 0 {
            Verdict::NothingRan
        } else {
            Verdict::Passed
        }
    }
}
