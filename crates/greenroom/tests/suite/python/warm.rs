//! Step files are loaded once for all scenarios, and only the time that it takes shows it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use snapbox::str;

use crate::support::{Fifo, PATIENCE, Project, names, rounds};

/// Each time that it is loaded it has another name for that. Functions leave a line with it in `loaded`.
const STEPS: &str = "\
import os, random, sys, tempfile

LOADING = os.urandom(16).hex(), os.getpid()
seen = []
AT_LOADING = os.environ.get('HOME'), os.getcwd()


def note():
    with open(os.path.join(srcdir, 'loaded'), 'a') as loaded:
        print(*LOADING, file=loaded)


def is_first(ctx, name=None):
    note()
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
    note()
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
                    impls: {python: [steps.py, lib/files.py, lib/runcmd.py, lib/daemon.py]}\n...\n"
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

/// How often the files were loaded whose functions have run.
fn loaded(project: &Project) -> usize {
    let text = fs::read_to_string(project.path("loaded")).unwrap();
    fs::remove_file(project.path("loaded")).unwrap();
    text.lines().collect::<BTreeSet<_>>().len()
}

/// The process that has loaded the files of the only function that has run.
fn loader(project: &Project) -> Pid {
    let loaded_by = fs::read_to_string(project.path("loaded")).unwrap();
    Pid::from_raw(loaded_by.trim().rsplit(' ').next().unwrap().parse().unwrap()).unwrap()
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

/// What they do besides belongs to a scenario, so it is done there and nowhere else.
#[test]
fn files_with_effects_are_loaded_by_each_scenario() {
    for effect in [
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
        "import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 1000; : TOKEN'], start_new_session=True)\n",
        "import tempfile\nD = tempfile.mkdtemp()\n",
        "os.makedirs('/tmp/greenroom-trial/TOKEN')\n",
        "try:\n    F = open('file-TOKEN', 'w')\nexcept BaseException:\n    pass\n",
        "import asyncio\nLOOP = asyncio.new_event_loop()\n",
        "import socket\nS = socket.create_server(('127.0.0.1', 8080))\n",
        "random.seed(42)\nFIRST = random.random()\n",
    ] {
        let Some(project) = Project::sealed() else { return };
        let steps = format!("{STEPS}{}", effect.replace("TOKEN", &project.token()));
        let project = project.file("steps.py", steps).file("own.yaml", BINDINGS).file("x.md", document(&ALIKE));
        project.run(["run", "-q", "x.md"]).passes();
        assert_eq!(loaded(&project), 4, "{effect}");
        project.nothing_is_left();
        assert!(!fs::exists(format!("/tmp/greenroom-trial/{}", project.token())).unwrap());
    }
}

#[test]
fn files_are_loaded_as_by_the_user_and_functions_run_in_the_scenario() {
    if Project::sealed().is_none() {
        return;
    }
    let expressions = "AT_LOADING, os.environ['COLOUR']";
    let here = "os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR'], os.environ['COLOUR'], 'GREENROOM_HOST' in \
        os.environ";
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
    │   File "[PROJECT]/steps.py", line 31, in prints
    │     assert False
  output of the python function:
    │ (('/home/ann', '[PROJECT]'), 'green')

  rerun: greenroom run --env COLOUR=green x.md --name S0

FAIL [TIME]  S1
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  then I see os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR'], os.environ['COLOUR'], 'GREENROOM_HOST' in os.environ

  AssertionError: assert False
  where it failed:
    │   File "[PROJECT]/steps.py", line 31, in prints
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
    // A process that enters a user namespace has all capabilities; functions must have none of them.
    let status = "then I see 'CapEff:\\t0000000000000000' in open('/proc/self/status').read() and os.getuid() == 4321 \
        and os.getpid() < 10";
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
fn each_scenario_reports_files_that_cannot_be_loaded() {
    let project = project("raise RuntimeError('no licence')\n").file("x.md", document(&ALIKE[..2]));
    let ran = project.run(["run", "-j1", "x.md"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

FAIL [TIME]  S0
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when I am first, ann
                      1 step not run

  RuntimeError: no licence
  where it failed:
    │   File "[PROJECT]/steps.py", line 32
    │     raise RuntimeError('no licence')

  rerun: greenroom run x.md --name S0

FAIL [TIME]  S1
  in x.md:13, scenario at x.md:11

    FAILED [TIME]  when I am first, bob
                      1 step not run

  RuntimeError: no licence
  same as above, for S0 (x.md:6)

  rerun: greenroom run x.md --name S1

FAILED: 2 of 2 scenarios failed, [TIME]
  failed  x.md:6   S0
  failed  x.md:11  S1

"#]],
    );
}

/// Waits until a FIFO has no readers.
fn has_no_reader(fifo: &File) {
    let limit = Timespec::try_from(PATIENCE).unwrap();
    let ended = poll(&mut [PollFd::new(fifo, PollFlags::empty())], Some(&limit)).unwrap();
    assert_eq!(ended, 1, "a process lives on");
}

#[test]
fn nothing_is_left_of_files_that_are_being_loaded() {
    let steps = "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                 with open(os.environ['FIFO']) as fifo:\n    fifo.read()\n";
    for signal in [Signal::INT, Signal::KILL] {
        let Some(project) = Project::sealed() else { return };
        let project = project.fifo("fifo").file("steps.py", format!("{steps}{STEPS}"));
        let project = project.file("own.yaml", BINDINGS).file("x.md", document(&ALIKE));
        let path = project.path("fifo");
        let started = project.start(["run", "x.md", "--env", &format!("FIFO={}", path.display())]);
        let (sender, opened) = mpsc::channel();
        // This returns as soon as the FIFO has a reader.
        thread::spawn(move || sender.send(File::options().write(true).open(path)));
        let fifo = opened.recv_timeout(PATIENCE).expect("the files are being loaded").unwrap();
        let ran = started.signal(signal).finish();
        if signal == Signal::INT {
            ran.code(130).stderr("");
        } else {
            ran.killed_by(signal);
        }
        has_no_reader(&fifo);
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
    kill_process(loader(&project), Signal::KILL).unwrap();
    let ran = started.finish().code(1).stderr("");
    crate::support::same(
        &ran.stdout,
        str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

FAIL [TIME]  S0
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  then I see open(os.path.join(srcdir, 'fifo'), 'w').write('here') and __import__('time').sleep(1000)

  the python process that runs the steps was killed, or the one that had loaded its files

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

#[test]
fn a_host_that_does_not_answer_is_done_without() {
    if Project::sealed().is_none() {
        return;
    }
    let project = project("").fifo("fifo").fifo("gate");
    let waits = "then I see open(os.path.join(srcdir, 'fifo'), 'w').write('here') and open(os.path.join(srcdir, \
        'gate')).read()";
    let project = project.file("x.md", document(&[waits, ALIKE[0], ALIKE[1], ALIKE[2]]));
    let fifo = Fifo::open(project.path("fifo"));
    let started = project.start(["run", "-j1", "-q", "x.md"]);
    assert_eq!(fifo.line(), "here");
    let warm = loader(&project);
    kill_process(warm, Signal::STOP).unwrap();
    fs::write(project.path("gate"), "go\n").unwrap();
    let ran = started.finish().code(1).stderr("");
    assert!(ran.stdout.contains("1 of 4 scenarios failed, 3 passed"), "{}", ran.stdout);
    assert_eq!(loaded(&project), 4);
    assert_eq!(names(&project.tmp()), [""; 0]);
    assert!(!fs::exists(format!("/proc/{}", warm.as_raw_nonzero())).unwrap());
}

/// Kills the runner while hosts are being started, loaded, copied and asked.
fn killed_at_any_moment(sandbox: &str) {
    let count = rounds(10);
    let python = fs::canonicalize("/usr/bin/python3").unwrap();
    for round in 0..count {
        // All of its processes have the project's name in their command lines, the hosts by their program.
        let project = Project::anywhere().link("python3", &python);
        let starts = "import subprocess\n\n\ndef prints(ctx, expression=None):\n    \
                      subprocess.Popen(['sh', '-c', 'sleep 1000; : TOKEN'], start_new_session=True)\n    \
                      daemon_start(ctx, path='sh', args='-c \"sleep 1000; : TOKEN\"', name='d')\n    \
                      runcmd_run(ctx, ['sh', '-c', 'sleep 1000; : TOKEN'])\n";
        let steps = format!("{STEPS}{}", starts.replace("TOKEN", &project.token()));
        let text = document(&["then I see nothing"; 4]);
        let project = project.file("steps.py", steps).file("own.yaml", BINDINGS).file("x.md", text);
        let program = project.path("python3");
        let started =
            project.start(["run", "--sandbox", sandbox, "-j3", "x.md", "--python", program.to_str().unwrap()]);
        // A moment, not a condition: any will do.
        let moment = Duration::from_micros(250_000 * round as u64 / count as u64);
        let _ = poll(&mut [], Some(&Timespec::try_from(moment).unwrap()));
        started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
        project.nothing_is_left();
    }
}

#[test]
fn nothing_is_left_of_a_sealed_run_with_python_steps_that_is_killed_at_any_moment() {
    if Project::sealed().is_some() {
        killed_at_any_moment("sealed");
    }
}

#[test]
fn nothing_is_left_of_a_tended_run_with_python_steps_that_is_killed_at_any_moment() {
    killed_at_any_moment("tended");
}
