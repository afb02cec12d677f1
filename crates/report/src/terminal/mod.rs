//! A run on a terminal or in a plain log: the header, a line or a block per scenario as it ends,
//! the ending in reading order.
//!
//! A terminal has more lines below the text, which show what is running (`live`). Apart from them
//! and from colour, a terminal and a log get the same text.

mod compare;
mod ending;
mod excerpt;
mod failure;
mod live;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use greenroom_event::{Daemon, Event, EventKind, Outcome, Outline, RunStarted, Sink};

use crate::explanation;
use crate::output::Output;
use crate::records::{Records, ScenarioRecord};
use crate::reporter::Reporter;
use crate::style::{Role, Style};
use crate::summary::Summary;
use crate::words;
use failure::Detail;
use live::Live;
use page::Page;

/// The width of explanations in other reports.
const WIDTH: usize = 100;

/// With more scenarios than this, passing ones are listed only with `-v`.
const MANY: usize = 200;

/// The abilities of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Whether escape sequences for colour may be written.
    pub colour: bool,
    /// How many columns a line has.
    pub width: usize,
    /// Whether lines can be erased, to show what is running.
    pub live: bool,
}

impl Terminal {
    /// Returns how text on it looks.
    pub fn style(self) -> Style {
        Style { colour: self.colour, width: self.width }
    }
}

/// How much to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Failures and the ending.
    Quiet,
    /// Also a line per passing scenario.
    #[default]
    Normal,
    /// Also every step with its time, and more of the output of what failed.
    Verbose,
}

/// The choices of the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// How much to show.
    pub verbosity: Verbosity,
    /// Whether what passed steps wrote is shown below them.
    pub shows_output: bool,
}

/// Writes a run for people as it happens.
///
/// After a write has failed it writes nothing more, and [`Reporter::error`] returns why.
pub struct TerminalReporter<W: Write> {
    out: Output<W>,
    style: Style,
    options: Options,
    outline: Arc<Outline>,
    /// Options that a rerun of one scenario needs, quoted for a shell.
    rerun_options: String,
    records: Records,
    summary: Summary,
    live: Option<Live>,
    /// The explanations shown so far.
    explanations: failure::Explanations,
    /// The first failed attempts of scenarios that are retried, until these are over.
    retried: BTreeMap<usize, ScenarioRecord>,
    /// Scenarios never started, counted by reason.
    skipped: BTreeMap<String, usize>,
    /// Leftover processes of passed scenarios that ignored SIGTERM.
    killed_leftovers: BTreeSet<explanation::KilledLeftover>,
    /// Whether a block was written last, which needs a blank line after it.
    after_block: bool,
    /// Whether the last line is empty, or nothing is written yet.
    after_blank: bool,
}

impl<W: Write> TerminalReporter<W> {
    /// Creates a reporter that writes there.
    pub fn new(out: W, terminal: Terminal, options: Options) -> Self {
        let style = Style { colour: terminal.colour, width: terminal.width.max(40) };
        Self {
            out: Output::new(out),
            style,
            options,
            outline: Arc::default(),
            rerun_options: String::new(),
            records: Records::default(),
            summary: Summary::default(),
            live: terminal.live.then(|| Live::new(style)),
            explanations: failure::Explanations::default(),
            retried: BTreeMap::new(),
            skipped: BTreeMap::new(),
            killed_leftovers: BTreeSet::new(),
            after_block: false,
            after_blank: true,
        }
    }

    /// Returns the writer, to write something that follows what the reporter has written.
    pub(crate) fn get_mut(&mut self) -> &mut W {
        &mut self.out.to
    }

    /// Returns the writer.
    pub fn get_ref(&self) -> &W {
        &self.out.to
    }

    /// Ends the reporter and returns the writer.
    pub fn into_inner(mut self) -> W {
        self.clear();
        self.out.to
    }

    fn page(&self) -> Page {
        Page::new(self.style)
    }

    fn begin(&mut self, run: &RunStarted) {
        self.outline = Arc::clone(&run.outline);
        self.rerun_options = explanation::rerun_start(run);
        if self.options.verbosity > Verbosity::Quiet {
            let mut page = self.page();
            ending::header(&mut page, run, self.lists_passing(), self.options.verbosity == Verbosity::Verbose);
            self.print(page);
        }
    }

    fn lists_passing(&self) -> bool {
        match self.options.verbosity {
            Verbosity::Quiet => false,
            Verbosity::Normal => self.outline.scenarios.len() <= MANY,
            Verbosity::Verbose => true,
        }
    }

