//! What keeps a stage apart, and setting it up.
//!
//! Each [`Property`] is had or not, whatever becomes of the others: a container that does not let anybody mount `/proc` still
//! gives process and network namespaces. Which of them a machine gives is found out by `probe`. All of them together are
//! called *sealed*. Without [`Property::Kill`] a stage is *tended*: its first process is a child subreaper and kills what
//! descends from it.

use std::fmt;
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
    /// Every property that the machine gives.
    #[default]
    Auto,
    /// All of them or nothing.
    Sealed,
    /// None of them.
    Tended,
}

/// Something that a stage can have of its own instead of sharing it with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// A process namespace: everything in the stage ends with its first process, by the kernel's hand.
    Kill,
    /// A network with nothing but loopback.
    Network,
    /// `/tmp` and `/dev/shm`.
    Tmp,
    /// A `/proc` that shows only its own processes.
    Proc,
    /// Host name and System V objects.
    Host,
}

impl Property {
    /// All of them, the weightiest first.
    pub const ALL: [Self; 5] = [Self::Kill, Self::Network, Self::Tmp, Self::Proc, Self::Host];

    /// Its name on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Network => "network",
            Self::Tmp => "tmp",
            Self::Proc => "proc",
            Self::Host => "host",
        }
    }

    /// What it is called when a stage has it, and when it has not.
    pub fn values(self) -> (&'static str, &'static str) {
        match self {
            Self::Kill => ("namespace", "subreaper"),
            Self::Network | Self::Tmp => ("private", "shared"),
            Self::Proc | Self::Host => ("own", "machine"),
        }
    }
}

/// Why a property cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which.
    pub property: Property,
    /// The system call that failed, with what matters of its arguments: `mount("proc", "/proc")`.
    pub call: String,
    /// How: `operation not permitted (EPERM)`.
    pub error: String,
    /// What to change on this machine, if that can be told.
    pub help: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, self.error)
    }
}

/// What stages of this run have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Isolation {
    /// What they have of their own.
    pub(crate) own: Vec<Property>,
    /// Whether that takes a user namespace, in which the user keeps the own ids.
    pub(crate) as_user: bool,
    /// Why they do not have the rest; empty when that was asked for.
    pub refusals: Vec<Refusal>,
}

impl Isolation {
    /// Whether a stage has this of its own.
    pub fn has(&self, property: Property) -> bool {
        self.own.contains(&property)
    }

    /// Whether a stage has everything of its own.
    pub fn is_sealed(&self) -> bool {
        Property::ALL.into_iter().all(|property| self.has(property))
    }

    /// Who the user is in a stage: `root`, or `same` as outside.
    pub fn user(&self) -> &'static str {
        if rustix::process::geteuid().is_root() { "root" } else { "same" }
    }

    /// The namespaces that must be there from the clone on; the rest is unshared by the first process itself, which takes
    /// most of the time and so happens beside the launcher's next clone.
    pub(crate) fn clone_flags(&self) -> i32 {
        let process = if self.has(Property::Kill) { sys::NEW_PID } else { 0 };
        let user = if self.as_user { sys::NEW_USER } else { 0 };
        process | user
    }

    /// The rest.
    pub(crate) fn unshare_flags(&self, room: &Room) -> i32 {
        let own_mounts = self.has(Property::Tmp) || self.has(Property::Proc);
        let namespaces = [
            (own_mounts, sys::NEW_MOUNTS),
            (self.has(Property::Network) && !room.host_network, sys::NEW_NETWORK),
            (self.has(Property::Host), sys::NEW_HOST),
        ];
        namespaces.into_iter().filter(|(wanted, _)| *wanted).map(|(_, flag)| flag).sum()
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

/// A system call of the set-up that failed.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) call: String,
    pub(crate) error: io::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, in_words(&self.error))
    }
}

/// An error of the kernel's with its name, by which people search for it.
pub(crate) fn in_words(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM",
        Some(libc::EACCES) => "EACCES",
        Some(libc::ENOSPC) => "ENOSPC",
        Some(libc::ENOSYS) => "ENOSYS",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::EAGAIN) => "EAGAIN",
        Some(libc::ENOMEM) => "ENOMEM",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::EROFS) => "EROFS",
        Some(libc::ENODEV) => "ENODEV",
        Some(libc::EBUSY) => "EBUSY",
        Some(libc::EMFILE) => "EMFILE",
        Some(libc::ENFILE) => "ENFILE",
        Some(libc::EUSERS) => "EUSERS",
        _ => return error.to_string(),
    };
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    format!("{} ({name})", text.to_lowercase())
}

