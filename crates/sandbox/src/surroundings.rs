//! Facts about the stage that this process is in.
//!
//! The first process of a stage records them once, before it forks the worker; everything else only
//! reads them. Outside of a stage the facts are those of an ordinary process on the machine.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::sys;

/// What is the same for all processes of a stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Process number of the first process, as the stage sees it.
    pub(crate) first_process: i32,
    /// What `/proc` shows.
    pub(crate) proc_view: ProcView,
    /// Who can listen on the stage's ports.
    pub(crate) network: Network,
    /// The stage's own namespaces, as flags of `clone`.
    pub(crate) namespaces: i32,
}

/// What `/proc` shows to the processes of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcView {
    /// The stage, and nothing else.
    Stage,
    /// The whole machine, with the process numbers that the stage uses too.
    Machine,
    /// The whole machine, with other process numbers: the stage has a process namespace but no
    /// `/proc` of its own.
    MachineRenumbered,
}

/// Which network a stage uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Its own: loopback only, no way to other hosts.
    #[default]
    Private,
    /// The machine's.
    Host,
}

static FACTS: OnceLock<Facts> = OnceLock::new();

/// Total pause time of the stage in nanoseconds. The first process writes it, the worker reads it.
static PAUSES: OnceLock<File> = OnceLock::new();

/// Records the facts, and opens the file for pause times.
pub(crate) fn record(facts: Facts) {
    let _ = FACTS.set(facts);
    if let Ok(file) = memfd_create("greenroom-pauses", MemfdFlags::CLOEXEC) {
        let _ = PAUSES.set(file.into());
        record_pauses(Duration::ZERO);
    }
}

/// Records how long the stage has been paused in all.
pub(crate) fn record_pauses(total: Duration) {
    let nanoseconds = u64::try_from(total.as_nanos()).unwrap_or(u64::MAX);
    let _ = PAUSES.get().map(|file| file.write_all_at(&nanoseconds.to_ne_bytes(), 0));
}

/// Returns how long this stage has been paused in all.
pub(crate) fn paused() -> Duration {
    let mut nanoseconds = [0; 8];
    let read = PAUSES.get().and_then(|file| file.read_exact_at(&mut nanoseconds, 0).ok());
    read.map_or(Duration::ZERO, |()| Duration::from_nanos(u64::from_ne_bytes(nanoseconds)))
}

/// Opens the namespaces that this stage has of its own.
///
/// A process from outside has to enter them in this order.
///
/// # Errors
///
/// When `/proc` does not show them.
pub fn namespaces() -> io::Result<Vec<OwnedFd>> {
    let own = FACTS.get().map_or(0, |facts| facts.namespaces);
    sys::namespace_files(own).map(|name| Ok(File::open(format!("/proc/self/ns/{name}"))?.into())).collect()
}

/// Returns the number of the stage's first process; outside of a stage, of this process.
pub(crate) fn first_process() -> i32 {
    FACTS.get().map_or_else(this_process, |facts| facts.first_process)
}

/// Returns what `/proc` shows.
pub(crate) fn proc_view() -> ProcView {
    FACTS.get().map_or(ProcView::Machine, |facts| facts.proc_view)
}

/// Returns the network that this process is in.
pub(crate) fn network() -> Network {
    FACTS.get().map_or(Network::Host, |facts| facts.network)
}

/// Returns the number of this process.
pub(crate) fn this_process() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(-1)
}
