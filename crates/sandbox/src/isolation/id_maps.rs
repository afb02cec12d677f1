//! Maps of a user namespace that has another user beside the present one.
//!
//! An ordinary user may map only itself, unless the machine gives it subordinate ids: numbers in
//! `/etc/subuid` and `/etc/subgid`, which the set-uid programs `newuidmap` and `newgidmap` map on its
//! behalf. They do that from outside of the namespace, so its first process waits for the launcher.
//!
//! What a scenario writes then belongs to numbers that only such a namespace can change, so the launcher
//! gives it back to the present user when the stage has ended: see [`reclaim`].

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, openat, statat};
use rustix::process::{Pid, WaitOptions, geteuid, waitpid};
use serde::{Deserialize, Serialize};

use super::{Ids, Isolation, Property, UserNamespace};
use crate::process::Account;
use crate::sys::{self, Side};
use crate::tree;

/// How many ids a range of `usermod` has, for the advice.
const USUAL: u32 = 65_536;

/// Below this level, directories are removed instead of given back.
const DEPTH: usize = 200;

/// Users or groups of a namespace, one behind the other, and what they are outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Range {
    inside: u32,
    outside: u32,
    count: u32,
}

impl Range {
    /// A user or group that is the same outside.
    fn same(id: u32) -> Self {
        Self { inside: id, outside: id, count: 1 }
    }

    fn words(self) -> [String; 3] {
        [self.inside, self.outside, self.count].map(|number| number.to_string())
    }
}

/// The users and groups of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMaps {
    users: Vec<Range>,
    groups: Vec<Range>,
}

/// Why scenarios cannot run as another user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoIdMaps {
    /// A program that maps ids is missing.
    #[error("newuidmap and newgidmap, which map its ids, are not installed")]
    NoProgram,
    /// The present user has no name.
    #[error("the present user, number {0}, has no name in /etc/passwd, by which subordinate ids are given")]
    NoName(u32),
    /// The machine gives the present user too few ids.
    #[error("{file} gives user {user} no subordinate ids, or too few")]
    TooFew {
        /// The file.
        file: &'static str,
        /// The present user.
        user: String,
    },
    /// A program or the kernel refuses to map the ids.
    #[error("{0}")]
    Refused(String),
    /// Scenarios have no user namespace with processes of their own.
    #[error("scenarios have no process namespace in a user namespace")]
    NoNamespace,
}

impl NoIdMaps {
    /// Returns what the user can do about it, besides running greenroom as root.
    pub fn help(&self) -> String {
        match self {
            Self::NoProgram => "install them, on Debian in package uidmap".to_owned(),
            Self::Refused(_) => {
                "newuidmap and newgidmap must be set-uid root, and not on a nosuid file system".to_owned()
            }
            Self::NoNamespace => "allow what this machine refuses".to_owned(),
            Self::NoName(_) => "add the user to /etc/passwd".to_owned(),
            Self::TooFew { user, .. } => {
                let last = 100_000 + USUAL - 1;
                format!("let root run `usermod --add-subuids 100000-{last} --add-subgids 100000-{last} {user}`")
            }
        }
    }
}

impl IdMaps {
    /// Returns maps for an account beside the present user, who is not root.
    ///
    /// # Errors
    ///
    /// When the machine does not give this user what is needed for it.
    pub fn subordinate(account: &Account) -> Result<Self, NoIdMaps> {
        let own = Ids::own();
        let Subordinate { users, groups } = Subordinate::of_present_user(own)?;
        let too_few = |file| {
            let user = Account::name_of(own.user).unwrap_or_default();
            move |()| NoIdMaps::TooFew { file, user }
        };
        Ok(Self {
            users: assign(own.user, &[account.user], &users).map_err(too_few(SUBUID))?,
            groups: assign(own.group, &account.groups, &groups).map_err(too_few(SUBGID))?,
        })
    }

    /// Returns maps in which the present user, who is root, and an account are what they are outside.
    fn identical(account: &Account) -> Self {
        let own = Ids::own();
        let mut groups = vec![own.group];
        groups.extend(account.groups.iter().filter(|group| **group != own.group));
        Self {
            users: [own.user, account.user].map(Range::same).to_vec(),
            groups: groups.into_iter().map(Range::same).collect(),
        }
    }

    /// Returns maps of all that the present user may map, each to itself.
    fn all() -> Result<Self, NoIdMaps> {
        let own = Ids::own();
        let Subordinate { users, groups } = Subordinate::of_present_user(own)?;
        let all = |own: u32, subordinate: Vec<(u32, u32)>| {
            let given = subordinate.into_iter().map(|(first, count)| Range { inside: first, outside: first, count });
            std::iter::once(Range::same(own)).chain(given).collect()
        };
        Ok(Self { users: all(own.user, users), groups: all(own.group, groups) })
    }

