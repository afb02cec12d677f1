//! Steps that start daemons.

use snapbox::str;

use super::{fails, gone, holds, up};
use crate::support::{Project, scenario};

#[test]
fn words_are_split_as_in_a_shell() {
    let command = r#"printf '[%s]' one 'two three' "four 'five'" six\ seven '$HOME' '*'"#;
    let steps = r#"when I wait for daemon words to end
then daemon words stdout is "[one][two three][four 'five'][six seven][$HOME][*]"
then daemon words stderr is """#;
    holds(&format!("when I start \"{command}\" as a background process as words\n{steps}"));
}

#[test]
fn environment_variables_are_for_one_daemon_only() {
    let start = r#"when I start "env" as a background process as first"#;
    let environment = r#"{"TEXT": "has a \"Value\"", "NUMBER": 7, "TRUTH": true}"#;
    let steps = r#"when I wait for daemon first to end
then daemon first stdout contains "TEXT=has a \"Value\"\n"
then daemon first stdout contains "NUMBER=7\n"
then daemon first stdout contains "TRUTH=true\n"
when I start "env" as a background process as second
when I wait for daemon second to end
then daemon second stdout doesn't contain "TEXT"
when I run env
then stdout doesn't contain "TEXT""#;
    holds(&format!("{start}, with environment {environment}\n{steps}"));
}

#[test]
fn a_port_may_open_late() {
    holds(
        "given file fetch.py\n\
         given a daemon helper shell script server.py\n\
         when I start \"sh -c 'sleep 0.3; exec ./server.py web 127.0.0.1:8080'\" as a background process as web, on \
         port 8080\n\
         when I run python3 fetch.py 127.0.0.1 8080\n\
         then stdout is exactly \"web\\n\"",
    );
}

#[test]
fn any_local_address_counts() {
    for (address, reached) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::]", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
    ] {
        holds(&format!(
            "given file fetch.py\ngiven a daemon helper shell script server.py\n\
             when I start \"./server.py web {address}:8080\" as a background process as web, on port 8080, \
             with environment {{}}\n\
             when I run python3 fetch.py {reached} 8080\nthen stdout is exactly \"web\\n\""
        ));
    }
}

#[test]
fn a_daemon_dies_before_it_listens() {
    fails!(
        "when I start \"sh -c 'echo starting; echo no config >&2; exit 3'\" as a background process as web, \
         on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "sh -c 'echo starting; echo no config >&2; exit 3'" as a background process as web, on port 8080

  daemon web ended with exit status 3 after [TIME] before it listened on port 8080
  stdout of daemon web:
    │ starting
  stderr of daemon web:
    │ no config

  daemon web: exited with status 3 after [TIME]
    command: sh -c 'echo starting; echo no config >&2; exit 3'
    stdout of daemon web: see above
    stderr of daemon web: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_exits_with_0_before_it_listens() {
    fails!(
        "when I start \"sh -c 'kill -9 $$'\" as a background process as web, on port 8080, with environment {\"A\": \
         \"B\"}",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "sh -c 'kill -9 $$'" as a background process as web, on port 8080, with environment {"A": "B"}

  daemon web ended with signal SIGKILL after [TIME] before it listened on port 8080

  daemon web: killed by SIGKILL after [TIME]; greenroom did not send it (out of memory?)
    command: sh -c 'kill -9 $$'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_listens_on_another_port() {
    fails!(
        "given a daemon helper shell script server.py\n\
         when I start \"./server.py web 127.0.0.1:8000 [::1]:8001\" as a background process as web, on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    FAILED [TIME]  when I start "./server.py web 127.0.0.1:8000 [::1]:8001" as a background process as web, on port 8080

  daemon web did not listen on port 8080 within 5 s
  note: it listens on 127.0.0.1:8000, [::1]:8001
  note: it is still running
  stdout of daemon web:
    │ listening
  help: change the step to port 8000, or make the daemon listen on port 8080

  daemon web: still running at the end of the scenario
    command: ./server.py web 127.0.0.1:8000 [::1]:8001
    stdout of daemon web: see above

  1 leftover process, stopped at the end:
    python3 ./server.py web 127.0.0.1:8000 [::1]:8001  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn the_port_is_in_use_by_another_daemon() {
    fails!(
        "given a daemon helper shell script server.py\n\
         when I start \"./server.py web 127.0.0.1:8080\" as a background process as web, on port 8080\n\
         when I start \"sleep 1000\" as a background process as other, on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    ok [TIME]  when I start "./server.py web 127.0.0.1:8080" as a background process as web, on port 8080
    FAILED [TIME]  when I start "sleep 1000" as a background process as other, on port 8080

  port 8080 is already in use by daemon web (python3 ./server.py web 127.0.0.1:8080)
  help: stop that process first, or use another port

  daemon web: still running at the end of the scenario
    command: ./server.py web 127.0.0.1:8080
    stdout of daemon web:
      │ listening

  1 leftover process, stopped at the end:
    python3 ./server.py web 127.0.0.1:8080  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// The first daemon begins to listen only after the second one has started.
#[test]
fn another_daemon_listens_on_the_port() {
    fails!(
        "given a daemon helper shell script server.py\n\
         when I run mkfifo go\n\
         when I start \"sh -c 'read go < go; exec ./server.py web 127.0.0.1:8080 > log'\" as a background process \
         as web\n\
         when I start \"sh -c 'echo > go; exec sleep 1000'\" as a background process as other, on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    ok [TIME]  when I run mkfifo go
    ok [TIME]  when I start "sh -c 'read go < go; exec ./server.py web 127.0.0.1:8080 > log'" as a background process as web
    FAILED [TIME]  when I start "sh -c 'echo > go; exec sleep 1000'" as a background process as other, on port 8080

  daemon web (python3 ./server.py web 127.0.0.1:8080) listens on port 8080, not daemon other

  daemon web: still running at the end of the scenario
    command: sh -c 'read go < go; exec ./server.py web 127.0.0.1:8080 > log'
    no output

  daemon other: still running at the end of the scenario
    command: sh -c 'echo > go; exec sleep 1000'
    no output

  2 leftover processes, stopped at the end:
    python3 ./server.py web 127.0.0.1:8080  (daemon web, running for [TIME])
    sleep 1000  (daemon other, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// The steps of others may well start a second daemon under the name of one that runs. None of them
/// is forgotten.
#[test]
fn a_name_means_the_latest_daemon_of_it() {
    holds(
        "given a daemon helper shell script server.py
and file fetch.py
when I start \"./server.py one 127.0.0.1:8101\" as a background process as web, on port 8101
and I start \"./server.py two 127.0.0.1:8102\" as a background process as web, on port 8102
and I start \"./server.py three 127.0.0.1:8103\" as a background process as web, on port 8103
and I run python3 fetch.py 127.0.0.1 8101
then stdout is exactly \"one\\n\"
when I run python3 fetch.py 127.0.0.1 8103
then stdout is exactly \"three\\n\"
and only files fetch.py, server.py, web.stdout, web.stderr, web.1.stdout, web.1.stderr, web.2.stdout, web.2.stderr exist
and file web.1.stdout contains \"listening\"
when I send signal KILL to daemon web
and I wait for daemon web to end
then a process \"server.py two\" is running
when I stop background process web
then there is no \"server.py\" process
when I stop background process web
then daemon web stdout contains \"listening\"
",
    );
}

#[test]
fn daemons_of_one_name_are_listed_at_the_end() {
    fails!(
        &up("when I start \"sh -c 'mkfifo f; echo second; read never < f'\" as a background process as up
and I wait for daemon up to write \"second\" to stdout
then daemon up stdout contains \"ready\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:12, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    ok [TIME]  when I start "sh -c 'mkfifo f; echo second; read never < f'" as a background process as up
    ok [TIME]  and I wait for daemon up to write "second" to stdout
    FAILED [TIME]  then daemon up stdout contains "ready"

  stdout of daemon up does not contain the expected text
  expected to contain:
    │ ready
  actual:
    │ second

  daemon up (1st): still running at the end of the scenario
    command: ./up.py
    stdout of daemon up (1st):
      │ ready

  daemon up: still running at the end of the scenario
    command: sh -c 'mkfifo f; echo second; read never < f'
    stdout of daemon up: see above

  2 leftover processes, stopped at the end:
    python3 ./up.py  (daemon up (1st), running for [TIME])
    sh -c mkfifo f; echo second; read never < f  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// Neither the name nor the files change hands.
#[test]
fn a_second_daemon_of_a_name_cannot_start() {
    holds(&up("given file broken.sh from up.py
when I try to start \"./broken.sh\" as up, on port 8104
then starting daemon fails with \"not an executable\"
when I run sh -c 'printf \"#!/nosuch/interpreter\\n\" > broken.sh; chmod 755 broken.sh'
and I try to start \"./broken.sh\" as up, on port 8104
then starting daemon fails with \"broken.sh\"
and daemon up stdout contains \"ready\"
and daemon up is running
when I stop background process up
then daemon up stdout contains \"bye\"
and file up.1.stdout does not exist"));
}

#[test]
fn a_name_can_be_reused_after_the_end() {
    holds(&gone(
        "when I start \"echo again\" as a background process as gone\n\
         when I wait for daemon gone to end\n\
         then daemon gone stdout is \"again\\n\"",
    ));
}

#[test]
fn a_step_tries_to_start_a_daemon() {
    holds(
        "given a daemon helper shell script server.py\n\
         when I try to start \"./server.py web 127.0.0.1:8080\" as web, on port 8080\n\
         then starting the daemon succeeds\n\
         when I try to start \"./nosuch\" as other, on port 8081\nthen starting daemon fails with \"nosuch\"\n\
         when I try to start \"sh -c 'exit 4'\" as third, on port 8082, with environment {\"A\": 1}\n\
         then starting daemon fails with \"exit status 4\"\n\
         and starting daemon fails with \"connectionrefusederror\"",
    );
}

#[test]
fn a_try_has_an_unexpected_result() {
    fails!(
        "when I try to start \"sh -c 'echo no config >&2; exit 4'\" as web, on port 8080\n\
         then starting the daemon succeeds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I try to start "sh -c 'echo no config >&2; exit 4'" as web, on port 8080
    FAILED [TIME]  then starting the daemon succeeds

  daemon web ended with exit status 4 after [TIME] before it listened on port 8080
  stderr of daemon web:
    │ no config

  daemon web: exited with status 4 after [TIME]
    command: sh -c 'echo no config >&2; exit 4'
    stderr of daemon web: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "when I try to start \"sh -c 'echo no config >&2; exit 4'\" as web, on port 8080\n\
         then starting daemon fails with \"exit status 5\"",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I try to start "sh -c 'echo no config >&2; exit 4'" as web, on port 8080
    FAILED [TIME]  then starting daemon fails with "exit status 5"

  the reason why the daemon could not start does not contain the expected text
  expected to contain:
    │ exit status 5
  actual:
    │ daemon web ended with exit status 4 after [TIME] before it listened on port 8080: ConnectionRefusedError
  stderr of daemon web:
    │ no config

  daemon web: exited with status 4 after [TIME]
    command: sh -c 'echo no config >&2; exit 4'
    stderr of daemon web: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "given a daemon helper shell script server.py\n\
         when I try to start \"./server.py web 127.0.0.1:8080\" as web, on port 8080\n\
         then starting daemon fails with \"ConnectionRefusedError\"",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    ok [TIME]  when I try to start "./server.py web 127.0.0.1:8080" as web, on port 8080
    FAILED [TIME]  then starting daemon fails with "ConnectionRefusedError"

  the daemon started, but should have failed to

  daemon web: still running at the end of the scenario
    command: ./server.py web 127.0.0.1:8080
    stdout of daemon web:
      │ listening

  1 leftover process, stopped at the end:
    python3 ./server.py web 127.0.0.1:8080  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "then starting the daemon succeeds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  then starting the daemon succeeds

  no earlier step tried to start a daemon
  help: write `when I try to start "PROGRAM" as NAME, on port PORT` before this step

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_script_is_not_executable() {
    fails!(
        "given file server.py\nwhen I start \"./server.py web\" as a background process as web",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given file server.py
    FAILED [TIME]  when I start "./server.py web" as a background process as web

  server.py is not an executable file
  help: put it there with `given a daemon helper shell script server.py`, which makes it executable

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn the_interpreter_of_a_script_is_missing() {
    let project = Project::anywhere();
    let script = "~~~{#a.sh .file}\n#!/nosuch/shell\n~~~\n";
    // Once a command has run, the check does not know what the script contains.
    let steps =
        "given a daemon helper shell script a.sh\nwhen I run true\nand I start \"./a.sh\" as a background process as a";
    project.file("x.md", scenario(steps) + script).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script a.sh
    ok [TIME]  when I run true
    FAILED [TIME]  and I start "./a.sh" as a background process as a

  failed to start ./a.sh: No such file or directory (os error 2)
  note: its first line names the interpreter /nosuch/shell, which does not exist

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn a_daemon_puts_itself_into_the_background() {
    holds(
        "given a daemon helper shell script daemonize.py\n\
         when I start \"./daemonize.py\" as a background process as web, on port 8080\n\
         then a process \"daemonize.py\" is running",
    );
}
