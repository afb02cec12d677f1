//! Library `files`: creating, changing and checking files and directories of the scenario.
//!
//! Steps that copy from outside are in `copied`, those that change files in `changed`, and checks of what a
//! file or directory is in `state`. They share `names`. `evidence` is what failures show.

mod changed;
mod copied;
mod disk;
mod evidence;
mod names;
mod owner;
mod state;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use greenroom_sandbox::process::Watch;
use rustix::fs::{FileType, Timespec};
use rustix::time::{ClockId, clock_gettime};

use self::names::{directory, is_absence, names_in};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::{self, Bytes, check_equal, invalid_regex};
use crate::library::literal::{Remedy, literal_escape};
use crate::library::place::{self, Place, around, cannot, list, missing, names, never_created, outside};
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

pub(crate) use self::disk::with_disk;
pub use self::disk::{DISK, KEPT, disk_size, keep_disk};
pub(crate) use self::evidence::with_evidence;

/// A very recent modification time is less than this from now.
const VERY_RECENT: Duration = Duration::from_secs(1);
/// A very old modification time is more than this from now.
const VERY_OLD: Duration = Duration::from_hours(39 * 365 * 24);
/// The format of modification times in documents.
const TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// The captures that name something in the scenario's directory.
const NAMES: &[&str] = &["filename", "filename1", "filename2", "filename_on_disk", "path"];

/// Returns the library.
pub fn library() -> Library {
    let library = Library::new("files", include_str!("files.yaml"));
    let library = [copied::steps, changed::steps, state::steps, owner::steps, evidence::steps, disk::steps]
        .into_iter()
        .fold(library, |library, steps| steps(library));
    library
        .serves("lib/files.py")
        .step("files_create_from_embedded", |context, captures| create(context, captures, false), CREATES)
        .step("files_create_executable_from_embedded", |context, captures| create(context, captures, true), CREATES)
        .step("files_set_modification_time", set_modification_time, Check::With(check_modification_time))
        .step(
            "files_make_directory",
            |context, captures| place::make_directory(context, captures.text("path")?),
            CREATES,
        )
        .step("files_remove_directory", |context, captures| remove_directory(context, captures, false), DIRECTORY)
        .step("files_remove_empty_directory", |context, captures| remove_directory(context, captures, true), DIRECTORY)
        .step("files_remove_file", remove_file, EXISTING)
        .step("files_create_from_text", create_from_text, Check::With(check_create_from_text))
        .step("files_touch", |context, captures| Place::make(context, captures.text("filename")?)?.touch(None), CREATES)
        .step("files_remember_metadata", remember_metadata, EXISTING)
        .step("files_directory_exists", directory_exists, DIRECTORY)
        .step("files_directory_does_not_exist", directory_does_not_exist, NAMED)
        .step("files_directory_is_empty", directory_is_empty, DIRECTORY)
        .step("files_directory_is_not_empty", directory_is_not_empty, DIRECTORY)
        .step("files_file_exists", file_exists, EXISTING)
        .step("files_file_does_not_exist", file_does_not_exist, NAMED)
        .step("files_modification_time_is_recent", is_recent, EXISTING)
        .step("files_modification_time_is_old", is_old, EXISTING)
        .step(
            "files_has_remembered_metadata",
            |context, captures| compare_metadata(context, captures, Relation::Is),
            EXISTING,
        )
        .step(
            "files_has_different_metadata",
            |context, captures| compare_metadata(context, captures, Relation::IsNot),
            EXISTING,
        )
        .step("files_file_contains", |context, captures| look(context, captures, Relation::Contains), EXISTING)
        .step(
            "files_file_does_not_contain",
            |context, captures| look(context, captures, Relation::DoesNotContain),
            EXISTING,
        )
        .step("files_file_matches_regex", |context, captures| look(context, captures, Relation::Matches), EXISTING)
        .step("files_match", |context, captures| compare_files(context, captures, true), EXISTING)
        .step("files_differ", |context, captures| compare_files(context, captures, false), EXISTING)
        .step("files_match_embedded", |context, captures| compare_embedded(context, captures, true), EXISTING)
        .step("files_differ_from_embedded", |context, captures| compare_embedded(context, captures, false), EXISTING)
        .step("files_only_these_exist", only_these_exist, Check::Nothing)
        .looks(Look::Live, LIVE)
        .seeks("data", &["files_file_contains"])
}

