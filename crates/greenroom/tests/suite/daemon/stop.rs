//! Steps that stop and restart daemons.

use snapbox::str;

use super::{fails, gone, holds, up};
use crate::support::{Project, document};

#[test]
fn a_daemon_can_be_stopped_twice_and_after_its_end() {
    holds(&up("when I stop background process up\n\
         when I stop background process up\n\
         then daemon up stdout is \"ready\\nbye\\n\""));
    holds(&gone("when I stop background process gone"));
}

#[test]
fn an_unknown_daemon_cannot_be_stopped() {
    fails!(
        &up("given a free port kept as pu\nwhen I stop background process ${pu}"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    ok [TIME]  given a free port kept as pu
    FAILED [TIME]  when I stop background process ${pu}

  no step of this scenario has started a daemon [..]
  help: did you mean up?

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready

  1 leftover process, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "given a free port kept as up\nwhen I stop background process ${up}",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given a free port kept as up
    FAILED [TIME]  when I stop background process ${up}

  no step of this scenario has started a daemon [..]

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_ignores_sigterm() {
    fails!(
        "given a daemon helper shell script deaf.py\nwhen I start \"./deaf.py\" as a background process as deaf\n\
         when I wait for daemon deaf to write \"ready\" to stdout\n\
         when I stop background process deaf, within 0.5 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script deaf.py
    ok [TIME]  when I start "./deaf.py" as a background process as deaf
    ok [TIME]  when I wait for daemon deaf to write "ready" to stdout
    FAILED [TIME]  when I stop background process deaf, within 0.5 seconds

  daemon deaf did not end within 500 ms of SIGTERM and was killed
  note: it had been running for [TIME]
  note: when the limit passed it was running "python3 ./deaf.py" (process [PID], asleep)
  stdout of daemon deaf:
    │ ready
  stdout of daemon deaf, after it was asked to end:
    │ not now
  help: correct its handling of SIGTERM; or give it more time: `when I stop background process deaf, within 30 seconds`

  daemon deaf: killed because it did not end after SIGTERM; signal SIGKILL after [TIME]
    command: ./deaf.py
    stdout of daemon deaf: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stopping_ends_the_process_group() {
    holds(
        "when I start \"sh -c 'sleep 4321 & echo ready; wait'\" as a background process as a\n\
         when I wait for daemon a to write \"ready\" to stdout\n\
         when I stop background process a\n\
         then there is no \"sleep 4321\" process",
    );
}

#[test]
fn daemons_that_died_unnoticed_are_listed_in_a_passing_run() {
    let scenarios = "
# No step looks
~~~scenario
when I start \"sh -c 'exit 3'\" as a background process as d
when I start \"true\" as a background process as fine
when I start \"sh -c 'kill -SEGV $$'\" as a background process as other
when I start \"sleep 0.1\" as a background process as last
when I wait for daemon last to end
~~~
# A step looks
~~~scenario
when I start \"false\" as a background process as d
when I wait for daemon d to end
~~~
# A step tries
~~~scenario
when I try to start \"false\" as d, on port 8080
then starting daemon fails with \"before it listened\"
~~~
# A step knows
~~~scenario
when I start \"sleep 1000\" as a background process as d
when I run pkill -f 'sleep 1000'
when I start \"sleep 1000\" as a background process as other
when I send signal USR1 to daemon other
when I wait for daemon other to end
~~~
# A step has sent the signal
~~~scenario
when I start \"sleep 1000\" as a background process as d
when I send signal KILL to daemon d
when I wait for daemon d to end
then daemon d has ended with exit status 0
~~~
";
    if let Some(project) = Project::sealed() {
        project.file("x.md", document(scenarios)).run(["run", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 5 scenarios in x.md, up to 256 at a time

PASS [TIME]  No step looks  (daemon d exited with status 3 after [TIME]; daemon other killed by SIGSEGV after [TIME]; greenroom did not send it; x.md:6)
PASS [TIME]  A step looks
PASS [TIME]  A step tries
PASS [TIME]  A step knows

FAIL [TIME]  A step has sent the signal
  in x.md:37, scenario at x.md:32

    ok [TIME]  when I start "sleep 1000" as a background process as d
    ok [TIME]  when I send signal KILL to daemon d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d has ended with exit status 0

  the end of daemon d is not as expected
    expected: exit status 0
    actual:   signal SIGKILL
              ^^^^^^^^^^^^^^

  daemon d: ended by SIGKILL from a step after [TIME]
    command: sleep 1000
    no output

  rerun: greenroom run x.md --name 'A step has sent the signal'

FAILED: 1 of 5 scenarios failed, 4 passed, [TIME]
  failed  x.md:32  A step has sent the signal

"#]]);
    }
}

#[test]
fn the_rest_of_a_process_group_is_killed() {
    fails!(
        "given a daemon helper shell script deaf.py\n\
         when I start \"sh -c './deaf.py & exec sleep 4321'\" as a background process as a\n\
         when I wait for daemon a to write \"ready\" to stdout\n\
         when I stop background process a, within 1 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script deaf.py
    ok [TIME]  when I start "sh -c './deaf.py & exec sleep 4321'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "ready" to stdout
    FAILED [TIME]  when I stop background process a, within 1 seconds

  daemon a ended, but other processes of its group did not end within 1 s of SIGTERM and were killed
  note: killed with it: python3 ./deaf.py
  stdout of daemon a:
    │ ready
  stdout of daemon a, after it was asked to end:
    │ not now
  help: correct its handling of SIGTERM; or give it more time: `when I stop background process a, within 30 seconds`

  daemon a: stopped by a step (signal SIGTERM)
    command: sh -c './deaf.py & exec sleep 4321'
    stdout of daemon a: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_process_whose_first_thread_ended_is_running() {
    let headless = "given a daemon helper shell script headless.py\n";
    let ready = "when I wait for daemon d to write \"ready\" to stdout\n";
    holds(&format!(
        "{headless}when I start \"./headless.py 8080\" as a background process as d, on port 8080\n\
         then daemon d is running\n\
         then a process \"headless.py 8080\" is running\n\
         when I stop background process d\n\
         then there is no \"headless.py\" process"
    ));
    fails_sealed!(
        &format!(
            "{headless}when I start \"sh -c './headless.py & exec sleep 4321'\" as a background process as d\n\
             {ready}then there is no \"headless\" process"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script headless.py
    ok [TIME]  when I start "sh -c './headless.py & exec sleep 4321'" as a background process as d
    ok [TIME]  when I wait for daemon d to write "ready" to stdout
    FAILED [TIME]  then there is no "headless" process

  a process "headless" is running
  note: process 4, running for [TIME]: python3 ./headless.py

  daemon d: still running at the end of the scenario
    command: sh -c './headless.py & exec sleep 4321'
    stdout of daemon d:
      │ ready

  2 leftover processes, stopped at the end:
    sleep 4321  (daemon d, running for [TIME])
    python3 ./headless.py  (running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_is_restarted() {
    holds(&up("when I restart daemon up\n\
         when I wait for daemon up to write \"ready\" to stdout\n\
         then daemon up stdout is \"ready\\n\"\n\
         when I stop background process up\n\
         then daemon up stdout is \"ready\\nbye\\n\""));
    holds(&gone(
        "when I restart daemon gone\nwhen I wait for daemon gone to end\nthen daemon gone stdout is \"working\\n\"",
    ));
    holds(
        "given a daemon helper shell script server.py\n\
         when I start \"./server.py web 127.0.0.1:8080\" as a background process as web, on port 8080\n\
         when I restart daemon web\n\
         then daemon web is running",
    );
    fails!(
        "given a free port kept as up\nwhen I restart daemon ${up}",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given a free port kept as up
    FAILED [TIME]  when I restart daemon ${up}

  no step of this scenario has started a daemon [..]

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_restart_that_waits_again_in_vain_says_so() {
    fails!(
        "when I start \"sh -c 'test -e ran && echo again || { touch ran; echo first; }; exec sleep 60'\" \
         as a background process as a\n\
         and I wait for daemon a to write \"first\" to stdout, for at most 2 seconds\n\
         and I restart daemon a",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'test -e ran && echo again || { touch ran; echo first; }; exec sleep 60'" as a background process as a
    ok [TIME]  and I wait for daemon a to write "first" to stdout, for at most 2 seconds
    FAILED [TIME]  and I restart daemon a

  daemon a did not write "first" to stdout within 2 s
  note: a restart waits again for what earlier steps waited for
  stdout of daemon a:
    │ again

  daemon a: still running at the end of the scenario
    command: sh -c 'test -e ran && echo again || { touch ran; echo first; }; exec sleep 60'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sleep 60  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_restart_fails() {
    fails!(
        "when I start \"sh -c 'test ! -e ran && touch ran && exec sleep 100'\" as a background process as once\n\
         when I wait for file ran to exist\n\
         when I restart daemon once\n\
         when I wait for daemon once to write \"ready\" to stdout",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'test ! -e ran && touch ran && exec sleep 100'" as a background process as once
    ok [TIME]  when I wait for file ran to exist
    ok [TIME]  when I restart daemon once
    FAILED [TIME]  when I wait for daemon once to write "ready" to stdout

  daemon once ended with exit status 1 without writing "ready" to stdout

  daemon once: exited with status 1 after [TIME]
    command: sh -c 'test ! -e ran && touch ran && exec sleep 100'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}
