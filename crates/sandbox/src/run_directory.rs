//! The directory of a run, and those that runs have left behind whose every process was killed.
//!
//! A lock file in it, held by the launcher and by every stage's first process and worker, says that somebody still uses it:
//! the kernel lets go of it when the last of them has ended, however that was. So the next run can tell what is stale, where an
//! age would only be a guess.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::umask;

use crate::tree;

/// The lock file's name. A directory without it is nobody's to remove.
const LOCK: &str = "greenroom.lock";
const PREFIX: &str = "greenroom-";

/// A run's directory with its lock held.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    lock: File,
}

impl RunDirectory {
    /// Makes one.
    pub(crate) fn make(parent: &Path) -> io::Result<Self> {
        // Asked first: the error of making one would name a path that nobody has seen.
        fs::metadata(parent)?;
        loop {
            let made = tempfile::Builder::new()
                .prefix(PREFIX)
                // Others may pass through, to what a scenario opens to them, but not look around.
                .permissions(fs::Permissions::from_mode(0o711))
                .tempdir_in(parent)
                // Its kind only: the rest names a path that nobody has seen. A full disk has no kind of its own to lose.
                .map_err(|error| error.raw_os_error().map_or(error.kind().into(), io::Error::from_raw_os_error))?;
            let lock = File::options().write(true).create_new(true).mode(0o600).open(made.path().join(LOCK))?;
            // Somebody who sweeps may have been faster, and have removed it or be about to.
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && is_at(&lock, &made.path().join(LOCK)) {
                // Without links in its path, as mounts need it.
                let path = made.path().canonicalize()?;
                let _ = made.keep();
                return Ok(Self { path, lock });
            }
        }
    }

    /// Directories in `parent` that belong to this user and that nobody uses any more.
    pub(crate) fn stale(parent: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
        let named = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        entries.flatten().filter(named).filter_map(|entry| Self::take_over(entry.path())).collect()
    }

    /// Takes a stale directory.
    fn take_over(path: PathBuf) -> Option<Self> {
        let own = rustix::process::geteuid().as_raw();
        let ours = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == own);
        if !ours {
            return None;
        }
        let lock = open_lock(&path)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        // Whoever had it may have removed it while we were opening it.
        let is_ours = lock.metadata().ok()?.uid() == own && is_at(&lock, &path.join(LOCK));
        is_ours.then_some(Self { path, lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it to the user.
    pub(crate) fn keep(self) {
        leave(&self.path);
    }

    /// Removes it. The lock file goes last, so that what an accident leaves is still known to be stale.
    pub(crate) fn remove(self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)?.flatten().filter(|entry| entry.file_name() != LOCK) {
            tree::remove(&entry.path())?;
        }
        let removed = tree::remove(&self.path);
        drop(self.lock);
        removed
    }
}

/// Makes what its owner must be able to use, whatever the umask is. Processes have one umask for all of their threads.
pub(crate) fn whatever_the_umask<T>(work: impl FnOnce() -> T) -> T {
    let mask = umask(Mode::empty());
    umask(mask.difference(Mode::RWXU));
    let result = work();
    umask(mask);
    result
}

/// Leaves a run's directory to the user: nobody will take it for a stale one any more.
pub(crate) fn leave(path: &Path) {
    let _ = fs::remove_file(path.join(LOCK));
}

/// Whether an open file is the one that has this path.
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

/// Removes a run's directory whose launcher was killed, once the last of its stages has let go of it, or after `limit`.
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
        // There is no event for a lock that comes free, save to wait for it without a limit.
        let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 }));
    }
}
