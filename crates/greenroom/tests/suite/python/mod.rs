//! Documents that bring Python step functions.

#![expect(clippy::disallowed_methods, reason = "the host's own tests are run by Python")]

mod checks;
mod cleanups;
mod closest;
mod files;
mod misbehaviour;
mod replies;
mod state;
mod warm;

use std::path::PathBuf;
use std::process::Command;

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
    if does == "forks" and os.fork() == 0:
        import signal
        signal.pause()
    if does == "minds its command":
        globals()["runcmd_run"](ctx, ["sh", "-c", "echo so far; echo no further >&2; exit 4"])
        assert globals()["runcmd_get_exit_code"](ctx) == 0
"#;

fn project() -> Project {
    Project::anywhere().file("steps.py", FUNCTIONS).file("own.yaml", BINDINGS)
}

fn document(scenarios: &str) -> String {
    let head = "---\ntitle: Trial\nbindings: [own.yaml, lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n\
                impls: {python: [steps.py, lib/runcmd.py, lib/daemon.py]}\n...\n";
    with_programs(format!("{head}{scenarios}"))
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
  | ^^^^^^^^^^^^ this step runs in Python
  |
  = help: `--python nosuch-python` must be a program on PATH, or the path of one

1 error

"#]]);
    // It is not wanted where no step is in Python.
    let project = project.file("x.md", document("# Native\n~~~scenario\nwhen I run true\n~~~\n"));
    project.run(["run", "x.md", "--python", "nosuch-python"]).passes();
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

/// Documents of the published crate: those of its libraries, and an example whose own functions
/// start processes and talk with them.
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
