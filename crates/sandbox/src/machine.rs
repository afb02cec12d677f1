//! What the machine has to spare: processors that are idle, memory that is free.
//!
//! The runner asks before it starts another scenario. Its questions take microseconds each, and no more
//! than a look at a few files of `/proc`.

use std::fs;
use std::path::Path;

use crate::process::table::{self, Glance};

/// Returns how many threads of the machine run or wait for a processor, without the calling one.
///
/// `None` where the kernel does not say.
pub fn runnable() -> Option<usize> {
    let text = table::read("/proc/loadavg")?;
    parse_runnable(std::str::from_utf8(&text).ok()?)
}

/// Parses the fourth field of `/proc/loadavg`: threads that can run, of all threads.
fn parse_runnable(loadavg: &str) -> Option<usize> {
    let (runnable, _) = loadavg.split(' ').nth(3)?.split_once('/')?;
    Some(runnable.parse::<usize>().ok()?.saturating_sub(1))
}

/// Returns whether any process of a stage runs or waits for a processor, by its first process.
///
/// A worker that waits for what it has started wakes every now and then to look. Where many do, and no
/// processor is idle, it waits for one most of the time; so it counts only while it is alone. True for a
/// stage that has only its first process: it is being set up, or ends. False for one that is gone.
pub fn wants_processor(first: i32) -> bool {
    let Some(Glance { runs, children }) = table::look(first) else { return false };
    // The worker was the first child.
    let Some((&worker, orphans)) = children.split_first() else { return true };
    let Some(at_worker) = table::look(worker) else { return runs };
    if runs || (at_worker.runs && at_worker.children.is_empty() && orphans.is_empty()) {
        return true;
    }
    any_runs([&at_worker.children, orphans].concat())
}

/// Copies of step hosts, which work in stages but are not below their first processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostCopies {
    /// How many there are.
    pub all: usize,
    /// How many of them run or wait for a processor, with what they have started.
    pub computing: usize,
}

/// Returns the copies of all step hosts that a launcher has started.
///
/// A copy is a child of its host, or of a child of that. `is_first` tells the first processes of stages from
/// hosts: both are children of the launcher.
pub fn host_copies(launcher: i32, is_first: impl Fn(i32) -> bool) -> HostCopies {
    let below = |pid| table::look(pid).map(|glance| glance.children).unwrap_or_default();
    let hosts = below(launcher).into_iter().filter(|&pid| !is_first(pid));
    let copies: Vec<i32> = hosts.flat_map(below).collect();
    let computing = copies.iter().filter(|&&copy| any_runs(vec![copy])).count();
    HostCopies { all: copies.len(), computing }
}

/// Whether one of these processes, or of those below them, runs or waits for a processor.
fn any_runs(mut processes: Vec<i32>) -> bool {
    while let Some(pid) = processes.pop() {
        let Some(Glance { runs, children }) = table::look(pid) else { continue };
        if runs {
            return true;
        }
        processes.extend(children);
    }
    false
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What programs can get without making others smaller.
    pub available: u64,
    /// All that there is.
    pub total: u64,
}

/// Returns the memory of the machine, or of the control group that this process is in, whichever has
/// less available.
///
/// `None` where the kernel does not say.
pub fn memory() -> Option<Memory> {
    let machine = parse_meminfo(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
        memory_of_group(&Path::new("/sys/fs/cgroup").join(path))
    });
    Some(match group {
        Some(group) if group.available < machine.available => group,
        _ => machine,
    })
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    let kibibytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    Some(Memory { available: kibibytes("MemAvailable:")? * 1024, total: kibibytes("MemTotal:")? * 1024 })
}

