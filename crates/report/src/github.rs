//! A run for GitHub Actions: the report for people, then annotations, and the summary of the job.
//!
//! The runner looks for commands in all output. The report for people can show text that looks like
//! one, so commands are stopped while it is written. GitHub shows few annotations per step and drops
//! the rest silently, so the failures come first and the last annotation says what is left out.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use greenroom_event::{Event, EventKind, Outcome, Sink};

use crate::attempts::Details;
use crate::case::{self, Names};
use crate::explanation;
use crate::output::Output;
use crate::reporter::Reporter;
use crate::run_record::{RunRecord, ScenarioState};
use crate::summary::{Summary, Verdict};
use crate::terminal::{Options, Terminal, TerminalReporter};
use crate::words;

/// Annotations of one kind that GitHub shows for a step, less one that says what is left out.
const ANNOTATIONS: usize = 9;
/// Bytes of an annotation's text. GitHub cuts it at 4,096 characters.
pub(crate) const TEXT: usize = 3500;
/// Bytes that are enough for the note that something is left out.
const NOTE: usize = 200;
/// Bytes of an annotation's title.
const TITLE: usize = 200;
/// Rows of a table of the summary.
const ROWS: usize = 200;
/// Scenarios in the table of the slowest.
const SLOWEST: usize = 10;

/// Writes a run for people, then annotations.
pub(crate) struct GithubReporter<W: Write> {
    human: TerminalReporter<Stopped<W>>,
    record: RunRecord,
    token: String,
}

/// A writer in whose text the runner finds no commands.
struct Stopped<W: Write> {
    out: Output<W>,
    token: String,
    ignores_commands: bool,
}

impl<W: Write> Write for Stopped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.ignores_commands {
            self.ignores_commands = true;
            self.out.to.write_all(format!("::stop-commands::{}\n", self.token).as_bytes())?;
        }
        self.out.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.to.flush()
    }
}

impl<W: Write> GithubReporter<W> {
    pub(crate) fn new(out: W, terminal: Terminal, options: Options, token: String) -> Self {
        // Lines that are erased are not erased in a log.
        let terminal = Terminal { live: false, ..terminal };
        let out = Stopped { out: Output::new(out), token: token.clone(), ignores_commands: false };
        Self {
            human: TerminalReporter::new(out, terminal, options),
            record: RunRecord::new(Details::OfFailures),
            token,
        }
    }

    fn annotate(&mut self) {
        let text = annotations(&self.record);
        let token = self.token.clone();
        let stopped = self.human.get_mut();
        if stopped.ignores_commands {
            stopped.out.write(&format!("::{token}::\n"));
            stopped.ignores_commands = false;
        }
        stopped.out.write(&text);
    }
}

impl<W: Write> Sink for GithubReporter<W> {
    fn push(&mut self, event: &Event) {
        self.record.push(event);
        self.human.push(event);
        if let EventKind::RunFinished { .. } = event.kind {
            self.annotate();
        }
    }

    fn is_deserted(&self) -> bool {
        self.human.is_deserted() || self.human.get_ref().out.is_deserted()
    }
}

impl<W: Write> Reporter for GithubReporter<W> {
    fn cut_short(&mut self, goes_on: bool) {
        self.record.close();
        self.record.summary.goes_on = goes_on;
        self.human.cut_short(goes_on);
        self.annotate();
    }

    fn error(&self) -> Option<&io::Error> {
        self.human.error().or(self.human.get_ref().out.error.as_ref())
    }
}

/// Returns a text between commands that make the runner find no commands in it.
pub fn without_commands(text: &str, token: &str) -> String {
    if text.is_empty() { String::new() } else { format!("::stop-commands::{token}\n{text}::{token}::\n") }
}

/// The scenarios of a run in some states, in reading order.
fn scenarios_in(record: &RunRecord, is_chosen: fn(ScenarioState) -> bool) -> Vec<usize> {
    (0..record.started.outline.scenarios.len()).filter(|&index| is_chosen(record.state(index))).collect()
}

fn is_flaky(state: ScenarioState) -> bool {
    state == ScenarioState::Flaky
}

/// Returns how many of so many annotations of one kind are shown; a further one says what is left out.
pub(crate) fn shown(all: usize) -> usize {
    if all <= ANNOTATIONS + 1 { all } else { ANNOTATIONS }
}

/// Returns the annotation that says how many more there are, and where.
pub(crate) fn left_out(kind: &str, number: usize, what: &str, place: &str) -> String {
    let message = format!("{}; {place} all of them", words::count(number, &format!("more {what}")));
    Annotation { kind, place: None, title: "greenroom", message: &message }.to_string()
}

