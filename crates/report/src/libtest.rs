//! A run in the formats of Rust's test harness: its JSON, and its log file.
//!
//! Editors and services read the JSON, one object a line, with the fields and the order in which libtest
//! writes them. A scenario is a test by its name; what libtest calls the output of a test is the
//! explanation of the failure, or what the steps printed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use greenroom_event::{Event, EventKind, Outcome, Outline, Sink};
use serde_json::Value;

use crate::attempts::Details;
use crate::case;
use crate::output::Output;
use crate::records::ScenarioRecord;
use crate::reporter::Reporter;
use crate::run_record::{RunRecord, ScenarioState};

/// A test that takes longer than this is reported as slow.
const SLOW: Duration = Duration::from_mins(1);

/// How much of a test's output an event has, in bytes.
const OUTPUT: usize = 1 << 20;

/// What a run of tests has besides the scenarios that run.
#[derive(Debug, Clone, Default)]
pub struct LibtestOptions {
    /// Whether passed tests have their output.
    pub shows_output: bool,
    /// Whether tests have their time.
    pub reports_time: bool,
    /// Tests that are ignored.
    pub ignored: Vec<String>,
    /// How many tests the filters leave out.
    pub filtered_out: usize,
}

/// Writes a run as the JSON of Rust's test harness.
pub struct LibtestReporter<W: Write> {
    out: Output<W>,
    options: LibtestOptions,
    record: RunRecord,
    /// Tests that run, with when they began and whether they were reported as slow.
    running: BTreeMap<usize, (Duration, bool)>,
    passed: usize,
    failed: usize,
    now: Duration,
}

impl<W: Write> LibtestReporter<W> {
    /// Creates a reporter that writes there.
    pub fn new(out: W, options: LibtestOptions) -> Self {
        Self {
            out: Output::new(out),
            options,
            record: RunRecord::new(Details::OfFailures),
            running: BTreeMap::new(),
            passed: 0,
            failed: 0,
            now: Duration::ZERO,
        }
    }

    fn begin(&mut self) {
        let count = self.record.started.outline.scenarios.len() + self.options.ignored.len();
        let mut start = vec![("type", "suite".into()), ("event", "started".into()), ("test_count", count.into())];
        if let Some(seed) = self.record.started.shuffle {
            start.push(("shuffle_seed", seed.into()));
        }
        self.write(&start);
        for name in std::mem::take(&mut self.options.ignored) {
            self.write(&started(&name));
            self.write(&[("type", "test".into()), ("name", name.clone().into()), ("event", "ignored".into())]);
            self.options.ignored.push(name);
        }
    }

    fn start(&mut self, scenario: usize, at: Duration) {
        if self.running.insert(scenario, (at, false)).is_none() {
            let name = name(&self.record.started.outline, scenario);
            self.write(&started(&name));
        }
    }

    fn end_test(&mut self, scenario: usize) {
        let Some(attempt) = self.record.deciding(scenario) else { return };
        let Some(finished) = attempt.finished.as_ref().filter(|finished| !finished.is_retried) else { return };
        let state = ScenarioState::of(&attempt);
        let mut output = None;
        let (event, message) = match state {
            ScenarioState::Skipped if !attempt.started => return,
            // The harness of Rust has no tests that are stopped.
            ScenarioState::Skipped => ("ignored", Some("stopped with the run")),
            state if state.is_failure() => {
                output = Some(case::explanation(&self.record.started, &attempt, state));
                self.failed += 1;
                ("failed", None)
            }
            _ => {
                output = Some(printed(&attempt)).filter(|text| self.options.shows_output && !text.is_empty());
                self.passed += 1;
                ("ok", None)
            }
        };
        let name = name(&self.record.started.outline, scenario);
        let mut fields: Vec<(&str, Value)> =
            vec![("type", "test".into()), ("name", name.into()), ("event", event.into())];
        if self.options.reports_time {
            fields.push(("exec_time", finished.took.as_secs_f64().into()));
        }
        fields.extend(message.map(|message| ("message", message.into())));
        fields.extend(output.map(|output| ("stdout", output.into())));
        self.running.remove(&scenario);
        self.write(&fields);
    }

