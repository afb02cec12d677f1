//! Texts that are not in a long output: the closest text is shown where it is.

use snapbox::str;

use crate::support::{Project, document, same};

/// Creates a document whose command writes 150 lines, this line, and 150 more.
fn long_output(line: &str, step: &str) -> String {
    document(&format!(
        "# The scenario\n\
         ~~~scenario\n\
         given file text\n\
         when I run sh -c \"seq -f 'line %g: all is well' 1 150; cat text; \
         seq -f 'line %g: all is well' 152 300\"\nthen {step}\n~~~\n~~~{{#text .file}}\n{line}\n~~~\n"
    ))
}

/// Returns the part of the screen that shows the closest text, if there is one.
fn closest(line: &str, step: &str) -> String {
    let ran = Project::anywhere().file("x.md", long_output(line, step)).run(["run", "x.md"]).code(1).stderr("");
    let lines: Vec<&str> = ran.stdout.lines().skip_while(|line| !line.contains("the closest text")).collect();
    lines.iter().take_while(|line| !line.contains("  note: the command")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn another_number_a_typo_case_and_blanks_are_found_in_a_long_output() {
    same(
        &closest("Error 42: disk full", "stdout contains \"Error 41: disk full\""),
        str![[r#"
  the closest text is in line 151:
    expected: Error 41: disk full
    actual:   Error 42: disk full
                     ^
  actual (lines 148 to 154; -v shows more):
    │ 148  line 148: all is well
    │ 149  line 149: all is well
    │ 150  line 150: all is well
    │ 151  Error 42: disk full
    │ 152  line 152: all is well
    │ 153  line 153: all is well
    │ 154  line 154: all is well

"#]],
    );
    same(
        &closest("10:20 eror: disk full", "stdout contains \"error: disk full\""),
        str![[r#"
  the closest text is in line 151:
    expected:       error: disk full
    actual:   10:20 eror: disk full
                      ^
  actual (lines 148 to 154; -v shows more):
    │ 148  line 148: all is well
    │ 149  line 149: all is well
    │ 150  line 150: all is well
    │ 151  10:20 eror: disk full
    │ 152  line 152: all is well
    │ 153  line 153: all is well
    │ 154  line 154: all is well

"#]],
    );
    same(
        &closest("DISK  FULL on /var", "stdout contains \"disk full on /var\""),
        str![[r#"
  the closest text is in line 151:
    expected: disk full on /var
    actual:   DISK  FULL on /var
              ^^^^^^^^^^
  actual (lines 148 to 154; -v shows more):
    │ 148  line 148: all is well
    │ 149  line 149: all is well
    │ 150  line 150: all is well
    │ 151  DISK  FULL on /var
    │ 152  line 152: all is well
    │ 153  line 153: all is well
    │ 154  line 154: all is well
  note: it contains the text except for spaces, case or Unicode normal form

"#]],
    );
    assert_eq!(closest("Error 42: disk full", "stdout contains \"connection refused by peer\""), "");
}

#[test]
fn the_closest_text_of_a_file_and_of_a_daemon_is_shown() {
    let steps = "given file write.sh\nwhen I run sh write.sh\n";
    let daemon = "when I start \"sh write.sh\" as a background process as d\nwhen I wait for daemon d to end\n";
    let scenarios = format!(
        "# File\n~~~scenario\n{steps}then file log contains \"user anna logged in\"\n~~~\n\
         # Daemon\n\
         ~~~scenario\n\
         given file write.sh\n\
         {daemon}then daemon d stdout contains \"{{\\\"ok\\\": true}}\"\n\
         ~~~\n\
         # Wait\n~~~scenario\ngiven file write.sh\n\
         when I start \"sh write.sh stay\" as a background process as d\n\
         when I wait for daemon d to write \"job nine done\" to stdout, for at most 1 seconds\n~~~\n\
         ~~~{{#write.sh .file}}\n\
         seq 1000 | sed 's/500/user Anna logged in/' > log\n\
         seq 1000 | sed 's/500/{{\"ok\":false}}/; s/600/job five done/'\n\
         if [ $1 ]; then exec sleep 1000; fi\n~~~\n"
    );
    Project::anywhere().file("x.md", document(&scenarios)).run(["run", "-j1", "x.md"]).code(1).stderr("").stdout(str![
        [r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

FAIL [TIME]  File
  in x.md:9, scenario at x.md:5

    ok [TIME]  given file write.sh
    ok [TIME]  when I run sh write.sh
    FAILED [TIME]  then file log contains "user anna logged in"

  file log does not contain the expected text
  expected to contain:
    │ user anna logged in
  the closest text is in line 500:
    expected: user anna logged in
    actual:   user Anna logged in
                   ^
  actual (lines 497 to 503; -v shows more):
    │ 497  497
    │ 498  498
    │ 499  499
    │ 500  user Anna logged in
    │ 501  501
    │ 502  502
    │ 503  503
  note: it contains the text except for upper and lower case

  rerun: greenroom run x.md --name File

FAIL [TIME]  Daemon
  in x.md:16, scenario at x.md:11

    ok [TIME]  given file write.sh
    ok [TIME]  when I start "sh write.sh" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d stdout contains "{\"ok\": true}"

  stdout of daemon d does not contain the expected text
  expected to contain:
    │ {"ok": true}
  the closest text is in line 500:
    expected: {"ok": true}
    actual:   {"ok":false}
                    ^^^^
  actual (lines 497 to 503; -v shows more):
    │ 497  497
    │ 498  498
    │ 499  499
    │ 500  {"ok":false}
    │ 501  501
    │ 502  502
    │ 503  503
  note: daemon d has ended, with exit status 0

  daemon d: exited with status 0 after [TIME]
    command: sh write.sh
    stdout of daemon d (last 10 lines, 3.9 kB before; -v shows more):
      │ 991
      │ 992
      │ 993
      │ 994
      │ 995
      │ 996
      │ 997
      │ 998
      │ 999
      │ 1000

  rerun: greenroom run x.md --name Daemon

FAIL [TIME]  Wait
  in x.md:22, scenario at x.md:18

    ok [TIME]  given file write.sh
    ok [TIME]  when I start "sh write.sh stay" as a background process as d
    FAILED [TIME]  when I wait for daemon d to write "job nine done" to stdout, for at most 1 seconds

  daemon d did not write "job nine done" to stdout within 1 s
  note: the closest text is in line 600 of stdout: job five done
  stdout of daemon d (last 20 lines, 3.8 kB before; -v shows more):
    │ 981
    │ 982
    │ 983
    │ 984
    │ 985
    │ 986
    │ 987
    │ 988
    │ 989
    │ 990
    │ 991
    │ 992
    │ 993
    │ 994
    │ 995
    │ 996
    │ 997
    │ 998
    │ 999
    │ 1000

  daemon d: still running at the end of the scenario
    command: sh write.sh stay
    stdout of daemon d: see above

  1 leftover process, stopped at the end:
    sleep 1000  (daemon d, running for [TIME])

  rerun: greenroom run x.md --name Wait

FAILED: 3 of 3 scenarios failed, [TIME]
  failed  x.md:5   File
  failed  x.md:11  Daemon
  failed  x.md:18  Wait

"#]
    ]);
}