/// Returns the annotations of a run.
fn annotations(record: &RunRecord) -> String {
    let names = Names::of(&record.started);
    let mut text = String::new();
    let failures = scenarios_in(record, ScenarioState::is_failure);
    let flaky = scenarios_in(record, is_flaky);
    for (kind, all, what) in [("error", failures, "failure"), ("warning", flaky, "flaky scenario")] {
        let shown = shown(all.len());
        for &index in &all[..shown] {
            annotation(&mut text, kind, record, &names, index);
        }
        if shown < all.len() {
            let place = "the log and the summary of the job have";
            let _ = writeln!(text, "{}", left_out(kind, all.len() - shown, what, place));
        }
    }
    text
}

fn annotation(text: &mut String, kind: &str, record: &RunRecord, names: &Names, index: usize) {
    let Some(scenario) = record.started.outline.scenarios.get(index) else { return };
    let state = record.state(index);
    let is_flaky = state == ScenarioState::Flaky;
    let attempt = if is_flaky { record.attempts(index).into_iter().next() } else { record.deciding(index) };
    let attempt = attempt.as_deref();
    let place = explanation::failed_at(scenario, attempt);
    let file = case::path(record.started.origin.as_ref(), &place.file);
    let name = names.scenario(index);
    let mut message = match state {
        ScenarioState::Flaky => format!("{name}: passed in attempt {}\n", record.ends(index).count()),
        _ => String::new(),
    };
    message.push_str(&attempt.map_or_else(
        || case::message(scenario, None, state),
        |attempt| case::explanation(&record.started, attempt, state).trim_start().to_owned(),
    ));
    let title = if is_flaky { "flaky" } else { words::cut(name, TITLE) };
    let message = words::cut(&message, TEXT);
    let _ = writeln!(text, "{}", Annotation { kind, place: Some((&file, place.line)), title, message });
}

/// A message that GitHub shows at a place.
pub(crate) struct Annotation<'a> {
    /// `error`, `warning` or `notice`.
    pub(crate) kind: &'a str,
    /// A file and a line.
    pub(crate) place: Option<(&'a str, u32)>,
    pub(crate) title: &'a str,
    pub(crate) message: &'a str,
}

impl std::fmt::Display for Annotation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "::{} ", self.kind)?;
        if let Some((file, line)) = self.place {
            write!(f, "file={},line={line},", escape_property(file))?;
        }
        write!(f, "title={}::{}", escape_property(self.title), escape_message(self.message))
    }
}

/// Escapes the message of a command.
fn escape_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns the summary of the job in Markdown, in at most `budget` bytes.
///
/// GitHub shows no summary at all if the file is too large.
pub fn summary(record: &RunRecord, budget: usize) -> String {
    let names = Names::of(&record.started);
    let mut text = head(&record.summary);
    let failures = scenarios_in(record, ScenarioState::is_failure);
    let tables =
        [failures_table(record, &names, &failures), flaky_table(record, &names), slowest_table(record, &names)];
    for table in tables {
        if text.len() + table.len() <= budget {
            text.push_str(&table);
        }
    }
    for (at, &index) in failures.iter().enumerate() {
        let details = details(record, &names, index);
        if text.len() + details.len() + NOTE > budget {
            let more = words::count(failures.len() - at, "more failure");
            let note = format!("\n{more} left out: a summary may not be longer. The log has all of them.\n");
            if text.len() + note.len() <= budget {
                text.push_str(&note);
            }
            break;
        }
        text.push_str(&details);
    }
    if text.len() > budget { String::new() } else { text }
}

fn head(summary: &Summary) -> String {
    let scenarios = words::count(summary.scenarios, "scenario");
    let title = match summary.verdict() {
        Verdict::Passed if let Some(why) = explanation::nothing_to_do(summary) => format!("✅ {why}"),
        Verdict::Passed => format!("✅ {} passed", words::count(summary.passed, "scenario")),
        Verdict::Failed => format!("❌ {} of {scenarios} did not pass", summary.failed + summary.broken),
        Verdict::Interrupted if summary.finished => "⚠️ the run was interrupted".to_owned(),
        Verdict::Interrupted => "⚠️ the run did not end".to_owned(),
        Verdict::NothingRan => "⚠️ nothing ran".to_owned(),
    };
    let partition = match &summary.partition {
        Some(partition) => format!(", {}", words::partition(partition)),
        None => String::new(),
    };
    let numbers = [summary.passed, summary.flaky, summary.failed, summary.broken, summary.skipped];
    let numbers = numbers.map(|number| number.to_string()).join(" | ");
    let took = words::duration(summary.took);
    format!(
        "## greenroom: {title}\n\n| passed | of these flaky | failed | broken | skipped | time |\n\
         |---|---|---|---|---|---|\n| {numbers} | {took}{partition} |\n"
    )
}

