//! A function cannot make a step pass: replies that do not belong to the current request are refused.

use snapbox::str;

use crate::support::Project;

const FUNCTIONS: &str = r#"
import ctypes, os, select

DONE = b'{"done": {"failure": null, "environment": {}}}\n'


def sockets():
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink("/proc/self/fd/" + name).startswith("socket:"):
                yield int(name)
        except OSError:
            pass


def write(*messages):
    for descriptor in list(sockets()):
        for message in messages:
            os.write(descriptor, message)


def forges(ctx, how=None):
    if how == "a fork":
        os.fork()
    if how == "a fork behind the back of Python":
        ctypes.CDLL(None).syscall(57 if os.uname().machine == "x86_64" else 220, 17, 0, 0, 0, 0)
    if how == "one reply":
        write(DONE)
    if how == "three replies":
        write(DONE, DONE, DONE)
    if how == "a reply with a number":
        write(DONE.replace(b"{}}", b'{}, "request": "00000000000000000000000000000000"}'))
    if how == "escape codes":
        write(b"\x1b[2J\x07\n")
    if how == "half a line":
        write(b'{"done": ')
    if how == "a call":
        write(b'{"call": {"name": "remember", "arguments": {"name": "a", "value": "b"}}}\n')
    if how == "a later reply":
        # The child keeps its copy of the socket, since it is not the interpreter that forks it.
        os.mkfifo("go")
        if ctypes.CDLL(None).syscall(57 if os.uname().machine == "x86_64" else 220, 17, 0, 0, 0, 0) == 0:
            try:
                open("go").read()
                write(DONE, DONE)
            finally:
                os._exit(0)


def waits(ctx):
    """Lets the child reply, and never returns."""
    with open("go", "w"):
        pass
    select.select([], [], [])


def fails(ctx):
    assert False, "the second step ran"
"#;

const BINDINGS: &str = "\
- when: Python makes {how:text}
  impl: {python: {function: forges}}
- then: it waits
  impl: {python: {function: waits}}
- then: it fails
  impl: {python: {function: fails}}
";

const HEAD: &str = "---\ntitle: T\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n---\n";

fn project(scenarios: &str) -> Project {
    let project = Project::anywhere().file("steps.py", FUNCTIONS).file("own.yaml", BINDINGS);
    project.file("x.md", format!("{HEAD}{scenarios}"))
}

#[test]
fn no_way_of_replying_makes_a_later_step_pass() {
    let ways = [
        "a fork",
        "a fork behind the back of Python",
        "one reply",
        "three replies",
        "a reply with a number",
        "escape codes",
        "half a line",
        "a call",
    ];
    let scenarios = ways.map(|how| format!("# {how}\n~~~scenario\nwhen Python makes {how}\nthen it fails\n~~~\n"));
    let scenarios = scenarios.concat() + "# Later\n~~~scenario\nwhen Python makes a later reply\nthen it waits\n~~~\n";
    for options in [&["--sandbox", "auto"][..], &["--sandbox", "tended"]] {
        let ran = project(&scenarios).run(["run", "x.md"].iter().chain(options)).code(1).stderr("");
        assert!(ran.stdout.contains("9 of 9 scenarios failed"), "{}", ran.stdout);
        // The fork of the interpreter is a fork like any other: its child ends, and the second step says what it says.
        assert!(ran.stdout.contains("the second step ran"), "{}", ran.stdout);
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    }
}

#[test]
fn a_reply_that_a_function_writes_is_shown() {
    let scenario = "# Forged\n~~~scenario\nwhen Python makes escape codes\nthen it fails\n~~~\n";
    project(scenario).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Forged
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when Python makes escape codes
                      1 step not run

  the python process that runs the steps wrote `\u{1b}[2J\u{7}` to its socket
  note: its socket is for the step host alone; a function must not use it

  rerun: greenroom run x.md --name Forged

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Forged

"#]]);
    let scenario = "# Later\n~~~scenario\nwhen Python makes a later reply\nthen it waits\n~~~\n";
    project(scenario).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Later
  in x.md:9, scenario at x.md:6

    ok [TIME]  when Python makes a later reply
    FAILED [TIME]  then it waits

  process 4 wrote `{"done": {"failure": null, "environment": {}}}` to the socket of the python process that runs the steps
  note: a function that forks must end the child before it returns there

  rerun: greenroom run x.md --name Later

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Later

"#]]);
}

/// Step files that change themselves, and the file beside them, while the run goes on.
#[test]
fn files_that_change_during_the_run_change_nothing() {
    let functions = r#"
import os

def changes(ctx):
    for name in ("steps.py", "more.py"):
        with open(os.path.join(srcdir, name), "w") as file:
            file.write("def one(ctx):\n    pass\n\ndef two(ctx):\n    pass\n")

def one(ctx):
    assert False, "the first version of one"
"#;
    let more = "# -*- coding: latin-1 -*-\n\
                def two(ctx):\n    assert 'caf\u{e9}' == b'caf\\xe9'.decode('latin-1')\n    assert False, 'the first \
                version of two'\n";
    let more: Vec<u8> = more.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    let bindings = "- when: it changes\n  impl: {python: {function: changes}}\n\
                    - then: one fails\n  impl: {python: {function: one}}\n\
                    - then: two fails\n  impl: {python: {function: two}}\n";
    let scenarios: String = (1..=3)
        .map(|n| {
            format!(
                "# One {n}\n\
        ~~~scenario\n\
        when it changes\n\
        then one fails\n\
        ~~~\n\
        # Two {n}\n\
        ~~~scenario\n\
        when it changes\n\
        then two fails\n\
        ~~~\n"
            )
        })
        .collect();
    // All scenarios from one warm host; a host for each scenario, without namespaces; a run of one scenario.
    let ways: [&[&str]; 3] = [&["-j1"], &["-j1", "--sandbox", "tended"], &["--name", "Two 2"]];
    for options in ways {
        let project = Project::anywhere().file("steps.py", functions).file("more.py", &more).file("own.yaml", bindings);
        let head = "---\ntitle: T\nbindings: [own.yaml]\nimpls: {python: [steps.py, more.py]}\n---\n";
        let project = project.file("x.md", format!("{head}{scenarios}"));
        let ran = project.run(["run", "x.md"].iter().chain(options)).code(1).stderr("");
        assert!(!ran.stdout.contains("PASS"), "{options:?} {}", ran.stdout);
        assert!(ran.stdout.contains("the first version of"), "{options:?} {}", ran.stdout);
        assert!(!ran.stdout.contains("not a function"), "{options:?} {}", ran.stdout);
    }
}
