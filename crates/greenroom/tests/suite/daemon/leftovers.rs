//! Leftover processes that do not end when they are asked to, and ends that greenroom caused.

use snapbox::str;

use super::fails;
use crate::support::{Project, document, scenario, succeeds, with_programs};

/// Starts a daemon `deaf` that ignores SIGTERM, and one `polite` that does not.
const DEAF: &str = "given a daemon helper shell script deaf.py
when I start \"./deaf.py\" as a background process as deaf
when I start \"sleep 5432\" as a background process as polite
when I wait for daemon deaf to write \"ready\" to stdout
";

#[test]
fn a_leftover_daemon_that_ignores_sigterm_is_named_by_a_scenario_that_passes() {
    let deaf_child = "when I start \"sh -c '(trap : TERM; echo up; while :; do read line; done <>fifo) & wait'\" \
                      as a background process as parent\nwhen I wait for daemon parent to write \"up\" to stdout\n";
    let scenarios = format!(
        "# Deaf\n~~~scenario\n{DEAF}~~~\n# A child is deaf\n~~~scenario\nwhen I run mkfifo fifo\n{deaf_child}~~~\n\
         # Polite\n~~~scenario\nwhen I start \"sleep 5432\" as a background process as polite\n~~~\n"
    );
    let project = Project::anywhere().file("x.md", with_programs(document(&scenarios)));
    project.run(["run", "-j3", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, up to 3 at a time

PASS [TIME]  Deaf  (x.md:5; stopped at the end: polite; killed at the end: deaf did not end within 5.[..] s of SIGTERM; its last line after SIGTERM: not now)
PASS [TIME]  A child is deaf  (x.md:12; stopped at the end: parent; killed at the end: sh -c (trap : TERM; echo up; while :; do… (31 characters more) did not end within 5.[..] s of SIGTERM)
PASS [TIME]  Polite  (stopped at the end: polite)

help: make daemon deaf and sh -c (trap : TERM; echo up; while :; do… (31 characters more) end on SIGTERM; or stop them in the scenario with more time, `when I stop background process deaf, within 30 seconds`, or at once, `when I send signal SIGKILL to daemon deaf`
3 scenarios passed, 8 steps, [TIME]

"#]]);
    // Quiet runs name it too, but not the polite one.
    project.run(["run", "-q", "-j3", "x.md"]).passes().stdout(str![[r#"
PASS [TIME]  Deaf  (x.md:5; stopped at the end: polite; killed at the end: deaf did not end within 5.[..] s of SIGTERM; its last line after SIGTERM: not now)
PASS [TIME]  A child is deaf  (x.md:12; stopped at the end: parent; killed at the end: sh -c (trap : TERM; echo up; while :; do… (31 characters more) did not end within 5.[..] s of SIGTERM)
help: make daemon deaf and sh -c (trap : TERM; echo up; while :; do… (31 characters more) end on SIGTERM; or stop them in the scenario with more time, `when I stop background process deaf, within 30 seconds`, or at once, `when I send signal SIGKILL to daemon deaf`
3 scenarios passed, 8 steps, [TIME]

"#]]);
}

/// A program that writes to a file of the caller's how it ended.
const WORKER: &str = "import os, signal, sys, time
def end(*_):
    with open(os.environ['LOG'], 'a') as log:
        log.write('ended\\n')
    sys.exit()
signal.signal(signal.SIGTERM, end if sys.argv[1] == 'polite' else signal.SIG_IGN)
open(sys.argv[2], 'w').close()
while True:
    signal.pause()
";

#[test]
fn a_leftover_process_that_is_no_daemon_is_asked_to_end_too() {
    let steps = |steps: &str| format!("~~~scenario\ngiven file worker.py\n{steps}~~~\n");
    let document = [
        "# Of a command\n",
        &steps("when I run sh -c 'python3 worker.py polite up >&- 2>&- & until test -e up; do :; done'\n"),
        "# Stopped\n",
        &steps(
            "when I run sh -c 'python3 worker.py polite up >&- 2>&- & until test -e up; do :; done; kill -STOP $!'\n",
        ),
        "# Of a daemon\n",
        &steps(
            "when I start \"sh -c 'setsid python3 worker.py polite up & exec sleep 5432'\" \
             as a background process as d\n\
             when I wait for file up to exist\n",
        ),
        "# Deaf\n",
        &steps("when I run sh -c 'python3 worker.py deaf up >&- 2>&- & until test -e up; do :; done'\n"),
        &format!("~~~{{#worker.py .file}}\n{WORKER}~~~\n"),
    ];
    let project = Project::anywhere().file("x.md", crate::support::document(&document.concat())).file("log", "");
    let log = format!("LOG={}", project.path("log").display());
    project.run(["run", "-j4", "--env", &log, "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, up to 4 at a time

PASS [TIME]  Of a command  (stopped at the end: python3 worker.py polite up)
PASS [TIME]  Stopped  (stopped at the end: python3 worker.py polite up)
PASS [TIME]  Of a daemon  (stopped at the end: d and python3 worker.py polite up)
PASS [TIME]  Deaf  (x.md:21; killed at the end: python3 worker.py deaf up did not end within 5.[..] s of SIGTERM)

help: make python3 worker.py deaf up end on SIGTERM; or end it in the scenario with another signal
4 scenarios passed, 9 steps, [TIME]

"#]]);
    assert_eq!(std::fs::read_to_string(project.path("log")).unwrap(), "ended\n".repeat(3));
}

#[test]
fn a_leftover_daemon_that_ignores_sigterm_is_shown_with_a_failure_and_what_it_wrote() {
    fails!(
        &format!("{DEAF}when I run false"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script deaf.py
    ok [TIME]  when I start "./deaf.py" as a background process as deaf
    ok [TIME]  when I start "sleep 5432" as a background process as polite
    ok [TIME]  when I wait for daemon deaf to write "ready" to stdout
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon deaf: still running at the end of the scenario
    command: ./deaf.py
    stdout of daemon deaf:
      │ ready
    stdout of daemon deaf, after it was asked to end:
      │ not now

  daemon polite: still running at the end of the scenario
    command: sleep 5432
    no output

  2 leftover processes, stopped or killed at the end:
    python3 ./deaf.py  (daemon deaf, running for [TIME] when asked to end; killed 5.0 s later)
    sleep 5432  (daemon polite, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_that_a_step_could_not_stop_in_its_time_was_killed_by_greenroom() {
    let text = scenario(&format!("{DEAF}when I stop background process deaf"))
        .replace("title: Trial", "title: Trial\nstep_timeout: 1s");
    Project::anywhere().file("x.md", with_programs(text)).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:12, scenario at x.md:6

    ok [TIME]  given a daemon helper shell script deaf.py
    ok [TIME]  when I start "./deaf.py" as a background process as deaf
    ok [TIME]  when I start "sleep 5432" as a background process as polite
    ok [TIME]  when I wait for daemon deaf to write "ready" to stdout
    FAILED [TIME]  when I stop background process deaf

  the step exceeded its time limit of 1 s while waiting for daemon deaf to end
  note: when the limit passed it was running "python3 ./deaf.py" (process [PID], asleep)
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  daemon deaf: killed because it did not end after SIGTERM; signal SIGKILL after [TIME]
    command: ./deaf.py
    stdout of daemon deaf:
      │ ready
      │ not now

  daemon polite: still running at the end of the scenario
    command: sleep 5432
    no output

  1 leftover process, stopped at the end:
    sleep 5432  (daemon polite, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  The scenario

"#]]);
}

/// Succeeds if a process of this machine leaves a core dump.
const DUMPS: &str = "
import os, resource, signal, sys, tempfile
with tempfile.TemporaryDirectory() as directory:
    child = os.fork()
    if child == 0:
        os.chdir(directory)
        resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
        os.kill(os.getpid(), signal.SIGSEGV)
    sys.exit(not os.WCOREDUMP(os.waitpid(child, 0)[1]))
";

#[test]
fn core_dumps_are_named() {
    if !succeeds(&["python3", "-c", DUMPS]) {
        println!("skipped: this machine makes no core dumps");
        return;
    }
    let dumps = "sh -c 'ulimit -c unlimited; kill -SEGV $$'";
    fails!(
        &format!(
            "when I start \"{dumps}\" as a background process as d\nwhen I wait for daemon d to end\n\
             then daemon d has ended by signal SEGV\nwhen I run sh -c 'ulimit -c unlimited; kill -ABRT $$'"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'ulimit -c unlimited; kill -SEGV $$'" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    ok [TIME]  then daemon d has ended by signal SEGV
    FAILED [TIME]  when I run sh -c 'ulimit -c unlimited; kill -ABRT $$'

  command failed with signal SIGABRT (core dumped): sh -c 'ulimit -c unlimited; kill -ABRT $$'

  daemon d: killed by SIGSEGV (core dumped) after [TIME]; greenroom did not send it
    command: sh -c 'ulimit -c unlimited; kill -SEGV $$'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "when I start \"sh -c 'ulimit -c 0; kill -QUIT $$'\" as a background process as d\n\
         when I wait for daemon d to end\nthen daemon d has ended by signal SEGV",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'ulimit -c 0; kill -QUIT $$'" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d has ended by signal SEGV

  the end of daemon d is not as expected
    expected: signal SIGSEGV
    actual:   signal SIGQUIT
                        ^^^^

  daemon d: killed by SIGQUIT after [TIME]; greenroom did not send it
    command: sh -c 'ulimit -c 0; kill -QUIT $$'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}
