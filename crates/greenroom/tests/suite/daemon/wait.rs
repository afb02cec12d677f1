//! Steps that wait.

use snapbox::str;

use super::{fails, gone, holds, up};
use crate::support::{Project, scenario};

#[test]
fn a_step_waits_for_text() {
    holds(
        "when I start \"sh -c 'echo one; sleep 0.1; printf tw; sleep 0.1; echo o >&2; echo o; sleep 100'\" as a \
         background process as a\n\
         when I wait for daemon a to write \"one\\ntwo\\n\" to stdout\n\
         when I wait for daemon a to write \"o\" to stderr\n\
         when I wait for daemon a to write \"o\" to stderr, for at most 60 seconds",
    );
    fails!(
        &up("when I wait for daemon up to write \"steady\" to stdout, for at most 0.3 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  when I wait for daemon up to write "steady" to stdout, for at most 0.3 seconds

  daemon up did not write "steady" to stdout within 300 ms
  stdout of daemon up:
    │ ready

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
    fails!(
        &gone("when I wait for daemon gone to write \"ready\" to stderr"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  when I wait for daemon gone to write "ready" to stderr

  daemon gone ended with exit status 3 without writing "ready" to stderr
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
fn a_step_waits_for_the_end() {
    fails!(
        &up("when I wait for daemon up to end, for at most 0.3 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  when I wait for daemon up to end, for at most 0.3 seconds

  daemon up did not end within 300 ms
  note: when the limit passed it was running "python3 ./up.py" (process [PID], asleep)
  stdout of daemon up:
    │ ready

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
fn a_step_waits_for_a_file() {
    holds(
        "when I start \"sh -c 'sleep 0.2; mkdir d; touch d/f; sleep 100'\" as a background process as a\n\
         when I wait for file d/f to exist\n\
         then file d/f exists",
    );
    fails_sealed!(
        &gone("when I wait for file d/f to exist, for at most 0.3 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  when I wait for file d/f to exist, for at most 0.3 seconds

  file d/f did not appear, and the scenario has no processes left
  note: daemon gone ended with exit status 3 after [TIME]
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
fn a_step_waits_for_a_socket() {
    holds(
        "given file unix.py\n\
         when I start \"python3 unix.py\" as a background process as u\n\
         when I wait for socket s to accept connections, for at most 60 seconds",
    );
    fails!(
        &up("when I wait for socket s to accept connections, for at most 0.3 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  when I wait for socket s to accept connections, for at most 0.3 seconds

  socket s did not accept a connection within 300 ms
  note: last attempt: No such file or directory (os error 2)
  note: daemon up is running

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

#[test]
fn a_step_waits_for_http() {
    let start = "given file web.py\nwhen I start \"python3 web.py\" as a background process as web\n";
    holds(&format!(
        "{start}when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 60 seconds\nand I wait for http://localhost:8080/nosuch to answer with status 404"
    ));
    fails!(
        &format!(
            "{start}when I wait for daemon web to listen on port 8080, for at most 60 seconds\nwhen I wait for http://127.0.0.1:8080/nosuch to answer with status 200, for at most 1 seconds"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file web.py
    ok [TIME]  when I start "python3 web.py" as a background process as web
    ok [TIME]  when I wait for daemon web to listen on port 8080, for at most 60 seconds
    FAILED [TIME]  when I wait for http://127.0.0.1:8080/nosuch to answer with status 200, for at most 1 seconds

  http://127.0.0.1:8080/nosuch did not answer with status 200 within 1 s
  note: last attempt: it answered with status 404
  note: daemon web is running
  note: daemon web (python3 web.py) answers there
  help: it has nothing at `/nosuch`: correct the path in this step, or add it to the server

  daemon web: still running at the end of the scenario
    command: python3 web.py
    no output

  1 leftover process, stopped at the end:
    python3 web.py  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails_sealed!(
        "when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 0.3 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 0.3 seconds

  http://127.0.0.1:8080/ did not answer with status 200, and the scenario has no processes left
  note: last attempt: connection refused

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_step_waits_for_a_silent_http_server() {
    fails!(
        "given file mute.py\nwhen I start \"python3 mute.py\" as a background process as web, on port 8080\n\
         when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 0.5 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given file mute.py
    ok [TIME]  when I start "python3 mute.py" as a background process as web, on port 8080
    FAILED [TIME]  when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 0.5 seconds

  http://127.0.0.1:8080/ did not answer with status 200 within 500 ms
  note: last attempt: no answer before the time limit
  note: daemon web is running
  help: to allow more time, raise the limit of this step

  daemon web: still running at the end of the scenario
    command: python3 mute.py
    no output

  1 leftover process, stopped at the end:
    python3 mute.py  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_step_waits_for_a_port() {
    holds(
        "given a daemon helper shell script server.py\n\
         when I start \"./server.py web 127.0.0.1:8080 127.0.0.1:8081\" as a background process as web\n\
         when I wait for daemon web to listen on port 8080\n\
         when I wait for daemon web to listen on port 8081, for at most 60 seconds",
    );
    fails!(
        &up("when I wait for daemon up to listen on port 8080, for at most 0.3 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  when I wait for daemon up to listen on port 8080, for at most 0.3 seconds

  daemon up did not listen on port 8080 within 300 ms
  note: it is still running
  stdout of daemon up:
    │ ready
  help: to allow more time, raise the limit of this step

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
    fails!(
        &gone("when I wait for daemon gone to listen on port 8080"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  when I wait for daemon gone to listen on port 8080

  daemon gone ended with exit status 3 after [TIME] before it listened on port 8080
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
fn a_step_gets_a_free_port() {
    holds(
        "given file fetch.py\n\
         given a daemon helper shell script server.py\n\
         given a free port kept as web\n\
         and a free port kept as other\n\
         when I start \"./server.py one 127.0.0.1:${web}\" as a background process as one, on port ${web}\n\
         and I start \"./server.py two 127.0.0.1:${other}\" as a background process as two, on port ${other}\n\
         and I run python3 fetch.py 127.0.0.1 ${web}\nthen stdout is exactly \"one\\n\"\n\
         when I run python3 fetch.py 127.0.0.1 ${other}\nthen stdout is exactly \"two\\n\"",
    );
}

#[test]
fn a_free_port_is_not_kept() {
    let steps =
        "given a free port kept as web\nwhen I start \"sleep 100\" as a background process as a, on port ${wbe}";
    Project::new().file("x.md", scenario(steps)).refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-name]: no earlier step keeps a port as wbe
 --> x.md:8:64
  |
8 | when I start "sleep 100" as a background process as a, on port ${wbe}
  |                                                                ^^^^^^
  |
  = help: did you mean ${web}?

1 error

"#]]);
}
