//! Steps that send signals, and steps about how a daemon ended.

use snapbox::str;

use super::{fails, gone, holds, up};

/// systemd and containers use signals that have no name.
#[test]
fn signals_can_be_numbers() {
    holds(&up(
        "when I send signal 40 to daemon up\nwhen I wait for daemon up to end\nthen daemon up has ended by signal 40",
    ));
    holds(&up(
        "when I send signal 16 to daemon up\nwhen I wait for daemon up to end\nthen daemon up has ended by signal 16",
    ));
}

#[test]
fn signals_are_sent() {
    holds(&up("when I send signal HUP to daemon up\nwhen I wait for daemon up to write \"again\" to stdout\n\
         when I send signal sigkill to daemon up\n\
         when I wait for daemon up to end\n\
         then daemon up has ended by signal KILL\n\
         and daemon up has ended by signal 9\nand daemon up has ended"));
    fails!(
        &gone("when I send signal HUP to daemon gone"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  when I send signal HUP to daemon gone

  daemon gone has ended, with exit status 3 after [TIME]
  stdout of daemon gone:
    │ working
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
fn the_end_of_a_daemon_is_checked() {
    holds(&gone("then daemon gone has ended\nand daemon gone has ended with exit status 3"));
    fails!(
        &gone("then daemon gone has ended with exit status 0"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone has ended with exit status 0

  the end of daemon gone is not as expected
    expected: exit status 0
    actual:   exit status 3
                          ^
  stdout of daemon gone:
    │ working
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
        &gone("then daemon gone has ended by signal TERM"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone has ended by signal TERM

  the end of daemon gone is not as expected
    expected: signal SIGTERM
    actual:   exit status 3
              ^^^^^^^^^^^^^^
  stdout of daemon gone:
    │ working
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
        &up("then daemon up has ended"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  then daemon up has ended

  daemon up is still running
  stdout of daemon up:
    │ ready
  help: to wait for its end, write `when I wait for daemon up to end`

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up: see above

  1 leftover process, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_is_running() {
    holds(&up("then daemon up is running"));
    fails!(
        &gone("then daemon gone is running"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then daemon gone is running

  daemon gone is not running: it ended with exit status 3 after [TIME]
  stdout of daemon gone:
    │ working
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
