//! The first and the last lines of a run.

use std::collections::{BTreeMap, BTreeSet};

use greenroom_event::{Merge, MergedRun, Outcome, Outline, RunStarted};

use super::page::Page;
use crate::explanation;
use crate::style::Role;
use crate::summary::{Summary, Verdict};
use crate::words;

/// Up to this many documents are named; more are counted.
const DOCUMENTS: usize = 3;
/// How many scenarios that did not pass are listed at the end.
const LISTED: usize = 100;

/// Shows what is about to run, and what is unusual about it.
pub(super) fn header(page: &mut Page, run: &RunStarted, lists_passing: bool, is_verbose: bool) {
    let outline = &run.outline;
    let rounds = explanation::rounds(outline);
    let scenarios = scenarios(run, rounds);
    let times = if rounds > 1 { format!(", {rounds} times each") } else { String::new() };
    let jobs = if outline.scenarios.len() <= 1 { String::new() } else { format!(", {}", explanation::jobs(run.jobs)) };
    let place = documents(outline);
    page.line(0, &format!("greenroom {}: {scenarios}{place}{times}{jobs}", words::escape(&run.version)));
    if let Some(merge) = run.merge.as_ref().filter(|merge| merge.runs.len() > 1) {
        merged(page, merge, is_verbose);
    }
    if let Some(apart) = explanation::not_sealed(&run.isolation) {
        let word = page.paint(Role::Odd, "not sealed");
        page.line(0, &format!("{word}{}", words::escape(&apart.reason())));
        let more = if apart.refused.is_some() { "; `greenroom doctor` shows how to enable more" } else { "" };
        page.line(2, &format!("{}{more}", words::escape(&apart.properties)));
    }
    if let Some(seed) = run.shuffle {
        page.line(0, &format!("order shuffled with seed {seed}"));
    }
    if is_verbose && outline.without_scenarios > 0 {
        page.line(0, &words::skipped_documents(outline.without_scenarios));
    }
    if !lists_passing {
        page.line(0, "passing scenarios are not listed; -v lists them");
    }
    page.line(0, "");
}

/// Shows the runs that were merged.
fn merged(page: &mut Page, merge: &Merge, is_verbose: bool) {
    let host = |run: &MergedRun| run.origin.as_ref().map(|origin| origin.machine.host.clone());
    let machines: BTreeSet<String> = merge.runs.iter().filter_map(host).collect();
    let on =
        if machines.is_empty() { String::new() } else { format!(" on {}", words::count(machines.len(), "machine")) };
    let together = words::duration(merge.runs.iter().map(|run| run.took).sum());
    page.line(
        0,
        &format!("merged from {}{on}, running for {together} in total", words::count(merge.runs.len(), "run")),
    );
    for run in merge.runs.iter().filter(|_| is_verbose) {
        page.line(2, &explanation::merged_run(run));
    }
}

/// Returns `48 scenarios` or `12 of 48 scenarios (partition count 1/4)`.
///
/// A scenario that is repeated counts once.
fn scenarios(run: &RunStarted, rounds: usize) -> String {
    let part = run.outline.scenarios.len() / rounds;
    let Some(partition) = &run.partition else { return words::count(part, "scenario") };
    format!("{part} of {} ({})", words::count(partition.scenarios, "scenario"), words::partition(partition))
}

/// Returns ` in daemon.md and files.md` or ` in 12 documents`.
fn documents(outline: &Outline) -> String {
    let used: BTreeSet<usize> = outline.scenarios.iter().map(|scenario| scenario.document).collect();
    let used = |index: &usize| used.is_empty() || used.contains(index);
    let documents = outline.documents.iter().enumerate().filter(|(index, _)| used(index));
    let paths: Vec<_> = documents.map(|(_, document)| words::escape(&document.path)).collect();
    match paths.len() {
        0 => String::new(),
        1..=DOCUMENTS => format!(" in {}", words::list(&paths)),
        many => format!(" in {many} documents"),
    }
}

