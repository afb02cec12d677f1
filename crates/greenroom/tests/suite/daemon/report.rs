//! What a run reports besides the failed step.

use snapbox::str;

use super::{fails, gone, holds, up};
use crate::support::{Project, scenario};

#[test]
fn a_daemon_dies_before_another_step_fails() {
    fails!(
        &gone("when I run false"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone:
      │ working
    stderr of daemon gone:
      │ no config

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn leftover_processes_are_listed() {
    fails_sealed!(
        &up("when I run setsid -f sleep 5432\nthen a process \"^sleep 5432\" is running\nwhen I run false"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:12, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    ok [TIME]  when I run setsid -f sleep 5432
    ok [TIME]  then a process "^sleep 5432" is running
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready

  2 leftover processes, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])
    sleep 5432  (running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn the_port_step_makes_one_connection() {
    holds(
        "given file count.py\nwhen I start \"python3 count.py\" as a background process as web, on port 8080\n\
         when daemon web has produced output\nthen daemon web stdout is \"connected, then b''\\n\"",
    );
}

#[test]
fn a_script_sees_its_name_as_written() {
    let project = Project::anywhere();
    let steps = "given a daemon helper shell script name.sh\nwhen I start \"./name.sh\" as a background process as a\n\
                 when I wait for daemon a to end\nthen daemon a stdout is \"./name.sh\\n\"";
    let text = scenario(steps) + "~~~{#name.sh .file}\n#!/bin/sh\necho $0\n~~~\n";
    project.file("x.md", text).run(["run", "x.md"]).passes();
}
