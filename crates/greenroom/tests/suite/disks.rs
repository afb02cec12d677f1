//! Scenarios with a disk of limited size.

use std::fs;
use std::os::unix::fs::MetadataExt;

use snapbox::str;

use crate::support::{Project, names, scenario};

/// Fills the disk, and the next scenario has as much as the machine.
const FULL: &str = "# Full\n~~~scenario\ngiven file before.txt from before.txt\nand a disk of 1 MB\n\
                    then file before.txt contains \"hello\"\n\
                    when I run sh -c 'mkdir d; ln -s d link; truncate -s 1T d/sparse; chmod 0 d'\n\
                    and I run dd if=/dev/zero of=data bs=64k count=100 status=none\n~~~\n\
                    # Next\n~~~scenario\nwhen I run dd if=/dev/zero of=data bs=64k count=100 status=none\n\
                    then file data has 6553600 bytes\n~~~\n~~~{#before.txt .file}\nhello\n~~~\n";

#[test]
fn a_program_that_fills_the_disk_of_its_scenario_fails_as_on_a_full_disk() {
    let Some(project) = Project::sealed() else { return };
    project.file("x.md", FULL).run(["run", "-j", "1", "--sandbox", "sealed", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

FAIL [TIME]  Full
  in x.md:7, scenario at x.md:1

    ok [TIME]  given file before.txt from before.txt
    ok [TIME]  and a disk of 1 MB
    ok [TIME]  then file before.txt contains "hello"
    ok [TIME]  when I run sh -c 'mkdir d; ln -s d link; truncate -s 1T d/sparse; chmod 0 d'
    FAILED [TIME]  and I run dd if=/dev/zero of=data bs=64k count=100 status=none

  command failed with exit status 1: dd if=/dev/zero of=data bs=64k count=100 status=none
  note: the disk of the scenario has 1.0 MB, of which 0 bytes are free
  stderr of the command:
    │ dd: error writing 'data': No space left on device

  rerun: greenroom run --sandbox sealed x.md --name Full

PASS [TIME]  Next

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  x.md:1  Full

"#]]);
}

#[test]
fn what_a_disk_holds_is_kept() {
    let Some(project) = Project::sealed() else { return };
    let by_user = Project::new().by_user(4321);
    for project in std::iter::once(project).chain(by_user) {
        let project = project.file("x.md", FULL);
        project.run(["run", "-j", "1", "--keep", "x.md"]).code(1);
        let [run] = names(&project.tmp()).try_into().unwrap();
        let kept = project.tmp().join(run).join("1/data");
        assert_eq!(names(&kept), ["before.txt", "d", "data", "link"]);
        assert_eq!(fs::read_to_string(kept.join("before.txt")).unwrap(), "hello\n");
        assert!((900_000..1_100_000).contains(&fs::metadata(kept.join("data")).unwrap().len()));
        // What takes no space on the disk takes none in the copy.
        let sparse = fs::metadata(kept.join("d/sparse")).unwrap();
        assert_eq!((sparse.len(), sparse.blocks()), (1 << 40, 0));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(&project.token()), "{mounts}");
    }
}

#[test]
fn a_disk_works_for_every_user() {
    let steps = "given a disk of 2 MB\nwhen I run touch mine\nwhen I run sh -c \"df --output=size -B1 . | tail -n 1\"\n\
                 then stdout matches regex ^ *200[0-9]{4}$\nand file mine exists";
    let Some(project) = Project::sealed() else { return };
    project.file("x.md", scenario(steps)).run(["run", "x.md"]).passes();
    if let Some(project) = Project::new().file("x.md", scenario(steps)).by_user(4321) {
        project.run(["run", "x.md"]).passes();
        let text = scenario(steps).replace("title:", "user: nobody\ntitle:");
        Project::new().file("x.md", text).run(["run", "x.md"]).passes();
    }
}

#[test]
fn what_was_on_a_disk_is_lost_if_the_scenario_is_killed() {
    let Some(project) = Project::sealed() else { return };
    // The worker is the parent of the command.
    let text = scenario("given a disk of 1 MB\nwhen I run sh -c 'touch f; kill -KILL $PPID'");
    let ran = project.file("x.md", text).run(["run", "--keep", "x.md"]).code(1);
    let note = "  note: what was on its disk is lost, since the scenario ended before it was copied\n";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
}

#[test]
fn mistakes_in_disks_are_found_before_the_run() {
    let text = scenario("given a disk of 0 MB\nand a disk of 10 MB\nand a disk of 20 MB");
    Project::new().file("x.md", text).refused(["run", "x.md"]).stderr(str![[r#"
error[bad-size]: a disk has from 1 to 1000000 MB
 --> x.md:7:17
  |
7 | given a disk of 0 MB
  |                 ^

error[second-disk]: an earlier step gives the scenario its disk
 --> x.md:9:15
  |
9 | and a disk of 20 MB
  |               ^^

2 errors

"#]]);
    let text = scenario("given a disk of 10 MB\nwhen I run true");
    let project = Project::new().file("x.md", text);
    project.refused(["run", "--sandbox", "tended", "x.md"]).stderr(str![[r#"
error[no-disk]: a disk needs a sealed scenario, and `--sandbox tended` makes none
 --> x.md:7:17
  |
7 | given a disk of 10 MB
  |                 ^^
  |
  = help: leave the option out

1 error

"#]]);
}

#[test]
fn a_machine_without_mounts_has_no_disks() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario("given a disk of 10 MB\nwhen I run true");
    let project = project.bare().refusing("mount=EACCES").file("x.md", text);
    let ran = project.run(["run", "x.md"]).code(4);
    assert_eq!(ran.stdout, "");
    let first =
        "greenroom: this machine does not support the disk of scenario `The scenario`, which needs a sealed scenario\n";
    assert!(ran.stderr.starts_with(first), "{}", ran.stderr);
    assert!(ran.stderr.contains("mount("), "{}", ran.stderr);
}
