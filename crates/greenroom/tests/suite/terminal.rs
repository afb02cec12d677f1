//! Jobs that are suspended, terminals that are closed, and output that is not read.

#![expect(clippy::disallowed_methods, reason = "tests start the command as a user does")]

use std::io::Read;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Fifo, Project, Started, document, fixture, scenario, with_programs};

/// Starts a daemon that writes `up` and `bye` to the pipe $FIFO, with the test's token in its
/// command line.
const UP: &str = "given a daemon helper shell script tells.py\n\
                  when I start \"./tells.py TOKEN\" as a background process as d\n\
                  when I wait for daemon d to write \"up\" to stdout\n";

fn steps(project: &Project, more: &str) -> String {
    format!("{UP}{more}").replace("TOKEN", &project.token())
}

/// Runs the command as a job of a terminal, and returns what it and `fixtures/job.py` printed.
fn job(project: &Project, action: &[&str], options: &[String]) -> String {
    let output = Command::new("python3")
        .arg(fixture("job.py"))
        .args(action)
        .args(["--", env!("CARGO_BIN_EXE_greenroom"), "run", "x.md"])
        .args(options)
        .current_dir(project.path("."))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", project.tmp())
        .env("XDG_STATE_HOME", project.state())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn pauses_and_continues() {
    paused_in("when I run sh -c 'echo waiting > $FIFO; read word < $GATE'");
}

#[test]
fn a_pause_does_not_count_for_a_step_that_is_repeated() {
    paused_in("then within 4.9 seconds I can run sh -c 'echo waiting > $FIFO; read word < $GATE'");
}

#[test]
fn a_pause_does_not_count_for_a_wait() {
    paused_in(
        "when I start \"sh -c 'echo waiting > $FIFO; read word < $GATE; echo late'\" as a background process as e\n\
         when I wait for daemon e to write \"late\" to stdout, for at most 4.9 seconds",
    );
}

/// Suspends a run in a step for longer than its limits, and continues it.
fn paused_in(step: &str) {
    std::thread::scope(|scope| {
        for sandbox in ["sealed", "tended"] {
            scope.spawn(move || paused_in_sandbox(step, sandbox));
        }
    });
}

fn paused_in_sandbox(step: &str, sandbox: &str) {
    let Some(project) = Project::sealed() else { return };
    // `fixtures/job.py` pauses it for 6 s, longer than any limit. The limits are far longer than the steps take on
    // a busy machine.
    let more = &format!("{step}\nwhen I stop background process d");
    let text = with_programs(scenario(&steps(&project, more)));
    let text = text.replace("bindings:", "step_timeout: 5s\nscenario_timeout: 5500ms\nbindings:");
    let project = project.fifo("fifo").fifo("gate").fifo("tell").file("x.md", text);
    let [fifo, gate, tell] = ["fifo", "gate", "tell"].map(|name| project.path(name).display().to_string());
    let tells = Fifo::open(project.path("tell"));
    let environment = [format!("FIFO={fifo}"), format!("GATE={gate}"), format!("TELL={tell}")];
    let options = environment.into_iter().flat_map(|variable| ["--env".to_owned(), variable]);
    let options: Vec<String> = options.chain(["--sandbox".to_owned(), sandbox.to_owned()]).collect();
    let told = job(&project, &["suspend", &fifo, &gate, &project.token()], &options);
    assert!(told.contains("1 scenario passed"), "{told}");
    assert!(told.ends_with("states: T\nexit code: 0\n"), "{told}");
    // The daemon was not left stopped: it handled the signal that ended it.
    assert_eq!([tells.line(), tells.line()], ["up", "bye"]);
    project.nothing_is_left();
}

#[test]
fn the_terminal_is_closed() {
    let Some(project) = Project::sealed() else { return };
    let more = "when I run sh -c 'echo waiting > $FIFO; sleep 9999'";
    let text = with_programs(scenario(&steps(&project, more)));
    let project = project.fifo("fifo").fifo("tell").file("x.md", text);
    let [fifo, tell] = ["fifo", "tell"].map(|name| project.path(name).display().to_string());
    let tells = Fifo::open(project.path("tell"));
    let options = ["--env".to_owned(), format!("FIFO={fifo}"), "--env".to_owned(), format!("TELL={tell}")];
    let told = job(&project, &["hangup", &fifo], &options);
    assert_eq!(told, "exit code: 130\n");
    // The daemon had time to end.
    assert_eq!([tells.line(), tells.line()], ["up", "bye"]);
    tells.closed();
    project.nothing_is_left();
}

/// A run with a long report: the first scenario waits at a gate, two hundred fail, and the last one
/// waits with a daemon.
///
/// The failures are reported once the gate is open.
struct Talkative {
    project: Project,
    tells: Fifo,
    waiting: Fifo,
}

impl Talkative {
    fn new(project: Project) -> Self {
        let more = "when I run sh -c 'echo waiting > $FIFO; sleep 9999'";
        let fails: String =
            (1..=200).map(|n| format!("# S{n}\n~~~scenario\nwhen I run sh -c 'seq 1000 1050; false'\n~~~\n")).collect();
        let first = "# First\n~~~scenario\nwhen I run sh -c 'read word < $GATE; false'\n~~~\n";
        let text = format!("{first}{fails}# Waits\n~~~scenario\n{}\n~~~\n", steps(&project, more));
        let project = project.fifo("fifo").fifo("gate").fifo("tell").file("x.md", with_programs(document(&text)));
        let (tells, waiting) = (Fifo::open(project.path("tell")), Fifo::open(project.path("fifo")));
        Self { project, tells, waiting }
    }

    /// Starts the run and waits until its daemon is up.
    fn start(&self) -> Started<'_> {
        let variable = |name: &str, fifo: &str| format!("{name}={}", self.project.path(fifo).display());
        let [fifo, gate, tell] = [variable("FIFO", "fifo"), variable("GATE", "gate"), variable("TELL", "tell")];
        let started = self.project.start(["run", "-j", "300", "--env", &fifo, "--env", &gate, "--env", &tell, "x.md"]);
        assert_eq!((self.tells.line(), self.waiting.line()), ("up".to_owned(), "waiting".to_owned()));
        started
    }

    fn open_the_gate(&self) {
        std::fs::write(self.project.path("gate"), "go\n").unwrap();
    }

    /// Checks that the daemon got SIGTERM and has ended.
    fn has_ended(&self) {
        assert_eq!(self.tells.line(), "bye");
        self.tells.falls_silent();
    }
}

#[test]
fn the_reader_of_the_output_leaves() {
    let Some(talkative) = Project::sealed().map(Talkative::new) else { return };
    let mut started = talkative.start();
    started.close_stdout();
    talkative.open_the_gate();
    let ran = started.finish();
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(130), ""));
    talkative.has_ended();
    talkative.project.nothing_is_left();
}

#[test]
fn a_reader_that_does_not_read_blocks_nothing() {
    let Some(talkative) = Project::sealed().map(Talkative::new) else { return };
    let mut started = talkative.start();
    // The report is longer than the 64 KiB that a pipe holds.
    let mut stdout = started.take_stdout();
    talkative.open_the_gate();
    let started = started.signal(Signal::INT);
    talkative.has_ended();
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    started.finish().code(130).stderr("");
    assert!(text.len() > 65_536 && text.contains("INTERRUPTED"), "{}", text.len());
    talkative.project.nothing_is_left();
}
