//! A command line that a step ran, and the programs in it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use greenroom_sandbox::process::{RunAs, find_program};

/// How much of a script is read, in bytes.
const SCRIPT: u64 = 64 * 1024;

/// Words that programs follow in a script or on a command line.
const BEFORE_PROGRAMS: [&str; 17] = [
    "!", "command", "do", "else", "elif", "env", "exec", "if", "ionice", "nice", "nohup", "setsid", "then", "time",
    "until", "while", "{",
];

/// A command line that a step has run.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) words: Vec<String>,
    /// PATH, in which its programs are looked for.
    pub(crate) path: OsString,
    pub(crate) directory: PathBuf,
    /// The daemon that it started, if it did.
    pub(crate) daemon: Option<String>,
    /// The user that it runs as, if that is another one.
    pub(crate) user: Option<RunAs>,
}

impl Invocation {
    /// Returns the programs that it runs: its own, and those of a script in it.
    pub(crate) fn programs(&self) -> Vec<String> {
        let [first, rest @ ..] = self.words.as_slice() else { return Vec::new() };
        let mut programs = vec![first.clone()];
        let is_shell = is_shell(first);
        for word in rest.iter().filter(|_| is_shell) {
            programs.extend(of_script(word));
        }
        if is_wrapper(first) {
            let is_program = |word: &&String| !word.starts_with('-') && !word.contains('=');
            programs.extend(rest.iter().filter(is_program).cloned());
        }
        let files = std::iter::once(first).chain(rest.iter().filter(|_| is_shell));
        programs.extend(files.filter_map(|name| self.script(name)).flat_map(|text| of_script(&text)));
        programs
    }

    /// Reads a script: a file that begins as one, or that a shell gets.
    fn script(&self, name: &str) -> Option<String> {
        let file = if name.contains('/') {
            self.directory.join(name)
        } else {
            let here = self.directory.join(name);
            find_program(name.as_ref(), &self.path, &self.directory).unwrap_or(here)
        };
        if !fs::metadata(&file).ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        File::open(file).ok()?.take(SCRIPT).read_to_end(&mut text).ok()?;
        text.starts_with(b"#!").then(|| String::from_utf8_lossy(&text).into_owned())
    }
}

fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("sh" | "bash" | "dash" | "zsh" | "ksh" | "ash"))
}

/// Returns whether a program runs another one, which one of its arguments names.
fn is_wrapper(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    BEFORE_PROGRAMS.contains(&name) || matches!(name, "timeout" | "stdbuf" | "setpriv" | "taskset" | "chrt" | "xargs")
}

/// Returns the first word of each command of a shell script, without duplicates.
fn of_script(script: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let code = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let commands = code.flat_map(|line| line.split([';', '|', '&', '(', ')', '`']));
    for command in commands {
        let is_program = |word: &&str| !BEFORE_PROGRAMS.contains(word) && !word.contains('=') && !word.starts_with('-');
        let Some(program) = command.split_whitespace().find(is_program) else { continue };
        let program = program.trim_matches(['"', '\'']);
        if !found.iter().any(|known| known == program) {
            found.push(program.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(line: &[&str]) -> Vec<String> {
        let words = line.iter().map(|word| (*word).to_owned()).collect();
        let invocation = Invocation { words, path: "/bin".into(), directory: "/".into(), daemon: None, user: None };
        invocation.programs()
    }

    #[test]
    fn programs_of_a_command_line() {
        assert_eq!(programs(&["sudo", "-n", "true"]), ["sudo"]);
        assert_eq!(programs(&["echo", "su"]), ["echo"]);
        assert_eq!(programs(&["env", "-i", "A=1", "sudo", "id"]), ["env", "sudo", "id"]);
        assert_eq!(programs(&["timeout", "5", "sudo", "id"]), ["timeout", "5", "sudo", "id"]);
        assert!(programs(&[]).is_empty());
    }

    #[test]
    fn programs_of_a_script() {
        let script = "cd /; su nobody && (ping x | cat)";
        assert_eq!(programs(&["sh", "-c", script]), ["sh", "cd", "su", "ping", "cat"]);
        let text = "#!/bin/sh\nset -e\n# su is not here\nif ! A=1 \"sudo\" -n true; then exec ping x; fi\nsudo id";
        assert_eq!(of_script(text), ["set", "sudo", "ping", "fi"]);
    }
}
