//! Full disks, directories and links.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use snapbox::str;

use super::root;
use crate::support::{Project, document, names, rounds, scenario, succeeds, with_programs};

#[test]
fn a_full_disk_fails_one_scenario_and_not_the_next() {
    if Project::sealed().is_none() && !root() {
        return;
    }
    let scenarios = "# Fills it\n~~~scenario\nwhen I run dd if=/dev/zero of=x bs=1M count=20\n~~~\n\
                     # Finds it full\n~~~scenario\nwhen I try to run dd if=/dev/zero of=x bs=1M count=20\n\
                     when I start \"echo hello\" as a background process as d\nwhen I wait for daemon d to end\n\
                     then daemon d stdout is \"hello\\n\"\n~~~\n\
                     # Waits in vain\n~~~scenario\nwhen I try to run dd if=/dev/zero of=x bs=1M count=20\n\
                     when I start \"sh -c 'echo ready; exec sleep 100'\" as a background process as d\n\
                     when I wait for daemon d to write \"ready\" to stdout, for at most 1 seconds\n~~~\n\
                     # Is fine\n~~~scenario\nwhen I start \"echo hello\" as a background process as d\n\
                     when I wait for daemon d to end\nthen daemon d stdout is \"hello\\n\"\n~~~\n";
    // Tended, since a sealed scenario may begin while the directory of the one before it is still
    // being removed.
    let script = "mount -t tmpfs -o size=8m none $TMPDIR && exec \"$@\"";
    let project = Project::anywhere().file("x.md", document(scenarios));
    // An ordinary user needs a user namespace for this test.
    let as_root: &[&str] = if rustix::process::getuid().is_root() { &[] } else { &["--map-root-user"] };
    let in_namespace = [&["unshare", "--mount"], as_root].concat();
    if !succeeds(&[&in_namespace[..], &["mount", "-t", "tmpfs", "none", "/mnt"]].concat()) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    let words = [&in_namespace[..], &["sh", "-c", script, "sh"]].concat();
    let ran = project.through(words).run(["run", "--sandbox", "tended", "x.md"]);
    ran.code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, one at a time
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

FAIL [TIME]  Fills it
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I run dd if=/dev/zero of=x bs=1M count=20

  command failed with exit status 1: dd if=/dev/zero of=x bs=1M count=20
  note: the disk of the scenario's directory is full (ENOSPC), so output may be missing

  rerun: greenroom run --sandbox tended x.md --name 'Fills it'

FAIL [TIME]  Finds it full
  in x.md:14, scenario at x.md:9

    ok [TIME]  when I try to run dd if=/dev/zero of=x bs=1M count=20
    ok [TIME]  when I start "echo hello" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d stdout is "hello\n"

  stdout of daemon d is not as expected
    expected: hello\n
    actual:   (empty)
  note: daemon d has ended, with exit status 1
  note: the disk of the scenario's directory is full (ENOSPC), so output may be missing

  daemon d: exited with status 1 after [TIME]
    command: echo hello
    no output

  rerun: greenroom run --sandbox tended x.md --name 'Finds it full'

FAIL [TIME]  Waits in vain
  in x.md:20, scenario at x.md:16

    ok [TIME]  when I try to run dd if=/dev/zero of=x bs=1M count=20
    ok [TIME]  when I start "sh -c 'echo ready; exec sleep 100'" as a background process as d
    FAILED [TIME]  when I wait for daemon d to write "ready" to stdout, for at most 1 seconds

  daemon d did not write "ready" to stdout within 1 s
  note: the disk of the scenario's directory is full (ENOSPC), so output may be missing

  daemon d: still running at the end of the scenario
    command: sh -c 'echo ready; exec sleep 100'
    no output

  1 leftover process, stopped at the end:
    sleep 100  (daemon d, running for [TIME])

  rerun: greenroom run --sandbox tended x.md --name 'Waits in vain'

PASS [TIME]  Is fine

FAILED: 3 of 4 scenarios failed, 1 passed, [TIME]
  failed  x.md:5   Fills it
  failed  x.md:9   Finds it full
  failed  x.md:16  Waits in vain

"#]]);
}