/// The `then` steps: files may change at any time.
const LIVE: &[&str] = &[
    "files_directory_exists",
    "files_directory_does_not_exist",
    "files_directory_is_empty",
    "files_directory_is_not_empty",
    "files_file_exists",
    "files_file_does_not_exist",
    "files_modification_time_is_recent",
    "files_modification_time_is_old",
    "files_has_remembered_metadata",
    "files_has_different_metadata",
    "files_file_contains",
    "files_file_does_not_contain",
    "files_file_matches_regex",
    "files_match",
    "files_differ",
    "files_match_embedded",
    "files_differ_from_embedded",
    "files_only_these_exist",
];

/// The check of steps that create a file or directory.
const CREATES: Check = Check::With(check_create);
/// The check of steps that only name files and directories.
const NAMED: Check = Check::With(check_names);
/// The check of steps about files that must exist.
const EXISTING: Check = Check::With(check_files);
/// The check of steps about directories that must exist.
const DIRECTORY: Check = Check::With(check_directories);

/// The state of this library in a scenario.
#[derive(Debug, Default)]
struct Files {
    remembered: BTreeMap<PathBuf, Metadata>,
}

/// Returns the capture and the name of the file that a step creates.
fn name_to_make(captures: &Captures) -> Option<(&'static str, &str)> {
    ["filename_on_disk", "embedded_file", "filename", "path"]
        .into_iter()
        .find_map(|capture| Some((capture, captures.get(capture)?)))
}

fn check_names(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    outside(captures, NAMES).into_iter().chain(invalid_regex(captures)).collect()
}

fn check_files(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = NAMES.iter().filter_map(|name| never_created(captures, name, "file", state));
    let absent: Vec<Problem> = absent.collect();
    let literal = literal_escape(captures, "data", Remedy::Binding);
    check_names(captures, state).into_iter().chain(absent).chain(literal).collect()
}

fn check_directories(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "path", "directory", state);
    check_names(captures, state).into_iter().chain(absent).collect()
}

fn check_create_from_text(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check_create(captures, state).into_iter().chain(literal_escape(captures, "text", Remedy::File)).collect()
}

fn check_create(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let Some((capture, name)) = name_to_make(captures) else {
        return Vec::new();
    };
    match captures.get("embedded_file") {
        Some(embedded) => state.creates_from(name, embedded),
        None => state.creates(name),
    }
    outside(captures, &[capture])
}

fn check_modification_time(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = check_create(captures, state);
    let time = captures.known("mtime");
    if let Some(error) = time.and_then(|time| modification_time(time).err()) {
        let problem = Problem::new("mtime", ProblemKind::InvalidTime, error.message);
        problems.push(error.help.into_iter().fold(problem, Problem::help));
    }
    problems
}

fn create(context: &mut Context, captures: &Captures, executable: bool) -> StepResult {
    let embedded = captures.text("embedded_file")?;
    let name = captures.get("filename_on_disk").unwrap_or(embedded);
    let file = context.embedded_file(embedded)?;
    Place::make(context, name)?.write(file.text.as_bytes(), executable)
}

fn create_from_text(context: &mut Context, captures: &Captures) -> StepResult {
    let text = captures.text("text")?;
    Place::make(context, captures.text("filename")?)?.write(text.as_bytes(), false)
}

fn set_modification_time(context: &mut Context, captures: &Captures) -> StepResult {
    let time = modification_time(captures.text("mtime")?)?;
    let time = Timespec { tv_sec: time.timestamp(), tv_nsec: 0 };
    Place::make(context, captures.text("filename")?)?.touch(Some(time))
}

fn modification_time(text: &str) -> Result<DateTime<Utc>, Failure> {
    let parsed = NaiveDateTime::parse_from_str(text.trim(), TIME_FORMAT);
    parsed.map(|time| time.and_utc()).map_err(|_| {
        Failure::new(format!("invalid date and time: {text}")).help("write it like 1970-01-02 03:04:05, in UTC")
    })
}

fn remove_directory(context: &mut Context, captures: &Captures, only_empty: bool) -> StepResult {
    Place::of(context, captures.text("path")?)?.remove_directory(context, only_empty)
}

fn remove_file(context: &mut Context, captures: &Captures) -> StepResult {
    Place::of(context, captures.text("filename")?)?.remove_file(context)
}

fn directory_exists(context: &mut Context, captures: &Captures) -> StepResult {
    directory(context, captures.text("path")?).map(drop)
}

