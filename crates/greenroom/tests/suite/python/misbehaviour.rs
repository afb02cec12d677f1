//! Functions that fail or harm their own process, and what a failure shows of them.

use snapbox::str;

use super::{document, project};
use crate::support::Project;

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
        "forks",
        "leaves a thread",
        "writes to every descriptor",
        "closes every descriptor",
        "kills its group",
        "replaces what is built in",
        "has a command fail",
        "minds its command",
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
    // How deep it may go is a matter of the version of Python.
    let deep = |line: &str| line.split_once("... the same ").map(|(before, _)| format!("{before}... the same (...)"));
    let lines = lines.map(|line| deep(&line).unwrap_or(line));
    let screen: String = lines.map(|line| line + "\n").collect();
    crate::support::same(
        &screen,
        str![[r#"
greenroom [VERSION]: 19 scenarios in x.md, up to 256 at a time

FAIL [TIME]  It exits
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when it exits

  the python process that runs the steps has ended, with exit status 7
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

  the python process that runs the steps has ended, with signal SIGKILL
  output of the python function:
    │ it kills itself

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It kills itself'

FAIL [TIME]  It recurses for ever
  in x.md:20, scenario at x.md:18

    FAILED [TIME]  when it recurses for ever

  RecursionError: maximum recursion depth exceeded
  where it failed:
    │   File "[PROJECT]/steps.py", line 65, in misbehaves
    │     deeper(0)
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   File "[PROJECT]/steps.py", line 53, in deeper
    │     return deeper(n + 1) + 1
    │   ... the same (...)
  output of the python function:
    │ it recurses for ever

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It recurses for ever'

FAIL [TIME]  It prints 100 MB
  in x.md:24, scenario at x.md:22

    FAILED [TIME]  when it prints 100 MB

  output of the python steps exceeded the output limit of 64 MiB (= 67.1 MB); the processes that wrote to it were killed
  output of the python function (...)
    │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
  help: stop it from writing without end; if it is meant to write this much, raise the limit with `output_limit` in the document's metadata or `--output-limit`

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It prints 100 MB'

PASS [TIME]  It closes stdout
PASS [TIME]  It goes elsewhere
PASS [TIME]  It leaves a child  (stopped at the end: sleep 1000)
PASS [TIME]  It forks  (stopped at the end: python3 (forked by a step function))
PASS [TIME]  It leaves a thread

FAIL [TIME]  It writes to every descriptor
  in x.md:48, scenario at x.md:46

    FAILED [TIME]  when it writes to every descriptor

  the python process that runs the steps wrote `nonsense` to its socket
  note: its socket is for the step host alone; a function must not use it
  output of the python function:
    │ it writes to every descriptor

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It writes to every descriptor'

FAIL [TIME]  It closes every descriptor
  in x.md:52, scenario at x.md:50

    FAILED [TIME]  when it closes every descriptor

  the python process that runs the steps has ended, with exit status 70
  note: it exits with 70 when its socket is closed; a function must not close what it has not opened
  output of the python function:
    │ it closes every descriptor

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It closes every descriptor'

FAIL [TIME]  It kills its group
  in x.md:56, scenario at x.md:54

    FAILED [TIME]  when it kills its group

  the python process that runs the steps has ended, with signal SIGKILL
  output of the python function:
    │ it kills its group

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It kills its group'

FAIL [TIME]  It replaces what is built in
  in x.md:60, scenario at x.md:58

    FAILED [TIME]  when it replaces what is built in

  TypeError: (cannot be shown: TypeError)
  output of the python function:
    │ it replaces what is built in

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It replaces what is built in'

FAIL [TIME]  It has a command fail
  in x.md:64, scenario at x.md:62

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

FAIL [TIME]  It minds its command
  in x.md:68, scenario at x.md:66

    FAILED [TIME]  when it minds its command

  AssertionError: assert globals()["runcmd_get_exit_code"](ctx) == 0
  note: ctx = {}
  note: the command `sh -c echo so far; echo no further >&2; exit 4` ended with exit status 4
  where it failed:
    │   File "[PROJECT]/steps.py", line 109, in misbehaves
    │     assert globals()["runcmd_get_exit_code"](ctx) == 0
  output of the python function:
    │ it minds its command
  stdout of the command:
    │ so far
  stderr of the command:
    │ no further

  rerun: greenroom run --env OUT=[PROJECT]/out x.md --name 'It minds its command'

FAIL [TIME]  It fails and says why
  in x.md:72, scenario at x.md:70

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
  in x.md:76, scenario at x.md:74

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

FAILED: 13 of 19 scenarios failed, 6 passed, [TIME]
  failed  x.md:6   It exits
  failed  x.md:10  It raises SystemExit
  failed  x.md:14  It kills itself
  failed  x.md:18  It recurses for ever
  failed  x.md:22  It prints 100 MB
  failed  x.md:46  It writes to every descriptor
  failed  x.md:50  It closes every descriptor
  failed  x.md:54  It kills its group
  failed  x.md:58  It replaces what is built in
  failed  x.md:62  It has a command fail
  failed  x.md:66  It minds its command
  failed  x.md:70  It fails and says why
  failed  x.md:74  It fails

"#]],
    );
}

#[test]
fn a_failed_assertion_shows_values() {
    let functions = "\
import collections, decimal

Line = collections.namedtuple('Line', 'article price')


class Answer:
    def __init__(self):
        self.status, self.body = 200, 'gone'


def list_of_many(ctx):
    got = list(range(1000))
    wanted = [-1 if n == 777 else n for n in got]
    assert got == wanted


def nested(ctx):
    orders = {'order %d' % n: {'lines': [Line('milk', decimal.Decimal('1.20'))]} for n in range(50)}
    assert_eq(orders, dict(orders, **{'order 7': {'lines': []}}))


def text(ctx):
    got = ''.join('line %d\\n' % n for n in range(100))
    wanted = got.replace('line 50', 'line fifty')
    assert got == wanted


def attribute(ctx):
    answer = Answer()
    assert answer.status == 500, 'it should fail'
";
    let names = ["list_of_many", "nested", "text", "attribute"];
    let bindings: String =
        names.map(|name| format!("- then: \"{name}\"\n  impl: {{python: {{function: {name}}}}}\n")).concat();
    let scenarios = names.map(|name| format!("# {name}\n~~~scenario\nthen {name}\n~~~\n")).concat();
    let text = format!("---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {{python: [steps.py]}}\n...\n{scenarios}");
    let project = Project::new().file("steps.py", functions).file("own.yaml", bindings).file("x.md", text);
    let ran = project.run(["run", "x.md"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, up to 256 at a time

FAIL [TIME]  list_of_many
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  then list_of_many

  AssertionError: assert got == wanted
  note: got = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... (1000 in all)]
  note: wanted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... (1000 in all)]
  note: they differ at [777]: got has 777, wanted has -1
  where it failed:
    │   File "[PROJECT]/steps.py", line 14, in list_of_many
    │     assert got == wanted

  rerun: greenroom run x.md --name list_of_many

FAIL [TIME]  nested
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  then nested

  AssertionError: the two values differ
  note: the first = {'order 0': {'lines': [Line(...)]}, 'order 1': {'lines': [Line(...)]}, 'order 2': {'lines': [Line(...)]}, 'order 3': {'lines': [Line(...)]}, ... rder 11': {'lines': [Line(...)]}, ... (50 in all)}
  note: the second = {'order 0': {'lines': [Line(...)]}, 'order 1': {'lines': [Line(...)]}, 'order 2': {'lines': [Line(...)]}, 'order 3': {'lines': [Line(...)]}, ... rder 11': {'lines': [Line(...)]}, ... (50 in all)}
  note: only the first has ['order 7']['lines'][0]: Line(article='milk', price=Decimal('1.20'))
  where it failed:
    │   File "[PROJECT]/steps.py", line 19, in nested
    │     assert_eq(orders, dict(orders, **{'order 7': {'lines': []}}))

  rerun: greenroom run x.md --name nested

FAIL [TIME]  text
  in x.md:16, scenario at x.md:14

    FAILED [TIME]  then text

  AssertionError: assert got == wanted
  (- left, + right):
    … from line 48 of right:
      line 47
      line 48
      line 49
    - line 50
    + line fifty
      line 51
      line 52
      line 53
  where it failed:
    │   File "[PROJECT]/steps.py", line 25, in text
    │     assert got == wanted

  rerun: greenroom run x.md --name text

FAIL [TIME]  attribute
  in x.md:20, scenario at x.md:18

    FAILED [TIME]  then attribute

  AssertionError: it should fail
  note: answer.status = 200
  where it failed:
    │   File "[PROJECT]/steps.py", line 30, in attribute
    │     assert answer.status == 500, 'it should fail'

  rerun: greenroom run x.md --name attribute

FAILED: 4 of 4 scenarios failed, [TIME]
  failed  x.md:6   list_of_many
  failed  x.md:10  nested
  failed  x.md:14  text
  failed  x.md:18  attribute

"#]],
    );
}

#[test]
fn a_timed_out_function_shows_its_stack() {
    let functions = "\
import queue, threading


def waits_for(ctx, what=None):
    print('waiting for', what)
    threading.Thread(target=idles, daemon=True).start()
    ask(queue.Queue(), what)


def idles():
    threading.Event().wait()


def ask(answers, what):
    answers.get()


def spins(ctx):
    while True: pass


def runs(ctx):
    runcmd_run(ctx, ['sleep', '1000'])
";
    let bindings = "- when: I wait for {what}\n  impl: {python: {function: waits_for}}\n\
                    - when: I spin\n  impl: {python: {function: spins}}\n\
                    - when: I run\n  impl: {python: {function: runs}}\n";
    let document = "---\n\
                    title: Trial\n\
                    bindings: [own.yaml]\n\
                    impls: {python: [steps.py, lib/runcmd.py]}\n\
                    step_timeout: 2s\n\
                    ...\n\
        # Waits\n\
        ~~~scenario\n\
        when I wait for rain\n\
        ~~~\n\
        # Spins\n\
        ~~~scenario\n\
        when I spin\n\
        ~~~\n\
        # Runs\n\
        ~~~scenario\n\
        when I run\n\
        ~~~\n";
    let project = Project::new().file("steps.py", functions).file("own.yaml", bindings).file("x.md", document);
    let ran = project.run(["run", "x.md"]).code(1).stderr("");
    // How many those are depends on the version of Python.
    let lines = ran.stdout.lines().filter(|line| !line.contains("in libraries"));
    let screen: String = lines.map(|line| format!("{line}\n")).collect();
    crate::support::same(
        &screen,
        str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, up to 256 at a time

FAIL [TIME]  Waits
  in x.md:9, scenario at x.md:7

    FAILED [TIME]  when I wait for rain

  the step exceeded its time limit of 2 s while waiting for python function waits_for
  where it stood:
    │   File "[PROJECT]/steps.py", line 7, in waits_for
    │     ask(queue.Queue(), what)
    │   File "[PROJECT]/steps.py", line 15, in ask
    │     answers.get()
    │ in another thread:
    │   File "[PROJECT]/steps.py", line 11, in idles
    │     threading.Event().wait()
  output of the python function:
    │ waiting for rain
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run x.md --name Waits

FAIL [TIME]  Spins
  in x.md:13, scenario at x.md:11

    FAILED [TIME]  when I spin

  the step exceeded its time limit of 2 s while waiting for python function spins
  where it stood:
    │   File "[PROJECT]/steps.py", line 19, in spins
    │     while True: pass
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run x.md --name Spins

FAIL [TIME]  Runs
  in x.md:17, scenario at x.md:15

    FAILED [TIME]  when I run

  the step exceeded its time limit of 2 s while waiting for the command `sleep 1000`
  note: when the limit passed it was running "sleep 1000" (process [PID], asleep)
  where it stood:
    │   File "[PROJECT]/steps.py", line 23, in runs
    │     runcmd_run(ctx, ['sleep', '1000'])
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run x.md --name Runs

FAILED: 3 of 3 scenarios failed, [TIME]
  failed  x.md:7   Waits
  failed  x.md:11  Spins
  failed  x.md:15  Runs

"#]],
    );
}

/// People print things to find out why a later step fails.
#[test]
fn output_of_earlier_functions_is_shown_with_a_failed_native_step() {
    let scenarios = "# A\n~~~scenario\nwhen I add 2\nwhen I add 3\nthen file none exists\n~~~\n";
    let screen = project().file("x.md", document(scenarios)).run(["run", "x.md"]).code(1).stdout;
    assert!(
        screen.contains("\n  output of python functions before it:\n    │ the sum is 2\n    │ the sum is 5\n"),
        "{screen}"
    );
}
