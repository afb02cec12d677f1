//! Failures of background processes and of the machine.
//!
//! docs/FAULTS.md lists them, with what greenroom promises for each and the tests for it.

mod channel;
mod documents;
mod filesystem;
mod isolation;
mod limits;
mod output;
mod ports;
mod signals;
mod start;
mod stop;
mod time;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{Timespec, poll};

use crate::support::Project;

/// Creates scenarios S1, S2 and so on. `@` in their steps stands for the number.
pub(crate) fn many(count: usize, steps: &str) -> String {
    let one = |n: usize| format!("# S{n}\n~~~scenario\n{}\n~~~\n", steps.replace('@', &n.to_string()));
    (1..=count).map(one).collect()
}

/// Returns whether the tests run as root, or prints why the test is skipped.
fn root() -> bool {
    let root = rustix::process::getuid().is_root();
    if !root {
        println!("skipped: only root can do this");
    }
    root
}

/// Lets time pass, in a test of time limits.
fn pause(time: Duration) {
    let _ = poll(&mut [], Some(&Timespec::try_from(time).unwrap()));
}

/// Polls until a function returns something.
#[track_caller]
fn look<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2000 {
        if let Some(found) = look() {
            return found;
        }
        pause(Duration::from_millis(10));
    }
    panic!("waited in vain for {what}");
}

/// Returns the fields of `/proc/PID/stat` after the name: state, parent and so on.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: i32) -> Option<i32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// Returns the processes with this text in their command line.
fn processes(text: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(text)
    })
    .collect()
}

/// A control group with a limit. A process that is left in it at the end fails the test.
struct Group(PathBuf);

impl Group {
    /// Creates a control group with these limits, or prints why the test is skipped.
    ///
    /// Each limit has its names in version 1 and in version 2.
    fn new(project: &Project, controller: &str, limits: &[(&str, &str, &str)]) -> Option<Self> {
        let (first, second) = (PathBuf::from("/sys/fs/cgroup").join(controller), PathBuf::from("/sys/fs/cgroup"));
        let version_1 = first.join("cgroup.procs").exists();
        let path = if version_1 { first } else { second }.join(format!("greenroom-{}", project.token()));
        if let Err(error) = fs::create_dir(&path) {
            println!("skipped: no control group can be made: {}: {error}", path.display());
            return None;
        }
        let group = Self(path);
        for (one, two, limit) in limits {
            let file = group.0.join(if version_1 { one } else { two });
            if let Err(error) = fs::write(&file, limit) {
                println!("skipped: no limit can be set: {}: {error}", file.display());
                return None;
            }
        }
        Some(group)
    }

    /// Returns the words that start a command in the control group.
    fn words(&self) -> [String; 4] {
        let script = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0.display());
        ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()]
    }

    fn is_empty(&self) -> bool {
        fs::read_to_string(self.0.join("cgroup.procs")).is_ok_and(|text| text.is_empty())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