    fn record(&mut self, record: &ScenarioRecord) {
        let Some(finished) = &record.finished else {
            self.stopped(record);
            return;
        };
        if finished.is_retried {
            self.retry(record);
            self.retried.entry(record.scenario).or_insert_with(|| record.clone());
            return;
        }
        let first = self.retried.remove(&record.scenario);
        match finished.outcome {
            Outcome::Passed if record.attempt > 1 => self.flaky(record, first.as_ref()),
            Outcome::Passed if self.lists_passing() || explanation::is_noteworthy(finished) => self.passed(record),
            Outcome::Passed => {}
            Outcome::Skipped if record.started => self.stopped(record),
            Outcome::Skipped => self.skipped(record),
            Outcome::Failed | Outcome::Broken => self.failed(record, first.as_ref()),
        }
    }

    /// Shows an attempt that failed, after which another follows.
    fn retry(&mut self, record: &ScenarioRecord) {
        match self.options.verbosity {
            Verbosity::Quiet => {}
            Verbosity::Normal => {
                let mut page = self.page();
                let (title, took) = self.title_and_time(record);
                let attempt = explanation::attempt(&self.outline, record).unwrap_or_default();
                page.line(0, &format!("{}  {took:>7}  {title}  ({attempt})", page.paint(Role::Odd, "RETRY")));
                let message = explanation::first_message(record).unwrap_or_default();
                let place = explanation::place_of_failure(&self.outline, record).unwrap_or_default();
                page.line(15, &format!("failed in {place}: {message}"));
                self.print_below_block(page);
            }
            Verbosity::Verbose => self.failed(record, None),
        }
    }

    /// Shows a scenario that passed after a failed attempt, and that attempt.
    fn flaky(&mut self, record: &ScenarioRecord, first: Option<&ScenarioRecord>) {
        let note = explanation::attempt(&self.outline, record).unwrap_or_default();
        // With -v, the attempt was shown when it failed.
        let first = first.filter(|_| self.options.verbosity < Verbosity::Verbose);
        self.after_block |= first.is_some();
        self.passed_as(record, Role::Odd, "FLAKY", Some(format!("passed in {note}")));
        self.first_attempt(first, false);
    }

    /// Shows the first failed attempt of a scenario, below the line of its last one.
    fn first_attempt(&mut self, first: Option<&ScenarioRecord>, has_gap: bool) {
        let Some(first) = first else { return };
        let mut page = self.page();
        if has_gap {
            page.blank_before();
        }
        if let Some(place) = explanation::place_and_scenario(&self.outline, first) {
            page.line(2, &format!("attempt {} failed in {place}", first.attempt));
        }
        failure::details(&mut page, &self.outline, first, &self.rerun_options, Detail::Short, &mut self.explanations);
        self.after_block = true;
        self.print(page);
    }

    fn passed(&mut self, record: &ScenarioRecord) {
        self.passed_as(record, Role::Good, "PASS", None);
    }

    fn passed_as(&mut self, record: &ScenarioRecord, role: Role, word: &str, note: Option<String>) {
        let mut page = self.page();
        let (title, took) = self.title_and_time(record);
        let mut notes: Vec<String> = note.into_iter().collect();
        if let Some(finished) = &record.finished {
            let crash = |daemon: &Daemon| {
                format!("daemon {} {}", words::escape(&daemon.name), explanation::daemon_end(&daemon.end))
            };
            notes.extend(finished.daemons.iter().filter(|daemon| daemon.end.is_unnoticed_crash()).map(crash));
            if explanation::is_noteworthy(finished)
                && let Some(scenario) = self.outline.scenarios.get(record.scenario)
            {
                notes.push(explanation::place(&scenario.location));
            }
            notes.extend(explanation::leftover_note(&finished.left_over));
            self.killed_leftovers.extend(explanation::killed_leftovers(&finished.left_over));
        }
        let note =
            if notes.is_empty() { String::new() } else { page.paint(Role::Dim, &format!("  ({})", notes.join("; "))) };
        page.line(0, &format!("{}  {took:>7}  {title}{note}", page.paint(role, word)));
        if self.options.verbosity == Verbosity::Verbose {
            let scenario = self.outline.scenarios.get(record.scenario);
            failure::steps(&mut page, scenario, record, usize::MAX, self.options.shows_output);
        }
        if let Some(kept) = record.finished.as_ref().and_then(|finished| finished.kept.as_ref()) {
            page.line(15, &format!("kept: {}", words::escape(kept)));
        }
        self.print_below_block(page);
    }

    /// Writes lines, after a blank one if a block was written last.
    fn print_below_block(&mut self, mut page: Page) {
        if self.after_block {
            page.blank_before();
        }
        self.after_block = false;
        self.print(page);
    }

    fn failed(&mut self, record: &ScenarioRecord, first: Option<&ScenarioRecord>) {
        let mut page = self.page();
        let detail = match self.options.verbosity {
            Verbosity::Verbose if self.options.shows_output => Detail::Outputs,
            Verbosity::Verbose => Detail::Long,
            _ => Detail::Short,
        };
        failure::block(&mut page, &self.outline, record, &self.rerun_options, detail, &mut self.explanations);
        page.blank_before();
        self.after_block = true;
        self.print(page);
        if explanation::is_only_flaky(record) {
            self.first_attempt(first, true);
        }
    }

