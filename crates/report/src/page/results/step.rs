//! A step of an attempt: its state and time, and what explains how it ended.

use greenroom_event::{Outcome, StepFinished};
use maud::{Markup, html};

use super::failure::{self, Context};
use super::{output, state};
use crate::page::text;
use crate::records::ScenarioRecord;
use crate::run_record::ScenarioState;
use crate::words;

/// What is known of a step in an attempt.
enum StepFact<'a> {
    /// It ended.
    Ended(&'a StepFinished),
    /// It began.
    Open {
        /// What it was waiting for.
        waiting: Option<&'a str>,
    },
    /// It did not begin.
    NotRun,
}

impl<'a> StepFact<'a> {
    fn of(record: Option<&'a ScenarioRecord>, step: usize) -> Self {
        let Some(record) = record else { return Self::NotRun };
        if let Some(ended) = record.steps.get(step).filter(|ended| ended.step == step) {
            return Self::Ended(ended);
        }
        match record.steps.iter().find(|ended| ended.step == step) {
            Some(ended) => Self::Ended(ended),
            None if record.open_step == Some(step) => Self::Open { waiting: record.waiting.as_deref() },
            None => Self::NotRun,
        }
    }
}

/// Returns the state and the time of a step of an attempt.
pub(super) fn mark(record: Option<&ScenarioRecord>, step: usize, of: ScenarioState, in_short: bool) -> Markup {
    match StepFact::of(record, step) {
        StepFact::Ended(ended) if in_short && ended.outcome == Outcome::Passed => html! {
            span.ok { b { "passed" } " " (words::duration(ended.took)) }
        },
        StepFact::Ended(ended) => html! {
            span class={ "step-state " (state::outcome_name(ended.outcome)) } {
                b { (state::step_word(ended.outcome)) }
                " " (words::duration(ended.took))
            }
        },
        StepFact::Open { .. } => {
            let (class, word) =
                if of == ScenarioState::Unfinished { ("unfinished", "unfinished") } else { ("skipped", "stopped") };
            html! { span class={ "step-state " (class) } { b { (word) } } }
        }
        StepFact::NotRun => html! { span.step-state.not-run { b { "not run" } } },
    }
}

/// Returns the explanation of a step of an attempt.
pub(super) fn explanation(context: &Context<'_>, record: &ScenarioRecord, step: usize) -> Markup {
    match StepFact::of(Some(record), step) {
        StepFact::Ended(ended) if ended.outcome != Outcome::Passed => html! {
            @if let Some(of) = &ended.failure { (failure::failure(context, of, None, true)) }
        },
        StepFact::Ended(ended) => output::folded(&ended.output, context.has_room),
        StepFact::Open { waiting: Some(what) } => html! {
            div.failure.odd { p.message { "while waiting for " (text::line(what)) } }
        },
        _ => html! {},
    }
}
