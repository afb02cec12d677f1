//! Steps that check the output of daemons.

use snapbox::str;

use super::{fails, gone, holds, up};

#[test]
fn a_daemon_has_produced_output() {
    holds(
        "when I start \"sh -c 'echo out; echo err >&2; exec sleep 100'\" as a background process as a\n\
         when daemon a has produced output\n\
         then daemon a stdout is \"out\\n\"\n\
         and daemon a stderr is \"err\\n\"",
    );
    holds(
        "when I start \"sh -c 'echo err >&2; exec sleep 100'\" as a background process as a\n\
         when daemon a has produced output\n\
         then daemon a stderr is \"err\\n\"",
    );
    fails!(
        "when I start \"sh -c 'exit 5'\" as a background process as mute\nwhen daemon mute has produced output",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'exit 5'" as a background process as mute
    FAILED [TIME]  when daemon mute has produced output

  daemon mute produced no output; it ended with exit status 5 after [TIME]

  daemon mute: exited with status 5 after [TIME]
    command: sh -c 'exit 5'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_produces_no_output() {
    fails!(
        "when I start \"sleep 1234\" as a background process as mute\nwhen daemon mute has produced output",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sleep 1234" as a background process as mute
    FAILED [TIME]  when daemon mute has produced output

  daemon mute produced no output within 5 s

  daemon mute: still running at the end of the scenario
    command: sleep 1234
    no output

  1 leftover process, stopped at the end:
    sleep 1234  (daemon mute, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stdout_is_compared() {
    holds(&gone("then daemon gone stdout is \"working\\n\"\nand daemon gone stdout is \"\\x77orking\\u{a}\""));
    fails!(
        &gone("then daemon gone stdout is \"walking\\n\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stdout is "walking\n"

  stdout of daemon gone is not as expected
    expected: walking\n
    actual:   working\n
               ^^
  note: daemon gone has ended, with exit status 3
  stderr of daemon gone:
    │ no config

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &gone("then daemon gone stdout is \"\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stdout is ""

  stdout of daemon gone is not as expected
    expected: (empty)
    actual:   working\n
  note: daemon gone has ended, with exit status 3
  stderr of daemon gone:
    │ no config

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn empty_stdout_is_compared() {
    fails!(
        "when I start \"true\" as a background process as a\n\
         when I wait for daemon a to end\n\
         then daemon a stdout is \"something\\n\"",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "true" as a background process as a
    ok [TIME]  when I wait for daemon a to end
    FAILED [TIME]  then daemon a stdout is "something\n"

  stdout of daemon a is not as expected
    expected: something\n
    actual:   (empty)
  note: daemon a has ended, with exit status 0

  daemon a: exited with status 0 after [TIME]
    command: true
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn many_lines_of_stdout_are_compared() {
    fails!(
        "when I start \"printf 'one\\ntwo\\nthree\\n'\" as a background process as a\n\
         when I wait for daemon a to end\n\
         then daemon a stdout is \"one\\n2\\nthree\\n\"",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "printf 'one\ntwo\nthree\n'" as a background process as a
    ok [TIME]  when I wait for daemon a to end
    FAILED [TIME]  then daemon a stdout is "one\n2\nthree\n"

  stdout of daemon a is not as expected
  (- expected, + actual):
      one
    - 2
    + two
      three
  note: daemon a has ended, with exit status 0

  daemon a: exited with status 0 after [TIME]
    command: printf 'one\ntwo\nthree\n'
    stdout of daemon a:
      │ one
      │ two
      │ three

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stdout_contains_a_text() {
    holds(&gone("then daemon gone stdout contains \"work\"\nand daemon gone stdout doesn't contain \"config\""));
    fails!(
        &gone("then daemon gone stdout contains \"config\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stdout contains "config"

  stdout of daemon gone does not contain the expected text
  expected to contain:
    │ config
  actual:
    │ working
  note: daemon gone has ended, with exit status 3
  stderr of daemon gone:
    │ no config

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &gone("then daemon gone stdout doesn't contain \"work\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stdout doesn't contain "work"

  stdout of daemon gone contains text that it must not contain
  expected not to contain:
    │ work
  actual:
    │ working
  note: daemon gone has ended, with exit status 3
  stderr of daemon gone:
    │ no config

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stderr_is_compared() {
    holds(&gone("then daemon gone stderr is \"no config\\n\""));
    fails!(
        &gone("then daemon gone stderr is \"no config\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stderr is "no config"

  stderr of daemon gone is not as expected
    expected: no config
    actual:   no config\n
                       ^^
  note: daemon gone has ended, with exit status 3
  stdout of daemon gone:
    │ working

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stderr_contains_a_text() {
    holds(&gone("then daemon gone stderr contains \"config\"\nand daemon gone stderr doesn't contain \"work\""));
    fails!(
        &gone("then daemon gone stderr contains \"work\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stderr contains "work"

  stderr of daemon gone does not contain the expected text
  expected to contain:
    │ work
  actual:
    │ no config
  note: daemon gone has ended, with exit status 3
  stdout of daemon gone:
    │ working

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &gone("then daemon gone stderr doesn't contain \"config\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone stderr doesn't contain "config"

  stderr of daemon gone contains text that it must not contain
  expected not to contain:
    │ config
  actual:
    │ no config
  note: daemon gone has ended, with exit status 3
  stdout of daemon gone:
    │ working

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone: see above
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn output_is_not_text() {
    holds(
        r#"when I start "printf '\377\000\033[2J\r'" as a background process as a
when I wait for daemon a to end
then daemon a stdout contains "\x1b[2J\r"
and daemon a stdout doesn't contain "\n""#,
    );
    fails!(
        r#"when I start "printf 'caf\351 \033[31mred\033[0m \000\r\n'" as a background process as a
when I wait for daemon a to end
then daemon a stdout contains "café""#,
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "printf 'caf\351 \033[31mred\033[0m \000\r\n'" as a background process as a
    ok [TIME]  when I wait for daemon a to end
    FAILED [TIME]  then daemon a stdout contains "café"

  stdout of daemon a does not contain the expected text
  expected to contain:
    │ café
  actual:
    │ caf\xe9 \x1b[31mred\x1b[0m \0\r
  note: daemon a has ended, with exit status 0

  daemon a: exited with status 0 after [TIME]
    command: printf 'caf\351 \033[31mred\033[0m \000\r\n'
    stdout of daemon a: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn large_output_is_shortened() {
    let steps = "when I start \"sh -c 'yes line | head -n 200000; echo the end'\" as a background process as a\n\
                 when I wait for daemon a to end, for at most 60 seconds\n\
                 then daemon a stdout contains \"line\\nthe end\\n\"\n\
                 and daemon a stdout is \"x\"";
    fails!(
        steps,
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'yes line | head -n 200000; echo the end'" as a background process as a
    ok [TIME]  when I wait for daemon a to end, for at most 60 seconds
    ok [TIME]  then daemon a stdout contains "line\nthe end\n"
    FAILED [TIME]  and daemon a stdout is "x"

  stdout of daemon a is not as expected
  (- expected, + actual):
    - x
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    + line
    … more not shown
  note: daemon a has ended, with exit status 0

  daemon a: exited with status 0 after [TIME]
    command: sh -c 'yes line | head -n 200000; echo the end'
    stdout of daemon a (last 10 lines, 1.0 MB before; -v shows more):
      │ line
      │ line
      │ line
      │ line
      │ line
      │ line
      │ line
      │ line
      │ line
      │ the end

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn output_of_the_stop_handler_is_kept() {
    holds(
        "given a daemon helper shell script big_end.sh\nwhen I start \"./big_end.sh\" as a background process as big\n\
         when I wait for daemon big to write \"ready\" to stdout\nwhen I stop background process big\n\
         then daemon big stdout contains \"\\0end\\n\"",
    );
}

#[test]
fn an_unknown_daemon_has_no_output() {
    fails!(
        &up("given a free port kept as pu\nthen daemon ${pu} stdout is \"\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    ok [TIME]  given a free port kept as pu
    FAILED [TIME]  then daemon ${pu} stdout is ""

  no step of this scenario has started a daemon [..]
  help: did you mean up?

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready

  1 leftover process, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}
