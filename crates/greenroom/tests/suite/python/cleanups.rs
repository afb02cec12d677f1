//! Cleanups in Python, and the end of the host.

use std::time::{Duration, Instant};

use snapbox::str;

use super::{FUNCTIONS, document, project};
use crate::support::Project;

#[test]
fn cleanups_run_in_reverse_with_the_captures_of_their_steps() {
    let project = project();
    let path = project.path("out");
    let out = format!("OUT={}", path.display());
    let scenarios = "# Sums\n~~~scenario\nwhen I add 2\nand I add 3\nthen the sum is 6\n~~~\n";
    let project = project.file("x.md", document(scenarios));
    let ran = project.run(["run", "x.md", "--env", &out]).code(1).stderr("");
    ran.stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Sums
  in x.md:10, scenario at x.md:6

    ok [TIME]  when I add 2
    ok [TIME]  and I add 3
    FAILED [TIME]  then the sum is 6

  AssertionError: expected 5 == 6
  where it failed:
    │   File "[PROJECT]/steps.py", line 18, in total
    │     assert_eq(ctx["sum"], int(n))
  output of python functions before it:
    │ the sum is 2
    │ the sum is 5

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "2\n0\n");
}

#[test]
fn cleanups_that_fail_or_hang_do_not_keep_others_from_running() {
    let functions = "\
import os, time


def step(ctx, n=None):
    pass


def clear(ctx, n=None):
    with open(os.environ['OUT'], 'a') as out:
        print('cleared', n, file=out)


def hang(ctx):
    time.sleep(1000)


def fail(ctx):
    raise ValueError('cannot clear')


def exit(ctx):
    os._exit(4)
";
    let bindings: String = ["hang", "fail", "exit"]
        .map(|how| format!("- when: its cleanup does {how}\n  impl: {{python: {{function: step, cleanup: {how}}}}}\n"))
        .concat();
    let bindings = format!("- when: I do {{n}}\n  impl: {{python: {{function: step, cleanup: clear}}}}\n{bindings}");
    let document = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\nstep_timeout: 2s\n...\n\
        # The scenario\n\
        ~~~scenario\n\
        when I do one\n\
        when its cleanup does hang\n\
        when I do two\n\
        when its cleanup does fail\n\
        when its cleanup does exit\nwhen I do three\n~~~\n";
    let project = Project::new().file("steps.py", functions).file("own.yaml", bindings).file("x.md", document);
    let out = project.path("out");
    let ran = project.run(["run", "x.md", "--env", &format!("OUT={}", out.display())]).code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:13, scenario at x.md:7

    ok [TIME]  when I do one
    ok [TIME]  when its cleanup does hang
    ok [TIME]  when I do two
    ok [TIME]  when its cleanup does fail
    ok [TIME]  when its cleanup does exit
    ok [TIME]  when I do three
    FAILED [TIME]  cleanup after: when its cleanup does exit
    FAILED [TIME]  cleanup after: when its cleanup does fail
    FAILED [TIME]  cleanup after: when its cleanup does hang

  the cleanup after the step in x.md:13 failed: the python process that runs the steps has ended, with exit status 4

  the cleanup after the step in x.md:12 failed: ValueError: cannot clear
  where it failed:
    │   File "[PROJECT]/steps.py", line 18, in fail
    │     raise ValueError('cannot clear')

  the cleanup after the step in x.md:10 failed: the cleanup exceeded its time limit of 2 s while waiting for python function hang
  where it stood:
    │   File "[PROJECT]/steps.py", line 14, in hang
    │     time.sleep(1000)
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:7  The scenario

"#]],
    );
    assert_eq!(std::fs::read_to_string(out).unwrap(), "cleared three\ncleared two\ncleared one\n");
}

const AT_THE_END: &str = r#"
import atexit
import subprocess
import time

log = open(os.environ["OUT"] + "/log", "a")


def add(ctx, n=None):
    log.write(f"added {n}\n")


def subtract(ctx, n=None):
    pass


def at_the_end(how):
    if how == "writes":
        print("this is the end")
        with open(os.environ["OUT"] + "/ended", "a") as ended:
            ended.write("ended in " + os.path.relpath(os.getcwd(), os.environ["HOME"]) + "\n")
    if how == "hangs":
        time.sleep(1000)
    if how == "raises":
        raise ValueError("at the end")
    if how == "ends the child":
        child.kill()
        child.wait()
    if how == "starts a child":
        # The pipe is closed when the program has begun.
        subprocess.Popen(["sleep", "1000"])


def misbehaves(ctx, does=None):
    global child
    if does == "ends the child":
        child = subprocess.Popen(["sleep", "1000"])
    atexit.register(at_the_end, does)
"#;

/// Registered exit functions run, and open files are written.
#[test]
fn a_host_ends_as_a_program_does() {
    let ways = ["writes", "hangs", "raises", "ends the child", "starts a child"];
    let scenarios = ways.map(|how| format!("# It {how}\n~~~scenario\nwhen I add 2\nand it {how}\n~~~\n")).concat();
    let project = project().file("steps.py", format!("{FUNCTIONS}{AT_THE_END}")).file("out/ended", "");
    let out = format!("OUT={}", project.path("out").display());
    let project = project.file("x.md", document(&scenarios));
    let read = |name: &str| std::fs::read_to_string(project.path("out").join(name)).unwrap();
    let begun = Instant::now();
    project.run(["run", "x.md", "--env", &out]).code(0).stderr("").stdout(str![[r#"
greenroom [VERSION]: 5 scenarios in x.md, up to 256 at a time

PASS [TIME]  It writes
PASS [TIME]  It hangs
PASS [TIME]  It raises
PASS [TIME]  It ends the child
PASS [TIME]  It starts a child  (stopped at the end: sleep 1000)

5 scenarios passed, 10 steps, [TIME]

"#]]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(read("ended"), "ended in .\n");
    // The one that hangs has not come to it.
    assert_eq!(read("log"), "added 2\n".repeat(4));
    // A single scenario loads its files itself.
    project.run(["run", "x.md", "--env", &out, "--name", "It writes"]).passes();
    assert_eq!(read("ended"), "ended in .\n".repeat(2));
    assert_eq!(read("log"), "added 2\n".repeat(5));
}
