//! Files and directories that are shown when a step of the scenario fails.

use std::fs;
use std::path::{Path, PathBuf};

use greenroom_event::{OutputSource, words};
use greenroom_sandbox::process::capture;

use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::library::place::outside;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, output_of};

/// The most files of all directories that are shown.
const MOST_FILES: usize = 20;
/// How much of the end of a file is shown.
const SHOWN: u64 = 8 * 1024;

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step("files_show_on_failure", show_on_failure, Check::With(check))
}

/// What is shown, as the document writes it.
#[derive(Debug, Default)]
struct Evidence(Vec<String>);

fn show_on_failure(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("path")?.to_owned();
    context.inside(&shown)?;
    let Evidence(all) = context.state();
    if !all.contains(&shown) {
        all.push(shown);
    }
    Ok(())
}

fn check(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    outside(captures, &["path"])
}

/// Adds the files to the failure of a step that an earlier step chose for that.
pub(crate) fn with_evidence(context: &mut Context, failure: Failure) -> Failure {
    let Evidence(all) = context.take_state::<Evidence>();
    let mut left = MOST_FILES;
    let failure = all.iter().fold(failure, |failure, shown| match context.inside(shown) {
        Ok(path) => show(failure, &path, shown, &mut left),
        Err(error) => failure.note(error.message),
    });
    *context.state::<Evidence>() = Evidence(all);
    failure
}

fn show(failure: Failure, path: &Path, shown: &str, left: &mut usize) -> Failure {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => show_directory(failure, path, shown, left),
        Ok(there) if there.is_file() => show_file(failure, path, shown, left),
        Ok(_) => failure.note(format!("{shown} is neither a file nor a directory")),
        Err(_) => failure.note(format!("{shown}, which is shown if the scenario fails, does not exist")),
    }
}

fn show_directory(failure: Failure, path: &Path, shown: &str, left: &mut usize) -> Failure {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut directories = vec![(path.to_owned(), shown.trim_end_matches('/').to_owned())];
    while let Some((directory, shown)) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let shown = format!("{shown}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push((entry.path(), shown)),
                Ok(kind) if kind.is_file() => files.push((entry.path(), shown)),
                _ => {}
            }
        }
    }
    files.sort_unstable();
    let (number, fits) = (files.len(), *left);
    let failure = match number {
        0 => failure.note(format!("directory {shown} has no files")),
        _ if number > fits => failure.note(format!("directory {shown} has {number} files; {fits} of them are shown")),
        _ => failure,
    };
    let files = files.into_iter().take(fits);
    files.fold(failure, |failure, (path, shown)| show_file(failure, &path, &shown, left))
}

fn show_file(failure: Failure, path: &Path, shown: &str, left: &mut usize) -> Failure {
    let title = format!("file {shown}");
    let source = OutputSource::Function { title };
    if failure.output.iter().any(|output| output.source == source) {
        return failure;
    }
    *left = left.saturating_sub(1);
    match capture::tail(path, SHOWN) {
        Ok(tail) if tail.bytes.is_empty() => failure.note(format!("file {shown} is empty")),
        Ok(tail) if tail.bytes.contains(&0) => {
            let size = words::size(tail.omitted + tail.bytes.len() as u64);
            failure.note(format!("file {shown} has {size}, and is not text"))
        }
        Ok(tail) => failure.output(output_of(source, &tail)),
        Err(error) => failure.note(format!("file {shown} cannot be read: {error}")),
    }
}