    /// Tries whether the kernel and the machine's programs map all ids of the present user.
    ///
    /// The caller must have a single thread.
    ///
    /// # Errors
    ///
    /// The reason why they do not.
    fn try_all() -> Result<(), NoIdMaps> {
        let maps = Self::all()?;
        let refused = |error: io::Error| NoIdMaps::Refused(error.to_string());
        let (mapper, wait) = pair().map_err(refused)?;
        let (mut reader, mut writer) = UnixStream::pair().map_err(refused)?;
        match sys::clone(sys::NEW_USER) {
            Ok(Side::Child) => {
                drop(mapper);
                let reason = wait.wait().err().unwrap_or_default();
                let _ = writer.write_all(reason.as_bytes());
                sys::exit_now(0)
            }
            Ok(Side::Parent(child)) => {
                drop((wait, writer));
                mapper.map(&maps, child);
                let mut reason = String::new();
                let read = reader.read_to_string(&mut reason);
                let _ = waitpid(Some(child), WaitOptions::empty());
                read.map_err(refused)?;
                if reason.is_empty() { Ok(()) } else { Err(NoIdMaps::Refused(reason)) }
            }
            Err(error) => Err(NoIdMaps::Refused(format!("clone(CLONE_NEWUSER) failed: {error}"))),
        }
    }

    /// Maps the ids of a process in a new user namespace, from outside.
    fn apply(&self, process: Pid) -> Result<(), String> {
        let process = process.as_raw_nonzero().to_string();
        for (program, file, ranges) in [("newuidmap", "uid_map", &self.users), ("newgidmap", "gid_map", &self.groups)] {
            let words: Vec<[String; 3]> = ranges.iter().map(|range| range.words()).collect();
            if geteuid().is_root() {
                let lines: String = words.iter().map(|words| words.join(" ") + "\n").collect();
                let path = format!("/proc/{process}/{file}");
                fs::write(&path, lines).map_err(|error| format!("write({path}) failed: {error}"))?;
                continue;
            }
            let done = run(program, std::iter::once(&process).chain(words.iter().flatten()));
            done.map_err(|reason| format!("{program} failed: {reason}"))?;
        }
        Ok(())
    }
}

/// Runs a program that maps ids.
#[expect(clippy::disallowed_methods, reason = "the sandbox is where processes are started")]
fn run<'a>(program: &str, arguments: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let written = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(if written.is_empty() { output.status.to_string() } else { written })
}

impl Isolation {
    /// Returns the maps that stages need for an account; `None` if they need none for it.
    ///
    /// # Errors
    ///
    /// When stages cannot have the account.
    pub fn id_maps(&self, account: &Account) -> Result<Option<IdMaps>, NoIdMaps> {
        match (geteuid().is_root(), self.user_namespace) {
            (true, UserNamespace::Unused) => Ok(None),
            (true, UserNamespace::Own) => Ok(Some(IdMaps::identical(account))),
            (false, _) => IdMaps::subordinate(account).map(Some),
        }
    }

    /// Says whether scenarios can run as another user than the present one.
    ///
    /// The caller must have a single thread.
    ///
    /// # Errors
    ///
    /// When they cannot.
    pub fn try_users(&self) -> Result<(), NoIdMaps> {
        if geteuid().is_root() {
            return Ok(());
        }
        if !self.has_users() {
            return Err(NoIdMaps::NoNamespace);
        }
        let own = Ids::own();
        let (user, group) = (own.user.wrapping_add(1), own.group.wrapping_add(1));
        let account = Account { name: "another".to_owned(), user, group, groups: vec![group] };
        IdMaps::subordinate(&account)?;
        IdMaps::try_all()
    }

    /// Whether stages can have other users than the present one, as far as namespaces matter.
    ///
    /// Without a process namespace, nothing could end the processes of another user for certain.
    pub fn has_users(&self) -> bool {
        geteuid().is_root() || (self.has(Property::Kill) && self.user_namespace == UserNamespace::Own)
    }
}

const SUBUID: &str = "/etc/subuid";
const SUBGID: &str = "/etc/subgid";

/// The subordinate ids of a user: the first of each range and their number.
struct Subordinate {
    users: Vec<(u32, u32)>,
    groups: Vec<(u32, u32)>,
}

impl Subordinate {
    #[expect(clippy::disallowed_methods, reason = "the launcher runs these programs as a shell would")]
    fn of_present_user(own: Ids) -> Result<Self, NoIdMaps> {
        let name = Account::name_of(own.user).ok_or(NoIdMaps::NoName(own.user))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = |program: &str| std::env::split_paths(&path).any(|entry| entry.join(program).is_file());
        if !is_there("newuidmap") || !is_there("newgidmap") {
            return Err(NoIdMaps::NoProgram);
        }
        let ranges = |file: &str| given(&fs::read_to_string(file).unwrap_or_default(), &name, own.user);
        Ok(Self { users: ranges(SUBUID), groups: ranges(SUBGID) })
    }
}

/// Reads the ranges of a user in the text of `/etc/subuid`, which names it or has its number.
fn given(text: &str, name: &str, number: u32) -> Vec<(u32, u32)> {
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (owner == name || owner == number.to_string()).then_some((first, count))
    };
    text.lines().filter_map(range).filter(|(_, count)| *count > 0).collect()
}

