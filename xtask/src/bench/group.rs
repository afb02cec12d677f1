//! What all processes of the benchmarks take from the machine, by a control group.
//!
//! The kernel adds the processor time and the page faults of a process to those of its parent when
//! the parent reaps it. Copies of step hosts have no parent that does, so they would not be counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where groups are, by the controller in `/proc/self/cgroup`; version 2 has no name there.
const VERSION_2: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const MEMORY: &str = "/sys/fs/cgroup/memory";

/// A control group that this process is in, with everything that it starts from now on.
#[derive(Debug)]
pub(super) struct Group {
    /// Directories of the group, each with the one that this process was in before.
    entered: Vec<(PathBuf, PathBuf)>,
    time: PathBuf,
    faults: PathBuf,
}

impl Group {
    /// Creates a group and enters it. `None` where that is not possible.
    pub(super) fn enter() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mut entered = Vec::new();
        let own = path(&groups, "")?;
        let time = VERSION_2.iter().find_map(|root| enter(&Path::new(root).join(own), "cpu.stat", &mut entered));
        let time = time.map(|directory| directory.join("cpu.stat"))?;
        let mut group = Self { entered, faults: time.with_file_name("memory.stat"), time };
        if !group.faults.exists() {
            let directory = path(&groups, "memory").map(|own| Path::new(MEMORY).join(own));
            let directory = directory.and_then(|directory| enter(&directory, "memory.stat", &mut group.entered));
            group.faults = directory?.join("memory.stat");
        }
        Some(group)
    }

    /// Returns the processor time and the page faults so far.
    pub(super) fn spent(&self) -> Option<(Duration, u64)> {
        let value = |file: &Path, name: &str| -> Option<u64> {
            let text = fs::read_to_string(file).ok()?;
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
        };
        Some((Duration::from_micros(value(&self.time, "usage_usec")?), value(&self.faults, "pgfault")?))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for (directory, former) in &self.entered {
            let _ = fs::write(former.join("cgroup.procs"), "0");
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Returns the group of this process for a controller, without the slash at its beginning.
fn path<'a>(groups: &'a str, controller: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|one| one == controller).then(|| path.trim_start_matches('/'))
    })
}

/// Creates a group below this one, which must have this file, and enters it.
fn enter(former: &Path, file: &str, entered: &mut Vec<(PathBuf, PathBuf)>) -> Option<PathBuf> {
    let directory = former.join(format!("greenroom-bench-{}", std::process::id()));
    fs::create_dir(&directory).ok()?;
    if !directory.join(file).exists() || fs::write(directory.join("cgroup.procs"), "0").is_err() {
        let _ = fs::remove_dir(&directory);
        return None;
    }
    entered.push((directory.clone(), former.to_owned()));
    Some(directory)
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn groups_are_found_by_their_controllers() {
        let groups = "4:memory:/a/b\n2:cpu,cpuacct:/\n0::/c\n";
        assert_eq!(path(groups, ""), Some("c"));
        assert_eq!(path(groups, "memory"), Some("a/b"));
        assert_eq!(path(groups, "cpuacct"), Some(""));
        assert_eq!(path(groups, "pids"), None);
    }
}
