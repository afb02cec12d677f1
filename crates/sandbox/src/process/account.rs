//! Accounts of this machine.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// An account, as `/etc/passwd` and `/etc/group` describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Returns the name of the user with a number, if it has one here.
    pub fn name_of(user: u32) -> Option<String> {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        name_in(&accounts, user)
    }

    /// Returns the names of all accounts.
    pub fn names() -> Vec<String> {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        accounts.lines().filter_map(account).map(|account| account.name).collect()
    }
}

/// A group of users, as `/etc/group` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
}

impl Group {
    /// Returns all groups.
    ///
    /// # Errors
    ///
    /// When `/etc/group` cannot be read.
    pub fn all() -> io::Result<Vec<Self>> {
        Ok(fs::read_to_string("/etc/group")?.lines().filter_map(group).collect())
    }

    /// Returns the name of the group with a number, if it has one here.
    pub fn name_of(number: u32) -> Option<String> {
        Self::all().ok()?.into_iter().find(|group| group.number == number).map(|group| group.name)
    }
}

/// Reads a line of `/etc/group`.
fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    Some(Group { name: fields.next()?.to_owned(), number: fields.nth(1)?.parse().ok()? })
}

/// Whose numbers a user namespace maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Those of users.
    Users,
    /// Those of groups.
    Groups,
}

/// Returns whether this process can tell a user or group from others by its number.
///
/// In a user namespace, all that it does not map have one and the same number, that of `nobody`.
pub fn is_mapped(numbers: Numbers, number: u32) -> bool {
    let file = match numbers {
        Numbers::Users => "/proc/self/uid_map",
        Numbers::Groups => "/proc/self/gid_map",
    };
    fs::read_to_string(file).map_or(true, |map| maps(&map, number))
}

/// Finds a number in the text of `/proc/self/uid_map`.
fn maps(map: &str, number: u32) -> bool {
    map.lines().any(|line| {
        let mut words = line.split_whitespace().map(str::parse::<u64>);
        let (first, count) = (words.next(), words.nth(1));
        let (Some(Ok(first)), Some(Ok(count))) = (first, count) else { return false };
        (first..first.saturating_add(count)).contains(&u64::from(number))
    })
}

/// Finds an account in the texts of `/etc/passwd` and `/etc/group`.
fn find(accounts: &str, groups: &str, name: &str) -> Option<Account> {
    let mut found = accounts.lines().filter_map(account).find(|account| account.name == name)?;
    let has_member = |line: &&str| line.rsplit(':').next().is_some_and(|all| all.split(',').any(|one| one == name));
    let others = groups.lines().filter(has_member).filter_map(|line| line.split(':').nth(2)?.parse::<u32>().ok());
    found.groups.extend(others);
    Some(found)
}

/// Finds the name of a user in the text of `/etc/passwd`.
fn name_in(accounts: &str, user: u32) -> Option<String> {
    accounts.lines().filter_map(account).find(|account| account.user == user).map(|account| account.name)
}

/// Reads a line of `/etc/passwd`.
fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Account { name, user, group, groups: vec![group] })
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

    #[test]
    fn users_are_named() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nmalformed\nwww-data:x:33:33::/var/www:/bin/false\n";
        assert_eq!(name_in(accounts, 33).as_deref(), Some("www-data"));
        assert_eq!(name_in(accounts, 0).as_deref(), Some("root"));
        assert_eq!(name_in(accounts, 34), None);
    }

    #[test]
    fn groups_are_read() {
        assert_eq!(group("ssl:x:110:other,redis"), Some(Group { name: "ssl".to_owned(), number: 110 }));
        assert_eq!(group("malformed"), None);
    }

    #[test]
    fn numbers_are_found_in_maps() {
        let map = "      1000       1000          1\n         5     100000         10\n";
        for (number, is_mapped) in [(1000, true), (999, false), (1001, false), (5, true), (14, true), (15, false)] {
            assert_eq!(maps(map, number), is_mapped, "{number}");
        }
        assert!(maps("         0          0 4294967295\n", u32::MAX - 1));
    }
}
