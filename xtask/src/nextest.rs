//! The example with step functions in Rust, run by cargo-nextest: each scenario in a process of its own, and
//! built without the features of greenroom. It leaves nothing behind when cargo-nextest is killed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::workspace::{cargo, cargo_program, is_ci, root, target};

/// The package of the example.
const PACKAGE: &str = "greenroom-example-tally";

/// Runs the example in two parts, with retries. Where cargo-nextest is not installed, only CI insists on it.
pub(crate) fn check() -> Result<(), String> {
    if !installed() {
        let how = "cargo nextest is not installed: `pip install --requirement .ci/requirements.txt` has it as a \
                   program, `cargo install --locked cargo-nextest` builds it";
        if is_ci() {
            return Err(how.to_owned());
        }
        eprintln!("skipped the example under nextest: {how}");
        return Ok(());
    }
    for part in ["count:1/2", "count:2/2"] {
        cargo(&["nextest", "run", "--package", PACKAGE, "--partition", part, "--retries", "1"], &[])?;
    }
    leaves_nothing_when_killed()?;
    lacks_pages()
}

/// A scenario of the example that starts a daemon.
const SCENARIO: &str = "Votes are counted";

/// The most times that a scenario can run, so that it runs until it is killed.
const ROUNDS: u32 = 100_000;

/// How long processes may take to end after nextest.
const LIMIT: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Kills nextest in the middle of a test, and checks that no process, directory or mount is left.
fn leaves_nothing_when_killed() -> Result<(), String> {
    let own = target().join(format!("nextest-{}", std::process::id()));
    let failed = |error: io::Error| format!("{}: {error}", own.display());
    fs::create_dir_all(own.join("tmp")).map_err(failed)?;
    let result = kill(&own);
    fs::remove_dir_all(&own).map_err(failed)?;
    result
}

fn kill(own: &Path) -> Result<(), String> {
    let events = own.join("events");
    let failed = |error: io::Error| format!("nextest: {error}");
    let made = Command::new("mkfifo").arg(&events).status().map_err(failed)?;
    if !made.success() {
        return Err(format!("mkfifo: {made}"));
    }
    let mut command = Command::new(cargo_program());
    command.args(["nextest", "run", "--package", PACKAGE, "-E", &format!("test(={SCENARIO})")]);
    let arguments = format!("--repeat {ROUNDS} -j 1 --events {}", events.display());
    command.env("GREENROOM_ARGS", arguments).env("TMPDIR", own.join("tmp"));
    command.current_dir(root()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut nextest = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let pid = i32::try_from(nextest.id()).ok().and_then(Pid::from_raw).ok_or("nextest has no process")?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| format!("pidfd_open: {error}"))?;
    // The pipe has a reader until then, and a writer for the case that no test opens it.
    let own_events = events.clone();
    let ended = thread::spawn(move || {
        let status = nextest.wait();
        let _ = File::options().write(true).open(own_events);
        status
    });
    // It opens when the test opens it, and a line says when a step has ended.
    let mut lines = File::open(&events).map(BufReader::new).map_err(failed)?.lines().map_while(Result::ok);
    let began = lines.find(|line| line.contains("step_finished"));
    let running = processes(own);
    let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    let status = ended.join().map_err(|_| "the thread that waits for nextest panicked")?.map_err(failed)?;
    if began.is_none() {
        return Err(format!("{command:?} ended before a step did: {status}"));
    }
    if running.len() < 3 {
        return Err(format!("expected nextest, the test and its processes; actual {running:?}"));
    }
    while let Some((pid, name)) = processes(own).into_iter().next() {
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&LIMIT));
        if ended != Ok(1) {
            return Err(format!("still there after nextest was killed: process {} ({name})", pid.as_raw_nonzero()));
        }
    }
    let left: Vec<String> = fs::read_dir(own.join("tmp"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().display().to_string())
        .collect();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_own = |line: &&str| line.contains(&*own.to_string_lossy());
    match (left.first(), mounts.lines().find(is_own)) {
        (None, None) => Ok(()),
        (Some(path), _) => Err(format!("left after nextest was killed: {path}")),
        (None, Some(mount)) => Err(format!("left after nextest was killed: {mount}")),
    }
}

/// Returns the processes whose environment has a path, with their names.
fn processes(path: &Path) -> Vec<(Pid, String)> {
    let wanted = path.to_string_lossy().into_owned();
    let found = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        // That of a process that has ended cannot be read, or is empty.
        let environment = fs::read(entry.path().join("environ")).ok()?;
        String::from_utf8_lossy(&environment).contains(&wanted).then_some(())?;
        Some((pid, fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim_end().to_owned()))
    });
    found.collect()
}

/// Checks that the example, which has none of greenroom's features, says so when one is needed.
fn lacks_pages() -> Result<(), String> {
    let mut command = Command::new(cargo_program());
    command.args(["test", "--package", PACKAGE, "--test", "acceptance", "--", "--html", "report.html"]);
    let output = command.current_dir(root()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let expected = "this program was built without pages; add the feature `pages` of greenroom in Cargo.toml";
    if !output.status.success() && errors.contains(expected) { Ok(()) } else { Err(format!("{command:?}\n{errors}")) }
}

fn installed() -> bool {
    let mut command = Command::new("cargo");
    command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
