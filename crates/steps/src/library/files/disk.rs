//! The disk of a scenario: a file system of limited size in place of its directory.
//!
//! It is there from the first step on, wherever the step that asks for it stands. The step itself only
//! looks whether it is there.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use greenroom_event::words;
use rustix::fs::{Mode, OFlags, SeekFrom, open, seek, statvfs};
use rustix::io::Errno;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// The function of the step that asks for a disk.
pub const DISK: &str = "files_disk";

/// What the directory with the content of a disk is called, beside the scenario's directory.
pub const KEPT: &str = "disk";

/// The bytes of a megabyte, as disks are sold.
const MEGABYTE: u64 = 1_000_000;
/// The largest disk, in megabytes.
const LARGEST: u64 = 1_000_000;
/// What programs write when a disk is full.
const PHRASES: [&str; 3] = ["no space left", "enospc", "disk full"];

/// The disk of a scenario, once its step has looked at it.
#[derive(Debug, Default)]
struct Disk {
    bytes: Option<u64>,
}

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step(DISK, disk, Check::With(check))
}

/// Returns the size of the disk that a step asks for, in bytes, if it is valid.
pub fn disk_size(captures: &Captures) -> Option<u64> {
    let megabytes = captures.get("megabytes")?.parse::<u64>().ok()?;
    (1..=LARGEST).contains(&megabytes).then_some(megabytes * MEGABYTE)
}

fn disk(context: &mut Context, captures: &Captures) -> StepResult {
    let bytes = disk_size(captures).ok_or_else(|| Failure::new(INVALID))?;
    let present = statvfs(context.directory())?;
    // A disk has whole pages.
    let actual = present.f_blocks.saturating_mul(present.f_frsize);
    if !(bytes..bytes + (1 << 16)).contains(&actual) {
        return Err(Failure::new("the scenario has no such disk")
            .note("a disk is made before the first step, for a step of the scenario itself")
            .help("write `given a disk of N MB` in the document, not in a function"));
    }
    context.state::<Disk>().bytes = Some(bytes);
    Ok(())
}

const INVALID: &str = "a disk has from 1 to 1000000 MB";

fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let problem = |kind, message: &str| vec![Problem::new("megabytes", kind, message)];
    if disk_size(captures).is_none() {
        return problem(ProblemKind::InvalidSize, INVALID);
    }
    if std::mem::replace(&mut state.has_disk, true) {
        return problem(ProblemKind::Other("second-disk"), "an earlier step gives the scenario its disk");
    }
    if state.visible.is_none() {
        let message = "a disk needs a sealed scenario, and `--sandbox tended` makes none";
        let problem = Problem::new("megabytes", ProblemKind::Other("no-disk"), message);
        return vec![problem.help("leave the option out")];
    }
    Vec::new()
}

/// Adds the size of the scenario's disk to a failure, if it is full or `texts` say that it was.
pub(crate) fn with_disk<'a>(
    context: &mut Context,
    failure: Failure,
    mut texts: impl Iterator<Item = &'a str>,
) -> Failure {
    let Some(bytes) = context.state::<Disk>().bytes else { return failure };
    let Ok(present) = statvfs(context.directory()) else { return failure };
    let free = present.f_bavail.saturating_mul(present.f_frsize);
    let was_full = |text: &str| {
        let text = text.to_ascii_lowercase();
        PHRASES.iter().any(|phrase| text.contains(phrase))
    };
    if free > 0 && !texts.any(was_full) {
        return failure;
    }
    failure.note(format!(
        "the disk of the scenario has {}, of which {} are free",
        words::size(bytes),
        words::size(free)
    ))
}

/// Copies what is on the scenario's disk to the machine's, beside the scenario's directory.
///
/// # Errors
///
/// When something cannot be copied. The rest is there.
pub fn keep_disk(context: &mut Context) -> io::Result<()> {
    if context.state::<Disk>().bytes.is_none() {
        return Ok(());
    }
    let (from, to) = (context.directory().to_owned(), context.backstage().join(KEPT));
    fs::create_dir(&to)?;
    let mut left: Vec<(PathBuf, PathBuf)> = vec![(from, to)];
    let mut outcome = Ok(());
    while let Some((from, to)) = left.pop() {
        make_readable(&from, 0o700);
        for entry in fs::read_dir(&from)?.flatten() {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            let copied = entry.metadata().and_then(|there| {
                if there.is_dir() {
                    fs::create_dir(&to)?;
                    left.push((from, to));
                } else if there.is_symlink() {
                    symlink(fs::read_link(&from)?, &to)?;
                } else if there.is_file() {
                    copy(&from, &to)?;
                }
                Ok(())
            });
            outcome = outcome.and(copied);
        }
    }
    outcome
}

/// Gives the owner of a file access to it, whatever the scenario did to its mode.
fn make_readable(path: &Path, mode: u32) {
    if let Ok(there) = fs::symlink_metadata(path)
        && there.mode() & mode != mode
    {
        // The copy fails if this does.
        let _ = fs::set_permissions(path, Permissions::from_mode(there.mode() & 0o7777 | mode));
    }
}

/// Copies a file with its permissions. What takes no space in it takes none in the copy.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = fs::symlink_metadata(from)?.mode() & 0o7777;
    make_readable(from, 0o400);
    let from = File::from(open(from, flags, Mode::empty())?);
    let to = File::create_new(to)?;
    let mut buffer = vec![0; 1 << 16];
    let mut at = 0;
    loop {
        at = match seek(&from, SeekFrom::Data(at)) {
            Ok(at) => at,
            // There is nothing behind it.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = seek(&from, SeekFrom::Hole(at))?;
        while at < end {
            let most = usize::try_from(end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            let read = from.read_at(&mut buffer[..most], at)?;
            if read == 0 {
                break;
            }
            to.write_all_at(&buffer[..read], at)?;
            at += read as u64;
        }
    }
    to.set_len(from.metadata()?.len())?;
    to.set_permissions(Permissions::from_mode(mode))
}
