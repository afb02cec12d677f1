//! What comes after the steps of a scenario: earlier attempts, and the rest of the deciding one.

use greenroom_event::{Failure, Outcome, ScenarioFinished, StepFinished};
use maud::{Markup, html};

use super::failure::{self, Context};
use super::{daemons, output, state, step, timeline};
use crate::explanation::{self, NetworkNote};
use crate::page::View;
use crate::page::text;
use crate::records::ScenarioRecord;
use crate::run_record::ScenarioState;
use crate::words;

/// Repetitions that are shown with their steps, beside the one that the document shows.
const MOST_REPETITIONS: usize = 20;

/// Returns all attempts at a scenario, in order, the deciding one open, and its other repetitions.
pub(super) fn all(view: &View<'_>, shown: usize, runs: &[usize]) -> Markup {
    let attempts = view.run.attempts(shown);
    let Some((last, earlier)) = attempts.split_last() else { return html! {} };
    let all = html! {
        @for record in earlier { (folded(view, record, &title(record, attempts.len()))) }
        @if earlier.is_empty() {
            @if let Some(rest) = rest(view, last) { (rest) }
        } @else {
            @match rest(view, last) {
                Some(rest) => details.attempt open {
                    summary { (title(last, attempts.len())) ", shown above" }
                    (rest)
                },
                None => p.attempt { (title(last, attempts.len())) ", shown above" },
            }
        }
        @if runs.len() > 1 { (repetitions(view, shown, runs)) }
    };
    html! { @if !all.0.is_empty() { div.scenario-end { (all) } } }
}

/// Returns an attempt with its steps, folded.
fn folded(view: &View<'_>, record: &ScenarioRecord, title: &Markup) -> Markup {
    html! {
        details.attempt {
            summary { (title) }
            (steps(view, record))
            @if let Some(rest) = rest(view, record) { (rest) }
        }
    }
}

/// Returns the repetitions that the document does not show: those that failed folded, others counted.
fn repetitions(view: &View<'_>, shown: usize, runs: &[usize]) -> Markup {
    let others: Vec<usize> = runs.iter().copied().filter(|&run| run != shown).collect();
    let (failed, passed): (Vec<usize>, Vec<usize>) = others.iter().partition(|&&run| view.run.state(run).is_failure());
    let more = failed.len().saturating_sub(MOST_REPETITIONS);
    let title = |run: usize| {
        html! {
            "repetition " (state::repetition(view.run, run)) " of " (runs.len()) ": "
            (state::mark(view.run.state(run)))
        }
    };
    html! {
        @for &run in failed.iter().take(MOST_REPETITIONS) {
            @if let Some(record) = view.run.deciding(run) { (folded(view, &record, &title(run))) }
        }
        @if more > 0 { p.remark { (words::count(more, "more repetition")) " did not pass" } }
        @for state in state::ALL.into_iter().filter(|state| !state.is_failure()) {
            @let count = passed.iter().filter(|&&run| view.run.state(run) == state).count();
            @if count > 0 { p.remark { (words::count(count, "other repetition")) ": " (state::mark(state)) } }
        }
    }
}

/// Returns how an attempt ended: `attempt 1 of 2: failed, 1.2 s`.
fn title(record: &ScenarioRecord, of: usize) -> Markup {
    let (class, took) = match &record.finished {
        Some(finished) => (state::outcome_name(finished.outcome), Some(finished.took)),
        None => ("unfinished", None),
    };
    html! {
        "attempt " (record.attempt) " of " (of) ": "
        span class={ "state " (class) } { (class) }
        @if let Some(took) = took { " " span.time { (words::duration(took)) } }
    }
}

/// Returns the steps of an earlier attempt, up to the one that decided it.
fn steps(view: &View<'_>, record: &ScenarioRecord) -> Markup {
    let context = Context::of(view, record);
    let outline = view.run.started.outline.scenarios.get(record.scenario);
    let texts = outline.map_or(&[][..], |scenario| &scenario.steps);
    html! {
        ol.attempt-steps {
            @for (index, step) in texts.iter().enumerate() {
                li {
                    code { (text::line(&step.text)) } " "
                    (step::mark(Some(record), index, ScenarioState::Failed, false))
                    (step::explanation(&context, record, index))
                }
            }
        }
    }
}

