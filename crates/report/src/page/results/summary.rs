//! The head of the results: the verdict, the counts, the filter, where the run comes from.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use greenroom_event::{Failure, RunEnd};
use maud::{Markup, html};

use super::geometry::recorded;
use super::state;
use crate::explanation;
use crate::in_short::in_short;
use crate::merge;
use crate::page::View;
use crate::page::text;
use crate::run_record::{RunRecord, ScenarioState};
use crate::summary::Verdict;
use crate::words;

/// Scenarios that are listed at the head of the page.
const LISTED: usize = 200;

/// The counts of a document.
struct Counts {
    by_state: Vec<(ScenarioState, usize)>,
    total: usize,
    /// Scenarios of the document that are not in the run.
    not_selected: usize,
    /// Scenarios that left a process that had to be killed.
    killed: usize,
    /// The times of all attempts, added up.
    time: Duration,
    labels: Vec<String>,
    /// Why the run is a success though it had nothing to run.
    nothing_to_do: Option<String>,
}

impl Counts {
    fn of(view: &View<'_>) -> Self {
        let mut by_state: Vec<_> = state::ALL.into_iter().map(|state| (state, 0)).collect();
        let mut counts = Self {
            by_state: Vec::new(),
            total: 0,
            not_selected: view.not_selected(),
            killed: 0,
            time: Duration::ZERO,
            labels: Vec::new(),
            nothing_to_do: None,
        };
        for (index, scenario) in view.run.scenarios_of(view.document) {
            counts.total += 1;
            counts.killed += usize::from(super::ignored_sigterm(view, index));
            let state = view.run.state(index);
            by_state.iter_mut().filter(|(of, _)| *of == state).for_each(|(_, count)| *count += 1);
            counts.time += view.run.ends(index).map(|end| recorded(end.took)).sum::<Duration>();
            for label in &scenario.labels {
                if !counts.labels.contains(label) {
                    counts.labels.push(label.clone());
                }
            }
        }
        counts.labels.sort();
        counts.nothing_to_do = nothing_to_do(view.run);
        counts.by_state = by_state;
        counts
    }

    fn number(&self, state: ScenarioState) -> usize {
        self.by_state.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count)
    }

    fn failures(&self) -> usize {
        self.by_state.iter().filter(|(state, _)| state.is_failure()).map(|(_, count)| count).sum()
    }

    /// Returns the state that the document as a whole has.
    fn state(&self) -> ScenarioState {
        let worst = self.by_state.iter().find(|(_, count)| *count > 0).map_or(ScenarioState::Skipped, |(of, _)| *of);
        // Passed scenarios decide once some ran.
        let is_success = self.number(ScenarioState::Passed) > 0 || self.nothing_to_do.is_some();
        if worst == ScenarioState::Skipped && is_success { ScenarioState::Passed } else { worst }
    }

    fn verdict(&self) -> String {
        let one = if self.not_selected > 0 { "selected scenario" } else { "scenario" };
        let of = words::count(self.total, one);
        let failures = self.failures();
        let ran = self.total - self.number(ScenarioState::Skipped);
        let flaky = match self.number(ScenarioState::Flaky) {
            0 => String::new(),
            flaky => format!(", {flaky} flaky"),
        };
        match (failures, ran) {
            (_, 0) if let Some(why) = &self.nothing_to_do => why.clone(),
            (_, 0) => "nothing ran".to_owned(),
            (0, ran) if ran == self.total && ran == 1 => format!("the {one} passed{flaky}"),
            (0, ran) if ran == self.total => format!("all {of} passed{flaky}"),
            (0, ran) => format!("{ran} of {of} passed{flaky}, the others did not run"),
            (failures, _) if failures == self.number(ScenarioState::Failed) => format!("{failures} of {of} failed"),
            (failures, _) if failures == self.number(ScenarioState::Unfinished) => {
                format!("{failures} of {of} unfinished")
            }
            (failures, _) => format!("{failures} of {of} did not pass"),
        }
    }
}

/// Says why a run that had nothing to run is a success, if it is one.
fn nothing_to_do(run: &RunRecord) -> Option<String> {
    explanation::nothing_to_do(&run.summary).filter(|_| run.summary.verdict() == Verdict::Passed)
}

