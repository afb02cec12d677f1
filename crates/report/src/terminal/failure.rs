//! The block that explains why a scenario did not pass.
//!
//! Its reader has not seen the run, and should not need another run to understand the failure.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use greenroom_event::{
    Daemon, Failure, LeftOver, Outcome, Outline, Output, OutputSource, PrivateNetwork, ScenarioFinished,
    ScenarioOutline, StepFinished,
};

use super::compare;
use super::excerpt::{self, SHORT_TAIL};
use super::page::Page;
use crate::comparison;
use crate::excerpt::{LINE, LONG_TAIL, TAIL, is_empty};
use crate::explanation::{self, NetworkNote, daemon_end, failures, place, title};
use crate::in_short;
use crate::records::ScenarioRecord;
use crate::style::Role;
use crate::words;

/// Passed steps shown before the one that failed.
const STEPS: usize = 12;
const STEPS_INDENT: usize = 4;
/// Of the output of a passed step.
const OUTPUT_INDENT: usize = 8;
/// An explanation of this many lines is not repeated for another scenario.
const LONG: usize = 3;

/// The explanations shown so far, with their scenarios. One that several scenarios share is shown
/// in full only once.
#[derive(Default)]
pub(super) struct Explanations {
    scenarios: HashMap<u64, usize>,
    hasher: RandomState,
}

impl Explanations {
    /// Returns the earlier scenario with this explanation, if there is one; else remembers this
    /// scenario.
    fn earlier(&mut self, text: &str, scenario: usize) -> Option<usize> {
        let first = *self.scenarios.entry(self.hasher.hash_one(without_times(text))).or_insert(scenario);
        (first != scenario).then_some(first)
    }
}

/// Returns the words of an explanation without what differs from one scenario to the next.
///
/// These are durations, times of day, dates and process numbers.
fn without_times(text: &str) -> Vec<&str> {
    let is_number = |word: &str| word.trim_end_matches(',').parse::<f64>().is_ok();
    let is_time = |word: &str| {
        let time = word.trim_matches(|c: char| !c.is_ascii_digit());
        let is_digital = time.chars().all(|c| c.is_ascii_digit() || ":-.,/TZ+".contains(c));
        is_digital && (time.matches(':').count() == 2 || time.matches('-').count() == 2)
    };
    let words: Vec<&str> = text.split([' ', '\n', '(', ')', ';']).filter(|word| !word.is_empty()).collect();
    let varies = |at: usize| {
        let after = words.get(at + 1).map_or("", |word| word.trim_end_matches([':', ',', '.']));
        let is_duration = matches!(after, "ms" | "s" | "m" | "h");
        let is_process = at > 0 && words[at - 1] == "process";
        is_number(words[at]) && (is_duration || is_process) || is_time(words[at])
    };
    (0..words.len()).map(|at| if varies(at) { "#" } else { words[at] }).collect()
}

/// How much is shown of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// The last steps, and the ends of outputs.
    Short,
    /// All steps, and more of outputs.
    Long,
    /// Also what passed steps wrote.
    Outputs,
}

/// Shows everything about a scenario that failed or is broken.
pub(super) fn block(
    page: &mut Page,
    outline: &Outline,
    record: &ScenarioRecord,
    rerun: &str,
    detail: Detail,
    explanations: &mut Explanations,
) {
    if let Some(finished) = &record.finished {
        heading(page, outline, record, finished);
        details(page, outline, record, rerun, detail, explanations);
    }
}

/// Shows all about a failed attempt below its heading.
pub(super) fn details(
    page: &mut Page,
    outline: &Outline,
    record: &ScenarioRecord,
    rerun: &str,
    detail: Detail,
    explanations: &mut Explanations,
) {
    let Some(finished) = &record.finished else {
        return;
    };
    let scenario = outline.scenarios.get(record.scenario);
    let verbose = detail > Detail::Short;
    page.gap();
    steps(page, scenario, record, if verbose { usize::MAX } else { STEPS }, detail == Detail::Outputs);
    let nothing = Failure::default();
    let failures = failures(record, scenario, finished, &nothing);
    let mut whole = page.part();
    let mut shown = Shown { outputs: Vec::new(), tail: if verbose { LONG_TAIL } else { TAIL } };
    for (failure, of) in &failures {
        explain(&mut whole, failure, of.as_deref(), &mut shown);
    }
    surroundings(&mut whole, finished, &mut shown);
    if !verbose
        && whole.text().lines().count() >= LONG
        && let Some(first) = explanations.earlier(whole.text(), record.scenario)
    {
        page.gap();
        for (failure, of) in &failures {
            headline(page, failure, of.as_deref());
        }
        let processes = if finished.daemons.is_empty() { "" } else { ", with the same state of its processes" };
        same_as(page, outline, first, processes);
        hints(page, outline, record.scenario, finished, rerun);
        return;
    }
    let mut shown = Shown { outputs: Vec::new(), tail: if verbose { LONG_TAIL } else { TAIL } };
    let mut explain = |page: &mut Page, failure, of: Option<&str>| {
        page.gap();
        let mut part = page.part();
        let before = shown.outputs.len();
        explain(&mut part, failure, of, &mut shown);
        let is_long = !verbose && part.text().lines().count() >= LONG;
        match if is_long { explanations.earlier(part.text(), record.scenario) } else { None } {
            Some(first) => {
                shown.outputs.truncate(before);
                headline(page, failure, of);
                same_as(page, outline, first, "");
            }
            None => page.append(&part),
        }
    };

    for (failure, of) in &failures {
        explain(page, failure, of.as_deref());
    }
    surroundings(page, finished, &mut shown);
    hints(page, outline, record.scenario, finished, rerun);
}

