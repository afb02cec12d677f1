//! Programs that get the rights of another user from their file, and do not get them in a sandbox.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use greenroom_event::OutputSource;
use greenroom_sandbox::process::find_program;
use rustix::fs::getxattr;
use rustix::process::geteuid;

use super::state::Runcmd;
use crate::context::Context;
use crate::library::command;
use crate::step::{Failure, Output, Subject};

/// Adds to the failure of a step that a program in its command line has no more rights than its user.
pub(crate) fn with_lost_rights(context: &mut Context, error: Failure) -> Failure {
    let Some(reason) = lost_rights() else { return error };
    let is_output = |output: &Output| matches!(output.source, OutputSource::Command { .. });
    let is_about_it = matches!(error.subject, Some(Subject::Command { .. })) || error.output.iter().any(is_output);
    let latest = context.state::<Runcmd>().latest.as_ref().filter(|_| is_about_it);
    let Some(line) = latest.map(|latest| latest.command.line.clone()) else { return error };
    let path = context.environment().path();
    let file = |name: &String| find_program(name.as_ref(), &path, Path::new("/")).ok();
    let powerless = programs(&line).into_iter().find_map(|name| {
        let kind = rights_of(&file(&name)?)?;
        Some(format!("{name} {kind}, and gets no rights from that here: {reason}"))
    });
    match powerless {
        Some(note) => error.note(note).help("run greenroom as root, or this scenario with `--sandbox tended`"),
        None => error,
    }
}

/// Returns why programs get no rights from their files in this process.
fn lost_rights() -> Option<&'static str> {
    if geteuid().is_root() {
        return None;
    }
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let maps_all = read("/proc/self/uid_map").split_whitespace().nth(2) == Some("4294967295");
    let is_barred =
        read("/proc/self/status").lines().any(|line| line.starts_with("NoNewPrivs:") && line.ends_with('1'));
    match (maps_all, is_barred) {
        (false, _) => Some("scenarios run in a user namespace"),
        (true, true) => Some("greenroom was started with no_new_privs"),
        (true, false) => None,
    }
}

/// Returns which rights a program gets from its file: `has file capabilities`.
fn rights_of(program: &Path) -> Option<&'static str> {
    let metadata = fs::metadata(program).ok()?;
    if metadata.mode() & 0o4000 != 0 && metadata.uid() != geteuid().as_raw() {
        return Some("is a set-uid program");
    }
    let has_capabilities = getxattr(program, c"security.capability", &mut [0; 64]).is_ok();
    has_capabilities.then_some("has file capabilities")
}

/// Returns the programs that a command line runs: its first word, and those of a shell script in it.
fn programs(line: &str) -> Vec<String> {
    let Ok(words) = command::split(line) else { return Vec::new() };
    let Some(first) = words.first().cloned() else { return Vec::new() };
    let is_shell = matches!(first.rsplit('/').next(), Some("sh" | "bash" | "dash" | "zsh" | "ksh" | "env"));
    let scripts = words.iter().skip(1).filter(|_| is_shell);
    let commands = scripts.flat_map(|script| script.split([';', '|', '&', '(', ')', '\n']));
    let names = commands.filter_map(|command| command.split_whitespace().next()).map(str::to_owned);
    std::iter::once(first).chain(names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_a_command_line() {
        assert_eq!(programs("sudo -n true"), ["sudo",]);
        assert_eq!(programs("sh -c 'cd /; su nobody && (ping x | cat)'"), ["sh", "-c", "cd", "su", "ping", "cat"]);
        assert_eq!(programs("echo su"), ["echo"]);
        assert_eq!(programs("it's"), Vec::<String>::new());
    }
}
