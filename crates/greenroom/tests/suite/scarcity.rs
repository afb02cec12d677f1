//! Machines that have no process left for a program, or no namespace for a scenario: that is not
//! a failed assertion.

use snapbox::str;

use crate::support::{Project, document};

/// A user with a limit on processes. Root has none.
const USER: u32 = 23_456;

#[test]
fn a_program_that_the_machine_has_no_process_for_breaks_the_scenario() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(USER)) else { return };
    let limit = "when I run sh -c 'prlimit --pid $PPID --nproc=0:'\n";
    let text = document(&format!(
        "# Command\n~~~scenario\n{limit}when I try to run true\nthen command fails\n~~~\n\
         # Daemon\n~~~scenario\n{limit}when I try to start \"sleep 1000\" as d, on port 8080\n~~~\n"
    ));
    let project = project.file("x.md", text);
    project.run(["run", "-j", "1", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

BROKEN [TIME]  Command
  in x.md:8, scenario at x.md:5
  neither passed nor failed: greenroom could not run it to its end

    ok [TIME]  when I run sh -c 'prlimit --pid $PPID --nproc=0:'
    FAILED [TIME]  when I try to run true
                      1 step not run

  failed to start /usr/bin/true: Resource temporarily unavailable (os error 11)
  note: the machine has no process or memory left for it, and had none for several seconds
  help: run fewer scenarios at a time with `-j`, or raise the limit on processes: `ulimit -u`, or the pids limit of the container

  rerun: greenroom run x.md --name Command

BROKEN [TIME]  Daemon
  in x.md:14, scenario at x.md:11
  neither passed nor failed: greenroom could not run it to its end

    ok [TIME]  when I run sh -c 'prlimit --pid $PPID --nproc=0:'
    FAILED [TIME]  when I try to start "sleep 1000" as d, on port 8080

  failed to start /usr/bin/sleep: Resource temporarily unavailable (os error 11)
  note: the machine has no process or memory left for it, and had none for several seconds
  help: run fewer scenarios at a time with `-j`, or raise the limit on processes: `ulimit -u`, or the pids limit of the container

  rerun: greenroom run x.md --name Daemon

FAILED: 2 of 2 scenarios broken, [TIME]
  broken  x.md:5   Command
  broken  x.md:11  Daemon

"#]]);
    project.nothing_is_left();
}

#[test]
fn a_program_that_gets_a_process_after_a_while_runs() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(USER)) else { return };
    let back = "when I start \"sh -c 'worker=$PPID; sleep 1; exec prlimit --pid $worker --nproc=9999:'\" as a \
                background process as back\n";
    let limit = "when I run sh -c 'prlimit --pid $PPID --nproc=0:'\n";
    let text = document(&format!(
        "# Command\n~~~scenario\n{back}{limit}when I run true\n~~~\n\
         # Daemon\n~~~scenario\n{back}{limit}when I start \"sleep 1000\" as a background process as d\n\
         then daemon d is running\n~~~\n"
    ));
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

/// Twenty scenarios, the first of which takes longer than a stage waits for namespaces by itself.
fn twenty() -> String {
    let step = |number: u32| if number == 1 { "sleep 3" } else { "true" };
    let one = |number| format!("# S{number}\n~~~scenario\nwhen I run {}\n~~~\n", step(number));
    document(&(1..=20).map(one).collect::<String>())
}

/// Runs greenroom in a user namespace that allows so many namespaces of a kind.
fn with_limit(project: Project, kind: &str, most: u32) -> Project {
    let limit = format!("echo {most} > /proc/sys/user/max_{kind}_namespaces && exec \"$0\" \"$@\"");
    project.bare().through(["unshare", "-U", "-r", "sh", "-c", &limit])
}

#[test]
fn scenarios_wait_for_namespaces_that_others_hold() {
    // At the same time, because each takes as long as its first scenario.
    std::thread::scope(|scope| {
        for (kind, most) in [("net", 1), ("pid", 2), ("mnt", 4)] {
            scope.spawn(move || twenty_pass(kind, most));
        }
    });
}

/// Asserts that twenty scenarios pass where there are only so many namespaces of a kind.
fn twenty_pass(kind: &str, most: u32) {
    let Some(project) = Project::sealed() else { return };
    let project = with_limit(project.file("x.md", twenty()), kind, most);
    let ran = project.run(["run", "-j", "8", "--events", "e.jsonl", "x.md"]).passes();
    assert!(ran.stdout.ends_with("\n20 scenarios passed, 20 steps, [TIME]\n"), "{kind} {most}: {}", ran.stdout);
    // Each begins and ends once, however often its sandbox was tried.
    let recording = std::fs::read_to_string(project.path("e.jsonl")).unwrap();
    for event in ["scenario_started", "step_started", "scenario_finished"] {
        assert_eq!(recording.matches(&format!("\"{event}\"")).count(), 20, "{kind} {most}: {event}\n{recording}");
    }
}

#[test]
fn scenarios_are_broken_if_namespaces_are_used_up_and_no_other_scenario_holds_any() {
    let Some(project) = Project::sealed() else { return };
    let take = "sh -c 'echo 0 > /proc/sys/user/max_net_namespaces'";
    let one = |number| format!("# S{number}\n~~~scenario\nwhen I run {take}\n~~~\n");
    let project = project.file("x.md", document(&(1..=6).map(one).collect::<String>()));
    let ran = with_limit(project, "net", 100).run(["run", "-j", "2", "x.md"]).code(1).stderr("");
    // Those that were set up by then pass.
    let failed = "failed to set up the sandbox: unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) \
                  failed: no space left on device (ENOSPC)";
    assert!(ran.stdout.contains(failed), "{}", ran.stdout);
    assert!(ran.stdout.contains("PASS [TIME]  S1\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n  broken  x.md:25  S6\n"), "{}", ran.stdout);
}