/// Shows what may explain a failure besides the failed step.
fn surroundings<'a>(page: &mut Page, finished: &'a ScenarioFinished, shown: &mut Shown<'a>) {
    daemons(page, &finished.daemons, shown);
    leftovers(page, &finished.left_over);
    network(page, finished.network);
}

/// Says which scenario has the same explanation.
fn same_as(page: &mut Page, outline: &Outline, first: usize, more: &str) {
    let at = outline.scenarios.get(first).map_or_else(String::new, |first| place(&first.location));
    page.line(2, &format!("same as above, for {} ({at}){more}", title(outline, first)));
}

fn heading(page: &mut Page, outline: &Outline, record: &ScenarioRecord, finished: &ScenarioFinished) {
    let word = match finished.outcome {
        _ if finished.is_retried => page.paint(Role::Odd, "RETRY"),
        Outcome::Broken => page.paint(Role::Bad, "BROKEN"),
        _ => page.paint(Role::Bad, "FAIL"),
    };
    let took = words::seconds(finished.took);
    let name = page.paint(Role::Title, &title(outline, record.scenario));
    let attempt = explanation::attempt(outline, record).map_or(String::new(), |attempt| format!("  ({attempt})"));
    page.line(0, &format!("{word}  {took:>7}  {name}{attempt}"));
    if let Some(at) = explanation::place_and_scenario(outline, record) {
        page.line(2, &format!("in {at}"));
    }
    if finished.outcome == Outcome::Broken {
        page.line(2, explanation::BROKEN);
    }
}

/// Shows the steps that ran, the cleanups that did not pass, and how many steps did not run.
///
/// With outputs, what passed steps and cleanups wrote is shown below them.
pub(super) fn steps(
    page: &mut Page,
    scenario: Option<&ScenarioOutline>,
    record: &ScenarioRecord,
    most: usize,
    with_outputs: bool,
) {
    let outputs = |page: &mut Page, step: &StepFinished| {
        for output in step.output.iter().filter(|output| with_outputs && !is_empty(output)) {
            excerpt::output(page, OUTPUT_INDENT, output, LONG_TAIL);
        }
    };
    let text = |step: usize| {
        let step = scenario.and_then(|scenario| scenario.steps.get(step));
        step.map_or_else(|| format!("step {step:?}"), |step| words::escape(&step.text).into_owned())
    };
    let passed = record.steps.iter().take_while(|step| step.outcome == Outcome::Passed).count();
    let hidden = passed.saturating_sub(most);
    if hidden > 1 {
        let line = format!("{:7}  {:>7}  {} passed", "", "", words::count(hidden, "earlier step"));
        page.line(STEPS_INDENT, &page.paint(Role::Dim, &line));
    }
    for step in record.steps.iter().skip(if hidden > 1 { hidden } else { 0 }) {
        step_line(page, step, &text(step.step));
        outputs(page, step);
    }
    if let Some(open) = record.open_step {
        let word = page.paint(Role::Odd, "STOPPED");
        page.line(STEPS_INDENT, &format!("{word}  {:>7}  {}", "", text(open)));
    }
    if let (Some(_), Some(what)) = (record.open_step, &record.waiting) {
        let what = format!("{:7}  {:>7}  while waiting for {}", "", "", words::escape(what));
        page.line(STEPS_INDENT, &what);
    }
    let ran = record.steps.len() + usize::from(record.open_step.is_some());
    let not_run = scenario.map_or(0, |scenario| scenario.steps.len().saturating_sub(ran));
    if not_run > 0 {
        let line = format!("{:7}  {:>7}  {} not run", "", "", words::count(not_run, "step"));
        page.line(STEPS_INDENT, &page.paint(Role::Dim, &line));
    }
    let is_shown = |cleanup: &&StepFinished| {
        cleanup.outcome != Outcome::Passed || with_outputs && cleanup.output.iter().any(|output| !is_empty(output))
    };
    for cleanup in record.cleanups.iter().filter(is_shown) {
        step_line(page, cleanup, &format!("cleanup after: {}", text(cleanup.step)));
        outputs(page, cleanup);
    }
}

fn step_line(page: &mut Page, step: &StepFinished, text: &str) {
    let took = words::duration(step.took);
    let line = match step.outcome {
        Outcome::Passed => page.paint(Role::Dim, &format!("{:7}  {took:>7}  {text}", "ok")),
        Outcome::Failed => format!("{}  {took:>7}  {text}", page.paint(Role::Bad, "FAILED ")),
        Outcome::Broken => format!("{}  {took:>7}  {text}", page.paint(Role::Bad, "BROKEN ")),
        Outcome::Skipped => format!("{}  {took:>7}  {text}", page.paint(Role::Odd, "STOPPED")),
    };
    page.line(STEPS_INDENT, &line);
}

