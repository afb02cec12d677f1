//! Steps that create, change and check files in the scenario's directory.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::NaiveDateTime;
use regex::Regex;

pub use super::datadir::Datadir;
use super::datadir::about;
pub use super::runcmd::Runcmd;
pub use crate::prelude::*;

/// A year, as these steps count.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// What steps remember about files.
#[derive(Debug, Default)]
pub struct Files {
    metadata: HashMap<PathBuf, Metadata>,
}

impl ContextElement for Files {
    fn created(&mut self, scenario: &Scenario) {
        scenario.register_context_type::<Datadir>();
    }
}

/// Writes an embedded file under its own name.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn create_from_embedded(context: &ScenarioContext, embedded_file: SubplotDataFile) {
    write_embedded(context, embedded_file.name(), &embedded_file)?;
}

/// Writes an embedded file under another name.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn create_from_embedded_with_other_name(
    context: &ScenarioContext,
    filename_on_disk: &Path,
    embedded_file: SubplotDataFile,
) {
    write_embedded(context, filename_on_disk, &embedded_file)?;
}

/// Writes an embedded file under its own name, and makes it executable.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn create_executable_from_embedded(context: &ScenarioContext, embedded_file: SubplotDataFile) {
    make_executable(&write_embedded(context, embedded_file.name(), &embedded_file)?)?;
}

/// Writes an embedded file under another name, and makes it executable.
#[step]
#[context(Datadir)]
#[context(Runcmd)]
pub fn create_executable_from_embedded_with_other_name(
    context: &ScenarioContext,
    filename_on_disk: &Path,
    embedded_file: SubplotDataFile,
) {
    make_executable(&write_embedded(context, filename_on_disk, &embedded_file)?)?;
}

/// Writes an embedded file, and its missing parents. Returns its path.
fn write_embedded(context: &ScenarioContext, name: &Path, file: &SubplotDataFile) -> Result<PathBuf, StepError> {
    let Some(parent) = name.parent() else { throw!(format!("`{}` is not the name of a file", name.display())) };
    context.with_mut(
        |runcmd: &mut Runcmd| {
            runcmd.with_forklock(|| {
                context.with(
                    |datadir: &Datadir| {
                        datadir.create_dir_all(parent)?;
                        datadir.open_write(name)?.write_all(file.data())?;
                        datadir.canonicalise_filename(name)
                    },
                    false,
                )
            })
        },
        false,
    )
}

fn make_executable(path: &Path) -> StepResult {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    Ok(fs::set_permissions(path, permissions)?)
}

/// Removes a file.
#[step]
pub fn remove_file(context: &Datadir, filename: &Path) {
    context.remove_file(filename)?;
}

/// Sets the modification time of a file, in UTC. Creates a missing file.
#[step]
pub fn touch_with_timestamp(context: &Datadir, filename: &Path, mtime: &str) {
    let time = NaiveDateTime::parse_from_str(mtime, "%Y-%m-%d %H:%M:%S")
        .map_err(|error| format!("`{mtime}` is not a time such as 2024-12-31 23:59:59: {error}"))?;
    set_modified(context, filename, SystemTime::from(time.and_utc()))?;
}

/// Sets the modification time of a file to now. Creates a missing file.
#[step]
pub fn touch(context: &Datadir, filename: &Path) {
    set_modified(context, filename, SystemTime::now())?;
}

fn set_modified(context: &Datadir, name: &Path, time: SystemTime) -> StepResult {
    let path = context.canonicalise_filename(name)?;
    let file = match File::options().append(true).create(true).open(&path) {
        // The time of a directory can be set too.
        Err(error) if error.kind() == ErrorKind::IsADirectory => File::open(path),
        result => result,
    };
    let file = file.map_err(|error| about("open", name, &error))?;
    Ok(file.set_times(FileTimes::new().set_accessed(time).set_modified(time))?)
}

/// Writes a text to a file.
#[step]
pub fn create_from_text(context: &Datadir, text: &str, filename: &Path) {
    context.open_write(filename)?.write_all(text.as_bytes())?;
}

/// Remembers the metadata of a file, for comparison.
#[step]
#[context(Datadir)]
#[context(Files)]
pub fn remember_metadata(context: &ScenarioContext, filename: &Path) {
    let metadata = context.with(|datadir: &Datadir| metadata(datadir, filename), false)?;
    context.with_mut(
        |files: &mut Files| {
            files.metadata.insert(filename.to_owned(), metadata);
            Ok(())
        },
        false,
    )?;
}

