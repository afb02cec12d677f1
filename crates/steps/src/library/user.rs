//! Users that daemons and commands run as.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use greenroom_sandbox::process::Account;
use rustix::process::{geteuid, getuid};

use crate::check::{Problem, ProblemKind};
use crate::context::Context;
use crate::library::place::nearest;
use crate::step::{Captures, Failure, StepResult};

/// Programs that switch the user, and stay as the parent of the program that they start.
const SWITCHES: [&str; 4] = ["su", "sudo", "runuser", "doas"];

/// Returns the account that a step names, unless greenroom runs as it already.
pub(crate) fn user_of(captures: &Captures) -> Result<Option<Account>, Failure> {
    let name = captures.text("user")?;
    let account = Account::named(name)
        .map_err(|error| Failure::new(format!("cannot read /etc/passwd: {error}")))?
        .ok_or_else(|| Failure::new(unknown(name)))?;
    if account.user == geteuid().as_raw() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        return Err(Failure::new(refused(name)).help(help()));
    }
    Ok(Some(account))
}

/// Finds a user that does not exist, or that nothing can run as.
pub(crate) fn check(captures: &Captures) -> Vec<Problem> {
    let name = captures.get("user").unwrap_or_default();
    if name.contains("${") {
        return Vec::new();
    }
    let Ok(found) = Account::named(name) else { return Vec::new() };
    let problem = |message: String| Problem::new("user", ProblemKind::UnknownUser, message);
    match found {
        None => {
            let names = Account::names();
            let near = nearest(name, names.iter().map(String::as_str));
            let help = near.map_or_else(
                || "write the name of an account of this machine".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            vec![problem(unknown(name)).help(help)]
        }
        Some(account) if account.user == getuid().as_raw() || geteuid().is_root() => Vec::new(),
        Some(_) => vec![problem(refused(name)).help(help())],
    }
}

fn unknown(name: &str) -> String {
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