fn failures_table(record: &RunRecord, names: &Names, failures: &[usize]) -> String {
    let rows = failures.iter().filter_map(|&index| {
        let scenario = record.started.outline.scenarios.get(index)?;
        let (attempt, state) = (record.deciding(index), record.state(index));
        let word = if state == ScenarioState::Failed { "failed" } else { "broken" };
        let message = case::message(scenario, attempt.as_deref(), state);
        Some([cell(names.scenario(index)), place(record, index), word.to_owned(), cell(&message)])
    });
    table("Failures", ["scenario", "place", "state", "reason"], &rows.collect::<Vec<_>>())
}

fn flaky_table(record: &RunRecord, names: &Names) -> String {
    let rows = scenarios_in(record, is_flaky).into_iter().filter_map(|index| {
        let scenario = record.started.outline.scenarios.get(index)?;
        let attempts = record.attempts(index);
        let message = case::message(scenario, attempts.first().map(|first| &**first), ScenarioState::Failed);
        let attempts = attempts.len().to_string();
        Some([cell(names.scenario(index)), place(record, index), attempts, cell(&message)])
    });
    table("Flaky", ["scenario", "place", "attempts", "reason of the first failure"], &rows.collect::<Vec<_>>())
}

fn slowest_table(record: &RunRecord, names: &Names) -> String {
    let took = |index: usize| {
        let end = record.deciding_end(index)?;
        end.outcome.is_some_and(|outcome| outcome != Outcome::Skipped).then_some(end.took)
    };
    let count = record.started.outline.scenarios.len();
    let mut times: Vec<(Duration, usize)> = (0..count).filter_map(|index| Some((took(index)?, index))).collect();
    if times.len() < 2 {
        return String::new();
    }
    times.sort_by_key(|&(took, index)| (std::cmp::Reverse(took), index));
    let rows = times.into_iter().take(SLOWEST);
    let rows = rows.map(|(took, index)| [cell(names.scenario(index)), place(record, index), words::duration(took)]);
    table("Slowest", ["scenario", "place", "time"], &rows.collect::<Vec<_>>())
}

/// Returns a table, or nothing if it has no rows.
fn table<const N: usize>(title: &str, columns: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\n### {title}\n\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(N));
    for row in rows.iter().take(ROWS) {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    if rows.len() > ROWS {
        let _ = writeln!(text, "\nand {} more", rows.len() - ROWS);
    }
    text
}

/// Returns the place where a scenario failed, or its heading, for a cell of a table.
fn place(record: &RunRecord, index: usize) -> String {
    let Some(scenario) = record.started.outline.scenarios.get(index) else { return String::new() };
    let attempts = record.attempts(index);
    let attempt = attempts.iter().find(|attempt| explanation::deciding_step(attempt).is_some());
    let place = explanation::failed_at(scenario, attempt.map(|attempt| &**attempt));
    cell(&format!("{}:{}", case::path(record.started.origin.as_ref(), &place.file), place.line))
}

/// Returns a text as one line without Markdown and HTML, for a cell of a table or a title.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in words::cut(text, 300).chars() {
        match c {
            '\n' | '\r' => cell.push(' '),
            '<' | '>' | '&' | '@' | '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '$' | ':' => {
                let _ = write!(cell, "&#{};", u32::from(c));
            }
            c => cell.push(c),
        }
    }
    cell
}

/// Returns the explanation of a failure, folded.
fn details(record: &RunRecord, names: &Names, index: usize) -> String {
    let Some(attempt) = record.deciding(index) else { return String::new() };
    let text = case::explanation(&record.started, &attempt, record.state(index));
    let ticks = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(ticks + 1));
    let name = cell(names.scenario(index));
    format!("\n<details><summary>{name}</summary>\n\n{fence}text\n{}\n{fence}\n\n</details>\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped() {
        let annotation = Annotation {
            kind: "error",
            place: Some(("a,b:c.md", 7)),
            title: "50%, that is: half",
            message: "100%\r\n::error::x, y: z",
        };
        assert_eq!(
            annotation.to_string(),
            "::error file=a%2Cb%3Ac.md,line=7,title=50%25%2C that is%3A half::100%25%0D%0A::error::x, y: z"
        );
    }

    #[test]
    fn cells_have_no_markup() {
        assert_eq!(cell("a|`b`\n<c>"), "a&#124;&#96;b&#96; &#60;c&#62;");
        assert_eq!(
            cell("see https://x.example/[y](z) :tada:"),
            "see https&#58;//x.example/&#91;y&#93;(z) &#58;tada&#58;"
        );
    }
}
