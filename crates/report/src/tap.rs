//! A run in version 14 of the Test Anything Protocol: a test per document, a subtest per scenario.
//!
//! Results come in reading order, each as soon as those before it are known. What a point says about
//! a failure is YAML whose values are JSON, so that no text can end it or be taken for a point.
//!
//! The plan of a subtest with repetitions comes after its points, because those that were not run share
//! one point.

use std::fmt::Write as _;
use std::io::{self, Write};

use greenroom_event::{Event, EventKind, Sink};
use serde_json::Value;

use crate::attempts::Details;
use crate::case::{self, Names};
use crate::explanation;
use crate::output::Output;
use crate::reporter::Reporter;
use crate::run_record::{RunRecord, ScenarioState};

/// Writes a run as TAP.
pub(crate) struct TapReporter<W: Write> {
    out: Output<W>,
    record: RunRecord,
    names: Names,
    /// Documents with scenarios: their index and their scenarios.
    documents: Vec<(usize, Vec<usize>)>,
    /// The document and the scenario in it that come next.
    next: (usize, usize),
    /// Points of the open subtest that are written.
    points: usize,
}

impl<W: Write> TapReporter<W> {
    pub(crate) fn new(out: W) -> Self {
        let (record, names) = (RunRecord::new(Details::OfFailures), Names::default());
        Self { out: Output::new(out), record, names, documents: Vec::new(), next: (0, 0), points: 0 }
    }

    fn begin(&mut self) {
        let outline = &self.record.started.outline;
        self.names = Names::of(&self.record.started);
        let scenarios = |document| self.record.scenarios_of(document).map(|(index, _)| index).collect();
        let all = (0..outline.documents.len()).map(|document| (document, scenarios(document)));
        self.documents = all.filter(|(_, scenarios): &(usize, Vec<usize>)| !scenarios.is_empty()).collect();
        let plan = match self.documents.len() {
            0 => "1..0 # SKIP no scenarios".to_owned(),
            many => format!("1..{many}"),
        };
        self.out.write(&format!("TAP version 14\n{plan}\n"));
    }

    /// Writes the results that are known; all of them if the run is over.
    fn advance(&mut self, is_over: bool) {
        let mut text = String::new();
        while let Some((document, scenarios)) = self.documents.get(self.next.0) {
            let name = escape(self.names.document(*document));
            let Some(&scenario) = scenarios.get(self.next.1) else {
                self.end_subtest(&mut text, *document, scenarios);
                let failed = scenarios.iter().any(|&scenario| self.record.state(scenario).is_failure());
                let number = self.next.0 + 1;
                let all = scenarios.iter().all(|&scenario| self.record.state(scenario) == ScenarioState::Skipped);
                let skip = if all { " # SKIP no scenario was run" } else { "" };
                let _ = writeln!(text, "{} {number} - {name}{skip}", if failed { "not ok" } else { "ok" });
                self.next = (self.next.0 + 1, 0);
                self.points = 0;
                continue;
            };
            let end = self.record.deciding_end(scenario).filter(|end| end.outcome.is_some());
            if !is_over && end.is_none_or(|end| end.is_retried) {
                break;
            }
            if self.next.1 == 0 {
                let _ = writeln!(text, "# Subtest: {name}");
                if !self.is_repeated(scenarios) {
                    let _ = writeln!(text, "    1..{}", scenarios.len());
                }
            }
            if !case::is_unrun_repetition(&self.record, scenario) {
                self.points += 1;
                self.point(&mut text, self.points, scenario);
            }
            self.next.1 += 1;
        }
        self.out.write(&text);
    }

    fn is_repeated(&self, scenarios: &[usize]) -> bool {
        let outline = &self.record.started.outline.scenarios;
        scenarios.iter().any(|&index| outline.get(index).is_some_and(|scenario| scenario.repetition.is_some()))
    }

    /// Writes what a subtest with repetitions has after its points.
    fn end_subtest(&self, text: &mut String, document: usize, scenarios: &[usize]) {
        if !self.is_repeated(scenarios) {
            return;
        }
        let mut points = self.points;
        if let Some(message) = case::unrun_repetitions(&self.record, document) {
            points += 1;
            let _ = writeln!(text, "    ok {points} - {} # SKIP {}", case::UNRUN_REPETITIONS, escape(&message));
        }
        let _ = writeln!(text, "    1..{points}");
    }

    fn point(&self, text: &mut String, number: usize, index: usize) {
        let Some(scenario) = self.record.started.outline.scenarios.get(index) else { return };
        let state = self.record.state(index);
        let attempts = self.record.attempts(index);
        let deciding = attempts.last().map(|attempt| &**attempt);
        let name = escape(self.names.scenario(index));
        let word = if state.is_failure() { "not ok" } else { "ok" };
        let message = case::message(scenario, deciding, state);
        let skip =
            if state == ScenarioState::Skipped { format!(" # SKIP {}", escape(&message)) } else { String::new() };
        let _ = writeln!(text, "    {word} {number} - {name}{skip}");
        let mut facts: Vec<(&str, Value)> = Vec::new();
        if state.is_failure() {
            let place = explanation::failed_at(scenario, deciding);
            let file = case::path(self.record.started.origin.as_ref(), &place.file);
            facts.push(("message", message.into()));
            facts.push(("severity", if state == ScenarioState::Failed { "fail" } else { "error" }.into()));
            facts.push(("type", case::kind(deciding).into()));
            facts.push(("file", file.into()));
            facts.push(("line", place.line.into()));
        }
        if state == ScenarioState::Flaky {
            facts.push(("flaky", true.into()));
        }
        if attempts.len() > 1 {
            facts.push(("attempts", attempts.len().into()));
        }
        if let Some(finished) = deciding.and_then(|record| record.finished.as_ref().filter(|_| record.started)) {
            let micros = u32::try_from(finished.took.as_micros()).map_or(f64::from(u32::MAX), f64::from);
            facts.push(("duration_ms", (micros / 1000.0).into()));
        }
        let explained = match state {
            ScenarioState::Flaky => attempts.first().map(|attempt| &**attempt),
            state if state.is_failure() => deciding,
            _ => None,
        };
        if let Some(record) = explained {
            facts.push(("explanation", case::explanation(&self.record.started, record, state).into()));
        }
        if !facts.is_empty() {
            let _ = writeln!(text, "      ---");
            for (key, value) in facts {
                let _ = writeln!(text, "      {key}: {value}");
            }
            let _ = writeln!(text, "      ...");
        }
    }

    fn end(&mut self) {
        self.record.close();
        self.advance(true);
        if !self.record.ended {
            self.out.write("Bail out! the run did not end\n");
        } else if self.record.summary.interrupted {
            self.out.write("Bail out! the run was interrupted\n");
        }
    }
}

/// Escapes the two characters that mean something in a description.
fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('#', r"\#")
}

impl<W: Write> Sink for TapReporter<W> {
    fn push(&mut self, event: &Event) {
        self.record.push(event);
        match &event.kind {
            EventKind::RunStarted(_) => self.begin(),
            EventKind::RunFinished { .. } => self.end(),
            EventKind::ScenarioFinished(_) => self.advance(false),
            _ => {}
        }
    }

    fn is_deserted(&self) -> bool {
        self.out.is_deserted()
    }
}

impl<W: Write> Reporter for TapReporter<W> {
    fn cut_short(&mut self, _goes_on: bool) {
        self.end();
    }

    fn error(&self) -> Option<&io::Error> {
        self.out.error.as_ref()
    }
}
