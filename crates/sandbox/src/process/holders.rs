//! The processes that have sockets open, also those that this stage does not see.
//!
//! In the host's network a scenario meets sockets of processes that its own `/proc` does not show,
//! or whose descriptors it may not read from its user namespace. The runner is outside, so the
//! worker asks it: `answer_from` sets the way to do that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::ports::{self, Listeners};
use super::table::{self, Entry};
use crate::surroundings::this_process;

/// How many sockets one question may name.
const MOST: usize = 256;

/// A process that has a socket open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// One that this stage sees.
    Seen(Entry),
    /// One outside of this stage.
    Outside(Outsider),
}

/// A process outside of this stage that has a socket open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outsider {
    /// One that the user's own processes can see.
    Process {
        /// Its process number on the host.
        pid: i32,
        /// Its command line.
        command: String,
        /// Whether this run of greenroom started it, for another scenario.
        is_of_run: bool,
    },
    /// One of another user, or outside of this container.
    Hidden {
        /// The user who created the socket, by name or number.
        user: Option<String>,
    },
}

/// Asks for the processes of sockets from outside of the stage; `None` when there is no answer.
type Ask = Box<dyn Fn(&[u64]) -> Option<Answers> + Send + Sync>;

/// What is outside, by the inode of its socket.
pub(crate) type Answers = BTreeMap<u64, Outsider>;

static ASK: OnceLock<Ask> = OnceLock::new();

/// Has questions about processes outside of this stage answered by a function.
pub(crate) fn answer_from(ask: impl Fn(&[u64]) -> Option<Answers> + Send + Sync + 'static) {
    let _ = ASK.set(Box::new(ask));
}

/// Finds the process that has a socket open.
///
/// In a private network that is a process of the stage, or one that may not be seen: `None`.
pub fn of_socket(inode: u64) -> Option<Holder> {
    of_sockets(&[inode]).remove(&inode)
}

/// Finds the processes that have sockets open, by their inodes.
pub fn of_sockets(inodes: &[u64]) -> BTreeMap<u64, Holder> {
    let mut wanted: BTreeSet<u64> = inodes.iter().copied().collect();
    let seen = table::holders_of_sockets(&wanted);
    wanted.retain(|inode| !seen.contains_key(inode));
    let mut holders: BTreeMap<u64, Holder> =
        seen.into_iter().map(|(inode, entry)| (inode, Holder::Seen(entry))).collect();
    // A member that may not be seen can be the holder; then an answer from outside would mislead.
    if wanted.is_empty() || ports::are_private() || table::has_closed_member() {
        return holders;
    }
    let wanted: Vec<u64> = wanted.into_iter().take(MOST).collect();
    let outside = match ASK.get() {
        Some(ask) => ask(&wanted).unwrap_or_default(),
        None => outsiders(&wanted),
    };
    holders.extend(outside.into_iter().map(|(inode, outsider)| (inode, Holder::Outside(outsider))));
    holders
}

/// Finds the processes that have sockets open, as this process sees them.
pub(crate) fn outsiders(inodes: &[u64]) -> Answers {
    let wanted: BTreeSet<u64> = inodes.iter().copied().take(MOST).collect();
    let seen = table::holders_of_sockets(&wanted);
    let of_run: BTreeSet<i32> = table::descendants(this_process()).into_iter().collect();
    let sockets = if seen.len() < wanted.len() { [Listeners::new().all(), ports::udp()].concat() } else { Vec::new() };
    let outsider = |inode: u64| {
        if let Some(Entry { pid, command, .. }) = seen.get(&inode) {
            return Outsider::Process { pid: *pid, command: command.clone(), is_of_run: of_run.contains(pid) };
        }
        let user = sockets.iter().find(|socket| socket.inode == inode).map(|socket| name_of_user(socket.user));
        Outsider::Hidden { user }
    };
    wanted.iter().map(|&inode| (inode, outsider(inode))).collect()
}

/// Returns the name of a user, or the number of one without a name.
fn name_of_user(number: u32) -> String {
    Account::name_of(number).unwrap_or_else(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an ordinary child will do")]
    fn the_process_of_a_socket_is_found_with_its_command() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inode = Listeners::new().on_port(port)[0].inode;
        // It has the socket as its standard input, and ends when it is killed below.
        let mut command = Command::new("sleep");
        let mut child = command.arg("1000").stdin(Stdio::from(std::os::fd::OwnedFd::from(listener))).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let found = outsiders(&[inode, 0]);
        child.kill().unwrap();
        child.wait().unwrap();
        let command = "sleep 1000".to_owned();
        assert_eq!(found[&inode], Outsider::Process { pid, command, is_of_run: true });
        assert_eq!(found[&0], Outsider::Hidden { user: None });
    }

    #[test]
    fn users_without_a_name_are_numbered() {
        assert_eq!(name_of_user(4_000_000_000), "4000000000");
    }
}
