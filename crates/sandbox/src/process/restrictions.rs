//! What a program may do less than the process that starts it.

use rustix::process::{Resource, getrlimit};

use super::account::Account;

/// The number that an ordinary user has, and that of the user without rights.
const FIRST_USER: u32 = 1000;
const NOBODY: u32 = 65534;

/// Limits of a program, and the user that it runs as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// How many descriptors each of its processes may have open.
    pub open_files: Option<u64>,
    /// How many bytes of private memory each of its processes may write to.
    pub memory: Option<u64>,
    /// The user that it runs as, if that is not the one of this process.
    pub user: Option<RunAs>,
    /// Whether it is in a session of its own, whose terminal is its standard input.
    pub own_terminal: bool,
}

/// A user that a program runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunAs {
    /// An account of this machine; only root can switch to it.
    Account(Account),
    /// The present user, who looks like an ordinary one from the inside: in a user namespace, with
    /// this number.
    Ordinary(u32),
}

impl Restrictions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RunAs {
    /// Returns the ordinary user: number 1000, or another one if only that has a name here.
    ///
    /// Some programs, databases above all, look the name of their user up.
    pub fn ordinary() -> Self {
        let has_name = |user: &u32| Account::name_of(*user).is_some();
        Self::Ordinary([FIRST_USER, NOBODY].into_iter().find(has_name).unwrap_or(FIRST_USER))
    }
}

/// Returns how many descriptors a process may be allowed to have open at most; `None` for any number.
pub fn most_open_files() -> Option<u64> {
    if rustix::process::geteuid().is_root() { None } else { getrlimit(Resource::Nofile).maximum }
}
