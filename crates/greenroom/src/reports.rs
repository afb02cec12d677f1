//! The reports that are written to files: an option for each row of [`FORMATS`], and where it leads.
//!
//! Everything that can be known is checked before anything runs. A streaming report is written in
//! place, and empties its file only when its first event is ready. Any other report replaces its
//! file when the run is over. `-` is standard output.

use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use greenroom_doc::Loaded;
use greenroom_event::{Event, Sink};
use greenroom_report::{FORMATS, Format, RunRecord, Writing, github};

use crate::bazel::Bazel;
use crate::error::CommandError;
use crate::pages::Pages;
use crate::replace::{self, Replacement};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::spool;

/// The reports that the command line asks for.
#[derive(Debug, Clone)]
pub(crate) struct ReportFiles(Vec<Request>);

/// A report and its file.
#[derive(Debug, Clone)]
struct Request {
    format: &'static Format,
    file: PathBuf,
}

impl FromArgMatches for ReportFiles {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let requests = |format: &'static Format| {
            let files = matches.get_many::<PathBuf>(format.option).into_iter().flatten();
            files.map(move |file| Request { format, file: file.clone() })
        };
        Ok(Self(FORMATS.iter().flat_map(requests).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ReportFiles {
    fn augment_args(command: Command) -> Command {
        FORMATS.iter().fold(command, |command, format| {
            let option = Arg::new(format.option).long(format.option).value_name("FILE").action(ArgAction::Append);
            command.arg(option.help(format.help).value_parser(PathBufValueParser::new().map(standard_output)))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The name that stands for standard output.
pub(crate) const STANDARD_OUTPUT: &str = "-";

/// Replaces other names of standard output by `-`.
fn standard_output(file: PathBuf) -> PathBuf {
    let names = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
    if names.iter().any(|name| file == Path::new(name)) { STANDARD_OUTPUT.into() } else { file }
}

impl Request {
    fn is_standard_output(&self) -> bool {
        self.file == Path::new(STANDARD_OUTPUT)
    }

    /// Returns the option with its value, as the user wrote it.
    fn title(&self) -> String {
        format!("--{} {}", self.format.option, self.file.display())
    }
}

impl ReportFiles {
    /// Returns whether no report is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a report needs the texts of documents.
    pub(crate) fn need_texts(&self) -> bool {
        self.0.iter().any(|request| request.format.needs_texts)
    }

    /// Adds the reports that Bazel asks for, unless the command line has them.
    pub(crate) fn for_bazel(mut self, bazel: &Bazel) -> Self {
        let events = bazel.outputs.as_ref().map(|directory| directory.join("events.jsonl"));
        for (option, file) in [("junit", bazel.xml.clone()), ("events", events)] {
            let is_same = |request: &Request| request.format.option == option && Some(&request.file) == file.as_ref();
            let is_given = self.0.iter().any(is_same);
            let format = FORMATS.iter().find(|format| format.option == option);
            if let (Some(format), Some(file), false) = (format, file, is_given) {
                // An error shows when the file is opened.
                let _ = file.parent().map(fs::create_dir_all);
                self.0.push(Request { format, file });
            }
        }
        self
    }

    /// Returns whether a report takes standard output, so that the run is shown on standard error.
    pub(crate) fn take_standard_output(&self) -> bool {
        self.0.iter().any(Request::is_standard_output)
    }

    /// Checks and opens the files, before anything runs.
    ///
    /// `inputs` are files that must not be overwritten, each with what it is.
    pub(crate) fn open(&self, inputs: &[(PathBuf, String)], settings: &Settings) -> Result<Reports, CommandError> {
        let conflicts = self.conflicts(inputs, settings);
        if !conflicts.is_empty() {
            return Err(CommandError::Usage(conflicts));
        }
        let mut reports = Reports::default();
        let mut failures = Vec::new();
        for request in &self.0 {
            if let Err(error) = reports.add(request, settings) {
                failures.push(format!("failed to write {}: {error}", request.file.display()));
            }
        }
        if failures.is_empty() { Ok(reports) } else { Err(CommandError::Unwritable(failures)) }
    }

    /// Returns what is wrong with the files besides that they cannot be written.
    fn conflicts(&self, inputs: &[(PathBuf, String)], settings: &Settings) -> Vec<String> {
        let inputs: HashMap<Identity, &String> =
            inputs.iter().map(|(path, what)| (Identity::of(&settings.directory.join(path)), what)).collect();
        let output = fs::metadata("/dev/stdout").ok().filter(Metadata::is_file).map(|file| Identity::at(&file));
        let mut earlier: HashMap<Identity, &Request> = HashMap::new();
        let mut conflicts = Vec::new();
        for request in &self.0 {
            let identity = if request.is_standard_output() {
                Identity::StandardOutput
            } else {
                Identity::of(&settings.directory.join(&request.file))
            };
            if identity == Identity::Nothing {
                continue;
            }
            let title = request.title();
            if let Some(what) = inputs.get(&identity) {
                conflicts.push(format!("{title} would overwrite {what}"));
            } else if Some(&identity) == output.as_ref() {
                conflicts
                    .push(format!("{title} is also where standard output goes; write --{} -", request.format.option));
            } else if let Some(other) = earlier.get(&identity) {
                let place = if request.is_standard_output() { "standard output" } else { "the same file" };
                conflicts.push(format!("{} and {title} write to {place}; give each its own", other.title()));
            } else {
                earlier.insert(identity, request);
            }
        }
        conflicts
    }
}

/// By what two names of one file are recognized.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    StandardOutput,
    /// The null device, which any number of reports may be written to.
    Nothing,
    /// An existing file: its device and its number on it.
    File(u64, u64),
    /// A file that does not exist yet.
    Name(PathBuf),
}

impl Identity {
    fn of(path: &Path) -> Self {
        fs::metadata(path).map_or_else(|_| Self::Name(replace::resolve(path)), |file| Self::at(&file))
    }

    fn at(file: &Metadata) -> Self {
        let number = |file: &Metadata| (file.dev(), file.ino());
        match fs::metadata("/dev/null") {
            Ok(null) if number(&null) == number(file) => Self::Nothing,
            _ => Self::File(file.dev(), file.ino()),
        }
    }
}

/// Returns the files that documents were read from, with what they are.
pub(crate) fn inputs(loaded: &Loaded) -> Vec<(PathBuf, String)> {
    let files = loaded.sources.files().iter().filter(|file| !file.is_builtin);
    let is_document = |name: &str| loaded.plan.documents.iter().any(|document| document.path == name);
    let what = |name: &str| {
        if is_document(name) { "a document".to_owned() } else { format!("{name}, which a document uses") }
    };
    files.map(|file| (PathBuf::from(&file.name), what(&file.name))).collect()
}

/// The reports of a run, being written.
#[derive(Default)]
pub(crate) struct Reports {
    streaming: Vec<Streaming>,
    whole: Vec<Whole>,
    job_summary: Option<JobSummary>,
    pages: Option<Pages>,
    page_error: Option<CommandError>,
    /// What the reports are made from that are written at the end.
    record: RunRecord,
}

impl Reports {
    fn add(&mut self, request: &Request, settings: &Settings) -> io::Result<()> {
        let path = settings.directory.join(&request.file);
        match request.format.writing {
            Writing::Streaming(create) => {
                let output = if request.is_standard_output() {
                    Screen::new(io::stdout())?
                } else {
                    InPlace::open(&path)?.into_output()?
                };
                let sink = create(Box::new(output.clone()));
                self.streaming.push(Streaming { request: request.clone(), sink, output });
            }
            Writing::Whole(write) => {
                let destination = if request.is_standard_output() {
                    Destination::Screen(Screen::new(io::stdout())?)
                } else {
                    let file = Replacement::check(&path)?;
                    if file.is_special() {
                        Destination::Screen(Screen::new(InPlace::open(&path)?)?)
                    } else {
                        Destination::File(file)
                    }
                };
                self.whole.push(Whole { request: request.clone(), write, destination, error: None });
            }
        }
        Ok(())
    }

    /// Adds the summary of a GitHub job, if the environment names a file for it.
    pub(crate) fn add_job_summary(&mut self, settings: &Settings) {
        let file = settings.job_summary.as_ref().map(|file| settings.directory.join(file));
        self.job_summary = file.map(|file| JobSummary { file, error: None });
    }

    /// Adds pages of the documents.
    pub(crate) fn add_pages(&mut self, pages: Option<Pages>) {
        self.pages = pages;
    }

    /// Whether a report is made from what is known at the end of the run.
    fn needs_record(&self) -> bool {
        !self.whole.is_empty() || self.job_summary.is_some() || self.pages.is_some()
    }

    /// Keeps what these reports are made from in a file beside one of them, not in memory.
    pub(crate) fn spool(&mut self, settings: &Settings) {
        if !self.needs_record() {
            return;
        }
        let files = self.whole.iter().filter_map(|report| match &report.destination {
            Destination::File(file) => Some(file.target()),
            Destination::Screen(_) => None,
        });
        let files = files.chain(self.pages.iter().flat_map(Pages::files));
        let directories = files.filter_map(Path::parent).chain([settings.temporary.as_path()]);
        self.record = RunRecord::new(spool::details(directories));
    }

    /// Returns the sinks that the events of the run go to.
    pub(crate) fn sinks(&mut self) -> impl Iterator<Item = &mut dyn Sink> {
        let record = self.needs_record().then_some(&mut self.record as &mut dyn Sink);
        self.streaming.iter_mut().map(|report| report as &mut dyn Sink).chain(record)
    }

    /// Writes the reports that are written at the end of the run, or of its recording.
    ///
    /// `goes_on`: the recording ends because its run still goes on. `stop` becomes readable with the signals
    /// that stop greenroom, if it catches them already.
    pub(crate) fn finish(&mut self, goes_on: bool, stop: Option<BorrowedFd<'_>>, settings: &Settings) {
        self.record.close();
        self.record.summary.goes_on = goes_on;
        for report in &mut self.whole {
            report.finish(&self.record);
            // The details may take the space that it needs.
            if report.error.is_some() && self.record.leave_disk() {
                report.finish(&self.record);
            }
        }
        if let Some(summary) = &mut self.job_summary {
            summary.error = summary.append(&self.record).err();
        }
        if let Some(pages) = &self.pages {
            let write = |record: &RunRecord| pages.write(&record.started.outline, Some(record), stop, settings).err();
            self.page_error = write(&self.record);
            let is_full = matches!(&self.page_error, Some(CommandError::System { .. }));
            if is_full && self.record.leave_disk() {
                self.page_error = write(&self.record);
            }
        }
    }

    /// Returns the outputs to wait for.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Screen> {
        let whole = self.whole.iter().filter_map(|report| match &report.destination {
            Destination::Screen(output) => Some(output),
            Destination::File(_) => None,
        });
        self.streaming.iter().map(|report| &report.output).chain(whole)
    }

    /// Returns why reports are missing or incomplete.
    pub(crate) fn into_errors(self) -> Vec<CommandError> {
        let streaming =
            self.streaming.iter().filter_map(|report| Some((&report.request, report.output.error()?.to_string())));
        let whole = self.whole.iter().filter_map(|report| Some((&report.request, report.error()?)));
        let action = |request: &Request| format!("write {}", request.file.display());
        let files = streaming.chain(whole).map(|(request, error)| CommandError::system(action(request), &error));
        let summary = self.job_summary.as_ref().and_then(|summary| Some((summary, summary.error.as_ref()?)));
        let summary = summary.map(|(summary, error)| {
            CommandError::system(format!("write the job summary {}", summary.file.display()), error)
        });
        files.chain(summary).chain(self.page_error).collect()
    }
}

/// A report that is written while the scenarios run.
struct Streaming {
    request: Request,
    sink: Box<dyn Sink>,
    output: Screen,
}

impl Sink for Streaming {
    fn push(&mut self, event: &Event) {
        self.sink.push(event);
    }

    /// Returns whether the reader of standard output is gone; one of a file does not end the run.
    fn is_deserted(&self) -> bool {
        self.request.is_standard_output() && self.output.is_closed()
    }
}

/// A report that is written at the end of the run.
struct Whole {
    request: Request,
    write: fn(&RunRecord, &mut dyn Write) -> io::Result<()>,
    destination: Destination,
    error: Option<io::Error>,
}

/// Where a report goes that is written at the end of the run.
enum Destination {
    File(Replacement),
    /// Standard output, a device or a pipe, whose reader must not block the end of the run.
    Screen(Screen),
}

impl Whole {
    fn finish(&mut self, record: &RunRecord) {
        let written = match &mut self.destination {
            Destination::File(file) => file.write(|to| {
                (self.write)(record, to)?;
                spool::check(record)
            }),
            Destination::Screen(output) => {
                let mut output = BufWriter::new(output);
                (self.write)(record, &mut output).and_then(|()| output.flush()).and_then(|()| spool::check(record))
            }
        };
        self.error = written.err();
    }

    fn error(&self) -> Option<String> {
        let output = match &self.destination {
            Destination::Screen(output) => output.error().map(|error| error.to_string()),
            Destination::File(_) => None,
        };
        output.or_else(|| self.error.as_ref().map(ToString::to_string))
    }
}

/// The summary of a GitHub job: a file that all commands of a step append to.
struct JobSummary {
    file: PathBuf,
    error: Option<io::Error>,
}

/// Bytes of a summary. GitHub shows none that is longer than 1 MiB.
const JOB_SUMMARY: u64 = 900 << 10;

impl JobSummary {
    fn append(&self, record: &RunRecord) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.file)?;
        let left = JOB_SUMMARY.saturating_sub(file.metadata()?.len());
        let text = github::summary(record, usize::try_from(left).unwrap_or(0));
        spool::check(record)?;
        file.write_all(text.as_bytes())
    }
}

/// A file that is written in place, and emptied or created only by the first write.
struct InPlace {
    path: PathBuf,
    file: Option<File>,
}

impl InPlace {
    fn open(path: &Path) -> io::Result<Self> {
        let checked = Replacement::check(path)?;
        // Waits for the reader of a named pipe.
        let file = checked.is_special().then(|| OpenOptions::new().write(true).open(path)).transpose()?;
        Ok(Self { path: checked.target().to_owned(), file })
    }

    /// Returns the output that writes to it. A pipe or a device can have a slow reader.
    fn into_output(self) -> io::Result<Screen> {
        if self.file.is_some() { Screen::new(self) } else { Ok(Screen::direct(self)) }
    }
}

impl Write for InPlace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create_locked(&self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Creates a file, or empties it, and holds a lock on it until it is closed.
///
/// The lock says that the run still goes on.
fn create_locked(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another run is writing to it"));
        }
        // Not every file system has locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    file.set_len(0)?;
    Ok(file)
}