/// The outputs shown so far. A step's failure often has the output of its daemon, which is not
/// repeated below it.
struct Shown<'a> {
    /// Whose, and whether from after it was asked to end.
    outputs: Vec<(&'a OutputSource, bool)>,
    tail: usize,
}

impl Shown<'_> {
    fn has(&self, output: &Output) -> bool {
        self.outputs.contains(&(&output.source, output.after_stop))
    }
}

fn headline(page: &mut Page, failure: &Failure, of: Option<&str>) {
    let of = of.map_or(String::new(), |of| format!("{of} failed: "));
    let first = failure.message.lines().next().unwrap_or(in_short::NO_REASON);
    page.line(2, &format!("{of}{}", page.paint(Role::Title, &words::output_line(first, 4 * LINE))));
}

fn explain<'a>(page: &mut Page, failure: &'a Failure, of: Option<&str>, shown: &mut Shown<'a>) {
    headline(page, failure, of);
    for line in failure.message.lines().skip(1) {
        page.line(2, &words::output_line(line, LINE));
    }
    if let Some(of) = &failure.comparison {
        let named = failure.message.contains(&of.what);
        compare::comparison(page, of, named, shown.tail);
        shown
            .outputs
            .extend(of.source.as_ref().filter(|_| comparison::shows_end(of, shown.tail)).map(|source| (source, false)));
    }
    for fact in failure.facts() {
        page.line(2, &format!("note: {}", words::escape(&fact)));
    }
    for output in &failure.output {
        excerpt::output(page, 2, output, shown.tail);
        shown.outputs.push((&output.source, output.after_stop));
    }
    for help in &failure.help {
        page.line(2, &format!("help: {}", words::escape(help)));
    }
}

fn daemons<'a>(page: &mut Page, daemons: &'a [Daemon], shown: &mut Shown<'a>) {
    for daemon in daemons {
        page.gap();
        let crashed = daemon.end.is_crash();
        let role = if crashed { Role::Bad } else { Role::Title };
        let name = page.paint(role, &format!("daemon {}", words::escape(&daemon.name)));
        page.line(2, &format!("{name}: {}", daemon_end(&daemon.end)));
        if !daemon.command.is_empty() {
            page.line(4, &format!("command: {}", words::output_line(&daemon.command, LINE)));
        }
        let tail = if crashed { shown.tail } else { shown.tail.min(SHORT_TAIL) };
        if !daemon.output.is_empty() && daemon.output.iter().all(is_empty) {
            page.line(4, "no output");
        }
        for output in daemon.output.iter().filter(|output| !is_empty(output)) {
            if shown.has(output) {
                page.line(4, &format!("{}: see above", words::escape(&output.source.to_string())));
            } else {
                excerpt::output(page, 4, &end_of(output), tail);
                shown.outputs.push((&output.source, output.after_stop));
            }
        }
    }
}

/// Returns the end of a daemon's output. A recording has more of it than a run that is only shown.
fn end_of(output: &Output) -> Cow<'_, Output> {
    const MOST: usize = 8 * 1024;
    if output.text.len() <= MOST {
        return Cow::Borrowed(output);
    }
    let bytes = output.bytes();
    let cut = bytes.len().saturating_sub(MOST);
    let in_line = bytes[cut..].iter().position(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let cut = if cut > 0 && cut + in_line < bytes.len() { cut + in_line } else { cut };
    let end = Output::from_bytes(output.source.clone(), &bytes[cut..], output.omitted + cut as u64);
    Cow::Owned(Output { after_stop: output.after_stop, ..end })
}

fn leftovers(page: &mut Page, processes: &[LeftOver]) {
    if processes.is_empty() {
        return;
    }
    page.gap();
    page.line(2, &format!("{}:", explanation::leftover_title(processes)));
    for line in explanation::leftover_lines(processes) {
        page.line(4, &line);
    }
}

/// Says that the network was private, which can be why the scenario failed.
fn network(page: &mut Page, used: Option<PrivateNetwork>) {
    let Some(note) = explanation::network(used) else { return };
    page.gap();
    match note {
        NetworkNote::LeftAlone { message, help } => {
            page.line(2, message);
            page.line(4, &format!("help: {help}"));
        }
        NetworkNote::Refused(message) => page.line(2, &format!("note: {message}")),
    }
}

fn hints(page: &mut Page, outline: &Outline, scenario: usize, finished: &ScenarioFinished, options: &str) {
    page.gap();
    if let Some(kept) = &finished.kept {
        page.line(2, &format!("kept:  {}", words::shell_quote(kept)));
    }
    if let Some(command) = explanation::rerun_command(outline, scenario, options) {
        let until = if finished.is_retried { " --retries 0 --until-failure" } else { "" };
        page.line(2, &format!("rerun: {command}{until}"));
    }
}
