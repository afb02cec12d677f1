//! The sandbox, property by property: what the kernel refuses is shared and said to be, and all
//! else is had all the same.

use std::fs;

use snapbox::str;

use crate::support::{Fifo, Project, Ran, document, scenario, with_programs};

/// One that only these rules keep from being sealed.
fn refusing(rules: &str) -> Option<Project> {
    Some(Project::sealed()?.bare().refusing(rules))
}

/// A screen without what depends on the machine.
fn screen(ran: &Ran) -> String {
    // The lines about users depend on who runs the tests.
    let text = ran.stdout.split("Scenarios can run as").next().unwrap_or_default();
    let text = text.split("Scenarios cannot run as").next().unwrap_or_default();
    let lines = text.trim_end().lines().map(|line| {
        // Who the user is; and where temporary files are, in `doctor`.
        if line.starts_with("  user ") || line.starts_with("  TMPDIR ") || line.starts_with("greenroom [VERSION] on ") {
            line.split_whitespace().next().unwrap_or_default().to_owned()
        } else {
            // What an ordinary user needs beside.
            line.replace("CLONE_NEWUSER | ", "")
        }
    });
    lines.map(|line| line + "\n").collect()
}

const NO_MOUNTS: &str = "mount=EACCES";
const NO_MOUNTS_AND_NO_LOOPBACK: &str = "mount=EACCES,ioctl:0x8914=EPERM";
const NO_NAMESPACES: &str = "clone&0x7e020000=EPERM,unshare&0x7e020000=EPERM";
const NO_QUOTA: &str = "clone&0x7e020000=ENOSPC,unshare&0x7e020000=ENOSPC";
const NO_PROCESS_NAMESPACE: &str = "clone&0x20000000=EPERM";
const NO_NETWORK_NAMESPACE: &str = "unshare&0x40000000=EPERM";