fn refused<E: Into<io::Error>>(call: &str) -> impl FnOnce(E) -> Refused {
    let call = call.to_owned();
    move |error| Refused { call, error: error.into() }
}

/// Sets the present process's namespaces up: those properties that the isolation has. It is the first process of its stage.
pub(crate) fn enter(isolation: &Isolation, room: &Room, ids: (u32, u32)) -> Result<(), Refused> {
    if isolation.as_user {
        keep_ids(ids)?;
    }
    // In one call: each of them waits for the same locks.
    let namespaces = isolation.unshare_flags(room);
    if namespaces != 0 {
        let call = format!("unshare({})", sys::namespace_names(namespaces));
        patiently(|| sys::unshare(namespaces)).map_err(refused(&call))?;
    }
    if namespaces & sys::NEW_MOUNTS != 0 {
        private_mounts()?;
    }
    if isolation.has(Property::Proc) {
        own_proc()?;
    }
    if isolation.has(Property::Tmp) {
        own_directory("/dev/shm", &room.keep)?;
        own_directory("/tmp", &room.keep)?;
    }
    if namespaces & sys::NEW_NETWORK != 0 {
        own_loopback(isolation.as_user.then_some(ids))?;
    }
    Ok(())
}

/// Before anything is mounted: else the host would see it.
pub(crate) fn private_mounts() -> Result<(), Refused> {
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private).map_err(refused("mount(\"/\", MS_REC | MS_PRIVATE)"))
}

/// A `/proc` of the process namespace that this process is the first of.
pub(crate) fn own_proc() -> Result<(), Refused> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(refused("mount(\"proc\", \"/proc\")"))
}

/// Raises loopback, and lets an ordinary user of this network listen below port 1024 as root does outside.
pub(crate) fn own_loopback(as_user: Option<(u32, u32)>) -> Result<(), Refused> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(refused("socket(AF_INET)"))?;
    sys::raise_loopback(&socket).map_err(refused("ioctl(SIOCSIFFLAGS, \"lo\")"))?;
    if let Some((_, group)) = as_user {
        // Without it, only those ports and ping sockets do not work.
        let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        let _ = fs::write("/proc/sys/net/ipv4/ping_group_range", format!("{group} {group}"));
    }
    Ok(())
}

/// Maps the user and group to themselves: `id`, the user's own files and permission checks look as they do outside. Files of
/// others look as if they were nobody's, and set-uid programs have no effect.
pub(crate) fn keep_ids((user, group): (u32, u32)) -> Result<(), Refused> {
    let write = |file: &str, text: String| fs::write(file, text).map_err(refused(&format!("write({file})")));
    // The kernel wants this before an unprivileged process may map a group.
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Puts an empty tmpfs over a directory for temporary files, with the directories in `keep` bound back at their places.
pub(crate) fn own_directory(directory: &str, keep: &[PathBuf]) -> Result<(), Refused> {
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
    let call = format!("mount(\"tmpfs\", \"{}\")", directory.display());
    mount("tmpfs", &directory, "tmpfs", flags, c"mode=1777").map_err(refused(&call))?;
    for (path, fd) in bound {
        let call = |name: &str| format!("{name}(\"{}\") under the new {}", path.display(), directory.display());
        fs::create_dir_all(path).map_err(|error| Refused { call: call("mkdir"), error })?;
        let source = format!("/proc/self/fd/{}", fd.as_raw_fd());
        mount_bind_recursive(source, path).map_err(|error| Refused { call: call("bind"), error: error.into() })?;
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
pub(crate) fn patiently<T>(act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    patiently_until(Instant::now() + PATIENCE, act)
}

/// The same, until a moment.
pub(crate) fn patiently_until<T>(until: Instant, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if may_pass(&error) && Instant::now() < until => {
                // There is no event for it: look again in 10 ms.
                let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
            }
            other => return other,
        }
    }
}