fn metadata(datadir: &Datadir, name: &Path) -> Result<Metadata, StepError> {
    let path = datadir.canonicalise_filename(name)?;
    fs::metadata(path).map_err(|error| about("read the metadata of", name, &error))
}

/// Whether a file has the metadata that was remembered.
fn is_as_before(context: &ScenarioContext, name: &Path) -> Result<bool, StepError> {
    let now = context.with(|datadir: &Datadir| metadata(datadir, name), false)?;
    context.with(
        |files: &Files| {
            let Some(before) = files.metadata.get(name) else {
                throw!(format!("no step remembered the metadata of {}", name.display()));
            };
            Ok(now.permissions() == before.permissions()
                && now.modified()? == before.modified()?
                && now.len() == before.len()
                && now.is_file() == before.is_file())
        },
        false,
    )
}

/// Checks that the metadata of a file did not change.
#[step]
#[context(Datadir)]
#[context(Files)]
pub fn has_remembered_metadata(context: &ScenarioContext, filename: &Path) {
    if !is_as_before(context, filename)? {
        throw!(format!("the metadata of {} changed", filename.display()));
    }
}

/// Checks that the metadata of a file changed.
#[step]
#[context(Datadir)]
#[context(Files)]
pub fn has_different_metadata(context: &ScenarioContext, filename: &Path) {
    if is_as_before(context, filename)? {
        throw!(format!("the metadata of {} did not change", filename.display()));
    }
}

/// Checks that a file exists.
#[step]
pub fn file_exists(context: &Datadir, filename: &Path) {
    if !exists(context, filename)? {
        throw!(format!("file {} does not exist", filename.display()));
    }
}

/// Checks that a file does not exist.
#[step]
pub fn file_does_not_exist(context: &Datadir, filename: &Path) {
    if exists(context, filename)? {
        throw!(format!("file {} exists", filename.display()));
    }
}

fn exists(datadir: &Datadir, name: &Path) -> Result<bool, StepError> {
    let path = datadir.canonicalise_filename(name)?;
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => throw!(about("look at", name, &error)),
    }
}

/// Checks that the scenario's directory has these files and no others.
///
/// Names are separated by spaces; commas are ignored.
#[step]
pub fn only_these_exist(context: &Datadir, filenames: &str) {
    let expected: BTreeSet<OsString> =
        filenames.replace(',', "").split_ascii_whitespace().map(OsString::from).collect();
    let actual: BTreeSet<OsString> = fs::read_dir(context.base_path())?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()?;
    if expected != actual {
        throw!(format!("files in the scenario's directory: expected {expected:?}, actual {actual:?}"));
    }
}

fn read(datadir: &Datadir, name: &Path) -> Result<Vec<u8>, StepError> {
    let path = datadir.canonicalise_filename(name)?;
    fs::read(path).map_err(|error| about("read", name, &error))
}

fn read_text(datadir: &Datadir, name: &Path) -> Result<String, StepError> {
    String::from_utf8(read(datadir, name)?).map_err(|_| format!("{} is not UTF-8", name.display()).into())
}

/// Checks that a file contains a text.
#[step]
pub fn file_contains(context: &Datadir, filename: &Path, data: &str) {
    let text = read_text(context, filename)?;
    if !text.contains(data) {
        throw!(format!("file {}: expected to contain {data:?}, actual {text:?}", filename.display()));
    }
}

/// Checks that a file does not contain a text.
#[step]
pub fn file_doesnt_contain(context: &Datadir, filename: &Path, data: &str) {
    let text = read_text(context, filename)?;
    if text.contains(data) {
        throw!(format!("file {}: expected not to contain {data:?}, actual {text:?}", filename.display()));
    }
}

/// Checks that a regex matches in a file.
#[step]
pub fn file_matches_regex(context: &Datadir, filename: &Path, regex: &str) {
    let text = read_text(context, filename)?;
    if !Regex::new(regex)?.is_match(&text) {
        throw!(format!("file {}: expected to match {regex:?}, actual {text:?}", filename.display()));
    }
}

/// Checks that two files have the same data.
#[step]
pub fn file_match(context: &Datadir, filename1: &Path, filename2: &Path) {
    same((filename1, &read(context, filename1)?), (filename2, &read(context, filename2)?))?;
}

