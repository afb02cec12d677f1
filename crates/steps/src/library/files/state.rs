//! Steps that check what a file or directory is: its size, lines, permissions, owner, entries.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use greenroom_event::{OutputSource, words};
use greenroom_sandbox::process::capture;

use super::changed::{count_lines, invalid_mode, metadata_of, mode};
use super::names::{directory, names_in};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::{Bytes, check_equal};
use crate::library::place::{self, kind, list, never_created, outside};
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult, output_of};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("files_is_empty", is_empty, Check::With(check_file))
        .step("files_has_bytes", has_bytes, Check::With(check_file))
        .step("files_has_lines", has_lines, Check::With(check_file))
        .step("files_has_mode", has_mode, Check::With(check_file))
        .step("files_is_executable", is_executable, Check::With(check_file))
        .step("files_is_link", is_link, Check::With(check_file))
        .step("files_directory_has_entries", has_entries, Check::With(check_directory))
        .step("files_directories_match", directories_match, Check::With(check_directories))
        .looks(
            Look::Live,
            &[
                "files_is_empty",
                "files_has_bytes",
                "files_has_lines",
                "files_has_mode",
                "files_is_executable",
                "files_is_link",
                "files_directory_has_entries",
                "files_directories_match",
            ],
        )
}

/// How much of the end of a file a failure shows.
const SHOWN: u64 = 8 * 1024;
/// The most differences of directories that a failure names.
const NAMED: usize = 10;

fn is_empty(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    let file = place::read(context, shown)?;
    let tail = capture::tail_of(&file, SHOWN).map_err(|error| place::cannot("read", shown, &error))?;
    let size = tail.omitted + tail.bytes.len() as u64;
    if size == 0 {
        return Ok(());
    }
    let source = OutputSource::Function { title: format!("file {shown}") };
    let error = Failure::new(format!("file {shown} is not empty")).note(format!("it has {}", words::size(size)));
    Err(error.output(output_of(source, &tail)))
}

fn has_bytes(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected): (&str, u64) = (captures.text("filename")?, captures.number("size")?);
    let metadata = metadata_of(context, "file", shown)?;
    if metadata.is_dir() {
        return Err(place::is_directory(shown));
    }
    compare(&format!("size of file {shown} in bytes"), expected, metadata.len())
}

fn has_lines(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected): (&str, u64) = (captures.text("filename")?, captures.number("lines")?);
    let actual = count_lines(context, shown)?;
    compare(&format!("number of lines of file {shown}"), expected, actual)
}

fn compare(what: &str, expected: u64, actual: u64) -> StepResult {
    if expected == actual {
        return Ok(());
    }
    Err(Failure::comparison(what, Relation::Is, expected.to_string(), actual.to_string()))
}

fn has_mode(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected) = (captures.text("filename")?, mode(captures.text("mode")?)?);
    let actual = metadata_of(context, "file", shown)?.mode() & 0o7777;
    if expected == actual {
        return Ok(());
    }
    let (expected, actual) = (format!("{expected:04o}"), format!("{actual:04o}"));
    Err(Failure::comparison(format!("mode of {shown}"), Relation::Is, expected, actual))
}

fn is_executable(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    let metadata = metadata_of(context, "file", shown)?;
    if !metadata.is_file() {
        return Err(Failure::new(format!("{shown} is {}, not a file", kind(&metadata))));
    }
    if metadata.mode() & 0o111 != 0 {
        return Ok(());
    }
    Err(Failure::new(format!("file {shown} is not executable"))
        .note(format!("its mode is {:04o}", metadata.mode() & 0o7777)))
}

fn is_link(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected) = (captures.text("filename")?, captures.text("target")?);
    let path = context.inside(shown)?;
    let Ok(target) = fs::read_link(&path) else {
        let metadata = metadata_of(context, "file", shown)?;
        return Err(Failure::new(format!("{shown} is {}, not a symbolic link", kind(&metadata))));
    };
    let actual = target.display().to_string();
    if actual == expected {
        return Ok(());
    }
    Err(Failure::comparison(format!("target of symbolic link {shown}"), Relation::Is, expected, actual))
}

fn has_entries(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, expected): (&str, u64) = (captures.text("path")?, captures.number("count")?);
    let names = names_in(context, shown)?;
    compare(&format!("number of entries in directory {shown}"), expected, names.len() as u64).map_err(|error| {
        if names.is_empty() { error.note("it is empty") } else { error.note(format!("it contains {}", list(&names))) }
    })
}

