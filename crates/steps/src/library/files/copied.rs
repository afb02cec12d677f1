//! Steps that copy files and directories from outside of the scenario.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::place::{self, Place, cannot, kind, list, nearest, outside};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, names_value};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step("files_copied_in", file, Check::With(check_file)).step(
        "files_directory_copied_in",
        directory,
        Check::With(check_directory),
    )
}

/// What a step copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copied {
    File,
    Directory,
}

impl Copied {
    fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
        }
    }

    /// The capture with the name in the scenario's directory.
    fn capture(self) -> &'static str {
        match self {
            Self::File => "filename",
            Self::Directory => "path",
        }
    }
}

fn file(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("filename")?;
    let (source, from) = source(captures, "filename", context.source_directory())?;
    look(&from, source, Copied::File, context.source_directory())?;
    copy_file(context, &from, shown)
}

fn directory(context: &mut Context, captures: &Captures) -> StepResult {
    let shown = captures.text("path")?.to_owned();
    let (source, from) = source(captures, "path", context.source_directory())?;
    look(&from, source, Copied::Directory, context.source_directory())?;
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if real(context.directory()).starts_with(real(&from)) {
        return Err(Failure::new(format!("cannot copy directory {source}: the scenario's directory is inside of it"))
            .note(format!("the scenario's directory is {}", context.directory().display()))
            .help("set TMPDIR to a directory outside, such as /tmp"));
    }
    copy_tree(context, &from, &shown)
}

/// Returns what a step copies from: as the document writes it, and its path.
fn source<'a>(captures: &'a Captures, name: &str, directory: &Path) -> Result<(&'a str, PathBuf), Failure> {
    let written = match captures.get("source") {
        Some(source) => source,
        None => captures.text(name)?,
    };
    Ok((written, directory.join(written)))
}

/// Checks that what is to be copied is there.
fn look(from: &Path, shown: &str, copied: Copied, directory: &Path) -> StepResult {
    let word = copied.word();
    match fs::metadata(from) {
        Ok(there) if copied == Copied::File && there.is_dir() => {
            Err(place::is_directory(shown).help("write `given directory` to copy a directory with all that is in it"))
        }
        Ok(there) if copied == Copied::Directory && there.is_file() => {
            Err(Failure::new(format!("{shown} is a file, not a directory"))
                .help("write `given file` to copy a single file"))
        }
        Ok(there) if there.is_file() || there.is_dir() => Ok(()),
        Ok(there) => Err(Failure::new(format!("{shown} is {}, not a {word}", kind(&there)))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let error = Failure::new(format!("{word} {shown} does not exist"));
            Err(where_it_was_looked_for(error, from, shown, directory))
        }
        Err(error) => Err(cannot("read", shown, &error)),
    }
}

fn where_it_was_looked_for(error: Failure, from: &Path, shown: &str, directory: &Path) -> Failure {
    let error = if Path::new(shown).is_absolute() {
        error
    } else {
        error.note(format!("it was looked for in the source directory, {}", directory.display()))
    };
    let (Some(parent), Some(name)) = (from.parent(), from.file_name().and_then(|name| name.to_str())) else {
        return error;
    };
    let Ok(names) = place::names(parent) else { return error };
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => {
            let near = Path::new(shown).parent().unwrap_or(Path::new("")).join(near);
            error.help(format!("did you mean {}?", near.display()))
        }
        None if names.is_empty() => error.note(format!("{} is empty", parent.display())),
        None => error.note(format!("{} contains {}", parent.display(), list(&names))),
    }
}

/// Copies a file with its permissions.
fn copy_file(context: &mut Context, from: &Path, shown: &str) -> StepResult {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let name = from.display().to_string();
    let file = open(from, flags, Mode::empty()).map_err(|error| cannot("read", &name, &error.into()))?;
    let place = Place::make(context, shown)?;
    place.copy_from(&File::from(file), context.watch())
}

/// Copies a directory with all that is in it. Symbolic links stay links.
pub(super) fn copy_tree(context: &mut Context, from: &Path, shown: &str) -> StepResult {
    let mut left = vec![(from.to_owned(), shown.to_owned())];
    while let Some((from, shown)) = left.pop() {
        let unreadable = |error: std::io::Error| cannot("read", &from.display().to_string(), &error);
        if Path::new(&shown).file_name().is_some() {
            place::make_directory(context, &shown)?;
        }
        for entry in fs::read_dir(&from).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(Failure::new(format!("cannot copy {}: its name is not UTF-8", entry.path().display())));
            };
            let below = format!("{}/{name}", shown.trim_end_matches('/'));
            let metadata = fs::symlink_metadata(entry.path()).map_err(unreadable)?;
            if metadata.is_dir() {
                left.push((entry.path(), below));
            } else if metadata.is_symlink() {
                let target = fs::read_link(entry.path()).map_err(unreadable)?;
                Place::make(context, &below)?.link_to(&target)?;
            } else if metadata.is_file() {
                copy_file(context, &entry.path(), &below)?;
            } else {
                let message = format!("cannot copy {}: it is {}", entry.path().display(), kind(&metadata));
                return Err(Failure::new(message));
            }
            context.watch().check()?;
        }
    }
    Ok(())
}

/// Returns the names below a directory, unless there are very many.
fn below(directory: &Path) -> Option<Vec<String>> {
    const MOST: usize = 1000;
    let mut names = Vec::new();
    let mut left = vec![(directory.to_owned(), String::new())];
    while let Some((directory, prefix)) = left.pop() {
        for entry in fs::read_dir(directory).ok()? {
            let entry = entry.ok()?;
            let name = format!("{prefix}{}", entry.file_name().to_str()?);
            if entry.file_type().ok()?.is_dir() {
                left.push((entry.path(), format!("{name}/")));
            }
            names.push(name);
            if names.len() > MOST {
                return None;
            }
        }
    }
    Some(names)
}

fn check_file(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check(captures, state, Copied::File)
}

fn check_directory(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    check(captures, state, Copied::Directory)
}

fn check(captures: &Captures, state: &mut PreflightState, copied: Copied) -> Vec<Problem> {
    let name = captures.get(copied.capture()).unwrap_or_default();
    state.creates(name);
    if copied == Copied::Directory
        && let Ok((written, from)) = source(captures, copied.capture(), &state.source_directory)
    {
        match below(&from).filter(|_| !names_value(written)) {
            Some(names) => {
                for below in names {
                    state.creates(&format!("{name}/{below}"));
                }
            }
            None => state.anything_goes = true,
        }
    }
    let mut problems = outside(captures, &[copied.capture()]);
    let capture = if captures.get("source").is_some() { "source" } else { copied.capture() };
    if let Ok((written, from)) = source(captures, copied.capture(), &state.source_directory)
        && !names_value(written)
        && let Err(error) = look(&from, written, copied, &state.source_directory)
    {
        let problem = Problem::new(capture, ProblemKind::MissingSource, error.message);
        let beside = state.known.get("DOCDIR").filter(|directory| Path::new(directory).join(written).exists());
        if let Some(directory) = beside.filter(|_| !Path::new(written).is_absolute() && !from.exists()) {
            let (word, name) = (copied.word(), captures.get(copied.capture()).unwrap_or_default());
            let help = format!("it is in {directory}: write `{word} {name} copied from ${{DOCDIR}}/{written}`");
            problems.push(problem.help(help));
            return problems;
        }
        let problem = error.notes.into_iter().fold(problem, Problem::help);
        problems.push(error.help.into_iter().fold(problem, Problem::help));
    }
    problems
}
