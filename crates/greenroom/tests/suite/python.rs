//! Documents that bring Python step functions.

#![expect(clippy::disallowed_methods, reason = "the host's own tests are run by Python")]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{Project, with_programs};

const BINDINGS: &str = "\
- when: I add {n:uint}
  impl: {python: {function: add, cleanup: subtract}}
- then: the sum is {n:uint}
  impl: {python: {function: total}}
- when: I shout {word}
  impl: {python: {function: shout}}
- when: I serve port {port}
  impl: {python: {function: serve}}
- then: python sees {text}
  impl: {python: {function: sees}}
- then: the log of daemon {name} has \"{text:text}\"
  impl: {python: {function: daemon_log_has}}
- given: python sets {name} to {value}
  impl: {python: {function: sets}}
- given: a copy of {file:file}
  impl: {python: {function: copies}}
- when: it {does:text}
  impl: {python: {function: misbehaves}}
";

const FUNCTIONS: &str = r#"
import os


def add(ctx, n=None):
    ctx["sum"] = ctx.get("sum", 0) + int(n)
    print("the sum is", ctx["sum"])


def subtract(ctx, n=None):
    ctx["sum"] -= int(n)
    with open(os.environ["OUT"], "a") as out:
        out.write(f"{ctx['sum']}\n")


def total(ctx, n=None):
    assert_eq = globals()["assert_eq"]
    assert_eq(ctx["sum"], int(n))


def shout(ctx, word=None):
    runcmd_run = globals()["runcmd_run"]
    runcmd_run(ctx, ["sh", "-c", "echo $MANNER " + word.upper()], env={**os.environ, "MANNER": "loudly"})
    globals()["runcmd_exit_code_is_zero"](ctx)


def serve(ctx, port=None):
    daemon_start_on_port = globals()["daemon_start_on_port"]
    daemon_start_on_port(ctx, name="web", path="./server.py", args=f"web 127.0.0.1:{port}", port=int(port))


def sees(ctx, text=None):
    seen = ctx.declare("_runcmd")["stdout"]
    assert text in seen, f"{text!r} is not in {seen!r}"


def daemon_log_has(ctx, name=None, text=None):
    with open(ctx.declare("_daemon")[name]["stdout"]) as log:
        assert text in log.read()


def sets(ctx, name=None, value=None):
    os.environ[name] = value


def copies(ctx, file=None):
    get_file = globals()["get_file"]
    with open(f"{file}.copy", "wb") as copy:
        copy.write(get_file(file))


def deeper(n):
    return deeper(n + 1) + 1


def misbehaves(ctx, does=None):
    print("it", does)
    if does == "exits":
        os._exit(7)
    if does == "raises SystemExit":
        raise SystemExit(3)
    if does == "kills itself":
        os.kill(os.getpid(), 9)
    if does == "recurses for ever":
        deeper(0)
    if does == "prints 100 MB":
        for _ in range(100):
            print("x" * 1000000)
    if does == "closes stdout":
        os.close(1)
        os.close(2)
    if does == "goes elsewhere":
        os.chdir("/")
    if does == "leaves a child":
        import subprocess
        subprocess.Popen(["sleep", "1000"])
    if does == "leaves a thread":
        import threading
        import time
        threading.Thread(target=time.sleep, args=(1000,)).start()
    if does == "writes to every descriptor":
        for fd in range(3, 4096):
            try:
                os.write(fd, b"nonsense\n")
            except OSError:
                pass
    if does == "closes every descriptor":
        os.closerange(0, 65536)
    if does == "kills its group":
        os.kill(0, 9)
    if does == "replaces what is built in":
        import builtins
        builtins.len = builtins.print = builtins.isinstance = None
        len(does)
    if does == "has a command fail":
        import subprocess
        subprocess.run(["sh", "-c", "echo so far; echo no further >&2; exit 3"], check=True, capture_output=True)
    if does == "fails and says why":
        answer = {"status": 404, "body": "lost"}
        assert answer["status"] == 200, "the shop is closed: %s" % answer["body"]
    if does == "fails":
        numbers = [1, 2]
        assert sum(numbers) == 4
