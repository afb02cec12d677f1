//! The block that explains a failure, in all its parts.

use std::sync::Arc;

use greenroom_event::{Daemon, DaemonEnd, EventKind, Failure, Origin, Outcome, ScenarioFinished, Stream};
use greenroom_report::Verbosity;
use snapbox::{IntoData, assert_data_eq, str};

use crate::support::{Run, SLOW, because, captured, daemon, exited, fails_with, left, lines, logged, ms, one, over};

const TRACEBACK: &str = "\
Traceback (most recent call last):
  File \"./slow-start-daemon.py\", line 9, in <module>
    s.bind((\"127.0.0.1\", 8888))
OSError: [Errno 98] Address already in use
";

#[test]
fn a_daemon_ended_before_its_port_was_open() {
    let stderr = logged("slow-daemon", Stream::Stderr, TRACEBACK, 0);
    let failure = Failure {
        output: vec![stderr.clone()],
        notes: vec!["port 8888 is taken by \"python3 -m http.server 8888\" of this scenario".to_owned()],
        help: vec!["stop that process first, or give this one another port".to_owned()],
        ..because("slow-daemon ended with exit status 1 before it listened on port 8888: ConnectionRefusedError")
    };
    let mut slow = daemon("slow-daemon", "./slow-start-daemon.py", exited(1, 38));
    slow.output = vec![logged("slow-daemon", Stream::Stdout, "", 0), stderr];
    let mut web = daemon("web", "python3 -m http.server 8888", DaemonEnd::Running);
    web.output = vec![logged("web", Stream::Stdout, &lines(1..31), 0), logged("web", Stream::Stderr, "", 0)];
    let mut silent = daemon("silent", "sleep 100", DaemonEnd::Running);
    silent.output = vec![logged("silent", Stream::Stdout, "", 0), logged("silent", Stream::Stderr, "", 0)];
    let finished = ScenarioFinished {
        daemons: vec![slow, web, silent],
        left_over: vec![left("python3 -m http.server 8888", Some("web"), 1200), left("sleep 100", None, 62_000)],
        kept: Some("/tmp/greenroom-x1/0".to_owned()),
        ..over(Outcome::Failed, 45)
    };
    let run = one(SLOW).begin(0).step(0, 0, 2).step_fails(0, 1, 40, failure).finish(0, finished).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  slow-daemon ended with exit status 1 before it listened on port 8888: ConnectionRefusedError
  note: port 8888 is taken by "python3 -m http.server 8888" of this scenario
  stderr of daemon slow-daemon:
    │ Traceback (most recent call last):
    │   File "./slow-start-daemon.py", line 9, in <module>
    │     s.bind(("127.0.0.1", 8888))
    │ OSError: [Errno 98] Address already in use
  help: stop that process first, or give this one another port

  daemon slow-daemon: exited with status 1 after 38 ms
    command: ./slow-start-daemon.py
    stderr of daemon slow-daemon: see above

  daemon web: still running at the end of the scenario
    command: python3 -m http.server 8888
    stdout of daemon web (last 10 lines, 151 bytes before; -v shows more):
      │ line 21
      │ line 22
      │ line 23
      │ line 24
      │ line 25
      │ line 26
      │ line 27
      │ line 28
      │ line 29
      │ line 30

  daemon silent: still running at the end of the scenario
    command: sleep 100
    no output

  2 leftover processes, stopped at the end:
    python3 -m http.server 8888  (daemon web, running for 1.2 s)
    sleep 100  (running for 1 m 02 s)

  kept:  /tmp/greenroom-x1/0
  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn timeout() {
    let failure = Failure {
        notes: vec!["the scenario's own network is private: only its own processes can listen there".to_owned()],
        help: vec!["to allow more time, add `within 20 s` to the step".to_owned()],
        ..because("slow-daemon did not listen on port 8888 within 5 s: ConnectionRefusedError")
    };
    let finished = ScenarioFinished {
        daemons: vec![daemon("slow-daemon", "./slow-start-daemon.py", DaemonEnd::Unknown)],
        ..over(Outcome::Failed, 5043)
    };
    let run = one(SLOW).begin(0).step(0, 0, 2).step_fails(0, 1, 5001, failure).finish(0, finished).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   5.04 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     5.0 s  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  slow-daemon did not listen on port 8888 within 5 s: ConnectionRefusedError
  note: the scenario's own network is private: only its own processes can listen there
  help: to allow more time, add `within 20 s` to the step

  daemon slow-daemon: ended with the scenario
    command: ./slow-start-daemon.py

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 5.0 s
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn scenario_timeout_in_a_step() {
    let finished = ScenarioFinished {
        failure: Some(because("the scenario timed out after 60 s")),
        ..over(Outcome::Failed, 60_012)
    };
    let run = one(SLOW).begin(0).step(0, 0, 2).step_started(0, 1).event(
        60_000,
        Some(0),
        EventKind::Waiting { step: 1, what: "port 8888 of slow-daemon".to_owned(), limit: ms(90_000) },
    );
    assert_data_eq!(
        run.finish(0, finished).end().plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL  60.01 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    STOPPED           when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      while waiting for port 8888 of slow-daemon
                      2 steps not run

  the scenario timed out after 60 s

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 1 m 00 s
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn broken() {
    let failure = Failure {
        help: vec!["`greenroom doctor` shows how to enable more".to_owned()],
        ..because("failed to create the sandbox: mount(/proc): Operation not permitted")
    };
    let finished = ScenarioFinished { failure: Some(failure), ..over(Outcome::Broken, 3) };
    let run = one(SLOW).begin(0).finish(0, finished).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

BROKEN   0.00 s  Daemon takes a while to open its port
  in daemon.md:18
  neither passed nor failed: greenroom could not run it to its end

                      4 steps not run

  failed to create the sandbox: mount(/proc): Operation not permitted
  help: `greenroom doctor` shows how to enable more

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario broken, 4 ms
  broken  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn cleanup_failure() {
    let failure = Failure {
        output: vec![captured("stderr of the cleanup", "rm: cannot remove 'x': Permission denied\n", 0)],
        ..because("the command ended with exit status 1")
    };
    let mut run = one(SLOW).begin(0);
    for step in 0..4 {
        run = run.step(0, step, 3);
    }
    let run = run.cleanup_fails(0, 1, 7, failure).finish(0, over(Outcome::Failed, 30)).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.03 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          3 ms  given a daemon helper shell script slow-start-daemon.py
    ok          3 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
    ok          3 ms  then starting the daemon succeeds
    ok          3 ms  when I stop background process slow-daemon
    FAILED      7 ms  cleanup after: when I start "./slow-start-daemon.py" as slow-daemon, on port 8888

  the cleanup after the step in daemon.md:20 failed: the command ended with exit status 1
  stderr of the cleanup:
    │ rm: cannot remove 'x': Permission denied

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 23 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn many_steps_before_the_failure() {
    let texts: Vec<String> = (0..40).map(|number| format!("when I do thing {number}")).collect();
    let steps: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut run = Run::of(&[("Long", &steps)]).begin(0);
    for step in 0..30 {
        run = run.step(0, step, 1);
    }
    let run = run.step_fails(0, 30, 1500, because("no")).finish(0, over(Outcome::Failed, 1600)).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   1.60 s  Long
  in daemon.md:49, scenario at daemon.md:18

                      18 earlier steps passed
    ok          1 ms  when I do thing 18
    ok          1 ms  when I do thing 19
    ok          1 ms  when I do thing 20
    ok          1 ms  when I do thing 21
    ok          1 ms  when I do thing 22
    ok          1 ms  when I do thing 23
    ok          1 ms  when I do thing 24
    ok          1 ms  when I do thing 25
    ok          1 ms  when I do thing 26
    ok          1 ms  when I do thing 27
    ok          1 ms  when I do thing 28
    ok          1 ms  when I do thing 29
    FAILED     1.5 s  when I do thing 30
                      9 steps not run

  no

  rerun: greenroom run daemon.md --name Long

FAILED: 1 of 1 scenario failed, 1.5 s
  failed  daemon.md:18  Long

"#]]
        .raw()
    );
}

#[test]
fn rerun_with_options() {
    let rerun_options = ["--env", "A=b c", "--timeout", "5s"].map(str::to_owned).to_vec();
    let origin = Origin { rerun_options, ..Origin::default() };
    let shown = fails_with(because("no")).started(|run| run.origin = Some(origin)).plain();
    let rerun =
        "  rerun: greenroom run --env 'A=b c' --timeout 5s daemon.md --name 'Daemon takes a while to open its port'\n";
    assert!(shown.contains(rerun), "{shown}");
}

#[test]
fn an_explanation_of_several_scenarios_is_shown_in_full_once() {
    let failure = || Failure {
        output: vec![logged("web", Stream::Stderr, "no\nconfiguration\n", 0)],
        notes: vec!["web.toml is missing".to_owned()],
        help: vec!["write one".to_owned()],
        ..because("web cannot start")
    };
    let short = || because("it is too late");
    let finished = |daemons| ScenarioFinished { daemons, ..over(Outcome::Failed, 46) };
    let web = || Daemon {
        output: vec![logged("web", Stream::Stderr, "no\nconfiguration\n", 0)],
        ..daemon("web", "./web.py", exited(2, 5))
    };
    let run =
        Run::of(&[("First", &["when web"]), ("Other reason", &["when web"]), ("Again", &["when web", "then no"])])
            .begin(0)
            .step_fails(0, 0, 1, failure())
            .finish(0, finished(vec![web()]))
            .begin(1)
            .step_fails(1, 0, 1, short())
            .cleanup_fails(1, 0, 1, failure())
            .finish(1, finished(vec![]))
            .begin(2)
            .step_fails(2, 0, 1, failure())
            .cleanup_fails(2, 0, 1, short())
            .finish(2, finished(vec![web()]))
            .end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

FAIL   0.05 s  First
  in daemon.md:19, scenario at daemon.md:18

    FAILED      1 ms  when web

  web cannot start
  note: web.toml is missing
  stderr of daemon web:
    │ no
    │ configuration
  help: write one

  daemon web: exited with status 2 after 5 ms
    command: ./web.py
    stderr of daemon web: see above

  rerun: greenroom run daemon.md --name First

FAIL   0.05 s  Other reason
  in daemon.md:21, scenario at daemon.md:20

    FAILED      1 ms  when web
    FAILED      1 ms  cleanup after: when web

  it is too late

  the cleanup after the step in daemon.md:21 failed: web cannot start
  note: web.toml is missing
  stderr of daemon web:
    │ no
    │ configuration
  help: write one

  rerun: greenroom run daemon.md --name 'Other reason'

FAIL   0.05 s  Again
  in daemon.md:23, scenario at daemon.md:22

    FAILED      1 ms  when web
                      1 step not run
    FAILED      1 ms  cleanup after: when web

  web cannot start
  same as above, for First (daemon.md:18)

  the cleanup after the step in daemon.md:23 failed: it is too late

  daemon web: exited with status 2 after 5 ms
    command: ./web.py
    stderr of daemon web:
      │ no
      │ configuration

  rerun: greenroom run daemon.md --name Again

FAILED: 3 of 3 scenarios failed, 13 ms
  failed  daemon.md:18  First
  failed  daemon.md:20  Other reason
  failed  daemon.md:22  Again

"#]]
    );
    let verbose = run.text(Verbosity::Verbose);
    assert_eq!(verbose.matches("note: web.toml is missing").count(), 3, "{verbose}");
}

#[test]
fn a_rerun_of_names_that_begin_with_a_dash() {
    let mut run = Run::of(&[("-x", &["when it fails"])]);
    Arc::make_mut(&mut run.started.outline).documents[0].path = "-dash.md".to_owned();
    let run = run.begin(0).step_fails(0, 0, 1, because("no")).finish(0, over(Outcome::Failed, 46)).end();
    assert!(run.plain().contains("rerun: greenroom run ./-dash.md --name=-x\n"), "{}", run.plain());
}

#[test]
fn leftover_processes_with_one_command_line_share_a_line() {
    let many = |count: u64, command: &str| (0..count).map(|n| left(command, None, 10 + n)).collect::<Vec<_>>();
    let left_over = [vec![left("sleep 9", Some("web"), 99)], many(40, "sleep 9"), many(3, "cat"), many(1, "sleep 9")];
    let finished = ScenarioFinished { left_over: left_over.concat(), ..over(Outcome::Failed, 46) };
    let run = one(&["when it fails"]).begin(0).step_fails(0, 0, 1, because("no")).finish(0, finished).end();
    let screen = run.plain();
    let shown = screen.split_once("stopped at the end:\n").unwrap().1.split_once("\n\n").unwrap().0;
    assert_data_eq!(
        shown,
        str![[r#"
    sleep 9  (daemon web, running for 99 ms)
    sleep 9  (40 processes, running for 10 ms to 49 ms)
    cat  (running for 10 ms)
    cat  (running for 11 ms)
    cat  (running for 12 ms)
    sleep 9  (running for 10 ms)
"#]]
        .raw()
    );
}
