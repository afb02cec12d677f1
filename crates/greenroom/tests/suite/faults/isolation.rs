//! What scenarios do not share, and kernels that deny system calls.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use snapbox::str;

use super::{look, processes, root};
use crate::support::{Fifo, Project, Ran, document, scenario, with_programs};

#[test]
fn changes_that_root_makes_to_the_system_stay_in_the_scenario() {
    if !root() {
        return;
    }
    let Some(project) = Project::sealed() else { return };
    // The values compared below must be found, so that a missing command does not make the test
    // pass.
    let changes = [
        ("hostname", "echo greenroom-was-here > /proc/sys/kernel/hostname; cat /proc/sys/kernel/hostname"),
        ("address", "ip address add 10.9.9.9/8 dev lo; ip address show dev lo"),
        ("mounts", "mount -t tmpfs greenroom-was-here /mnt; cat /proc/self/mounts"),
        ("setting", "echo 17 > /proc/sys/net/ipv4/ip_default_ttl; cat /proc/sys/net/ipv4/ip_default_ttl"),
        ("shared memory", "ipcmk -M 4097 > /dev/null; tr -s \" \" < /proc/sysvipc/shm | cut -d \" \" -f 5"),
    ];
    let look = |command: &str| {
        let look = command.split("; ").last().unwrap();
        #[expect(clippy::disallowed_methods, reason = "looks at the machine as the scenario does")]
        let output = Command::new("sh").args(["-c", look]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let before = changes.map(|(_, command)| look(command));
    let directory = project.path("seen").display().to_string();
    let steps: String =
        changes.iter().map(|(what, command)| format!("when I run sh -c '({command}) > \"$SEEN/{what}\"'\n")).collect();
    let project = project.directory("seen").file("x.md", scenario(&steps));
    project.run(["run", "--sandbox", "sealed", "x.md", "--env", &format!("SEEN={directory}")]).passes();
    for ((what, command), before) in changes.iter().zip(&before) {
        let seen = fs::read_to_string(Path::new(&directory).join(what)).unwrap();
        assert_ne!(&seen, before, "{what} did not change in the scenario");
        assert_eq!(&look(command), before, "{what}");
    }
}

#[test]
fn host_name_lookups_fail_at_once() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario("when I try to run getent hosts example.invalid\nthen exit code is 2");
    // A resolver that waits for an answer waits for at least five seconds.
    project.file("x.md", text.replace("bindings:", "step_timeout: 4s\nbindings:")).run(["run", "x.md"]).passes();
}

#[test]
fn scenarios_do_not_inherit_descriptors() {
    let steps = "given file fds.py\nwhen I start \"python3 fds.py\" as a background process as d\n\
        when I wait for daemon d to end\n\
                 then daemon d stdout is \"\"\nwhen I run python3 fds.py\nthen stdout is exactly \"\"";
    let open =
        "exec \"$@\" 3</etc/passwd 4</etc/passwd 5</etc/passwd 6</etc/passwd 7</etc/passwd 8</etc/passwd 9</etc/passwd";
    let project = Project::anywhere().file("x.md", with_programs(scenario(steps)));
    project.through(["sh", "-c", open, "sh"]).run(["run", "x.md"]).passes();
}

#[test]
fn nested_runs_end_with_the_outermost() {
    let Some(project) = Project::sealed() else { return };
    let greenroom = env!("CARGO_BIN_EXE_greenroom");
    let token = project.token();
    let path = |name: &str| project.path(name).display().to_string();
    let inner = |document: &str| {
        scenario(&format!(
            "when I start \"sh -c 'sleep 1000; : {token}'\" as a background process as d\n\
                when I run {greenroom} run {}\nthen stdout contains \"1 scenario passed\"",
            path(document)
        ))
    };
    let innermost = scenario(&format!(
        "when I start \"sh -c 'sleep 1000; : {token}'\" as a background process as d\n\
            when I run sh -c 'echo up > {}; read word < {}; : {token}'",
        path("up"),
        path("gate")
    ));
    // A build directory below /tmp is visible inside only if the environment names it.
    let binary = Path::new(greenroom).parent().unwrap();
    let (one, two) = (inner("two.md"), inner("three.md"));
    let project = project.file("one.md", one).file("two.md", two).file("three.md", innermost).fifo("up").fifo("gate");
    let project = project.env("GREENROOM_IS_IN", binary);
    let started = project.start(["run", "one.md"]);
    Fifo::open(project.path("up")).line();
    fs::write(project.path("gate"), "go\n").unwrap();
    started.finish().passes();
    project.nothing_is_left();
    // Kill the outermost run while the innermost waits.
    let started = project.start(["run", "one.md"]);
    Fifo::open(project.path("up")).line();
    // There may be one more for a moment: a forked shell that has not yet become `sleep`.
    let daemons = || processes(&format!("sh -c sleep 1000; : {token}")).len();
    look("a daemon of each run", || (daemons() == 3).then_some(()));
    started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
    look("the end of all", || processes(&format!(": {token}")).is_empty().then_some(()));
    project.nothing_is_left();
}

/// Steps that use all the system calls that the kernel may lack.
const EVERYTHING: &str = "# Passes
~~~scenario
given file d/fetch.py from fetch.py
and a daemon helper shell script server.py
and a free port kept as web
when I start \"./server.py hello 127.0.0.1:${web}\" as a background process as web, on port ${web}
and I run python3 d/fetch.py 127.0.0.1 ${web}
then stdout is exactly \"hello\\n\"
when I send signal HUP to daemon web
and I wait for daemon web to end
then daemon web has ended by signal HUP
when I start \"sleep 1000\" as a background process as sleepy
and I stop background process sleepy
then daemon sleepy has ended by signal TERM
~~~
# Leaves something
~~~scenario
when I start \"setsid -w sh -c 'sleep 1000; : TOKEN'\" as a background process as d
then daemon d is running
~~~
# Fails
~~~scenario
when I run sh -c 'exit 7'
~~~
";

/// Runs the steps in this sandbox while the kernel denies system calls by these rules.
fn denied(rules: &str, sandbox: &str) -> Ran {
    let project = Project::anywhere();
    let text = with_programs(document(&EVERYTHING.replace("TOKEN", &project.token())));
    let project = project.file("x.md", text).refusing(rules);
    let ran = project.start(["run", "-q", "--sandbox", sandbox, "x.md"]).finish();
    project.nothing_is_left();
    ran
}

fn sandboxes() -> &'static [&'static str] {
    if Project::sealed().is_some() { &["sealed", "tended"] } else { &["tended"] }
}

