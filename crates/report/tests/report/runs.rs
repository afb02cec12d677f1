//! Whole runs: passed, failed, skipped, interrupted, cut short.

use std::io::{self, Write};
use std::sync::Arc;

use greenroom_event::{DaemonEnd, Held, Isolation, Outcome, Property, PropertyName, ScenarioFinished, Sink, User};
use greenroom_report::{Options, Reporter, Terminal, TerminalReporter, Verbosity};
use snapbox::{IntoData, assert_data_eq, str};

use crate::support::{Run, because, captured, daemon, left, over, three};

#[test]
fn all_passing_in_the_order_of_their_ends() {
    let run = three().passes(2).passes(0).passes(1).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon never opens the intended port
PASS   0.12 s  Daemon is started and terminated
PASS   0.12 s  Daemon takes a while to open its port

3 scenarios passed, 10 steps, 221 ms

"#]]
        .raw()
    );
}

#[test]
fn all_passing_verbose() {
    let run = three().passes(2).passes(0).passes(1).end();
    assert_data_eq!(
        run.text(Verbosity::Verbose),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon never opens the intended port
    ok         20 ms  given a daemon that is silent
    ok         21 ms  then it is not heard
PASS   0.12 s  Daemon is started and terminated
    ok         20 ms  given there is no "sleep 12765" process
    ok         21 ms  when I start "sleep 12765" as a background process as sleepyhead
    ok         22 ms  then a process "sleep 12765" is running
    ok         23 ms  when I stop background process sleepyhead
PASS   0.12 s  Daemon takes a while to open its port
    ok         20 ms  given a daemon helper shell script slow-start-daemon.py
    ok         21 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
    ok         22 ms  then starting the daemon succeeds
    ok         23 ms  when I stop background process slow-daemon

3 scenarios passed, 10 steps, 221 ms

"#]]
        .raw()
    );
}

