//! Programs that get the rights of another user from their file, and do not get them in a scenario.
//!
//! A step fails because of one if a command or daemon ran it: its command line names the program, a
//! script in it does, or the program itself complains in the output.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use greenroom_event::OutputSource;
use greenroom_sandbox::process::{RunAs, find_program};
use rustix::fs::{StatVfsMountFlags, getxattr, statvfs};
use rustix::process::{getegid, geteuid};

use super::daemon::{Daemons, Text};
use super::invocation::Invocation;
use super::runcmd::Runcmd;
use crate::context::Context;
use crate::step::{Failure, Output, Subject};

/// What programs write when they lack a right.
const DENIALS: [&str; 4] = ["not permitted", "permission denied", "eperm", "eacces"];

/// Which rights a program gets from its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    SetUser { owner: u32 },
    SetGroup { group: u32 },
    Capabilities,
}

/// Why a program does not get the rights of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    UserNamespace,
    OrdinaryUser,
    NoNewPrivileges,
    Nosuid,
}

/// Adds to the failure of a step that a program that it ran has no more rights than its user.
pub(super) fn with_lost_rights(context: &mut Context, error: Failure, texts: &[Text]) -> Failure {
    let is_denied = texts.iter().any(|text| has_denial(&text.text));
    let invocations = invocations(context, &error);
    let found = invocations.iter().find_map(|invocation| {
        let own = texts.iter().filter(|text| text.daemon == invocation.daemon);
        let mut names = invocation.programs().into_iter().chain(own.flat_map(|text| complaining(&text.text)));
        names.find_map(|name| lost(invocation, &name, is_denied))
    });
    match found {
        Some((note, help)) => error.note(note).help(help),
        None => error,
    }
}

/// Returns the command lines that a failure may be about: the latest command, and daemons.
fn invocations(context: &mut Context, error: &Failure) -> Vec<Invocation> {
    let Ok(here) = context.working_directory().map(Path::to_owned) else { return Vec::new() };
    let path = context.environment().path();
    let is_of_command = |output: &Output| matches!(output.source, OutputSource::Command { .. });
    let is_about_command =
        matches!(error.subject, Some(Subject::Command { .. })) || error.output.iter().any(is_of_command);
    let state = context.state::<Runcmd>();
    let command = state.invocation(&here, &path).filter(|_| is_about_command);
    let is_about = |name: &str| {
        let is_subject = matches!(&error.subject, Some(Subject::Daemon { name: subject }) if subject == name);
        let is_of = |output: &Output| matches!(&output.source, OutputSource::Daemon { name: of, .. } if of == name);
        is_subject || error.output.iter().any(is_of)
    };
    let daemons = context.state::<Daemons>().invocations(&path, is_about);
    command.into_iter().chain(daemons).collect()
}

/// Returns a note and advice about a program that does not get the rights of its file.
fn lost(invocation: &Invocation, name: &str, is_denied: bool) -> Option<(String, String)> {
    let file = find_program(name.as_ref(), &invocation.path, &invocation.directory).ok()?;
    let rights = rights_of(&file, invocation.user.as_ref())?;
    let loss = loss_of(&file, rights, invocation.user.as_ref())?;
    let is_partial = rights == Rights::Capabilities && matches!(loss, Loss::UserNamespace | Loss::OrdinaryUser);
    // Such capabilities hold in the scenario's network and on its mounts, which is most of what programs need.
    if is_partial && !is_denied {
        return None;
    }
    let what = match rights {
        Rights::SetUser { .. } => "is a set-uid program, and gets no rights from that here",
        Rights::SetGroup { .. } => "is a set-gid program, and gets no rights from that here",
        Rights::Capabilities if is_partial => "has file capabilities, which hold only for what the scenario owns",
        Rights::Capabilities => "has file capabilities, and gets no rights from that here",
    };
    let why = match loss {
        Loss::UserNamespace => "scenarios run in a user namespace",
        Loss::OrdinaryUser => "an ordinary user runs in a user namespace",
        Loss::NoNewPrivileges => "greenroom was started with no_new_privs",
        Loss::Nosuid => "its file system is mounted nosuid",
    };
    let help = match loss {
        Loss::UserNamespace if geteuid().is_root() => {
            "run this scenario with `--sandbox tended`, or greenroom outside of a user namespace".to_owned()
        }
        Loss::UserNamespace => "run greenroom as root, or this scenario with `--sandbox tended`".to_owned(),
        Loss::OrdinaryUser => {
            "name an account of this machine in place of `an ordinary user`, or leave that step out".to_owned()
        }
        Loss::NoNewPrivileges => "start greenroom without no_new_privs: look for `NoNewPrivileges=` in a systemd \
             service, and for `no-new-privileges` in the options of a container"
            .to_owned(),
        Loss::Nosuid => format!("put {name} on a file system that is not mounted nosuid"),
    };
    let which = invocation.daemon.as_ref().map_or_else(String::new, |daemon| format!(", which daemon {daemon} runs,"));
    Some((format!("{name}{which} {what}: {why}"), help))
}

