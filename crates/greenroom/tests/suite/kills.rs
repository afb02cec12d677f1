//! Kills, ends and stops every process of a run, in every state of a scenario.
//!
//! Nothing must be left behind, nothing may hang, and a scenario that could not be run must be
//! reported as broken. `GREENROOM_ROUNDS=200` repeats each case 200 times.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use snapbox::str;

use crate::support::{Fifo, Project, Started, document, rounds, scenario, with_programs};

/// The process that gets the signal.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Target {
    Runner,
    FirstProcess,
    Worker,
    Daemon,
}

/// The state of the scenario when it gets it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// The stage exists, but the scenario has not begun.
    Isolating,
    /// The daemon has not opened its port.
    Starting,
    /// The daemon is ready.
    Ready,
    /// The daemon got SIGTERM and ignores it.
    Stopping,
}

/// A run in one of the states.
struct Stand<'a> {
    project: &'a Project,
    run: Started<'a>,
    fifo: Fifo,
    state: State,
}

fn project(sandbox: &str) -> Project {
    let project = Project::new().fifo("fifo").fifo("gate").fifo("go");
    // In a private network any port is free.
    let port = match sandbox {
        "sealed" => 8080,
        _ => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
    };
    let token = project.token();
    let text = format!(
        "# The scenario\n~~~scenario\ngiven a daemon helper shell script states.py\n\
         when I start \"./states.py {port} {token}\" as a background process as d, on port {port}\n\
         and I run sh -c 'echo ready > $FIFO; read word < $GO'\n\
         and I stop background process d, within 2 seconds\n~~~\n\
         # The next\n~~~scenario\nwhen I run true\n~~~\n"
    );
    project.file("x.md", with_programs(document(&text)))
}

impl<'a> Stand<'a> {
    fn bring(project: &'a Project, sandbox: &str, state: State) -> Self {
        let variable = |name: &str, fifo: &str| format!("{name}={}", project.path(fifo).display());
        let variables = [variable("FIFO", "fifo"), variable("GATE", "gate"), variable("GO", "go")];
        let [fifo, gate, go] = &variables;
        let arguments = ["run", "-j1", "--sandbox", sandbox, "--env", fifo, "--env", gate, "--env", go, "x.md"];
        let run = project.start(arguments);
        let stand = Self { project, run, fifo: Fifo::open(project.path("fifo")), state };
        let mut begun = [stand.fifo.line(), stand.fifo.line()];
        begun.sort();
        assert_eq!(begun, ["child", "starting"]);
        if matches!(state, State::Ready | State::Stopping) {
            fs::write(project.path("gate"), "go\n").unwrap();
            assert_eq!(stand.fifo.line(), "ready");
        }
        if state == State::Stopping {
            fs::write(project.path("go"), "go\n").unwrap();
            assert_eq!(stand.fifo.line(), "stopping");
        }
        stand
    }

