//! What happened, in the page of a document: the summary, and what is beside and below each step.
//!
//! A page calls these functions while it writes the document. What needs attention is open; what
//! passed is quiet and can be opened. Everything is there without the script of the page, which
//! only adds the filter, the keys and the buttons that copy.
//!
//! Words come from [`explanation`](crate::explanation) and
//! [`comparison`](crate::comparison), which the terminal report uses, too.

mod attempt;
mod comparison;
mod daemons;
mod failure;
mod geometry;
mod output;
mod room;
mod state;
mod step;
mod summary;
mod timeline;

use maud::{Markup, html};

use crate::attempts::AttemptEnd;
use crate::page::View;
use crate::page::text;
use crate::run_record::ScenarioState;
use crate::words;

pub(crate) use room::Room;
pub(crate) use state::{mark as state_mark, name as state_name};
pub(crate) use summary::{about_run, failures_list, run_notice, summary};

/// Returns the run of a scenario whose steps are shown in the document.
///
/// A scenario that is repeated has several. The first that did not pass is shown, else the last.
pub(crate) fn shown_run(view: &View<'_>, runs: &[usize]) -> Option<usize> {
    let failed = runs.iter().find(|&&run| view.run.state(run).is_failure());
    failed.or(runs.last()).copied()
}

/// Returns the state of a scenario, of all its repetitions together.
pub(crate) fn shown_state(view: &View<'_>, runs: &[usize]) -> Option<ScenarioState> {
    let states = || runs.iter().map(|&run| view.run.state(run));
    state::ALL.into_iter().find(|state| states().any(|of| of == *state))
}

/// Returns the state of a scenario, for beside its heading: how it ended, how long it took, labels.
pub(crate) fn scenario_state(view: &View<'_>, runs: &[usize]) -> Markup {
    let (Some(scenario), Some(state)) = (shown_run(view, runs), shown_state(view, runs)) else {
        let reason = match &view.run.started.partition {
            Some(partition) => format!("not in this part of the run: {}", words::partition(partition)),
            None => "not selected".to_owned(),
        };
        return html! { p.scenario-state { span.state.not-run { "not run" } " " span.reason { (reason) } } };
    };
    let attempts: Vec<AttemptEnd> = view.run.ends(scenario).collect();
    let took = attempts.last().filter(|end| end.outcome.is_some()).map(|end| end.took);
    let outline = view.run.started.outline.scenarios.get(scenario);
    let labels = outline.map_or(&[][..], |scenario| &scenario.labels);
    html! {
        p.scenario-state {
            (state::mark(state))
            @if ignored_sigterm(view, scenario) { " " span.state.killed { "killed at the end" } }
            @if let Some(took) = took.filter(|_| attempts.iter().any(|record| record.started)) {
                " " span.time { (words::duration(took)) }
            }
            @if runs.len() > 1 {
                " " span.attempts { "repetition " (state::repetition(view.run, scenario)) " of " (runs.len()) }
            }
            @if attempts.len() > 1 {
                " " span.attempts { "attempt " (attempts.len()) " of " (attempts.len()) }
            }
            @for label in labels { " " span.label { (text::line(label)) } }
            @if let Some(reason) = state::reason(view.run, scenario) { " " span.reason { (text::line(&reason)) } }
        }
    }
}

/// Whether a scenario left a process that did not end after SIGTERM.
pub(super) fn ignored_sigterm(view: &View<'_>, scenario: usize) -> bool {
    view.run.deciding_end(scenario).is_some_and(|end| end.ignored_sigterm)
}

/// Returns the state and the time of a step, for beside it. A long document needs it in short.
pub(crate) fn step_state(view: &View<'_>, scenario: usize, step: usize, in_short: bool) -> Markup {
    let record = view.run.deciding(scenario);
    step::mark(record.as_deref(), step, view.run.state(scenario), in_short)
}

/// Returns what is below a step: its failure, or what its command wrote, folded.
pub(crate) fn step_details(view: &View<'_>, scenario: usize, step: usize) -> Markup {
    let Some(record) = view.run.deciding(scenario) else { return html! {} };
    let more = failure::Context::of(view, &record);
    step::explanation(&more, &record, step)
}

/// Returns what comes after the last step of a scenario.
///
/// These are earlier attempts, cleanups, the time line, daemons with their output, leftovers.
pub(crate) fn scenario_end(view: &View<'_>, runs: &[usize]) -> Markup {
    shown_run(view, runs).map(|shown| attempt::all(view, shown, runs)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
