//! Facts about the stage that this process is in.
//!
//! The first process of a stage records them once, before it forks the worker; everything else only
//! reads them. Outside of a stage the facts are those of an ordinary process on the machine.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{PidfdFlags, pidfd_open};

use crate::covered::hidden_below;
use crate::sys;

/// What is the same for all processes of a stage.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Process number of the first process, as the stage sees it.
    pub(crate) first_process: i32,
    /// What `/proc` shows.
    pub(crate) proc_view: ProcView,
    /// Who can listen on the stage's ports.
    pub(crate) network: Network,
    /// The stage's own namespaces, as flags of `clone`.
    pub(crate) namespaces: i32,
    /// What of the host's `/tmp` and `/dev/shm` is visible; `None` if all of it is.
    pub(crate) visible: Option<Vec<PathBuf>>,
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

/// The total pause time of the stage in nanoseconds, which the first process writes.
///
/// Every wait reads it, so it is in memory that the worker shares.
static PAUSED: OnceLock<&'static AtomicU64> = OnceLock::new();

/// Notes of the first process for the worker, in numbers of 8 bytes.
///
/// First how many orphans the first process has reaped; then the latest of them, three numbers each:
/// see [`record_end`].
static NOTES: OnceLock<File> = OnceLock::new();

/// How many orphans are kept.
const ENDS_KEPT: u64 = 4096;
/// How long the note of one is, in bytes.
const END_LENGTH: usize = 24;

/// Records the facts, and prepares what the first process tells the worker later.
pub(crate) fn record(facts: Facts) {
    let _ = FACTS.set(facts);
    if let Ok(number) = sys::shared_number() {
        let _ = PAUSED.set(number);
    }
    if let Ok(file) = memfd_create("greenroom-notes", MemfdFlags::CLOEXEC) {
        let _ = NOTES.set(File::from(file));
    }
}

/// Returns how many orphans the first process has reaped.
fn reaped() -> u64 {
    let mut count = [0; 8];
    // The file is empty before the first.
    let read = NOTES.get().and_then(|file| file.read_exact_at(&mut count, 0).ok());
    read.map_or(0, |()| u64::from_ne_bytes(count))
}

/// Returns where the note of an orphan is.
fn place(index: u64) -> u64 {
    8 + index % ENDS_KEPT * END_LENGTH as u64
}

/// Records how long the stage has been paused in all.
pub(crate) fn record_pauses(total: Duration) {
    let total = u64::try_from(total.as_nanos()).unwrap_or(u64::MAX);
    let _ = PAUSED.get().map(|paused| paused.store(total, Ordering::Relaxed));
}

/// Returns how long this stage has been paused in all.
pub(crate) fn paused() -> Duration {
    Duration::from_nanos(PAUSED.get().map_or(0, |paused| paused.load(Ordering::Relaxed)))
}

/// Returns the time that [`record_end`] writes, in nanoseconds.
fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Records how an orphan ended that the first process has just reaped: its number, Python's
/// `returncode`, and the time.
pub(crate) fn record_end(pid: i32, returncode: i32) {
    let count = reaped();
    let mut note = [0; END_LENGTH];
    note[..4].copy_from_slice(&pid.to_ne_bytes());
    note[8..12].copy_from_slice(&returncode.to_ne_bytes());
    note[16..].copy_from_slice(&now().to_ne_bytes());
    if let Some(file) = NOTES.get() {
        let _ = file.write_all_at(&note, place(count));
        let _ = file.write_all_at(&(count + 1).to_ne_bytes(), 0);
    }
}

/// How many orphans had been reaped at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndsSeen(u64);

/// How an orphan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrphanEnd {
    /// Python's `returncode`.
    pub(crate) returncode: i32,
    /// How long ago it was reaped.
    pub(crate) ago: Duration,
}

/// Returns how many orphans have been reaped up to now.
pub(crate) fn ends_seen() -> EndsSeen {
    EndsSeen(reaped())
}

impl EndsSeen {
    /// Returns how a process ended that was an orphan of this number since then.
    pub(crate) fn end_of(self, pid: i32) -> Option<OrphanEnd> {
        let file = NOTES.get()?;
        let count = reaped();
        (self.0.max(count.saturating_sub(ENDS_KEPT))..count).find_map(|index| {
            let mut note = [0; END_LENGTH];
            file.read_exact_at(&mut note, place(index)).ok()?;
            let number = |at: usize| Some(i32::from_ne_bytes(note.get(at..at + 4)?.try_into().ok()?));
            let time = u64::from_ne_bytes(note[16..].try_into().ok()?);
            let ago = Duration::from_nanos(now().saturating_sub(time));
            (number(0)? == pid).then_some(OrphanEnd { returncode: number(8)?, ago })
        })
    }
}

/// Returns the directory in which this stage does not see a path of the host: `/tmp` or `/dev/shm`.
pub fn emptied(path: &Path) -> Option<&'static str> {
    let visible = FACTS.get()?.visible.as_ref()?;
    hidden_below(&resolve(path), visible)
}

/// Resolves `..` and symbolic links, also those that lead to something that does not exist.
fn resolve(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::from("/");
    let mut rest: Vec<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = rest.pop() {
        if name == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&name);
        match fs::read_link(&next) {
            Ok(target) if links < LINKS => {
                links += 1;
                if target.is_absolute() {
                    resolved = PathBuf::from("/");
                }
                rest.extend(names(&target));
            }
            _ => resolved = next,
        }
    }
    resolved
}

/// How many symbolic links the kernel follows in one path.
const LINKS: usize = 40;

/// Returns the names in a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().rev().filter_map(name).collect()
}

/// Opens the namespaces that this stage has of its own.
///
/// A process from outside has to enter them in this order.
///
/// # Errors
///
/// When `/proc` does not show them.
pub fn namespaces() -> io::Result<Vec<OwnedFd>> {
    sys::namespace_files(own_namespaces()).map(|name| Ok(File::open(format!("/proc/self/ns/{name}"))?.into())).collect()
}

/// Returns the flags of the namespaces that this stage has of its own; 0 outside of a stage.
fn own_namespaces() -> i32 {
    FACTS.get().map_or(0, |facts| facts.namespaces)
}

/// Opens this process, by which others can enter its stage, and says which namespaces that has.
///
/// `None` if one of them is for users: a process that enters it cannot leave it again.
pub fn process_of_stage() -> Option<(OwnedFd, i32)> {
    let own = own_namespaces();
    if own & sys::NEW_USER != 0 {
        return None;
    }
    let process = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).ok()?;
    Some((process, own))
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

#[cfg(test)]
mod tests {
    use rustix::process::{WaitOptions, waitpid};

    use super::*;
    use crate::sys::Side;

    #[test]
    fn a_number_that_is_shared_with_a_copy_changes_in_both() {
        let number = sys::shared_number().unwrap();
        let Side::Parent(copy) = sys::fork().unwrap() else {
            number.store(number.load(Ordering::Relaxed) + 7, Ordering::Relaxed);
            sys::exit_now(0);
        };
        waitpid(Some(copy), WaitOptions::empty()).unwrap();
        assert_eq!(number.load(Ordering::Relaxed), 7);
    }
}
