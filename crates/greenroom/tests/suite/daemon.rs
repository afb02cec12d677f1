//! The daemon library through the screen: every step where it holds and where it does not.
//!
//! A failing step must say all that is needed to mend it: nobody should have to run it a second time to find out more.

use snapbox::str;

use crate::support::{Project, Ran, document, scenario, with_programs};

/// Steps that hold, with the embedded programs at hand.
fn holds(steps: &str) {
    Project::anywhere().file("x.md", with_programs(scenario(steps))).run(["run", "x.md"]).passes();
}

/// Steps of which the last does not hold.
fn fails(steps: &str) -> Ran {
    Project::anywhere().file("x.md", with_programs(scenario(steps))).run(["run", "x.md"]).code(1).stderr("")
}

/// Compares the screen of steps of which the last does not hold.
macro_rules! fails {
    ($steps:expr, $screen:expr) => {
        fails($steps).stdout($screen)
    };
}

/// Compares the screen of steps whose last does not hold, which is another one where scenarios are not sealed.
macro_rules! fails_sealed {
    ($steps:expr, $screen:expr) => {
        if Project::sealed().is_some() {
            fails!($steps, $screen);
        }
    };
}

/// A daemon `up`, which says `ready` and lives until it is stopped.
const UP: &str = "given a daemon helper shell script up.py
when I start \"./up.py\" as a background process as up
when I wait for daemon up to write \"ready\" to stdout
";

/// A daemon `gone`, which has written to both streams and failed.
const GONE: &str = r#"when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
when I wait for daemon gone to end
"#;

fn up(steps: &str) -> String {
    format!("{UP}{steps}")
}

fn gone(steps: &str) -> String {
    format!("{GONE}{steps}")
}

// ---- Processes ----

#[test]
fn no_such_process() {
    holds("given there is no \"sleep 12765\" process");
    holds(&up("when I stop background process up\nthen there is no \"ready\" process"));
}