/// Returns the head of a page with results, which stays in reach.
pub(crate) fn summary(view: &View<'_>) -> Markup {
    let counts = Counts::of(view);
    html! {
        section.results aria-label="Results" data-failures=(counts.failures()) {
            p class={ "verdict " (state::name(counts.state())) } { (counts.verdict()) }
            ul.counts {
                @for (state, count) in counts.by_state.iter().filter(|(_, count)| *count > 0) {
                    li data-state=(state::name(*state)) {
                        span class={ "state " (state::name(*state)) } { b { (count) } " " (state::name(*state)) }
                    }
                }
                @if counts.not_selected > 0 {
                    li data-state="not-run" { span.state.not-run { b { (counts.not_selected) } " not run" } }
                }
            }
            @if counts.killed > 0 {
                p.remark {
                    span.state.killed { (words::count_of(counts.killed, "scenario", "scenarios")) }
                    " left a process that did not end after SIGTERM"
                }
            }
            p.total-time { (words::duration(view.run.summary.took)) }
            // The script of the page fills it: without it there is nothing to filter with.
            div.filter data-labels=(words::escape(&counts.labels.join(" "))) {}
            details.about { summary { "About this run" } (about(view.run, &time(view, &counts))) }
        }
    }
}

/// Returns how long the run took, and its scenarios together.
fn time(view: &View<'_>, counts: &Counts) -> String {
    let wall = words::duration(view.run.summary.took);
    format!("{wall}; {} for all scenarios of this document together", words::duration(counts.time))
}

/// Returns what the reader of a run of several documents must know first.
pub(crate) fn run_notice(record: &RunRecord) -> Markup {
    html! {
        (notice(record))
        @if let Some(why) = nothing_to_do(record) { p.notice role="note" { b { (why) } } }
    }
}

/// Returns where a run of several documents comes from.
pub(crate) fn about_run(record: &RunRecord) -> Markup {
    let ends = (0..record.started.outline.scenarios.len()).flat_map(|index| record.ends(index));
    let together = ends.map(|end| recorded(end.took)).sum::<Duration>();
    let wall = words::duration(record.summary.took);
    let time = format!("{wall}; {} for all scenarios together", words::duration(together));
    html! {
        section.run-facts aria-label="About this run" {
            h2 { "About this run" }
            (about(record, &time))
        }
    }
}

/// Says what is missing: the end of the run, or recordings that belong to it.
fn notice(run: &RunRecord) -> Markup {
    let merge = run.started.merge.as_ref();
    let parts =
        merge.map_or(&[][..], |merge| &merge.runs).iter().filter(|_| merge.is_some_and(|merge| merge.runs.len() > 1));
    let parts: Vec<(&str, RunEnd)> = parts.map(|run| (run.recording.as_str(), run.end)).collect();
    let goes_on =
        run.summary.goes_on || merge.is_some_and(|merge| merge.runs.iter().any(|run| run.end == RunEnd::GoesOn));
    let unfinished = " Scenarios without an end are marked as unfinished.";
    html! {
        @for problem in merge.iter().flat_map(|merge| &merge.problems) {
            p.notice role="note" { b { (text::line(&merge::explain(problem))) } }
        }
        @for (recording, end) in &parts {
            @match end {
                RunEnd::CutShort => p.notice role="note" {
                    b { "Recording " (text::line(recording)) " is cut short." } (unfinished)
                },
                RunEnd::GoesOn => p.notice role="note" {
                    b { "The run of recording " (text::line(recording)) " still goes on." } (unfinished)
                },
                RunEnd::Interrupted => p.notice role="note" {
                    b { "The run of recording " (text::line(recording)) " was interrupted." }
                },
                RunEnd::Finished => {}
            }
        }
        @if !parts.is_empty() {
        } @else if !run.ended && goes_on {
            p.notice role="note" {
                b { "This run still goes on." } " The page has what was recorded when it was written." (unfinished)
            }
        } @else if !run.ended {
            p.notice role="note" {
                b { "This recording is cut short." }
                " Its run was killed, or a part of the file is missing." (unfinished)
            }
        } @else if run.summary.interrupted {
            p.notice role="note" {
                b { "This run was interrupted." }
                " Scenarios that it did not start or finish are marked as skipped."
            }
        }
    }
}

