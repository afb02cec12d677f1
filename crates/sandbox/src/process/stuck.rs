//! Processes that were killed and do not end, because they hang in the kernel.

use std::fmt;
use std::fs;

use super::table;
use crate::surroundings::this_process;

/// The bit of SIGKILL in the signal sets of `/proc/PID/status`.
const KILL: u64 = 1 << 8;
/// The flag of a process that is ending, in `/proc/PID/stat`.
const EXITING: u64 = 4;

/// A process that was killed and does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckProcess {
    /// Its process number on the host.
    pub pid: i32,
    /// Its command line, or its name in brackets.
    pub command: String,
    /// Its state: `D` waits for a device or a file system.
    pub state: char,
    /// The function of the kernel in which it waits; empty where the kernel does not say.
    pub waits_in: String,
}

impl fmt::Display for StuckProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, command, state, waits_in } = self;
        write!(f, "process {pid} ({command}) is in state {state}")?;
        if waits_in.is_empty() { Ok(()) } else { write!(f, ", in the kernel function {waits_in}") }
    }
}

/// Finds the descendants of this process that were killed and do not end.
pub fn processes() -> Vec<StuckProcess> {
    let mut pids = table::descendants(this_process());
    pids.sort_unstable();
    pids.into_iter().filter_map(stuck).collect()
}

/// Returns a process if it was killed, or is ending, and waits in the kernel.
fn stuck(pid: i32) -> Option<StuckProcess> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let process = parse(pid, &read("stat").ok()?, &read("status").ok()?, &read("wchan").unwrap_or_default())?;
    let command = table::command_line(pid);
    Some(if command.is_empty() { process } else { StuckProcess { command, ..process } })
}

/// Parses the files of a process in `/proc`. Its command is its name in brackets.
fn parse(pid: i32, stat: &str, status: &str, wchan: &str) -> Option<StuckProcess> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let state = rest.chars().next()?;
    let flags: u64 = rest.split(' ').nth(6)?.parse().ok()?;
    let has_kill = |line: &str| {
        let set = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"));
        set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & KILL != 0)
    };
    let was_killed = flags & EXITING != 0 || status.lines().any(has_kill);
    if state == 'Z' || !was_killed {
        return None;
    }
    Some(StuckProcess { pid, command: format!("[{name}]"), state, waits_in: wchan.trim_matches('0').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_was_not_killed_is_not_stuck() {
        assert_eq!(stuck(this_process()), None);
        assert_eq!(stuck(0), None);
    }

    #[test]
    fn a_stuck_process_is_described() {
        let process = StuckProcess { pid: 7, command: "dd".into(), state: 'D', waits_in: "io_schedule".into() };
        assert_eq!(process.to_string(), "process 7 (dd) is in state D, in the kernel function io_schedule");
        let process = StuckProcess { waits_in: String::new(), ..process };
        assert_eq!(process.to_string(), "process 7 (dd) is in state D");
    }
    /// What `/proc` says of a process that reads a file of a dead NFS server, before and after SIGKILL.
    #[test]
    fn a_process_that_hangs_in_the_kernel_is_found_by_its_files() {
        let stat = "812 (cat (old)) D 800 812 800 0 -1 4194304 92 0 0 0 0 0 0 0 20 0 1 0 91534 2990080 224";
        let status = |thread: &str, process: &str| format!("Name:\tcat\nSigPnd:\t{thread}\nShdPnd:\t{process}\n");
        let (none, kill) = ("0000000000000000", "0000000000000100");
        let wchan = "rpc_wait_bit_killable";
        assert_eq!(parse(812, stat, &status(none, none), wchan), None);
        for status in [status(kill, none), status(none, kill), status(kill, "0000000000004100")] {
            let process = parse(812, stat, &status, wchan).unwrap();
            let text = "process 812 ([cat (old)]) is in state D, in the kernel function rpc_wait_bit_killable";
            assert_eq!(process.to_string(), text);
        }
        // Another signal is pending.
        assert_eq!(parse(812, stat, &status("0000000000004000", none), wchan), None);
        // It is ending, and a kernel may hide the function.
        let ending = stat.replace("4194304", "4194308");
        let process = parse(812, &ending, &status(none, none), "0").unwrap();
        assert_eq!(process.to_string(), "process 812 ([cat (old)]) is in state D");
        assert_eq!(parse(812, &ending.replace(" D ", " Z "), &status(kill, none), "0"), None);
        assert_eq!(parse(812, "malformed", &status(kill, none), wchan), None);
    }
}
