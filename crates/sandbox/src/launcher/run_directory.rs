//! The directory of a run, and stale ones of runs whose processes were all killed.
//!
//! The directory has a lock file, which the launcher and every stage's first process and worker
//! hold. The kernel releases it when the last of them has ended, however it ended. So the next run
//! knows which directories are stale, where an age would only be a guess.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::umask;

use crate::tree;

/// The name of the lock file. A directory without it is never removed.
const LOCK: &str = "greenroom.lock";
const PREFIX: &str = "greenroom-";

/// Others may pass through, to what a scenario opens to them, but not list it.
const PASSABLE: u32 = 0o711;

/// The mode of a stage's own directory: other users may pass through.
pub(crate) const STAGE_MODE: u32 = 0o711;
/// The mode of its data directory.
pub(crate) const DATA_MODE: u32 = 0o755;

/// The directory of a run, with its lock held.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    lock: File,
}

impl RunDirectory {
    /// Creates one.
    pub(crate) fn create(parent: &Path) -> io::Result<Self> {
        // First, since the error of creating one would name a path that the user does not know.
        fs::metadata(parent)?;
        loop {
            let made = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(fs::Permissions::from_mode(PASSABLE))
                .tempdir_in(parent)
                // Without its text, which names a path that the user does not know. A full disk has
                // only a number.
                .map_err(|error| error.raw_os_error().map_or(error.kind().into(), io::Error::from_raw_os_error))?;
            let lock = File::options().write(true).create_new(true).mode(0o600).open(made.path().join(LOCK))?;
            // Another run that looks for stale directories may have removed it, or be about to.
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && is_at(&lock, &made.path().join(LOCK)) {
                // Without symbolic links in its path, as mounts need it.
                let path = made.path().canonicalize()?;
                let _ = made.keep();
                return Ok(Self { path, lock });
            }
        }
    }

    /// Finds directories in `parent` that belong to this user and that no process uses any more.
    pub(crate) fn stale(parent: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
        let named = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        entries.flatten().filter(named).filter_map(|entry| Self::take_over(entry.path())).collect()
    }

    /// Takes over a stale directory.
    fn take_over(path: PathBuf) -> Option<Self> {
        let own = rustix::process::geteuid().as_raw();
        let ours = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == own);
        if !ours {
            return None;
        }
        let lock = open_lock(&path)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        // Its owner may have removed it while we were opening it.
        let is_ours = lock.metadata().ok()?.uid() == own && is_at(&lock, &path.join(LOCK));
        is_ours.then_some(Self { path, lock })
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it to the user.
    pub(crate) fn keep(self) {
        leave(&self.path);
    }

    /// Removes it. The lock file goes last, so that what an accident leaves is still recognised as
    /// stale.
    pub(crate) fn remove(self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)?.flatten().filter(|entry| entry.file_name() != LOCK) {
            tree::remove(&entry.path())?;
        }
        let removed = tree::remove(&self.path);
        drop(self.lock);
        removed
    }
}

/// Creates files that their owner can use, whatever the umask is. A process has one umask for all
/// its threads.
pub(crate) fn with_open_umask<T>(work: impl FnOnce() -> T) -> T {
    let mask = umask(Mode::empty());
    umask(mask.difference(Mode::RWXU));
    let result = work();
    umask(mask);
    result
}

/// Creates directories that every user may pass through, whatever the umask is.
pub(crate) fn with_passable_umask<T>(work: impl FnOnce() -> T) -> T {
    let mask = umask(Mode::WGRP | Mode::WOTH);
    let result = work();
    umask(mask);
    result
}

/// Creates the directory of a stage with its data directory, if possible from a spare one.
pub(crate) fn create_stage(own: &Path, data: &Path, spare: Option<&Path>) -> io::Result<()> {
    if spare.is_some_and(|spare| fs::rename(spare, own).is_ok()) {
        return Ok(());
    }
    // The parent first: if it is below /tmp, it is bound into the new /tmp. Programs that drop to
    // another user may pass through it.
    fs::DirBuilder::new().mode(STAGE_MODE).create(own)?;
    fs::DirBuilder::new().mode(DATA_MODE).create(data)
}

/// Lets every user pass through the directory of a run to that of a stage.
pub(crate) fn open_to_users(stage: &Path) -> io::Result<()> {
    let Some(run) = stage.parent() else { return Ok(()) };
    fs::set_permissions(run, fs::Permissions::from_mode(PASSABLE))
}

/// Leaves the directory of a run to the user: it is not stale from now on.
pub(crate) fn leave(path: &Path) {
    let _ = fs::remove_file(path.join(LOCK));
}

/// Whether this path leads to an open file.
fn is_at(file: &File, path: &Path) -> bool {
    let there = fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    file.metadata().is_ok_and(|metadata| Some((metadata.dev(), metadata.ino())) == there)
}

fn open_lock(directory: &Path) -> Option<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).ok()?;
    let lock = File::options().read(true).custom_flags(flags).open(directory.join(LOCK)).ok()?;
    lock.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(lock)
}

/// Removes the directory of a run whose launcher was killed.
///
/// Waits until the last of its stages has ended, for at most `limit`.
pub(crate) fn remove_orphaned(path: &Path, limit: Duration) {
    let until = Instant::now() + limit;
    while let Some(lock) = open_lock(path) {
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = RunDirectory { path: path.to_owned(), lock }.remove();
            return;
        }
        if Instant::now() >= until {
            return;
        }
        // A released lock has no event, other than a wait without a limit.
        let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 }));
    }
}
