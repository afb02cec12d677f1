//! Scenarios that run as another user: `user` in the metadata.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, names, succeeds};

const STEPS: &str = r#"# S
~~~scenario
given file f.txt from f.txt
when I run sh -c "id -nu; id -ng; stat -c %U:%G . f.txt; echo $USER $LOGNAME; test $HOME = $PWD"
then stdout is exactly "nobody\nnogroup\nnobody:nogroup\nnobody:nogroup\nnobody nobody\n"
when I try to run touch /greenroom-test
then command fails
when I start "sh -c 'id -nu; touch mine; exec sleep 60'" as a background process as d
and I wait for daemon d to write "nobody" to stdout
then within 10 seconds file mine exists
when I stop background process d
then the steps run as nobody
~~~
~~~{#f.txt .file}
~~~
"#;

/// Creates a document whose scenarios run as this user.
fn document(user: &str, body: &str) -> String {
    format!(
        "---\ntitle: T\nuser: {user}\nbindings: [lib/runcmd.yaml, lib/files.yaml, lib/daemon.yaml, own.yaml]\n\
         impls: {{python: [own.py]}}\n...\n{body}"
    )
}

fn project(text: String) -> Project {
    Project::anywhere()
        .file("x.md", text)
        .file("own.yaml", "- then: the steps run as {name}\n  impl: {python: {function: run_as}}\n")
        .file(
            "own.py",
            "import os, pwd\ndef run_as(ctx, name):\n    open('from-python', 'x')\n    \
             for uid in [os.getuid(), os.stat('from-python').st_uid]:\n        assert_eq(pwd.getpwuid(uid).pw_name, \
             name)\n",
        )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn all_of_a_scenario_runs_as_the_user_that_the_metadata_names() {
    if !is_root() {
        return;
    }
    // Two scenarios, since a host for Python is shared from the second one on.
    let text =
        document("nobody", &format!("{STEPS}{}", STEPS.replace("# S", "# T").replace("~~~{#f.txt .file}\n~~~\n", "")));
    // In a tended scenario, the user goes through the directories of the test.
    let project = project(text).mode("..", 0o711).mode("../tmp", 0o711);
    let kinds: &[&str] = if Project::sealed().is_some() { &["sealed", "tended"] } else { &["tended"] };
    for kind in kinds {
        project.run(["run", "--sandbox", kind, "x.md"]).passes();
    }
}

#[test]
fn a_directory_that_the_user_cannot_reach_is_named() {
    if !is_root() {
        return;
    }
    let project = project(document("nobody", STEPS)).mode("..", 0o700);
    project.run(["run", "--sandbox", "tended", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

BROKEN [TIME]  S
  in x.md:9, scenario at x.md:7
  neither passed nor failed: greenroom could not run it to its end

    STOPPED           given file f.txt from f.txt
                      9 steps not run

  failed to enter [RUN]/1/data as user nobody, who may not pass through /tmp/[TOKEN]: set TMPDIR to a directory that every user may enter, such as /tmp
  note: the process that runs its steps died: exit status 120

  rerun: greenroom run --sandbox tended x.md --name S

FAILED: 1 of 1 scenario broken, [TIME]
  broken  x.md:7  S

"#]]);
}

#[test]
fn a_step_cannot_switch_to_a_third_user() {
    if !is_root() {
        return;
    }
    let steps = "# S\n~~~scenario\ngiven commands run as user nobody\nand commands run as user daemon\n\
                 and commands run as user root\nwhen I run true\n~~~\n";
    project(document("nobody", steps)).run(["check", "x.md"]).code(2).stderr(str![[r#"
error[unknown-user]: only root can run programs as user daemon, and this scenario runs as user nobody
  --> x.md:10:26
   |
10 | and commands run as user daemon
   |                          ^^^^^^
   |
   = help: leave out this step, or `user: nobody` in the metadata

error[unknown-user]: only root can run programs as user root, and this scenario runs as user nobody
  --> x.md:11:26
   |
11 | and commands run as user root
   |                          ^^^^
   |
   = help: leave out this step, or `user: nobody` in the metadata

2 errors

"#]]);
}

/// Starts a server on a port below 1024.
const LOW_PORT: &str = r#"# S
~~~scenario
when I start "/usr/bin/python3 -m http.server 80" as a background process as web, on port 80
~~~
"#;

#[test]
fn every_user_may_listen_on_all_ports_of_a_network_of_its_own() {
    let Some(project) = Project::sealed() else { return };
    if is_root() {
        project
            .file("own.yaml", "[]\n")
            .file("own.py", "")
            .file("x.md", document("nobody", LOW_PORT))
            .run(["run", "x.md"])
            .passes();
    }
    let text = "---\ntitle: T\nbindings: [lib/daemon.yaml]\n...\n".to_owned();
    let Some(project) = Project::sealed() else { return };
    project.file("x.md", text.clone() + LOW_PORT).run(["run", "x.md"]).passes();
    let steps = LOW_PORT.replace("when I start", "given daemon web runs as an ordinary user\nwhen I start");
    let Some(project) = Project::sealed() else { return };
    project.file("x.md", text + &steps).run(["run", "x.md"]).passes();
}

#[test]
fn a_port_that_only_root_may_use_is_named_in_a_shared_network() {
    if !is_root() {
        return;
    }
    let project = Project::new().file("own.yaml", "[]\n").file("own.py", "").file("x.md", document("nobody", LOW_PORT));
    let network = ["unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"];
    let project = project.bare().through(network).mode("..", 0o711).mode("../tmp", 0o711);
    let ran = project.run(["run", "--sandbox", "tended", "x.md"]).code(1);
    assert!(
        ran.stdout.contains("  note: only root may listen on ports below 1024 in this network\n"),
        "{}",
        ran.stdout
    );
    let help =
        "  help: have the daemon listen on port 1024 or above, or seal the scenario: it may use all ports then\n";
    assert!(ran.stdout.contains(help), "{}", ran.stdout);
}

#[test]
fn users_that_do_not_exist_are_found_before_the_run() {
    let text = |user: &str| document(user, STEPS);
    for (user, help) in [
        ("65534", "write the name of the account, which is nobody"),
        ("no-such-user-at-all", "write the name of an account of this machine"),
    ] {
        let ran = project(text(user)).refused(["run", "x.md"]);
        assert!(ran.stderr.contains(&format!("  = help: {help}\n")), "{}", ran.stderr);
    }
    project(text("nobdy")).refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-user]: this machine has no user nobdy in /etc/passwd
 --> x.md:3:7
  |
3 | user: nobdy
  |       ^^^^^
  |
  = help: did you mean nobody?

1 error

"#]]);
    project(text("[a, b]")).refused(["run", "x.md"]).stderr(str![[r#"
error[bad-metadata]: `user` must be text, not a list
 --> x.md:3:8
  |
3 | user: [a, b]
  |        ^

1 error

"#]]);
}

#[test]
fn the_present_user_needs_no_switch() {
    let steps = "# S\n~~~scenario\nwhen I run id -nu\nthen stdout is exactly \"nobody\\n\"\n~~~\n";
    let Some(project) = project(document("nobody", steps)).by_user(65534) else { return };
    project.run(["run", "x.md"]).passes();
}

#[test]
fn owners_of_files_are_checked() {
    if !is_root() {
        return;
    }
    let scenario = |title: &str, steps: &str| format!("# {title}\n~~~scenario\nwhen I run touch f\n{steps}\n~~~\n");
    let passes = "given commands run as user nobody\nwhen I run mkdir d\nthen file d belongs to user nobody\n\
                  and file d belongs to group nogroup\nand file f belongs to user root\n\
                  and file f belongs to group root";
    let text = [
        scenario("Passes", passes),
        scenario("User", "then file f belongs to user nobody"),
        scenario("Group", "then file f belongs to group nogroup"),
        scenario("Absent", "when I run rm f\nthen file f belongs to user nobody"),
    ];
    Project::new().file("x.md", text.concat()).run(["run", "-j", "1", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, one at a time

PASS [TIME]  Passes

FAIL [TIME]  User
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run touch f
    FAILED [TIME]  then file f belongs to user nobody

  owner of f is not as expected
    expected: 65534 (nobody)
    actual:   0 (root)
              ^^^^^^^^^^^^^

  rerun: greenroom run x.md --name User

FAIL [TIME]  Group
  in x.md:19, scenario at x.md:16

    ok [TIME]  when I run touch f
    FAILED [TIME]  then file f belongs to group nogroup

  group of f is not as expected
    expected: 65534 (nogroup)
    actual:   0 (root)
              ^^^^^^^^^^^^^^

  rerun: greenroom run x.md --name Group

FAIL [TIME]  Absent
  in x.md:25, scenario at x.md:21

    ok [TIME]  when I run touch f
    ok [TIME]  when I run rm f
    FAILED [TIME]  then file f belongs to user nobody

  file f does not exist
  note: the scenario's directory is empty

  rerun: greenroom run x.md --name Absent

FAILED: 3 of 4 scenarios failed, 1 passed, [TIME]
  failed  x.md:11  User
  failed  x.md:16  Group
  failed  x.md:21  Absent

"#]]);
    let unknown = scenario("Unknown", "then file f belongs to user nobdy\nand file f belongs to group 65534");
    Project::new().file("x.md", unknown).refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-user]: this machine has no user nobdy in /etc/passwd
 --> x.md:4:29
  |
4 | then file f belongs to user nobdy
  |                             ^^^^^
  |
  = help: did you mean nobody?

error[unknown-user]: this machine has no group 65534 in /etc/group
 --> x.md:5:29
  |
5 | and file f belongs to group 65534
  |                             ^^^^^
  |
  = help: write the name of the group, which is nogroup

2 errors

"#]]);
}

#[test]
fn owners_that_a_user_namespace_hides_are_not_guessed() {
    let steps = "# S\n~~~scenario\nwhen I run touch f\n";
    let texts = [
        // Root owns the program, which looks like a file of nobody.
        format!("{steps}when I run ln -s /bin/true program\nthen file program belongs to user nobody\n~~~\n"),
        format!("{steps}when I run ln -s /bin/true program\nthen file program belongs to user root\n~~~\n"),
        format!("{steps}then file f belongs to user root\n~~~\n"),
    ];
    let [not_nobody, root, own] = texts;
    let run = |text: String| {
        let project = Project::sealed()?.file("x.md", text).by_user(4321)?;
        Some(project.run(["run", "x.md"]).code(1))
    };
    let Some(ran) = run(not_nobody) else { return };
    ran.stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  S
  in x.md:5, scenario at x.md:1

    ok [TIME]  when I run touch f
    ok [TIME]  when I run ln -s /bin/true program
    FAILED [TIME]  then file program belongs to user nobody

  the scenario cannot tell whether program belongs to user 65534 (nobody)
  note: it runs in a user namespace, in which the files of every user but 4321 look like those of 65534 (nobody)

  rerun: greenroom run x.md --name S

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:1  S

"#]]);
    run(root).unwrap().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  S
  in x.md:5, scenario at x.md:1

    ok [TIME]  when I run touch f
    ok [TIME]  when I run ln -s /bin/true program
    FAILED [TIME]  then file program belongs to user root

  the scenario cannot tell whether program belongs to user 0 (root)
  note: it runs in a user namespace, in which the files of every user but 4321 look like those of 65534 (nobody)

  rerun: greenroom run x.md --name S

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:1  S

"#]]);
    run(own).unwrap().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  S
  in x.md:4, scenario at x.md:1

    ok [TIME]  when I run touch f
    FAILED [TIME]  then file f belongs to user root

  owner of f is not as expected
    expected: 0 (root)
    actual:   4321
              ^^^^^^^^

  rerun: greenroom run x.md --name S

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:1  S

"#]]);
}

#[test]
fn python_steps_need_a_source_directory_that_the_user_may_enter() {
    if !is_root() {
        return;
    }
    let Some(sealed) = Project::sealed() else { return };
    drop(sealed);
    let text = document("nobody", "# S\n~~~scenario\nthen the steps run as nobody\n~~~\n");
    project(text).mode(".", 0o700).run(["run", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  S
  in x.md:9, scenario at x.md:7

    FAILED [TIME]  then the steps run as nobody

  python steps run in the source directory, [PROJECT], which this user may not enter
  help: start greenroom in a directory that every user may enter

  rerun: greenroom run x.md --name S

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:7  S

"#]]);
}

/// The ids that the tests give to user `nobody`.
const SUBORDINATE: &str = "nobody:100000:65536\n";

/// Creates a project that runs as user `nobody`, with these subordinate ids, or prints why the test is skipped.
fn by_nobody(text: String, ids: &str) -> Option<Project> {
    if !succeeds(&["sh", "-c", "command -v newuidmap && command -v newgidmap"]) {
        println!("skipped: newuidmap and newgidmap are not installed (package uidmap)");
        return None;
    }
    Project::sealed()?;
    Some(project(text).by_user(65534)?.with_subordinate_ids(ids))
}

#[test]
fn an_ordinary_user_switches_by_subordinate_ids() {
    let steps = STEPS.replace("nobody", "daemon").replace("nogroup", "daemon");
    let text =
        document("daemon", &format!("{steps}{}", steps.replace("# S", "# T").replace("~~~{#f.txt .file}\n~~~\n", "")));
    let Some(project) = by_nobody(text, SUBORDINATE) else { return };
    let project = project.mode("..", 0o711).mode("../tmp", 0o711);
    project.run(["run", "--sandbox", "sealed", "x.md"]).passes();
}

/// Writes a file in a directory that no other user may enter, tells the test, and waits.
const SECRETS: &str = "# S\n~~~scenario\nwhen I run sh -c \"mkdir -m 700 secret; echo x > secret/x; echo ready > \
                       ${SRCDIR}/fifo; kill -STOP $$\"\n~~~\n";

#[test]
fn what_a_user_of_subordinate_ids_wrote_belongs_to_the_present_user_in_the_end() {
    let text = document("daemon", "# S\n~~~scenario\nwhen I run sh -c \"mkdir -m 0 d; touch f; exit 1\"\n~~~\n");
    let Some(project) = by_nobody(text, SUBORDINATE) else { return };
    project.run(["run", "--keep", "x.md"]).code(1);
    let [run] = names(&project.tmp()).try_into().unwrap();
    let own = project.tmp().join(run).join("1");
    for path in ["", "data", "data/d", "data/f"].map(|path| own.join(path)) {
        let there = fs::metadata(&path).unwrap();
        assert_eq!((there.uid(), there.gid()), (65534, 65534), "{}", path.display());
    }
}

#[test]
fn nothing_of_a_user_of_subordinate_ids_is_left_by_a_killed_run() {
    let Some(project) = by_nobody(document("daemon", SECRETS), SUBORDINATE) else { return };
    let project = project.fifo("fifo");
    let run = project.start(["run", "x.md"]);
    let fifo = Fifo::open(project.path("fifo"));
    assert_eq!(fifo.line(), "ready");
    run.signal(Signal::KILL).finish().killed_by(Signal::KILL);
    project.nothing_is_left();
}

#[test]
fn what_an_ordinary_user_needs_for_another_user_is_said_before_the_run() {
    let text = || {
        "---\ntitle: T\nuser: daemon\nbindings: [lib/files.yaml]\n...\n# S\n~~~scenario\ngiven an empty file f\n~~~\n"
            .to_owned()
    };
    let Some(project) = Project::new().file("x.md", text()).by_user(65534) else { return };
    let project = project.through(["env", "PATH=/nowhere"]);
    project.refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-user]: scenarios cannot run as user daemon: newuidmap and newgidmap, which map its ids, are not installed
 --> x.md:3:7
  |
3 | user: daemon
  |       ^^^^^^
  |
  = help: install them, on Debian in package uidmap
  = help: or run greenroom as root

1 error

"#]]);
    let ran = project.run(["doctor"]).passes();
    if ran.stdout.contains("\nScenarios are sealed.\n") {
        let doctor = "  newuidmap and newgidmap, which map its ids, are not installed\n    help: install them, on \
                      Debian in package uidmap, or run greenroom as root\n";
        assert!(ran.stdout.ends_with(doctor), "{}", ran.stdout);
    }
    let Some(project) = by_nobody(text(), "somebody:100000:65536\nnobody:200000:0\n") else { return };
    project.refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-user]: scenarios cannot run as user daemon: /etc/subuid gives user nobody no subordinate ids, or too few
 --> x.md:3:7
  |
3 | user: daemon
  |       ^^^^^^
  |
  = help: let root run `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 nobody`
  = help: or run greenroom as root

1 error

"#]]);
    let ran = project.run(["doctor"]).passes();
    let doctor = "Scenarios cannot run as another user, by `user:` in the metadata:\n\n  /etc/subuid gives user \
                  nobody no subordinate ids, or too few\n    help: let root run `usermod --add-subuids 100000-165535 \
                  --add-subgids 100000-165535 nobody`, or run greenroom as root\n";
    assert!(ran.stdout.ends_with(doctor), "{}", ran.stdout);
    let Some(project) = by_nobody(text(), SUBORDINATE) else { return };
    let ran = project.run(["doctor"]).passes();
    let doctor = "\nScenarios can run as another user, by `user:` in the metadata.\n";
    assert!(ran.stdout.ends_with(doctor), "{}", ran.stdout);
    project.refused(["run", "--sandbox", "tended", "x.md"]).stderr(str![[r#"
error[unknown-user]: scenarios without namespaces cannot run as user daemon, unless greenroom is root
 --> x.md:3:7
  |
3 | user: daemon
  |       ^^^^^^
  |
  = help: leave out `--sandbox tended`, or run greenroom as root

1 error

"#]]);
    let project = project.bare().refusing("clone&0x20000000=EPERM");
    let ran = project.run(["run", "x.md"]).code(4).stdout("");
    let first = "greenroom: scenarios cannot run as user daemon here: for that they need a process namespace in a user \
                 namespace\n  kill, proc: clone(";
    assert!(ran.stderr.starts_with(first), "{}", ran.stderr);
}
