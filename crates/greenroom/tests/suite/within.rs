//! `within N seconds` and `for N seconds` in front of `then` steps.

use std::fs;

use snapbox::str;

use crate::support::{Project, document, scenario};

#[test]
fn a_step_is_repeated_until_it_holds() {
    let text = scenario(
        "when I start \"sh -c 'sleep 0.3; echo hello > f; exec sleep 60'\" as a background process as v\n\
         then within 30 seconds file f contains \"hello\"\n\
         and within 30 seconds, running \"cat f\" prints \"hello\"\n\
         and within 1 second I can run test -e f\n\
         and for 0.2 seconds file f contains \"hello\"\n\
         and within 5 seconds file g does not exist\n\
         when I run, until it succeeds, for at most 30 seconds, cat f\n\
         then stdout contains \"hello\"",
    );
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn the_last_try_is_shown_in_full_with_how_the_value_changed() {
    let Some(project) = Project::sealed() else { return };
    let text = document(
        "# Never\n~~~scenario\n\
         when I start \"sh -c 'echo 1; sleep 0.3; echo 2; exec sleep 60'\" as a background process as w\n\
         and I wait for daemon w to write \"1\" to stdout\n\
         then within 1 seconds daemon w stdout is \"1\\n3\\n\"\n~~~\n\
         # Cut\n~~~scenario\nthen within 0.5 seconds I can run sleep 60\n~~~\n\
         # Command\n~~~scenario\ngiven file f\nthen within 0.5 seconds running \"cat f\" prints \"world\"\n~~~\n\
         ~~~{#f .file}\nhello\n~~~\n",
    );
    project.file("x.md", text).run(["run", "x.md", "-j", "1"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

FAIL [TIME]  Never
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo 1; sleep 0.3; echo 2; exec sleep 60'" as a background process as w
    ok [TIME]  and I wait for daemon w to write "1" to stdout
    FAILED [TIME]  then within 1 seconds daemon w stdout is "1\n3\n"

  stdout of daemon w is not as expected
  (- expected, + actual):
      1
    - 3
    + 2
  note: tried [..] times in [..]
  note: at first: `1`; after [..]: 2 lines, the last `2`

  daemon w: still running at the end of the scenario
    command: sh -c 'echo 1; sleep 0.3; echo 2; exec sleep 60'
    stdout of daemon w:
      │ 1
      │ 2

  1 leftover process, stopped at the end:
    [..]sleep 60  (daemon w, running for [TIME])

  rerun: greenroom run x.md --name Never

FAIL [TIME]  Cut
  in x.md:13, scenario at x.md:11

    FAILED [TIME]  then within 0.5 seconds I can run sleep 60

  the first try did not end within 500 ms while waiting for the command `sleep 60`

  rerun: greenroom run x.md --name Cut

FAIL [TIME]  Command
  in x.md:18, scenario at x.md:15

    ok [TIME]  given file f
    FAILED [TIME]  then within 0.5 seconds running "cat f" prints "world"

  stdout of the command does not contain the expected text
  expected to contain:
    │ world
  actual:
    │ hello
  note: the command `cat f` ended with exit status 0
  note: tried [..] times in [..]

  rerun: greenroom run x.md --name Command

FAILED: 3 of 3 scenarios failed, [TIME]
  failed  x.md:5   Never
  failed  x.md:11  Cut
  failed  x.md:15  Command

"#]]);
}

/// A look at processes has a second of its own, which a repeated one does not take.
#[test]
fn a_repeated_look_at_processes_names_them() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "when I start \"sleep 6161\" as a background process as s\n\
         then within 0.4 seconds a process \"sleep 6161\" is running\n\
         and within 0.4 seconds there is no \"sleep 6161\" process",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sleep 6161" as a background process as s
    ok [TIME]  then within 0.4 seconds a process "sleep 6161" is running
    FAILED [TIME]  and within 0.4 seconds there is no "sleep 6161" process

  a process "sleep 6161" is running
  note: process 3, running for [TIME]: sleep 6161
  note: tried [..] times in [..]

  daemon s: still running at the end of the scenario
    command: sleep 6161
    no output

  1 leftover process, stopped at the end:
    sleep 6161  (daemon s, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

/// Files that the scenario chose are shown with the failure, as they are then.
#[test]
fn files_are_shown_if_the_scenario_fails() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "given directory logs is shown if the scenario fails\n\
         and file app.log is shown if the scenario fails\n\
         and file missing is shown if the scenario fails\n\
         when I append \"started\\nfailed\\n\" to file logs/sub/a.log\n\
         and I append \"x\\0y\" to file logs/binary\n\
         and I append \"last words\\n\" to file app.log\n\
         then file nosuch does not exist\n\
         and file app.log is empty",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:14, scenario at x.md:5

    ok [TIME]  given directory logs is shown if the scenario fails
    ok [TIME]  and file app.log is shown if the scenario fails
    ok [TIME]  and file missing is shown if the scenario fails
    ok [TIME]  when I append "started\nfailed\n" to file logs/sub/a.log
    ok [TIME]  and I append "x\0y" to file logs/binary
    ok [TIME]  and I append "last words\n" to file app.log
    ok [TIME]  then file nosuch does not exist
    FAILED [TIME]  and file app.log is empty

  file app.log is not empty
  note: it has 11 bytes
  note: file logs/binary has 3 bytes, and is not text
  note: missing, which is shown if the scenario fails, does not exist
  file app.log:
    │ last words
  file logs/sub/a.log:
    │ started
    │ failed

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn what_cannot_come_true_any_more_is_not_tried_again() {
    let Some(project) = Project::sealed() else { return };
    let text = document(
        "# Ended\n~~~scenario\n\
         when I start \"sh -c 'echo 1; exit 3'\" as a background process as w\n\
         and I wait for daemon w to end\n\
         then within 200 seconds daemon w stdout contains \"2\"\n~~~\n\
         # Written\n~~~scenario\n\
         when I start \"sh -c 'echo 1; exec sleep 60'\" as a background process as w\n\
         and I wait for daemon w to write \"1\" to stdout\n\
         then within 200 seconds daemon w stdout doesn't contain \"1\"\n~~~\n",
    );
    let ran = project.file("x.md", text).run(["run", "x.md", "-j", "1"]).code(1);
    assert!(ran.stderr.contains("waiting cannot make this true"), "{}", ran.stderr);
    ran.stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

FAIL [TIME]  Ended
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo 1; exit 3'" as a background process as w
    ok [TIME]  and I wait for daemon w to end
    FAILED [TIME]  then within 200 seconds daemon w stdout contains "2"

  stdout of daemon w does not contain the expected text
  expected to contain:
    │ 2
  actual:
    │ 1
  note: daemon w has ended, with exit status 3
  note: tried once
  note: not tried again: daemon w has ended

  daemon w: exited with status 3 after [TIME]
    command: sh -c 'echo 1; exit 3'
    stdout of daemon w: see above

  rerun: greenroom run x.md --name Ended

FAIL [TIME]  Written
  in x.md:15, scenario at x.md:11

    ok [TIME]  when I start "sh -c 'echo 1; exec sleep 60'" as a background process as w
    ok [TIME]  and I wait for daemon w to write "1" to stdout
    FAILED [TIME]  then within 200 seconds daemon w stdout doesn't contain "1"

  stdout of daemon w contains text that it must not contain
  expected not to contain:
    │ 1
  actual:
    │ 1
  note: tried once
  note: not tried again: what daemon w has written stays in its output

  daemon w: still running at the end of the scenario
    command: sh -c 'echo 1; exec sleep 60'
    stdout of daemon w: see above

  1 leftover process, stopped at the end:
    [..]sleep 60  (daemon w, running for [TIME])

  rerun: greenroom run x.md --name Written

FAILED: 2 of 2 scenarios failed, [TIME]
  failed  x.md:5   Ended
  failed  x.md:11  Written

"#]]);
}

#[test]
fn a_step_has_to_hold_all_the_time() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "when I start \"sh -c 'sleep 0.5; echo 1; exec sleep 60'\" as a background process as w\n\
         then for 200 seconds daemon w stdout doesn't contain \"1\"",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'sleep 0.5; echo 1; exec sleep 60'" as a background process as w
    FAILED [TIME]  then for 200 seconds daemon w stdout doesn't contain "1"

  stdout of daemon w contains text that it must not contain
  expected not to contain:
    │ 1
  actual:
    │ 1
  note: it failed after [TIME], and held at [..] looks before

  daemon w: still running at the end of the scenario
    command: sh -c 'sleep 0.5; echo 1; exec sleep 60'
    stdout of daemon w: see above

  1 leftover process, stopped at the end:
    [..]sleep 60  (daemon w, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

/// Failed tries are in no report: the step has passed.
#[test]
fn failed_tries_are_in_no_report() {
    let text = scenario(
        "when I start \"sh -c 'sleep 0.3; touch f; exec sleep 60'\" as a background process as w\n\
         then within 30 seconds file f exists",
    );
    let project = Project::anywhere().file("x.md", text);
    project.run(["run", "x.md", "--events", "e.json", "--junit", "j.xml"]).code(0).stderr("");
    let read = |name: &str| fs::read_to_string(project.path(name)).unwrap();
    let (events, junit) = (read("e.json"), read("j.xml"));
    assert!(!events.contains("does not exist") && !junit.contains("<failure"), "{events}\n{junit}");
    assert!(events.contains("then within 30 seconds file f exists"), "{events}");
}

#[test]
fn steps_of_a_document_are_repeated_too() {
    let Some(project) = Project::sealed() else { return };
    let head = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [own.py]}\n...\n";
    let text = "# Counts\n~~~scenario\nthen within 30 seconds the counter is 4\n\
                and for 0.1 seconds the counter is big\n\
                and within reach of x\nand within 5 seconds exactly\n~~~\n\
                # Fails\n~~~scenario\nthen within 0.3 seconds the counter is 0\n~~~\n";
    let bindings = "\
        - then: the counter is {n:int}\n  impl: {python: {function: counter_is}}\n\
        - then: the counter is big\n  impl: {python: {function: is_big}}\n\
        - then: within reach of {x}\n  impl: {python: {function: reach}}\n\
        - then: within 5 seconds exactly\n  impl: {python: {function: exactly}}\n";
    let python = "\
count = 0
def counter_is(ctx, n):
    global count
    count += 1
    assert count == int(n), 'the counter is off'
def is_big(ctx):
    assert count > 3
def reach(ctx, x):
    assert x == 'x'
def exactly(ctx):
    pass
";
    let project = project.file("x.md", format!("{head}{text}")).file("own.yaml", bindings).file("own.py", python);
    project.run(["run", "x.md", "-j", "1"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

PASS [TIME]  Counts

FAIL [TIME]  Fails
  in x.md:15, scenario at x.md:13

    FAILED [TIME]  then within 0.3 seconds the counter is 0

  AssertionError: the counter is off
  note: count = [..]
  note: n = '0'
  note: tried [..] times in [..]
  where it failed:
    │   File "[PROJECT]/own.py", line 5, in counter_is
    │     assert count == int(n), 'the counter is off'

  rerun: greenroom run x.md --name Fails

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  x.md:13  Fails

"#]]);
}

#[test]
fn mistakes_are_reported_before_the_run() {
    let text = scenario(
        "when I run cat /dev/null\n\
         then within 0 seconds file x exists\n\
         and within 1e9 seconds file x exists\n\
         and within 300 seconds file x exists\n\
         and within ${q} seconds file x exists\n\
         and within 5 seconds stdout contains \"a\"\n\
         and for 1 seconds exit code is 0\n\
         and within 5 seconds for 3 seconds file x exists\n\
         and within 5 minutes file x exists\n\
         and file x exists, within 500 ms\n\
         and eventually file x exists\n\
         and within 5 seconds file x exits\n\
         and within 5 seconds starting the daemon succeeds\n\
         and within 5 seconds\n\
         when within 5 seconds I run ls\n\
         and within 5 seconds file x exists\n\
         when I run ls, until it succeeds, for at most 5 seconds",
    );
    Project::anywhere().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-limit]: invalid time limit: 0 seconds
 --> x.md:8:13
  |
8 | then within 0 seconds file x exists
  |             ^
  |
  = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[bad-limit]: invalid time limit: 1e9 seconds
 --> x.md:9:12
  |
9 | and within 1e9 seconds file x exists
  |            ^^^
  |
  = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[bad-limit]: `within 300 seconds` is not below the time limit of the step, 5 m 00 s
  --> x.md:10:12
   |
10 | and within 300 seconds file x exists
   |            ^^^
   |
   = help: write less, or set `step_timeout` to more in the document's metadata

error[unknown-name]: no earlier step keeps a value as `q`
  --> x.md:11:12
   |
11 | and within ${q} seconds file x exists
   |            ^^^^

error[never-changes]: the output of a command that has ended does not change
  --> x.md:12:1
   |
12 | and within 5 seconds stdout contains "a"
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: look at what runs in the background, or run the command for each look: `then within 5 seconds running "cat /dev/null" prints "a"`

error[never-changes]: how a command ended does not change
  --> x.md:13:1
   |
13 | and for 1 seconds exit code is 0
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: run the command for each look: `then within 5 seconds I can run cat /dev/null`

error[unknown-step]: this step says twice how it is repeated
  --> x.md:14:1
   |
14 | and within 5 seconds for 3 seconds file x exists
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write `within` if it must hold once, `for` if it must hold all the time; for both, two steps

error[unknown-step]: no binding matches this step
  --> x.md:15:1
   |
15 | and within 5 minutes file x exists
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the time in seconds: `within 300 seconds file x exists`

error[unknown-step]: no binding matches this step
  --> x.md:16:1
   |
16 | and file x exists, within 500 ms
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: put the time in front: `within 0.5 seconds file x exists`

error[unknown-step]: no binding matches this step
  --> x.md:17:1
   |
17 | and eventually file x exists
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: say for how long to try: `within 5 seconds file x exists`

error[unknown-step]: no binding matches this step
  --> x.md:18:1
   |
18 | and within 5 seconds file x exits
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: similar: `then file {filename:path} exists` in lib/files.yaml (built in)
   = help: similar: `then only files (?P<filenames>.+) exist` in lib/files.yaml (built in)
   = help: similar: `then file {filename:path} contains "{data:escapedtext}"` in lib/files.yaml (built in)

error[never-changes]: how a start went does not change
  --> x.md:19:1
   |
19 | and within 5 seconds starting the daemon succeeds
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: wait for the daemon instead: `when I wait for daemon NAME to listen on port PORT`

error[unknown-step]: no binding matches this step
  --> x.md:20:1
   |
20 | and within 5 seconds
   | ^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the step that is to hold behind it

error[repeated-act]: a `when` step is not repeated
  --> x.md:21:1
   |
21 | when within 5 seconds I run ls
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the step without `within 5 seconds`; a `then` step behind it can be repeated

error[repeated-act]: `within 5 seconds` needs a `then` step
  --> x.md:22:1
   |
22 | and within 5 seconds file x exists
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: begin the line with `then`

warning[no-shell]: everything after `I run` is passed to the program
  --> x.md:23:14
   |
23 | when I run ls, until it succeeds, for at most 5 seconds
   |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: to run it until it succeeds, write `I run, until it succeeds, for at most 5 seconds, COMMAND`

15 errors, 1 warning

"#]]);
}

#[test]
fn waiting_for_something_to_go_away_that_stays_is_a_warning() {
    let text = scenario(
        "when I start \"sh -c 'echo up; exec sleep 60'\" as a background process as w\n\
         then within 2 seconds daemon w stdout doesn't contain \"error\"\n\
         and for 0.1 seconds daemon w stdout doesn't contain \"error\"",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[never-changes]: waiting cannot make this true: what daemon w has written stays in its output
 --> x.md:8:1
  |
8 | then within 2 seconds daemon w stdout doesn't contain "error"
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: to check for a while that it does not come, write `for` instead of `within`

1 warning

"#]]);
}

/// Each look takes longer than the time, so there is one.
#[test]
fn a_look_that_ends_after_the_time_is_the_last_one() {
    let text = scenario(
        "then for 0.1 seconds I can run sh -c 'echo look >> log; sleep 0.3'\n\
         and file log contains \"look\"\nand file log has 1 line",
    );
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}
