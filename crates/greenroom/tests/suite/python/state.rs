//! What functions share with one another and with native steps: variables, commands, daemons, the working directory.

use snapbox::str;

use super::{BINDINGS, FUNCTIONS, document, project};
use crate::support::Project;

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

/// As published documents do it: a function that starts a daemon under one name each time, on a
/// port of chance, and a cleanup that stops the daemon of that name.
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

/// Python gives minus the signal's number, and so do the helpers.
#[test]
fn functions_see_the_exit_code_of_a_command_that_a_native_step_ran() {
    let functions = "\
def exit_code_is(ctx, code=None):
    assert_eq(runcmd_get_exit_code(ctx), int(code))
";
    let bindings = "\
- then: python sees exit code {code:int}
  impl: {python: {function: exit_code_is}}
";
    let scenario = "\
# Exit codes
~~~scenario
when I run true
then python sees exit code 0
when I try to run sh -c 'exit 3'
then python sees exit code 3
when I try to run sh -c 'kill -9 $$'
then python sees exit code -9
and exit code is -9
when I try to run nosuch-program
then python sees exit code 127
~~~
";
    let project = Project::anywhere().file("steps.py", functions).file("own.yaml", bindings);
    project.file("x.md", document(scenario)).run(["run", "x.md"]).passes();
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
greenroom [VERSION]: 9 scenarios in x.md, up to 256 at a time

PASS [TIME]  Below  (stopped at the end: other)
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
  note: the symbolic link link points outside

  daemon other: exited with status 0 after [TIME]
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

  file two.txt does not exist
  note: the working directory sub contains one.txt

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Absent names are said to be'

FAIL [TIME]  Gone, and a file
  in x.md:68, scenario at x.md:65

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  when I write "x" to file x

  the working directory gone no longer exists
  note: an earlier step changed to it

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a file'

FAIL [TIME]  Gone, and a command
  in x.md:73, scenario at x.md:70

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  and I run true

  the working directory gone no longer exists
  note: an earlier step changed to it

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a command'

FAIL [TIME]  Gone, and a command of a function
  in x.md:78, scenario at x.md:75

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  and I change to . and run true

  FileNotFoundError: [Errno 2] No such file or directory
  note: the working directory [RUN]/7/data/gone no longer exists
  where it failed:
    │   File "[PROJECT]/steps.py", line 118, in changes_and_runs
    │     globals()["runcmd_run"](ctx, [argv0])

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'Gone, and a command of a function'

FAIL [TIME]  Gone, and a daemon
  in x.md:83, scenario at x.md:80

    ok [TIME]  when I change to a directory that I remove
    FAILED [TIME]  and I start "sleep 100" as a background process as it

  the working directory gone no longer exists
  note: an earlier step changed to it

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

/// What documents say of daemons and terminals in steps, functions can do too.
#[test]
fn functions_give_options_to_daemons_and_use_terminals() {
    let functions = r#"
def uses_daemon(ctx):
    daemon_options(ctx, "cat", stdin_open=True, directory=".", open_files=9, stop_signal="HUP", end_timeout=20)
    daemon_start(ctx, name="cat", path="cat")
    daemon_write_stdin(ctx, "cat", "a\\nb\n")
    daemon_wait_for_text(ctx, "cat", "a\\nb", timeout=60)
    daemon_write_stdin(ctx, "cat", "a\\nb\n")
    daemon_wait_for_text(ctx, "cat", "a\\nb", again=True, timeout=60)
    daemon_wait_for_text(ctx, "cat", "b", times=2)
    daemon_wait_for_regex(ctx, "cat", r"(?m)^a.*b$")
    daemon_close_stdin(ctx, "cat")
    daemon_wait_for_end(ctx, "cat", timeout=60)
    daemon_start(ctx, name="sleep", path="sleep", args="100")
    daemon_restart(ctx, "sleep", timeout=60)
    daemon_kill(ctx, "sleep")

def uses_terminal(ctx):
    terminal_start(ctx, "sh", "sh", "-c 'stty size; read x; echo got $x; sleep 100'", columns=70, rows=20)
    terminal_wait_for_text(ctx, "sh", "20 70", timeout=60)
    terminal_type(ctx, "sh", "one")
    terminal_press(ctx, "sh", "Enter")
    terminal_wait_for_text(ctx, "sh", "got one", timeout=60)
    daemon_signal(ctx, "sh", "TERM")
    daemon_wait_for_end(ctx, "sh")

def waits_for_nothing(ctx):
    daemon_start(ctx, name="idle", path="sleep", args="100")
    daemon_wait_for_ready(ctx, "idle")
"#;
    let bindings = "\
- when: python uses a daemon
  impl: {python: {function: uses_daemon}}
- when: python uses a terminal
  impl: {python: {function: uses_terminal}}
- when: python waits for nothing
  impl: {python: {function: waits_for_nothing}}
";
    let scenario = "# All\n~~~scenario\nwhen python uses a daemon\nand python uses a terminal\n~~~\n";
    let project = || Project::anywhere().file("steps.py", functions).file("own.yaml", bindings);
    project().file("x.md", document(scenario)).run(["run", "x.md"]).code(0);
    let scenario = "# Nothing\n~~~scenario\nwhen python waits for nothing\n~~~\n";
    project().file("x.md", document(scenario)).run(["run", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Nothing
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when python waits for nothing

  daemon idle has no notify socket to report to
  where it failed:
    │   File "[PROJECT]/steps.py", line 28, in waits_for_nothing
    │     daemon_wait_for_ready(ctx, "idle")
  help: write `given daemon idle reports to a notify socket` before the step that starts it

  daemon idle: still running at the end of the scenario
    command: sleep 100
    no output

  1 leftover process, stopped at the end:
    sleep 100  (daemon idle, running for [TIME])

  rerun: greenroom run x.md --name Nothing

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Nothing

"#]]);
}
