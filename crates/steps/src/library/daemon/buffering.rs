//! Output that a program may hold back: a wait for text that finds nothing written says so.
//!
//! Most languages write through a buffer unless their output is a terminal. Which program it is
//! comes from the command lines of the daemon's processes as they run, so wrappers such as `env` or
//! `sh -c` make no difference.

use std::fs;

use greenroom_sandbox::process::table::{self, Entry};

use super::instance::Daemon;
use crate::step::{Failure, Stream};

/// How a program can be made to write at once.
#[derive(Debug, PartialEq, Eq)]
enum Buffering {
    /// It does so already.
    None,
    /// With this advice.
    Advice(String),
    /// It is not known whether it holds anything back.
    Unknown,
}

/// Adds to a failure that a running daemon which wrote nothing to stdout may hold its output back.
pub(super) fn note(daemon: &mut Daemon, stream: Stream, error: Failure) -> Failure {
    let is_empty = fs::metadata(daemon.file(stream)).is_ok_and(|file| file.len() == 0);
    // Standard error is not buffered in these languages.
    if stream == Stream::Stderr || !is_empty || daemon.try_wait().is_some() {
        return error;
    }
    let Some(pid) = daemon.process().map(greenroom_sandbox::process::Service::pid) else { return error };
    let members = table::members();
    let family = table::family(&members, pid);
    let processes: Vec<&Entry> = members.iter().filter(|entry| family.contains(&entry.pid)).collect();
    let found = processes.iter().map(|entry| of_program(&entry.command, is_unbuffered_by_environment(entry.pid)));
    let advice = match found.min_by_key(|found| match found {
        Buffering::Advice(_) => 0,
        Buffering::Unknown => 1,
        Buffering::None => 2,
    }) {
        Some(Buffering::Advice(advice)) => advice,
        Some(Buffering::Unknown) => {
            "have it flush after each line; a C program does if it is started with `stdbuf -oL` before it".to_owned()
        }
        Some(Buffering::None) | None => return error,
    };
    error
        .note("it has written nothing to stdout; it may hold its output back, because stdout is not a terminal")
        .help(advice)
}

/// Whether Python's variable for unbuffered output is set in the environment of a process.
fn is_unbuffered_by_environment(pid: i32) -> bool {
    let value = |variable: &[u8]| variable.strip_prefix(b"PYTHONUNBUFFERED=").is_some_and(|value| !value.is_empty());
    table::environment(pid).split(|&byte| byte == 0).any(value)
}

/// Returns what is known of the program of a command line.
fn of_program(command: &str, python_unbuffered: bool) -> Buffering {
    let mut words = command.split(' ');
    let path = words.next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    // `python3.11` and `perl5.36` are `python` and `perl`.
    let name = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let options: Vec<&str> = words.clone().take_while(|word| word.starts_with('-')).collect();
    let has = |long: &[&str]| words.clone().any(|word| long.contains(&word));
    let is_short = |option: &str| !option.starts_with("--") && option.contains('u') && !option.starts_with("-c");
    match name {
        "python" | "pypy" | "Python" => {
            if python_unbuffered || options.iter().any(|option| is_short(option)) {
                return Buffering::None;
            }
            Buffering::Advice(format!(
                "start it with `{file} -u`, set PYTHONUNBUFFERED=1 in its environment, or write `print(..., \
                 flush=True)`"
            ))
        }
        "perl" => Buffering::Advice("write `$| = 1;` at the start of the Perl program".to_owned()),
        "ruby" => Buffering::Advice("write `$stdout.sync = true` at the start of the Ruby program".to_owned()),
        "grep" | "egrep" | "fgrep" if !has(&["--line-buffered"]) => {
            Buffering::Advice(format!("start {file} with `--line-buffered`"))
        }
        "sed" if !has(&["-u", "--unbuffered"]) => Buffering::Advice("start sed with `-u`".to_owned()),
        "jq" if !has(&["--unbuffered"]) => Buffering::Advice("start jq with `--unbuffered`".to_owned()),
        "tcpdump" if !has(&["-l", "-U"]) => Buffering::Advice("start tcpdump with `-l`".to_owned()),
        "awk" | "gawk" | "mawk" => Buffering::Advice("call `fflush()` after `print` in the awk program".to_owned()),
        "tr" | "cut" | "uniq" | "sort" => {
            Buffering::Advice(format!("start it as `stdbuf -oL {file}`, so that {file} writes each line at once"))
        }
        // Shells, programs that wait, and languages that write at once.
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "busybox" | "sleep" | "cat" | "tail" | "tee" | "node" | "nodejs"
        | "deno" | "bun" | "java" | "grep" | "egrep" | "fgrep" | "sed" | "jq" | "tcpdump" | "env" | "timeout"
        | "nohup" | "setsid" => Buffering::None,
        _ => Buffering::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_program() {
        for (command, part) in [
            ("python3 app.py", "`python3 -u`"),
            ("/usr/bin/python3.11 -B app.py -u", "`python3.11 -u`"),
            ("pypy3 -m http.server", "`pypy3 -u`"),
            ("perl -w app.pl", "$| = 1"),
            ("/opt/ruby/bin/ruby app.rb", "$stdout.sync"),
            ("grep -i x", "--line-buffered"),
            ("mawk {print}", "fflush()"),
            ("tr a b", "stdbuf -oL tr"),
        ] {
            let Buffering::Advice(advice) = of_program(command, false) else { panic!("{command}") };
            assert!(advice.contains(part), "{command}: {advice}");
        }
        for command in ["python3 -u app.py", "python3 -Bu app.py", "node app.js", "sh -c x", "sed -u p", ""] {
            assert!(!matches!(of_program(command, false), Buffering::Advice(_)), "{command}");
        }
        assert_eq!(of_program("python3 app.py", true), Buffering::None);
        assert_eq!(of_program("./server --port 80", false), Buffering::Unknown);
    }
}
