//! Step files are loaded once for all scenarios, and nobody can tell but by the clock.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use snapbox::str;

use crate::support::{Fifo, Project, names};

/// Loading it leaves a line in `loaded`, in the directory where greenroom was started.
const STEPS: &str = "\
import os, random, sys, tempfile

with open('loaded', 'a') as loaded:
    loaded.write('%d\\n' % os.getpid())

seen = []
AT_LOADING = os.environ.get('HOME'), os.getcwd()


def is_first(ctx, name=None):
    globals()['assert_eq'](seen, [])
    globals()['assert_eq'](dict(ctx.as_dict()), {})
    seen.append(name)
    ctx['name'] = name
    with tempfile.NamedTemporaryFile(delete=False) as file:
        assert file.name.startswith(os.getcwd())
    print(random.random(), file=open(os.path.join(srcdir, 'random-' + name), 'w'))


def is_still(ctx, name=None):
    assert seen == [name] and ctx['name'] == name


def prints(ctx, expression=None):
    print(eval(expression))
    assert False
";

const BINDINGS: &str = "\
- when: I am first, {name}
  impl: {python: {function: is_first}}
- then: I am still {name}
  impl: {python: {function: is_still}}
- then: I see {expression:text}
  impl: {python: {function: prints}}
";

fn project(more: &str) -> Project {
    Project::anywhere().file("steps.py", format!("{STEPS}{more}")).file("own.yaml", BINDINGS)
}

fn document(scenarios: &[&str]) -> String {
    let mut text = "---\ntitle: Trial\nbindings: [own.yaml, lib/files.yaml, lib/runcmd.yaml]\n\
                    impls: {python: [steps.py, lib/files.py, lib/runcmd.py]}\n...\n"
        .to_owned();
    for (number, steps) in scenarios.iter().enumerate() {
        text += &format!("# S{number}\n~~~scenario\n{steps}\n~~~\n");
    }
    text
}

const ALIKE: [&str; 4] = [
    "when I am first, ann\nthen I am still ann",
    "when I am first, bob\nthen I am still bob",
    "when I am first, cat\nthen I am still cat",
    "when I am first, dan\nthen I am still dan",
];

/// How often the files have been loaded.
fn loaded(project: &Project) -> usize {
    let text = fs::read_to_string(project.path("loaded")).unwrap();
    fs::remove_file(project.path("loaded")).unwrap();
    text.lines().count()
}

/// Scenarios that draw the same numbers are not independent.
fn all_random_numbers_differ(project: &Project) {
    let mut numbers: Vec<String> = ["ann", "bob", "cat", "dan"]
        .map(|name| fs::read_to_string(project.path(&format!("random-{name}"))).unwrap())
        .into();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "{numbers:?}");
}

#[test]
fn files_are_loaded_once_for_all_scenarios() {
    if Project::sealed().is_none() {
        return;
    }
    let project = project("").file("x.md", document(&ALIKE));
    for jobs in ["-j1", "-j4"] {
        project.run(["run", "-q", jobs, "x.md"]).passes().stdout("4 scenarios passed, 8 steps, [TIME]\n");
        assert_eq!(loaded(&project), 1);
        all_random_numbers_differ(&project);
    }
}

#[test]
fn a_single_scenario_loads_its_files_itself() {
    let project = project("").file("x.md", document(&ALIKE));
    project.run(["run", "-q", "x.md", "--name", "S2"]).passes();
    assert_eq!(loaded(&project), 1);
}

#[test]
fn without_process_namespaces_each_scenario_loads_the_files() {
    let project = project("").file("x.md", document(&ALIKE));
    project.run(["run", "-q", "--sandbox", "tended", "x.md"]).passes();
    assert_eq!(loaded(&project), 4);
    all_random_numbers_differ(&project);
}

#[test]
fn files_that_start_threads_or_processes_are_loaded_by_each_scenario() {
    let thread = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n";
    let child = "import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 1000; : TOKEN'])\n";
    for more in [thread, child] {
        let Some(project) = Project::sealed() else { return };
        let steps = format!("{STEPS}{}", more.replace("TOKEN", &project.token()));
        let project = project.file("steps.py", steps).file("own.yaml", BINDINGS).file("x.md", document(&ALIKE));
        project.run(["run", "-q", "x.md"]).passes();
        assert_eq!(loaded(&project), 5);
        project.nothing_is_left();
    }
}

#[test]
fn files_are_loaded_as_by_the_user_and_functions_run_in_the_scenario() {
    if Project::sealed().is_none() {
        return;
    }
    let expressions = "AT_LOADING, os.environ['COLOUR']";
    let here = "os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR'], os.environ['COLOUR'], 'GREENROOM_HOST' in os.environ";
    let text = document(&[&format!("then I see {expressions}"), &format!("then I see {here}")]);
    let project = project("os.environ['COLOUR'] += 'ish'\n").file("x.md", text).env("HOME", "/home/ann");
    let ran = project.run(["run", "-j1", "x.md", "--env", "COLOUR=green"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

FAIL [TIME]  S0
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  then I see AT_LOADING, os.environ['COLOUR']

  AssertionError: assert False
  where it failed:
    │   File "[PROJECT]/steps.py", line 26, in prints
    │     assert False
  output of the python function:
    │ (('/home/ann', '[PROJECT]'), 'green')

  rerun: greenroom run --env COLOUR=green x.md --name S0

FAIL [TIME]  S1
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  then I see os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR'], os.environ['COLOUR'], 'GREENROOM_HOST' in os.environ

  AssertionError: assert False
  where it failed:
    │   File "[PROJECT]/steps.py", line 26, in prints
    │     assert False
  output of the python function:
    │ (True, 'green', False)

  rerun: greenroom run --env COLOUR=green x.md --name S1

FAILED: 2 of 2 scenarios failed, [TIME]
  failed  x.md:6   S0
  failed  x.md:10  S1

"#]],
    );
    assert_eq!(loaded(&project), 1);
}

#[test]
fn an_ordinary_user_has_them_loaded_once_too() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(4321)) else { return };
    let who = "import ctypes\nassert os.getuid() == 4321\n\n\ndef prints(ctx, expression=None):\n    \
               assert eval(expression)\n";
    // Whoever enters a user namespace has all capabilities, of which functions must have none.
    let status = "then I see 'CapEff:\\t0000000000000000' in open('/proc/self/status').read() and os.getuid() == 4321 and os.getpid() < 10";
    let project = project
        .file("steps.py", format!("{STEPS}{who}"))
        .file("own.yaml", BINDINGS)
        .file("x.md", document(&[ALIKE[0], status, status, status]));
    let ran = project.run(["run", "-q", "--sandbox", "sealed", "x.md"]);
    if ran.status.code() == Some(4) {
        println!("skipped: only root may seal scenarios here: {}", ran.stderr);
        return;
    }
    ran.passes();
    assert_eq!(loaded(&project), 1);
    project.nothing_is_left();
}

