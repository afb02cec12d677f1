//! Unusual output of daemons, and what they do to their output files.

use std::fs;

use snapbox::str;

use crate::support::{Project, document, names, scenario, with_programs};

#[test]
fn invalid_utf8_is_kept_and_shown_escaped() {
    let steps = "when I start \"printf '\\377\\000\\033[2J\\r'\" as a background process as d\n\
        when I wait for daemon d to end\nwhen I run false";
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

  daemon d: exited with status 0 after [TIME]
    command: printf '\377\000\033[2J\r'
    stdout of daemon d:
      │ \xff\0\x1b[2J\r

  kept:  [RUN]/1/data
  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    let run = names(&project.tmp()).pop().unwrap();
    assert_eq!(fs::read(project.tmp().join(run).join("1/data/d.stdout")).unwrap(), b"\xff\0\x1b[2J\r");
}

#[test]
fn output_after_a_seek_is_appended() {
    let steps = "given file seek.py\nwhen I start \"python3 seek.py\" as a background process as d\n\
        when I wait for daemon d to end\nthen daemon d stdout is \"123456\"";
    Project::anywhere().file("x.md", with_programs(scenario(steps))).run(["run", "x.md"]).passes();
}

#[test]
fn truncated_output_starts_again() {
    let steps = "when I start \"sh -c 'echo one; : > /proc/self/fd/1; echo two'\" as a background process as d\n\
        when I wait for daemon d to end\nthen daemon d stdout is \"two\\n\"";
    Project::anywhere().file("x.md", scenario(steps)).run(["run", "x.md"]).passes();
}

#[test]
fn a_removed_output_file_is_reported() {
    let steps = "when I start \"sh -c 'echo one; rm d.stdout; echo two'\" as a background process as d\n\
        when I wait for daemon d to end\nthen daemon d stdout is \"one\\ntwo\\n\"";
    Project::anywhere().file("x.md", scenario(steps)).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; rm d.stdout; echo two'" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d stdout is "one\ntwo\n"

  cannot read stdout of daemon d: No such file or directory (os error 2)
  note: it is in the file d.stdout

  daemon d: exited with status 0 after [TIME]
    command: sh -c 'echo one; rm d.stdout; echo two'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn the_relevant_part_of_an_output_is_shown() {
    let scenarios = r#"
# Long line
~~~scenario
when I run python3 -c "print('a' * 600 + 'needle' + 'b' * 600)"
then stdout doesn't contain "needle"
~~~
# Regex
~~~scenario
when I run seq 1 100
then stdout doesn't match regex (?m)^5$
~~~
# Late
~~~scenario
when I run seq 1 3000
then stdout doesn't contain "\n2777\n"
~~~
# Latin
~~~scenario
when I run printf 'caf\351'
then stdout contains "x"
~~~
# Bytes
~~~scenario
when I run sh -c "printf 'a\377b\n' > a; printf 'a\376b\n' > b"
then files a and b match
~~~
# Blank
~~~scenario
when I run printf 'a\302\240b\n'
then stdout is exactly "a b\n"
~~~
# Composed
~~~scenario
when I run printf 'nai\314\210ve\n'
then stdout is exactly "naïve\n"
~~~
# Daemon
~~~scenario
when I start "seq 1 100000" as a background process as d
and I wait for daemon d to end
then daemon d stdout doesn't contain "\n50000\n"
~~~
"#;
    let ran = Project::anywhere().file("x.md", document(scenarios)).run(["run", "x.md"]).code(1).stderr("");
    ran.stdout(str![[r#"
greenroom [VERSION]: 8 scenarios in x.md, up to 256 at a time

FAIL [TIME]  Long line
  in x.md:9, scenario at x.md:6

    ok [TIME]  when I run python3 -c "print('a' * 600 + 'needle' + 'b' * 600)"
    FAILED [TIME]  then stdout doesn't contain "needle"

  stdout of the command contains text that it must not contain
  expected not to contain:
    │ needle
  actual:
    │ …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaneedlebbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
  note: the command `python3 -c "print('a' * 600 + 'needle' + 'b' * 600)"` ended with exit status 0

  rerun: greenroom run x.md --name 'Long line'

FAIL [TIME]  Regex
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run seq 1 100
    FAILED [TIME]  then stdout doesn't match regex (?m)^5$

  stdout of the command matches the regex, but must not
  expected not to match the regex:
    │ (?m)^5$
  actual (line 5 has it; shown from line 3):
    │ 3
    │ 4
    │ 5
    │ 6
    │ 7
  note: the command `seq 1 100` ended with exit status 0

  rerun: greenroom run x.md --name Regex

FAIL [TIME]  Late
  in x.md:19, scenario at x.md:16

    ok [TIME]  when I run seq 1 3000
    FAILED [TIME]  then stdout doesn't contain "\n2777\n"

  stdout of the command contains text that it must not contain
  expected not to contain:
    │
    │ 2777
  actual (line 2776 has it; shown from line 2774):
    │ 2774
    │ 2775
    │ 2776
    │ 2777
    │ 2778
  note: the command `seq 1 3000` ended with exit status 0

  rerun: greenroom run x.md --name Late

FAIL [TIME]  Latin
  in x.md:24, scenario at x.md:21

    ok [TIME]  when I run printf 'caf\351'
    FAILED [TIME]  then stdout contains "x"

  stdout of the command does not contain the expected text
  expected to contain:
    │ x
  actual:
    │ caf\xe9
  note: the command `printf 'caf\351'` ended with exit status 0

  rerun: greenroom run x.md --name Latin

FAIL [TIME]  Bytes
  in x.md:29, scenario at x.md:26

    ok [TIME]  when I run sh -c "printf 'a\377b\n' > a; printf 'a\376b\n' > b"
    FAILED [TIME]  then files a and b match

  file a and file b differ
  file b beside file a:
    expected: a\xffb\n
    actual:   a\xfeb\n
               ^^^^

  rerun: greenroom run x.md --name Bytes

FAIL [TIME]  Blank
  in x.md:34, scenario at x.md:31

    ok [TIME]  when I run printf 'a\302\240b\n'
    FAILED [TIME]  then stdout is exactly "a b\n"

  stdout of the command is not as expected
    expected: a b\n
    actual:   a\u{a0}b\n
               ^^^^^^
  note: expected and actual differ only in spaces: actual has U+00A0
  note: the command `printf 'a\302\240b\n'` ended with exit status 0

  rerun: greenroom run x.md --name Blank

FAIL [TIME]  Composed
  in x.md:39, scenario at x.md:36

    ok [TIME]  when I run printf 'nai\314\210ve\n'
    FAILED [TIME]  then stdout is exactly "naïve\n"

  stdout of the command is not as expected
    expected: naïve\n
    actual:   nai\u{308}ve\n
                ^^^^^^^^
  note: expected and actual differ only in Unicode normal form: accents are part of the letters in expected (NFC), and separate characters in actual (NFD)
  note: the command `printf 'nai\314\210ve\n'` ended with exit status 0

  rerun: greenroom run x.md --name Composed

FAIL [TIME]  Daemon
  in x.md:45, scenario at x.md:41

    ok [TIME]  when I start "seq 1 100000" as a background process as d
    ok [TIME]  and I wait for daemon d to end
    FAILED [TIME]  then daemon d stdout doesn't contain "\n50000\n"

  stdout of daemon d contains text that it must not contain
  expected not to contain:
    │
    │ 50000
  actual (line 49999 has it; shown from line 49997):
    │ 49997
    │ 49998
    │ 49999
    │ 50000
    │ 50001
  note: daemon d has ended, with exit status 0

  daemon d: exited with status 0 after [TIME]
    command: seq 1 100000
    stdout of daemon d (last 10 lines, 588.8 kB before; -v shows more):
      │ 99991
      │ 99992
      │ 99993
      │ 99994
      │ 99995
      │ 99996
      │ 99997
      │ 99998
      │ 99999
      │ 100000

  rerun: greenroom run x.md --name Daemon

FAILED: 8 of 8 scenarios failed, [TIME]
  failed  x.md:6   Long line
  failed  x.md:11  Regex
  failed  x.md:16  Late
  failed  x.md:21  Latin
  failed  x.md:26  Bytes
  failed  x.md:31  Blank
  failed  x.md:36  Composed
  failed  x.md:41  Daemon

"#]]);
}
