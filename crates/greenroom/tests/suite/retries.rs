//! Retries, flaky scenarios, and repetitions.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, document, scenario};

/// A program that counts its calls and fails in those that it is given: `fails-in COUNTER 1 2`.
const FAILS_IN: &str = "#!/bin/sh\n\
    counter=$(dirname \"$0\")/$1\n\
    shift\n\
    echo called >>\"$counter\"\n\
    calls=$(wc -l <\"$counter\")\n\
    for call in \"$@\"; do\n\
    \x20   if [ \"$calls\" -eq \"$call\" ]; then echo \"call $calls fails\" >&2; exit 1; fi\n\
    done\n";

/// Creates a project with these scenarios: each a title, labels and a command.
fn project(metadata: &str, scenarios: &[(&str, &str, &str)]) -> Project {
    let text = scenarios.iter().map(|(title, attributes, command)| {
        format!("# {title}\n~~~{{.scenario{attributes}}}\ngiven srcdir is in the PATH\nwhen I run {command}\n~~~\n\n")
    });
    let text = document(&text.collect::<String>()).replace("title: Trial\n", &format!("title: Trial\n{metadata}"));
    Project::anywhere().file("x.md", text).program("fails-in", FAILS_IN)
}

fn calls(project: &Project, counter: &str) -> usize {
    std::fs::read_to_string(project.path(counter)).map_or(0, |text| text.lines().count())
}

