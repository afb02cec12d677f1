//! Checks that would pass whatever the program does.

use snapbox::str;

use crate::support::{Project, document};

#[test]
fn a_check_that_holds_only_because_there_is_no_program_is_a_warning() {
    let text = "# Missing\n~~~scenario\nwhen I try to run shopp-of-ours --bad\nthen command fails\n~~~\n\
                # Other code\n~~~scenario\nwhen I try to run ./shopp-of-ours\nthen exit code is not 0\n\
                and stdout is empty\n~~~\n\
                # Meant\n~~~scenario\nwhen I try to run shopp-of-ours\nthen exit code is 127\n\
                and stderr contains \"not found\"\n~~~\n\
                # Another command\n~~~scenario\nwhen I try to run shopp-of-ours\nand I try to run false\n\
                then command fails\n~~~\n";
    let project = Project::anywhere().file("x.md", document(text));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[program-not-found]: this holds only because the command cannot run: program not found: shopp-of-ours
 --> x.md:8:1
  |
8 | then command fails
  | ^^^^^^^^^^^^^^^^^^
  |
  = help: correct the command, or make its program before; if this is meant, write `then exit code is 127`

warning[program-not-found]: this holds only because the command cannot run: program not found: ./shopp-of-ours
  --> x.md:13:1
   |
13 | then exit code is not 0
   | ^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: correct the command, or make its program before; if this is meant, write `then exit code is 127`

2 warnings

"#]]);
    project.run(["check", "--strict", "x.md"]).code(2);
    project.run(["run", "-q", "x.md"]).code(0);
}

#[test]
fn an_exit_code_that_no_program_has_is_an_error() {
    let text = "# X\n~~~scenario\nwhen I try to run false\nthen exit code is not 256\n~~~\n";
    Project::anywhere().file("x.md", document(text)).refused(["run", "x.md"]).stderr(str![[r#"
error[bad-status]: no exit code is greater than 255
 --> x.md:8:23
  |
8 | then exit code is not 256
  |                       ^^^

1 error

"#]]);
}

#[test]
fn a_text_to_look_for_that_is_empty_is_a_warning_where_it_is_written() {
    let steps = "given file f\nwhen I run echo hi\nthen stdout contains \"\"\nand file f contains \"\"\n\
                 and running \"echo hi\" prints \"\"\nand stdout is exactly \"hi\\n\"\nand stderr is exactly \"\"\n";
    let text = format!("# X\n~~~scenario\n{steps}~~~\n~~~{{#f .file}}\nf\n~~~\n");
    let project = Project::anywhere().file("x.md", document(&text));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[empty-pattern]: this text is empty, and every text contains it
 --> x.md:9:23
  |
9 | then stdout contains ""
  |                       ^
  |
  = help: write what must be there, or leave the step out

warning[empty-pattern]: this text is empty, and every text contains it
  --> x.md:10:22
   |
10 | and file f contains ""
   |                      ^
   |
   = help: write what must be there, or leave the step out

warning[empty-pattern]: this text is empty, and every text contains it
  --> x.md:11:31
   |
11 | and running "echo hi" prints ""
   |                               ^
   |
   = help: write what must be there, or leave the step out

3 warnings

"#]]);
}

#[test]
fn a_text_to_look_for_that_a_kept_value_leaves_empty_fails_the_step() {
    let steps = "when I run echo id=\nand I keep the match of regex /id=([0-9]*)/ in stdout as ID\n\
                 and I run echo nothing\nthen stdout contains \"${ID}\"\n";
    let project = Project::anywhere().file("x.md", document(&format!("# X\n~~~scenario\n{steps}~~~\n")));
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  X
  in x.md:10, scenario at x.md:5

    ok [TIME]  when I run echo id=
    ok [TIME]  and I keep the match of regex /id=([0-9]*)/ in stdout as ID
    ok [TIME]  and I run echo nothing
    FAILED [TIME]  then stdout contains "${ID}"

  there is nothing to look for: ${ID} is empty, and every text contains it
  help: check the value where it is kept

  rerun: greenroom run x.md --name X

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  X

"#]]);
}

#[test]
fn an_output_that_is_empty_is_no_data() {
    let steps = "when I run true\nthen stdout TOML $.password does not exist\n";
    let text =
        document(&format!("# X\n~~~scenario\n{steps}~~~\n")).replace("bindings: [", "bindings: [lib/json.yaml, ");
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  X
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I run true
    FAILED [TIME]  then stdout TOML $.password does not exist

  stdout of the command is not TOML: it is empty
  note: the command `true` ended with exit status 0

  rerun: greenroom run x.md --name X

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  X

"#]]);
}