/// Maps the present user or group to itself, and each of `wanted` to an id of the given ranges.
fn assign(own: u32, wanted: &[u32], given: &[(u32, u32)]) -> Result<Vec<Range>, ()> {
    let mut free = given.iter().flat_map(|&(first, count)| first..first.saturating_add(count));
    let mut ranges = vec![Range::same(own)];
    for &inside in wanted {
        if !ranges.iter().any(|range| range.inside == inside) {
            ranges.push(Range { inside, outside: free.next().ok_or(())?, count: 1 });
        }
    }
    Ok(ranges)
}

/// The launcher's end of the wait of a first process for its maps.
#[derive(Debug)]
pub(crate) struct Mapper(UnixStream);

/// The first process's end.
#[derive(Debug)]
pub(crate) struct MapWait(UnixStream);

/// Creates both ends.
pub(crate) fn pair() -> io::Result<(Mapper, MapWait)> {
    let (ours, theirs) = UnixStream::pair()?;
    Ok((Mapper(ours), MapWait(theirs)))
}

impl Mapper {
    /// Maps the ids of the process that waits, and lets it continue.
    pub(crate) fn map(mut self, maps: &IdMaps, process: Pid) {
        // A process that has ended needs no answer.
        let _ = match maps.apply(process) {
            Ok(()) => self.0.write_all(b"."),
            Err(reason) => self.0.write_all(reason.as_bytes()),
        };
    }
}

impl MapWait {
    /// Waits until the ids of this process are mapped.
    ///
    /// # Errors
    ///
    /// The reason why they are not.
    pub(crate) fn wait(mut self) -> Result<(), String> {
        let mut answer = String::new();
        match self.0.read_to_string(&mut answer) {
            Ok(_) if answer == "." => Ok(()),
            Ok(0) | Err(_) => Err("the launcher has ended".to_owned()),
            Ok(_) => Err(answer),
        }
    }
}

/// Gives all that is in a directory back to the present user.
///
/// The caller must have a single thread. What cannot be given back stays as it is.
pub(crate) fn reclaim(directory: &Path) {
    if geteuid().is_root() {
        return;
    }
    let Ok(maps) = IdMaps::all() else { return };
    let own = Ids::own();
    let Ok((mapper, wait)) = pair() else { return };
    match sys::clone(sys::NEW_USER) {
        Ok(Side::Child) => {
            drop(mapper);
            let done = wait.wait().is_ok_and(|()| give_back_all(directory, own).is_ok());
            sys::exit_now(i32::from(!done))
        }
        Ok(Side::Parent(child)) => {
            drop(wait);
            mapper.map(&maps, child);
            let _ = waitpid(Some(child), WaitOptions::empty());
        }
        Err(_) => {}
    }
}

/// Gives what other users own of the directory of an earlier run back to the present user.
pub(crate) fn reclaim_stale(run: &Path) {
    let own = Ids::own().user;
    let Ok(entries) = fs::read_dir(run) else { return };
    let is_foreign = |entry: &fs::DirEntry| entry.metadata().is_ok_and(|there| there.uid() != own);
    for entry in entries.flatten().filter(is_foreign) {
        reclaim(&entry.path());
    }
}

/// Gives a directory and its content to the present user.
fn give_back_all(directory: &Path, own: Ids) -> io::Result<()> {
    let (user, group) = (Some(Uid::from_raw(own.user)), Some(Gid::from_raw(own.group)));
    chownat(CWD, directory, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
    give_back(&openat(CWD, directory, DIRECTORY, Mode::empty())?, own, 0)
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Gives the content of a directory to the present user. It follows no links.
fn give_back(directory: &OwnedFd, own: Ids, depth: usize) -> io::Result<()> {
    let (user, group) = (Some(Uid::from_raw(own.user)), Some(Gid::from_raw(own.group)));
    let mut outcome = Ok(());
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let given = || -> io::Result<()> {
            chownat(directory, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
            let there = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(there.st_mode) != FileType::Directory {
                return Ok(());
            }
            if depth < DEPTH {
                return give_back(&openat(directory, name, DIRECTORY, Mode::empty())?, own, depth + 1);
            }
            let at = format!("/proc/self/fd/{}/{}", directory.as_raw_fd(), name.to_string_lossy());
            tree::remove(Path::new(&at))
        };
        outcome = outcome.and(given());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ids_are_read() {
        let text = "ann:100000:65536\nmalformed\nbob:165536:65536\n1000:300000:2\nann:400000:0\n";
        assert_eq!(given(text, "ann", 1000), [(100_000, 65_536), (300_000, 2)]);
        assert_eq!(given(text, "bo", 1001), []);
    }

    #[test]
    fn ids_are_assigned_once() {
        let range = |inside, outside| Range { inside, outside, count: 1 };
        let own = Range::same(1000);
        assert_eq!(assign(1000, &[33, 44, 33, 1000], &[(7, 1), (9, 1)]), Ok(vec![own, range(33, 7), range(44, 9)]));
        assert_eq!(assign(1000, &[33, 44], &[(7, 1)]), Err(()));
        assert_eq!(assign(1000, &[1000], &[]), Ok(vec![own]));
    }
}
