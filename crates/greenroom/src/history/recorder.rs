//! Records a run while it goes on: at its start, what it is about to run; at its end, the results.

use std::collections::HashMap;
use std::sync::Arc;

use greenroom_event::{Attempt, Event, EventKind, Outcome, Outline, ScenarioFinished, Sink};

use super::RecordedDocument;
use super::store::Store;
use greenroom_event::history::{DocumentRecord, Durations, LastOutcome, ScenarioResult};

/// Records a run.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    store: &'a Store,
    documents: &'a [RecordedDocument],
    /// The scenarios of the run, each once.
    scenarios: Vec<RunningScenario>,
    /// Which of them each entry of the outline is.
    entries: Vec<u32>,
    warnings: Vec<String>,
}

/// A scenario of the run.
#[derive(Debug)]
struct RunningScenario {
    document: usize,
    title: Arc<str>,
    /// Missing as long as no repetition of it has ended.
    result: Option<ScenarioResult>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(store: &'a Store, documents: &'a [RecordedDocument]) -> Self {
        Self { store, documents, scenarios: Vec::new(), entries: Vec::new(), warnings: Vec::new() }
    }

    /// Shows why the run is not recorded, if it is not.
    pub(crate) fn report(&self) {
        super::warn(&self.warnings);
    }

    fn begin(&mut self, outline: &Outline) {
        let mut known: HashMap<(usize, &str), u32> = HashMap::new();
        for scenario in &outline.scenarios {
            let at = *known.entry((scenario.document, &*scenario.title)).or_insert_with(|| {
                self.scenarios.push(RunningScenario {
                    document: scenario.document,
                    title: Arc::clone(&scenario.title),
                    result: None,
                });
                u32::try_from(self.scenarios.len() - 1).unwrap_or(u32::MAX)
            });
            self.entries.push(at);
        }
        self.update(|record, document, scenarios| {
            let selected = scenarios.iter().map(|scenario| &*scenario.title);
            record.begin(&document.path.display().to_string(), &document.scenarios, selected);
        });
    }

    fn take(&mut self, attempt: Attempt, finished: &ScenarioFinished) {
        if finished.is_retried {
            return;
        }
        let Some(scenario) = self.entries.get(attempt.index).and_then(|&at| self.scenarios.get_mut(at as usize)) else {
            return;
        };
        let outcome = match finished.outcome {
            Outcome::Passed => LastOutcome::Passed,
            Outcome::Skipped => LastOutcome::Unfinished,
            Outcome::Failed | Outcome::Broken => LastOutcome::Failed,
        };
        let result = scenario.result.get_or_insert(ScenarioResult { outcome, took: Durations::default() });
        result.outcome = result.outcome.max(outcome);
        if outcome == LastOutcome::Passed {
            result.took.push(finished.took);
        }
    }

    fn end(&mut self) {
        self.update(|record, document, scenarios| {
            for scenario in scenarios {
                if let Some(result) = &scenario.result {
                    record.end(&scenario.title, &document.scenarios, result);
                }
            }
        });
    }

    /// Changes the record of each document that has scenarios in the run.
    fn update(&mut self, change: impl Fn(&mut DocumentRecord, &RecordedDocument, &[RunningScenario])) {
        // Once is enough to say that runs cannot be recorded.
        if !self.warnings.is_empty() {
            return;
        }
        let documents = self.scenarios.chunk_by(|one, other| one.document == other.document);
        let changes =
            documents.filter_map(|scenarios| Some((self.documents.get(scenarios.first()?.document)?, scenarios)));
        let changes = changes.map(|(document, scenarios)| {
            let change = &change;
            (document.path.as_path(), move |record: &mut DocumentRecord| change(record, document, scenarios))
        });
        let mut warnings = Vec::new();
        if let Err(error) = self.store.update(changes, &mut warnings) {
            warnings.push(format!("this run is not recorded: {error}\n  help: `--no-record` runs without records"));
        }
        self.warnings = warnings;
    }
}

impl Sink for Recorder<'_> {
    fn push(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted(run) => self.begin(&run.outline),
            EventKind::ScenarioFinished(finished) => {
                if let Some(attempt) = event.scenario {
                    self.take(attempt, finished);
                }
            }
            EventKind::RunFinished { .. } => self.end(),
            _ => {}
        }
    }
}
