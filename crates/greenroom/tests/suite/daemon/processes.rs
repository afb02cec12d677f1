//! Steps about the process table.

use snapbox::str;

use super::{fails, gone, holds, up};
use crate::support::{Project, scenario};

#[test]
fn no_process_matches() {
    holds("given there is no \"sleep 12765\" process");
    holds(&up("when I stop background process up\nthen there is no \"ready\" process"));
}

#[test]
fn a_process_matches_but_should_not() {
    fails_sealed!(
        "when I start \"sleep 12765\" as a background process as sleepy\nthen there is no \"sleep 1276\" process",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sleep 12765" as a background process as sleepy
    FAILED [TIME]  then there is no "sleep 1276" process

  a process "sleep 1276" is running
  note: process 3, running for [TIME]: sleep 12765

  daemon sleepy: still running at the end of the scenario
    command: sleep 12765
    no output

  1 leftover process, stopped at the end:
    sleep 12765  (daemon sleepy, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// While a process becomes another program it has no command line, and half of what this one does
/// is that.
#[test]
fn a_process_that_keeps_restarting_itself_is_always_seen() {
    let again = "\n~~~{#again .file}\n#!/bin/sh\nexec ./again \"$@\"\n~~~\n";
    let steps = "given a daemon helper shell script again
when I start \"./again and again\" as a background process as restless
then there is no \"and again\" process";
    let screen = Project::anywhere().file("x.md", scenario(steps) + again).run(["run", "x.md"]).code(1).stdout;
    assert!(screen.contains("a process \"and again\" is running\n  note: process "), "{screen}");
}

#[test]
fn the_end_of_a_daemon_is_timed_during_other_steps() {
    let steps = "when I start \"sh -c 'exit 7'\" as a background process as d\n\
                 when I start \"sleep 1\" as a background process as other\n\
                 when I wait for daemon other to end\n\
                 then daemon d is running";
    let project = Project::anywhere().file("x.md", scenario(steps));
    let mut run = project.start(["run", "x.md"]);
    let screen = std::io::read_to_string(run.take_stdout()).unwrap();
    run.finish().code(1);
    let after = screen.split_once("it ended with exit status 7 after ").and_then(|(_, rest)| rest.split_once('\n'));
    assert!(after.is_some_and(|(time, _)| time.ends_with(" ms")), "{screen}");
}

#[test]
fn a_process_is_running() {
    holds(
        "when I start \"sleep 12765\" as a background process as sleepy\n\
         then a process \"sleep 12765\" is running\n\
         and a process \"^sle+p [0-9]+$\" is running",
    );
}

#[test]
fn no_process_is_running_but_should_be() {
    fails!(
        "then a process \"sleep 12765\" is running",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  then a process "sleep 12765" is running

  no process "sleep 12765" is running
  note: this scenario has no running processes

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &gone("then a process \"sleep 12765\" is running"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then a process "sleep 12765" is running

  no process "sleep 12765" is running
  note: this scenario has no running processes
  note: daemon gone ended with exit status 3 after [TIME]
  stdout of daemon gone:
    │ working
  stderr of daemon gone:
    │ no config

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn an_invalid_regex_is_matched_literally() {
    holds("when I start \"sleep 100 0.5\" as a background process as a\nthen a process \"100 0.5\" is running");
    holds(
        "when I start \"sh -c 'sleep 100; : # ((['\" as a background process as a\nthen a process \"# (([\" is running",
    );
}