/// Returns the memory of a control group with a limit; `None` without one.
fn memory_of_group(directory: &Path) -> Option<Memory> {
    let number = |name: &str| fs::read_to_string(directory.join(name)).ok()?.trim().parse::<u64>().ok();
    let total = number("memory.max")?;
    // Files that are cached make room when programs need it.
    let statistics = fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
    let cached = statistics.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok());
    let used = number("memory.current")?.saturating_sub(cached.unwrap_or(0));
    Some(Memory { available: total.saturating_sub(used), total })
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;
    use crate::process::wait::plain;

    #[test]
    fn the_number_of_runnable_threads_leaves_out_the_one_that_asks() {
        assert_eq!(parse_runnable("0.20 0.18 0.12 3/80 11206\n"), Some(2));
        assert_eq!(parse_runnable("0.20 0.18 0.12 0/80 11206\n"), Some(0));
        for malformed in ["", "0.20 0.18 0.12", "0.20 0.18 0.12 x/80 1"] {
            assert_eq!(parse_runnable(malformed), None);
        }
        assert!(runnable().is_some());
    }

    #[test]
    fn memory_is_read_from_the_files_of_the_kernel() {
        let text = "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:    8000000 kB\n";
        assert_eq!(parse_meminfo(text), Some(Memory { available: 8_192_000_000, total: 16_384_000_000 }));
        assert_eq!(parse_meminfo("MemTotal: 1 kB\n"), None);
        let memory = memory().unwrap();
        assert!(memory.available > 0 && memory.available <= memory.total, "{memory:?}");
    }

    #[test]
    fn a_control_group_has_what_its_limit_leaves_and_its_cache_gives_back() {
        let group = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(group.path().join(name), text).unwrap();
        file("memory.max", "max\n");
        file("memory.current", "700\n");
        assert_eq!(memory_of_group(group.path()), None);
        file("memory.max", "1000\n");
        assert_eq!(memory_of_group(group.path()), Some(Memory { available: 300, total: 1000 }));
        file("memory.stat", "anon 400\nfile 300\ninactive_file 250\n");
        assert_eq!(memory_of_group(group.path()), Some(Memory { available: 550, total: 1000 }));
    }

    /// The shell stands for a launcher with a host, which has two copies, and with a first process.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "processes to look at")]
    fn copies_of_hosts_are_told_from_the_processes_of_stages() {
        let host = "(while :; do :; done) & (cat <&3; :) & cat; :";
        let first = "(while :; do :; done) & cat; :";
        let script = format!("exec 3<&0; sh -c '{host}' <&3 & echo $!; sh -c '{first}' <&3 & echo $!; wait");
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(shell.stdout.take().unwrap()));
        let mut line = || lines.next().unwrap().unwrap().parse::<i32>().unwrap();
        let (_, first) = (line(), line());
        let pid = i32::try_from(shell.id()).unwrap();
        let expected = HostCopies { all: 3, computing: 1 };
        let look = || (host_copies(pid, |child| child == first) == expected).then_some(());
        let seen = plain::until(Duration::from_mins(1), &[], look);
        for below in table::descendants(pid).into_iter().filter_map(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(below, rustix::process::Signal::KILL);
        }
        let _ = shell.kill();
        shell.wait().unwrap();
        assert!(seen.is_some());
        assert_eq!(host_copies(pid, |_| false), HostCopies::default());
    }

    /// Whatever else the machine does: a loop never sleeps, and a `cat` without input always does.
    ///
    /// The first shell stands for a first process, and the shell below it for a worker.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "processes to look at")]
    fn a_loop_wants_a_processor_and_a_sleeping_program_does_not() {
        let start = |script: &str| {
            let mut shell = Command::new("sh");
            let script = format!("sh -c '{script}'; :");
            shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
        };
        let pid = |child: &Child| i32::try_from(child.id()).unwrap();
        for (script, wanted) in [
            ("(while :; do :; done) & cat; :", true),
            ("while :; do :; done", true),
            ("cat; :", false),
            // A worker that waits looks now and then, and needs a moment for that.
            ("exec 3<&0; cat <&3 & while :; do :; done", false),
        ] {
            let mut shell = start(script);
            let look = || (wants_processor(pid(&shell)) == wanted).then_some(());
            let seen = plain::until(Duration::from_mins(1), &[], look);
            for below in table::descendants(pid(&shell)).into_iter().filter_map(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(below, rustix::process::Signal::KILL);
            }
            let _ = shell.kill();
            shell.wait().unwrap();
            assert!(seen.is_some(), "{script}");
            assert!(!wants_processor(pid(&shell)));
        }
    }
}
