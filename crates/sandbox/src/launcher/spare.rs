//! Directories of stages that have ended, emptied for the next ones.
//!
//! Two new directories and their removal are a tenth of what a short scenario costs on ext4, which
//! looks for a good place for each. Renaming one costs next to nothing. Whatever a scenario may
//! have changed in a directory itself makes it unfit: its owner, its permissions, its attributes,
//! a size that came from many entries. The same holds for files that stay beside the data directory.

use std::cell::RefCell;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, IFlags, Mode, OFlags, Statx, StatxFlags, flistxattr, ftruncate, ioctl_getflags,
    openat, statx, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::run_directory::{DATA_MODE, STAGE_MODE};
use crate::tree;

/// A fresh directory has at most this size, in bytes. One that has grown does not shrink again.
const FRESH_SIZE: u64 = 4096;

/// The permissions of a file that a stage creates: the scenario's umask takes the others away.
const FILE_MODE: u32 = 0o644;

/// Attributes of a directory without those that the file system sets itself: that it has extents,
/// and an index.
const CHOSEN_FLAGS: IFlags = IFlags::from_bits_retain(!0x0008_1000);

/// Emptied directories of stages, each with an empty data directory in it.
#[derive(Debug, Default)]
pub(super) struct SpareDirectories {
    directories: RefCell<Vec<PathBuf>>,
    /// The names of files beside data directories that are emptied, not removed: a new file costs as much as
    /// a directory.
    files: &'static [&'static str],
}

impl SpareDirectories {
    /// Creates an empty list.
    pub(super) fn new(files: &'static [&'static str]) -> Self {
        Self { directories: RefCell::default(), files }
    }

    /// Takes one.
    pub(super) fn take(&self) -> Option<PathBuf> {
        self.directories.borrow_mut().pop()
    }

    /// Puts one back that was not used.
    pub(super) fn put_back(&self, directory: PathBuf) {
        self.directories.borrow_mut().push(directory);
    }

    /// Empties the directory of a stage that has ended with all its processes, and keeps it if it
    /// is as good as new; removes it otherwise.
    pub(super) fn reclaim(&self, directory: &Path, data: &Path) -> io::Result<()> {
        if self.empty(directory, data).unwrap_or(false) {
            self.put_back(directory.to_owned());
            return Ok(());
        }
        tree::remove(directory)
    }

    /// Removes all of them.
    pub(super) fn remove(&self) {
        for directory in self.directories.take() {
            let _ = tree::remove(&directory);
        }
    }

    /// Empties both directories; `true` when they, and the files that stay, are as good as new.
    fn empty(&self, directory: &Path, data: &Path) -> io::Result<bool> {
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
        for entry in Dir::read_from(&own)? {
            let entry = entry?;
            let name = entry.file_name();
            let bytes = name.to_bytes();
            if bytes == b"." || bytes == b".." || bytes == data.as_encoded_bytes() {
                continue;
            }
            let stays = self.files.iter().any(|file| file.as_bytes() == bytes);
            if !(stays && empty_file(own.as_fd(), name, attributes)) {
                // A directory is not removed by this.
                unlinkat(&own, name, AtFlags::empty())?;
            }
        }
        Ok(true)
    }
}

/// Empties a file; `true` when it is as good as new.
fn empty_file(directory: BorrowedFd<'_>, name: &CStr, attributes: Option<IFlags>) -> bool {
    let Ok(status) = statx(directory, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS) else { return false };
    // It may be a pipe or a device now, and to open one may wait, or have effects.
    if FileType::from_raw_mode(status.stx_mode.into()) != FileType::RegularFile || status.stx_nlink != 1 {
        return false;
    }
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(file) = openat(directory, name, flags, Mode::empty()) else { return false };
    is_unchanged(&file, &status, FILE_MODE, attributes) && (status.stx_size == 0 || ftruncate(&file, 0).is_ok())
}

/// Whether nothing of a directory itself was changed.
fn is_as_new(directory: &OwnedFd, mode: u32, attributes: Option<IFlags>) -> bool {
    let Ok(status) = statx(directory, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS) else { return false };
    status.stx_size <= FRESH_SIZE && is_unchanged(directory, &status, mode, attributes)
}

/// Whether a file or directory has its owner, its permissions and the attributes of the run's directory.
fn is_unchanged(file: &OwnedFd, status: &Statx, mode: u32, attributes: Option<IFlags>) -> bool {
    let is_owned = (status.stx_uid, status.stx_gid) == (geteuid().as_raw(), getegid().as_raw());
    let is_open = u32::from(status.stx_mode) & 0o7777 == mode;
    let chosen = |flags: Option<IFlags>| flags.map(|flags| flags.intersection(CHOSEN_FLAGS));
    is_owned
        && is_open
        && chosen(ioctl_getflags(file).ok()) == chosen(attributes)
        && matches!(flistxattr(file, &mut [0_u8; 64]), Ok(0) | Err(Errno::NOTSUP))
}
