//! Property `proc`: a `/proc` of the stage's own process namespace.

use rustix::mount::{MountFlags, mount};

use super::definition::{Definition, Requirement, Setup};
use crate::isolation::failure::{Call, FailedCall};
use crate::sys;

pub(super) const DEFINITION: Definition = Definition {
    name: "proc",
    own: "programs see only the processes of their scenario",
    shared: "programs see the host's processes in /proc; steps see only their scenario's",
    // Without a process namespace a new /proc would still show the machine's processes.
    requires: Requirement::Processes,
    clone_namespaces: 0,
    unshare_namespaces: |_| sys::NEW_MOUNTS,
    set_up,
    verify: || Ok(()),
    advice,
};

fn set_up(_: &Setup<'_>) -> Result<(), FailedCall> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(FailedCall::of(Call::MountProc))
}

fn advice(failed: &FailedCall) -> Option<&'static str> {
    let is_mount = matches!(failed.call, Call::MountProc | Call::MountProcWithoutProcesses);
    (is_mount && failed.error.errno == Some(libc::EPERM))
        .then_some("parts of /proc are hidden, as in containers: `docker run --security-opt systempaths=unconfined`")
}