    /// Shows a scenario that was stopped with the run, and where.
    fn stopped(&mut self, record: &ScenarioRecord) {
        if !record.started || self.options.verbosity == Verbosity::Quiet {
            return;
        }
        let mut page = self.page();
        let (title, took) = self.title_and_time(record);
        page.line(0, &format!("{}  {took:>7}  {title}", page.paint(Role::Odd, "STOP")));
        let step = record.open_step.or_else(|| record.steps.last().map(|step| step.step));
        if let Some(step) = step.and_then(|step| self.outline.scenarios.get(record.scenario)?.steps.get(step)) {
            let place = explanation::place(&step.location);
            let waiting = match &record.waiting {
                Some(what) => format!(" (waiting for {})", words::escape(what)),
                None => String::new(),
            };
            page.line(15, &format!("stopped at {place}: {}{waiting}", words::escape(&step.text)));
        }
        self.print_below_block(page);
    }

    /// Counts a scenario that was not started, for the ending; with `-v` it is listed too.
    fn skipped(&mut self, record: &ScenarioRecord) {
        let failure = record.finished.as_ref().and_then(|finished| finished.failure.as_ref());
        let reason = failure.map_or(String::new(), |failure| failure.message.clone());
        if self.options.verbosity == Verbosity::Verbose {
            let mut page = self.page();
            let (title, _) = self.title_and_time(record);
            let suffix = if reason.is_empty() { String::new() } else { format!("  ({})", words::escape(&reason)) };
            page.line(0, &format!("{}  {:>7}  {title}{suffix}", page.paint(Role::Odd, "SKIP"), ""));
            self.print_below_block(page);
        }
        *self.skipped.entry(reason).or_default() += 1;
    }

    fn title_and_time(&self, record: &ScenarioRecord) -> (String, String) {
        let title = explanation::title(&self.outline, record.scenario);
        let took = record.finished.as_ref().map_or(String::new(), |finished| words::seconds(finished.took));
        (title, took)
    }

    fn end(&mut self) {
        for record in self.records.rest() {
            self.record(&record);
        }
        let mut page = self.page();
        if let Some(help) = explanation::leftover_help(&self.killed_leftovers) {
            page.line(0, &format!("help: {help}"));
        }
        ending::ending(&mut page, &self.outline, &self.summary, &self.skipped);
        if self.options.verbosity > Verbosity::Quiet || self.after_block {
            page.blank_before();
        }
        self.print(page);
    }

    /// Writes text above the live lines, in one write so that nothing flickers.
    fn print(&mut self, page: Page) {
        let text = page.finish(self.after_blank);
        if text.is_empty() {
            return;
        }
        self.after_blank = text.ends_with("\n\n");
        match &mut self.live {
            Some(live) => {
                let mut frame = live.erase();
                frame.push_str(&text);
                frame.push_str(&live.draw(&self.outline, &self.summary));
                self.out.write(&frame);
            }
            None => self.out.write(&text),
        }
    }

    fn show_progress(&mut self, at: Duration) {
        if let Some(live) = &mut self.live
            && let Some(frame) = live.tick(at, &self.outline, &self.summary)
        {
            self.out.write(&frame);
        }
    }
}

/// Returns the text that explains a failed attempt, without its heading.
pub(crate) fn explanation(outline: &Outline, record: &ScenarioRecord, rerun_options: &str) -> String {
    let mut page = Page::new(Style { colour: false, width: WIDTH });
    let mut explanations = failure::Explanations::default();
    failure::block(&mut page, outline, record, rerun_options, Detail::Long, &mut explanations);
    let text = page.finish(true);
    let lines = text.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

impl<W: Write> Reporter for TerminalReporter<W> {
    fn clear(&mut self) {
        if let Some(live) = &mut self.live {
            let frame = live.erase();
            self.out.write(&frame);
        }
    }

    fn cut_short(&mut self, goes_on: bool) {
        self.summary.goes_on = goes_on;
        self.clear();
        self.live = None;
        self.end();
    }

    fn error(&self) -> Option<&io::Error> {
        self.out.error.as_ref()
    }
}

impl<W: Write> Sink for TerminalReporter<W> {
    fn push(&mut self, event: &Event) {
        self.summary.fold(event);
        if let Some(live) = &mut self.live {
            live.take(event);
        }
        match &event.kind {
            EventKind::RunStarted(run) => self.begin(run),
            EventKind::RunFinished { .. } => {
                if let Some(mut live) = self.live.take() {
                    self.out.write(&live.erase());
                }
                self.end();
            }
            _ => {
                if let Some(record) = self.records.push(event) {
                    self.record(&record);
                }
                self.show_progress(event.at);
            }
        }
    }

    fn idle(&mut self, at: Duration) {
        self.show_progress(at);
    }

    fn pausing(&mut self) {
        self.clear();
    }

    fn is_deserted(&self) -> bool {
        self.out.is_deserted()
    }
}
