//! What a scenario sees of the world, and what the world sees of it, afterwards above all.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, document, same, scenario, with_programs};

/// A document of this many scenarios, whose steps have `@` in the place of the scenario's number.
fn many(count: usize, steps: &str) -> String {
    let one = |n: usize| format!("# S{n}\n~~~scenario\n{}\n~~~\n", steps.replace('@', &n.to_string()));
    document(&(1..=count).map(one).collect::<String>())
}

// ---- One another ----

#[test]
fn a_fixed_port_is_each_scenarios_own() {
    let Some(project) = Project::sealed() else { return };
    let steps = "given file fetch.py\ngiven a daemon helper shell script server.py\n\
                 when I start \"./server.py number-@ 127.0.0.1:8888\" as a background process as web\n\
                 when I wait for daemon web to listen on port 8888, for at most 60 seconds\n\
                 when I run python3 fetch.py 127.0.0.1 8888\nthen stdout is exactly \"number-@\\n\"";
    let ran = project.file("x.md", with_programs(many(20, steps))).run(["run", "-q", "x.md"]).passes();
    ran.stdout(str![[r#"
20 scenarios passed, 120 steps, [TIME]

"#]]);
}

#[test]
fn two_runs_of_one_document_do_not_meet() {
    let Some(project) = Project::sealed() else { return };
    // Each run holds its port until the other one has it too.
    let steps = "given a daemon helper shell script server.py\n\
                 when I start \"./server.py web 127.0.0.1:8888\" as a background process as web\n\
                 when I wait for daemon web to listen on port 8888, for at most 60 seconds\n\
                 when I run sh -c 'eval \"$MEET\"'\nthen daemon web is running";
    let project = project.file("x.md", with_programs(scenario(steps))).fifo("fifo");
    let fifo = project.path("fifo").display().to_string();
    let first = project.start(["run", "x.md", "--env", &format!("MEET=echo there > {fifo}")]);
    let second = project.start(["run", "x.md", "--env", &format!("MEET=read word < {fifo}")]);
    first.finish().passes();
    second.finish().passes();
    project.nothing_is_left();
}

#[test]
fn processes_of_other_scenarios_and_of_the_machine_do_not_show() {
    let Some(project) = Project::sealed() else { return };
    // Each scenario's `sleep` runs while the other one looks.
    let scenarios = "\
# One
~~~scenario
when I start \"sleep 3131\" as a background process as sleepy
and I run sh -c \"echo there > $ONE; read word < $TWO\"
then a process \"sleep 3131\" is running
and there is no \"sleep 3232\" process
~~~
# Two
~~~scenario
when I start \"sleep 3232\" as a background process as sleepy
and I run sh -c \"read word < $ONE; echo there > $TWO\"
then a process \"sleep 3232\" is running
and there is no \"sleep 3131\" process
and there is no \"greenroom\" process
~~~
";
    let project = project.file("x.md", document(scenarios)).fifo("one").fifo("two");
    let variables =
        [("ONE", "one"), ("TWO", "two")].map(|(name, fifo)| format!("{name}={}", project.path(fifo).display()));
    project.run(["run", "x.md", "--env", &variables[0], "--env", &variables[1]]).passes();
}

#[test]
fn the_process_table_is_the_scenarios_own() {
    let Some(project) = Project::sealed() else { return };
    // The first process, the worker and this one.
    let text = with_programs(scenario(
        "given file processes.py\nwhen I run python3 processes.py\nthen stdout is exactly \"3\\n\"",
    ));
    project.file("x.md", text).run(["run", "x.md"]).passes();
}

#[test]
fn scenarios_have_directories_of_their_own() {
    let Some(project) = Project::sealed() else { return };
    let steps = "when I run sh -c 'ls -A; touch file; touch ../beside; touch /tmp/shared'\n\
        then stdout is exactly \"\"\n\
                 when I run sh -c 'ls -A ..'\nthen stdout is exactly \"beside\\ndata\\n\"";
    project.file("x.md", many(3, steps)).run(["run", "-j", "1", "x.md"]).passes();
}

#[test]
fn variables_do_not_leak_into_other_scenarios() {
    let Some(project) = Project::sealed() else { return };
    let steps = "when I run sh -c 'echo [$COLOUR]'\nthen stdout is exactly \"[]\\n\"\n\
                 given the environment variable COLOUR=green\n\
                 when I run sh -c 'echo [$COLOUR]'\nthen stdout is exactly \"[green]\\n\"";
    project.file("x.md", many(2, steps)).run(["run", "-j", "1", "x.md"]).passes();
}

// ---- The surroundings ----

#[test]
fn the_surroundings_of_a_scenario() {
    let Some(project) = Project::sealed() else { return };
    let look = "when I run sh -c 'pwd > $OUT; echo $HOME >> $OUT; echo $TMPDIR >> $OUT; echo $SHELL >> $OUT; echo \
        $LANG >> $OUT; env | sed s/=.*// | sort | xargs >> $OUT'";
    let out = project.path("out");
    let project = project.file("x.md", scenario(look)).env("LANG", "C.UTF-8").env("FROM_OUTSIDE", "1");
    project.run(["run", "x.md", "--env", &format!("OUT={}", out.display())]).passes();
    let seen = fs::read_to_string(out).unwrap();
    let directory = seen.lines().next().unwrap();
    assert!(directory.starts_with(project.tmp().to_str().unwrap()) && directory.ends_with("/1/data"), "{directory}");
    same(
        &seen.replace(directory, "[DIRECTORY]"),
        str![[r#"
[DIRECTORY]
[DIRECTORY]
[DIRECTORY]
/bin/sh
C.UTF-8
FROM_OUTSIDE HOME LANG OUT PATH PWD SHELL TMPDIR

"#]],
    );
}

#[test]
fn tmp_is_private_but_for_the_documents_directory() {
    let Some(project) = Project::sealed() else { return };
    if !project.path(".").starts_with("/tmp") {
        println!("skipped: temporary files are not below /tmp here");
        return;
    }
    let beside = tempfile::Builder::new().prefix("trial-").tempdir_in("/tmp").unwrap();
    let beside = beside.path().display();
    let text = scenario(&format!(
        "when I run ls {project}\nthen stdout contains \"x.md\"\nwhen I try to run ls {beside}\nthen command fails\n\
         when I run sh -c 'touch /tmp/{token} && ls /tmp/{token}'\nthen command is successful",
        project = project.path(".").display(),
        token = project.token() + "-inside",
    ));
    let project = project.file("x.md", text);
    project.run(["run", "x.md"]).passes();
    assert!(!fs::exists(format!("/tmp/{}-inside", project.token())).unwrap());
}

#[test]
fn the_hosts_name_stays() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can change a host's name");
        return;
    }
    let Some(project) = Project::sealed() else { return };
    let name = || fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let before = name();
    let steps = "when I run sh -c 'echo greenroom-was-here > /proc/sys/kernel/hostname; cat /proc/sys/kernel/hostname'";
    project
        .file("x.md", scenario(&format!("{steps}\nthen stdout is exactly \"greenroom-was-here\\n\"")))
        .run(["run", "x.md"]);
    assert_eq!(name(), before);
}

#[test]
fn the_network_outside_is_out_of_reach_at_once() {
    let Some(project) = Project::sealed() else { return };
    let text = with_programs(scenario("given file far.py\nwhen I run python3 far.py"));
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given file far.py
    FAILED [TIME]  when I run python3 far.py

  command failed with exit status 1: python3 far.py
  stderr of the command:
    │ cannot connect: [Errno 101] Network is unreachable

  it tried to reach or look up another host, but its network was private and has only localhost
    help: to use the host's network: label `network-host`, `network: host` in the metadata, or `--network host`

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn no_descriptors_but_the_standard_ones() {
    let Some(project) = Project::sealed() else { return };
    let steps = "given file fds.py\nwhen I start \"python3 fds.py\" as a background process as d\n\
        when I wait for daemon d to end\n\
                 then daemon d stdout is \"\"\nwhen I run python3 fds.py\nthen stdout is exactly \"\"";
    let text = with_programs(scenario(steps));
    project.file("x.md", text).run(["run", "x.md"]).passes();
}

#[test]
fn an_ordinary_user_stays_the_same_user() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(4321)) else { return };
    let steps = "when I run id -u\nthen stdout is exactly \"4321\\n\"\nwhen I run id -g\n\
        then stdout is exactly \"4321\\n\"\n\
                 when I run sh -c 'touch closed; chmod 000 closed'\nwhen I try to run cat closed\nthen command fails\n\
                 given a daemon helper shell script server.py\nwhen I start \"./server.py web 127.0.0.1:80\" as a \
                 background process as web, on port 80\n\
                 when I run sh -c 'touch $OUT'";
    let out = project.path("out");
    let project = project.file("x.md", with_programs(scenario(steps)));
    let ran = project.run(["run", "-q", "--sandbox", "sealed", "x.md", "--env", &format!("OUT={}", out.display())]);
    if ran.status.code() == Some(4) {
        println!("skipped: only root may seal scenarios here: {}", ran.stderr);
        return;
    }
    ran.passes().stdout("1 scenario passed, 10 steps, [TIME]\n");
    assert_eq!(fs::metadata(out).unwrap().uid(), 4321);
    project.nothing_is_left();
}

// ---- Afterwards ----

/// A project whose document `x.md` starts processes of every kind that is hard to be rid of, waits
/// at a gate and then does this; and the arguments to run it.
fn stubborn(steps: &str) -> Option<(Project, [String; 6])> {
    let project = Project::sealed()?.fifo("fifo").fifo("gate");
    let start = "given a daemon helper shell script stubborn.sh\nwhen I start \"./stubborn.sh TOKEN\" as a background \
        process as stubborn\n\
                 when I run sh -c 'read word < $GATE'\n";
    let text = with_programs(scenario(&format!("{start}{steps}").replace("TOKEN", &project.token())));
    let [fifo, gate] = ["fifo", "gate"].map(|name| project.path(name).display().to_string());
    let variables = ["--env".into(), format!("FIFO={fifo}"), "--env".into(), format!("GATE={gate}")];
    let [a, b, c, d] = variables;
    Some((project.file("x.md", text), ["run".into(), "x.md".into(), a, b, c, d]))
}

/// Waits until all of them are there, and opens the gate.
fn wait_for_all(project: &Project) -> Fifo {
    let fifo = Fifo::open(project.path("fifo"));
    let mut lines = [fifo.line(), fifo.line(), fifo.line()];
    lines.sort();
    assert_eq!(lines, ["in a session of its own", "in the group", "without a parent"]);
    fs::write(project.path("gate"), "go\n").unwrap();
    fifo
}

#[test]
fn nothing_is_left_of_a_scenario_that_passes() {
    let Some((project, arguments)) = stubborn("when I run true") else { return };
    let started = project.start(arguments);
    let fifo = wait_for_all(&project);
    started.finish().passes();
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn nothing_is_left_of_a_scenario_that_fails() {
    let Some((project, arguments)) = stubborn("when I run false") else { return };
    let started = project.start(arguments);
    let fifo = wait_for_all(&project);
    started.finish().code(1);
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn nothing_is_left_after_a_time_out() {
    let Some((project, arguments)) = stubborn("when I run sleep 1000") else { return };
    let text = fs::read_to_string(project.path("x.md")).unwrap();
    let project = project.file("x.md", text.replace("bindings:", "step_timeout: 3s\nbindings:"));
    let started = project.start(arguments);
    let fifo = wait_for_all(&project);
    started.finish().code(1);
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn nothing_is_left_after_signals_to_the_runner() {
    // All at once: each takes the whole time that deaf processes are given.
    let all = [Signal::INT, Signal::TERM, Signal::HUP].map(|signal| (stubborn("when I run sleep 1000"), signal));
    let mut started = Vec::new();
    for (stubborn, signal) in &all {
        let Some((project, arguments)) = stubborn else { return };
        let run = project.start(arguments);
        started.push((project, wait_for_all(project), run.signal(*signal)));
    }
    for (project, fifo, run) in started {
        run.finish().code(130).stderr("");
        fifo.closed();
        project.nothing_is_left();
    }
}

#[test]
fn a_second_signal_is_not_polite() {
    let Some((project, arguments)) = stubborn("when I run sleep 1000") else { return };
    let started = project.start(arguments);
    let fifo = wait_for_all(&project);
    started.signal(Signal::INT).signal(Signal::TERM).finish().code(130);
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn nothing_is_left_when_the_runner_is_killed() {
    let Some((project, arguments)) = stubborn("when I run sleep 1000") else { return };
    let started = project.start(arguments);
    let fifo = wait_for_all(&project);
    started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
    fifo.closed();
    project.nothing_is_left();
}

#[test]
fn nothing_is_left_of_what_cannot_be_removed_easily() {
    let Some(project) = Project::sealed() else { return };
    let outside = project.path("outside");
    let steps = "when I run sh -c 'mkdir -p d/e; touch d/e/f; ln -s $OUTSIDE d/link; chmod 000 d/e d; mkfifo pipe; ln \
        -s loop loop'";
    let project = project.file("x.md", scenario(steps)).file("outside/kept", "kept");
    project.run(["run", "x.md", "--env", &format!("OUTSIDE={}", outside.display())]).passes();
    project.nothing_is_left();
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
}

#[test]
fn a_scenario_that_removes_its_own_directory() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario("when I run sh -c 'rm -rf $HOME'\nwhen I start \"sleep 1000\" as a background process as d");
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I run sh -c 'rm -rf $HOME'
    FAILED [TIME]  when I start "sleep 1000" as a background process as d

  cannot open the scenario's directory: no such file or directory

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn links_that_a_step_has_planted_are_not_written_through() {
    let Some(project) = Project::sealed() else { return };
    let victim = project.path("victim");
    let project = project.file("victim", "untouched");
    for steps in [
        "when I run ln -s $VICTIM d.stdout\nwhen I start \"echo overwritten\" as a background process as d",
        "when I run ln -s $VICTIM f\ngiven file f",
        "when I run ln -s $VICTIM f\ngiven a daemon helper shell script f",
    ] {
        let steps = steps.replace("$VICTIM", victim.to_str().unwrap());
        let text = scenario(&steps) + "~~~{#f .file}\noverwritten\n~~~\n";
        fs::write(project.path("x.md"), text).unwrap();
        project.run(["run", "x.md"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched", "{steps}");
    }
}

#[test]
fn a_run_inside_of_a_run() {
    let Some(project) = Project::sealed() else { return };
    let inner = scenario("when I start \"sleep 1000\" as a background process as d\nthen daemon d is running");
    let outer = scenario("when I run $GREENROOM run -q inner.md\nthen stdout contains \"1 scenario passed\"");
    let outer = outer
        .replace("$GREENROOM", env!("CARGO_BIN_EXE_greenroom"))
        .replace("inner.md", project.path("inner.md").to_str().unwrap());
    // A build directory below /tmp shows inside only when the environment mentions it.
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_greenroom")).parent().unwrap();
    project
        .file("inner.md", inner)
        .file("outer.md", outer)
        .env("GREENROOM_IS_IN", binary)
        .run(["run", "outer.md"])
        .passes();
}

/// As for what is started in a container from outside, the numbers of the group and the session are 0.
#[test]
fn in_a_process_namespace_whose_session_is_outside() {
    let Some(project) = Project::sealed() else { return };
    let project = project.bare().file("x.md", scenario("when I run true"));
    let project = project.through(["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    project.run(["run", "-q", "x.md"]).passes().stdout("1 scenario passed, 1 step, [TIME]\n");
}

/// Without mounts of its own a scenario can mount something precious into its directory.
#[test]
fn what_a_scenario_has_mounted_is_not_removed_with_its_directory() {
    if !rustix::process::getuid().is_root() || Project::sealed().is_none() {
        println!("skipped: only root can mount without a sandbox, and does it in namespaces of the test's own");
        return;
    }
    let project = Project::new().bare().file("precious/kept", "kept");
    let steps = format!(
        "when I run mkdir -p m/n\nwhen I run mount --bind {precious} m/n\nwhen I run mount --bind {precious} .",
        precious = project.path("precious").display()
    );
    let project = project.file("x.md", scenario(&steps));
    let project = project.through(["unshare", "-m", "--propagation", "private"]);
    project.run(["run", "--sandbox", "tended", "-q", "x.md"]).passes();
    assert_eq!(fs::read_to_string(project.path("precious/kept")).unwrap(), "kept");
}

#[test]
fn runs_that_start_at_the_same_time_do_not_sweep_one_anothers_directories() {
    let project = Project::anywhere().file("x.md", scenario("when I run true"));
    for _ in 0..crate::support::rounds(3) {
        let started: Vec<_> = (0..12).map(|_| project.start(["run", "-q", "x.md"])).collect();
        for run in started {
            run.finish().passes();
        }
    }
    project.nothing_is_left();
}

#[test]
fn a_program_below_the_tmp_of_the_host_is_said_to_be_hidden() {
    let Some(project) = Project::sealed() else { return };
    let outside = tempfile::Builder::new().prefix("hidden-").tempdir_in("/tmp").unwrap();
    let program = outside.path().join("prog");
    fs::copy("/bin/true", &program).unwrap();
    let directory = outside.path().display();
    let program = program.display();
    let path = format!("PATH={directory}:/usr/bin:/bin");
    let text = document(&format!(
        "# Command\n~~~scenario\nwhen I run {program}\n~~~\n\
         # Daemon\n~~~scenario\nwhen I start \"{program}\" as a background process as d\n~~~\n\
         # Missing\n~~~scenario\nwhen I try to run {directory}/missing\nthen exit code is 127\n~~~\n\
         # On PATH\n~~~scenario\ngiven the environment variable {path}\nwhen I run prog\n~~~\n\
         # Daemon on PATH\n~~~scenario\ngiven the environment variable {path}\n\
         when I start \"prog\" as a background process as d\n~~~\n"
    ));
    let project = project.file("x.md", text);
    let ran = project.run(["run", "-j", "1", "x.md"]).code(1);
    let note = "note: each scenario has an empty /tmp of its own, without the files of the host's";
    assert!(ran.stdout.contains(&format!("program not found: {program}\n  {note}")), "{}", ran.stdout);
    let note = format!("note: {directory} on PATH is not visible here: each scenario has an empty /tmp of its own\n");
    assert_eq!(ran.stdout.matches(&note).count(), 2, "{}", ran.stdout);
    assert!(ran.stdout.contains("4 of 5 scenarios failed"), "{}", ran.stdout);
    // The check says so before, of each program once.
    let warning = format!("{program} exists, but scenarios cannot see it: each has an empty /tmp of its own\n");
    assert_eq!(ran.stderr.matches(&warning).count(), 1, "{}", ran.stderr);
    let checked = project.run(["check", "x.md"]).code(0);
    assert_eq!(checked.stderr, ran.stderr);
    project.run(["check", "--strict", "x.md"]).code(2);
    // Where it is visible, nothing is said.
    project.run(["run", "--sandbox", "tended", "--name", "Command", "x.md"]).passes().stderr("");
    let tools = format!("TOOLS={directory}");
    project.run(["run", "--env", &tools, "--name", "Command", "x.md"]).passes().stderr("");
    project.run(["check", "--env", &tools, "x.md"]).passes().stderr("");
}

#[test]
fn the_check_tells_hidden_programs_from_missing_ones() {
    let outside = tempfile::Builder::new().prefix("hidden-").tempdir_in("/dev/shm").unwrap();
    let program = outside.path().join("prog");
    fs::copy("/bin/true", &program).unwrap();
    let [program, directory] = [program.display().to_string(), outside.path().display().to_string()];
    let script = format!("#!{program}\n");
    let text = document(&format!(
        "# A\n~~~scenario\nwhen I run {program}\n~~~\n# B\n~~~scenario\nwhen I run {directory}/missing\n~~~\n\
         # C\n~~~scenario\ngiven executable file a.sh\nwhen I run ./a.sh\n~~~\n\
         # D\n~~~scenario\ngiven srcdir is in the PATH\nwhen I run link\n~~~\n\
         ~~~{{#a.sh .file}}\n{script}~~~\n"
    ));
    let project = Project::new().file("x.md", text);
    std::os::unix::fs::symlink(&program, project.path("link")).unwrap();
    let refused = project.refused(["check", "x.md"]);
    let screen = refused.stderr.replace(&directory, "/dev/shm/DIRECTORY");
    same(
        &screen,
        str![[r#"
warning[hidden-program]: /dev/shm/DIRECTORY/prog exists, but scenarios cannot see it: each has an empty /dev/shm of its own
 --> x.md:7:12
  |
7 | when I run /dev/shm/DIRECTORY/prog
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: keep the program outside of /tmp and /dev/shm, or run with `--sandbox tended`

error[program-not-found]: program not found: /dev/shm/DIRECTORY/missing
  --> x.md:11:12
   |
11 | when I run /dev/shm/DIRECTORY/missing
   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

warning[hidden-program]: /dev/shm/DIRECTORY/prog, the interpreter of ./a.sh, exists, but scenarios cannot see it: each has an empty /dev/shm of its own
  --> x.md:16:12
   |
16 | when I run ./a.sh
   |            ^^^^^^
   |
   = help: keep the program outside of /tmp and /dev/shm, or run with `--sandbox tended`

warning[hidden-program]: [PROJECT]/link, a link to /dev/shm/DIRECTORY/prog, exists, but scenarios cannot see it: each has an empty /dev/shm of its own
  --> x.md:21:12
   |
21 | when I run link
   |            ^^^^
   |
   = help: keep the program outside of /tmp and /dev/shm, or run with `--sandbox tended`

1 error, 3 warnings

"#]],
    );
}
