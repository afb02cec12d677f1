//! A run as service messages of TeamCity: a suite per document, a test per scenario.
//!
//! Scenarios run side by side, so each attempt has a flow of its own below that of its document.
//! Attempts at one scenario are tests of one name, which TeamCity counts by the last of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use greenroom_event::{Attempt, Comparison, Event, EventKind, Relation, Sink};

use crate::case::{self, Names};
use crate::output::Output;
use crate::records::{Records, ScenarioRecord};
use crate::reporter::Reporter;
use crate::run_record::{RunRecord, ScenarioState};

/// Bytes of output that a test has.
const OUTPUT: usize = 256 << 10;
/// Characters of the two sides of a comparison.
const COMPARISON: usize = 64 << 10;

/// Writes a run as service messages.
pub(crate) struct TeamcityReporter<W: Write> {
    out: Output<W>,
    /// The start of the run, for names and times.
    run: RunRecord,
    names: Names,
    records: Records,
    /// How many scenarios of each document are not over.
    open: BTreeMap<usize, usize>,
    begun: BTreeSet<usize>,
    /// Attempts that were announced and are not over.
    running: BTreeSet<Attempt>,
    /// How many repetitions of each document were not run, and why the first was not.
    unrun: BTreeMap<usize, (usize, String)>,
}

impl<W: Write> TeamcityReporter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out: Output::new(out),
            run: RunRecord::default(),
            names: Names::default(),
            records: Records::default(),
            open: BTreeMap::new(),
            begun: BTreeSet::new(),
            running: BTreeSet::new(),
            unrun: BTreeMap::new(),
        }
    }

    /// Writes a message of a flow.
    fn message(&mut self, name: &str, at: Duration, flow: &str, values: &[(&str, &str)]) {
        let mut text = format!("##teamcity[{name}");
        if let Some(time) = self.run.wall_time(at) {
            let _ = write!(text, " timestamp='{}'", time.format("%Y-%m-%dT%H:%M:%S.%3f+0000"));
        }
        for (name, value) in [("flowId", flow)].iter().chain(values) {
            let _ = write!(text, " {name}='{}'", escape(value));
        }
        text.push_str("]\n");
        self.out.write(&text);
    }

    fn begin(&mut self) {
        self.names = Names::of(&self.run.started);
        for scenario in &self.run.started.outline.scenarios {
            *self.open.entry(scenario.document).or_default() += 1;
        }
        self.out.write("##teamcity[testRetrySupport enabled='true']\n");
    }

    fn document_of(&self, scenario: usize) -> Option<usize> {
        Some(self.run.started.outline.scenarios.get(scenario)?.document)
    }

    /// Announces the suite of a scenario, unless that was done.
    fn begin_suite(&mut self, document: usize, at: Duration) {
        if self.begun.insert(document) {
            let name = self.names.document(document).to_owned();
            self.message("testSuiteStarted", at, &document_flow(document), &[("name", &name)]);
        }
    }

    fn begin_test(&mut self, attempt: Attempt, at: Duration) {
        let Some(document) = self.document_of(attempt.index) else { return };
        if self.running.insert(attempt) {
            self.begin_suite(document, at);
            let flow = flow(attempt);
            self.message("flowStarted", at, &flow, &[("parent", &document_flow(document))]);
            let name = self.names.scenario(attempt.index).to_owned();
            self.message("testStarted", at, &flow, &[("name", &name), ("captureStandardOutput", "false")]);
        }
    }

    fn end_test(&mut self, record: &ScenarioRecord, at: Duration) {
        let attempt = Attempt { index: record.scenario, number: record.attempt };
        let Some(document) = self.document_of(attempt.index) else { return };
        let finished = record.finished.as_ref();
        let state = ScenarioState::of(record);
        let name = self.names.scenario(attempt.index).to_owned();
        let Some(scenario) = self.run.started.outline.scenarios.get(attempt.index) else { return };
        let message = case::message(scenario, Some(record), state);
        let is_unrun = state == ScenarioState::Skipped && !self.running.contains(&attempt);
        if is_unrun && scenario.repetition.is_some_and(|repetition| repetition > 1) {
            self.unrun.entry(document).or_insert((0, message)).0 += 1;
        } else if is_unrun {
            self.begin_suite(document, at);
            self.message("testIgnored", at, &document_flow(document), &[("name", &name), ("message", &message)]);
        } else {
            self.begin_test(attempt, at);
            let flow = flow(attempt);
            for (kind, text) in ["testStdOut", "testStdErr"].into_iter().zip(case::outputs(record, OUTPUT)) {
                if !text.is_empty() {
                    self.message(kind, at, &flow, &[("name", &name), ("out", &text)]);
                }
            }
            match state {
                ScenarioState::Passed | ScenarioState::Flaky => {}
                ScenarioState::Skipped => {
                    self.message("testIgnored", at, &flow, &[("name", &name), ("message", &message)]);
                }
                ScenarioState::Failed | ScenarioState::Broken | ScenarioState::Unfinished => {
                    let details = case::explanation(&self.run.started, record, state);
                    let mut values = vec![("name", &*name), ("message", &message), ("details", &details)];
                    let sides = comparison(record).map(|of| [&of.expected, &of.actual].map(|side| visible(side)));
                    if let Some([expected, actual]) = &sides {
                        values.extend([("type", "comparisonFailure"), ("expected", expected), ("actual", actual)]);
                    }
                    self.message("testFailed", at, &flow, &values);
                }
            }
            let took = finished.map_or(at.saturating_sub(record.began), |finished| finished.took);
            self.message("testFinished", at, &flow, &[("name", &name), ("duration", &took.as_millis().to_string())]);
            self.message("flowFinished", at, &flow, &[]);
            self.running.remove(&attempt);
        }
        if finished.is_some_and(|finished| !finished.is_retried) {
            self.end_scenario(document, at);
        }
    }

    /// Ends the suite after its last scenario.
    fn end_scenario(&mut self, document: usize, at: Duration) {
        let Some(open) = self.open.get_mut(&document) else { return };
        *open = open.saturating_sub(1);
        if *open == 0 {
            self.open.remove(&document);
            self.end_suite(document, at);
        }
    }

    fn end_suite(&mut self, document: usize, at: Duration) {
        if let Some((number, message)) = self.unrun.remove(&document) {
            self.begin_suite(document, at);
            let message = case::unrun_message(number, &message);
            let values = [("name", case::UNRUN_REPETITIONS), ("message", &*message)];
            self.message("testIgnored", at, &document_flow(document), &values);
        }
        if self.begun.contains(&document) {
            let name = self.names.document(document).to_owned();
            self.message("testSuiteFinished", at, &document_flow(document), &[("name", &name)]);
        }
    }

    fn end(&mut self, at: Duration) {
        for record in self.records.rest() {
            self.end_test(&record, at);
        }
        for document in std::mem::take(&mut self.open).into_keys() {
            self.end_suite(document, at);
        }
        let summary = &self.run.summary;
        let problem = match (summary.finished, summary.interrupted) {
            (false, _) => "greenroom: the run did not end",
            (true, true) => "greenroom: the run was interrupted",
            (true, false) => return,
        };
        self.out.write(&format!("##teamcity[buildProblem description='{}']\n", escape(problem)));
    }
}

