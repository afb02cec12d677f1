//! Removes directories that scenarios have written to.
//!
//! They may contain anything: links out of them, directories without write permission, ten thousand
//! levels, a mount of something valuable. So the walk goes by descriptors, follows no link, enters
//! no mount, adds missing permissions, takes away attributes that protect files, and never holds
//! more than a few descriptors: deeper levels are moved up first.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, IFlags, Mode, OFlags, StatxFlags, chmodat, fchmod, fstat, ioctl_getflags,
    ioctl_setflags, openat, renameat, statx, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use crate::isolation::SystemError;

/// Removes a directory with its content. A missing one is fine; a link in its place is not
/// followed.
///
/// # Errors
///
/// When something cannot be removed: it belongs to another user, or is a mount.
pub fn remove(path: &Path) -> io::Result<()> {
    match unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // It is a directory, depending on the file system.
        Err(Errno::ISDIR | Errno::PERM | Errno::ACCESS) => {}
        Err(error) => return Err(error.into()),
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let parent = openat(CWD, parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    clear(&enter(parent.as_fd(), name)?)?;
    let remove = || match unlinkat(&parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    };
    match remove() {
        // What it is in does not belong to the scenario.
        Err(Errno::PERM) if unprotect(parent.as_fd(), name) => Ok(remove()?),
        other => Ok(other?),
    }
}

/// Removes the content of a directory.
pub(crate) fn clear(top: &OwnedFd) -> io::Result<()> {
    let mut walk = Walk { top: top.as_fd(), moved: 0 };
    loop {
        let before = walk.moved;
        // Read again each time, by a new descriptor: the position of this one does not change.
        walk.clear(open(top, c".")?, 0)?;
        if walk.moved == before {
            return Ok(());
        }
    }
}

/// The most levels, and so descriptors, that are open at a time.
const DEPTH: usize = 16;

struct Walk<'a> {
    top: BorrowedFd<'a>,
    /// How many directories were moved up; each gets the next number as its name.
    moved: u64,
}

impl Walk<'_> {
    fn clear(&mut self, directory: OwnedFd, depth: usize) -> io::Result<()> {
        let mut entries = Dir::new(directory)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let directory = entries.fd()?;
            let is_directory = match entry.file_type() {
                FileType::Directory => true,
                // Some file systems do not say: try.
                FileType::Unknown => matches!(Self::unlink(directory, name), Err(Errno::ISDIR | Errno::PERM)),
                _ => {
                    Self::unlink(directory, name).map_err(|error| failed(name, error))?;
                    false
                }
            };
            if !is_directory {
                continue;
            }
            match enter(directory, name) {
                Ok(below) if depth < DEPTH => {
                    self.clear(below, depth + 1)?;
                    let directory = entries.fd()?;
                    let remove = || unlinkat(directory, name, AtFlags::REMOVEDIR);
                    let removed = match remove() {
                        Err(Errno::PERM) if unprotect_below(directory, name) => remove(),
                        other => other,
                    };
                    removed.map_err(|error| failed(name, error))?;
                }
                // At the deepest level, or no descriptors are left.
                Ok(_) => self.move_up(directory, name)?,
                Err(Errno::MFILE | Errno::NFILE) if depth > 0 => self.move_up(directory, name)?,
                // Another process has replaced it meanwhile.
                Err(Errno::NOTDIR | Errno::LOOP) => Self::unlink(directory, name)?,
                Err(Errno::XDEV) => {
                    let message = format!("{} is a mount, and was left alone", name.to_string_lossy());
                    return Err(io::Error::other(message));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes an entry that is not a directory. Adds missing permissions; a missing entry is fine.
    fn unlink(directory: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
        let unlink = || match unlinkat(directory, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        };
        match unlink() {
            Err(Errno::ACCESS) => {
                fchmod(directory, Mode::RWXU)?;
                unlink()
            }
            Err(Errno::PERM) if unprotect_below(directory, name) => unlink(),
            other => other,
        }
    }

    /// Moves a directory to the top, under an unused name.
    fn move_up(&mut self, directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        // A directory that changes its parent must be writable.
        let _ = chmodat(directory, name, Mode::RWXU, AtFlags::empty());
        loop {
            self.moved += 1;
            match renameat(directory, name, self.top, format!("moved-up-{}", self.moved)) {
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                Err(Errno::PERM) if unprotect_below(directory, name) => {}
                other => return Ok(other?),
            }
        }
    }
}

/// Returns the error about an entry that cannot be removed.
fn failed(name: &CStr, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{}: {}", name.to_string_lossy(), SystemError::from(&error)))
}

/// Takes away attributes by which an entry cannot be removed (`chattr +i`, `+a`). Returns whether there were any.
fn unprotect<P: rustix::path::Arg + Copy>(at: BorrowedFd<'_>, name: P) -> bool {
    let status = statx(at, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE);
    // To open another kind of file may wait, or have effects.
    let can_open = status.is_ok_and(|status| {
        matches!(FileType::from_raw_mode(status.stx_mode.into()), FileType::RegularFile | FileType::Directory)
    });
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Some(file) = can_open.then(|| openat(at, name, flags, Mode::empty()).ok()).flatten() else { return false };
    let protects = IFlags::IMMUTABLE.union(IFlags::APPEND);
    let flags = ioctl_getflags(&file).ok().filter(|flags| flags.intersects(protects));
    flags.is_some_and(|flags| ioctl_setflags(&file, flags.difference(protects)).is_ok())
}

/// Takes such attributes away from an entry and from the directory that it is in, which is being removed, too.
fn unprotect_below(directory: BorrowedFd<'_>, name: &CStr) -> bool {
    let above = unprotect(directory, c".");
    unprotect(directory, name) || above
}

/// Opens a directory below another one.
///
/// A mount in its place is unmounted if that is allowed, and otherwise not entered: its content
/// does not belong to the scenario.
pub(crate) fn enter<P: rustix::path::Arg + Copy>(at: BorrowedFd<'_>, name: P) -> Result<OwnedFd, Errno> {
    // Several mounts may be stacked.
    for _ in 0..64 {
        let below = open(at, name)?;
        if mount_of(at)? == mount_of(below.as_fd())? {
            return Ok(below);
        }
        let path = format!("/proc/self/fd/{}", below.as_raw_fd());
        let Ok(path) = std::fs::read_link(path) else { return Err(Errno::XDEV) };
        drop(below);
        if unmount(&path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).is_err() {
            return Err(Errno::XDEV);
        }
    }
    Err(Errno::XDEV)
}

/// Returns the mount of an open directory, and its device, which is all that old kernels know.
fn mount_of(directory: BorrowedFd<'_>) -> Result<(u64, u64), Errno> {
    match statx(directory, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID | StatxFlags::BASIC_STATS) {
        Ok(status) => Ok((status.stx_mnt_id, rustix::fs::makedev(status.stx_dev_major, status.stx_dev_minor))),
        // A seccomp filter may refuse it.
        Err(_) => Ok((0, fstat(directory)?.st_dev)),
    }
}

/// Opens a directory and gives its owner all permissions if needed; fails for a link.
fn open<P: rustix::path::Arg + Copy>(at: impl AsFd, path: P) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let at = at.as_fd();
    match openat(at, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // Not a link, which gives another error; and its parent is writable.
            chmodat(at, path, Mode::RWXU, AtFlags::empty())?;
            openat(at, path, flags, Mode::empty())
        }
        other => other,
    }
}