#[test]
fn tmpdir_may_have_an_odd_or_a_long_name() {
    let long = "x".repeat(200);
    let steps = "given a daemon helper shell script unix.py\nwhen I start \"./unix.py\" as a background process as d\n\
                 when I wait for socket s to accept connections\nwhen I run sh -c 'test \"$TMPDIR\" = \"$PWD\"'\n\
                 given file hello from f\nwhen I run cat hello\nthen stdout is exactly \"hello\\n\"";
    let text = with_programs(scenario(steps)) + "~~~{#f .file}\nhello\n~~~\n";
    for name in ["a b", "a\nb", "it's \"quoted\"", "$HOME;`id`*", "grün", long.as_str()] {
        let project = Project::new().file("x.md", &text).directory(name);
        let directory = project.path(name);
        let project = project.env("TMPDIR", &directory);
        project.run(["run", "-q", "x.md"]).passes();
        assert_eq!(names(&directory), [""; 0]);
    }
}

#[test]
fn tmpdir_is_missing() {
    let run = |directory: &str| {
        let project = Project::new().file("x.md", scenario("when I run true")).file("plain", "");
        let directory = directory.replace("PROJECT", project.path(".").to_str().unwrap());
        project.env("TMPDIR", directory).run(["run", "x.md"]).code(4).stdout("")
    };
    run("/nosuch/directory").stderr(str![[r#"
greenroom: failed to create a directory in /nosuch/directory: no such file or directory (ENOENT)
  help: set `TMPDIR` to a directory that you may write to

"#]]);
    run("PROJECT/plain").stderr(str![[r#"
greenroom: failed to create a directory in [PROJECT]/./plain: not a directory
  help: set `TMPDIR` to a directory that you may write to

"#]]);
}

/// The message does not blame Python, and `check` needs no temporary directory.
#[test]
fn tmpdir_is_missing_and_steps_are_in_python() {
    let project = in_python().env("TMPDIR", "/nosuch/directory");
    project.run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to create a directory in /nosuch/directory: no such file or directory (ENOENT)
  help: set `TMPDIR` to a directory that you may write to

"#]]);
    project.run(["check", "x.md"]).code(0).stderr("");
}

#[test]
fn no_dev_null() {
    let as_root: &[&str] = if rustix::process::getuid().is_root() { &[] } else { &["--map-root-user"] };
    let mount = "mount -t tmpfs none /dev && exec \"$@\"";
    let words = [&["unshare", "--mount"], as_root, &["sh", "-c", mount, "sh"]].concat();
    if !succeeds(&[&words[..], &["true"]].concat()) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    in_python().through(&words).run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: /dev/null is missing: create it (`mknod -m 666 /dev/null c 1 3`)

"#]]);
    let project = Project::new().file("x.md", scenario("when I run true")).through(&words);
    project.run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: /dev/null is missing: create it (`mknod -m 666 /dev/null c 1 3`)

"#]]);
}

fn in_python() -> Project {
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n# One\n~~~scenario\n\
        given it\n~~~\n";
    let project = Project::new().file("own.yaml", "- given: it\n  impl: {python: {function: it}}\n").file("x.md", text);
    project.file("steps.py", "def it(ctx):\n    pass\n")
}

/// Scenarios can use their directory all the same.
#[test]
fn a_umask_that_denies_everything() {
    for umask in ["777", "300"] {
        let project = Project::anywhere().file("x.md", scenario("when I run true"));
        let Some(project) = project.by_user(4321) else { return };
        let words = ["sh".to_owned(), "-c".to_owned(), format!("umask {umask}; exec \"$@\""), "sh".to_owned()];
        project.through(words).run(["run", "x.md"]).passes();
    }
}

#[test]
fn an_empty_tmpdir_means_tmp() {
    Project::new().file("x.md", scenario("when I run true")).env("TMPDIR", "").run(["run", "x.md"]).passes();
}

#[test]
fn tmpdir_is_not_writable() {
    let project = Project::new().file("x.md", scenario("when I run true")).directory("closed").mode("closed", 0o555);
    let Some(project) = (if rustix::process::getuid().is_root() { project.by_user(4321) } else { Some(project) })
    else {
        return;
    };
    let directory = project.path("closed");
    project.env("TMPDIR", directory).run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to create a directory in [PROJECT]/closed: permission denied
  help: set `TMPDIR` to a directory that you may write to

"#]]);
}

#[test]
fn a_link_that_replaces_a_directory_is_not_followed_on_removal() {
    // Outside of the scenario, a loop replaces a directory by a link while the directory is
    // removed.
    let steps = "when I run sh -c 'mkdir -p d/a/b/c/d/e; for i in $(seq 200); do : > d/a/b/c/d/e/$i; done; ln -s \
        $VICTIM $HOME/link'";
    for _ in 0..rounds(5) {
        let project = Project::new().file("x.md", scenario(steps)).file("victim/a/b/c/d/e/kept", "kept");
        let victim = project.path("victim");
        let variable = format!("VICTIM={}", victim.display());
        let tmp = project.tmp();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for run in fs::read_dir(&tmp).unwrap().flatten() {
                        let data = run.path().join("1/data");
                        let _ = renameat_with(CWD, data.join("d"), CWD, data.join("link"), RenameFlags::EXCHANGE);
                    }
                }
            });
            // Removing may fail. The target of the link must not be removed.
            let ran = project.start(["run", "x.md", "--env", &variable]).finish();
            over.store(true, Ordering::Relaxed);
            assert!(matches!(ran.status.code(), Some(0 | 1)), "{}\n{}\n{}", ran.status, ran.stdout, ran.stderr);
        });
        assert_eq!(fs::read_to_string(victim.join("a/b/c/d/e/kept")).unwrap(), "kept");
    }
}

#[test]
fn writing_does_not_follow_a_link_in_the_middle_of_a_path() {
    let project = Project::new().directory("victim");
    let victim = project.path("victim");
    let steps = "when I run ln -s $VICTIM d\ngiven file d/f from f";
    let text = scenario(&steps.replace("$VICTIM", victim.to_str().unwrap())) + "~~~{#f .file}\noverwritten\n~~~\n";
    let project = project.file("x.md", text);
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I run ln -s [PROJECT]/victim d
    FAILED [TIME]  given file d/f from f

  d/f is outside of the scenario's directory
  note: the symbolic link d points outside

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    assert_eq!(names(&victim), [""; 0]);
}

#[test]
fn files_that_are_not_plain_files_are_named_by_their_type() {
    let make = "import os, socket\nos.mkfifo('pipe')\nos.mkdir('folder')\nos.symlink('nowhere', 'link')\n\
                socket.socket(socket.AF_UNIX).bind('socket')\nos.symlink('/dev/null', 'device')\n";
    for (step, message) in [
        ("then file pipe contains \"x\"", "pipe is a fifo, not a file"),
        ("then file folder contains \"x\"", "folder is a directory, not a file"),
        ("then file socket contains \"x\"", "socket is a socket, not a file"),
        ("then file device contains \"x\"", "device is a device, not a file"),
        ("given file pipe from make.py", "pipe is a fifo, not a file"),
        ("given file socket from make.py", "socket is a socket, not a file"),
        ("then directory pipe exists", "pipe is a fifo, not a directory"),
        ("when I remove directory socket", "socket is a socket, not a directory"),
        ("then file pipe does not exist", "fifo pipe exists, but should not"),
        (
            "when I wait for file link to exist, for at most 0.1 seconds",
            "note: link is a symbolic link to nowhere, which does not exist",
        ),
        (
            "when I wait for socket pipe to accept connections, for at most 0.1 seconds",
            "note: pipe is a fifo, not a socket",
        ),
    ] {
        let text = scenario(&format!("given file make.py\nwhen I run python3 make.py\n{step}"));
        let text = text + &format!("~~~{{#make.py .file}}\n{make}~~~\n");
        let ran = Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(1).stderr("");
        assert!(ran.stdout.contains(&format!("\n  {message}\n")), "{step}: {}", ran.stdout);
    }
}