#[test]
fn denied_newer_system_calls_make_no_difference() {
    for sandbox in sandboxes() {
        // Kernels before 5.4 answer as the last one does.
        let calls =
            ["clone3=ENOSYS", "close_range=ENOSYS", "openat2=ENOSYS", "pidfd_send_signal=ENOSYS", "waitid:3=EINVAL"];
        for rules in calls {
            println!("{rules}, {sandbox}");
            let ran = denied(rules, sandbox);
            let screen = ran.code(1).stderr("").stdout.replace(&format!("--sandbox {sandbox} "), "");
            crate::support::same(
                &screen,
                str![[r#"
FAIL [TIME]  Fails
  in x.md:27, scenario at x.md:25

    FAILED [TIME]  when I run sh -c 'exit 7'

  command failed with exit status 7: sh -c 'exit 7'

  rerun: greenroom run x.md --name Fails

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:25  Fails

"#]],
            );
        }
    }
}

#[test]
fn a_filter_that_denies_new_processes_is_named() {
    // The C library falls back to the older call only on ENOSYS.
    let ran = denied("clone3=EPERM", "auto");
    ran.code(4).stdout("").stderr(str![[r#"
greenroom: failed to start a thread: Operation not permitted (os error 1)

"#]]);
}

#[test]
fn a_kernel_without_pidfd_open_is_too_old() {
    denied("pidfd_open=ENOSYS", "auto").code(4).stdout("").stderr(str![[r#"
greenroom: this kernel or a seccomp filter refuses pidfd_open; greenroom needs Linux 5.3 or newer

"#]]);
    denied("pidfd_open=EPERM", "tended").code(4).stdout("").stderr(str![[r#"
greenroom: this kernel or a seccomp filter refuses pidfd_open; greenroom needs Linux 5.3 or newer

"#]]);
}
