//! Without namespaces: the same documents run, what is not promised is said, and still nothing is left.

use std::time::Duration;

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, document, scenario, with_programs};

#[test]
fn says_that_it_is_not_sealed() {
    let project = Project::new().file("x.md", scenario("when I run true"));
    project.run(["run", "--sandbox", "tended", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

PASS [TIME]  The scenario

1 scenario passed, 1 step, [TIME]

"#]]);
    project.nothing_is_left();
}

#[test]
fn daemons_work_as_when_sealed() {
    let project = Project::new();
    let token = project.token();
    let scenarios = "
# Started and stopped
~~~scenario
given there is no \"sleep 12765 TOKEN\" process
when I start \"sh -c 'sleep 12765; : TOKEN'\" as a background process as sleepy
then a process \"TOKEN\" is running
when I stop background process sleepy
then there is no \"TOKEN\" process
~~~
# Answers on a port
~~~scenario
given a free port kept as web
and file fetch.py
and a daemon helper shell script server.py
when I start \"./server.py hello 127.0.0.1:${web}\" as a background process as web, on port ${web}
and I run python3 fetch.py 127.0.0.1 ${web}
then stdout is exactly \"hello\\n\"
when I stop background process web
then there is no \"server.py\" process
~~~
# Writes
~~~scenario
when I start \"sh -c 'echo out; echo err >&2'\" as a background process as d, with environment {\"A\": \"B\"}
when daemon d has produced output
when I stop background process d
then daemon d stdout is \"out\\n\"
and daemon d stderr is \"err\\n\"
~~~
"
    .replace("TOKEN", &token);
    let project = project.file("x.md", with_programs(document(&scenarios)));
    project.run(["run", "--sandbox", "tended", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

PASS [TIME]  Started and stopped
PASS [TIME]  Answers on a port
PASS [TIME]  Writes

3 scenarios passed, 18 steps, [TIME]

"#]]);
    project.nothing_is_left();
}

#[test]
fn process_checks_see_the_scenarios_own_processes_only() {
    let project = Project::new();
    let token = project.token();
    // The runner's own command line has the token in it, and is a process of the machine.
    let text = scenario(&format!("then there is no \"{token}\" process"));
    let project = project.file(&format!("{token}.md"), text);
    project.run(["run", "--sandbox", "tended", &format!("{token}.md")]).passes();
}

/// A daemon that leaves its session and its parents, ignores what it can, and holds a pipe open.
fn runaway(steps: &str) -> (Project, [String; 8]) {
    let project = Project::new().fifo("fifo").fifo("gate");
    let start = "given a daemon helper shell script runaway.sh\nwhen I start \"./runaway.sh TOKEN\" as a background \
        process as runaway\n\
                 when I run sh -c 'read word < $GATE'\n";
    let text = with_programs(scenario(&format!("{start}{steps}").replace("TOKEN", &project.token())));
    let [fifo, gate] = ["fifo", "gate"].map(|name| project.path(name).display().to_string());
    let variables = ["--env".into(), format!("FIFO={fifo}"), "--env".into(), format!("GATE={gate}")];
    let [a, b, c, d] = variables;
    let arguments = ["run".into(), "--sandbox".into(), "tended".into(), a, b, c, d, "x.md".into()];
    (project.file("x.md", text), arguments)
}

/// Waits until it is there, and lets the steps go on.
fn wait_for_it(project: &Project) -> Fifo {
    let fifo = Fifo::open(project.path("fifo"));
    assert_eq!(fifo.line(), "up");
    std::fs::write(project.path("gate"), "go\n").unwrap();
    fifo
}

#[test]
fn nothing_is_left_of_a_scenario() {
    let (project, arguments) = runaway("when I run false");
    let started = project.start(arguments);
    let fifo = wait_for_it(&project);
    started.finish().code(1);
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn nothing_is_left_after_a_signal_to_the_runner() {
    let signals = [(Signal::INT, Some(130)), (Signal::TERM, Some(130)), (Signal::KILL, None)];
    let all = signals.map(|signal| (runaway("when I run sleep 1000"), signal));
    let mut started = Vec::new();
    for ((project, arguments), (signal, code)) in &all {
        let run = project.start(arguments);
        started.push((project, wait_for_it(project), run.signal(*signal), *code));
    }
    for (project, fifo, run, code) in started {
        let ran = run.finish();
        assert_eq!(ran.status.code(), code, "{}\n{}", ran.stdout, ran.stderr);
        fifo.closed();
        project.nothing_is_left();
    }
}

#[test]
fn nothing_is_left_when_the_steps_are_killed() {
    // The worker, which runs the steps, is the parent of the command.
    let (project, arguments) = runaway("when I run sh -c 'kill -KILL $PPID; sleep 1000'");
    let started = project.start(arguments);
    let fifo = wait_for_it(&project);
    started.finish().code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

BROKEN [TIME]  The scenario
  in x.md:10, scenario at x.md:5
  neither passed nor failed: greenroom could not run it to its end

    ok [TIME]  given a daemon helper shell script runaway.sh
    ok [TIME]  when I start "./runaway.sh [TOKEN]" as a background process as runaway
    ok [TIME]  when I run sh -c 'read word < $GATE'
    STOPPED           when I run sh -c 'kill -KILL $PPID; sleep 1000'

  the process that runs its steps died: signal SIGKILL (out of memory?)

  daemon runaway: ended with the scenario

  rerun: greenroom run --env FIFO=[PROJECT]/fifo --env GATE=[PROJECT]/gate --sandbox tended x.md --name 'The scenario'

FAILED: 1 of 1 scenario broken, [TIME]
  broken  x.md:5  The scenario

"#]]);
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn a_port_that_the_machine_uses_is_reported() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let text = scenario(&format!("when I start \"sleep 1000\" as a background process as d, on port {port}"));
    let ran = Project::new().file("x.md", text).run(["run", "--sandbox", "tended", "x.md"]).code(1).stderr("");
    let screen = ran.stdout.replace(&port.to_string(), "[PORT]");
    let holder = format!("process {} ({})", std::process::id(), std::env::args().collect::<Vec<_>>().join(" "));
    crate::support::same(
        &screen.replace(&holder, "process [HOLDER]"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "sleep 1000" as a background process as d, on port [PORT]

  port [PORT] is already in use by process [HOLDER]
  help: stop that process first, or use another port

  rerun: greenroom run --sandbox tended x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]],
    );
}

#[test]
fn a_port_that_another_scenario_opens_is_not_ones_own() {
    // Both want the port at the same time; only one of them can have it, and the other must not
    // believe that it has it too.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let one = format!(
        "given a daemon helper shell script server.py\nwhen I start \"./server.py @ 127.0.0.1:{free}\" as a \
            background process as web, on port {free}\n\
         given file fetch.py\nwhen I run python3 fetch.py 127.0.0.1 {free}\nthen stdout is exactly \"@\\n\"\n\
         when I run sleep 0.5\n"
    );
    let scenarios: String =
        ["one", "two"].map(|name| format!("# {name}\n~~~scenario\n{}~~~\n", one.replace('@', name))).concat();
    let project = Project::new().file("x.md", with_programs(document(&scenarios)));
    let ran = project.run(["run", "--sandbox", "tended", "-j", "2", "x.md"]);
    // Whichever is later fails, with the reason; or they have taken turns.
    assert!(!ran.stdout.contains("stdout of the command is not what was expected"), "{}", ran.stdout);
}

/// Forks processes with sessions of their own, as many as its argument says.
const SESSIONS: &str = "
~~~{#sessions.py .file}
import os, signal, sys

for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.setsid()
        os.close(1)
        os.close(2)
        signal.pause()
~~~
";

/// Returns the processor time of a run that ends so many processes with sessions of their own.
///
/// The run is in a process namespace of its own, which the kernel clears in any case.
fn processor_time_of_the_end(project: &Project, processes: usize) -> Duration {
    let steps = format!("given file sessions.py\nwhen I run python3 sessions.py {processes}");
    std::fs::write(project.path("x.md"), scenario(&steps) + SESSIONS).unwrap();
    let ran = project.run(["run", "--sandbox", "tended", "x.md"]).passes();
    let rest = format!(" and {} more)", processes - 3);
    assert!(ran.stdout.contains(&rest), "{rest}: {}", ran.stdout);
    // The second line has the times of children, as `0m1.110000s 0m0.710000s`.
    let times = std::fs::read_to_string(project.path("times")).unwrap();
    let children = times.lines().nth(1).unwrap().split_whitespace();
    let seconds = children.map(|time| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    });
    Duration::from_secs_f64(seconds.sum())
}

#[test]
fn the_end_of_a_thousand_sessions_takes_four_times_the_work_of_a_quarter() {
    let Some(project) = Project::sealed() else { return };
    let run = "\"$0\" \"$@\"; code=$?; times > times; exit $code";
    let namespace = ["unshare", "-U", "-r", "-p", "-f", "--kill-child", "--mount-proc"];
    let project = project.through(namespace.into_iter().chain(["prlimit", "--nproc=3000", "sh", "-c", run]));
    let [few, many] = [250, 1000].map(|processes| processor_time_of_the_end(&project, processes));
    // Looking at all processes once for each of them would take up to sixteen times as much.
    assert!(many < 6 * few, "{few:?} for 250 processes, {many:?} for 1000");
}