fn directories_match(context: &mut Context, captures: &Captures) -> StepResult {
    let (first, second) = (captures.text("path1")?.to_owned(), captures.text("path2")?.to_owned());
    let roots = (directory(context, &first)?, directory(context, &second)?);
    let mut differences: Vec<String> = Vec::new();
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        let names = |root: &Path, shown: &str| {
            let names = place::names(&root.join(&below));
            names.map_err(|error| place::cannot("list directory", &format!("{shown}/{}", below.display()), &error))
        };
        let (ours, theirs) = (names(&roots.0, &first)?, names(&roots.1, &second)?);
        let all: BTreeSet<&String> = ours.iter().chain(&theirs).collect();
        for name in all {
            let below = below.join(name);
            if !theirs.contains(name) {
                differences.push(format!("{} is in {first} alone", below.display()));
            } else if !ours.contains(name) {
                differences.push(format!("{} is in {second} alone", below.display()));
            } else if let Some(difference) = difference(context, (&roots.0, &roots.1), &below, &mut left)? {
                differences.push(difference);
            }
        }
        context.watch().check()?;
    }
    if differences.is_empty() {
        return Ok(());
    }
    differences.sort_unstable();
    let more = differences.len().saturating_sub(NAMED);
    let error = Failure::new(format!("directories {first} and {second} are different"));
    let error = differences.into_iter().take(NAMED).fold(error, Failure::note);
    Err(if more == 0 { error } else { error.note(format!("and {more} more differences")) })
}

/// Compares an entry of two directories. A directory in both is left for later.
fn difference(
    context: &mut Context,
    roots: (&Path, &Path),
    below: &Path,
    left: &mut Vec<PathBuf>,
) -> Result<Option<String>, Failure> {
    let (ours, theirs) = (roots.0.join(below), roots.1.join(below));
    let shown = below.display();
    let look =
        |path: &Path| fs::symlink_metadata(path).map_err(|error| place::cannot("look at", &shown.to_string(), &error));
    let (our, their) = (look(&ours)?, look(&theirs)?);
    if our.is_dir() && their.is_dir() {
        left.push(below.to_owned());
        return Ok(None);
    }
    if kind(&our) != kind(&their) {
        return Ok(Some(format!("{shown} is {} in one and {} in the other", kind(&our), kind(&their))));
    }
    if our.is_symlink() {
        let (our, their) = (fs::read_link(&ours)?, fs::read_link(&theirs)?);
        let differs = format!("{shown} leads to {} in one and {} in the other", our.display(), their.display());
        return Ok((our != their).then_some(differs));
    }
    if !our.is_file() {
        return Ok(None);
    }
    if our.len() != their.len() {
        return Ok(Some(format!("{shown} has {} bytes in one and {} in the other", our.len(), their.len())));
    }
    let open = |path: &Path| fs::File::open(path).map_err(|error| place::cannot("read", &shown.to_string(), &error));
    let (ours, theirs) = (open(&ours)?, open(&theirs)?);
    let names = ("one", "the other");
    let is_same = check_equal(names, Bytes::of(&ours)?, Bytes::of(&theirs)?, context.watch()).is_ok();
    Ok((!is_same).then(|| format!("{shown} has other contents")))
}

fn check_file(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "filename", "file", state);
    let number = ["size", "lines"].iter().find_map(|name| invalid_number(captures, name));
    outside(captures, &["filename"]).into_iter().chain(absent).chain(invalid_mode(captures)).chain(number).collect()
}

fn check_directory(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "path", "directory", state);
    outside(captures, &["path"]).into_iter().chain(absent).chain(invalid_number(captures, "count")).collect()
}

fn check_directories(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = ["path1", "path2"].into_iter().filter_map(|name| never_created(captures, name, "directory", state));
    let absent: Vec<Problem> = absent.collect();
    outside(captures, &["path1", "path2"]).into_iter().chain(absent).collect()
}

/// Returns the problem of a number that is too large to count.
pub(super) fn invalid_number(captures: &Captures, name: &str) -> Option<Problem> {
    let text = captures.known(name)?;
    let message = format!("{text} is not a number that can be counted");
    text.parse::<u64>().is_err().then(|| Problem::new(name, ProblemKind::InvalidNumber, message))
}