/// Returns what an attempt has beside its steps, if there is anything.
fn rest(view: &View<'_>, record: &ScenarioRecord) -> Option<Markup> {
    let context = Context::of(view, record);
    let finished = record.finished.as_ref();
    let did_pass = finished.is_some_and(|finished| finished.outcome == Outcome::Passed);
    let shows_rerun = record.steps.iter().any(|step| step.outcome != Outcome::Passed && step.failure.is_some());
    let cleanups = cleanups(view, &context, record);
    let own =
        finished.and_then(|finished| finished.failure.as_ref()).filter(|_| record.started || !is_skipped(finished));
    let needs_rerun = !did_pass && !shows_rerun && record.started;
    let time_line =
        if did_pass && !view.room.has_time_line(record.scenario) { None } else { timeline::time_line(view, record) };
    let processes = finished.map(|finished| processes(&context, finished, did_pass));
    let is_quiet = did_pass && !finished.is_some_and(explanation::is_noteworthy);
    let body = html! {
        @if let Some(time_line) = &time_line { (time_line) }
        @if let Some(Some(processes)) = &processes { (processes) }
    };
    let body = match body.0.is_empty() {
        true => None,
        false if is_quiet => Some(html! {
            details.more { summary { (quiet_title(finished)) } (body) }
        }),
        false => Some(body),
    };
    let failures = html! {
        @if let Some(cleanups) = &cleanups { (cleanups) }
        @if let Some(own) = own { (own_failure(&context, own, finished)) }
        @if needs_rerun { (failure::rerun(&context)) }
    };
    let kept = finished.and_then(|finished| finished.kept.as_ref());
    let all = html! {
        (failures)
        @if let Some(body) = body { (body) }
        @if let Some(kept) = kept { p.kept { b { "kept:" } " " code.copy { (text::line(kept)) } } }
    };
    (!all.0.is_empty()).then_some(all)
}

fn is_skipped(finished: Option<&ScenarioFinished>) -> bool {
    finished.is_some_and(|finished| finished.outcome == Outcome::Skipped)
}

/// Returns what is folded of a scenario that passed: `time line, daemons web and db`.
fn quiet_title(finished: Option<&ScenarioFinished>) -> Markup {
    let Some(finished) = finished else { return html! { "time line" } };
    let names: Vec<String> = finished.daemons.iter().map(|daemon| words::escape(&daemon.name).into_owned()).collect();
    let mut parts = match names.len() {
        0 => vec!["time line".to_owned()],
        1 => vec![format!("time line, daemon {}", names[0])],
        2..=4 => vec![format!("time line, daemons {}", words::list(&names))],
        many => vec![format!("time line, {many} daemons")],
    };
    parts.extend(explanation::leftover_note(&finished.left_over));
    html! { (parts.join("; ")) }
}

/// Returns the failure of the scenario as a whole.
fn own_failure(context: &Context<'_>, own: &Failure, finished: Option<&ScenarioFinished>) -> Markup {
    let is_broken = finished.is_some_and(|finished| finished.outcome == Outcome::Broken);
    html! {
        @if is_broken { p.note { (explanation::BROKEN) } }
        (failure::failure(context, own, None, false))
    }
}

/// Returns the cleanups with their states, those that did not pass with their failures.
fn cleanups(view: &View<'_>, context: &Context<'_>, record: &ScenarioRecord) -> Option<Markup> {
    if record.cleanups.is_empty() {
        return None;
    }
    let (passed, other): (Vec<_>, Vec<_>) =
        record.cleanups.iter().partition(|cleanup| cleanup.outcome == Outcome::Passed);
    let list = |cleanups: &[&StepFinished]| {
        html! { ul.cleanups { @for cleanup in cleanups { (self::cleanup(view, context, record, cleanup)) } } }
    };
    Some(html! {
        @if !other.is_empty() { (list(&other)) }
        @if !passed.is_empty() {
            details.more {
                summary { (words::count(passed.len(), "cleanup")) " passed" }
                (list(&passed))
            }
        }
    })
}

fn cleanup(view: &View<'_>, context: &Context<'_>, record: &ScenarioRecord, cleanup: &StepFinished) -> Markup {
    let scenario = view.run.started.outline.scenarios.get(record.scenario);
    let name = format!("the cleanup after {}", explanation::step_place(scenario, cleanup.step));
    let nothing = Failure::default();
    let anchor = view.step_anchor(record.scenario, cleanup.step);
    let step = format!("step {}", cleanup.step.saturating_add(1));
    html! {
        li.cleanup {
            "cleanup after "
            @if let Some(anchor) = anchor { a href={ "#" (anchor) } { (step) } } @else { (step) }
            " "
            span class={ "step-state " (state::outcome_name(cleanup.outcome)) } {
                b { (state::step_word(cleanup.outcome)) } " " span.time { (words::duration(cleanup.took)) }
            }
            @if cleanup.outcome != Outcome::Passed {
                (failure::failure(context, cleanup.failure.as_ref().unwrap_or(&nothing), Some(&name), false))
            } @else {
                (output::folded(&cleanup.output, context.has_room))
            }
        }
    }
}

/// Returns daemons, leftover processes and what the private network may have to do with it.
fn processes(context: &Context<'_>, finished: &ScenarioFinished, did_pass: bool) -> Option<Markup> {
    let network = explanation::network(finished.network);
    if finished.daemons.is_empty() && finished.left_over.is_empty() && network.is_none() {
        return None;
    }
    Some(html! {
        div.processes {
            (daemons::daemons(&finished.daemons, did_pass, context.has_room))
            (daemons::leftovers(&finished.left_over))
            @match network {
                Some(NetworkNote::LeftAlone { message, help }) => {
                    p.note { (message) }
                    p.help { b { "help:" } " " (text::prose(help)) }
                }
                Some(NetworkNote::Refused(message)) => p.note { b { "note:" } " " (message) },
                None => {}
            }
        }
    })
}