#[test]
fn many_lists_of_files() {
    let Some(mut project) = Project::sealed() else { return };
    let names: Vec<String> = (0..20).map(|number| format!("{number}.md")).collect();
    for (number, name) in names.iter().enumerate() {
        let text = document(&ALIKE[..2]).replace("steps.py", &format!("steps-{number}.py"));
        project = project.file(&format!("steps-{number}.py"), STEPS).file(name, text);
    }
    let project = project.file("own.yaml", BINDINGS);
    project.run(["run".to_owned(), "-q".into()].into_iter().chain(names)).passes();
    let loaded = loaded(&project);
    assert!((20..=40).contains(&loaded), "{loaded}");
    project.nothing_is_left();
}

#[test]
fn files_that_cannot_be_loaded_are_told_of_by_each_scenario() {
    let project = project("raise RuntimeError('no licence')\n").file("x.md", document(&ALIKE[..2]));
    let ran = project.run(["run", "x.md"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 32 at a time

FAIL [TIME]  S0
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when I am first, ann
                      1 step not run

  RuntimeError: no licence
  where it failed:
    │   File "[PROJECT]/steps.py", line 27
    │     raise RuntimeError('no licence')

  rerun: greenroom run x.md --name S0

FAIL [TIME]  S1
  in x.md:13, scenario at x.md:11

    FAILED [TIME]  when I am first, bob
                      1 step not run

  RuntimeError: no licence
  where it failed:
    │   File "[PROJECT]/steps.py", line 27
    │     raise RuntimeError('no licence')

  rerun: greenroom run x.md --name S1

FAILED: 2 of 2 scenarios failed, [TIME]
  failed  x.md:6   S0
  failed  x.md:11  S1

"#]],
    );
}

/// A project that says so in a FIFO when it loads its files, and then waits in vain.
fn stuck() -> Option<(Project, Fifo, [String; 4])> {
    let project = Project::sealed()?.fifo("fifo");
    let steps = "import os, signal\nfifo = open(os.environ['FIFO'], 'w')\nos.set_inheritable(fifo.fileno(), True)\n\
                 signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif os.fork() == 0:\n    os.setsid()\n    \
                 print('loading', file=fifo, flush=True)\n    os.execvp('sleep', ['sleep', '1000'])\nsignal.pause()\n";
    let project =
        project.file("steps.py", format!("{steps}{STEPS}")).file("own.yaml", BINDINGS).file("x.md", document(&ALIKE));
    let fifo = Fifo::open(project.path("fifo"));
    let variable = format!("FIFO={}", project.path("fifo").display());
    Some((project, fifo, ["run".into(), "x.md".into(), "--env".into(), variable]))
}

#[test]
fn nothing_is_left_of_files_that_are_being_loaded() {
    for signal in [Signal::INT, Signal::KILL] {
        let Some((project, fifo, arguments)) = stuck() else { return };
        let started = project.start(arguments);
        assert_eq!(fifo.line(), "loading");
        let ran = started.signal(signal).finish();
        if signal == Signal::INT {
            ran.code(130).stderr("");
        } else {
            ran.killed_by(signal);
        }
        fifo.falls_silent();
        project.nothing_is_left();
    }
}

#[test]
fn a_host_that_dies_takes_its_copies_along_and_is_replaced() {
    if Project::sealed().is_none() {
        return;
    }
    let project = project("").fifo("fifo");
    let waits = "then I see open(os.path.join(srcdir, 'fifo'), 'w').write('here') and __import__('time').sleep(1000)";
    let project = project.file("x.md", document(&[waits, ALIKE[0], ALIKE[1]]));
    let fifo = Fifo::open(project.path("fifo"));
    let started = project.start(["run", "-j1", "x.md"]);
    assert_eq!(fifo.line(), "here");
    let warm = fs::read_to_string(project.path("loaded")).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(warm).unwrap(), Signal::KILL).unwrap();
    let ran = started.finish().code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

FAIL [TIME]  S0
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  then I see open(os.path.join(srcdir, 'fifo'), 'w').write('here') and __import__('time').sleep(1000)

  the python process that carries out the steps was killed, or the one that had loaded its files

  rerun: greenroom run x.md --name S0

PASS [TIME]  S1
PASS [TIME]  S2

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:6  S0

"#]],
    );
    assert_eq!(loaded(&project), 3);
    assert_eq!(names(&project.tmp()), [""; 0]);
}
