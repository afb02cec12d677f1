//! What greenroom remembers of earlier runs: how scenarios ended, and how long they took.
//!
//! Later runs start the slowest scenarios first, and `--rerun failed` runs those that did not pass.
//! `store` keeps a file for each document below the user's state directory, `greenroom_event::history` has
//! the rules about its content, and `recorder` writes it while scenarios run. Records are a convenience: if they
//! cannot be read or written, that is a warning, and the run goes on without them.

mod hashes;
mod recorder;
mod store;

use std::fs::canonicalize;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use greenroom_doc::Loaded;
use greenroom_report::words;

use crate::error::CommandError;
use crate::settings::Settings;
use greenroom_event::history::{DocumentRecord, TextHashes};
use hashes::DocumentHashes;
pub(crate) use recorder::Recorder;
use store::Store;

/// The arguments about earlier runs.
#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// Run only those of the selected scenarios that did not pass in their last run
    #[arg(long, value_name = "WHICH")]
    rerun: Option<Rerun>,
    /// Do not record this run for later ones
    ///
    /// By default greenroom records how each scenario ended and how long it took, below
    /// `$XDG_STATE_HOME/greenroom` or `~/.local/state/greenroom`. --rerun needs that, and runs of many
    /// scenarios start the slowest first.
    #[arg(long)]
    no_record: bool,
}

/// Which scenarios to run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rerun {
    /// Those that failed or did not end, that never ran, and that have changed since they passed
    Failed,
}

/// The records of the documents of a run.
#[derive(Debug)]
pub(crate) struct History {
    store: Option<Store>,
    /// In the order of the plan.
    documents: Vec<RecordedDocument>,
    is_rerun: bool,
    is_recorded: bool,
}

/// A document, and what is recorded of it.
#[derive(Debug)]
struct RecordedDocument {
    path: PathBuf,
    /// A hash of the text of each scenario.
    scenarios: TextHashes,
    record: DocumentRecord,
}

/// The scenarios of a run, as far as earlier runs decide.
#[derive(Debug)]
pub(crate) struct Selection {
    /// As indices into the plan.
    pub(crate) chosen: Vec<usize>,
    /// How many selected scenarios do not run because they passed in their last run.
    pub(crate) passed_earlier: usize,
    /// How many did not pass in their last run, and are not selected.
    not_selected: usize,
}

impl HistoryArguments {
    /// Reads the records of the documents.
    pub(crate) fn read(&self, loaded: &Loaded, settings: &Settings) -> Result<History, CommandError> {
        let store = settings.state.as_ref().map(|directory| Store::new(directory));
        if self.rerun.is_some() && store.is_none() {
            let message = "there are no records of earlier runs: neither XDG_STATE_HOME nor HOME is an absolute path";
            return Err(CommandError::Directory(message.to_owned()));
        }
        let path = |path: &str| {
            let path = settings.directory.join(path);
            canonicalize(&path).unwrap_or(path)
        };
        let paths: Vec<PathBuf> = loaded.plan.documents.iter().map(|document| path(&document.path)).collect();
        let mut warnings = Vec::new();
        let records = match &store {
            Some(store) => store.read(&paths, !self.no_record, &mut warnings),
            None => paths.iter().map(|_| DocumentRecord::default()).collect(),
        };
        warn(&warnings);
        let mut documents: Vec<RecordedDocument> = paths
            .into_iter()
            .zip(records)
            .map(|(path, record)| RecordedDocument { path, scenarios: TextHashes::new(), record })
            .collect();
        let hashes: Vec<DocumentHashes<'_>> = loaded.plan.documents.iter().map(DocumentHashes::new).collect();
        // Only the order of scenarios does not need them.
        let need_hashes = self.rerun.is_some() || !self.no_record;
        for scenario in loaded.plan.scenarios.iter().filter(|_| need_hashes) {
            let hash = hashes[scenario.document].of_scenario(scenario);
            documents[scenario.document].scenarios.insert(Arc::clone(&scenario.title), hash);
        }
        Ok(History { store, documents, is_rerun: self.rerun.is_some(), is_recorded: !self.no_record })
    }
}

impl History {
    /// Returns those of the selected scenarios that are to run.
    pub(crate) fn select(&self, loaded: &Loaded, selected: Vec<usize>) -> Selection {
        if !self.is_rerun {
            return Selection { chosen: selected, passed_earlier: 0, not_selected: 0 };
        }
        let is_outstanding = |&at: &usize| {
            let scenario = &loaded.plan.scenarios[at];
            let document = &self.documents[scenario.document];
            document.record.is_outstanding(&scenario.title, document.scenarios[&*scenario.title])
        };
        let outstanding = (0..loaded.plan.scenarios.len()).filter(is_outstanding).count();
        let before = selected.len();
        let chosen: Vec<usize> = selected.into_iter().filter(is_outstanding).collect();
        Selection { passed_earlier: before - chosen.len(), not_selected: outstanding - chosen.len(), chosen }
    }

    /// Returns whether the run repeats what did not pass.
    pub(crate) fn is_rerun(&self) -> bool {
        self.is_rerun
    }

    /// Returns how long scenarios took in earlier runs, as far as that is recorded.
    pub(crate) fn durations(&self, loaded: &Loaded, chosen: &[usize]) -> Vec<Option<Duration>> {
        let scenarios = chosen.iter().map(|&at| &loaded.plan.scenarios[at]);
        scenarios.map(|scenario| self.documents[scenario.document].record.duration(&scenario.title)).collect()
    }

    /// Forgets what earlier runs left, which is read again when this one is recorded.
    pub(crate) fn forget(&mut self) {
        for document in &mut self.documents {
            document.record = DocumentRecord::default();
        }
    }

    /// Returns what records the run, unless it is not to be recorded.
    pub(crate) fn recorder(&self) -> Option<Recorder<'_>> {
        let store = self.store.as_ref().filter(|_| self.is_recorded)?;
        Some(Recorder::new(store, &self.documents))
    }
}

impl Selection {
    /// Says how many scenarios that did not pass are not in this run.
    pub(crate) fn report(&self) {
        if self.not_selected > 0 {
            let (have, are) = if self.not_selected == 1 { ("has", "is") } else { ("have", "are") };
            let scenarios = words::count(self.not_selected, "more scenario");
            let message = format!("greenroom: {scenarios} {have} not passed yet, but {are} not selected");
            let _ = writeln!(std::io::stderr(), "{message}");
        }
    }
}

/// Shows warnings about records.
fn warn(warnings: &[String]) {
    const MOST: usize = 3;
    let mut stderr = std::io::stderr();
    for warning in warnings.iter().take(MOST) {
        let _ = writeln!(stderr, "greenroom: warning: {warning}");
    }
    if warnings.len() > MOST {
        let _ = writeln!(stderr, "greenroom: and {} more warnings about records", warnings.len() - MOST);
    }
}