"#;

fn project() -> Project {
    Project::anywhere().file("steps.py", FUNCTIONS).file("own.yaml", BINDINGS)
}

fn document(scenarios: &str) -> String {
    let head = "---\ntitle: Trial\nbindings: [own.yaml, lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n\
                impls: {python: [steps.py, lib/runcmd.py, lib/daemon.py]}\n...\n";
    with_programs(format!("{head}{scenarios}"))
}

#[test]
fn functions_and_native_steps_have_one_state() {
    let scenarios = "\
# Sums
~~~scenario
when I add 2
and I add 3
then the sum is 5
~~~
# Commands
~~~scenario
when I shout hello
then stdout is exactly \"loudly HELLO\\n\"
when I run echo native
then python sees native
~~~
# Variables
~~~scenario
given python sets COLOUR to green
when I run sh -c 'echo $COLOUR'
then stdout is exactly \"green\\n\"
~~~
# Files
~~~scenario
given a copy of fetch.py
and file fetch.py
then files fetch.py and fetch.py.copy match
~~~
# Daemons
~~~scenario
given a daemon helper shell script server.py
and file fetch.py
when I serve port 8098
and I run python3 fetch.py 127.0.0.1 8098
then stdout is exactly \"web\\n\"
and the log of daemon web has \"\"
when I stop background process web
then there is no \"server.py\" process
and there is no \"GREENROOM_CODE\" process
~~~
";
    let project = project();
    let out = format!("OUT={}", project.path("out").display());
    project.file("x.md", document(scenarios)).run(["run", "x.md", "--env", &out]).passes();
}

/// As published documents do it: a function that starts a daemon under one name each time, on a port of chance, and a cleanup
/// that stops the daemon of that name.
#[test]
fn a_function_that_starts_two_daemons_under_one_name() {
    let functions = "\
import socket

def start_app(ctx, answer=None):
    daemon_start_on_port = globals()['daemon_start_on_port']
    with socket.socket() as chance:
        chance.bind(('127.0.0.1', 0))
        ctx['port'] = chance.getsockname()[1]
    ctx[answer] = ctx['port']
    args = f' {answer} 127.0.0.1:{ctx[\"port\"]}'
    daemon_start_on_port(ctx, name='app', path='./server.py', args=args, port=ctx['port'])
    assert 'listening' in globals()['daemon_get_stdout'](ctx, 'app')
    assert list(ctx.declare('_daemon')) == ['app']

def stop_app(ctx, answer=None):
    daemon_stop = globals()['daemon_stop']
    daemon_stop(ctx, name='app')

def answers(ctx, answer=None):
    with socket.create_connection(('127.0.0.1', ctx[answer])) as app:
        assert app.recv(100) == answer.encode()
";
    let bindings = "\
- given: an app {answer}
  impl: {python: {function: start_app, cleanup: stop_app}}
- then: app {answer} answers
  impl: {python: {function: answers}}
";
    let scenario = "\
# Two apps
~~~scenario
given a daemon helper shell script server.py
and an app one
and an app two
then app one answers
and app two answers
~~~
";
    let project = Project::anywhere().file("steps.py", functions).file("own.yaml", bindings);
    project.file("x.md", document(scenario)).run(["run", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Two apps

1 scenario passed, 5 steps, [TIME]

"#]]);
}

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

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "2\n0\n");
}

const ELSEWHERE_BINDINGS: &str = "\
- when: I change to {path:path}
  impl: {python: {function: changes}}
- when: I change to {path:path} and run {argv0:word}
  impl: {python: {function: changes_and_runs}}
- when: I change to a directory that I remove
  impl: {python: {function: removes}}
- then: I am in {path:path} and at home in the scenario's directory
  impl: {python: {function: is_in}}
";

const ELSEWHERE_FUNCTIONS: &str = r#"
def changes(ctx, path=None):
    ctx["first"] = os.environ["HOME"]
    os.chdir(os.path.expandvars(path))