/// Shows the result. The scenarios that did not pass come last, where they are easiest to see.
pub(super) fn ending(page: &mut Page, outline: &Outline, summary: &Summary, skipped: &BTreeMap<String, usize>) {
    for (reason, number) in skipped {
        let number = words::count(*number, "scenario");
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", words::escape(reason)) };
        page.line(0, &format!("{number} not run{reason}"));
    }
    let took = words::duration(summary.took);
    let counts = counts(summary);
    match summary.verdict() {
        Verdict::Passed if let Some(why) = explanation::nothing_to_do(summary) => page.line(0, &why),
        Verdict::Passed => {
            let passed = page.paint(Role::Good, &format!("{} passed", words::count(summary.passed, "scenario")));
            let steps = words::count(summary.steps_passed, "step");
            let others = others(summary);
            page.line(0, &format!("{passed}, {steps}, {took}{others}"));
        }
        Verdict::Failed => {
            let word = page.paint(Role::Bad, "FAILED:");
            page.line(0, &format!("{word} {counts}, {took}"));
        }
        Verdict::Interrupted if summary.goes_on => {
            let word = page.paint(Role::Odd, "STILL RUNNING:");
            page.line(0, &format!("{word} {counts}, {took}"));
        }
        Verdict::Interrupted => {
            let word = page.paint(Role::Odd, "INTERRUPTED:");
            let why = if summary.finished { "" } else { "the run did not end; " };
            page.line(0, &format!("{word} {why}{counts}, {took}"));
        }
        Verdict::NothingRan => {
            let word = page.paint(Role::Odd, "NOTHING RAN:");
            page.line(0, &format!("{word} {}", why_nothing(outline, summary)));
        }
    }
    failures(page, outline, summary);
}

/// Returns `2 of 6 scenarios failed, 1 broken, 2 passed (1 flaky), 1 not run`.
fn counts(summary: &Summary) -> String {
    let total = words::count(summary.scenarios, "scenario");
    let not_run = summary.scenarios.saturating_sub(summary.passed + summary.failed + summary.broken);
    let stopped = summary.verdict() == Verdict::Interrupted;
    let not_run_word = if stopped { "not finished" } else { "not run" };
    let mut parts = Vec::new();
    for (number, word) in
        [(summary.failed, "failed"), (summary.broken, "broken"), (summary.passed, "passed"), (not_run, not_run_word)]
    {
        if number > 0 {
            let of = if parts.is_empty() { format!(" of {total}") } else { String::new() };
            let flaky = if word == "passed" && summary.flaky > 0 {
                format!(" ({} flaky)", summary.flaky)
            } else {
                String::new()
            };
            parts.push(format!("{number}{of} {word}{flaky}"));
        }
    }
    if parts.is_empty() {
        parts.push(total);
    }
    parts.extend(not_chosen(summary));
    parts.join(", ")
}

/// Returns how many scenarios the command line left out.
fn not_chosen(summary: &Summary) -> Vec<String> {
    let numbers = [(summary.passed_earlier, "passed earlier"), (summary.left_out, "left out by the filters")];
    numbers.iter().filter(|(number, _)| *number > 0).map(|(number, words)| format!("{number} {words}")).collect()
}

fn others(summary: &Summary) -> String {
    let mut parts = Vec::new();
    if summary.flaky > 0 {
        parts.push(format!("{} flaky", summary.flaky));
    }
    if summary.skipped > 0 {
        parts.push(format!("{} not run", summary.skipped));
    }
    parts.extend(not_chosen(summary));
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn why_nothing(outline: &Outline, summary: &Summary) -> String {
    let place = documents(outline);
    if summary.skipped > 0 {
        format!("{} skipped", words::count(summary.skipped, "scenario"))
    } else if summary.left_out > 0 {
        let all =
            if summary.left_out == 1 { "the only scenario" } else { &format!("all {} scenarios", summary.left_out) };
        format!("the filters left out {all}{place}")
    } else {
        format!("there are no scenarios{place}")
    }
}

/// Lists the scenarios that did not pass at once, in reading order: first those that never did.
fn failures(page: &mut Page, outline: &Outline, summary: &Summary) {
    let word = |outcome: &Outcome| if *outcome == Outcome::Broken { "broken" } else { "failed" };
    let failed = summary.failures.iter().map(|(index, outcome)| (Role::Bad, word(outcome), *index));
    let mut failures: Vec<(Role, &str, usize)> = failed.collect();
    failures.sort_by_key(|(_, _, index)| *index);
    let mut flaky = summary.flakes.clone();
    flaky.sort_unstable();
    failures.extend(flaky.into_iter().map(|index| (Role::Odd, "flaky ", index)));
    let place = |index: usize| outline.scenarios.get(index).map_or(String::new(), |s| explanation::place(&s.location));
    let widest = failures.iter().take(LISTED).map(|(_, _, index)| words::width(&place(*index))).max().unwrap_or(0);
    for (role, word, index) in failures.iter().take(LISTED) {
        let place = place(*index);
        let blanks = " ".repeat(widest - words::width(&place));
        page.line(2, &format!("{}  {place}{blanks}  {}", page.paint(*role, word), explanation::title(outline, *index)));
    }
    if failures.len() > LISTED {
        page.line(2, &format!("and {} more", failures.len() - LISTED));
    }
}
