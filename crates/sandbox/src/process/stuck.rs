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
    let (stat, status) = (read("stat").ok()?, read("status").ok()?);
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
    let command = table::command_line(pid);
    Some(StuckProcess {
        pid,
        command: if command.is_empty() { format!("[{name}]") } else { command },
        state,
        waits_in: read("wchan").unwrap_or_default().trim_matches('0').to_owned(),
    })
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
}