    /// Waits for a process and returns its PID.
    fn find(&self, target: Target) -> i32 {
        let begun = Instant::now();
        loop {
            if let Some(pid) = self.look(target) {
                return pid;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no {target:?}");
            let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 2_000_000 }));
        }
    }

    fn look(&self, target: Target) -> Option<i32> {
        let runner = self.run.pid();
        if target == Target::Runner {
            return Some(runner);
        }
        let below = children_by_parent();
        let of = |pid: i32| below.get(&pid).cloned().unwrap_or_default();
        let launcher = *of(runner).first()?;
        // Stages are made in order, and PIDs increase, except when they wrap around.
        let stages = of(launcher);
        let first = if self.state == State::Isolating { *stages.get(1)? } else { *stages.first()? };
        match target {
            Target::FirstProcess => Some(first),
            Target::Worker => of(first).into_iter().find(|&pid| command(pid).contains("__launcher")),
            Target::Daemon | Target::Runner => {
                let token = self.project.token();
                let worker = of(first).into_iter().find(|&pid| command(pid).contains("__launcher"))?;
                of(worker).into_iter().find(|&pid| command(pid).contains(&token))
            }
        }
    }

    /// Sends the signal, lets the run end, and checks how it does.
    fn hit(self, target: Target, signal: Signal) {
        let what = format!("{signal:?} to {target:?}, {:?}", self.state);
        let pid = Pid::from_raw(self.find(target)).unwrap();
        kill_process(pid, signal).unwrap();
        let Self { project, mut run, fifo, state } = self;
        let stopped = signal == Signal::STOP;
        if stopped && target == Target::Runner {
            kill_process(pid, Signal::CONT).unwrap();
        } else if stopped && target != Target::Daemon {
            // A stopped process cannot handle SIGTERM. The second request kills it.
            run = run.signal(Signal::TERM).signal(Signal::INT);
        }
        // Open the gates for processes that still wait at them.
        let gates = [project.path("gate"), project.path("go")].map(Gate::open);
        let ran = run.finish();
        drop(gates);
        let code = ran.status.code();
        let fine = match (target, signal) {
            (Target::Runner, Signal::TERM) => code == Some(130),
            (Target::Runner, Signal::KILL) => ran.status.signal() == Some(9),
            // It continues until it stops the daemon, which ignores SIGTERM.
            (Target::Runner, _) => code == Some(1),
            (Target::Daemon, _) => code == Some(1) || (code == Some(0) && state != State::Starting),
            (_, Signal::STOP) => code == Some(130),
            _ => code == Some(1) && ran.stdout.contains("BROKEN"),
        };
        assert!(fine, "{what}: {}\n{}\n{}", ran.status, ran.stdout, ran.stderr);
        fifo.falls_silent();
        project.nothing_is_left();
    }
}

/// Writes a line to a pipe and keeps it open, without waiting for a reader.
struct Gate(#[expect(dead_code, reason = "holds the pipe open")] fs::File);

impl Gate {
    fn open(path: std::path::PathBuf) -> Self {
        use std::io::Write;
        let mut pipe = fs::File::options().read(true).write(true).open(path).unwrap();
        pipe.write_all(b"go\n").unwrap();
        Self(pipe)
    }
}

/// Returns the children of every process.
fn children_by_parent() -> BTreeMap<i32, Vec<i32>> {
    let mut found: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let mut fields = stat.rsplit_once(") ").unwrap_or_default().1.split(' ');
        let (state, parent) = (fields.next(), fields.next());
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()).filter(|_| state != Some("Z")) {
            found.entry(parent).or_default().push(pid);
        }
    }
    for children in found.values_mut() {
        children.sort_unstable();
    }
    found
}