#[test]
fn a_machine_that_gives_all() {
    let Some(project) = Project::sealed() else { return };
    crate::support::same(
        &screen(&project.run(["doctor"]).passes()),
        str![[r#"
greenroom

  kill     namespace  the kernel kills everything a scenario started
  network  private    each scenario has its own localhost and no outside network
  tmp      private    each scenario has its own empty /tmp and /dev/shm
  proc     own        programs see only the processes of their scenario
  host     own        each scenario has its own host name and System V objects
user
TMPDIR

Scenarios are sealed.

"#]],
    );
}

#[test]
fn a_machine_that_gives_no_mounts() {
    let Some(project) = refusing(NO_MOUNTS_AND_NO_LOOPBACK) else { return };
    crate::support::same(
        &screen(&project.run(["doctor"]).passes()),
        str![[r#"
greenroom

  kill     namespace  the kernel kills everything a scenario started
  network  shared     scenarios share the host's network; those that name the same port take turns
  tmp      shared     scenarios share the host's /tmp and /dev/shm
  proc     machine    programs see the host's processes in /proc; steps see only their scenario's
  host     own        each scenario has its own host name and System V objects
user
TMPDIR

Scenarios are not sealed, and `--sandbox sealed` fails. What this machine refuses:

  network: ioctl(SIOCSIFFLAGS, "lo") failed: operation not permitted (EPERM)
    help: a seccomp filter is active, as in containers: `docker run --security-opt seccomp=unconfined`, or run greenroom outside of the container
  tmp, proc: mount("/", MS_REC | MS_PRIVATE) failed: permission denied (EACCES)
    help: a security module (AppArmor, SELinux) forbids it: `docker run --security-opt apparmor=unconfined`, or see its log

"#]],
    );
}

#[test]
fn a_machine_that_gives_nothing() {
    let Some(project) = refusing(NO_NAMESPACES) else { return };
    crate::support::same(
        &screen(&project.run(["doctor"]).passes()),
        str![[r#"
greenroom

  kill     subreaper  greenroom finds and kills a scenario's processes one by one
  network  shared     scenarios share the host's network; those that name the same port take turns
  tmp      shared     scenarios share the host's /tmp and /dev/shm
  proc     machine    programs see the host's processes in /proc; steps see only their scenario's
  host     machine    scenarios share the host's host name and System V objects
user
TMPDIR

Scenarios are not sealed, and `--sandbox sealed` fails. What this machine refuses:

  kill, network, tmp, proc, host: clone(CLONE_NEWPID) failed: operation not permitted (EPERM)
    help: a seccomp filter is active, as in containers: `docker run --security-opt seccomp=unconfined`, or run greenroom outside of the container

"#]],
    );
}

#[test]
fn a_run_says_what_it_lacks() {
    for (rules, expected) in [
        (
            NO_MOUNTS,
            str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed: mount("/", MS_REC | MS_PRIVATE) failed: permission denied (EACCES)
  kill=namespace network=private tmp=shared proc=machine host=own user=[USER]; `greenroom doctor` shows how to enable more

PASS [TIME]  The scenario

1 scenario passed, 1 step, [TIME]

"#]],
        ),
        (
            NO_PROCESS_NAMESPACE,
            str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed: clone(CLONE_NEWPID) failed: operation not permitted (EPERM)
  kill=subreaper network=private tmp=private proc=machine host=own user=[USER]; `greenroom doctor` shows how to enable more

PASS [TIME]  The scenario

1 scenario passed, 1 step, [TIME]

"#]],
        ),
        (
            NO_NETWORK_NAMESPACE,
            str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed: unshare(CLONE_NEWNET) failed: operation not permitted (EPERM)
  kill=namespace network=shared tmp=private proc=own host=own user=[USER]; `greenroom doctor` shows how to enable more

PASS [TIME]  The scenario

1 scenario passed, 1 step, [TIME]

"#]],
        ),
        (
            NO_QUOTA,
            str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed: clone(CLONE_NEWPID) failed: no space left on device (ENOSPC)
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]; `greenroom doctor` shows how to enable more

PASS [TIME]  The scenario

1 scenario passed, 1 step, [TIME]

"#]],
        ),
    ] {
        let Some(project) = refusing(rules) else { return };
        let project = project.file("x.md", scenario("when I run true"));
        crate::support::same(&screen(&project.run(["run", "--sandbox", "auto", "x.md"]).passes()), expected);
    }
}

#[test]
fn sealed_is_refused_where_something_is_lacking() {
    let Some(project) = refusing(NO_MOUNTS_AND_NO_LOOPBACK) else { return };
    let project = project.file("x.md", scenario("when I run true"));
    project.run(["run", "--sandbox", "sealed", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: this machine does not support sealed scenarios
  network: ioctl(SIOCSIFFLAGS, "lo") failed: operation not permitted (EPERM)
    help: a seccomp filter is active, as in containers: `docker run --security-opt seccomp=unconfined`, or run greenroom outside of the container
  tmp, proc: mount("/", MS_REC | MS_PRIVATE) failed: permission denied (EACCES)
    help: a security module (AppArmor, SELinux) forbids it: `docker run --security-opt apparmor=unconfined`, or see its log

"#]]);
}

/// Everything that steps look at works on every rung: processes by their command lines and numbers,
/// ports, output, stops; and nothing is left.
#[test]
fn every_rung_carries_a_scenario_out() {
    let rungs = [
        NO_MOUNTS,
        NO_MOUNTS_AND_NO_LOOPBACK,
        // Without a quota for them it is the same rung, after a long wait.
        NO_NAMESPACES,
        NO_PROCESS_NAMESPACE,
        NO_NETWORK_NAMESPACE,
        "unshare&0x4000000=EPERM",
        "unshare&0x8000000=EPERM",
    ];
    for rules in rungs {
        let Some(project) = refusing(rules) else { return };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let token = project.token();
        let steps = format!(
            "given a daemon helper shell script server.py\n\
             when I start \"./server.py @ 127.0.0.1:{port}\" as a background process as web, on port {port}\n\
             and I start \"sh -c 'sleep 1000 & sleep 1000; : {token}'\" as a background process as two\n\
             then a process \"server.py @\" is running\n\
             and there is no \"__launcher\" process\n\
             given file fetch.py\n\
             when I run python3 fetch.py 127.0.0.1 {port}\n\
             then stdout is exactly \"@\\n\"\n\
             when I stop background process two\n\
             then there is no \"{token}\" process\n\
             and there is no \"sleep 1000\" process\n\
             when I run sh -c 'setsid -f sleep 1000 > $FIFO-@'\n"
        );
        let scenarios = ["one", "two"].map(|name| format!("# {name}\n~~~scenario\n{}~~~\n", steps.replace('@', name)));
        let project =
            project.fifo("fifo-one").fifo("fifo-two").file("x.md", with_programs(document(&scenarios.concat())));
        let fifos = ["fifo-one", "fifo-two"].map(|name| Fifo::open(project.path(name)));
        let variable = format!("FIFO={}", project.path("fifo").display());
        println!("{rules}");
        let ran = project.run(["run", "x.md", "-j2", "--env", &variable]);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{rules}\n{}", ran.stdout);
        assert!(ran.stdout.contains("(stopped at the end: web and "), "{rules}\n{}", ran.stdout);
        fifos.iter().for_each(Fifo::falls_silent);
        project.nothing_is_left();
    }
}

/// The limit is hit in the middle of the run: nothing runs with fewer properties than announced.
#[test]
fn a_run_whose_sandbox_is_refused_half_way_does_not_use_another() {
    let Some(project) = Project::sealed() else { return };
    // Inside a scenario of its own, whose user namespaces may be limited without an effect on other tests.
    let inner: String = (1..=4)
        .map(|n| {
            format!(
                "# S{n}\n~~~scenario\nwhen I run sh -c 'test {n} != 2 || echo 0 > /proc/sys/user/max_net_namespaces'\n\
                    ~~~\n"
            )
        })
        .collect();
    let outer = "when I try to run $GREENROOM run -j1 inner.md\nthen exit code is 1\n\
                 and stdout contains \"PASS\"\nand stdout contains \"unshare(CLONE_NEWNET | CLONE_NEWIPC | \
                 CLONE_NEWUTS | CLONE_NEWNS) failed: no space left on device (ENOSPC)\"\n\
                 and stdout doesn't contain \"not sealed\"";
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root may set limits");
        return;
    }
    let outer = outer
        .replace("$GREENROOM", &format!("unshare -U -r {}", env!("CARGO_BIN_EXE_greenroom")))
        .replace("inner.md", project.path("inner.md").to_str().unwrap());
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_greenroom")).parent().unwrap();
    let project = project.file("inner.md", document(&inner)).file("outer.md", scenario(&outer));
    project.env("GREENROOM_IS_IN", binary).run(["run", "outer.md"]).passes();
}

#[test]
fn a_kernel_without_proc() {
    let Some(project) = Project::sealed() else { return };
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root may hide /proc");
        return;
    }
    let project = project.file("x.md", scenario("when I run true"));
    let project =
        project.bare().through(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\""]);
    project.run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: /proc is missing: mount it (`mount -t proc proc /proc`)

"#]]);
    assert!(fs::exists("/proc/self").unwrap());
}
