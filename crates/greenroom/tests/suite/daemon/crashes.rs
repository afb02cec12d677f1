//! Daemons that crash while no step looks: `--crashes fail`.

use snapbox::str;

use crate::support::{Project, document};

/// Scenarios in which a daemon crashes unnoticed, by exit status, by signal, and before a step stops
/// or restarts it.
const UNNOTICED: &str = r#"
# Exits
~~~scenario
when I start "sh -c 'echo no config >&2; exit 3'" as a background process as web
when I start "sleep 0.1" as a background process as last
when I wait for daemon last to end
~~~
# Dies by signals
~~~scenario
when I start "sh -c 'kill -ABRT $$'" as a background process as web
when I start "sh -c 'exit 4'" as a background process as db
when I start "sleep 0.1" as a background process as last
when I wait for daemon last to end
~~~
# Is stopped too late
~~~scenario
when I start "sh -c 'exit 5'" as a background process as web
when I start "sleep 0.1" as a background process as last
when I wait for daemon last to end
when I stop background process web
~~~
# Is started again
~~~scenario
when I start "sh -c 'test -f mark && exec sleep 100; touch mark; echo first; exit 6'" as a background process as web
when I start "sleep 0.1" as a background process as last
when I wait for daemon last to end
when I restart daemon web
when I stop background process web
~~~
"#;

/// Scenarios whose daemons end as steps expect, or without a failure.
const FINE: &str = r#"
# Ends well
~~~scenario
when I start "true" as a background process as web
when I wait for daemon web to end
~~~
# Is expected to fail
~~~scenario
when I start "sh -c 'exit 7'" as a background process as web
when I wait for daemon web to end
then daemon web has ended with exit status 7
~~~
# Fails when it is stopped
~~~scenario
when I start "sh -c 'trap \"exit 6\" TERM; echo up; while :; do sleep 0.01; done'" as a background process as web
when I wait for daemon web to write "up" to stdout
when I stop background process web
~~~
# Fails when it is stopped at the end
~~~scenario
when I start "sh -c 'trap \"exit 6\" TERM; echo up; while :; do sleep 0.01; done'" as a background process as web
when I wait for daemon web to write "up" to stdout
~~~
# Is killed by a step
~~~scenario
when I start "sleep 1000" as a background process as web
when I send signal SEGV to daemon web
when I wait for daemon web to end
~~~
"#;