fn command(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Runs the whole matrix, or one row of it.
fn matrix(sandbox: &str, target: Target) {
    if sandbox == "sealed" && Project::sealed().is_none() {
        return;
    }
    let hit = |signal: Signal, state: State| {
        let project = project(sandbox);
        Stand::bring(&project, sandbox, state).hit(target, signal);
    };
    for _ in 0..rounds(1) {
        // In parallel: they mostly wait.
        std::thread::scope(|scope| {
            for state in [State::Isolating, State::Starting, State::Ready, State::Stopping] {
                // Before the scenario begins there is no daemon, and only sealed stages are made in
                // advance.
                if state == State::Isolating && (target == Target::Daemon || sandbox != "sealed") {
                    continue;
                }
                for signal in [Signal::TERM, Signal::KILL, Signal::STOP] {
                    scope.spawn(move || hit(signal, state));
                }
            }
        });
    }
}

#[test]
fn the_runner_is_killed_stopped_and_ended() {
    matrix("sealed", Target::Runner);
}

#[test]
fn the_first_process_is_killed_stopped_and_ended() {
    matrix("sealed", Target::FirstProcess);
}

#[test]
fn the_worker_is_killed_stopped_and_ended() {
    matrix("sealed", Target::Worker);
}

#[test]
fn the_daemon_is_killed_stopped_and_ended() {
    matrix("sealed", Target::Daemon);
}

#[test]
fn the_runner_without_namespaces() {
    matrix("tended", Target::Runner);
}

#[test]
fn the_first_process_without_namespaces() {
    matrix("tended", Target::FirstProcess);
}

#[test]
fn the_worker_without_namespaces() {
    matrix("tended", Target::Worker);
}

#[test]
fn the_daemon_without_namespaces() {
    matrix("tended", Target::Daemon);
}

/// The same for the launcher.
#[test]
fn the_launcher_is_killed() {
    let Some(_) = Project::sealed() else { return };
    for _ in 0..rounds(1) {
        let project = project("sealed");
        let stand = Stand::bring(&project, "sealed", State::Ready);
        let launcher = children_by_parent()[&stand.run.pid()][0];
        kill_process(Pid::from_raw(launcher).unwrap(), Signal::KILL).unwrap();
        let ran = stand.run.finish();
        assert_eq!(ran.status.code(), Some(1));
        // The report says what the step waits for if it has waited for a while, as on a busy
        // machine.
        let screen: Vec<&str> =
            ran.stdout.split('\n').filter(|line| !line.trim_start().starts_with("while waiting for ")).collect();
        crate::support::same(
            &screen.join("\n").replace(&project.token(), "[TOKEN]"),
            str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

BROKEN [TIME]  The scenario
  in x.md:9, scenario at x.md:5
  neither passed nor failed: greenroom could not run it to its end

    ok [TIME]  given a daemon helper shell script states.py
    ok [TIME]  when I start "./states.py 8080 [TOKEN]" as a background process as d, on port 8080
    STOPPED           and I run sh -c 'echo ready > $FIFO; read word < $GO'
                      1 step not run

  the launcher has died: it was killed, or the machine is out of memory

  daemon d: ended with the scenario

  rerun: greenroom run --env FIFO=[PROJECT]/fifo --env GATE=[PROJECT]/gate --env GO=[PROJECT]/go --sandbox sealed x.md --name 'The scenario'

BROKEN [TIME]  The next
  in x.md:12
  neither passed nor failed: greenroom could not run it to its end

                      1 step not run

  the launcher has died: it was killed, or the machine is out of memory

  rerun: greenroom run --env FIFO=[PROJECT]/fifo --env GATE=[PROJECT]/gate --env GO=[PROJECT]/go --sandbox sealed x.md --name 'The next'

FAILED: 2 of 2 scenarios broken, [TIME]
  broken  x.md:5   The scenario
  broken  x.md:12  The next

"#]],
        );
        stand.fifo.falls_silent();
        project.nothing_is_left();
    }
}

/// Kills runner and launcher at once, so that only the next run can remove their directory.
#[test]
fn the_next_run_removes_the_directory_of_a_killed_run() {
    let Some(_) = Project::sealed() else { return };
    let project = project("sealed");
    let stand = Stand::bring(&project, "sealed", State::Ready);
    let launcher = children_by_parent()[&stand.run.pid()][0];
    // Stop the launcher first, so that it cannot clean up. A stopped process can still be killed.
    kill_process(Pid::from_raw(launcher).unwrap(), Signal::STOP).unwrap();
    let ran = stand.run.signal(Signal::KILL);
    kill_process(Pid::from_raw(launcher).unwrap(), Signal::KILL).unwrap();
    assert_eq!(ran.finish().status.signal(), Some(9));
    stand.fifo.falls_silent();
    let left = crate::support::names(&project.tmp());
    assert_eq!(left.len(), 1, "{left:?}");
    // A directory that only looks like a run's, and one that a run uses, must stay.
    fs::create_dir(project.tmp().join("greenroom-precious")).unwrap();
    fs::write(project.path("y.md"), scenario("when I run true")).unwrap();
    project.start(["run", "y.md"]).finish().code(0);
    assert!(project.tmp().join("greenroom-precious").exists());
    fs::remove_dir(project.tmp().join("greenroom-precious")).unwrap();
    project.nothing_is_left();
}
