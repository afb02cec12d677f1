//! Directories of stages that have ended, emptied for the next ones.
//!
//! Two new directories and their removal are a tenth of what a short scenario costs on ext4, which
//! looks for a good place for each. Renaming one costs next to nothing. Whatever a scenario may
//! have changed in a directory itself makes it unfit: its owner, its permissions, its attributes,
//! a size that came from many entries.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, IFlags, Mode, OFlags, StatxFlags, flistxattr, ioctl_getflags, openat, statx};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::run_directory::{DATA_MODE, STAGE_MODE};
use crate::tree;

/// A fresh directory has at most this size, in bytes. One that has grown does not shrink again.
const FRESH_SIZE: u64 = 4096;

/// Attributes of a directory without those that the file system sets itself: that it has extents,
/// and an index.
const CHOSEN_FLAGS: IFlags = IFlags::from_bits_retain(!0x0008_1000);

/// Emptied directories of stages, each with an empty data directory in it.
#[derive(Debug, Default)]
pub(super) struct SpareDirectories(RefCell<Vec<PathBuf>>);

impl SpareDirectories {
    /// Takes one.
    pub(super) fn take(&self) -> Option<PathBuf> {
        self.0.borrow_mut().pop()
    }

    /// Puts one back that was not used.
    pub(super) fn put_back(&self, directory: PathBuf) {
        self.0.borrow_mut().push(directory);
    }

    /// Empties the directory of a stage that has ended with all its processes, and keeps it if it
    /// is as good as new; removes it otherwise.
    pub(super) fn reclaim(&self, directory: &Path, data: &Path) -> io::Result<()> {
        if empty(directory, data).unwrap_or(false) {
            self.put_back(directory.to_owned());
            return Ok(());
        }
        tree::remove(directory)
    }

    /// Removes all of them.
    pub(super) fn remove(&self) {
        for directory in self.0.take() {
            let _ = tree::remove(&directory);
        }
    }
}

/// Empties the data directory; `true` when both directories are as good as new.
fn empty(directory: &Path, data: &Path) -> io::Result<bool> {
    let (Some(run), Some(name), Some(data)) = (directory.parent(), directory.file_name(), data.file_name()) else {
        return Ok(false);
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let run = openat(CWD, run, flags, Mode::empty())?;
    let own = tree::enter(run.as_fd(), name)?;
    let inner = tree::enter(own.as_fd(), data)?;
    let attributes = ioctl_getflags(&run).ok();
    if !is_as_new(&own, STAGE_MODE, attributes) || !is_as_new(&inner, DATA_MODE, attributes) {
        return Ok(false);
    }
    tree::clear(&inner)?;
    let mut entries = Dir::read_from(&own)?;
    let is_alone = entries.all(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name().to_bytes();
            name == b"." || name == b".." || name == data.as_encoded_bytes()
        })
    });
    Ok(is_alone)
}

/// Whether nothing of a directory itself was changed.
fn is_as_new(directory: impl AsFd, mode: u32, attributes: Option<IFlags>) -> bool {
    let directory = directory.as_fd();
    let Ok(status) = statx(directory, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS) else { return false };
    let is_owned = (status.stx_uid, status.stx_gid) == (geteuid().as_raw(), getegid().as_raw());
    let is_open = u32::from(status.stx_mode) & 0o7777 == mode;
    let chosen = |flags: Option<IFlags>| flags.map(|flags| flags.intersection(CHOSEN_FLAGS));
    is_owned
        && is_open
        && status.stx_size <= FRESH_SIZE
        && chosen(ioctl_getflags(directory).ok()) == chosen(attributes)
        && matches!(flistxattr(directory, &mut [0_u8; 64]), Ok(0) | Err(Errno::NOTSUP))
}
