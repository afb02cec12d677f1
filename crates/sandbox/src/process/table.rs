//! The scenario's own processes.
//!
//! Where a stage has a `/proc` of its own, `/proc` shows nothing else. Otherwise only the
//! descendants of the stage's first process count. They are found by walking down from it, so the
//! rest of the machine stays out of sight. In a process namespace without a `/proc` of its own,
//! processes have two numbers: the one in `/proc`, and their own, which the stage and its signals
//! use. [`Entry`] has the latter.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::surroundings::{self, ProcView, this_process};
use crate::sys;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its process number.
    pub pid: i32,
    /// The process number of its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// `R` running, `S` sleeping, `D` waiting for a disk, `Z` ended but not reaped, `T` stopped.
    ///
    /// When the first thread of a process has ended before others, the state of one of these.
    pub state: char,
    /// Its command line, words joined by spaces; its name in brackets when it has none.
    pub command: String,
    /// Whether it has no command line.
    ///
    /// That is the case for a moment while a process becomes another program and while it ends. It
    /// lasts only where a program has removed its own command line.
    pub is_unnamed: bool,
    /// How long it has been running.
    pub age: Duration,
}

impl Entry {
    /// Whether it only waits to be reaped.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// Processes of this stage that belong to greenroom, besides its first process and worker.
static HIDDEN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Hides a process that belongs to greenroom: it is not listed, nor reported as left over.
pub fn hide(pid: i32) {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
}

/// Ends the hiding of a process that has ended: another process may get its number.
pub fn unhide(pid: i32) {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
}

/// Lists the processes of this stage, without its first process, its worker, hidden ones and
/// zombies.
pub fn members() -> Vec<Entry> {
    let mut own = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    own.extend([surroundings::first_process(), this_process()]);
    // One system call instead of a walk through /proc; and often there is none.
    if surroundings::proc_view() != ProcView::Machine && !sys::has_other_processes() {
        return Vec::new();
    }
    entries(&own).into_iter().filter(|entry| !own.contains(&entry.pid) && !entry.is_zombie()).collect()
}

/// Returns number and state of every process of this stage except its first.
pub(crate) fn everything() -> Vec<(i32, char)> {
    let first = surroundings::first_process();
    let entries = entries(&BTreeSet::from([first])).into_iter();
    entries.filter(|entry| entry.pid != first).map(|entry| (entry.pid, entry.state)).collect()
}

/// Reads what `/proc` says about the processes of this stage, except some of them where it shows the
/// numbers that the stage uses.
///
/// Processes are listed first and then read one by one. A process that forks and ends in between,
/// as one that puts itself into the background does, would be missed in both forms. So the list is
/// complete only when all of it was still there and no process has been started since, or when
/// another list has no more.
fn entries(except: &BTreeSet<i32>) -> Vec<Entry> {
    let renumbered = surroundings::proc_view() == ProcView::MachineRenumbered;
    let started = latest_number();
    let mut listed = listed();
    let mut entries = Vec::new();
    // Where processes start faster than they are listed, the latest list has to do.
    for round in 0..8 {
        let wanted = listed.iter().copied().filter(|shown| renumbered || !except.contains(shown));
        let read: Vec<Option<Entry>> = wanted.map(entry).collect();
        let all_lived = read.iter().all(|entry| entry.as_ref().is_some_and(|entry| !entry.is_zombie()));
        entries = read.into_iter().flatten().collect();
        if round == 0 && all_lived && started.is_some() && latest_number() == started {
            break;
        }
        let again = self::listed();
        let is_whole = again.is_subset(&listed);
        listed = again;
        if is_whole {
            break;
        }
    }
    entries
}

/// Returns the number that was given last to a process or thread of this process namespace.
///
/// Reading it takes a tenth of the time of a list.
fn latest_number() -> Option<i32> {
    let text = read("/proc/loadavg")?;
    std::str::from_utf8(&text).ok()?.trim_end().rsplit(' ').next()?.parse().ok()
}

/// Lists the processes of this stage, by their numbers in `/proc`.
fn listed() -> BTreeSet<i32> {
    let shown = match surroundings::proc_view() {
        ProcView::Stage => all(),
        ProcView::Machine => descendants(surroundings::first_process()),
        ProcView::MachineRenumbered => descendants(shown_as(surroundings::first_process())),
    };
    shown.into_iter().collect()
}

/// Returns those of these processes that have not ended.
pub(crate) fn living(pids: impl IntoIterator<Item = i32>) -> Vec<Entry> {
    pids.into_iter().filter_map(entry).filter(|entry| !entry.is_zombie()).collect()
}

/// Returns `leader` with those of `members` that descend from it or are in its process group.
pub fn family(members: &[Entry], leader: i32) -> BTreeSet<i32> {
    let mut family = BTreeSet::from([leader]);
    family.extend(members.iter().filter(|entry| entry.group == leader).map(|entry| entry.pid));
    loop {
        let before = family.len();
        let more: Vec<i32> =
            members.iter().filter(|entry| family.contains(&entry.parent)).map(|entry| entry.pid).collect();
        family.extend(more);
        if family.len() == before {
            return family;
        }
    }
}

/// Whether a process group has a member that has not ended.
pub(crate) fn group_lives(group: i32) -> bool {
    !living_group(group).is_empty()
}

/// Returns the members of a process group that have not ended.
pub(crate) fn living_group(group: i32) -> Vec<Entry> {
    let lives = |entry: &Entry| entry.group == group && !entry.is_zombie();
    match surroundings::proc_view() {
        ProcView::Stage | ProcView::MachineRenumbered => entries(&BTreeSet::new()).into_iter().filter(lives).collect(),
        // Outside of a stage, orphans of a group are not below any process of ours.
        ProcView::Machine => all().into_iter().filter_map(entry).filter(lives).collect(),
    }
}

/// Returns the command line of a process, words joined by spaces.
///
/// It is empty while a process is being started and once it has ended.
pub fn command_line(pid: i32) -> String {
    command_line_of(shown_as(pid))
}

fn command_line_of(shown: i32) -> String {
    let mut bytes = read(format!("/proc/{shown}/cmdline")).unwrap_or_default();
    if bytes.is_empty() {
        // The first thread has lost it when it ends before others.
        let others = threads(shown).filter_map(|thread| read(thread.join("cmdline")));
        bytes = others.into_iter().find(|bytes| !bytes.is_empty()).unwrap_or_default();
    }
    let trimmed = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    let text = String::from_utf8_lossy(trimmed).replace('\0', " ");
    // A program that writes its own title pads the rest.
    if text.ends_with("  ") { text.trim_end().to_owned() } else { text }
}

/// Returns the user that a process runs as.
pub fn user(pid: i32) -> Option<u32> {
    fs::metadata(format!("/proc/{}", shown_as(pid))).ok().map(|metadata| metadata.uid())
}

/// Returns the environment that a process was started with, each variable ended by a NUL; empty when
/// it may not be read.
pub fn environment(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{}/environ", shown_as(pid))).unwrap_or_default()
}

/// Whether any thread of these processes is running or waits for a disk.
pub fn any_busy(pids: impl IntoIterator<Item = i32>) -> bool {
    pids.into_iter().any(|pid| threads(shown_as(pid)).any(|thread| matches!(state(&thread), Some('R' | 'D'))))
}

/// Whether all threads of a process sleep or are stopped: none is about to end.
pub(super) fn sleeps(pid: i32) -> bool {
    let mut threads = threads(shown_as(pid)).peekable();
    threads.peek().is_some() && threads.all(|thread| matches!(state(&thread), Some('S' | 'I' | 'T' | 't')))
}

/// What a look at a process of another stage shows.
pub(crate) struct Glance {
    /// Whether any of its threads runs or waits for a processor.
    pub(crate) runs: bool,
    /// Its children, in the order in which they became that.
    pub(crate) children: Vec<i32>,
}

/// Looks at a process; `None` if it is gone.
pub(crate) fn look(shown: i32) -> Option<Glance> {
    let directory = format!("/proc/{shown}");
    let values = values(Path::new(&directory))?;
    // The 18th value is the number of threads.
    let has_one_thread = values.split(' ').nth(17) == Some("1");
    let runs = values.starts_with('R') || (!has_one_thread && threads(shown).any(|thread| state(&thread) == Some('R')));
    let children = if has_one_thread {
        children_of(Path::new(&format!("{directory}/task/{shown}"))).collect()
    } else {
        children(shown)
    };
    Some(Glance { runs, children })
}

/// Returns the directories of the threads of a process.
fn threads(shown: i32) -> impl Iterator<Item = PathBuf> {
    let threads = fs::read_dir(format!("/proc/{shown}/task")).into_iter().flatten();
    threads.flatten().map(|thread| thread.path())
}

/// Reads the state of a thread.
fn state(thread: &Path) -> Option<char> {
    values(thread)?.chars().next()
}

/// Reads the values of a process or thread behind its name, the first of which is its state.
fn values(directory: &Path) -> Option<String> {
    let stat = read(directory.join("stat"))?;
    let stat = String::from_utf8_lossy(&stat);
    stat.rsplit_once(") ").map(|(_, values)| values.to_owned())
}

/// Returns a soft limit of a process, by its name in `/proc/PID/limits`; `None` if it is infinite.
pub(super) fn soft_limit(pid: i32, name: &str) -> Option<u64> {
    let limits = String::from_utf8(read(format!("/proc/{}/limits", shown_as(pid)))?).ok()?;
    limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// Returns the open descriptors of a process: links, named by number.
///
/// The first thread has lost them when it ends before others.
fn descriptors(shown: i32) -> impl Iterator<Item = PathBuf> {
    let own = |directory: PathBuf| fs::read_dir(directory.join("fd")).into_iter().flatten().flatten();
    let mut first = own(format!("/proc/{shown}").into()).peekable();
    let others = if first.peek().is_none() { Some(threads(shown).flat_map(own)) } else { None };
    first.chain(others.into_iter().flatten()).map(|fd| fd.path())
}

/// Returns the members of this stage that have this file open.
pub(crate) fn holders_of_file(device: u64, inode: u64) -> Vec<i32> {
    let has_it = |entry: &Entry| {
        // The link stands for the file itself, not for its name.
        descriptors(shown_as(entry.pid))
            .any(|fd| fs::metadata(fd).is_ok_and(|file| (file.dev(), file.ino()) == (device, inode)))
    };
    members().into_iter().filter(has_it).map(|entry| entry.pid).collect()
}

/// Whether a member of this stage has descriptors that this process may not see.
///
/// A program with more privileges than its user is such a member.
pub fn has_closed_member() -> bool {
    members().iter().any(|entry| fs::read_dir(format!("/proc/{}/fd", shown_as(entry.pid))).is_err())
}

/// Finds the process that has this socket open, among those that `/proc` shows.
pub fn holder_of_socket(inode: u64) -> Option<Entry> {
    holders_of_sockets(&BTreeSet::from([inode])).remove(&inode)
}

/// Finds the processes that have these sockets open, among those that `/proc` shows.
pub(crate) fn holders_of_sockets(inodes: &BTreeSet<u64>) -> BTreeMap<u64, Entry> {
    let own = [this_process(), surroundings::first_process()].map(shown_as);
    let mut found = BTreeMap::new();
    let mut listed: BTreeSet<i32> = all().into_iter().collect();
    // A process that hands one to a child and ends during the look would be missed in both forms.
    for _ in 0..8 {
        // The youngest first: those that a step started are mostly asked for.
        for &pid in listed.iter().rev().filter(|pid| !own.contains(pid)) {
            let held = sockets(pid).filter(|inode| inodes.contains(inode) && !found.contains_key(inode));
            let held: Vec<(u64, Entry)> = held.filter_map(|inode| Some((inode, owner(pid, inode, &own)?))).collect();
            found.extend(held);
            if found.len() == inodes.len() {
                return found;
            }
        }
        let again: BTreeSet<i32> = all().into_iter().collect();
        if again.is_subset(&listed) {
            break;
        }
        listed = again;
    }
    found
}

/// Returns the process that a socket belongs to which was seen in another one, those of greenroom
/// excepted.
///
/// A child has copies of all descriptors until it executes a program. So the process above it is
/// meant if that has the socket too, and one that has it no longer was such a child.
fn owner(shown: i32, inode: u64, own: &[i32]) -> Option<Entry> {
    let has_it = |shown: i32| sockets(shown).any(|held| held == inode);
    let above = |&shown: &i32| parent(shown).filter(|above| *above > 0 && !own.contains(above) && has_it(*above));
    let top = std::iter::successors(Some(shown), above).last()?;
    // The command line of a new program is shown after its copies are closed.
    entry(top).filter(|_| has_it(top))
}

/// Returns the inodes of the sockets that a process has open.
fn sockets(shown: i32) -> impl Iterator<Item = u64> {
    descriptors(shown).filter_map(|fd| inode_of_socket(&fs::read_link(fd).ok()?))
}

/// Returns the inodes of the sockets that these processes have open.
pub fn sockets_of(pids: impl IntoIterator<Item = i32>) -> BTreeSet<u64> {
    pids.into_iter().map(shown_as).flat_map(sockets).collect()
}

/// Returns the inode in the link of a descriptor, if it is that of a socket.
fn inode_of_socket(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Reads a file of `/proc`; `None` if its process is gone.
///
/// The standard library would ask for its length, which is 0, and read it in pieces, from 32 bytes on.
pub(crate) fn read(path: impl AsRef<Path>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    File::open(path).ok()?.take(u64::MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns all descendants of a process.
pub(crate) fn descendants(root: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        let children = children(pid);
        found.extend(&children);
        next.extend(children);
    }
    found
}

/// Returns the children of a process, of all its threads.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    threads(pid).flat_map(|thread| children_of(&thread)).collect()
}

/// Returns the children of a thread.
fn children_of(thread: &Path) -> impl Iterator<Item = i32> + use<> {
    let text = read(thread.join("children")).unwrap_or_default();
    let pid = |word: &[u8]| std::str::from_utf8(word).ok()?.parse().ok();
    let pids: Vec<i32> = text.split(u8::is_ascii_whitespace).filter_map(pid).collect();
    pids.into_iter()
}

/// Returns the number of a process of this stage in `/proc`; 0, which is never used, if it is not
/// there.
fn shown_as(pid: i32) -> i32 {
    if surroundings::proc_view() != ProcView::MachineRenumbered {
        return pid;
    }
    let own = fs::read_link("/proc/self").ok().and_then(|link| link.to_str()?.parse::<i32>().ok()).unwrap_or(0);
    let mut top = own;
    if pid == own_number(own) {
        return own;
    }
    // The first process is this one or its parent.
    if own_number(own) != surroundings::first_process() {
        top = parent(own).unwrap_or(0);
    }
    if pid == surroundings::first_process() {
        return top;
    }
    descendants(top).into_iter().find(|&shown| own_number(shown) == pid).unwrap_or(0)
}

/// Converts a process number in `/proc` to that in the stage; 0 when the process is gone.
fn own_number(shown: i32) -> i32 {
    last_number(shown, "NSpid:").unwrap_or(0)
}

/// Returns the last number of a line in `/proc/PID/status`: that of the innermost namespace.
fn last_number(shown: i32, line: &str) -> Option<i32> {
    status(shown)?.lines().find_map(|text| text.strip_prefix(line)?.split_whitespace().next_back()?.parse().ok())
}

fn status(shown: i32) -> Option<String> {
    String::from_utf8(read(format!("/proc/{shown}/status"))?).ok()
}

fn parent(shown: i32) -> Option<i32> {
    status(shown)?.lines().find_map(|text| text.strip_prefix("PPid:")?.trim().parse().ok())
}

/// Reads what `/proc` says about a process, by its number there; `None` when it is gone.
fn entry(shown: i32) -> Option<Entry> {
    let stat = read(format!("/proc/{shown}/stat"))?;
    let stat = String::from_utf8_lossy(&stat);
    // `pid (name) state ppid pgrp ... starttime`: the name may contain spaces and parentheses.
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<i64>().ok());
    let started_ticks = u64::try_from(number(19)?).ok()?;
    let mut state = fields.first()?.chars().next()?;
    if state == 'Z' && number(17)? > 1 {
        state = threads(shown).filter_map(|thread| self::state(&thread)).find(|state| !matches!(state, 'Z' | 'X'))?;
    }
    let command = command_line_of(shown);
    let (mut pid, mut parent) = (shown, i32::try_from(number(1)?).ok()?);
    let mut group = i32::try_from(number(2)?).ok()?;
    if surroundings::proc_view() == ProcView::MachineRenumbered {
        pid = own_number(shown);
        parent = own_number(parent);
        group = last_number(shown, "NSpgid:")?;
    }
    Some(Entry {
        pid,
        parent,
        group,
        state,
        is_unnamed: command.is_empty(),
        command: if command.is_empty() { format!("[{name}]") } else { command },
        age: age(started_ticks),
    })
}

/// Converts `starttime`: clock ticks since boot, 100 a second on every Linux.
fn age(started_ticks: u64) -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now = Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0));
    now.saturating_sub(Duration::from_millis(started_ticks.saturating_mul(10)))
}