#[test]
fn a_scenario_that_passes_after_a_failed_attempt_is_flaky_and_the_run_passes() {
    let scenarios = [("Steady", "", "true"), ("Shaky", "", "fails-in shaky 1 2")];
    project("", &scenarios).run(["run", "--retries", "3", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

PASS [TIME]  Steady
RETRY [TIME]  Shaky  (attempt 1 of 4)
               failed in x.md:14: command failed with exit status 1: fails-in shaky 1 2: call 1 fails
RETRY [TIME]  Shaky  (attempt 2 of 4)
               failed in x.md:14: command failed with exit status 1: fails-in shaky 1 2: call 2 fails

FLAKY [TIME]  Shaky  (passed in attempt 3 of 4)
  attempt 1 failed in x.md:14, scenario at x.md:11

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1 2

  command failed with exit status 1: fails-in shaky 1 2
  stderr of the command:
    │ call 1 fails

  rerun: greenroom run x.md --name Shaky --retries 0 --until-failure

2 scenarios passed, 4 steps, [TIME] (1 flaky)
  flaky   x.md:11  Shaky

"#]]);
    project("", &scenarios).run(["run", "--retries", "3", "-q", "x.md"]).passes().stdout(str![[r#"
FLAKY [TIME]  Shaky  (passed in attempt 3 of 4)
  attempt 1 failed in x.md:14, scenario at x.md:11

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1 2

  command failed with exit status 1: fails-in shaky 1 2
  stderr of the command:
    │ call 1 fails

  rerun: greenroom run x.md --name Shaky --retries 0 --until-failure

2 scenarios passed, 4 steps, [TIME] (1 flaky)
  flaky   x.md:11  Shaky

"#]]);
    project("", &scenarios[1..]).run(["run", "--retries", "3", "-v", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

RETRY [TIME]  Shaky  (attempt 1 of 4)
  in x.md:8, scenario at x.md:5

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1 2

  command failed with exit status 1: fails-in shaky 1 2
  stderr of the command:
    │ call 1 fails

  rerun: greenroom run x.md --name Shaky --retries 0 --until-failure

RETRY [TIME]  Shaky  (attempt 2 of 4)
  in x.md:8, scenario at x.md:5

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1 2

  command failed with exit status 1: fails-in shaky 1 2
  stderr of the command:
    │ call 2 fails

  rerun: greenroom run x.md --name Shaky --retries 0 --until-failure

FLAKY [TIME]  Shaky  (passed in attempt 3 of 4)
    ok [TIME]  given srcdir is in the PATH
    ok [TIME]  when I run fails-in shaky 1 2

1 scenario passed, 2 steps, [TIME] (1 flaky)
  flaky   x.md:5  Shaky

"#]]);
}

#[test]
fn n_retries_are_n_plus_one_attempts_and_the_last_decides() {
    let project = project("", &[("Shaky", "", "fails-in shaky 1 2 3")]);
    project.run(["run", "--retries", "2", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

RETRY [TIME]  Shaky  (attempt 1 of 3)
               failed in x.md:8: command failed with exit status 1: fails-in shaky 1 2 3: call 1 fails
RETRY [TIME]  Shaky  (attempt 2 of 3)
               failed in x.md:8: command failed with exit status 1: fails-in shaky 1 2 3: call 2 fails

FAIL [TIME]  Shaky  (attempt 3 of 3)
  in x.md:8, scenario at x.md:5

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1 2 3

  command failed with exit status 1: fails-in shaky 1 2 3
  stderr of the command:
    │ call 3 fails

  rerun: greenroom run x.md --name Shaky

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  Shaky

"#]]);
    assert_eq!(calls(&project, "shaky"), 3);
}

#[test]
fn without_retries_there_is_one_attempt() {
    for arguments in [&["run", "x.md"][..], &["run", "--retries", "0", "x.md"]] {
        let project = project("", &[("Shaky", "", "fails-in shaky 1")]);
        let ran = project.run(arguments).code(1);
        assert!(!ran.stdout.contains("attempt"), "{}", ran.stdout);
        assert_eq!(calls(&project, "shaky"), 1);
    }
}

#[test]
fn a_flaky_scenario_can_fail() {
    let project = project("", &[("Shaky", "", "fails-in shaky 1")]);
    let arguments = ["run", "--retries", "3", "--flaky", "fail", "--events", "run.jsonl", "x.md"];
    let ran = project.run(arguments).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

RETRY [TIME]  Shaky  (attempt 1 of 4)
               failed in x.md:8: command failed with exit status 1: fails-in shaky 1: call 1 fails

FAIL [TIME]  Shaky  (attempt 2 of 4)
  in x.md:5

    ok [TIME]  given srcdir is in the PATH
    ok [TIME]  when I run fails-in shaky 1

  it is flaky: it passed only in attempt 2
  help: allow flaky scenarios with `--flaky warn`

  rerun: greenroom run x.md --name Shaky

  attempt 1 failed in x.md:8, scenario at x.md:5

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1

  command failed with exit status 1: fails-in shaky 1
  stderr of the command:
    │ call 1 fails

  rerun: greenroom run x.md --name Shaky --retries 0 --until-failure

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  Shaky

"#]]);
    let replayed = project.run(["report", "run.jsonl"]).code(1).stderr("");
    assert_eq!(replayed.stdout, ran.stdout);
}

#[test]
fn the_document_gives_retries_to_all_scenarios_or_to_labels() {
    let scenarios = [
        ("Network", " label=network", "fails-in network 1 2"),
        ("Both", " label=network label=slow", "fails-in both 1 2 3"),
        ("Other", " label=other", "fails-in other 1"),
    ];
    let project = project("retries: {network: 2, slow: 3}\n", &scenarios);
    let ran = project.run(["run", "x.md"]).code(1).stderr("");
    assert_eq!([calls(&project, "network"), calls(&project, "both"), calls(&project, "other")], [3, 4, 1]);
    assert!(ran.stdout.contains("FAILED: 1 of 3 scenarios failed, 2 passed (2 flaky), "), "{}", ran.stdout);
    let all = self::project("retries: 1\n", &scenarios);
    all.run(["run", "x.md"]).code(1);
    assert_eq!([calls(&all, "network"), calls(&all, "both"), calls(&all, "other")], [2, 2, 2]);
}

#[test]
fn the_command_line_wins_over_the_document() {
    let project = project("retries: 5\n", &[("Shaky", "", "fails-in shaky 1 2 3 4 5 6")]);
    project.run(["run", "--retries", "0", "x.md"]).code(1);
    assert_eq!(calls(&project, "shaky"), 1);
}

#[test]
fn mistakes_in_the_metadata_are_shown() {
    let scenarios = [("Network", " label=network", "true")];
    let refused = |metadata: &str, expected: snapbox::data::Inline| {
        project(metadata, &scenarios).refused(["run", "x.md"]).stderr(expected);
    };
    refused(
        "retries: -1\n",
        str![[r#"
error[bad-metadata]: `retries` must be a whole number from 0 to 100, not `-1`
 --> x.md:3:10
  |
3 | retries: -1
  |          ^^

1 error

"#]],
    );
    refused(
        "retries: 101\n",
        str![[r#"
error[bad-metadata]: `retries` must be a whole number from 0 to 100, not `101`
 --> x.md:3:10
  |
3 | retries: 101
  |          ^^^

1 error

"#]],
    );
    refused(
        "retries: [2]\n",
        str![[r#"
error[bad-metadata]: `retries` must be a number or a mapping of labels, not a list
 --> x.md:3:11
  |
3 | retries: [2]
  |           ^
  |
  = help: write `retries: 2` for all scenarios, or a number for each label: `retries: {network: 2}`

1 error

"#]],
    );
    refused(
        "retries:\n",
        str![[r#"
error[bad-metadata]: `retries` must be a number or a mapping of labels, not nothing
 --> x.md:3:8
  |
3 | retries:
  |        ^
  |
  = help: write `retries: 2` for all scenarios, or a number for each label: `retries: {network: 2}`

1 error

"#]],
    );
    refused(
        "retries: {network: twice, other: {}}\n",
        str![[r#"
error[bad-metadata]: `network` must be a whole number from 0 to 100, not `twice`
 --> x.md:3:20
  |
3 | retries: {network: twice, other: {}}
  |                    ^^^^^

error[bad-metadata]: `other` must be a whole number from 0 to 100, not a mapping
 --> x.md:3:34
  |
3 | retries: {network: twice, other: {}}
  |                                  ^

2 errors

"#]],
    );
    project("retries: {netwrok: 2}\n", &scenarios).run(["run", "x.md"]).code(0).stderr(str![[r#"
warning[unknown-label]: no scenario of this document has the label `netwrok`, so it has no retries
 --> x.md:3:11
  |
3 | retries: {netwrok: 2}
  |           ^^^^^^^
  |
  = help: did you mean `network`?

1 warning

"#]]);
}

#[test]
fn each_attempt_has_a_directory_of_its_own() {
    let text = document(
        "# Fresh\n~~~scenario\ngiven srcdir is in the PATH\nwhen I run sh -c \"test ! -e trace && touch trace\"\n\
         and I run fails-in fresh 1 2\n~~~\n",
    );
    let project = Project::anywhere().file("x.md", text).program("fails-in", FAILS_IN);
    project.run(["run", "--retries", "2", "x.md"]).passes();
}

#[test]
fn every_failed_attempt_is_kept() {
    let project = project("", &[("Shaky", "", "fails-in shaky 1 2")]);
    let ran = project.run(["run", "--retries", "1", "--keep", "-v", "x.md"]).code(1);
    let kept = ran.stdout.lines().filter(|line| line.trim_start().starts_with("kept: ")).collect::<Vec<_>>();
    assert_eq!(kept, ["  kept:  [RUN]/1/data", "  kept:  [RUN]/1.2/data"]);
}

#[test]
fn a_retry_comes_before_scenarios_that_have_not_begun() {
    let scenarios = [("Shaky", "", "fails-in calls 1 2"), ("Next", "", "fails-in calls 4")];
    let project = project("", &scenarios);
    // The fourth call is that of the next scenario only if all attempts came before.
    let ran = project.run(["run", "-j1", "--retries", "2", "x.md"]).passes();
    assert!(ran.stdout.contains("RETRY [TIME]  Next  (attempt 1 of 3)"), "{}", ran.stdout);
}

#[test]
fn fail_fast_counts_only_the_last_attempt() {
    let scenarios = [("Shaky", "", "fails-in shaky 1"), ("Broken", "", "false"), ("Never runs", "", "true")];
    project("", &scenarios).run(["run", "-j1", "--fail-fast", "--retries", "1", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

RETRY [TIME]  Shaky  (attempt 1 of 2)
               failed in x.md:8: command failed with exit status 1: fails-in shaky 1: call 1 fails

FLAKY [TIME]  Shaky  (passed in attempt 2 of 2)
  attempt 1 failed in x.md:8, scenario at x.md:5

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in shaky 1

  command failed with exit status 1: fails-in shaky 1
  stderr of the command:
    │ call 1 fails

  rerun: greenroom run x.md --name Shaky --retries 0 --until-failure

RETRY [TIME]  Broken  (attempt 1 of 2)
               failed in x.md:14: command failed with exit status 1: false

FAIL [TIME]  Broken  (attempt 2 of 2)
  in x.md:14, scenario at x.md:11

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run x.md --name Broken

1 scenario not run: an earlier scenario failed (--fail-fast)
FAILED: 1 of 3 scenarios failed, 1 passed (1 flaky), 1 not run, [TIME]
  failed  x.md:11  Broken
  flaky   x.md:5   Shaky

"#]]);
}

#[test]
fn a_scenario_that_could_not_start_is_not_retried() {
    // What another run has while it uses the port.
    let port = std::net::TcpListener::bind("localhost:0").unwrap().local_addr().unwrap().port();
    let name = SocketAddr::from_abstract_name(format!("greenroom-port-{port}")).unwrap();
    let _holder = UnixListener::bind_addr(&name).unwrap();
    let steps = format!("when I start \"sleep 9\" as a background process as d, on port {port}");
    let project = Project::anywhere().file("x.md", scenario(&steps));
    let ran = project.run(["run", "--sandbox", "tended", "--timeout", "300ms", "--retries", "2", "x.md"]).code(1);
    assert!(ran.stdout.contains("\nBROKEN [TIME]  The scenario  (attempt 1 of 3)\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("RETRY"), "{}", ran.stdout);
}

#[test]
fn an_interrupted_scenario_is_not_retried() {
    let program = "#!/bin/sh\necho up >\"$(dirname \"$0\")/fifo\"\nexec sleep 1000\n";
    let steps = "given srcdir is in the PATH\nwhen I run blocks";
    let project = Project::anywhere().file("x.md", scenario(steps)).program("blocks", program);
    let project = project.fifo("fifo");
    let started = project.start(["run", "--retries", "2", "x.md"]);
    Fifo::open(project.path("fifo")).line();
    started.signal(Signal::INT).finish().code(130).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

STOP [TIME]  The scenario
               stopped at x.md:8: when I run blocks

INTERRUPTED: 1 of 1 scenario not finished, [TIME]

"#]]);
}

#[test]
fn a_worker_that_dies_is_retried() {
    let text = document(
        "# Killed\n~~~scenario\ngiven srcdir is in the PATH\n\
         when I run sh -c 'fails-in worker 1 || kill -9 $PPID'\n~~~\n",
    );
    let project = Project::anywhere().file("x.md", text).program("fails-in", FAILS_IN);
    project.run(["run", "--retries", "1", "x.md"]).code(0).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

RETRY [TIME]  Killed  (attempt 1 of 2)
               failed in x.md:8: the process that runs its steps died: signal SIGKILL (out of memory?)

FLAKY [TIME]  Killed  (passed in attempt 2 of 2)
  attempt 1 failed in x.md:8, scenario at x.md:5

    ok [TIME]  given srcdir is in the PATH
    STOPPED           when I run sh -c 'fails-in worker 1 || kill -9 $PPID'

  the process that runs its steps died: signal SIGKILL (out of memory?)

  rerun: greenroom run x.md --name Killed --retries 0 --until-failure

1 scenario passed, 2 steps, [TIME] (1 flaky)
  flaky   x.md:5  Killed

"#]]);
}

#[test]
fn scenarios_repeat_round_by_round() {
    let project = project("", &[("One", "", "fails-in calls"), ("Two", "", "fails-in calls 4")]);
    project.run(["run", "-j1", "--repeat", "3", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, 3 times each, one at a time

PASS [TIME]  One (repetition 1 of 3)
PASS [TIME]  One (repetition 2 of 3)
PASS [TIME]  One (repetition 3 of 3)
PASS [TIME]  Two (repetition 1 of 3)

FAIL [TIME]  Two (repetition 2 of 3)
  in x.md:14, scenario at x.md:11

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in calls 4

  command failed with exit status 1: fails-in calls 4
  stderr of the command:
    │ call 4 fails

  rerun: greenroom run x.md --name Two

PASS [TIME]  Two (repetition 3 of 3)

FAILED: 1 of 6 scenarios failed, 5 passed, [TIME]
  failed  x.md:11  Two (repetition 2 of 3)

"#]]);
    assert_eq!(calls(&project, "calls"), 6);
}

#[test]
fn scenarios_repeat_until_one_fails() {
    let project = project("", &[("One", "", "fails-in calls"), ("Two", "", "fails-in calls 4")]);
    project.run(["run", "-j1", "--until-failure", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, 1000 times each, one at a time
passing scenarios are not listed; -v lists them

FAIL [TIME]  Two (repetition 2 of 1000)
  in x.md:14, scenario at x.md:11

    ok [TIME]  given srcdir is in the PATH
    FAILED [TIME]  when I run fails-in calls 4

  command failed with exit status 1: fails-in calls 4
  stderr of the command:
    │ call 4 fails

  rerun: greenroom run x.md --name Two

1996 scenarios not run: an earlier scenario failed (--until-failure)
FAILED: 1 of 2000 scenarios failed, 3 passed, 1996 not run, [TIME]
  failed  x.md:11  Two (repetition 2 of 1000)

"#]]);
    assert_eq!(calls(&project, "calls"), 4);
}

#[test]
fn a_run_until_failure_in_which_nothing_fails_passes_after_the_last_round() {
    let project = project("", &[("One", "", "fails-in calls")]);
    let ran = project.run(["run", "-j1", "--until-failure", "--repeat", "4", "x.md"]).passes();
    let has = |line: &str| assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
    has(": 1 scenario in x.md, 4 times each, one at a time\n");
    // Of two rounds, the processes of the second can be gone first.
    (1..=4).for_each(|round| has(&format!("  One (repetition {round} of 4)\n")));
    has("\n\n4 scenarios passed, 8 steps, ");
    assert_eq!(ran.stdout.matches("PASS ").count(), 4, "{}", ran.stdout);
    assert_eq!(calls(&project, "calls"), 4);
}

#[test]
fn repetitions_are_retried_too() {
    let project = project("", &[("Shaky", "", "fails-in shaky 2")]);
    let ran = project.run(["run", "-j1", "--repeat", "2", "--retries", "1", "x.md"]).passes();
    assert!(ran.stdout.contains("  Shaky (repetition 2 of 2)  (passed in attempt 2 of 2)\n"), "{}", ran.stdout);
    assert_eq!(calls(&project, "shaky"), 3);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let project = project("", &[("One", "", "true"), ("Two", "", "true")]);
    project.run(["run", "--repeat", "50001", "x.md"]).code(3).stdout("").stderr(str![[r#"
greenroom: --repeat 50001 is too often for 2 scenarios: the maximum is 50000, because all scenarios of a run together can run 100000 times

"#]]);
    for arguments in [["--retries", "-1"], ["--retries", "101"], ["--repeat", "0"], ["--repeat", "x"]] {
        project.run(["run", arguments[0], arguments[1], "x.md"]).code(3).stdout("");
    }
}