def changes_and_runs(ctx, path=None, argv0=None):
    changes(ctx, path)
    globals()["runcmd_run"](ctx, [argv0])


def removes(ctx):
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")


def is_in(ctx, path=None):
    assert_eq(os.getcwd(), os.path.realpath(os.path.join(ctx["first"], os.path.expandvars(path))))
    assert_eq(os.environ["HOME"], ctx["first"])
    assert_eq(os.environ["TMPDIR"], ctx["first"])
"#;

/// As in one process: where a function goes, all later steps are.
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
        # The scenario\n~~~scenario\nwhen I do one\nwhen its cleanup does hang\nwhen I do two\nwhen its cleanup does fail\n\
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

  the cleanup after the step in x.md:13 failed: the python process that carries out the steps has ended, with exit status 4

  the cleanup after the step in x.md:12 failed: ValueError: cannot clear
  where it failed:
    │   File "[PROJECT]/steps.py", line 18, in fail
    │     raise ValueError('cannot clear')

  the cleanup after the step in x.md:10 failed: the cleanup's time limit of 2 s has passed while waiting for python function hang
  help: give it more time with `step_timeout` in the document's metadata, if that is to be expected

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:7  The scenario

"#]],
    );
    assert_eq!(std::fs::read_to_string(out).unwrap(), "cleared three\ncleared two\ncleared one\n");
}

