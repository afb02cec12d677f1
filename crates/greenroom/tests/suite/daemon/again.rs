//! Waits for output: again, several times, by a regex, and in a file; checks of what was written.

use snapbox::str;

use super::{fails, holds};
use crate::support::{Project, scenario};

/// Starts a shell script as daemon `a`.
fn shell(script: &str, steps: &str) -> String {
    format!("when I start \"sh -c '{script}'\" as a background process as a\n{steps}")
}

const RELOADS: &str = "trap \"echo reloaded\" HUP; echo up; while :; do sleep 0.02; done";

#[test]
fn a_text_is_waited_for_again_and_several_times() {
    holds(&shell(
        RELOADS,
        "when I wait for daemon a to write \"up\" to stdout again\n\
         and I send signal HUP to daemon a\n\
         and I wait for daemon a to write \"reloaded\" to stdout\n\
         and I wait for daemon a to write \"up\" to stdout\n\
         and I send signal HUP to daemon a\n\
         and I wait for daemon a to write \"reloaded\" to stdout again, for at most 60 seconds\n\
         and I wait for daemon a to write \"reloaded\" to stdout 2 times\n\
         and I wait for daemon a to write regex /re[a-z]+ed\\nre/ to stdout\n\
         then daemon a stdout contains \"reloaded\" 2 times\n\
         and daemon a stderr contains \"reloaded\" 0 times\n\
         and daemon a stdout matches regex /(?m)^up$/\n\
         and daemon a stdout doesn't match regex /^reloaded/\n\
         when I restart daemon a\n\
         then daemon a stdout contains \"up\" 1 times",
    ));
    fails!(
        &shell(
            "echo one; echo two; echo two; kill -STOP $$",
            "when I wait for daemon a to write \"two\\ntwo\" to stdout\n\
             when I wait for daemon a to write \"two\" to stdout again, for at most 0.2 seconds",
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; echo two; echo two; kill -STOP $$'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "two\ntwo" to stdout
    FAILED [TIME]  when I wait for daemon a to write "two" to stdout again, for at most 0.2 seconds

  daemon a did not write "two" to stdout again within 200 ms
  note: only what comes after line 3 of stdout counts, where the latest wait found what it waited for; it is in lines 2, 3
  stdout of daemon a:
    │ one
    │ two
    │ two

  daemon a: still running at the end of the scenario
    command: sh -c 'echo one; echo two; echo two; kill -STOP $$'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sh -c echo one; echo two; echo two; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &shell(
            "echo one; echo two; echo two; kill -STOP $$",
            "when I wait for daemon a to write \"two\" to stdout 3 times, for at most 0.2 seconds",
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; echo two; echo two; kill -STOP $$'" as a background process as a
    FAILED [TIME]  when I wait for daemon a to write "two" to stdout 3 times, for at most 0.2 seconds

  daemon a wrote "two" to stdout 2 times, not 3, within 200 ms
  note: it is in lines 2, 3
  stdout of daemon a:
    │ one
    │ two
    │ two

  daemon a: still running at the end of the scenario
    command: sh -c 'echo one; echo two; echo two; kill -STOP $$'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sh -c echo one; echo two; echo two; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn what_a_regex_matches_is_waited_for() {
    fails!(
        &shell(
            "echo one; echo two; kill -STOP $$",
            "when I wait for daemon a to write regex /^two$/ to stdout, for at most 0.2 seconds",
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; echo two; kill -STOP $$'" as a background process as a
    FAILED [TIME]  when I wait for daemon a to write regex /^two$/ to stdout, for at most 0.2 seconds

  daemon a did not write anything that matches /^two$/ to stdout within 200 ms
  stdout of daemon a:
    │ one
    │ two
  help: `^` and `$` stand for the start and the end of all output; for those of a line, write `(?m)^two$`

  daemon a: still running at the end of the scenario
    command: sh -c 'echo one; echo two; kill -STOP $$'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sh -c echo one; echo two; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &shell("echo port 80 >&2; exit 3", "when I wait for daemon a to write regex /port \\d+/ to stdout"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo port 80 >&2; exit 3'" as a background process as a
    FAILED [TIME]  when I wait for daemon a to write regex /port \d+/ to stdout

  daemon a ended with exit status 3 without writing anything that matches /port \d+/ to stdout
  note: it has written that to stderr
  stderr of daemon a:
    │ port 80

  daemon a: exited with status 3 after [TIME]
    command: sh -c 'echo port 80 >&2; exit 3'
    stderr of daemon a: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_file_is_waited_for_until_it_contains_a_text() {
    holds(&shell(
        "echo begun >s; sleep 0.1; echo ready >s.new; mv s.new s; kill -STOP $$",
        "when I wait for file s to contain \"ready\\n\"\nthen file s contains \"ready\"",
    ));
    fails!(
        &shell("echo begun >s; kill -STOP $$", "when I wait for file s to contain \"ready\", for at most 0.3 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo begun >s; kill -STOP $$'" as a background process as a
    FAILED [TIME]  when I wait for file s to contain "ready", for at most 0.3 seconds

  file s did not contain "ready" within 300 ms
  expected to contain:
    │ ready
  actual:
    │ begun
  note: daemon a is running

  daemon a: still running at the end of the scenario
    command: sh -c 'echo begun >s; kill -STOP $$'
    no output

  1 leftover process, stopped at the end:
    sh -c echo begun >s; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &shell("kill -STOP $$", "when I wait for file s to contain \"ready\", for at most 0.1 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'kill -STOP $$'" as a background process as a
    FAILED [TIME]  when I wait for file s to contain "ready", for at most 0.1 seconds

  file s did not contain "ready" within 100 ms
  note: last attempt: the file does not exist
  note: daemon a is running

  daemon a: still running at the end of the scenario
    command: sh -c 'kill -STOP $$'
    no output

  1 leftover process, stopped at the end:
    sh -c kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn output_is_compared_with_an_embedded_file_and_counted() {
    let script = "echo one; echo two; echo two; kill -STOP $$";
    let text = |step: &str, file: &str| {
        let wait = "when I wait for daemon a to write \"two\" to stdout 2 times\n";
        scenario(&shell(script, &format!("{wait}then daemon a stdout {step}"))) + file
    };
    let run = |step: &str, file: &str| Project::anywhere().file("x.md", text(step, file)).run(["run", "x.md"]);
    run("is embedded file numbers", "\n~~~{#numbers .file}\none\ntwo\ntwo\n~~~\n").passes();
    run("is embedded file other", "\n~~~{#other .file}\none\ntwo\n~~~\n").code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; echo two; echo two; kill -STOP $$'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "two" to stdout 2 times
    FAILED [TIME]  then daemon a stdout is embedded file other

  stdout of daemon a is not as expected
  (- expected, + actual):
      one
      two
    + two

  daemon a: still running at the end of the scenario
    command: sh -c 'echo one; echo two; echo two; kill -STOP $$'
    stdout of daemon a:
      │ one
      │ two
      │ two

  1 leftover process, stopped at the end:
    sh -c echo one; echo two; echo two; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    run("contains \"two\" 3 times", "").code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; echo two; echo two; kill -STOP $$'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "two" to stdout 2 times
    FAILED [TIME]  then daemon a stdout contains "two" 3 times

  stdout of daemon a contains "two" 2 times, not 3
  note: it is in lines 2, 3
  stdout of daemon a:
    │ one
    │ two
    │ two
  help: to wait for it, write `when I wait for daemon a to write "two" to stdout 3 times`

  daemon a: still running at the end of the scenario
    command: sh -c 'echo one; echo two; echo two; kill -STOP $$'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sh -c echo one; echo two; echo two; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    run("matches regex /^two$/", "").code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; echo two; echo two; kill -STOP $$'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "two" to stdout 2 times
    FAILED [TIME]  then daemon a stdout matches regex /^two$/

  stdout of daemon a does not match the regex
  expected to match the regex:
    │ ^two$
  actual:
    │ one
    │ two
    │ two
  help: `^` and `$` stand for the start and the end of all output; for those of a line, write `(?m)^two$`

  daemon a: still running at the end of the scenario
    command: sh -c 'echo one; echo two; echo two; kill -STOP $$'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sh -c echo one; echo two; echo two; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn mistakes_in_waits_are_found_before_the_run() {
    let text = scenario(&shell(
        "kill -STOP $$",
        "when I wait for daemon a to write regex /(/ to stdout\n\
         when I wait for daemon a to write \"x\" to stdout 0 times\n\
         when I wait for daemon a to listen on UDP port 70000\n\
         when I wait for daemon a to write \"x\" to stderr again, for at most 0 seconds\n\
         when I wait for file ../x to contain \"y\"\n\
         then daemon a stdout matches regex /[/\n\
         then daemon b listens on port 80\n\
         then nothing listens on port ${WEB}",
    ));
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stderr(str![[r#"
error[bad-regex]: invalid regular expression: unclosed group
 --> x.md:8:42
  |
8 | when I wait for daemon a to write regex /(/ to stdout
  |                                          ^

error[bad-number]: a text is always there at least 0 times
 --> x.md:9:49
  |
9 | when I wait for daemon a to write "x" to stdout 0 times
  |                                                 ^
  |
  = help: to say that it is not there, write a `then` step with `doesn't contain`

error[bad-port]: 70000 is not a port
  --> x.md:10:48
   |
10 | when I wait for daemon a to listen on UDP port 70000
   |                                                ^^^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-limit]: invalid time limit: 0 seconds
  --> x.md:11:68
   |
11 | when I wait for daemon a to write "x" to stderr again, for at most 0 seconds
   |                                                                    ^
   |
   = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[outside-directory]: ../x is outside of the scenario's directory
  --> x.md:12:22
   |
12 | when I wait for file ../x to contain "y"
   |                      ^^^^
   |
   = help: write a path inside the scenario's directory, without a leading `/` or `..`

error[bad-regex]: invalid regular expression: unclosed character class
  --> x.md:13:37
   |
13 | then daemon a stdout matches regex /[/
   |                                     ^

error[unknown-daemon]: no earlier step starts a daemon b
  --> x.md:14:13
   |
14 | then daemon b listens on port 80
   |             ^
   |
   = help: did you mean a?

7 errors

"#]]);
}
