//! The order of results when scenarios run one at a time: that in which they begin.
//!
//! A scenario begins as soon as the work of the one before it is done, so it may be over before the processes of that
//! one are gone. Then its result waits.

use std::collections::BTreeMap;
use std::time::Duration;

use greenroom_sandbox::{ExitStatus, SetupFailure};

use crate::scenario::ActiveScenario;

/// How a stage ended.
type Gone = Result<ExitStatus, SetupFailure>;

/// Scenarios that are over, but follow one that is not reported.
pub(crate) struct Order {
    is_kept: bool,
    over: Vec<(ActiveScenario, Gone)>,
}

impl Order {
    /// Creates an order, which is kept only where scenarios run one at a time.
    pub(crate) fn new(one_at_a_time: bool) -> Self {
        Self { is_kept: one_at_a_time, over: Vec::new() }
    }

    /// Whether the result of a scenario must wait. `running`: those that are not over.
    pub(crate) fn must_wait(&self, scenario: &ActiveScenario, running: &BTreeMap<u32, ActiveScenario>) -> bool {
        self.is_kept && self.follows_another(scenario, running)
    }

    /// Has a scenario wait whose stage is gone.
    pub(crate) fn wait(&mut self, mut scenario: ActiveScenario, gone: Gone) {
        scenario.note_gone();
        self.over.push((scenario, gone));
    }

    /// Returns the next scenario that need not wait any longer, if there is one.
    pub(crate) fn next(&mut self, running: &BTreeMap<u32, ActiveScenario>) -> Option<(ActiveScenario, Gone)> {
        let at = self.over.iter().position(|(scenario, _)| !self.follows_another(scenario, running))?;
        Some(self.over.remove(at))
    }

    /// Takes the time for which the run was suspended off what waits.
    pub(crate) fn shift(&mut self, lost: Duration) {
        for (scenario, _) in &mut self.over {
            scenario.shift(lost);
        }
    }

    fn follows_another(&self, scenario: &ActiveScenario, running: &BTreeMap<u32, ActiveScenario>) -> bool {
        let over = self.over.iter().map(|(over, _)| over);
        over.chain(running.values()).any(|other| other.began_before(scenario))
    }
}
