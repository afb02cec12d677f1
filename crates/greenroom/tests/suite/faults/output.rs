//! What daemons write, and what they do to the file it goes to.

use std::fs;

use snapbox::str;

use crate::support::{Project, names, scenario, with_programs};

#[test]
fn bytes_that_are_no_text_are_kept_as_they_are_and_shown_escaped() {
    let steps = "when I start \"printf '\\377\\000\\033[2J\\r'\" as a background process as d\nwhen I wait for daemon d to end\nwhen I run false";
    let project = Project::anywhere().file("x.md", scenario(steps));
    let ran = project.run(["run", "--keep", "x.md"]).code(1).stderr("");
    assert!(!ran.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", ran.stdout);
    ran.stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "printf '\377\000\033[2J\r'" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon d: ended by itself with exit status 0 after [TIME]
    command: printf '\377\000\033[2J\r'
    stdout of daemon d:
      │ �\0\x1b[2J\r

  kept:  [RUN]/1/data
  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    let run = names(&project.tmp()).pop().unwrap();
    assert_eq!(fs::read(project.tmp().join(run).join("1/data/d.stdout")).unwrap(), b"\xff\0\x1b[2J\r");
}

#[test]
fn output_that_is_rewound_goes_on_at_its_end() {
    let steps = "given file seek.py\nwhen I start \"python3 seek.py\" as a background process as d\nwhen I wait for daemon d to end\nthen daemon d stdout is \"123456\"";
    Project::anywhere().file("x.md", with_programs(scenario(steps))).run(["run", "x.md"]).passes();
}

#[test]
fn output_that_is_truncated_begins_anew() {
    let steps = "when I start \"sh -c 'echo one; : > /proc/self/fd/1; echo two'\" as a background process as d\nwhen I wait for daemon d to end\nthen daemon d stdout is \"two\\n\"";
    Project::anywhere().file("x.md", scenario(steps)).run(["run", "x.md"]).passes();
}

#[test]
fn output_whose_file_is_removed_is_said_to_be_gone() {
    let steps = "when I start \"sh -c 'echo one; rm d.stdout; echo two'\" as a background process as d\nwhen I wait for daemon d to end\nthen daemon d stdout is \"one\\ntwo\\n\"";
    Project::anywhere().file("x.md", scenario(steps)).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; rm d.stdout; echo two'" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d stdout is "one\ntwo\n"

  cannot read stdout of daemon d: No such file or directory (os error 2)
  note: it is in the file d.stdout

  daemon d: ended by itself with exit status 0 after [TIME]
    command: sh -c 'echo one; rm d.stdout; echo two'
    it wrote nothing

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}
