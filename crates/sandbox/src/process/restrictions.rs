//! What a program may do less than the process that starts it.

use std::fs;
use std::io;

use rustix::process::{Resource, getrlimit};

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

/// An account, as `/etc/passwd` and `/etc/group` describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub user: u32,
    /// The number of its group.
    pub group: u32,
    /// The numbers of all of its groups.
    pub groups: Vec<u32>,
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
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let has_name = |user: &u32| accounts.lines().filter_map(account).any(|account| account.user == *user);
        Self::Ordinary([FIRST_USER, NOBODY].into_iter().find(has_name).unwrap_or(FIRST_USER))
    }
}

impl Account {
    /// Finds an account by its name.
    ///
    /// # Errors
    ///
    /// When `/etc/passwd` cannot be read.
    pub fn named(name: &str) -> io::Result<Option<Self>> {
        let accounts = fs::read_to_string("/etc/passwd")?;
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        Ok(find(&accounts, &groups, name))
    }

    /// Returns the names of all accounts.
    pub fn names() -> Vec<String> {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        accounts.lines().filter_map(account).map(|account| account.name).collect()
    }
}

/// Finds an account in the texts of `/etc/passwd` and `/etc/group`.
fn find(accounts: &str, groups: &str, name: &str) -> Option<Account> {
    let mut found = accounts.lines().filter_map(account).find(|account| account.name == name)?;
    let has_member = |line: &&str| line.rsplit(':').next().is_some_and(|all| all.split(',').any(|one| one == name));
    let others = groups.lines().filter(has_member).filter_map(|line| line.split(':').nth(2)?.parse::<u32>().ok());
    found.groups.extend(others);
    Some(found)
}

/// Reads a line of `/etc/passwd`.
fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Account { name, user, group, groups: vec![group] })
}

/// Returns how many descriptors a process may be allowed to have open at most; `None` for any number.
pub fn most_open_files() -> Option<u64> {
    if rustix::process::geteuid().is_root() { None } else { getrlimit(Resource::Nofile).maximum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_groups() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nmalformed\nredis:x:102:105::/var/lib/redis:/bin/false\n";
        let groups = "root:x:0:\nssl:x:110:other,redis\nredis:x:105:\nwheel:x:10:rediss\n";
        let redis = Account { name: "redis".to_owned(), user: 102, group: 105, groups: vec![105, 110] };
        assert_eq!(find(accounts, groups, "redis"), Some(redis));
        assert_eq!(find(accounts, groups, "redi"), None);
    }
}
