//! Limits on output, and processes that are left running.

use std::fs;

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, document, names, scenario, with_programs};

#[test]
fn a_daemon_that_writes_more_than_the_limit_is_killed() {
    // The daemon waits for the step that must notice it.
    let steps = "when I run mkfifo gate\n\
                 when I start \"sh -c 'read go < gate; yes | head -c 500000000'\" as a background process as flood\n\
                 when I run sh -c 'echo > gate; sleep 1000'\n";
    let text = document(&format!(
        "# Flood\n~~~scenario\n{steps}~~~\n# Meanwhile\n~~~scenario\nwhen I run echo fine\n\
            then stdout is exactly \"fine\\n\"\n~~~\n"
    ));
    let text = text.replace("bindings:", "output_limit: 100k\nbindings:");
    let project = Project::anywhere().file("x.md", text);
    let ran = project.run(["run", "--keep", "x.md"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout.replace("      │ y\n", ""),
        str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

FAIL [TIME]  Flood
  in x.md:10, scenario at x.md:6

    ok [TIME]  when I run mkfifo gate
    ok [TIME]  when I start "sh -c 'read go < gate; yes | head -c 500000000'" as a background process as flood
    FAILED [TIME]  when I run sh -c 'echo > gate; sleep 1000'

  stdout of daemon flood exceeded the output limit of 100 KiB (= 102.4 kB); the processes that wrote to it were killed
  help: stop it from writing without end; if it is meant to write this much, raise the limit with `output_limit` in the document's metadata or `--output-limit`

  daemon flood: killed because its output exceeded the limit
    command: sh -c 'read go < gate; yes | head -c 500000000'
    stdout of daemon flood (last 10 lines, 102.4 kB before; -v shows more):

  kept:  [RUN]/1/data
  rerun: greenroom run x.md --name Flood

PASS [TIME]  Meanwhile

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  x.md:6  Flood

"#]],
    );
    let run = names(&project.tmp()).pop().unwrap();
    assert_eq!(fs::metadata(project.tmp().join(run).join("1/data/flood.stdout")).unwrap().len(), 102_400);
}

/// The open files of a process are hidden if it has more privileges than its user, or if its first
/// thread has ended.
#[test]
fn daemons_with_hidden_descriptors_have_the_limit_too() {
    let closed = "import ctypes, os; ctypes.CDLL(None).prctl(4, 0)\nwhile True: os.write(1, b\"y\" * 1000)";
    let scenarios = format!(
        "# Headless\n~~~scenario\ngiven a daemon helper shell script headless.py\n\
         when I start \"./headless.py flood\" as a background process as d\nwhen I run sleep 1000\n~~~\n\
         # Closed\n~~~scenario\ngiven a daemon helper shell script closed.py\n\
         when I start \"python3 closed.py\" as a background process as d\nwhen I run sleep 1000\n~~~\n\
         ~~~{{#closed.py .file}}\n{closed}\n~~~\n"
    );
    let text = with_programs(document(&scenarios)).replace("bindings:", "output_limit: 1M\nbindings:");
    let project = Project::anywhere().file("x.md", &text);
    let projects = [Some(project), Project::anywhere().file("x.md", &text).by_user(4321)];
    for project in projects.into_iter().flatten() {
        let screen = project.run(["run", "x.md"]).code(1).stderr("").stdout;
        assert_eq!(screen.matches("stdout of daemon d exceeded the output limit of 1 MiB").count(), 2, "{screen}");
        assert_eq!(screen.matches("daemon d: killed because its output exceeded").count(), 2, "{screen}");
    }
}

#[test]
fn output_below_the_limit_is_fine() {
    let steps = "when I start \"sh -c 'yes | head -c 500000'\" as a background process as much\n\
                 when I wait for daemon much to end\n\
                 then daemon much has ended with exit status 0\n\
                 when I run sh -c 'yes | head -c 500000'";
    let project = Project::anywhere().file("x.md", scenario(steps));
    project.run(["run", "--output-limit", "500000", "x.md"]).passes();
}

#[test]
fn a_command_has_the_limit_too() {
    let project = Project::anywhere().file("x.md", scenario("when I run sh -c 'yes >&2'"));
    let ran = project.run(["run", "--output-limit", "1M", "x.md"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout.replace("    │ y\n", ""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I run sh -c 'yes >&2'

  stderr of the command `sh -c 'yes >&2'` exceeded the output limit of 1 MiB (= 1.0 MB); the processes that wrote to it were killed
  stderr of the command (last 20 lines, 1.0 MB before; -v shows more):
  help: stop it from writing without end; if it is meant to write this much, raise the limit with `output_limit` in the document's metadata or `--output-limit`

  rerun: greenroom run --output-limit 1048576 x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]],
    );
}

#[test]
fn invalid_limits() {
    let project = Project::new().file("x.md", scenario("when I run true"));
    for (option, value) in [
        ("--output-limit", "0"),
        ("--output-limit", "-1"),
        ("--timeout", "-5s"),
        ("--timeout", "0"),
        ("--jobs", "-1"),
        ("--sandbox", "seeled"),
    ] {
        let ran = project.run(["run", "x.md", option, value]).code(3).stdout("");
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert!(
            first.starts_with(&format!("error: invalid value '{value}' for '{option}")) || first.contains("--jobs"),
            "{first}"
        );
    }
    let text = scenario("when I run true")
        .replace("bindings:", "output_limit: much\nstep_timeout: -3\nscenario_timeout: 0\nbindings:");
    Project::new().file("x.md", text).refused(["run", "x.md"]).stderr(str![[r#"
error[bad-metadata]: `output_limit`: `much` is not a size: write a whole number and `k`, `M` or `G`, such as `500k` or `64M`
 --> x.md:3:15
  |
3 | output_limit: much
  |               ^^^^

error[bad-metadata]: `step_timeout`: `-3` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`
 --> x.md:4:15
  |
4 | step_timeout: -3
  |               ^^

error[bad-metadata]: `scenario_timeout`: `0` is too short: it must be more than zero
 --> x.md:5:19
  |
5 | scenario_timeout: 0
  |                   ^

3 errors

"#]]);
}

#[test]
fn leftover_processes_can_be_a_failure() {
    let scenarios = "\
# Tidy
~~~scenario
when I start \"sleep 1000\" as a background process as d
when I stop background process d
~~~
# Untidy
~~~scenario
when I start \"sleep 1000\" as a background process as d
when I run sh -c 'sleep 2000 >/dev/null & :'
then a process \"^sleep 2000\" is running
~~~
";
    let project = Project::anywhere().file("x.md", document(scenarios));
    project.run(["run", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

PASS [TIME]  Tidy
PASS [TIME]  Untidy  (stopped at the end: d and sleep 2000)

2 scenarios passed, 5 steps, [TIME]

"#]]);
    project.run(["run", "--leftovers", "fail", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

PASS [TIME]  Tidy

FAIL [TIME]  Untidy
  in x.md:10

    ok [TIME]  when I start "sleep 1000" as a background process as d
    ok [TIME]  when I run sh -c 'sleep 2000 >/dev/null & :'
    ok [TIME]  then a process "^sleep 2000" is running

  it left 2 processes running
  help: stop them in the scenario, or allow them with `--leftovers warn`

  daemon d: still running at the end of the scenario
    command: sleep 1000
    no output

  2 leftover processes, stopped at the end:
    sleep 1000  (daemon d, running for [TIME])
    sleep 2000  (running for [TIME])

  rerun: greenroom run --leftovers fail x.md --name Untidy

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  x.md:10  Untidy

"#]]);
}

/// Processes in their own session, processes that a command left behind, and daemons that are
/// ending.
#[test]
fn every_process_that_exceeds_the_limit_is_noticed() {
    let scenarios = "\
# A process in a session of its own
~~~scenario
when I start \"sh -c 'setsid -f yes; sleep 1000'\" as a background process as d
when I run sleep 1000
~~~
# A process that a command has left behind
~~~scenario
when I run sh -c '(read word < $GATE; exec yes) &'
when I run sh -c 'echo go > $GATE; sleep 1000'
~~~
# While it ends
~~~scenario
given a daemon helper shell script floods.sh
when I start \"./floods.sh\" as a background process as d
when I wait for daemon d to write \"ready\" to stdout
~~~
~~~{#floods.sh .file}
#!/bin/sh
trap 'head -c 3000000 /dev/zero; exit 0' TERM
echo ready
while :; do sleep 1000 & wait; done
~~~
";
    let project = Project::anywhere().fifo("gate").file("x.md", document(scenarios));
    let gate = format!("GATE={}", project.path("gate").display());
    let ran = project.run(["run", "--keep", "--output-limit", "1M", "--env", &gate, "x.md"]).code(1).stderr("");
    let said: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("exceeded the output limit of")).collect();
    assert_eq!(said.len(), 3, "{}", ran.stdout);
    let run = names(&project.tmp()).pop().unwrap();
    for output in ["1/data/d.stdout", "3/data/d.stdout"] {
        assert_eq!(fs::metadata(project.tmp().join(&run).join(output)).unwrap().len(), 1 << 20, "{output}");
    }
}

#[test]
fn output_of_exactly_the_limit_is_fine() {
    let steps = "when I start \"sh -c 'head -c 1000 /dev/zero; echo >&2; exec sleep 1000'\" as a background process \
        as d\n\
                 when I wait for daemon d to write \"\\n\" to stderr\n\
                 when I send signal KILL to daemon d\nwhen I wait for daemon d to end\nwhen I run false";
    let project = Project::anywhere().file("x.md", scenario(steps));
    let ran = project.run(["run", "--output-limit", "1000", "x.md"]).code(1);
    assert!(!ran.stdout.contains("longer than the limit"), "{}", ran.stdout);
}

/// A process that ends by itself a moment after the last step was not left running.
#[test]
fn processes_about_to_end_are_not_leftovers() {
    let steps = "when I start \"sh -c 'setsid -f sleep 0.05; exec sleep 1000'\" as a background process as d\n\
                 when I stop background process d";
    let project = Project::anywhere().file("x.md", scenario(steps));
    for _ in 0..10 {
        project.run(["run", "-q", "--leftovers", "fail", "x.md"]).passes();
    }
}

/// The file is sparse: it takes no space, and an hour to read.
const HUGE: &str = "when I run sh -c 'truncate -s 4T big; truncate -s 4T too; echo made > $OUT'";

#[test]
fn a_file_that_takes_too_long_to_read_times_out() {
    for check in [
        "then file big doesn't contain \"x\"",
        "then files big and too on disk are identical",
        "then files big and too on disk are different",
    ] {
        let text = scenario(&format!("{HUGE}\n{check}")).replace("bindings:", "step_timeout: 300ms\nbindings:");
        let ran = Project::new().env("OUT", "/dev/null").file("x.md", text).run(["run", "x.md"]).code(1);
        let file = if check.contains("big and") { "too" } else { "big" };
        let message = format!("the step exceeded its time limit of 300 ms while waiting for the end of file {file}");
        assert!(ran.stdout.contains(&message), "{}", ran.stdout);
    }
}

#[test]
fn a_stopped_run_does_not_finish_reading_a_long_file() {
    let project = Project::new().fifo("out");
    let out = project.path("out");
    let project =
        project.env("OUT", &out).file("x.md", scenario(&format!("{HUGE}\nthen file big doesn't contain \"x\"")));
    let started = project.start(["run", "x.md"]);
    Fifo::open(out).line();
    started.signal(Signal::TERM).finish().code(130);
}

#[test]
fn limits_of_steps_that_the_document_ends_first_are_warned_of() {
    let text = "---\ntitle: T\nstep_timeout: 20s\nscenario_timeout: 30s\n\
                bindings: [lib/daemon.yaml, lib/runcmd.yaml, lib/http.yaml]\n...\n# S\n~~~scenario\n\
                given HTTP requests may take 20 seconds\n\
                and commands may take 19.9 seconds\n\
                and commands may take 40 seconds\n\
                and daemon a may take 21 seconds to end\n\
                when I start \"sleep 60\" as a background process as a\n\
                and I stop background process a, within 25 seconds\n\
                and I run, until it succeeds, for at most 100 seconds, true\n\
                then command took at most 600 seconds\n~~~\n";
    let project = Project::anywhere().file("x.md", text);
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[bad-limit]: the limit of 20 s is not below the time limit of the step, [TIME]
 --> x.md:9:30
  |
9 | given HTTP requests may take 20 seconds
  |                              ^^
  |
  = help: write less, or set `step_timeout` to more in the document's metadata

warning[bad-limit]: the limit of 40 s is not below the time limit of the step, [TIME]
  --> x.md:11:23
   |
11 | and commands may take 40 seconds
   |                       ^^
   |
   = help: write less, or set `step_timeout` to more in the document's metadata

warning[bad-limit]: the limit of 21 s is not below the time limit of the step, [TIME]
  --> x.md:12:23
   |
12 | and daemon a may take 21 seconds to end
   |                       ^^
   |
   = help: write less, or set `step_timeout` to more in the document's metadata

warning[bad-limit]: the limit of 25 s is not below the time limit of the step, [TIME]
  --> x.md:14:41
   |
14 | and I stop background process a, within 25 seconds
   |                                         ^^
   |
   = help: write less, or set `step_timeout` to more in the document's metadata

warning[bad-limit]: the limit of 1 m 40 s is not below the time limit of the step, [TIME]
  --> x.md:15:43
   |
15 | and I run, until it succeeds, for at most 100 seconds, true
   |                                           ^^^
   |
   = help: write less, or set `step_timeout` to more in the document's metadata

5 warnings

"#]]);
    project.run(["run", "x.md"]).code(0);
}
