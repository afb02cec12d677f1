//! What keeps a stage apart, and setting it up.
//!
//! Sealed means: process table, mounts, network, System V objects and host name of its own; loopback up; a fresh `/proc`,
//! `/tmp` and `/dev/shm`. What the kernel refuses of it is said by name of the step and the kernel's error, and the run
//! goes on without namespaces ("tended"): the first process is then a child subreaper and kills what descends from it.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use serde::{Deserialize, Serialize};

use crate::sys;

/// Which sandbox the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SandboxChoice {
    /// Sealed where the machine allows it, else tended.
    #[default]
    Auto,
    /// Sealed or nothing.
    Sealed,
    /// Without namespaces.
    Tended,
}

/// What a launcher found it can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// How stages are made.
    pub(crate) rung: Rung,
    /// Why not sealed, in words.
    pub reason: Option<String>,
}

impl Isolation {
    /// Whether stages are sealed.
    pub fn sealed(&self) -> bool {
        self.rung != Rung::Tended
    }
}

/// How stages are made, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rung {
    /// Namespaces by the right of root.
    Sealed,
    /// Namespaces inside a user namespace in which the user keeps the own user id.
    SealedAsUser,
    /// No namespaces.
    Tended,
}

impl Rung {
    /// The namespaces that must be there from the clone on; the rest is unshared by the first process itself, which takes
    /// most of the time and so happens beside the launcher's next clone.
    pub(crate) fn clone_flags(self) -> i32 {
        match self {
            Self::Sealed => sys::NEW_PID,
            Self::SealedAsUser => sys::NEW_PID | sys::NEW_USER,
            Self::Tended => 0,
        }
    }
}

/// What goes into a stage's namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Room {
    /// Whether the stage has the machine's network.
    pub(crate) host_network: bool,
    /// Directories, without links in their paths, that must stay visible under the stage's own /tmp and /dev/shm.
    pub(crate) keep: Vec<PathBuf>,
}

/// A step of the set-up that the kernel refused.
#[derive(Debug)]
pub(crate) struct Refused {
    what: String,
    error: io::Error,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.error)
    }
}

fn refused<E: Into<io::Error>>(what: &str) -> impl FnOnce(E) -> Refused {
    let what = what.to_owned();
    move |error| Refused { what, error: error.into() }
}

/// Sets the present process's namespaces up. It is the first process of its process namespace, and with `as_user` in a new user namespace.
pub(crate) fn enter(room: &Room, as_user: Option<(u32, u32)>) -> Result<(), Refused> {
    if let Some((user, group)) = as_user {
        keep_ids(user, group)?;
    }
    let mut namespaces = sys::NEW_ROOM;
    if room.host_network {
        namespaces &= !libc::CLONE_NEWNET;
    }
    patiently(|| sys::unshare(namespaces)).map_err(refused("unshare mounts, network, IPC and host name"))?;
    // Before anything is mounted: else the host would see it.
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private).map_err(refused("make mounts private"))?;
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    mount("proc", "/proc", "proc", plain | MountFlags::NOEXEC, None).map_err(refused("mount /proc"))?;
    own_directory("/dev/shm", &room.keep)?;
    own_directory("/tmp", &room.keep)?;
    if !room.host_network {
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
            .map_err(refused("open a socket"))?;
        sys::raise_loopback(&socket).map_err(refused("raise the loopback interface"))?;
        if as_user.is_some() {
            // As outside for root: ports below 1024 and ping sockets. Without it, only those two do not work.
            let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
            let _ = fs::write(
                "/proc/sys/net/ipv4/ping_group_range",
                format!("{0} {0}", as_user.map_or(0, |(_, group)| group)),
            );
        }
    }
    Ok(())
}

/// Maps the user and group to themselves: `id`, file owners and permission checks look as they do outside.
fn keep_ids(user: u32, group: u32) -> Result<(), Refused> {
    let write = |file: &str, text: String| fs::write(file, text).map_err(refused(file));
    // The kernel wants this before an unprivileged process may map a group.
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Puts an empty tmpfs over a directory for temporary files, with the directories in `keep` bound back at their places.
fn own_directory(directory: &str, keep: &[PathBuf]) -> Result<(), Refused> {
    // Where it really is: a mount follows links, and the paths in `keep` have none.
    let Ok(directory) = fs::canonicalize(directory) else { return Ok(()) };
    if !directory.is_dir() || keep.contains(&directory) {
        // Somebody works in that very directory, so it has to stay.
        return Ok(());
    }
    let mut below: Vec<&PathBuf> = keep.iter().filter(|path| path.starts_with(&directory)).collect();
    // A directory inside another one of the list comes with it.
    below.sort();
    below.dedup_by(|inner, outer| inner.starts_with(outer));
    let mut bound: Vec<(&PathBuf, OwnedFd)> = Vec::new();
    for path in below {
        if let Ok(fd) = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            bound.push((path, fd));
        }
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let what = format!("mount {}", directory.display());
    mount("tmpfs", &directory, "tmpfs", flags, c"mode=1777").map_err(refused(&what))?;
    for (path, fd) in bound {
        let what = || format!("bind {} under the new {}", path.display(), directory.display());
        fs::create_dir_all(path).map_err(|error| Refused { what: what(), error })?;
        let source = format!("/proc/self/fd/{}", fd.as_raw_fd());
        mount_bind_recursive(source, path).map_err(|error| Refused { what: what(), error: error.into() })?;
    }
    Ok(())
}

/// How long a lack that may pass is met with patience.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Whether an error may only mean that something is not given back yet: namespaces are taken down in the background, and
/// count against their quota until then.
pub(crate) fn may_pass(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM | libc::ENOSPC))
}

/// Does something again and again while it lacks what may be given back.
pub(crate) fn patiently<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match act() {
            Err(error) if may_pass(&error) && begun.elapsed() < PATIENCE => {
                // There is no event for it: look again in 10 ms.
                let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
            }
            other => return other,
        }
    }
}