#[test]
fn there_is_such_a_process() {
    fails_sealed!(
        "when I start \"sleep 12765\" as a background process as sleepy\nthen there is no \"sleep 1276\" process",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sleep 12765" as a background process as sleepy
    FAILED [TIME]  then there is no "sleep 1276" process

  there is a process "sleep 1276"
  note: process 3, running for [TIME]: sleep 12765

  daemon sleepy: still running at the end of the scenario
    command: sleep 12765
    no output

  1 leftover process, stopped at the end:
    sleep 12765  (daemon sleepy, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// While a process becomes another program it has no command line, and half of what this one does is that.
#[test]
fn a_process_that_starts_itself_again_and_again_is_there_all_the_time() {
    let again = "\n~~~{#again .file}\n#!/bin/sh\nexec ./again \"$@\"\n~~~\n";
    let steps = "given a daemon helper shell script again
when I start \"./again and again\" as a background process as restless
then there is no \"and again\" process";
    let screen = Project::anywhere().file("x.md", scenario(steps) + again).run(["run", "x.md"]).code(1).stdout;
    assert!(screen.contains("there is a process \"and again\"\n  note: process "), "{screen}");
}

#[test]
fn when_a_daemon_ended_is_noted_while_other_things_go_on() {
    let steps = "when I start \"sh -c 'exit 7'\" as a background process as d\n\
        when I start \"sleep 1\" as a background process as other\nwhen I wait for daemon other to end\n\
        then daemon d is running";
    let project = Project::anywhere().file("x.md", scenario(steps));
    let mut run = project.start(["run", "x.md"]);
    let screen = std::io::read_to_string(run.take_stdout()).unwrap();
    run.finish().code(1);
    let after = screen.split_once("it ended with exit status 7 after ").and_then(|(_, rest)| rest.split_once('\n'));
    assert!(after.is_some_and(|(time, _)| time.ends_with(" ms")), "{screen}");
}

#[test]
fn such_a_process_runs() {
    holds(
        "when I start \"sleep 12765\" as a background process as sleepy\nthen a process \"sleep 12765\" is running\n\
            and a process \"^sle+p [0-9]+$\" is running",
    );
}

#[test]
fn no_such_process_runs() {
    fails!(
        "then a process \"sleep 12765\" is running",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  then a process "sleep 12765" is running

  no process "sleep 12765" is running
  note: this scenario has no processes at present

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &gone("then a process \"sleep 12765\" is running"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  then a process "sleep 12765" is running

  no process "sleep 12765" is running
  note: this scenario has no processes at present
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
fn a_pattern_that_is_no_regex_is_meant_literally() {
    holds("when I start \"sleep 100 0.5\" as a background process as a\nthen a process \"100 0.5\" is running");
    holds(
        "when I start \"sh -c 'sleep 100; : # ((['\" as a background process as a\nthen a process \"# (([\" is running",
    );
}

// ---- Starting ----

#[test]
fn words_are_split_as_a_shell_splits_them() {
    let steps = r#"when I start "printf '[%s]' one 'two three' "four 'five'" six\ seven '$HOME' *" as a background process as words
when I wait for daemon words to end
then daemon words stdout is "[one][two three][four 'five'][six seven][$HOME][*]"
then daemon words stderr is """#;
    holds(steps);
}

#[test]
fn the_environment_is_for_this_daemon_alone() {
    let steps = r#"when I start "env" as a background process as first, with environment {"TEXT": "has a \"Value\"", "NUMBER": 7, "TRUTH": true}
when I wait for daemon first to end
then daemon first stdout contains "TEXT=has a \"Value\"\n"
then daemon first stdout contains "NUMBER=7\n"
then daemon first stdout contains "TRUTH=true\n"
when I start "env" as a background process as second
when I wait for daemon second to end
then daemon second stdout doesn't contain "TEXT"
when I run env
then stdout doesn't contain "TEXT""#;
    holds(steps);
}

#[test]
fn a_port_that_opens_late() {
    holds(
        "given file fetch.py\ngiven a daemon helper shell script server.py\n\
            when I start \"sh -c 'sleep 0.3; exec ./server.py web 127.0.0.1:8080'\" as a background process as web, \
            on port 8080\nwhen I run python3 fetch.py 127.0.0.1 8080\nthen stdout is exactly \"web\\n\"",
    );
}

#[test]
fn any_local_address_will_do() {
    for (address, reached) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::]", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
    ] {
        holds(&format!(
            "given file fetch.py\ngiven a daemon helper shell script server.py\n\
             when I start \"./server.py web {address}:8080\" as a background process as web, on port 8080, with \
             environment {{}}\n\
             when I run python3 fetch.py {reached} 8080\nthen stdout is exactly \"web\\n\""
        ));
    }
}

#[test]
fn died_before_its_port() {
    fails!(
        r#"when I start "sh -c 'echo starting; echo no config >&2; exit 3'" as a background process as web, on port 8080"#,
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "sh -c 'echo starting; echo no config >&2; exit 3'" as a background process as web, on port 8080

  daemon web ended with exit status 3 after [TIME] before it listened on port 8080: ConnectionRefusedError
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
fn ended_well_without_its_port() {
    fails!(
        "when I start \"sh -c 'kill -9 $$'\" as a background process as web, on port 8080, with environment \
            {\"A\": \"B\"}",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "sh -c 'kill -9 $$'" as a background process as web, on port 8080, with environment {"A": "B"}

  daemon web ended with signal SIGKILL after [TIME] before it listened on port 8080: ConnectionRefusedError

  daemon web: killed by SIGKILL after [TIME]; greenroom did not send it
    command: sh -c 'kill -9 $$'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn listens_on_another_port() {
    fails!(
        "given a daemon helper shell script server.py\nwhen I start \"./server.py web 127.0.0.1:8000 [::1]:8001\" as \
            a background process as web, on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    FAILED [TIME]  when I start "./server.py web 127.0.0.1:8000 [::1]:8001" as a background process as web, on port 8080

  daemon web did not listen on port 8080 within 5 s: ConnectionRefusedError
  note: it is still running
  note: it listens on 127.0.0.1:8000, [::1]:8001
  stdout of daemon web:
    │ listening
  help: expect it on port 8000, or have it listen on port 8080

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
fn the_port_is_taken_by_another_daemon() {
    fails!(
        "given a daemon helper shell script server.py\nwhen I start \"./server.py web 127.0.0.1:8080\" as a \
            background process as web, on port 8080\nwhen I start \"sleep 1000\" as a background process as other, on \
            port 8080",
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

#[test]
fn the_port_is_opened_by_another_daemon() {
    fails!(
        "given a daemon helper shell script server.py\nwhen I start \"sh -c 'sleep 0.4; exec ./server.py web \
            127.0.0.1:8080'\" as a background process as web\nwhen I start \"sleep 1000\" as a background process as \
            other, on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    ok [TIME]  when I start "sh -c 'sleep 0.4; exec ./server.py web 127.0.0.1:8080'" as a background process as web
    FAILED [TIME]  when I start "sleep 1000" as a background process as other, on port 8080

  port 8080 is open, but daemon web (python3 ./server.py web 127.0.0.1:8080) listens on it, not daemon other

  daemon web: still running at the end of the scenario
    command: sh -c 'sleep 0.4; exec ./server.py web 127.0.0.1:8080'
    stdout of daemon web:
      │ listening

  daemon other: still running at the end of the scenario
    command: sleep 1000
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

/// The steps of others may well start a second daemon under the name of one that runs. None of them is forgotten.
#[test]
fn a_name_means_the_latest_that_was_started_under_it() {
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
fn daemons_of_one_name_at_the_end() {
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
      │ bye

  daemon up: still running at the end of the scenario
    command: sh -c 'mkfifo f; echo second; read never < f'
    stdout of daemon up:
      │ second

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
fn a_second_one_of_a_name_that_cannot_be_started() {
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
fn a_name_may_be_used_again_after_the_end() {
    holds(&gone(
        "when I start \"echo again\" as a background process as gone\nwhen I wait for daemon gone to end\n\
            then daemon gone stdout is \"again\\n\"",
    ));
}

#[test]
fn trying_to_start() {
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
fn trying_succeeds_or_fails_against_expectation() {
    fails!(
        "when I try to start \"sh -c 'echo no config >&2; exit 4'\" as web, on port 8080\n\
            then starting the daemon succeeds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I try to start "sh -c 'echo no config >&2; exit 4'" as web, on port 8080
    FAILED [TIME]  then starting the daemon succeeds

  daemon web ended with exit status 4 after [TIME] before it listened on port 8080: ConnectionRefusedError
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
        "given a daemon helper shell script server.py\nwhen I try to start \"./server.py web 127.0.0.1:8080\" as web, \
            on port 8080\nthen starting daemon fails with \"ConnectionRefusedError\"",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script server.py
    ok [TIME]  when I try to start "./server.py web 127.0.0.1:8080" as web, on port 8080
    FAILED [TIME]  then starting daemon fails with "ConnectionRefusedError"

  starting the daemon succeeded, which should have failed

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

  no step before this one tried to start a daemon
  help: write `when I try to start "PROGRAM" as NAME, on port PORT` before it

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_script_that_was_not_made_executable() {
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
fn a_script_whose_interpreter_is_missing() {
    let project = Project::anywhere();
    let script = "~~~{#a.sh .file}\n#!/nosuch/shell\n~~~\n";
    let text =
        scenario("given a daemon helper shell script a.sh\nwhen I start \"./a.sh\" as a background process as a")
            + script;
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script a.sh
    FAILED [TIME]  when I start "./a.sh" as a background process as a

  failed to start ./a.sh: No such file or directory (os error 2)
  note: its first line names the interpreter /nosuch/shell, which does not exist

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn puts_itself_into_the_background() {
    holds(
        "given a daemon helper shell script daemonize.py\nwhen I start \"./daemonize.py\" as a background process as \
            web, on port 8080\n\
         then a process \"daemonize.py\" is running",
    );
}

// ---- Stopping ----

#[test]
fn stopping_twice_and_after_the_end_is_fine() {
    holds(&up("when I stop background process up\nwhen I stop background process up\n\
            then daemon up stdout is \"ready\\nbye\\n\""));
    holds(&gone("when I stop background process gone"));
}

#[test]
fn stopping_an_unknown_daemon() {
    fails!(
        &up("when I stop background process pu"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  when I stop background process pu

  no step of this scenario has started a daemon pu
  help: there is up

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready
      │ bye

  1 leftover process, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "when I stop background process up",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I stop background process up

  no step of this scenario has started a daemon up

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn does_not_end_when_asked() {
    fails!(
        "given a daemon helper shell script deaf.py\nwhen I start \"./deaf.py\" as a background process as deaf\n\
         when I wait for daemon deaf to write \"ready\" to stdout\nwhen I stop background process deaf, within 0.5 \
         seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script deaf.py
    ok [TIME]  when I start "./deaf.py" as a background process as deaf
    ok [TIME]  when I wait for daemon deaf to write "ready" to stdout
    FAILED [TIME]  when I stop background process deaf, within 0.5 seconds

  daemon deaf did not end within 500 ms of SIGTERM and was killed
  note: it had been running for [TIME]
  stdout of daemon deaf:
    │ ready
    │ not now
  help: give it more time with `I stop background process NAME, within N seconds`, or mend its handling of SIGTERM

  daemon deaf: killed because it did not end after SIGTERM; signal SIGKILL after [TIME]
    command: ./deaf.py
    stdout of daemon deaf: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stopping_takes_the_process_group_along() {
    holds(
        "when I start \"sh -c 'sleep 4321 & echo ready; wait'\" as a background process as a\n\
            when I wait for daemon a to write \"ready\" to stdout\nwhen I stop background process a\n\
            then there is no \"sleep 4321\" process",
    );
}

#[test]
fn daemons_that_died_unnoticed_are_named_although_all_holds() {
    let scenarios = "
# Nobody looks
~~~scenario
when I start \"sh -c 'exit 3'\" as a background process as d
when I start \"true\" as a background process as fine
when I start \"sh -c 'kill -SEGV $$'\" as a background process as other
when I start \"sleep 0.1\" as a background process as last
when I wait for daemon last to end
~~~
# A step looks
~~~scenario
when I start \"false\" as a background process as d
when I wait for daemon d to end
~~~
# A step tries
~~~scenario
when I try to start \"false\" as d, on port 8080
then starting daemon fails with \"before it listened\"
~~~
# A step knows
~~~scenario
when I start \"sleep 1000\" as a background process as d
when I run pkill -f 'sleep 1000'
when I start \"sleep 1000\" as a background process as other
when I send signal USR1 to daemon other
when I wait for daemon other to end
~~~
# A step has sent the signal
~~~scenario
when I start \"sleep 1000\" as a background process as d
when I send signal KILL to daemon d
when I wait for daemon d to end
then daemon d has ended with exit status 0
~~~
";
    if let Some(project) = Project::sealed() {
        project.file("x.md", document(scenarios)).run(["run", "x.md"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 5 scenarios in x.md, up to 32 at a time

PASS [TIME]  Nobody looks  (daemon d exited with status 3 after [TIME]; daemon other killed by SIGSEGV after [TIME]; greenroom did not send it)
PASS [TIME]  A step looks
PASS [TIME]  A step tries
PASS [TIME]  A step knows

FAIL [TIME]  A step has sent the signal
  in x.md:37, scenario at x.md:32

    ok [TIME]  when I start "sleep 1000" as a background process as d
    ok [TIME]  when I send signal KILL to daemon d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  then daemon d has ended with exit status 0

  the end of daemon d is not as expected
    expected: exit status 0
    actual:   signal SIGKILL
              ^^^^^^^^^^^^^^

  daemon d: ended by SIGKILL from a step after [TIME]
    command: sleep 1000
    no output

  rerun: greenroom run x.md --name 'A step has sent the signal'

FAILED: 1 of 5 scenarios failed, 4 passed, [TIME]
  failed  x.md:32  A step has sent the signal

"#]]);
    }
}

#[test]
fn of_a_process_group_that_does_not_end_the_rest_is_killed() {
    fails!(
        "given a daemon helper shell script deaf.py\nwhen I start \"sh -c './deaf.py & exec sleep 4321'\" as a \
            background process as a\nwhen I wait for daemon a to write \"ready\" to stdout\n\
            when I stop background process a, within 1 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script deaf.py
    ok [TIME]  when I start "sh -c './deaf.py & exec sleep 4321'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "ready" to stdout
    FAILED [TIME]  when I stop background process a, within 1 seconds

  daemon a has ended, but others of its process group did not within 1 s of SIGTERM and were killed
  note: killed with it: python3 ./deaf.py
  stdout of daemon a:
    │ ready
    │ not now
  help: give it more time with `I stop background process NAME, within N seconds`, or mend its handling of SIGTERM

  daemon a: stopped by a step (signal SIGTERM)
    command: sh -c './deaf.py & exec sleep 4321'
    stdout of daemon a: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_process_whose_first_thread_has_ended_is_there() {
    let headless = "given a daemon helper shell script headless.py\n";
    let ready = "when I wait for daemon d to write \"ready\" to stdout\n";
    holds(&format!(
        "{headless}when I start \"./headless.py 8080\" as a background process as d, on port 8080\n\
            then daemon d is running\nthen a process \"headless.py 8080\" is running\n\
            when I stop background process d\nthen there is no \"headless.py\" process"
    ));
    fails_sealed!(
        &format!(
            "{headless}when I start \"sh -c './headless.py & exec sleep 4321'\" as a background process as d\n\
                {ready}then there is no \"headless\" process"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script headless.py
    ok [TIME]  when I start "sh -c './headless.py & exec sleep 4321'" as a background process as d
    ok [TIME]  when I wait for daemon d to write "ready" to stdout
    FAILED [TIME]  then there is no "headless" process

  there is a process "headless"
  note: process 4, running for [TIME]: python3 ./headless.py

  daemon d: still running at the end of the scenario
    command: sh -c './headless.py & exec sleep 4321'
    stdout of daemon d:
      │ ready

  2 leftover processes, stopped at the end:
    sleep 4321  (daemon d, running for [TIME])
    python3 ./headless.py  (running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn restarting() {
    holds(&up("when I restart daemon up\nwhen I wait for daemon up to write \"ready\" to stdout\n\
            then daemon up stdout is \"ready\\n\"\nwhen I stop background process up\n\
            then daemon up stdout is \"ready\\nbye\\n\""));
    holds(&gone(
        "when I restart daemon gone\nwhen I wait for daemon gone to end\nthen daemon gone stdout is \"working\\n\"",
    ));
    holds(
        "given a daemon helper shell script server.py\nwhen I start \"./server.py web 127.0.0.1:8080\" as a \
            background process as web, on port 8080\nwhen I restart daemon web\nthen daemon web is running",
    );
    fails!(
        "when I restart daemon up",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I restart daemon up

  no step of this scenario has started a daemon up

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_restart_that_fails() {
    fails!(
        "when I start \"sh -c 'test ! -e ran && touch ran && exec sleep 100'\" as a background process as once\n\
            when I wait for file ran to exist\nwhen I restart daemon once\n\
            when I wait for daemon once to write \"ready\" to stdout",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'test ! -e ran && touch ran && exec sleep 100'" as a background process as once
    ok [TIME]  when I wait for file ran to exist
    ok [TIME]  when I restart daemon once
    FAILED [TIME]  when I wait for daemon once to write "ready" to stdout

  daemon once ended with exit status 1 without writing "ready" to stdout

  daemon once: exited with status 1 after [TIME]
    command: sh -c 'test ! -e ran && touch ran && exec sleep 100'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// systemd and containers are told things by such.
#[test]
fn signals_without_a_name() {
    holds(&up(
        "when I send signal 40 to daemon up\nwhen I wait for daemon up to end\nthen daemon up has ended by signal 40",
    ));
    holds(&up(
        "when I send signal 16 to daemon up\nwhen I wait for daemon up to end\nthen daemon up has ended by signal 16",
    ));
}

#[test]
fn signals() {
    holds(&up("when I send signal HUP to daemon up\nwhen I wait for daemon up to write \"again\" to stdout\n\
         when I send signal sigkill to daemon up\nwhen I wait for daemon up to end\n\
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
fn ends() {
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
fn runs() {
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

// ---- Output ----

#[test]
fn has_produced_output() {
    holds(
        "when I start \"sh -c 'echo out; echo err >&2; exec sleep 100'\" as a background process as a\n\
            when daemon a has produced output\nthen daemon a stdout is \"out\\n\"\nand daemon a stderr is \"err\\n\"",
    );
    holds(
        "when I start \"sh -c 'echo err >&2; exec sleep 100'\" as a background process as a\n\
            when daemon a has produced output\nthen daemon a stderr is \"err\\n\"",
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
fn never_produces_output() {
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
fn stdout_is() {
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
    stdout of daemon gone:
      │ working
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
    stdout of daemon gone:
      │ working
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stdout_is_empty() {
    fails!(
        "when I start \"true\" as a background process as a\nwhen I wait for daemon a to end\n\
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
fn stdout_is_of_many_lines() {
    fails!(
        "when I start \"printf 'one\\ntwo\\nthree\\n'\" as a background process as a\n\
            when I wait for daemon a to end\nthen daemon a stdout is \"one\\n2\\nthree\\n\"",
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
fn stdout_contains() {
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
    stdout of daemon gone:
      │ working
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
    stdout of daemon gone:
      │ working
    stderr of daemon gone: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stderr_is() {
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
    stderr of daemon gone:
      │ no config

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn stderr_contains() {
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
    stderr of daemon gone:
      │ no config

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
    stderr of daemon gone:
      │ no config

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn output_that_is_no_text() {
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
    stdout of daemon a:
      │ caf\xe9 \x1b[31mred\x1b[0m \0\r

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn much_output() {
    let steps = "when I start \"sh -c 'yes line | head -n 200000; echo the end'\" as a background process as a\n\
        when I wait for daemon a to end, for at most 60 seconds\nthen daemon a stdout contains \"line\\nthe end\\n\"\n\
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
fn output_in_the_stop_handler_is_kept() {
    holds(
        "given a daemon helper shell script big_end.sh\nwhen I start \"./big_end.sh\" as a background process as big\n\
         when I wait for daemon big to write \"ready\" to stdout\nwhen I stop background process big\n\
         then daemon big stdout contains \"\\0end\\n\"",
    );
}

#[test]
fn output_of_an_unknown_daemon() {
    fails!(
        &up("then daemon pu stdout is \"\""),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    FAILED [TIME]  then daemon pu stdout is ""

  no step of this scenario has started a daemon pu
  help: there is up

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready
      │ bye

  1 leftover process, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

// ---- Waiting ----

#[test]
fn waits_for_text() {
    holds(
        "when I start \"sh -c 'echo one; sleep 0.1; printf tw; sleep 0.1; echo o >&2; echo o; sleep 100'\" as a \
            background process as a\nwhen I wait for daemon a to write \"one\\ntwo\\n\" to stdout\n\
            when I wait for daemon a to write \"o\" to stderr\nwhen I wait for daemon a to write \"o\" to stderr, for \
            at most 60 seconds",
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
fn waits_for_the_end() {
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

  daemon up has not ended within 300 ms
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
fn waits_for_a_file() {
    holds(
        "when I start \"sh -c 'sleep 0.2; mkdir d; touch d/f; sleep 100'\" as a background process as a\n\
            when I wait for file d/f to exist\nthen file d/f exists",
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

  file d/f did not appear, and no process of the scenario is left
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
fn waits_for_a_socket() {
    holds(
        "given file unix.py\nwhen I start \"python3 unix.py\" as a background process as u\n\
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
  note: the latest try: No such file or directory (os error 2)
  note: daemon up is running

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready
      │ bye

  1 leftover process, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn waits_for_http() {
    let start = "given file web.py\nwhen I start \"python3 web.py\" as a background process as web\n";
    holds(&format!(
        "{start}when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 60 seconds\n\
            and I wait for http://localhost:8080/nosuch to answer with status 404"
    ));
    fails!(
        &format!(
            "{start}when I wait for daemon web to listen on port 8080, for at most 60 seconds\n\
                when I wait for http://127.0.0.1:8080/nosuch to answer with status 200, for at most 1 seconds"
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
  note: the latest try: it answered with status 404
  note: daemon web is running

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

  http://127.0.0.1:8080/ did not answer with status 200, and no process of the scenario is left
  note: the latest try: Connection refused (os error 111)

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn waits_for_an_http_server_that_says_nothing() {
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
  note: the latest try: no answer before the limit had passed
  note: daemon web is running

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
fn waits_for_a_port() {
    holds(
        "given a daemon helper shell script server.py\nwhen I start \"./server.py web 127.0.0.1:8080 127.0.0.1:8081\" \
            as a background process as web\nwhen I wait for daemon web to listen on port 8080\n\
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

  daemon up did not listen on port 8080 within 300 ms: ConnectionRefusedError
  note: it is still running
  stdout of daemon up:
    │ ready
  help: to allow more time, add `, for at most 30 seconds` to this step

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

  daemon gone ended with exit status 3 after [TIME] before it listened on port 8080: ConnectionRefusedError
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
fn a_free_port() {
    holds(
        "given file fetch.py\ngiven a daemon helper shell script server.py\ngiven a free port kept as web\n\
            and a free port kept as other\n\
         when I start \"./server.py one 127.0.0.1:${web}\" as a background process as one, on port ${web}\n\
         and I start \"./server.py two 127.0.0.1:${other}\" as a background process as two, on port ${other}\n\
         and I run python3 fetch.py 127.0.0.1 ${web}\nthen stdout is exactly \"one\\n\"\n\
         when I run python3 fetch.py 127.0.0.1 ${other}\nthen stdout is exactly \"two\\n\"",
    );
}

#[test]
fn a_free_port_that_nobody_keeps() {
    let steps =
        "given a free port kept as web\nwhen I start \"sleep 100\" as a background process as a, on port ${wbe}";
    Project::new().file("x.md", scenario(steps)).refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-name]: no step before keeps a port as wbe
 --> x.md:8:64
  |
8 | when I start "sleep 100" as a background process as a, on port ${wbe}
  |                                                                ^^^^^^
  |
  = help: did you mean ${web}?

1 error

"#]]);
}

// ---- What happened besides ----

#[test]
fn died_on_its_own_while_another_step_fails() {
    fails!(
        &gone("when I run false"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
    ok [TIME]  when I wait for daemon gone to end
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon gone: exited with status 3 after [TIME]
    command: sh -c 'echo working; echo no config >&2; exit 3'
    stdout of daemon gone:
      │ working
    stderr of daemon gone:
      │ no config

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn left_over_processes_are_listed() {
    fails_sealed!(
        &up("when I run setsid -f sleep 5432\nthen a process \"^sleep 5432\" is running\nwhen I run false"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:12, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script up.py
    ok [TIME]  when I start "./up.py" as a background process as up
    ok [TIME]  when I wait for daemon up to write "ready" to stdout
    ok [TIME]  when I run setsid -f sleep 5432
    ok [TIME]  then a process "^sleep 5432" is running
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon up: still running at the end of the scenario
    command: ./up.py
    stdout of daemon up:
      │ ready
      │ bye

  2 leftover processes, stopped at the end:
    python3 ./up.py  (daemon up, running for [TIME])
    sleep 5432  (running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn one_connection_is_made() {
    holds(
        "given file count.py\nwhen I start \"python3 count.py\" as a background process as web, on port 8080\n\
         when daemon web has produced output\nthen daemon web stdout is \"connected, then b''\\n\"",
    );
}

#[test]
fn its_name_for_itself_is_what_the_document_says() {
    let project = Project::anywhere();
    let steps = "given a daemon helper shell script name.sh\nwhen I start \"./name.sh\" as a background process as a\n\
                 when I wait for daemon a to end\nthen daemon a stdout is \"./name.sh\\n\"";
    let text = scenario(steps) + "~~~{#name.sh .file}\n#!/bin/sh\necho $0\n~~~\n";
    project.file("x.md", text).run(["run", "x.md"]).passes();
}