    fn end(&mut self) {
        let is_whole = self.record.ended && !self.record.summary.interrupted;
        let event = if self.failed == 0 && is_whole { "ok" } else { "failed" };
        self.write(&[
            ("type", "suite".into()),
            ("event", event.into()),
            ("passed", self.passed.into()),
            ("failed", self.failed.into()),
            ("ignored", self.options.ignored.len().into()),
            ("measured", 0.into()),
            ("filtered_out", self.options.filtered_out.into()),
            ("exec_time", self.now.as_secs_f64().into()),
        ]);
    }

    fn report_slow(&mut self) {
        let now = self.now;
        let is_slow = |(began, is_reported): &(Duration, bool)| !is_reported && now.saturating_sub(*began) >= SLOW;
        let slow = self.running.iter_mut().filter(|(_, test)| is_slow(test));
        let slow: Vec<usize> = slow
            .map(|(&scenario, test)| {
                test.1 = true;
                scenario
            })
            .collect();
        for scenario in slow {
            let name = name(&self.record.started.outline, scenario);
            self.write(&[("type", "test".into()), ("event", "timeout".into()), ("name", name.into())]);
        }
    }

    fn write(&mut self, fields: &[(&str, Value)]) {
        self.out.write(&line(fields));
    }
}

/// Returns an object as the harness of Rust writes it, with its line end.
pub fn line(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
    format!("{{ {} }}\n", fields.join(", "))
}

fn started(name: &str) -> [(&'static str, Value); 3] {
    [("type", "test".into()), ("event", "started".into()), ("name", name.into())]
}

/// Returns the name of a scenario as a test. Repetitions have a number behind it.
fn name(outline: &Outline, scenario: usize) -> String {
    let Some(scenario) = outline.scenarios.get(scenario) else { return String::new() };
    let name = scenario.test.as_deref().unwrap_or(&scenario.title);
    match scenario.repetition {
        Some(number) if number > 1 => format!("{name} (repetition {number})"),
        _ => name.to_owned(),
    }
}

/// Returns what the steps of a passed attempt printed.
fn printed(attempt: &ScenarioRecord) -> String {
    case::outputs(attempt, OUTPUT).concat()
}

impl<W: Write> Sink for LibtestReporter<W> {
    fn push(&mut self, event: &Event) {
        self.record.push(event);
        self.now = event.at;
        match (&event.kind, event.scenario) {
            (EventKind::RunStarted(_), _) => self.begin(),
            (EventKind::ScenarioStarted, Some(attempt)) => self.start(attempt.index, event.at),
            (EventKind::ScenarioFinished(_), Some(attempt)) => self.end_test(attempt.index),
            (EventKind::RunFinished { .. }, _) => self.end(),
            _ => {}
        }
    }

    fn idle(&mut self, at: Duration) {
        self.now = at;
        self.report_slow();
    }

    fn is_deserted(&self) -> bool {
        self.out.is_deserted()
    }
}

impl<W: Write> Reporter for LibtestReporter<W> {
    fn cut_short(&mut self, _goes_on: bool) {
        self.end();
    }

    fn error(&self) -> Option<&io::Error> {
        self.out.error.as_ref()
    }
}

/// Writes a line for each test that ends, as `--logfile` of Rust's test harness: `ok NAME`.
pub struct LibtestLog<W: Write> {
    out: Output<W>,
    outline: Arc<Outline>,
    ignored: Vec<String>,
}

impl<W: Write> LibtestLog<W> {
    /// Creates a log that is written there. The ignored tests come first.
    pub fn new(out: W, ignored: Vec<String>) -> Self {
        Self { out: Output::new(out), outline: Arc::default(), ignored }
    }

    /// Returns the first write error.
    pub fn error(&self) -> Option<&io::Error> {
        self.out.error.as_ref()
    }
}

impl<W: Write> Sink for LibtestLog<W> {
    fn push(&mut self, event: &Event) {
        match (&event.kind, event.scenario) {
            (EventKind::RunStarted(run), _) => {
                self.outline = Arc::clone(&run.outline);
                for name in &self.ignored {
                    self.out.write(&format!("ignored {name}\n"));
                }
            }
            (EventKind::ScenarioFinished(finished), Some(attempt)) if !finished.is_retried => {
                let word = match finished.outcome {
                    Outcome::Passed => "ok",
                    Outcome::Failed | Outcome::Broken => "failed",
                    Outcome::Skipped => return,
                };
                self.out.write(&format!("{word} {}\n", name(&self.outline, attempt.index)));
            }
            _ => {}
        }
    }
}
