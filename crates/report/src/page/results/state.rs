//! States: a word, a shape and a colour each. The style sheet adds shape and colour by class.

use greenroom_event::Outcome;
use maud::{Markup, html};

use crate::run_record::{RunRecord, ScenarioState};

/// All states, those that need attention first.
pub(super) const ALL: [ScenarioState; 6] = [
    ScenarioState::Failed,
    ScenarioState::Broken,
    ScenarioState::Unfinished,
    ScenarioState::Flaky,
    ScenarioState::Skipped,
    ScenarioState::Passed,
];

/// Returns the name of a state, which is also its class: `failed`.
pub(crate) fn name(state: ScenarioState) -> &'static str {
    match state {
        ScenarioState::Failed => "failed",
        ScenarioState::Broken => "broken",
        ScenarioState::Unfinished => "unfinished",
        ScenarioState::Flaky => "flaky",
        ScenarioState::Passed => "passed",
        ScenarioState::Skipped => "skipped",
    }
}

/// Returns the mark of a state.
pub(crate) fn mark(state: ScenarioState) -> Markup {
    html! { span class={ "state " (name(state)) } { (name(state)) } }
}

/// Returns the class of an outcome of a step or an attempt.
pub(super) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Broken => "broken",
        Outcome::Skipped => "skipped",
    }
}

/// Returns the word for a step that ended so.
pub(super) fn step_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Skipped => "stopped",
        outcome => outcome_name(outcome),
    }
}

/// Returns why a scenario was skipped, or that its end is missing.
pub(super) fn reason(run: &RunRecord, scenario: usize) -> Option<String> {
    match run.state(scenario) {
        ScenarioState::Skipped => {
            let record = run.deciding(scenario)?;
            record.finished.as_ref()?.failure.as_ref().map(|failure| failure.message.clone())
        }
        ScenarioState::Unfinished if run.summary.goes_on => Some("it was still running".to_owned()),
        ScenarioState::Unfinished => Some("its recording ends before it".to_owned()),
        _ => None,
    }
}

/// Returns which repetition a run of a scenario is.
pub(super) fn repetition(run: &RunRecord, scenario: usize) -> u32 {
    let outline = run.started.outline.scenarios.get(scenario);
    outline.and_then(|scenario| scenario.repetition).unwrap_or(1)
}