/// Returns the comparison that failed, if it is known which side was expected, and both are whole.
fn comparison(record: &ScenarioRecord) -> Option<&Comparison> {
    let failure = record.steps.iter().find_map(|step| step.failure.as_ref())?;
    let comparison = failure.comparison.as_deref()?;
    (comparison.relation == Relation::Is && !comparison.unordered).then_some(comparison)
}

/// Returns a side of a comparison without hidden characters, and not too long.
fn visible(text: &str) -> String {
    case::visible(&text.chars().take(COMPARISON).collect::<String>())
}

fn document_flow(document: usize) -> String {
    format!("document-{}", document + 1)
}

fn flow(attempt: Attempt) -> String {
    format!("scenario-{}-{}", attempt.index + 1, attempt.number)
}

/// Escapes a value.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => escaped.push_str("||"),
            '\'' => escaped.push_str("|'"),
            '[' => escaped.push_str("|["),
            ']' => escaped.push_str("|]"),
            '\n' => escaped.push_str("|n"),
            '\r' => escaped.push_str("|r"),
            c if c.is_ascii() => escaped.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "|0x{unit:04X}");
                }
            }
        }
    }
    escaped
}

impl<W: Write> Sink for TeamcityReporter<W> {
    fn push(&mut self, event: &Event) {
        self.run.summary.fold(event);
        match &event.kind {
            EventKind::RunStarted(started) => {
                self.run.started = started.clone();
                self.begin();
            }
            EventKind::RunFinished { .. } => self.end(event.at),
            EventKind::ScenarioStarted => {
                let _ = self.records.push(event);
                if let Some(attempt) = event.scenario {
                    self.begin_test(attempt, event.at);
                }
            }
            _ => {
                if let Some(record) = self.records.push(event) {
                    self.end_test(&record, event.at);
                }
            }
        }
    }

    fn is_deserted(&self) -> bool {
        self.out.is_deserted()
    }
}

impl<W: Write> Reporter for TeamcityReporter<W> {
    fn cut_short(&mut self, _goes_on: bool) {
        self.end(self.run.summary.took);
    }

    fn error(&self) -> Option<&io::Error> {
        self.out.error.as_ref()
    }
}
