//! The reports that `run` writes to files: an option and a file for each row of [`FORMATS`].

use std::fs::{File, canonicalize};
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use greenroom_doc::Plan;
use greenroom_event::Sink;
use greenroom_report::{FORMATS, Format};

use crate::error::CommandError;
use crate::screen::Screen;
use crate::settings::Settings;

/// The formats that the command line asks for, and their files.
#[derive(Debug)]
pub(crate) struct ReportFiles(Vec<(&'static Format, PathBuf)>);

impl FromArgMatches for ReportFiles {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let file = |format: &'static Format| Some((format, matches.get_one::<PathBuf>(format.option)?.clone()));
        Ok(Self(FORMATS.iter().filter_map(file).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ReportFiles {
    fn augment_args(command: Command) -> Command {
        FORMATS.iter().fold(command, |command, format| {
            let parser = PathBufValueParser::new().try_map(not_standard_output);
            let option = Arg::new(format.option).long(format.option).value_name("FILE");
            command.arg(option.help(format.help).value_parser(parser))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn not_standard_output(path: PathBuf) -> Result<PathBuf, &'static str> {
    if path == Path::new("-") { Err("standard output shows the run; expected the name of a file") } else { Ok(path) }
}

impl ReportFiles {
    /// Returns whether no report is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Opens the files, before anything runs.
    pub(crate) fn open(&self, plan: &Plan, settings: &Settings) -> Result<Vec<FileReport>, CommandError> {
        self.0.iter().map(|(format, path)| FileReport::open(format, path, plan, settings)).collect()
    }
}

/// A report that is written to a file.
pub(crate) struct FileReport {
    sink: Box<dyn Sink>,
    output: Screen,
    path: PathBuf,
}

impl FileReport {
    fn open(format: &Format, path: &Path, plan: &Plan, settings: &Settings) -> Result<Self, CommandError> {
        let full = settings.directory.join(path);
        let is_same = |document: &str| canonicalize(settings.directory.join(document)).ok() == canonicalize(&full).ok();
        if full.exists() && plan.documents.iter().any(|document| is_same(&document.path)) {
            let message = format!("--{} {} would overwrite a document", format.option, path.display());
            return Err(CommandError::Usage(vec![message]));
        }
        let failed = |error| CommandError::system(format!("write {}", path.display()), &error);
        let output = File::create(full).and_then(Screen::new).map_err(failed)?;
        Ok(Self { sink: (format.create)(Box::new(output.clone())), output, path: path.to_owned() })
    }

    pub(crate) fn sink(&mut self) -> &mut dyn Sink {
        &mut *self.sink
    }

    pub(crate) fn output(&self) -> &Screen {
        &self.output
    }

    /// Returns why the file is incomplete, if it is.
    pub(crate) fn error(&self) -> Option<CommandError> {
        let error = self.output.error()?;
        Some(CommandError::system(format!("write {}", self.path.display()), &error))
    }
}
