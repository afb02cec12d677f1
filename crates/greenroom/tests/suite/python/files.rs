//! Files with Python step functions that are invalid or unusual: each is reported once, in plain
//! words.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

use snapbox::str;

use crate::support::{Project, Ran, same};

const FUNCTION: &str = "def f(ctx):\n    pass\n";

/// A document with one step, whose function is in these files.
fn project(files: &[(&str, &[u8])]) -> Project {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).filter(|name| !name.contains("beside")).collect();
    let mut project = Project::anywhere().file("own.yaml", "- given: f\n  impl: {python: {function: f}}\n").file(
        "x.md",
        format!(
            "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {{python: [{}]}}\n...\n# S\n~~~scenario\ngiven f\n~~~\n",
            names.join(", ")
        ),
    );
    for (name, content) in files {
        project = project.file(name, content);
    }
    project
}

fn run(content: &[u8]) -> Ran {
    project(&[("s.py", content)]).run(["run", "x.md"])
}

#[test]
fn files_that_are_as_good_as_any() {
    let latin = b"# -*- coding: latin-1 -*-\nX = 'caf\xe9'\ndef f(ctx):\n    assert X == 'caf\\u00e9', X\n";
    run(latin).passes();
    run(format!("\u{feff}{FUNCTION}").as_bytes()).passes();
    run(FUNCTION.replace('\n', "\r\n").as_bytes()).passes();
    run(FUNCTION.replace('\n', "\r").as_bytes()).passes();
    run(b"f = lambda ctx: None\n").passes();
    // What the compiler warns of.
    run(b"def f(ctx):\n    assert ctx is not 'x', '\\d'\n").code(0);
    run(b"import sys, os\nsys.stdout.close(); sys.stderr.close(); os.close(0); os.close(1); os.close(2)\n\
        def f(ctx): pass\n")
    .passes();
    // The file is not run as a program.
    run(b"import sys\ndef f(ctx): pass\nif __name__ == '__main__':\n    sys.exit('as a program')\n").passes();
    run(b"import os\nHERE = os.path.dirname(__file__)\ndef f(ctx): assert os.path.exists(HERE + '/own.yaml')\n")
        .passes();
}

/// Where the environment has Python remove assertions, which hosts keep and programs of steps do not.
#[test]
fn assertions_where_python_optimizes() {
    let steps = b"import os, subprocess\nimport beside_us\n\n\ndef f(ctx):\n    \
        subprocess.run(['python3', '-c', 'assert False'], check=True)\n    \
        beside_us.check()\n    raise Exception('not checked')\n";
    let project = project(&[("s.py", steps), ("beside_us.py", b"def check():\n    assert 1 > 2\n")]);
    let expected = |ran: Ran| {
        assert!(ran.stdout.contains("AssertionError: assert 1 > 2"), "{}\n{}", ran.stdout, ran.stderr);
        ran.code(1);
    };
    for options in [&["--sandbox", "auto"][..], &["--sandbox", "tended"]] {
        expected(project.run([&["run", "x.md", "--env", "PYTHONOPTIMIZE=2"], options].concat()));
    }
    expected(project.env("PYTHONOPTIMIZE", "1").run(["run", "x.md"]));
}

/// No function in Python follows that could report it.
#[test]
fn a_thread_that_fails_during_the_last_step() {
    let steps = b"\
import os, threading


def hook(arguments):
    os.close(os.open('failed', os.O_WRONLY))


threading.excepthook = hook


def f(ctx):
    os.mkfifo('go')
    os.mkfifo('failed')

    def late():
        os.close(os.open('go', os.O_RDONLY))
        assert 1 > 2

    threading.Thread(target=late, name='late').start()
";
    let project = project(&[("s.py", steps)]).file(
        "x.md",
        "---\ntitle: Trial\nbindings: [own.yaml, lib/runcmd.yaml]\nimpls: {python: [s.py, lib/runcmd.py]}\n...\n# S\n\
         ~~~scenario\ngiven f\nwhen I run sh -c 'true > go; true < failed'\n~~~\n",
    );
    for sandbox in ["auto", "tended"] {
        let ran = project.run(["run", "x.md", "--sandbox", sandbox]).code(1);
        for line in ["FAILED", "  AssertionError: assert 1 > 2", "  note: it failed in thread late"] {
            assert!(ran.stdout.contains(line), "{line}: {}\n{}", ran.stdout, ran.stderr);
        }
    }
}