#[test]
fn a_function_that_changes_the_working_directory() {
    let scenarios = "\
# Below
~~~scenario
given a directory sub
when I write \"top\" to file greeting.txt
given executable file here.sh
and a daemon helper shell script server.py
when I change to sub
when I write \"below\" to file greeting.txt
given a directory deeper/still
then file greeting.txt contains \"below\"
and only files deeper, greeting.txt exist
when I run cat greeting.txt
then stdout is exactly \"below\"
when I run ../here.sh
then stdout contains \"/sub \"
when I run, in deeper, sh ../../here.sh
then stdout contains \"/sub/deeper \"
when I start \"../server.py web 127.0.0.1:8088\" as a background process as web, on port 8088
then file web.stdout exists
and I am in sub and at home in the scenario's directory
when I stop background process web
and I change to deeper/still
and I start \"sh -c 'pwd; exec sleep 100'\" as a background process as other
and daemon other has produced output
then daemon other stdout contains \"/sub/deeper/still\"
and file other.stdout exists
when I remove file other.stdout
and I change to ../../.. and run pwd
then stdout doesn't contain \"sub\"
and file sub/web.stdout exists
and file greeting.txt contains \"top\"
~~~
# Within one step
~~~scenario
given a directory sub
when I change to sub and run pwd
then stdout matches regex /sub\\n$
and I am in sub and at home in the scenario's directory
~~~
# Elsewhere
~~~scenario
when I change to $OUT
then file there.txt contains \"there\"
when I run cat there.txt
then stdout is exactly \"there\\n\"
when I write \"written\" to file written.txt
when I start \"sh -c pwd\" as a background process as other
and daemon other has produced output
then only files link, there.txt, written.txt exist
and I am in $OUT and at home in the scenario's directory
when I write \"x\" to file link/x
~~~
# Absent names are said to be
~~~scenario
given a directory sub
when I change to sub
when I write \"\" to file one.txt
then file two.txt exists
~~~
# Gone, and a file
~~~scenario
when I change to a directory that I remove
when I write \"x\" to file x
~~~
# Gone, and a command
~~~scenario
when I change to a directory that I remove
and I run true
~~~
# Gone, and a command of a function
~~~scenario
when I change to a directory that I remove
and I change to . and run true
~~~
# Gone, and a daemon
~~~scenario
when I change to a directory that I remove
and I start \"sleep 100\" as a background process as it
~~~
# Gone, and back
~~~scenario
when I change to a directory that I remove
when I change to $HOME
when I write \"x\" to file x
~~~
~~~{#here.sh .file}
#!/bin/sh
echo $(pwd) $(basename $HOME)
~~~
";
    let bindings = format!("{BINDINGS}{ELSEWHERE_BINDINGS}");
    let functions = format!("{FUNCTIONS}{ELSEWHERE_FUNCTIONS}");
    let project = project().file("own.yaml", bindings).file("steps.py", functions).file("out/there.txt", "there\n");
    std::os::unix::fs::symlink("..", project.path("out/link")).unwrap();
    let (path, out) = (project.path("out"), format!("OUT={}", project.path("out").display()));
    let project = project.file("x.md", document(scenarios));
    project.run(["run", "x.md", "--env", &out]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 9 scenarios in x.md, up to 32 at a time

PASS [TIME]  Below  (ended what it left running: other)
PASS [TIME]  Within one step

FAIL [TIME]  Elsewhere
  in x.md:56, scenario at x.md:45

    ok [TIME]  when I change to $OUT
    ok [TIME]  then file there.txt contains "there"
    ok [TIME]  when I run cat there.txt
    ok [TIME]  then stdout is exactly "there\n"
    ok [TIME]  when I write "written" to file written.txt
    ok [TIME]  when I start "sh -c pwd" as a background process as other
    ok [TIME]  and daemon other has produced output
    ok [TIME]  then only files link, there.txt, written.txt exist
    ok [TIME]  and I am in $OUT and at home in the scenario's directory
    FAILED [TIME]  when I write "x" to file link/x

  link/x is outside of the working directory [PROJECT]/out
  note: the symbolic link link leads out of it

  daemon other: ended by itself with exit status 0 after [TIME]
    command: sh -c pwd
    stdout of daemon other:
      │ [PROJECT]/out

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name Elsewhere

FAIL [TIME]  Absent names are said to be
  in x.md:63, scenario at x.md:58

    ok [TIME]  given a directory sub
    ok [TIME]  when I change to sub
    ok [TIME]  when I write "" to file one.txt
    FAILED [TIME]  then file two.txt exists

  there is no file two.txt
  note: the working directory sub has one.txt

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Absent names are said to be'

FAIL [TIME]  Gone, and a file
  in x.md:68, scenario at x.md:65

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  when I write "x" to file x

  the working directory gone does not exist any more
  note: a step has changed to it before

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a file'

FAIL [TIME]  Gone, and a command
  in x.md:73, scenario at x.md:70

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  and I run true

  the working directory gone does not exist any more
  note: a step has changed to it before

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a command'

FAIL [TIME]  Gone, and a command of a function
  in x.md:78, scenario at x.md:75

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  and I change to . and run true

  FileNotFoundError: [Errno 2] No such file or directory
  note: the working directory [RUN]/7/data/gone does not exist any more
  where it failed:
    │   File "[PROJECT]/steps.py", line 112, in changes_and_runs
    │     globals()["runcmd_run"](ctx, [argv0])

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a command of a function'

FAIL [TIME]  Gone, and a daemon
  in x.md:83, scenario at x.md:80

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  and I start "sleep 100" as a background process as it

  the working directory gone does not exist any more
  note: a step has changed to it before

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a daemon'

PASS [TIME]  Gone, and back

FAILED: 6 of 9 scenarios failed, 3 passed, [TIME]
  failed  x.md:45  Elsewhere
  failed  x.md:58  Absent names are said to be
  failed  x.md:65  Gone, and a file
  failed  x.md:70  Gone, and a command
  failed  x.md:75  Gone, and a command of a function
  failed  x.md:80  Gone, and a daemon

"#]]);
    assert_eq!(crate::support::names(&path), ["link", "there.txt", "written.txt"]);
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

/// What the functions have registered for the end of the program, and files that are not written out yet.
#[test]
fn the_end_of_a_program() {
    let ways = ["writes", "hangs", "raises", "ends the child", "starts a child"];
    let scenarios = ways.map(|how| format!("# It {how}\n~~~scenario\nwhen I add 2\nand it {how}\n~~~\n")).concat();
    let project = project().file("steps.py", format!("{FUNCTIONS}{AT_THE_END}")).file("out/ended", "");
    let out = format!("OUT={}", project.path("out").display());
    let project = project.file("x.md", document(&scenarios));
    let read = |name: &str| std::fs::read_to_string(project.path("out").join(name)).unwrap();
    let begun = Instant::now();
    project.run(["run", "x.md", "--env", &out]).code(0).stderr("").stdout(str![[r#"
greenroom [VERSION]: 5 scenarios in x.md, up to 32 at a time

PASS [TIME]  It writes
PASS [TIME]  It hangs
PASS [TIME]  It raises
PASS [TIME]  It ends the child
PASS [TIME]  It starts a child  (ended what it left running: sleep 1000)

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

#[test]
fn functions_that_misbehave() {
    let ways = [
        "exits",
        "raises SystemExit",
        "kills itself",
        "recurses for ever",
        "prints 100 MB",
        "closes stdout",
        "goes elsewhere",
        "leaves a child",
        "leaves a thread",
        "writes to every descriptor",
        "closes every descriptor",
        "kills its group",
        "replaces what is built in",
        "has a command fail",
        "fails and says why",
        "fails",
    ];
    let scenarios = ways.map(|how| format!("# It {how}\n~~~scenario\nwhen it {how}\n~~~\n")).concat();
    let scenarios = format!("{scenarios}# All is well\n~~~scenario\nwhen I add 2\nthen the sum is 2\n~~~\n");
    let project = project();
    let out = format!("OUT={}", project.path("out").display());
    let ran = project.file("x.md", document(&scenarios)).run(["run", "x.md", "--env", &out]).code(1).stderr("");
    // Long lines, and those that only a version of Python has.
    let lines = ran.stdout.lines().filter(|line| !line.contains("~~~^") && !line.contains("^^^^"));
    let lines = lines.map(|line| line.chars().take(160).collect::<String>());
    // How much more it wrote than it may before it died.
    let lines =
        lines.map(|line| line.find("(last 1 line, ").map_or(line.clone(), |at| format!("{}(...)", &line[..at])));
    let screen: String = lines.map(|line| line + "\n").collect();
    crate::support::same(
        &screen,
        str![[r#"
greenroom [VERSION]: 17 scenarios in x.md, up to 32 at a time

FAIL [TIME]  It exits
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when it exits

  the python process that carries out the steps has ended, with exit status 7
  output of the python function:
    │ it exits

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It exits'

FAIL [TIME]  It raises SystemExit
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  when it raises SystemExit

  SystemExit: 3
  where it failed:
    │   File "[PROJECT]/steps.py", line 61, in misbehaves
    │     raise SystemExit(3)
  output of the python function:
    │ it raises SystemExit

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It raises SystemExit'

FAIL [TIME]  It kills itself
  in x.md:16, scenario at x.md:14

    FAILED [TIME]  when it kills itself

  the python process that carries out the steps has ended, with signal SIGKILL
  output of the python function:
    │ it kills itself

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It kills itself'

FAIL [TIME]  It recurses for ever
  in x.md:20, scenario at x.md:18

    FAILED [TIME]  when it recurses for ever

  RecursionError: maximum recursion depth exceeded
  where it failed (last 20 lines, 1.9 kB before):
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
  output of the python function:
    │ it recurses for ever

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It recurses for ever'

FAIL [TIME]  It prints 100 MB
  in x.md:24, scenario at x.md:22

    FAILED [TIME]  when it prints 100 MB

  output of the python steps was longer than the limit of 64 MiB; whatever had it open was killed
  output of the python function (...)
    │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
  help: let it have more with `output_limit` in the document's metadata or `--output-limit`, or have it write less

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It prints 100 MB'

PASS [TIME]  It closes stdout
PASS [TIME]  It goes elsewhere
PASS [TIME]  It leaves a child  (ended what it left running: sleep 1000)
PASS [TIME]  It leaves a thread

FAIL [TIME]  It writes to every descriptor
  in x.md:44, scenario at x.md:42

    FAILED [TIME]  when it writes to every descriptor

  the python process that carries out the steps wrote `nonsense` to its socket
  note: its socket is for the step host alone; a function must not use it
  output of the python function:
    │ it writes to every descriptor

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It writes to every descriptor'

FAIL [TIME]  It closes every descriptor
  in x.md:48, scenario at x.md:46

    FAILED [TIME]  when it closes every descriptor

  the python process that carries out the steps has ended, with exit status 70
  note: it does so with 70 when its socket has been closed; a function must not close what it has not opened
  output of the python function:
    │ it closes every descriptor

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It closes every descriptor'

FAIL [TIME]  It kills its group
  in x.md:52, scenario at x.md:50

    FAILED [TIME]  when it kills its group

  the python process that carries out the steps has ended, with signal SIGKILL
  output of the python function:
    │ it kills its group

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It kills its group'

FAIL [TIME]  It replaces what is built in
  in x.md:56, scenario at x.md:54

    FAILED [TIME]  when it replaces what is built in

  TypeError: (cannot be shown: TypeError)
  output of the python function:
    │ it replaces what is built in

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It replaces what is built in'

FAIL [TIME]  It has a command fail
  in x.md:60, scenario at x.md:58

    FAILED [TIME]  when it has a command fail

  subprocess.CalledProcessError: Command '['sh', '-c', 'echo so far; echo no further >&2; exit 3']' returned non-zero exit status 3.
  where it failed:
    │   File "[PROJECT]/steps.py", line 97, in misbehaves
    │     subprocess.run(["sh", "-c", "echo so far; echo no further >&2; exit 3"], check=True, capture_output=True)
    │   ... 1 in subprocess
  stdout of the command:
    │ so far
  stderr of the command:
    │ no further
  output of the python function:
    │ it has a command fail

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It has a command fail'

FAIL [TIME]  It fails and says why
  in x.md:64, scenario at x.md:62

    FAILED [TIME]  when it fails and says why

  AssertionError: the shop is closed: lost
  note: answer["status"] = 404
  where it failed:
    │   File "[PROJECT]/steps.py", line 100, in misbehaves
    │     assert answer["status"] == 200, "the shop is closed: %s" % answer["body"]
  output of the python function:
    │ it fails and says why

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It fails and says why'

FAIL [TIME]  It fails
  in x.md:68, scenario at x.md:66

    FAILED [TIME]  when it fails

  AssertionError: assert sum(numbers) == 4
  note: numbers = [1, 2]
  where it failed:
    │   File "[PROJECT]/steps.py", line 103, in misbehaves
    │     assert sum(numbers) == 4
  output of the python function:
    │ it fails

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It fails'

PASS [TIME]  All is well

FAILED: 12 of 17 scenarios failed, 5 passed, [TIME]
  failed  x.md:6   It exits
  failed  x.md:10  It raises SystemExit
  failed  x.md:14  It kills itself
  failed  x.md:18  It recurses for ever
  failed  x.md:22  It prints 100 MB
  failed  x.md:42  It writes to every descriptor
  failed  x.md:46  It closes every descriptor
  failed  x.md:50  It kills its group
  failed  x.md:54  It replaces what is built in
  failed  x.md:58  It has a command fail
  failed  x.md:62  It fails and says why
  failed  x.md:66  It fails

"#]],
    );
}

#[test]
fn files_that_cannot_be_loaded() {
    for (text, expected) in [
        (
            "import nosuch_module\ndef add(ctx, n=None):\n    pass\nsubtract = add\n",
            str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Sums
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when I add 2

  ModuleNotFoundError: No module named 'nosuch_module'
  note: python is [PYTHON]
  where it failed:
    │   File "[PROJECT]/steps.py", line 1
    │     import nosuch_module
  help: install it for that Python (`python3 -m pip install NAME`), or choose another one with `--python PATH`

  rerun: greenroom run x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]],
        ),
        (
            "raise ValueError('not today')\nfrom os import *\n",
            str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Sums
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when I add 2

  ValueError: not today
  where it failed:
    │   File "[PROJECT]/steps.py", line 1
    │     raise ValueError('not today')

  rerun: greenroom run x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]],
        ),
    ] {
        let project = project().file("steps.py", text);
        let scenarios = "# Sums\n~~~scenario\nwhen I add 2\n~~~\n";
        project.file("x.md", document(scenarios)).run(["run", "x.md"]).code(1).stderr("").stdout(expected);
    }
}

/// Its programs and packages are those of the environment that it is in, wherever it is named from.
#[test]
fn a_virtual_environment() {
    let Some(project) = Project::sealed() else { return };
    let made = Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(project.path("environment"))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: this Python makes no virtual environments");
        return;
    }
    let versions = crate::support::names(&project.path("environment/lib"));
    let packages = format!("environment/lib/{}/site-packages", versions[0]);
    let project = project
        .file(&format!("{packages}/greeting.py"), "TEXT = 'hello'\n")
        .file(
            "steps.py",
            "import greeting\n\n\ndef add(ctx, n=None):\n    assert greeting.TEXT == 'hello'\n\n\nsubtract = add\n",
        )
        .file("own.yaml", BINDINGS)
        .file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    project.run(["run", "x.md", "--python", "environment/bin/python3"]).passes();
    project.run(["run", "x.md"]).code(1);
}

#[test]
fn no_python() {
    let scenarios = "# Sums\n~~~scenario\nwhen I add 2\n~~~\n";
    let project = project().file("x.md", document(scenarios));
    project.refused(["run", "x.md", "--python", "nosuch-python"]).stderr(str![[r#"
error[no-python]: program not found: nosuch-python
 --> x.md:8:1
  |
8 | when I add 2
  | ^^^^^^^^^^^^ this step is carried out in Python
  |
  = help: install Python, or say where it is with `--python PATH`

1 error

"#]]);
    // It is not wanted where no step is in Python.
    let project = project.file("x.md", document("# Native\n~~~scenario\nwhen I run true\n~~~\n"));
    project.run(["run", "x.md", "--python", "nosuch-python"]).passes();
}

/// The host's side of the protocol has tests of its own, in its own language.
#[test]
fn the_host_for_python_keeps_the_protocol() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../steps/src/host/python/test_python.py");
    let ran = Command::new("python3").arg(tests).env("PATH", "/usr/local/bin:/usr/bin:/bin").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

const LOOSE: &str = "\
def add(ctx, m=None):
    pass


def total(ctx, n, extra):
    pass


def other(ctx):
    pass


def takes_all(ctx, **captures):
    pass
";

const LOOSE_BINDINGS: &str = "\
- when: I add {n:uint}
  impl: {python: {function: add}}
- then: the sum is {n:uint}
  impl: {python: {function: total}}
- then: others
  impl: {python: {function: othr}}
- then: all of {this} and {that}
  impl: {python: {function: takes_all}}
- then: what greenroom has
  impl: {python: {function: runcmd_exit_code_is_zero}}
";

/// Nothing of the files is carried out for it.
#[test]
fn functions_that_do_not_fit_their_bindings() {
    let steps = "when I add 2\nthen the sum is 5\nthen others\nthen all of this and that\nthen what greenroom has";
    let project = Project::new().file("own.yaml", LOOSE_BINDINGS);
    let project = project.file("x.md", document(&format!("# Sums\n~~~scenario\n{steps}\n~~~\n")));
    let project = project.file("steps.py", format!("{LOOSE}\nopen('/nosuch/file')\n"));
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[unknown-function]: no Python file defines a function `othr`
  --> x.md:10:1
   |
10 | then others
   | ^^^^^^^^^^^ this step needs it
   |
  ::: own.yaml:5:9
   |
 5 | - then: others
   |         ------ bound here
   |
   = help: did you mean `other`?

error[wrong-parameters]: function `add` has no parameter for the captured `n`
 --> own.yaml:1:9
  |
1 | - when: I add {n:uint}
  |         ^^^^^^^^^^^^^^ bound here
  |
 ::: steps.py:1:1
  |
1 | def add(ctx, m=None):
  | --------------------- defined here
  |
  = help: write `def add(ctx, n=None):`

error[wrong-parameters]: function `total` wants `extra`, which its binding does not capture
 --> own.yaml:3:9
  |
3 | - then: the sum is {n:uint}
  |         ^^^^^^^^^^^^^^^^^^^ bound here
  |
 ::: steps.py:5:1
  |
5 | def total(ctx, n, extra):
  | ------------------------- defined here
  |
  = help: give it a value for when it is not captured: `extra=None`

3 errors

"#]]);
}

/// In Subplot a function of the same name in a later file is also what the library's steps use.
#[test]
fn functions_with_the_names_of_library_functions() {
    let steps = "def add(ctx, n=None):\n    runcmd_run(ctx, ['echo', n])\n\n\ndef total(ctx, n=None, extra=None):\n    pass\n\n\n\
                 def runcmd_run(ctx, argv):\n    print(argv)\n\n\ndef files_file_exists(ctx, filename=None):\n    pass\n\n\n\
                 def runcmd_own(ctx):\n    pass\n";
    let project = Project::new().file("own.yaml", "- when: I add {n:uint}\n  impl: {python: {function: add}}\n");
    let project = project.file("steps.py", steps);
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\nthen file x exists\n~~~\n"));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[own-library-function]: `runcmd_run` and 1 more: steps of the libraries do not use functions of yours
 --> steps.py:9:1
  |
9 | def runcmd_run(ctx, argv):
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^ only other Python functions find it
  |
  = help: to have steps carried out by it, bind them to it in a bindings file of your own

1 warning

"#]]);
}

#[test]
fn a_file_that_is_no_python() {
    let project =
        Project::new().file("own.yaml", LOOSE_BINDINGS).file("steps.py", "def add(ctx, n=None):\n    return )\n");
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    let ran = project.refused(["check", "x.md"]);
    // What is said of it depends on the version of Python.
    assert!(ran.stderr.starts_with("error[bad-python]: this is no Python: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(" --> steps.py:2:12"), "{}", ran.stderr);
}

/// Where cargo has unpacked the published crate `subplot`, which it fetches for this.
fn published() -> Option<PathBuf> {
    let fetched = Command::new(std::env::var_os("CARGO")?).args(["info", "--quiet", "subplot@0.14.0"]).output();
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let sources = PathBuf::from(home.unwrap_or_default()).join("registry/src");
    let indices = std::fs::read_dir(sources).into_iter().flatten().flatten();
    let published = indices.map(|index| index.path().join("subplot-0.14.0")).find(|path| path.is_dir());
    if published.is_none() {
        println!("skipped: cargo cannot fetch the crate subplot 0.14.0: {fetched:?}");
    }
    published
}

/// Documents of the published crate: those of its libraries, and an example whose own functions start processes and talk with them.
#[test]
fn published_documents_run_as_they_are() {
    let Some(published) = published() else { return };
    let mut project = Project::anywhere();
    for name in [
        "common/files.md",
        "common/files.subplot",
        "common/runcmd.md",
        "common/runcmd.subplot",
        "common/runcmd_test.yaml",
        "python/daemon.md",
    ] {
        let text = std::fs::read(published.join("tests/subplots").join(name)).unwrap();
        project = project.file(name.split('/').next_back().unwrap(), text);
    }
    // The crate lacks this one; what it is bound to is a function of library runcmd.
    let mut project = project.file("runcmd_test.py", "");
    for name in ["muck.md", "muck.subplot", "muck.yaml", "muck.py"] {
        let Ok(text) = std::fs::read(published.join("examples/muck").join(name)) else { continue };
        project = project.file(name, text);
    }
    let ran = project.run(["run", "-q", "files.subplot", "runcmd.subplot", "daemon.md", "muck.subplot"]);
    assert_eq!(ran.status.code(), Some(0), "{}\n{}", ran.stdout, ran.stderr);
}