/// Returns where a run comes from: when, on which machine, by which command.
fn about(record: &RunRecord, time: &str) -> Markup {
    let run = &record.started;
    let origin = run.origin.as_ref();
    let jobs = explanation::jobs(run.jobs);
    let command = origin.map(|origin| origin.command.iter().map(|word| words::shell_quote(word)).collect::<Vec<_>>());
    html! {
        dl {
            @if let Some(origin) = origin {
                @if let Some(began) = record.wall_time(Duration::ZERO) {
                    dt { "when" }
                    dd { time datetime=(began.to_rfc3339_opts(SecondsFormat::Secs, true)) { (readable(began)) } }
                }
                @if !origin.machine.host.is_empty() {
                    dt { "machine" }
                    dd {
                        (text::line(&origin.machine.host))
                        @if !origin.machine.system.is_empty() { ", " (text::line(&origin.machine.system)) }
                        @if origin.machine.cores > 0 { ", " (words::count(origin.machine.cores, "processor")) }
                    }
                }
            }
            @if let Some(command) = command.filter(|command| !command.is_empty()) {
                dt { "command" } dd { code.copy { (text::line(&command.join(" "))) } }
            }
            dt { "isolation" }
            dd {
                @match explanation::not_sealed(&run.isolation) {
                    Some(apart) => { "not sealed" (text::line(&apart.reason())) br; (text::line(&apart.properties)) }
                    None => "sealed",
                }
            }
            dt { "scenarios" }
            dd {
                (jobs)
                @if run.outline.left_out > 0 { "; " (run.outline.left_out) " left out by the filters" }
            }
            @if let Some(seed) = run.shuffle { dt { "order" } dd { "shuffled with seed " (seed) } }
            @if let Some(partition) = &run.partition {
                dt { "partition" }
                dd { (words::partition(partition)) " of " (words::count(partition.scenarios, "scenario")) }
            }
            @if let Some(merge) = run.merge.as_ref().filter(|merge| merge.runs.len() > 1) {
                dt { "runs" }
                dd { ul { @for run in &merge.runs { li { (explanation::merged_run(run)) } } } }
            }
            dt { "time" } dd { (time) }
            dt { "greenroom" } dd { (text::line(&run.version)) }
        }
    }
}

/// Returns a time without the marks that machines need: `2026-11-26 18:50:19 UTC`.
fn readable(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns what the reader must know first, and the scenarios that did not simply pass.
pub(crate) fn failures_list(view: &View<'_>) -> Markup {
    let mut listed: Vec<(ScenarioState, usize)> = view
        .run
        .scenarios_of(view.document)
        .map(|(index, _)| (view.run.state(index), index))
        .filter(|(state, _)| state.is_failure() || *state == ScenarioState::Flaky)
        .collect();
    // Flaky ones are known to pass, too.
    listed.sort_by_key(|(state, index)| (*state == ScenarioState::Flaky, *index));
    let more = listed.len().saturating_sub(LISTED);
    html! {
        (notice(view.run))
        @if !listed.is_empty() {
            nav.failures aria-label="Scenarios that need attention" data-state=(state::name(listed[0].0)) {
                ul {
                    @for (state, index) in listed.iter().take(LISTED) { li { (failure_line(view, *state, *index)) } }
                }
                @if more > 0 { p.remark { "and " (more) " more" } }
            }
        }
    }
}

fn failure_line(view: &View<'_>, state: ScenarioState, index: usize) -> Markup {
    let outline = &view.run.started.outline;
    let Some(scenario) = outline.scenarios.get(index) else { return html! {} };
    let attempts = view.run.attempts(index);
    // Of a flaky scenario the attempt that failed says why.
    let record = if state == ScenarioState::Flaky { attempts.first() } else { attempts.last() };
    let record = record.map(|record| &**record);
    let message = record.and_then(|record| {
        let finished = record.finished.as_ref()?;
        let nothing = Failure::default();
        let failures = explanation::failures(record, Some(scenario), finished, &nothing);
        failures.first().map(|(failure, _)| in_short(failure))
    });
    let step = record.and_then(explanation::deciding_step);
    let place = explanation::failed_at(scenario, record);
    let anchor = step.filter(|_| state != ScenarioState::Flaky).and_then(|step| view.step_anchor(index, step));
    html! {
        p.which {
            (state::mark(state)) " "
            @match view.scenario_anchor(index) {
                Some(anchor) => a href={ "#" (anchor) } { (text::line(&scenario.title)) },
                None => (text::line(&scenario.title)),
            }
            " "
            span.place {
                @match anchor {
                    Some(anchor) => a href={ "#" (anchor) } { (explanation::place(place)) },
                    None => (explanation::place(place)),
                }
            }
        }
        @if let Some(message) = message { p.message { (text::prose(&words::fit(&message, 200))) } }
    }
}