/// Returns why a program does not get rights from its file, if it does not.
fn loss_of(program: &Path, rights: Rights, user: Option<&RunAs>) -> Option<Loss> {
    if matches!(user, Some(RunAs::Ordinary(_))) {
        return Some(Loss::OrdinaryUser);
    }
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let is_foreign = match rights {
        Rights::SetUser { owner } => !is_mapped(&read("/proc/self/uid_map"), owner),
        Rights::SetGroup { group } => !is_mapped(&read("/proc/self/gid_map"), group),
        Rights::Capabilities => !is_mapped(&read("/proc/self/uid_map"), 0) && !geteuid().is_root(),
    };
    if is_foreign {
        return Some(Loss::UserNamespace);
    }
    let is_barred = |line: &str| line.starts_with("NoNewPrivs:") && line.ends_with('1');
    if read("/proc/self/status").lines().any(is_barred) {
        return Some(Loss::NoNewPrivileges);
    }
    let is_nosuid = statvfs(program).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOSUID));
    is_nosuid.then_some(Loss::Nosuid)
}

/// Returns whether a user or group of the file system exists in this user namespace, by its map.
fn is_mapped(map: &str, number: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or_default());
        let (first, _, count) = (numbers.next(), numbers.next(), numbers.next().unwrap_or_default());
        first.is_some_and(|first| (first..first + count).contains(&u64::from(number)))
    })
}

/// Returns which rights a program gets from its file that its user does not have.
fn rights_of(program: &Path, user: Option<&RunAs>) -> Option<Rights> {
    let (user, group) = match user {
        None => (Some(geteuid().as_raw()), Some(getegid().as_raw())),
        Some(RunAs::Account(account)) => (Some(account.user), Some(account.group)),
        Some(RunAs::Ordinary(_)) => (None, None),
    };
    let metadata = fs::metadata(program).ok()?;
    if metadata.mode() & 0o4000 != 0 && user != Some(metadata.uid()) {
        return Some(Rights::SetUser { owner: metadata.uid() });
    }
    // Root has all capabilities, and the rights of all groups.
    if user == Some(0) {
        return None;
    }
    if getxattr(program, c"security.capability", &mut [0; 64]).is_ok() {
        return Some(Rights::Capabilities);
    }
    let is_set = metadata.mode() & 0o2010 == 0o2010 && group != Some(metadata.gid());
    is_set.then_some(Rights::SetGroup { group: metadata.gid() })
}

/// Returns the names before the messages in an output: `sudo` of `sudo: a password is required`.
fn complaining(output: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in output.lines() {
        // A prompt may be before the message: `Password: su: Authentication failure`.
        let names = line.rsplit(": ").skip(1);
        for name in names.filter(|name| !name.is_empty() && !name.contains(char::is_whitespace)) {
            if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

fn has_denial(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    DENIALS.iter().any(|denial| text.contains(denial))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_says_which_users_exist() {
        let all = "         0          0 4294967295\n";
        assert!(is_mapped(all, 0) && is_mapped(all, 65_534));
        let own = "     23456      23456          1\n";
        assert!(is_mapped(own, 23_456) && !is_mapped(own, 0) && !is_mapped(own, 65_534));
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        assert!(is_mapped(rootless, 0) && is_mapped(rootless, 65_534) && !is_mapped(rootless, 65_537));
        assert!(!is_mapped("", 0));
    }

    #[test]
    fn a_program_that_complains_is_named() {
        assert_eq!(
            complaining("sudo: no tty\nready\nsudo: a password is required\nmount: /x: x"),
            ["sudo", "/x", "mount"]
        );
        assert_eq!(complaining("Password: su: Authentication failure"), ["su", "Password"]);
        assert_eq!(complaining("a line: that says more\n: x"), Vec::<String>::new());
    }
}
