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
}
