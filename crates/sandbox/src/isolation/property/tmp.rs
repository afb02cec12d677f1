//! Property `tmp`: an empty `/tmp` and `/dev/shm`.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, mount, mount_bind_recursive};

use super::definition::{Definition, Requirement, Setup};
use crate::covered::COVERED;
use crate::isolation::failure::{Call, FailedCall};
use crate::sys;

pub(super) const DEFINITION: Definition = Definition {
    name: "tmp",
    own: "each scenario has its own empty /tmp and /dev/shm",
    shared: "scenarios share the host's /tmp and /dev/shm",
    requires: Requirement::None,
    clone_namespaces: 0,
    unshare_namespaces: |_| sys::NEW_MOUNTS,
    set_up,
    verify: || Ok(()),
    advice: |_| None,
};

fn set_up(setup: &Setup<'_>) -> Result<(), FailedCall> {
    COVERED.into_iter().try_for_each(|directory| cover(Path::new(directory), &setup.room.keep))
}

/// Mounts an empty file system over a directory, and binds the directories in `keep` to their
/// places.
fn cover(directory: &Path, keep: &[PathBuf]) -> Result<(), FailedCall> {
    // A mount follows symbolic links, and the paths in `keep` have none.
    let Ok(directory) = fs::canonicalize(directory) else { return Ok(()) };
    if !directory.is_dir() || keep.contains(&directory) {
        // The run uses that very directory, so it has to stay.
        return Ok(());
    }
    let mut below: Vec<&PathBuf> = keep.iter().filter(|path| path.starts_with(&directory)).collect();
    // A directory inside another one of the list comes with that one.
    below.sort();
    below.dedup_by(|inner, outer| inner.starts_with(outer));
    let mut bound: Vec<(&PathBuf, OwnedFd)> = Vec::new();
    for path in below {
        if let Ok(fd) = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            bound.push((path, fd));
        }
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", &directory, "tmpfs", flags, c"mode=1777")
        .map_err(FailedCall::of(Call::MountTmpfs(directory.clone())))?;
    for (path, fd) in bound {
        let (path, under) = (path.clone(), directory.clone());
        fs::create_dir_all(&path)
            .map_err(FailedCall::of(Call::MakeDirectory { path: path.clone(), under: under.clone() }))?;
        let source = format!("/proc/self/fd/{}", fd.as_raw_fd());
        mount_bind_recursive(source, &path).map_err(FailedCall::of(Call::Bind { path, under }))?;
    }
    Ok(())
}