#[test]
fn an_unnoticed_crash_fails_its_scenario() {
    let Some(project) = Project::sealed() else { return };
    let project = project.file("x.md", document(UNNOTICED));
    project.run(["run", "--crashes", "fail", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, up to 256 at a time

FAIL [TIME]  Exits
  in x.md:6

    ok [TIME]  when I start "sh -c 'echo no config >&2; exit 3'" as a background process as web
    ok [TIME]  when I start "sleep 0.1" as a background process as last
    ok [TIME]  when I wait for daemon last to end

  daemon web crashed, and no step noticed it
  help: if that is as it should be, expect it: `when I wait for daemon web to end`, `then daemon web has ended with exit status 3`
  help: allow crashes with `--crashes warn`

  daemon web: exited with status 3 after [TIME]
    command: sh -c 'echo no config >&2; exit 3'
    stderr of daemon web:
      │ no config

  daemon last: exited with status 0 after [TIME]
    command: sleep 0.1
    no output

  rerun: greenroom run --crashes fail x.md --name Exits

FAIL [TIME]  Dies by signals
  in x.md:12

    ok [TIME]  when I start "sh -c 'kill -ABRT $$'" as a background process as web
    ok [TIME]  when I start "sh -c 'exit 4'" as a background process as db
    ok [TIME]  when I start "sleep 0.1" as a background process as last
    ok [TIME]  when I wait for daemon last to end

  2 daemons crashed, and no step noticed it: web, db
  help: if that is as it should be, expect it: `when I wait for daemon web to end`, `then daemon web has ended by signal SIGABRT`
  help: allow crashes with `--crashes warn`

  daemon web: killed by SIGABRT after [TIME]; greenroom did not send it
    command: sh -c 'kill -ABRT $$'
    no output

  daemon db: exited with status 4 after [TIME]
    command: sh -c 'exit 4'
    no output

  daemon last: exited with status 0 after [TIME]
    command: sleep 0.1
    no output

  rerun: greenroom run --crashes fail x.md --name 'Dies by signals'

FAIL [TIME]  Is stopped too late
  in x.md:19

    ok [TIME]  when I start "sh -c 'exit 5'" as a background process as web
    ok [TIME]  when I start "sleep 0.1" as a background process as last
    ok [TIME]  when I wait for daemon last to end
    ok [TIME]  when I stop background process web

  daemon web crashed, and no step noticed it
  help: if that is as it should be, expect it: `when I wait for daemon web to end`, `then daemon web has ended with exit status 5`
  help: allow crashes with `--crashes warn`

  daemon web: exited with status 5 after [TIME]
    command: sh -c 'exit 5'
    no output

  daemon last: exited with status 0 after [TIME]
    command: sleep 0.1
    no output

  rerun: greenroom run --crashes fail x.md --name 'Is stopped too late'

FAIL [TIME]  Is started again
  in x.md:26

    ok [TIME]  when I start "sh -c 'test -f mark && exec sleep 100; touch mark; echo first; exit 6'" as a background process as web
    ok [TIME]  when I start "sleep 0.1" as a background process as last
    ok [TIME]  when I wait for daemon last to end
    ok [TIME]  when I restart daemon web
    ok [TIME]  when I stop background process web

  daemon web crashed, and no step noticed it
  help: if that is as it should be, expect it: `when I wait for daemon web to end`, `then daemon web has ended with exit status 6`
  help: allow crashes with `--crashes warn`

  daemon web: exited with status 6 after [TIME]
    command: sh -c 'test -f mark && exec sleep 100; touch mark; echo first; exit 6'
    stdout of daemon web:
      │ first

  daemon last: exited with status 0 after [TIME]
    command: sleep 0.1
    no output

  daemon web: stopped by a step (signal SIGTERM)
    command: sh -c 'test -f mark && exec sleep 100; touch mark; echo first; exit 6'
    no output

  rerun: greenroom run --crashes fail x.md --name 'Is started again'

FAILED: 4 of 4 scenarios failed, [TIME]
  failed  x.md:6   Exits
  failed  x.md:12  Dies by signals
  failed  x.md:19  Is stopped too late
  failed  x.md:26  Is started again

"#]]);
    // The command that it shows fails again.
    project.run(["run", "-q", "--crashes", "fail", "x.md", "--name", "Exits"]).code(1).stderr("");
}

#[test]
fn an_unnoticed_crash_is_named_by_default() {
    let Some(project) = Project::sealed() else { return };
    let project = project.file("x.md", document(UNNOTICED));
    project.run(["run", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, up to 256 at a time

PASS [TIME]  Exits  (daemon web exited with status 3 after [TIME]; x.md:6)
PASS [TIME]  Dies by signals  (daemon web killed by SIGABRT after [TIME]; greenroom did not send it; daemon db exited with status 4 after [TIME]; x.md:12)
PASS [TIME]  Is stopped too late  (daemon web exited with status 5 after [TIME]; x.md:19)
PASS [TIME]  Is started again  (daemon web exited with status 6 after [TIME]; x.md:26)

4 scenarios passed, 16 steps, [TIME]

"#]]);
    project.run(["run", "-q", "--crashes", "warn", "x.md"]).passes().stdout(str![[r#"
PASS [TIME]  Exits  (daemon web exited with status 3 after [TIME]; x.md:6)
PASS [TIME]  Dies by signals  (daemon web killed by SIGABRT after [TIME]; greenroom did not send it; daemon db exited with status 4 after [TIME]; x.md:12)
PASS [TIME]  Is stopped too late  (daemon web exited with status 5 after [TIME]; x.md:19)
PASS [TIME]  Is started again  (daemon web exited with status 6 after [TIME]; x.md:26)
4 scenarios passed, 16 steps, [TIME]

"#]]);
}

#[test]
fn ends_that_steps_expect_are_not_crashes() {
    for sandbox in ["auto", "tended"] {
        let project = Project::anywhere().file("x.md", document(FINE));
        project.run(["run", "--crashes", "fail", "--sandbox", sandbox, "x.md"]).passes();
    }
}

#[test]
fn a_step_that_fails_is_the_reason_even_if_a_daemon_crashed() {
    let Some(project) = Project::sealed() else { return };
    let text = document(UNNOTICED).replace("when I stop background process web", "when I run false");
    project.file("x.md", text).run(["run", "--crashes=fail", "x.md", "-n", "too late"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Is stopped too late
  in x.md:24, scenario at x.md:19

    ok [TIME]  when I start "sh -c 'exit 5'" as a background process as web
    ok [TIME]  when I start "sleep 0.1" as a background process as last
    ok [TIME]  when I wait for daemon last to end
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon web: exited with status 5 after [TIME]
    command: sh -c 'exit 5'
    no output

  daemon last: exited with status 0 after [TIME]
    command: sleep 0.1
    no output

  rerun: greenroom run --crashes fail x.md --name 'Is stopped too late'

FAILED: 1 of 1 scenario failed, 3 left out by the filters, [TIME]
  failed  x.md:19  Is stopped too late

"#]]);
}
