//! Pauses that must not count, and order that must not matter.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{look, many, parent, pause, processes, stat};
use crate::support::{Fifo, Project, document, rounds, scenario, with_programs};

/// Stops a process for a while. Its document `x.md` waits for a server that is ready in time.
fn paused(runner: bool) {
    let project = Project::anywhere();
    let token = project.token();
    // The server is ready once the test has stopped the other side and says so.
    let steps = format!(
        "given a daemon helper shell script server.py\n\
         when I start \"sh -c 'echo up > $UP; read word < $GATE; ./server.py {token} 127.0.0.1:8080 > $UP'\" as a \
         background process as web\n\
         when I wait for daemon web to listen on port 8080, for at most 1 seconds"
    );
    let project = project.file("x.md", with_programs(scenario(&steps))).fifo("up").fifo("gate");
    let variables = ["up", "gate"].map(|name| format!("{}={}", name.to_uppercase(), project.path(name).display()));
    let keep = rustix::fs::open(project.path("up"), rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty()).unwrap();
    let fifo = Fifo::open(project.path("up"));
    let started = project.start(["run", "x.md", "--env", &variables[0], "--env", &variables[1]]);
    fifo.line();
    let daemon = look("the daemon", || {
        processes("read word < $GATE; ./server.py").into_iter().find(|&pid| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&token))
        })
    });
    let worker = parent(daemon).unwrap();
    let stopped = if runner { started.pid() } else { worker };
    let signal = |signal| kill_process(Pid::from_raw(stopped).unwrap(), signal).unwrap();
    signal(Signal::STOP);
    look("the stop", || stat(stopped).filter(|stat| stat[0] == "T"));
    fs::write(project.path("gate"), "go\n").unwrap();
    assert_eq!(fifo.line(), "listening");
    drop(keep);
    // Longer than the limit of the step; in a thorough run, longer than the extra time that a
    // worker has.
    pause(Duration::from_secs(if rounds(1) > 1 { 20 } else { 2 }));
    signal(Signal::CONT);
    started.finish().passes();
    project.nothing_is_left();
}

#[test]
fn a_paused_scenario_still_sees_a_server_that_was_ready() {
    paused(false);
}

#[test]
fn a_paused_runner_still_sees_a_server_that_was_ready() {
    paused(true);
}

#[test]
fn order_and_parallelism_do_not_change_results() {
    let Some(project) = Project::sealed() else { return };
    let good = many(4, "when I run echo @\nthen stdout is exactly \"@\\n\"");
    let bad = "# Fails\n~~~scenario\nwhen I start \"sh -c 'echo no config >&2; exit 3'\" as a background process as \
        web, on port 8080\n~~~\n\
               # Differs\n~~~scenario\nwhen I run echo one\nthen stdout is exactly \"two\\n\"\n~~~\n";
    let project =
        project.file("x.md", document(&format!("{good}{bad}{}", many(4, "when I run true").replace("# S", "# T"))));
    let screen = |arguments: &[&str]| {
        let ran = project.run([&["run", "x.md"], arguments].concat()).code(1).stderr("");
        // The first lines repeat the options.
        ran.stdout.split_once("\n\n").unwrap().1.to_owned()
    };
    let expected = screen(&["-j", "1"]);
    for seed in 0..rounds(4) {
        for jobs in ["1", "2", "16"] {
            let shuffle = format!("--shuffle={seed}");
            assert_eq!(screen(&["-j", jobs, &shuffle]), expected, "{shuffle} -j {jobs}");
        }
    }
}