#[test]
fn all_passing_quiet() {
    let run = three().passes(2).passes(0).passes(1).end();
    assert_data_eq!(
        run.text(Verbosity::Quiet),
        str![[r#"
3 scenarios passed, 10 steps, 221 ms

"#]]
        .raw()
    );
}

fn mixed() -> Run {
    three()
        .passes(2)
        .begin(1)
        .step(1, 0, 3)
        .step_fails(1, 1, 12, because("the daemon slow-daemon ended before it listened on port 8888"))
        .finish(1, over(Outcome::Failed, 20))
        .passes(0)
        .end()
}

#[test]
fn a_failure_between_passing_ones() {
    assert_data_eq!(
        mixed().plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon never opens the intended port

FAIL   0.02 s  Daemon takes a while to open its port
  in daemon.md:25, scenario at daemon.md:23

    ok          3 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     12 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  the daemon slow-daemon ended before it listened on port 8888

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

PASS   0.12 s  Daemon is started and terminated

FAILED: 1 of 3 scenarios failed, 2 passed, 150 ms
  failed  daemon.md:23  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn a_failure_verbose() {
    assert_data_eq!(
        mixed().text(Verbosity::Verbose),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon never opens the intended port
    ok         20 ms  given a daemon that is silent
    ok         21 ms  then it is not heard

FAIL   0.02 s  Daemon takes a while to open its port
  in daemon.md:25, scenario at daemon.md:23

    ok          3 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     12 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  the daemon slow-daemon ended before it listened on port 8888

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

PASS   0.12 s  Daemon is started and terminated
    ok         20 ms  given there is no "sleep 12765" process
    ok         21 ms  when I start "sleep 12765" as a background process as sleepyhead
    ok         22 ms  then a process "sleep 12765" is running
    ok         23 ms  when I stop background process sleepyhead

FAILED: 1 of 3 scenarios failed, 2 passed, 150 ms
  failed  daemon.md:23  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn a_failure_quiet() {
    assert_data_eq!(
        mixed().text(Verbosity::Quiet),
        str![[r#"
FAIL   0.02 s  Daemon takes a while to open its port
  in daemon.md:25, scenario at daemon.md:23

    ok          3 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     12 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  the daemon slow-daemon ended before it listened on port 8888

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 3 scenarios failed, 2 passed, 150 ms
  failed  daemon.md:23  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn passing_with_leftovers_and_a_kept_directory() {
    let finished = ScenarioFinished {
        left_over: vec![left("sleep 12765", Some("sleepyhead"), 4100), left("python3 -m http.server", None, 900)],
        kept: Some("/tmp/greenroom-x1/2".to_owned()),
        ..over(Outcome::Passed, 4200)
    };
    let run = three().begin(0).finish(0, finished).passes(1).passes(2).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   4.20 s  Daemon is started and terminated  (stopped at the end: sleepyhead and python3 -m http.server)
               kept: /tmp/greenroom-x1/2
PASS   0.12 s  Daemon takes a while to open its port
PASS   0.12 s  Daemon never opens the intended port

3 scenarios passed, 6 steps, 135 ms

"#]]
        .raw()
    );
}

fn skipped() -> ScenarioFinished {
    ScenarioFinished {
        failure: Some(because("an earlier scenario failed, and the run stops at the first failure")),
        ..over(Outcome::Skipped, 0)
    }
}

#[test]
fn skipped_after_the_first_failure() {
    let run = three()
        .begin(0)
        .step_fails(0, 0, 5, because(r#"there is a process "sleep 12765""#))
        .finish(0, over(Outcome::Failed, 7))
        .finish(1, skipped())
        .finish(2, skipped())
        .end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

FAIL   0.01 s  Daemon is started and terminated
  in daemon.md:19, scenario at daemon.md:18

    FAILED      5 ms  given there is no "sleep 12765" process
                      3 steps not run

  there is a process "sleep 12765"

  rerun: greenroom run daemon.md --name 'Daemon is started and terminated'

2 scenarios not run: an earlier scenario failed, and the run stops at the first failure
FAILED: 1 of 3 scenarios failed, 2 not run, 11 ms
  failed  daemon.md:18  Daemon is started and terminated

"#]]
        .raw()
    );
    assert_data_eq!(run.text(Verbosity::Verbose), str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

FAIL   0.01 s  Daemon is started and terminated
  in daemon.md:19, scenario at daemon.md:18

    FAILED      5 ms  given there is no "sleep 12765" process
                      3 steps not run

  there is a process "sleep 12765"

  rerun: greenroom run daemon.md --name 'Daemon is started and terminated'

SKIP           Daemon takes a while to open its port  (an earlier scenario failed, and the run stops at the first failure)
SKIP           Daemon never opens the intended port  (an earlier scenario failed, and the run stops at the first failure)

2 scenarios not run: an earlier scenario failed, and the run stops at the first failure
FAILED: 1 of 3 scenarios failed, 2 not run, 11 ms
  failed  daemon.md:18  Daemon is started and terminated

"#]].raw());
}

#[test]
fn interrupted() {
    let stopped = ScenarioFinished {
        failure: Some(because("the run was interrupted")),
        daemons: vec![daemon("slow-daemon", "./slow-start-daemon.py", DaemonEnd::Unknown)],
        ..over(Outcome::Skipped, 2310)
    };
    let not_begun = ScenarioFinished { failure: Some(because("the run was interrupted")), ..over(Outcome::Skipped, 0) };
    let run = three()
        .passes(0)
        .begin(1)
        .step(1, 0, 4)
        .step_started(1, 1)
        .finish(1, stopped)
        .finish(2, not_begun)
        .interrupted();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon is started and terminated
STOP   2.31 s  Daemon takes a while to open its port
               stopped at daemon.md:25: when I start "./slow-start-daemon.py" as slow-daemon, on port 8888

1 scenario not run: the run was interrupted
INTERRUPTED: 1 of 3 scenarios passed, 2 not finished, 97 ms

"#]]
        .raw()
    );
}

#[test]
fn a_recording_that_is_cut_short() {
    // While events may still come, what is held back is not shown.
    let run = three().passes(1);
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon takes a while to open its port

"#]]
        .raw()
    );
    let mut reporter = reporter(Vec::new());
    run.all().iter().for_each(|event| reporter.push(event));
    reporter.cut_short(false);
    assert_data_eq!(
        String::from_utf8(reporter.into_inner()).unwrap(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon takes a while to open its port

INTERRUPTED: the run did not end; 1 of 3 scenarios passed, 2 not finished, 88 ms

"#]]
        .raw()
    );
}

#[test]
fn unsealed_and_shuffled() {
    let run = three().started(|run| {
        let refused = |name| Property {
            name,
            held: Held::Refused {
                call: "clone(CLONE_NEWUSER | CLONE_NEWPID)".to_owned(),
                error: "operation not permitted (EPERM)".to_owned(),
            },
        };
        run.isolation = Isolation {
            sealed: false,
            properties: vec![refused(PropertyName::Kill), refused(PropertyName::Network)],
            user: User::Same,
        };
        run.shuffle = Some(42);
        run.jobs = 1;
        Arc::make_mut(&mut run.outline).left_out = 2;
    });
    assert_data_eq!(
        run.passes(0).passes(1).passes(2).end().plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, one at a time
not sealed: clone(CLONE_NEWUSER | CLONE_NEWPID) failed: operation not permitted (EPERM)
  kill=subreaper network=shared user=same; `greenroom doctor` shows how to enable more
order shuffled with seed 42

PASS   0.12 s  Daemon is started and terminated
PASS   0.12 s  Daemon takes a while to open its port
PASS   0.12 s  Daemon never opens the intended port

3 scenarios passed, 10 steps, 221 ms (2 left out by the filters)

"#]]
        .raw()
    );
}

#[test]
fn nothing_ran() {
    let nothing = Run::of(&[]).end();
    assert_data_eq!(
        nothing.plain(),
        str![[r#"
greenroom 0.1.0: 0 scenarios in daemon.md

NOTHING RAN: there are no scenarios in daemon.md

"#]]
        .raw()
    );
    assert_data_eq!(
        nothing.text(Verbosity::Quiet),
        str![[r#"
NOTHING RAN: there are no scenarios in daemon.md

"#]]
        .raw()
    );
    let filtered = Run::of(&[]).started(|run| Arc::make_mut(&mut run.outline).left_out = 5).end();
    assert_data_eq!(
        filtered.plain(),
        str![[r#"
greenroom 0.1.0: 0 scenarios in daemon.md

NOTHING RAN: the filters left out all 5 scenarios in daemon.md

"#]]
        .raw()
    );
    let skipped = three().finish(0, skipped()).finish(1, skipped()).finish(2, skipped()).end();
    assert_data_eq!(
        skipped.plain(),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

3 scenarios not run: an earlier scenario failed, and the run stops at the first failure
NOTHING RAN: 3 scenarios skipped

"#]]
        .raw()
    );
}

#[test]
fn many_passing_scenarios_are_not_listed() {
    let titles: Vec<String> = (0..201).map(|number| format!("Scenario {number}")).collect();
    let scenarios: Vec<(&str, &[&str])> = titles.iter().map(|title| (title.as_str(), &["then it is so"][..])).collect();
    let mut run = Run::of(&scenarios);
    for index in 0..200 {
        run = run.passes(index);
    }
    let run = run.begin(200).step_fails(200, 0, 1, because("it is not so")).finish(200, over(Outcome::Failed, 3)).end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 201 scenarios in daemon.md, up to 256 at a time
passing scenarios are not listed; -v lists them

FAIL   0.00 s  Scenario 200
  in daemon.md:419, scenario at daemon.md:418

    FAILED      1 ms  then it is so

  it is not so

  rerun: greenroom run daemon.md --name 'Scenario 200'

FAILED: 1 of 201 scenarios failed, 200 passed, 4.4 s
  failed  daemon.md:418  Scenario 200

"#]]
        .raw()
    );
}

#[test]
fn hostile_titles_and_names() {
    let run = Run::of(&[("It's \x1b[31mred\u{202e}", &["when I run \x07 it"])])
        .started(|run| Arc::make_mut(&mut run.outline).documents[0].path = "my docs/a\x1b.md".to_owned())
        .begin(0)
        .step_fails(
            0,
            0,
            3,
            greenroom_event::Failure {
                output: vec![captured("stderr of \x1b[2Jdaemon", "x\n", 0)],
                notes: vec!["a\rnote".to_owned()],
                ..because("two\nlines\x1b[2J")
            },
        )
        .finish(0, over(Outcome::Failed, 3))
        .end();
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in my docs/a\x1b.md

FAIL   0.00 s  It's \x1b[31mred\u{202e}
  in daemon.md:19, scenario at daemon.md:18

    FAILED      3 ms  when I run \x07 it

  two
  lines\x1b[2J
  note: a\rnote
  stderr of \x1b[2Jdaemon:
    │ x

  rerun: greenroom run $'my docs/a\033.md' --name $'It\'s \033[31mred\342\200\256'

FAILED: 1 of 1 scenario failed, 7 ms
  failed  daemon.md:18  It's \x1b[31mred\u{202e}

"#]]
        .raw()
    );
}

fn reporter<W: Write>(out: W) -> TerminalReporter<W> {
    TerminalReporter::new(out, Terminal { colour: false, width: 100, live: false }, Options::default())
}

/// A reader that goes away after the first write.
struct Pipe(usize);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += 1;
        if self.0 > 1 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_noticed() {
    let mut reporter = reporter(Pipe(0));
    let events = mixed().all();
    reporter.push(&events[0]);
    assert!(!reporter.is_deserted());
    events[1..].iter().for_each(|event| reporter.push(event));
    assert!(reporter.is_deserted());
    assert_eq!(reporter.into_inner().0, 2, "nothing is written after the first error");
}

#[test]
fn a_full_disk_is_an_error() {
    let mut reporter = reporter(std::fs::File::options().write(true).open("/dev/full").unwrap());
    mixed().all().iter().for_each(|event| reporter.push(event));
    assert!(!reporter.is_deserted());
    assert_eq!(reporter.error().unwrap().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn damaged_recordings_do_not_panic() {
    // Damaged recordings: every event of a run alone, twice, and all of them backwards.
    let events = mixed().all();
    for event in &events {
        let mut reporter = reporter(Vec::new());
        reporter.push(event);
        reporter.push(event);
    }
    let mut reporter = reporter(Vec::new());
    events.iter().rev().for_each(|event| reporter.push(event));
}
