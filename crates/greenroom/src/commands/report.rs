//! `greenroom report`: shows a recorded run.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use greenroom_event::recording::{self, RecordingError};
use greenroom_event::{Event, Sink};
use greenroom_report::{Options, Tee, Terminal, TerminalReporter};

use crate::detail::Detail;
use crate::error::CommandError;
use crate::exit::{self, ExitCode};
use crate::output;
use crate::settings::Settings;

/// Show a run that `greenroom run --events` has recorded
///
/// The output and the exit code are those of the run.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Report {
    /// Recording of a run; - reads standard input
    #[arg(value_name = "EVENTS")]
    recording: PathBuf,
    #[command(flatten)]
    detail: Detail,
}

impl Report {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<ExitCode, CommandError> {
        let failed = |error| CommandError::Recording { path: self.recording.clone(), error };
        let (events, cut_short) = match self.read(settings) {
            Ok(events) => (events, None),
            Err(RecordingError::CutShort { line, events }) => {
                (events, Some(RecordingError::CutShort { line, events: Vec::new() }))
            }
            Err(error) => return Err(failed(error)),
        };
        let terminal = Terminal { live: false, ..settings.stdout };
        let options = Options { verbosity: self.detail.verbosity() };
        let mut reporter = TerminalReporter::new(io::stdout().lock(), terminal, options);
        let mut tee = Tee::new([&mut reporter as &mut dyn Sink]);
        for event in &events {
            tee.push(event);
        }
        let verdict = tee.into_summary().verdict();
        if cut_short.is_some() {
            reporter.cut_short();
        }
        output::printed(reporter.finish())?;
        cut_short.map_or_else(|| Ok(verdict.into()), |error| Err(failed(error)))
    }

    fn read(&self, settings: &Settings) -> Result<Vec<Event>, RecordingError> {
        if self.recording == Path::new("-") {
            return recording::read(io::stdin().lock());
        }
        let file = File::open(settings.directory.join(&self.recording)).map_err(RecordingError::Io)?;
        recording::read(BufReader::new(file))
    }
}