fn directory_does_not_exist(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("path")?;
    match fs::metadata(context.inside(shown)?) {
        Ok(metadata) if metadata.is_dir() => Err(Failure::new(format!("directory {shown} exists, but should not"))),
        Ok(_) => Ok(()),
        Err(error) if is_absence(&error) => Ok(()),
        Err(error) => Err(cannot("look at", shown, &error)),
    }
}

fn directory_is_empty(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("path")?;
    let names = names_in(context, shown)?;
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("directory {shown} is not empty")).note(format!("it contains {}", list(&names))))
}

fn directory_is_not_empty(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("path")?;
    if names_in(context, shown)?.is_empty() {
        return Err(Failure::new(format!("directory {shown} is empty, but should not be")));
    }
    Ok(())
}

fn file_exists(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    match fs::metadata(context.inside(shown)?) {
        Ok(_) => Ok(()),
        Err(error) if is_absence(&error) => Err(missing(context, "file", shown)),
        Err(error) => Err(cannot("look at", shown, &error)),
    }
}

fn file_does_not_exist(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    match fs::metadata(context.inside(shown)?) {
        Ok(metadata) => {
            let kind = place::kind(&metadata).trim_start_matches("a ");
            Err(Failure::new(format!("{kind} {shown} exists, but should not")))
        }
        Err(error) if is_absence(&error) => Ok(()),
        Err(error) => Err(cannot("look at", shown, &error)),
    }
}

/// Returns the modification time of a file, and how far from now it is. It may be in the future.
fn modified(context: &Context, shown: &str) -> Result<(String, Duration), Failure> {
    let metadata = fs::metadata(context.inside(shown)?).map_err(|error| {
        if is_absence(&error) { missing(context, "file", shown) } else { cannot("look at", shown, &error) }
    })?;
    let modified = metadata.modified().map_err(|error| cannot("look at", shown, &error))?;
    let far = match SystemTime::now().duration_since(modified) {
        Ok(ago) => ago,
        Err(to_come) => to_come.duration(),
    };
    Ok((time_in_words(metadata.mtime(), metadata.mtime_nsec()), far))
}

fn is_recent(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    let (time, far) = modified(context, shown)?;
    if far < VERY_RECENT {
        return Ok(());
    }
    Err(Failure::new(format!("file {shown} does not have a very recent modification time"))
        .note(format!("it was modified at {time}, {} s from now", far.as_secs()))
        .note("very recent is less than one second from now"))
}

fn is_old(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    let (time, far) = modified(context, shown)?;
    if far > VERY_OLD {
        return Ok(());
    }
    Err(Failure::new(format!("file {shown} does not have a very old modification time"))
        .note(format!("it was modified at {time}"))
        .note("very old is more than 39 years from now"))
}

fn time_in_words(seconds: i64, nanoseconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, u32::try_from(nanoseconds).unwrap_or_default());
    time.map_or_else(|| format!("{seconds} s"), |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// The metadata of a file, without its access and change times.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Metadata {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    modified: (i64, i64),
    /// Device and inode: a file that replaces another is a different file.
    identity: (u64, u64),
}

