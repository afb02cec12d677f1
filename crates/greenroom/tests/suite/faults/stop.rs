//! Processes that must end with their scenario, however it ends.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use snapbox::str;

use super::{look, many, parent, pause, processes};
use crate::support::{Fifo, Project, document, rounds, scenario, with_programs};

#[test]
fn a_daemon_that_ignores_sigterm_is_killed_with_its_group() {
    let project = Project::anywhere();
    let steps = format!(
        "when I start \"sh -c \"trap '' TERM INT HUP; echo up; while :; do sleep 1; done; : {}\"\" as a background \
            process as deaf\n\
         when I wait for daemon deaf to write \"up\" to stdout\nwhen I stop background process deaf, within 0.3 \
         seconds",
        project.token()
    );
    let begun = Instant::now();
    let project = project.file("x.md", scenario(&steps));
    let ran = project.run(["run", "-q", "x.md"]).code(1).stderr("");
    // Five seconds are the default time to end.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(ran.stdout.contains("daemon deaf did not end within 300 ms of SIGTERM and was killed"), "{}", ran.stdout);
    project.nothing_is_left();
}

/// Kills runs of a document at different moments after their start.
fn killed_at_any_moment(sandbox: &str) {
    let mut projects = Vec::new();
    let count = rounds(20);
    for round in 0..count {
        let project = Project::new();
        let steps = "when I start \"sh -c 'sleep 1000; : TOKEN'\" as a background process as one\n\
                     when I start \"setsid sh -c 'sleep 1000; : TOKEN'\" as a background process as two\n\
                     when I run sh -c 'sleep 1000; : TOKEN'";
        let text = document(&many(3, &steps.replace("TOKEN", &project.token())));
        let project = project.file("x.md", text);
        let started = project.start(["run", "--sandbox", sandbox, "-j", "3", "x.md"]);
        pause(Duration::from_micros(60_000 * round as u64 / count as u64));
        started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
        project.nothing_is_left();
        projects.push(project);
    }
    // Nothing has started since.
    for project in projects {
        project.nothing_is_left();
    }
}

#[test]
fn nothing_is_left_of_a_killed_sealed_run() {
    if Project::sealed().is_some() {
        killed_at_any_moment("sealed");
    }
}

#[test]
fn nothing_is_left_of_a_killed_tended_run() {
    killed_at_any_moment("tended");
}

#[test]
fn killing_a_first_process_breaks_only_its_scenario() {
    let Some(project) = Project::sealed() else { return };
    let scenarios = "# Victim\n~~~scenario\nwhen I start \"setsid sh -c 'sleep 1000; : TOKEN'\" as a background \
        process as d\n\
                     when I run sh -c 'echo up > $UP; sleep 1000; : TOKEN'\n~~~\n\
                     # Other\n~~~scenario\nwhen I start \"sleep 1000\" as a background process as d\n\
                     when I run sh -c 'read word < $GATE'\nthen daemon d is running\n~~~\n";
    let token = project.token();
    let text = document(&scenarios.replace("TOKEN", &token));
    let project = project.file("x.md", text).fifo("up").fifo("gate");
    let variables = ["up", "gate"].map(|name| format!("{}={}", name.to_uppercase(), project.path(name).display()));
    let started = project.start(["run", "--sandbox", "sealed", "x.md", "--env", &variables[0], "--env", &variables[1]]);
    Fifo::open(project.path("up")).line();
    // runner, launcher, first process, worker, command
    let mark = format!("sleep 1000; : {token}");
    let command = look("the command", || processes(&format!("up > $UP; {mark}")).into_iter().next());
    let first = parent(command).and_then(parent).unwrap();
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    look("the end of all", || processes(&mark).is_empty().then_some(()));
    fs::write(project.path("gate"), "go\n").unwrap();
    let ran = started.finish().code(1).stderr("");
    // Only shown if the command has waited for a while.
    let screen = ran.stdout.lines().filter(|line| !line.contains("while waiting for the command"));
    crate::support::same(
        &screen.map(|line| format!("{line}\n")).collect::<String>(),
        str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

BROKEN [TIME]  Victim
  in x.md:8, scenario at x.md:5
  neither passed nor failed: greenroom could not run it to its end

    ok [TIME]  when I start "setsid sh -c 'sleep 1000; : [TOKEN]'" as a background process as d
    STOPPED           when I run sh -c 'echo up > $UP; sleep 1000; : [TOKEN]'

  the process that runs its steps died: signal SIGKILL (out of memory?)

  daemon d: ended with the scenario

  rerun: greenroom run --env UP=[PROJECT]/up --env GATE=[PROJECT]/gate --sandbox sealed x.md --name Victim

PASS [TIME]  Other  (stopped at the end: d)

FAILED: 1 of 2 scenarios broken, 1 passed, [TIME]
  broken  x.md:5  Victim

"#]],
    );
    project.nothing_is_left();
}

