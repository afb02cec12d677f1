//! Steps that change files: append, copy, rename, link, permissions, replace.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::copied::copy_tree;
use super::names::{directory, is_absence};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::Bytes;
use crate::library::place::{self, Place, cannot, missing, never_created, outside};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("files_make_empty", make_empty, Check::With(check_made))
        .step("files_append", append, Check::With(check_made))
        .step("files_copy", copy, Check::With(check_moved))
        .step("files_copy_directory", copy_directory, Check::With(check_moved))
        .step("files_rename", rename, Check::With(check_moved))
        .step("files_link", link, Check::With(check_link))
        .step("files_set_mode", set_mode, Check::With(check_mode))
        .step("files_replace_text", replace_text, Check::With(check_replaced))
}

fn make_empty(context: &mut Context, captures: &Captures) -> StepResult {
    Place::make(context, captures.text("filename")?)?.write(b"", false)
}

fn append(context: &mut Context, captures: &Captures) -> StepResult {
    let text = captures.text("text")?;
    Place::make(context, captures.text("filename")?)?.append(text.as_bytes())
}

fn copy(context: &mut Context, captures: &Captures) -> StepResult {
    let file = place::read(context, captures.text("from")?)?;
    let place = Place::make(context, captures.text("to")?)?;
    if place.is_same(&file) {
        return Err(Failure::new(format!("{} is the file itself", captures.text("to")?)));
    }
    place.copy_from(&file, context.watch())
}

fn copy_directory(context: &mut Context, captures: &Captures) -> StepResult {
    let (from, to) = (captures.text("from")?.to_owned(), captures.text("to")?.to_owned());
    let source = directory(context, &from)?;
    let (real, target) = (source.canonicalize(), context.inside(&to)?);
    let is_inside = real.is_ok_and(|real| {
        let above = target.ancestors().find_map(|above| above.canonicalize().ok());
        above.is_some_and(|above| above.starts_with(&real))
    });
    if is_inside {
        return Err(Failure::new(format!("cannot copy directory {from} to {to}: that is inside of it")));
    }
    copy_tree(context, &source, &to)
}

fn rename(context: &mut Context, captures: &Captures) -> StepResult {
    let from = Place::of(context, captures.text("from")?)?;
    let to = Place::make(context, captures.text("to")?)?;
    from.move_to(context, &to)
}

fn link(context: &mut Context, captures: &Captures) -> StepResult {
    Place::make(context, captures.text("filename")?)?.link_to(Path::new(captures.text("target")?))
}

fn set_mode(context: &mut Context, captures: &Captures) -> StepResult {
    let mode = mode(captures.text("mode")?)?;
    Place::of(context, captures.text("filename")?)?.set_mode(context, mode)
}

/// Reads permissions in octal digits: `644`, `0755`.
pub(super) fn mode(text: &str) -> Result<u32, Failure> {
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = if is_octal { u32::from_str_radix(text, 8).ok() } else { None };
    mode.ok_or_else(|| {
        Failure::new(format!("invalid mode: {text}")).help("write it in octal digits, such as 644, 0600 or 755")
    })
}

fn replace_text(context: &mut Context, captures: &Captures) -> StepResult {
    let (shown, old, new) = (captures.text("filename")?, captures.text("old")?, captures.text("new")?);
    let file = place::read(context, shown)?;
    let bytes = Bytes::of(&file)?.all().map_err(|error| cannot("read", shown, &error))?.into_owned();
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("file {shown} is not UTF-8")))?;
    if !text.contains(old) {
        let error = Failure::new(format!("file {shown} does not contain the text to replace"));
        return Err(error.note(format!("it does not contain `{old}`")));
    }
    drop(file);
    Place::of(context, shown)?.write(text.replace(old, new).as_bytes(), false)
}

fn check_made(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.creates(captures.get("filename").unwrap_or_default());
    outside(captures, &["filename"])
}

fn check_moved(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "from", "file", state);
    let (from, to) = (captures.get("from").unwrap_or_default(), captures.get("to").unwrap_or_default());
    // What is in a directory comes with it.
    let below: Vec<String> = state.files.iter().filter_map(|file| file.strip_prefix(from)).map(str::to_owned).collect();
    for rest in below {
        state.creates(&format!("{to}{rest}"));
    }
    state.creates(to);
    outside(captures, &["from", "to"]).into_iter().chain(absent).collect()
}

fn check_link(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    state.creates(captures.get("filename").unwrap_or_default());
    // What the link leads to may have any content.
    state.anything_goes |= captures.get("target").is_some_and(|target| Path::new(target).is_absolute());
    outside(captures, &["filename"])
}

fn check_mode(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "filename", "file", state);
    outside(captures, &["filename"]).into_iter().chain(absent).chain(invalid_mode(captures)).collect()
}

/// Returns the problem of a mode that is not one.
pub(super) fn invalid_mode(captures: &Captures) -> Option<Problem> {
    let error = mode(captures.known("mode")?).err()?;
    let problem = Problem::new("mode", ProblemKind::InvalidNumber, error.message);
    Some(error.help.into_iter().fold(problem, Problem::help))
}

fn check_replaced(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let absent = never_created(captures, "filename", "file", state);
    let empty = captures.get("old").filter(|old| old.is_empty()).map(|_| {
        Problem::new("old", ProblemKind::EmptyPattern, "the text to replace is empty")
            .help("write the text between the quotes")
    });
    outside(captures, &["filename"]).into_iter().chain(absent).chain(empty).collect()
}

/// Returns the number of lines of a file; the last one need not end with a newline.
pub(super) fn count_lines(context: &mut Context, shown: &str) -> Result<u64, Failure> {
    let mut file = place::read(context, shown)?;
    let mut buffer = vec![0; 1 << 16];
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let read = file.read(&mut buffer).map_err(|error| cannot("read", shown, &error))?;
        let Some(&end) = buffer[..read].last() else { break };
        lines += buffer[..read].split(|&byte| byte == b'\n').count() as u64 - 1;
        last = end;
        context.watch().check()?;
    }
    Ok(lines + u64::from(last != b'\n'))
}

/// Returns the metadata of what a name leads to.
pub(super) fn metadata_of(context: &Context, kind: &str, shown: &str) -> Result<fs::Metadata, Failure> {
    fs::metadata(context.inside(shown)?).map_err(|error| {
        if is_absence(&error) { missing(context, kind, shown) } else { cannot("look at", shown, &error) }
    })
}