impl Metadata {
    fn of(metadata: &fs::Metadata) -> Self {
        let kind = match FileType::from_raw_mode(metadata.mode()) {
            FileType::RegularFile => "file",
            FileType::Directory => "directory",
            FileType::Symlink => "symbolic link",
            FileType::Fifo => "fifo",
            FileType::Socket => "socket",
            _ => "device",
        };
        Self {
            kind,
            mode: metadata.mode() & 0o7777,
            owner: (metadata.uid(), metadata.gid()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            identity: (metadata.dev(), metadata.ino()),
        }
    }

    fn in_words(&self) -> String {
        let Self { kind, mode, owner, size, modified, identity } = self;
        format!(
            "kind: {kind}\nmode: {mode:04o}\nowner: {}:{}\nsize: {size}\nmodified: {}\ninode: {}\n",
            owner.0,
            owner.1,
            time_in_words(modified.0, modified.1),
            identity.1,
        )
    }
}

/// Returns the metadata of a name; of a symbolic link itself, not of its target.
fn metadata(context: &Context, shown: &str) -> Result<fs::Metadata, Failure> {
    fs::symlink_metadata(context.inside(shown)?).map_err(|error| {
        if is_absence(&error) { missing(context, "file", shown) } else { cannot("look at", shown, &error) }
    })
}

/// Removes `.` from a path: `./x` and `x` are the same name.
fn plain(shown: &str) -> PathBuf {
    Path::new(shown).components().filter(|component| *component != Component::CurDir).collect()
}

fn remember_metadata(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    let found = metadata(context, shown)?;
    // File systems take their times from a clock that ticks every few milliseconds. A second change
    // within the same tick could not be seen, so wait for the next tick. Times in the future are
    // not waited for.
    let changed = (found.ctime(), found.ctime_nsec());
    let what = format!("the clock to pass the last change of {shown}");
    context.watch().until(&what, Duration::from_millis(50), &[], || {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        ((now.tv_sec, now.tv_nsec) > changed).then_some(())
    })?;
    context.state::<Files>().remembered.insert(plain(shown), Metadata::of(&found));
    Ok(())
}

fn compare_metadata(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let shown = captures.text("filename")?;
    let now = Metadata::of(&metadata(context, shown)?);
    let Some(before) = context.state::<Files>().remembered.get(&plain(shown)) else {
        return Err(Failure::new(format!("the metadata of file {shown} was not remembered"))
            .help(format!("write `when I remember metadata for file {shown}` before this step")));
    };
    if (now == *before) == (relation == Relation::Is) {
        return Ok(());
    }
    let what = format!("metadata of file {shown}");
    Err(Failure::comparison(what, relation, before.in_words(), now.in_words()))
}

fn look(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let shown = captures.text("filename")?;
    let expected = captures.text(if relation == Relation::Matches { "regex" } else { "data" })?;
    let file = place::read(context, shown)?;
    bytes::check(&format!("file {shown}"), Bytes::of(&file)?, relation, expected, context.watch())
}

fn compare_files(context: &mut Context, captures: &Captures, equal: bool) -> StepResult {
    let (first, second) = (captures.text("filename1")?, captures.text("filename2")?);
    let files = (place::read(context, first)?, place::read(context, second)?);
    let names = (&*format!("file {first}"), &*format!("file {second}"));
    compare(names, Bytes::of(&files.0)?, Bytes::of(&files.1)?, equal, context.watch())
}

fn compare_embedded(context: &mut Context, captures: &Captures, equal: bool) -> StepResult {
    let (name, embedded) = (captures.text("filename")?, captures.text("embedded")?);
    let file = place::read(context, name)?;
    let text = context.embedded_file(embedded)?.text.clone();
    let names = (&*format!("embedded file {embedded}"), &*format!("file {name}"));
    compare(names, Bytes::Held(text.as_bytes()), Bytes::of(&file)?, equal, context.watch())
}

fn compare(names: (&str, &str), first: Bytes<'_>, second: Bytes<'_>, equal: bool, watch: &mut Watch) -> StepResult {
    if equal {
        return check_equal(names, first, second, watch);
    }
    watch.waits_for(&format!("the end of {}", names.1));
    match first.difference(second, watch)? {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!("{} and {} are identical, but should differ", names.0, names.1))
            .note(format!("both have {} bytes", first.len()))),
    }
}

fn only_these_exist(context: &mut Context, captures: &Captures) -> StepResult {
    // Commas may separate names, so no name contains one.
    let written = captures.text("filenames")?.replace(',', " ");
    let mut expected: Vec<&str> = written.split_ascii_whitespace().map(|name| name.trim_start_matches("./")).collect();
    expected.sort_unstable();
    expected.dedup();
    let actual = names(context.working_directory()?).map_err(|error| cannot("list", &context.here(), &error))?;
    if actual == expected {
        return Ok(());
    }
    let lines = |names: &[&str]| names.iter().flat_map(|name| [name, "\n"]).collect::<String>();
    let unwanted: Vec<&str> = actual.iter().map(String::as_str).filter(|name| !expected.contains(name)).collect();
    let absent: Vec<&str> = expected.iter().copied().filter(|name| !actual.iter().any(|there| there == name)).collect();
    let all: Vec<&str> = actual.iter().map(String::as_str).collect();
    let mut error = Failure::comparison("the list of files", Relation::Is, lines(&expected), lines(&all));
    error.message = format!("{} does not contain exactly these files", context.here());
    if !absent.is_empty() {
        error = error.note(format!("missing: {}", absent.join(", ")));
    }
    if !unwanted.is_empty() {
        error = error.note(format!("unexpected: {}", unwanted.join(", ")));
    }
    if let [name] = absent.as_slice()
        && name.contains('/')
    {
        error = around(context, name, error).note(format!("only names in {} itself are compared", context.here()));
    }
    Err(error)
}
