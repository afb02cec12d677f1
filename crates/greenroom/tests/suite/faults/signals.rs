//! Signals, terminals and standard streams that greenroom is started with.

use rustix::process::Signal;

use crate::support::{Fifo, Project, fixture, scenario, with_programs};

/// Steps that write to a pipe and then wait.
const WAITS: &str = "given a daemon helper shell script up.py\nwhen I start \"./up.py\" as a background process as up\n\
                     when I wait for daemon up to write \"ready\" to stdout\n\
                     when I start \"sh -c 'trap \"echo asked > $ASKED; exit\" TERM; while :; do sleep 0.1; done'\" as \
                     a background process as polite\n\
                     when I run sh -c 'echo waiting > $FIFO; sleep 1000; : TOKEN'";

#[test]
fn control_c_at_a_terminal() {
    let project = Project::anywhere().fifo("fifo");
    let text = with_programs(scenario(&WAITS.replace("TOKEN", &project.token())));
    let [fifo, asked] = ["fifo", "asked"].map(|name| project.path(name));
    let variables = [format!("FIFO={}", fifo.display()), format!("ASKED={}", asked.display())];
    let (typed, pipe) = (fixture("typed.py"), fifo.display().to_string());
    let project = project.file("x.md", text).through(["python3", typed.to_str().unwrap(), &pipe, "\\x03", "--"]);
    let ran = project.run(["run", "x.md", "--env", &variables[0], "--env", &variables[1]]).code(130).stderr("");
    assert!(ran.stdout.contains("The scenario"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 of 1 scenario not finished"), "{}", ran.stdout);
    // The daemons got SIGTERM before SIGKILL.
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "asked\n");
    project.nothing_is_left();
}

/// The words that start a command with all signals blocked.
const BLOCKING: &str = "import os, signal, sys\n\
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n\
    os.execvp(sys.argv[1], sys.argv[1:])";

#[test]
fn scenarios_do_not_inherit_blocked_signals() {
    let steps = "when I run grep SigBlk /proc/self/status\nthen stdout is exactly \"SigBlk:\\t0000000000000000\\n\"\n\
                 when I start \"grep SigBlk /proc/self/status\" as a background process as d\n\
                 when I wait for daemon d to end\n\
                 then daemon d stdout is \"SigBlk:\\t0000000000000000\\n\"";
    Project::anywhere()
        .file("x.md", scenario(steps))
        .through(["python3", "-c", BLOCKING])
        .run(["run", "x.md"])
        .passes();
}

#[test]
fn a_run_started_with_blocked_signals_can_be_stopped() {
    let project = Project::anywhere().fifo("fifo");
    let text = with_programs(scenario(&WAITS.replace("TOKEN", &project.token())));
    let variables = ["FIFO=fifo", "ASKED=asked"].map(|pair| {
        let (name, file) = pair.split_once('=').unwrap();
        format!("{name}={}", project.path(file).display())
    });
    let project = project.file("x.md", text).through(["python3", "-c", BLOCKING]);
    let started = project.start(["run", "x.md", "--env", &variables[0], "--env", &variables[1]]);
    Fifo::open(project.path("fifo")).line();
    started.signal(Signal::TERM).finish().code(130);
    project.nothing_is_left();
}

#[test]
fn without_standard_streams() {
    let steps = "given file fds.py\nwhen I start \"python3 fds.py\" as a background process as d\n\
        when I wait for daemon d to end\n\
                 then daemon d stdout is \"\"\nand daemon d stderr is \"\"\nwhen I run python3 fds.py\n\
                 then stdout is exactly \"\"\n\
                 and stderr is exactly \"\"\nwhen I run echo hello\nthen stdout is exactly \"hello\\n\"";
    let closed = ["sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"];
    let project = Project::anywhere().file("x.md", with_programs(scenario(steps))).through(closed);
    project.run(["run", "x.md"]).code(0).stdout("").stderr("");
    project.file("x.md", scenario("when I run false")).run(["run", "x.md"]).code(1).stdout("").stderr("");
}