#[test]
fn files_side_by_side() {
    let pass = FUNCTION.as_bytes();
    // The later definition wins, as in Subplot.
    let first = b"def f(ctx): raise Exception('first')\ndef same(ctx): pass\n";
    let second = [pass, b"def same(ctx): pass\n"].concat();
    project(&[("s.py", first), ("t.py", &second)]).run(["run", "x.md"]).code(0).stderr(str![[r#"
warning[duplicate-function]: two files define a function `f`: the steps of both call the later one
 --> t.py:1:1
  |
1 | def f(ctx):
  | ^^^^^^^^^^^ all steps call this one
  |
 ::: s.py:1:1
  |
1 | def f(ctx): raise Exception('first')
  | ------------------------------------ no step calls this one
  |
 ::: own.yaml:1:10
  |
1 | - given: f
  |          - bound here
  |
  = help: give one of them another name, there and in its bindings

1 warning

"#]]);
    project(&[("s.py", b""), ("t.py", pass)]).run(["run", "x.md"]).passes();
    let (future, uses) = (&b"from __future__ import annotations\n"[..], &b"def f(ctx, x: nosuch = None): pass\n"[..]);
    project(&[("s.py", future), ("t.py", uses)]).run(["run", "x.md"]).passes();
    project(&[("s.py", b"x = 1\n"), ("t.py", &[future, uses].concat())]).run(["run", "x.md"]).passes();
    project(&[("s/s.py", b"from beside import f\n"), ("s/beside.py", pass)]).run(["run", "x.md"]).passes();
}

#[test]
fn files_that_are_not_python() {
    let nested = format!("x = {}1\n", "-".repeat(100_000));
    let mut all = String::new();
    for content in [
        &b"# caf\xe9\n"[..],
        b"x = 1\ny = '\xc3\xa9', '\xe9'\n",
        b"def f(ctx):\n    pass\0\n",
        b"# coding: klingon\n",
        nested.as_bytes(),
        b"",
    ] {
        let project = project(&[("s.py", content)]);
        let checked = project.refused(["check", "x.md"]).stderr;
        assert_eq!(checked, project.refused(["run", "x.md"]).stderr);
        let _ = writeln!(all, "{checked}");
    }
    same(
        &all,
        str![[r#"
error[bad-python]: invalid Python: byte 0xe9 is not UTF-8, and the first lines declare no other encoding
 --> s.py:1:6
  |
1 | # caf�
  |      ^

1 error

error[bad-python]: invalid Python: byte 0xe9 is not UTF-8, and the first lines declare no other encoding
 --> s.py:2:11
  |
2 | y = 'é', '�'
  |           ^

1 error

error[bad-python]: invalid Python: the source contains a NUL byte
 --> s.py:2:9
  |
2 |     pass␀
  |         ^

1 error

error[bad-python]: invalid Python: unknown encoding: klingon
 --> s.py:1:1
  |
1 | # coding: klingon
  | ^

1 error

error[bad-python]: invalid Python: the source is nested too deeply
 --> s.py:1:1
  |
1 | x = -----------------------------------------------------------------------------------------...
  | ^

1 error

error[unknown-function]: no Python file defines a function `f`
 --> x.md:8:1
  |
8 | given f
  | ^^^^^^^ this step needs it
  |
 ::: own.yaml:1:10
  |
1 | - given: f
  |          - bound here
  |
  = help: define it in s.py

1 error


"#]],
    );
}

#[test]
fn files_that_are_not_regular_files() {
    let project = project(&[("s.py/x", b"")]);
    let text = std::fs::read_to_string(project.path("x.md")).unwrap();
    let project = project.file("x.md", text.replace("s.py/x", "s.py, nosuch.py"));
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[not-a-file]: s.py is a directory
 --> x.md:4:18
  |
4 | impls: {python: [s.py, nosuch.py]}
  |                  ^^^^

error[not-found]: python file not found: nosuch.py
 --> x.md:4:24
  |
4 | impls: {python: [s.py, nosuch.py]}
  |                        ^^^^^^^^^
  |
  = note: it is neither beside the document nor built in
  = help: built-in files: lib/daemon.py, lib/files.py, lib/runcmd.py, lib/datadir.py

2 errors

"#]]);
}

#[test]
fn a_file_that_may_not_be_read() {
    let project = project(&[("s.py", FUNCTION.as_bytes())]);
    std::fs::set_permissions(project.path("s.py"), PermissionsExt::from_mode(0o000)).unwrap();
    if std::fs::read(project.path("s.py")).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[unreadable]: cannot read s.py: Permission denied (os error 13)
 --> x.md:4:18
  |
4 | impls: {python: [s.py]}
  |                  ^^^^

1 error

"#]]);
}

#[test]
fn files_that_fail_while_they_are_loaded() {
    let mut all = String::new();
    for content in [
        &b"import sys\ndef f(ctx): pass\nsys.exit(3)\n"[..],
        b"import os\ndef f(ctx): pass\nprint('so far', flush=True)\nos._exit(4)\n",
        b"import os\ndef f(ctx): pass\nos.kill(os.getpid(), 9)\n",
        b"from . import helper\ndef f(ctx): pass\n",
        b"from os import nosuch\ndef f(ctx): pass\n",
        b"print('so far')\nraise BaseException('no')\ndef f(ctx): pass\n",
        b"import os\ndef f(ctx): pass\nfor fd in range(3, 4096):\n    try: os.write(fd, b'rubbish\\n')\n    except \
            OSError: pass\n",
    ] {
        let ran = run(content).code(1).stderr("");
        let shown = ran.stdout.lines().filter(|line| !line.is_empty() && !line.contains(" from 'os' "));
        let shown: Vec<&str> = shown.skip(4).take_while(|line| !line.contains("rerun:")).collect();
        let _ = writeln!(all, "{}\n", shown.join("\n"));
    }
    same(
        &all,
        str![[r#"
  SystemExit: 3
  note: files with step functions are loaded like modules: none of them may end the program
  where it failed:
    │   File "[PROJECT]/s.py", line 3
    │     sys.exit(3)

  the python process that runs the steps has ended, with exit status 4
  note: that was while it loaded s.py
  what s.py printed when loaded:
    │ so far

  the python process that runs the steps has ended, with signal SIGKILL
  note: that was while it loaded s.py

  ImportError: attempted relative import with no known parent package
  where it failed:
    │   File "[PROJECT]/s.py", line 1
    │     from . import helper
  help: files with step functions belong to no package: import what is beside them by its name

  note: python is [PYTHON]
  where it failed:
    │   File "[PROJECT]/s.py", line 1
    │     from os import nosuch

  BaseException: no
  where it failed:
    │   File "[PROJECT]/s.py", line 2
    │     raise BaseException('no')
  what s.py printed when loaded:
    │ so far

  the python process that runs the steps wrote `rubbish` to its socket
  note: its socket is for the step host alone; a function must not use it
  note: that was while it loaded s.py


"#]],
    );
}

#[test]
fn a_file_that_is_never_loaded() {
    let project = project(&[("s.py", b"import time\ndef f(ctx): pass\nprint('so far')\ntime.sleep(1000)\n")]);
    let text = std::fs::read_to_string(project.path("x.md")).unwrap();
    let project = project.file("x.md", text.replace("bindings:", "step_timeout: 3s\nbindings:"));
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  S
  in x.md:9, scenario at x.md:7

    FAILED [TIME]  given f

  the step exceeded its time limit of 3 s while waiting for s.py to be loaded
  what s.py printed when loaded:
    │ so far
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run x.md --name S

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:7  S

"#]]);
}

#[test]
fn a_module_beside_the_file_with_nearly_that_name() {
    let project = super::project()
        .file("helper.py", "thing = 1\n")
        .file("steps.py", "from helpr import thing\nadd = subtract = print\n");
    let project = project.file("x.md", super::document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Sums
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when I add 2

  ModuleNotFoundError: No module named 'helpr'
  note: python is [PYTHON]
  where it failed:
    │   File "[PROJECT]/steps.py", line 1
    │     from helpr import thing
  help: did you mean `helper`? helper.py is beside steps.py

  rerun: greenroom run x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]]);
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
        let project = super::project().file("steps.py", text);
        let scenarios = "# Sums\n~~~scenario\nwhen I add 2\n~~~\n";
        project.file("x.md", super::document(scenarios)).run(["run", "x.md"]).code(1).stderr("").stdout(expected);
    }
}
