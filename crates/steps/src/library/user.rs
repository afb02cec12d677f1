//! Users that daemons and commands run as.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use greenroom_sandbox::process::{Account, Group};
use rustix::process::geteuid;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::place::nearest;
use crate::step::{Captures, Failure, StepResult, names_value};

/// Programs that switch the user, and stay as the parent of the program that they start.
const SWITCHES: [&str; 4] = ["su", "sudo", "runuser", "doas"];

/// Returns the account that a step names, unless this process runs as it already.
pub(crate) fn user_of(captures: &Captures) -> Result<Option<Account>, Failure> {
    let name = captures.text("user")?;
    find(name).map_err(|error| match error {
        UserError::Unknown { help } => Failure::new(unknown(name)).help(help),
        UserError::Refused => Failure::new(refused(name)).help(help()),
    })
}

/// Finds a user that does not exist, or that nothing can run as.
pub(crate) fn check(captures: &Captures, state: &PreflightState) -> Vec<Problem> {
    let name = captures.get("user").unwrap_or_default();
    if names_value(name) || state.user.as_deref() == Some(name) {
        return Vec::new();
    }
    let problem =
        |(message, help): (String, String)| vec![Problem::new("user", ProblemKind::UnknownUser, message).help(help)];
    match (find(name), &state.user) {
        (Err(UserError::Unknown { help }), _) => problem((unknown(name), help)),
        (_, Some(own)) => problem((
            format!("only root can run programs as user {name}, and this scenario runs as user {own}"),
            format!("leave out this step, or `user: {own}` in the metadata"),
        )),
        (Ok(_), None) => Vec::new(),
        (Err(UserError::Refused), None) => problem((refused(name), help())),
    }
}

/// Why nothing can run as a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserError {
    /// This machine has no such account.
    Unknown {
        /// What may be meant.
        help: String,
    },
    /// Only root can switch to the account, and this process does not run as root.
    Refused,
}

/// Says what to write instead of the name of an unknown account or group.
fn similar<'a>(name: &str, names: impl Iterator<Item = &'a str>, what: &str) -> String {
    nearest(name, names).map_or_else(|| format!("write the name of {what}"), |near| format!("did you mean {near}?"))
}

/// Finds the account that programs are to run as; `None` if that is the present one.
///
/// # Errors
///
/// If there is no such account, or only root can run programs as it.
pub fn find(name: &str) -> Result<Option<Account>, UserError> {
    match Account::named(name) {
        Ok(Some(account)) if account.user == geteuid().as_raw() => Ok(None),
        Ok(Some(account)) if geteuid().is_root() => Ok(Some(account)),
        Ok(Some(_)) => Err(UserError::Refused),
        Ok(None) => Err(UserError::Unknown { help: instead(name) }),
        Err(error) => Err(UserError::Unknown { help: format!("/etc/passwd cannot be read: {error}") }),
    }
}

/// Returns what to write instead of an unknown name.
fn instead(name: &str) -> String {
    if let Some(name) = name.parse().ok().and_then(Account::name_of) {
        return format!("write the name of the account, which is {name}");
    }
    similar(name, Account::names().iter().map(String::as_str), "an account of this machine")
}

/// Returns the number of the user that a step expects to own a file.
pub(crate) fn number_of(name: &str) -> Result<u32, Failure> {
    match Account::named(name) {
        Ok(Some(account)) => Ok(account.user),
        Ok(None) => Err(Failure::new(unknown(name)).help(instead(name))),
        Err(error) => Err(Failure::new(format!("/etc/passwd cannot be read: {error}"))),
    }
}

/// Returns the number of the group that a step expects to own a file.
pub(crate) fn group_of(name: &str) -> Result<u32, Failure> {
    let groups = Group::all().map_err(|error| Failure::new(format!("/etc/group cannot be read: {error}")))?;
    if let Some(group) = groups.iter().find(|group| group.name == name) {
        return Ok(group.number);
    }
    let of_number = name.parse().ok().and_then(Group::name_of);
    let help = match of_number {
        Some(name) => format!("write the name of the group, which is {name}"),
        None => similar(name, groups.iter().map(|group| group.name.as_str()), "a group of this machine"),
    };
    Err(Failure::new(format!("this machine has no group {name} in /etc/group")).help(help))
}

/// Says that the machine does not have an account.
pub fn unknown(name: &str) -> String {
    format!("this machine has no user {name} in /etc/passwd")
}

fn refused(name: &str) -> String {
    format!("only root can run programs as user {name}, and greenroom does not run as root")
}

fn help() -> String {
    "run greenroom as root; for a daemon that merely refuses root, write `given daemon NAME runs as an ordinary user`"
        .to_owned()
}

/// Lets other users write to the scenario's directory.
pub(crate) fn open_directory(context: &Context) -> StepResult {
    let open = fs::set_permissions(context.directory(), Permissions::from_mode(0o777));
    open.map_err(|error| Failure::new(format!("cannot let other users write to the scenario's directory: {error}")))
}

/// Returns the variables of another user: its name, and a home directory of its own.
pub(crate) fn environment(context: &Context, account: &Account) -> Result<Vec<(OsString, Option<OsString>)>, Failure> {
    let home = context.backstage().join(format!("home-{}", account.name));
    make_home(&home, account)
        .map_err(|error| Failure::new(format!("cannot make a home directory for user {}: {error}", account.name)))?;
    let variable = |name: &str, value: OsString| (name.into(), Some(value));
    let name = || OsString::from(&account.name);
    Ok(vec![
        variable("HOME", home.clone().into_os_string()),
        variable("TMPDIR", home.into_os_string()),
        variable("USER", name()),
        variable("LOGNAME", name()),
    ])
}

fn make_home(home: &Path, account: &Account) -> std::io::Result<()> {
    if home.is_dir() {
        return Ok(());
    }
    fs::create_dir(home)?;
    fs::set_permissions(home, Permissions::from_mode(0o700))?;
    chown(home, Some(account.user), Some(account.group))
}

/// Warns about a program that switches the user in front of a daemon.
pub(crate) fn switches(words: &[String], name: &str) -> Option<Problem> {
    let program = Path::new(words.first()?).file_name()?.to_str()?;
    SWITCHES.contains(&program).then(|| {
        let message = format!("{program} stays as the parent of the daemon, and does not pass signals on as they are");
        Problem::warning("path", ProblemKind::SwitchesUser, message).help(format!(
            "start the program itself, after `given daemon {name} runs as user USER`; or use setpriv, which does not \
             stay"
        ))
    })
}
