//! System calls of the set-up, and how they fail.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sys;

/// A system call of the set-up, with the arguments that matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `socketpair`, for the results of the probe.
    SocketPair,
    /// `clone` into these namespaces.
    Clone(i32),
    /// `clone` into these namespaces, or a later call: the probe's process died.
    CloneOrLater(i32),
    /// `unshare` of these namespaces.
    Unshare(i32),
    /// A write to a file of `/proc/self` that maps users and groups.
    MapIds(String),
    /// The change of all mounts to private ones.
    MakeMountsPrivate,
    /// The mount of a new `/proc`.
    MountProc,
    /// The mount of a new `/proc`, not tried since it would show the machine's processes.
    MountProcWithoutProcesses,
    /// The mount of an empty file system over a directory.
    MountTmpfs(PathBuf),
    /// The creation of a directory under such a mount.
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// The mount.
        under: PathBuf,
    },
    /// The bind mount of a directory under such a mount.
    Bind {
        /// The directory.
        path: PathBuf,
        /// The mount.
        under: PathBuf,
    },
    /// `socket`, to configure loopback.
    Socket,
    /// The `ioctl` that brings loopback up.
    RaiseLoopback,
    /// A connection over loopback.
    ConnectLoopback,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SocketPair => f.write_str("socketpair"),
            Self::Clone(namespaces) => write!(f, "clone({})", sys::namespace_names(*namespaces)),
            Self::CloneOrLater(namespaces) => {
                write!(f, "clone({}) or a later call", sys::namespace_names(*namespaces))
            }
            Self::Unshare(namespaces) => write!(f, "unshare({})", sys::namespace_names(*namespaces)),
            Self::MapIds(file) => write!(f, "write({file})"),
            Self::MakeMountsPrivate => f.write_str("mount(\"/\", MS_REC | MS_PRIVATE)"),
            Self::MountProc => f.write_str("mount(\"proc\", \"/proc\")"),
            Self::MountProcWithoutProcesses => f.write_str("mount(\"proc\", \"/proc\") without a process namespace"),
            Self::MountTmpfs(directory) => write!(f, "mount(\"tmpfs\", \"{}\")", directory.display()),
            Self::MakeDirectory { path, under } => {
                write!(f, "mkdir(\"{}\") under the new {}", path.display(), under.display())
            }
            Self::Bind { path, under } => write!(f, "bind(\"{}\") under the new {}", path.display(), under.display()),
            Self::Socket => f.write_str("socket(AF_INET)"),
            Self::RaiseLoopback => f.write_str("ioctl(SIOCSIFFLAGS, \"lo\")"),
            Self::ConnectLoopback => f.write_str("a connection over loopback"),
        }
    }
}

/// An error of the system, as it travels between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemError {
    /// Its number, if it has one.
    pub errno: Option<i32>,
    text: String,
}

impl SystemError {
    /// Creates one that has no number.
    pub(crate) fn other(text: &str) -> Self {
        Self { errno: None, text: text.to_owned() }
    }
}

impl From<&io::Error> for SystemError {
    fn from(error: &io::Error) -> Self {
        Self { errno: error.raw_os_error(), text: error.to_string() }
    }
}

impl fmt::Display for SystemError {
    /// Writes the error with its symbolic name, which people search for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.errno {
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
            _ => return f.write_str(&self.text),
        };
        let text = self.text.split(" (os error").next().unwrap_or(&self.text);
        write!(f, "{} ({name})", text.to_lowercase())
    }
}

/// A system call of the set-up that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedCall {
    pub(crate) call: Call,
    pub(crate) error: SystemError,
}

impl FailedCall {
    /// Returns a function that adds the call to an error, for `map_err`.
    pub(crate) fn of<E: Into<io::Error>>(call: Call) -> impl FnOnce(E) -> Self {
        move |error| Self { call, error: SystemError::from(&error.into()) }
    }
}

impl fmt::Display for FailedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, self.error)
    }
}