#[test]
fn a_long_scenario_outlives_the_others() {
    let Some(project) = Project::sealed() else { return };
    let long = "# Long\n~~~scenario\nwhen I start \"sleep 1000\" as a background process as d\n\
        when I run sh -c 'read word < $GATE'\nthen daemon d is running\n~~~\n";
    let text = document(&(long.to_owned() + &many(7, "when I run sh -c 'echo @ > $DONE; : TOKEN'")));
    let token = project.token();
    let project = project.file("x.md", text.replace("TOKEN", &token)).fifo("done").fifo("gate");
    let variables = ["done", "gate"].map(|name| format!("{}={}", name.to_uppercase(), project.path(name).display()));
    // Keep the pipe open between its writers.
    let keep = rustix::fs::open(project.path("done"), rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty()).unwrap();
    let fifo = Fifo::open(project.path("done"));
    let started = project.start(["run", "-j", "8", "x.md", "--env", &variables[0], "--env", &variables[1]]);
    let mut done: Vec<String> = (0..7).map(|_| fifo.line()).collect();
    done.sort();
    assert_eq!(done, ["1", "2", "3", "4", "5", "6", "7"]);
    drop(keep);
    look("the end of the others", || processes(&format!("; : {token}")).is_empty().then_some(()));
    fs::write(project.path("gate"), "go\n").unwrap();
    started.finish().passes();
    project.nothing_is_left();
}

/// Returns whether each process namespace has its own limit of PIDs, which a scenario may lower
/// without harm.
fn limit_is_the_namespaces() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let own = (numbers.next(), numbers.next()) >= (Some(6), Some(14));
    if !own {
        println!("skipped: before Linux 6.14 a limit of process numbers is the whole machine's");
    }
    own
}

#[test]
fn a_fork_bomb_stays_in_its_scenario() {
    if !super::root() || !limit_is_the_namespaces() {
        return;
    }
    let Some(project) = Project::sealed() else { return };
    let scenarios = "# Bomb\n~~~scenario\nwhen I run sh -c 'echo 350 > /proc/sys/kernel/pid_max'\n\
                     given a daemon helper shell script bomb.sh\nwhen I start \"./bomb.sh TOKEN\" as a background \
                     process as bomb\n\
                     when I wait for daemon bomb to write \"fork\" to stderr, for at most 30 seconds\n\
                     when I run false\n~~~\n\
                     # Other\n~~~scenario\nwhen I run sleep 1\n~~~\n";
    let limit = || fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    let before = limit();
    let text = with_programs(document(scenarios)).replace("TOKEN", &project.token());
    let project = project.file("x.md", text);
    let begun = Instant::now();
    let ran = project.run(["run", "--sandbox", "sealed", "x.md"]).code(1).stderr("");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    assert_eq!(limit(), before);
    assert!(ran.stdout.contains("FAILED [TIME]  when I run false"), "{}", ran.stdout);
    assert!(ran.stdout.contains("annot fork"), "{}", ran.stdout);
    assert!(ran.stdout.contains("PASS [TIME]  Other"), "{}", ran.stdout);
    project.nothing_is_left();
}

#[test]
fn the_pid_of_a_dead_daemon_is_not_reused_before_it_is_stopped() {
    if !super::root() || !limit_is_the_namespaces() {
        return;
    }
    let Some(project) = Project::sealed() else { return };
    // After the first round the kernel assigns PIDs from 300 on. Ten are left, and a thousand
    // processes use them up.
    let steps = "when I run sh -c 'echo 310 > /proc/sys/kernel/pid_max'\ngiven file again.py\n\
                 when I run sh -c \"until test $(sh -c 'echo $$') -ge 300; do :; done\"\n\
                 when I start \"sh -c 'echo $$ > number; exit 3'\" as a background process as d\n\
                 when I wait for daemon d to end\nwhen I run sh -c 'python3 again.py $(cat number)'\n\
                 then stdout is exactly \"not taken\\n\"\nwhen I stop background process d\n\
                 then daemon d has ended with exit status 3";
    project.file("x.md", with_programs(scenario(steps))).run(["run", "--sandbox", "sealed", "x.md"]).passes();
}