/// Checks that two files have different data.
#[step]
pub fn file_do_not_match(context: &Datadir, filename1: &Path, filename2: &Path) {
    different((filename1, &read(context, filename1)?), (filename2, &read(context, filename2)?))?;
}

/// Checks that a file has the data of an embedded file.
#[step]
pub fn file_and_embedded_file_match(context: &Datadir, filename: &Path, embedded: SubplotDataFile) {
    same((filename, &read(context, filename)?), (embedded.name(), embedded.data()))?;
}

/// Checks that a file does not have the data of an embedded file.
#[step]
pub fn file_and_embedded_file_do_not_match(context: &Datadir, filename: &Path, embedded: SubplotDataFile) {
    different((filename, &read(context, filename)?), (embedded.name(), embedded.data()))?;
}

fn same(one: (&Path, &[u8]), other: (&Path, &[u8])) -> StepResult {
    if one.1 != other.1 {
        let text = |data| String::from_utf8_lossy(data).into_owned();
        throw!(format!(
            "{} and {} differ: {:?} and {:?}",
            one.0.display(),
            other.0.display(),
            text(one.1),
            text(other.1)
        ));
    }
    Ok(())
}

fn different(one: (&Path, &[u8]), other: (&Path, &[u8])) -> StepResult {
    if one.1 == other.1 {
        throw!(format!("{} and {} are identical", one.0.display(), other.0.display()));
    }
    Ok(())
}

/// Returns how long ago a file was modified. A time in the future is an error.
fn age(datadir: &Datadir, name: &Path) -> Result<Duration, StepError> {
    let modified = metadata(datadir, name)?.modified()?;
    SystemTime::now()
        .duration_since(modified)
        .map_err(|_| format!("the modification time of {} is in the future", name.display()).into())
}

/// Checks that a file was modified in the last five seconds.
#[step]
pub fn mtime_is_recent(context: &Datadir, filename: &Path) {
    let age = age(context, filename)?;
    if age > Duration::from_secs(5) {
        throw!(format!("{} was modified {} seconds ago, expected at most 5", filename.display(), age.as_secs()));
    }
}

/// Checks that a file was modified more than 39 years ago.
#[step]
pub fn mtime_is_ancient(context: &Datadir, filename: &Path) {
    let age = age(context, filename)?;
    if age < 39 * YEAR {
        throw!(format!(
            "{} was modified {} seconds ago, expected at least 39 years",
            filename.display(),
            age.as_secs()
        ));
    }
}

/// Creates a directory and its missing parents.
#[step]
pub fn make_directory(context: &Datadir, path: &Path) {
    context.create_dir_all(path)?;
}

/// Removes a directory with all that is in it.
#[step]
pub fn remove_directory(context: &Datadir, path: &Path) {
    let full = context.canonicalise_filename(path)?;
    fs::remove_dir_all(full).map_err(|error| about("remove", path, &error))?;
}

/// Removes an empty directory.
#[step]
pub fn remove_empty_directory(context: &Datadir, path: &Path) {
    let full = context.canonicalise_filename(path)?;
    fs::remove_dir(full).map_err(|error| about("remove", path, &error))?;
}

/// Checks that a directory exists.
#[step]
pub fn path_exists(context: &Datadir, path: &Path) {
    if !context.canonicalise_filename(path)?.is_dir() {
        throw!(format!("directory {} does not exist", path.display()));
    }
}

/// Checks that a directory does not exist, nor a file of this name.
#[step]
pub fn path_does_not_exist(context: &Datadir, path: &Path) {
    if exists(context, path)? {
        throw!(format!("{} exists", path.display()));
    }
}

/// Checks that a directory is empty.
#[step]
pub fn path_is_empty(context: &Datadir, path: &Path) {
    if let Some(name) = first_name(context, path)? {
        throw!(format!("directory {} is not empty: it has {}", path.display(), name.display()));
    }
}

/// Checks that a directory is not empty.
#[step]
pub fn path_is_not_empty(context: &Datadir, path: &Path) {
    if first_name(context, path)?.is_none() {
        throw!(format!("directory {} is empty", path.display()));
    }
}

/// Returns a name in a directory. `None` if it is empty.
fn first_name(datadir: &Datadir, path: &Path) -> Result<Option<OsString>, StepError> {
    let full = datadir.canonicalise_filename(path)?;
    let mut entries = fs::read_dir(full).map_err(|error| about("read directory", path, &error))?;
    Ok(entries.next().transpose()?.map(|entry| entry.file_name()))
}
