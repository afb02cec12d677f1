//! `greenroom report`: shows recorded runs, merged into one if there are several.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use greenroom_event::{Event, EventKind, Merge, RunEnd, Sink};
use greenroom_report::merge;
use greenroom_report::{Options, Tee, Terminal, TerminalFormat};

use crate::detail::Detail;
use crate::error::CommandError;
use crate::exit::{self, ExitCode};
use crate::format::{self, FormatOption};
use crate::output;
use crate::pages::PageOutput;
use crate::recordings::{self, Incomplete};
use crate::reports::ReportFiles;
use crate::settings::Settings;

/// Show runs that `greenroom run --events` has recorded
///
/// The output and the exit code of a single recording are those of the run. Several recordings are
/// merged: the partitions of a run on several machines, and reruns of failed scenarios. Partitions
/// that are missing or do not belong together are named, and lead to exit code 2.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Report {
    /// Recordings of runs; - reads standard input
    #[arg(value_name = "EVENTS", required = true)]
    recordings: Vec<PathBuf>,
    /// Name recordings that are missing or do not fit together, but let the scenarios alone decide
    /// the exit code
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    format: FormatOption,
    #[command(flatten)]
    reports: ReportFiles,
    #[command(flatten)]
    pages: PageOutput,
    #[command(flatten)]
    detail: Detail,
}

impl Report {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<ExitCode, CommandError> {
        let (recordings, incomplete) = recordings::read(&self.recordings, settings)?;
        let events = merge::merge(recordings);
        let inputs = self.recordings.iter().map(|path| (path.clone(), "a recording".to_owned()));
        let mut inputs: Vec<_> = inputs.collect();
        let documents: Vec<&str> = documents(&events).collect();
        let pages = self.pages.check(&documents, &mut inputs, settings)?;
        let mut reports = self.reports.open(&inputs, settings)?;
        reports.add_pages(pages);
        if self.format.or(TerminalFormat::Human) == TerminalFormat::Github {
            reports.add_job_summary(settings);
        }
        let mut tee = Tee::new(reports.sinks());
        for event in &events {
            tee.push(event);
        }
        let summary = tee.into_summary();
        reports.finish(goes_on(&incomplete), None, settings);
        self.show(&events, &incomplete, settings)?;
        for screen in reports.outputs() {
            screen.finish();
        }
        let errors = reports.into_errors();
        errors.iter().for_each(CommandError::report);
        let is_whole = self.explain(merged(&events));
        for recording in &incomplete {
            recording.error.report();
        }
        Ok(if let Some(error) = errors.first() {
            error.exit_code()
        } else if is_whole {
            summary.verdict().into()
        } else {
            ExitCode::InvalidInput
        })
    }

    /// Writes the run as `greenroom run` does; several runs in reading order.
    fn show(&self, events: &[Event], incomplete: &[Incomplete], settings: &Settings) -> Result<(), CommandError> {
        let on_stderr = self.reports.take_standard_output();
        let terminal = if on_stderr { settings.stderr } else { settings.stdout };
        let out: Box<dyn Write> = if on_stderr { Box::new(io::stderr()) } else { Box::new(io::stdout().lock()) };
        let options = Options { verbosity: self.detail.verbosity(), shows_output: false };
        let format = self.format.or(TerminalFormat::Human);
        let mut reporter = format::reporter(format, out, Terminal { live: false, ..terminal }, options);
        let order: Vec<&Event> = match merged(events) {
            Some(_) => merge::in_reading_order(events).collect(),
            None => events.iter().collect(),
        };
        for event in order {
            reporter.push(event);
        }
        let is_ended = matches!(events.last(), Some(Event { kind: EventKind::RunFinished { .. }, .. }));
        if !is_ended {
            reporter.cut_short(goes_on(incomplete));
        }
        output::printed(reporter.error().map_or(Ok(()), |error| Err(output::copy(error)))).map(drop)
    }

    /// Names what is missing or does not fit. Returns whether that is acceptable.
    fn explain(&self, merge: Option<&Merge>) -> bool {
        let problems = merge.map_or(&[][..], |merge| &merge.problems);
        let mut stderr = io::stderr();
        for problem in problems {
            let _ = writeln!(stderr, "greenroom: {}", merge::explain(problem));
        }
        let is_accepted = problems.is_empty() || self.allow_missing;
        if !is_accepted {
            let _ = writeln!(stderr, "  help: `--allow-missing` lets the scenarios alone decide the exit code");
        }
        is_accepted
    }
}

/// Returns the paths of the documents.
fn documents(events: &[Event]) -> impl Iterator<Item = &str> {
    let outline = match events.first().map(|event| &event.kind) {
        Some(EventKind::RunStarted(started)) => Some(&started.outline),
        _ => None,
    };
    outline.into_iter().flat_map(|outline| outline.documents.iter().map(|document| &*document.path))
}

/// Returns whether a run was still going on when its recording was read.
fn goes_on(incomplete: &[Incomplete]) -> bool {
    incomplete.iter().any(|recording| recording.end == RunEnd::GoesOn)
}

fn merged(events: &[Event]) -> Option<&Merge> {
    match &events.first()?.kind {
        EventKind::RunStarted(started) => started.merge.as_ref(),
        _ => None,
    }
}
