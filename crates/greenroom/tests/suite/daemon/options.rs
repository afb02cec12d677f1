//! Options that steps give to daemons before their start, and steps that depend on them.

use snapbox::str;

use super::{fails, holds};
use crate::support::{Project, scenario};

/// Starts a shell script as daemon `a`.
fn shell(options: &str, script: &str, steps: &str) -> String {
    format!("{options}\nwhen I start \"sh -c '{script}'\" as a background process as a\n{steps}")
}

#[test]
fn a_daemon_runs_where_and_with_what_its_options_say() {
    let text = scenario(&shell(
        "given file text.txt\nand a directory below\nand daemon a runs in directory below\n\
         and daemon a reads stdin from file text.txt\nand daemon a may have 7 open files\n\
         and daemon a may use 100M of memory",
        "basename $PWD; ulimit -n; ulimit -d; cat; kill -STOP $$",
        "when I wait for daemon a to write \"below\\n7\\n102400\\nsome text\" to stdout\n\
         and I restart daemon a\n\
         then daemon a stdout contains \"below\\n7\\n102400\\nsome text\" 1 times",
    )) + "\n~~~{#text.txt .file}\nsome text\n~~~\n";
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).passes();
    fails!(
        &shell(
            "given daemon a may have 4 open files",
            "exec 3<. 4<.",
            "when I wait for daemon a to write \"x\" to stdout"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given daemon a may have 4 open files
    ok [TIME]  when I start "sh -c 'exec 3<. 4<.'" as a background process as a
    FAILED [TIME]  when I wait for daemon a to write "x" to stdout

  daemon a ended with exit status 2 without writing "x" to stdout
  stderr of daemon a:
    │ sh: 1: cannot open .: Too many open files

  daemon a: exited with status 2 after [TIME]
    command: sh -c 'exec 3<. 4<.'
    stderr of daemon a: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn the_stdin_of_a_daemon_is_written_to_and_closed() {
    holds(
        "given daemon a keeps stdin open\nwhen I start \"cat\" as a background process as a\n\
         and I write \"one\\n\" to the stdin of daemon a\nand I wait for daemon a to write \"one\" to stdout\n\
         and I restart daemon a\nand I write \"two\\n\" to the stdin of daemon a\n\
         and I close the stdin of daemon a\nand I wait for daemon a to end\n\
         then daemon a has ended with exit status 0\nand daemon a stdout is \"two\\n\"",
    );
    fails!(
        &shell(
            "given daemon a keeps stdin open",
            "exec <&-; echo closed; kill -STOP $$",
            "when I wait for daemon a to write \"closed\" to stdout\nand I write \"one\\n\" to the stdin of daemon a"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given daemon a keeps stdin open
    ok [TIME]  when I start "sh -c 'exec <&-; echo closed; kill -STOP $$'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "closed" to stdout
    FAILED [TIME]  and I write "one\n" to the stdin of daemon a

  daemon a has closed its stdin
  stdout of daemon a:
    │ closed

  daemon a: still running at the end of the scenario
    command: sh -c 'exec <&-; echo closed; kill -STOP $$'
    stdout of daemon a: see above

  1 leftover process, stopped at the end:
    sh -c exec <&-; echo closed; kill -STOP $$  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &shell(
            "given daemon a keeps stdin open",
            "exit 3",
            "when I wait for daemon a to end\nand I write \"one\\n\" to the stdin of daemon a"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given daemon a keeps stdin open
    ok [TIME]  when I start "sh -c 'exit 3'" as a background process as a
    ok [TIME]  when I wait for daemon a to end
    FAILED [TIME]  and I write "one\n" to the stdin of daemon a

  daemon a cannot read its stdin: it has ended, with exit status 3 after [TIME]

  daemon a: exited with status 3 after [TIME]
    command: sh -c 'exit 3'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_is_stopped_by_its_own_signal() {
    let reports = "trap \"echo interrupted; exit 4\" INT; trap \"echo terminated; exit 5\" TERM; echo up; \
                   while :; do sleep 0.02; done";
    holds(&shell(
        "given daemon a is stopped with signal INT",
        reports,
        "when I wait for daemon a to write \"up\" to stdout\n\
         and I restart daemon a, within 30 seconds\n\
         and I stop background process a\nthen daemon a has ended with exit status 4",
    ));
    holds(&shell(
        "given the environment variable X=1",
        reports,
        "when I wait for daemon a to write \"up\" to stdout\n\
         and I stop background process a with signal INT, within 30 seconds\n\
         then daemon a has ended with exit status 4",
    ));
    holds(&shell(
        "given the environment variable X=1",
        reports,
        "when I wait for daemon a to write \"up\" to stdout\nand I kill daemon a\n\
         then daemon a has ended by signal KILL\nand there is no \"while\" process\n\
         when I restart daemon a\nthen daemon a is running",
    ));
    fails!(
        &shell(
            "given daemon a is stopped with signal QUIT\nand daemon a may take 0.2 seconds to end",
            "trap : QUIT; echo up; while :; do read x </dev/zero; done",
            "when I wait for daemon a to write \"up\" to stdout\nand I stop background process a"
        ),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  given daemon a is stopped with signal QUIT
    ok [TIME]  and daemon a may take 0.2 seconds to end
    ok [TIME]  when I start "sh -c 'trap : QUIT; echo up; while :; do read x </dev/zero; done'" as a background process as a
    ok [TIME]  when I wait for daemon a to write "up" to stdout
    FAILED [TIME]  and I stop background process a

  daemon a did not end within 200 ms of SIGQUIT and was killed
  note: it had been running for [TIME]
  note: when the limit passed it was running "sh -c trap : QUIT; echo up; while :; do read x </dev/zero; done" (process [PID], running)
  stdout of daemon a:
    │ up
  help: correct its handling of SIGQUIT; or give it more time: `when I stop background process a, within 30 seconds`

  daemon a: killed because it did not end after SIGQUIT; signal SIGKILL after [TIME]
    command: sh -c 'trap : QUIT; echo up; while :; do read x </dev/zero; done'
    stdout of daemon a: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        &shell("given the environment variable X=1", "exit 3", "when I wait for daemon a to end\nand I kill daemon a"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given the environment variable X=1
    ok [TIME]  when I start "sh -c 'exit 3'" as a background process as a
    ok [TIME]  when I wait for daemon a to end
    FAILED [TIME]  and I kill daemon a

  daemon a has ended, with exit status 3 after [TIME]

  daemon a: exited with status 3 after [TIME]
    command: sh -c 'exit 3'
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_daemon_reports_that_it_is_ready() {
    let notify = "import os, socket, sys, time\n\
                  out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
                  out.connect(os.environ['NOTIFY_SOCKET'].replace('@', '\\0'))\n\
                  for number in range(1000):\n    out.send(b'STATUS=Loading %d' % number)\n\
                  out.send(sys.argv[1].encode())\ntime.sleep(float(sys.argv[2]))\n";
    let text = |argument: &str, steps: &str| {
        scenario(&format!(
            "given file notify.py\nand daemon a reports to a notify socket\n\
             when I start \"python3 notify.py {argument}\" as a background process as a\n{steps}"
        )) + &format!("\n~~~{{#notify.py .file}}\n{notify}~~~\n")
    };
    let run =
        |argument: &str, steps: &str| Project::anywhere().file("x.md", text(argument, steps)).run(["run", "x.md"]);
    let ready = "when I wait for daemon a to report ready, for at most 60 seconds\n";
    let again = "when I restart daemon a\nthen daemon a has reported status \"Loading 999\"";
    run("READY=1 100", &format!("{ready}{again}")).passes();
    run("READY=1 0", ready).passes();
    run("READY=0 100", "when I wait for daemon a to write \"x\" to stdout, for at most 0.1 seconds").code(1);
    run("READY=0 0", ready).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file notify.py
    ok [TIME]  and daemon a reports to a notify socket
    ok [TIME]  when I start "python3 notify.py READY=0 0" as a background process as a
    FAILED [TIME]  when I wait for daemon a to report ready, for at most 60 seconds

  daemon a ended with exit status 0 after [TIME] before it reported ready
  note: its latest status is "Loading 999"

  daemon a: exited with status 0 after [TIME]
    command: python3 notify.py READY=0 0
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    run("READY=1 100", &format!("{ready}then daemon a has reported status \"Loaded\"")).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  given file notify.py
    ok [TIME]  and daemon a reports to a notify socket
    ok [TIME]  when I start "python3 notify.py READY=1 100" as a background process as a
    ok [TIME]  when I wait for daemon a to report ready, for at most 60 seconds
    FAILED [TIME]  then daemon a has reported status "Loaded"

  the status that daemon a has reported is not as expected
    expected: Loaded
    actual:   Loading 999
                  ^^^^^^^

  daemon a: still running at the end of the scenario
    command: python3 notify.py READY=1 100
    no output

  1 leftover process, stopped at the end:
    python3 notify.py READY=1 100  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    fails!(
        "given daemon a reports to a notify socket\nwhen I start \"sleep 100\" as a background process as a\n\
         and I wait for daemon a to report ready, for at most 0.2 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given daemon a reports to a notify socket
    ok [TIME]  when I start "sleep 100" as a background process as a
    FAILED [TIME]  and I wait for daemon a to report ready, for at most 0.2 seconds

  daemon a did not report ready within 200 ms
  note: it has reported nothing
  help: many programs report only if they are asked to: start redis-server with `--supervised systemd`

  daemon a: still running at the end of the scenario
    command: sleep 100
    no output

  1 leftover process, stopped at the end:
    sleep 100  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn an_ordinary_user_is_not_root_and_owns_its_files() {
    if Project::sealed().is_none() {
        return;
    }
    holds(&shell(
        "given daemon a runs as an ordinary user",
        "test $(id -u) != 0 && touch mine && echo yes; kill -STOP $$",
        "when I wait for daemon a to write \"yes\" to stdout\nthen file mine exists\nwhen I run rm mine",
    ));
}

#[test]
fn root_runs_a_daemon_as_another_user() {
    if !rustix::process::geteuid().is_root() || Project::sealed().is_none() {
        return;
    }
    holds(&shell(
        "given daemon a runs as user nobody",
        "id -nu; touch mine $HOME/x; ls $HOME; kill -STOP $$",
        "when I wait for daemon a to write \"nobody\\nx\\n\" to stdout\nthen file mine exists",
    ));
    let check = |user: &str| {
        let start = "when I start \"sleep 9\" as a background process as a";
        let text = scenario(&format!("given daemon a runs as user {user}\n{start}"));
        Project::new().file("x.md", text).by_user(65534).map(|project| project.run(["check", "x.md"]))
    };
    // Its own name needs no switch.
    check("nobody").map(|checked| checked.code(0));
    check("root").map(|checked| checked.code(2).stderr(str![[r#"
error[unknown-user]: only root can run programs as user root, and greenroom does not run as root
 --> x.md:7:29
  |
7 | given daemon a runs as user root
  |                             ^^^^
  |
  = help: run greenroom as root; for a daemon that merely refuses root, write `given daemon NAME runs as an ordinary user`

1 error

"#]]));
}

#[test]
fn a_start_has_a_limit_of_its_own() {
    fails_sealed!(
        "when I start \"sleep 100\" as a background process as a, on port 8080, within 0.2 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "sleep 100" as a background process as a, on port 8080, within 0.2 seconds

  daemon a did not listen on port 8080 within 200 ms
  note: it is still running
  help: to allow more time, raise the limit of this step

  daemon a: still running at the end of the scenario
    command: sleep 100
    no output

  1 leftover process, stopped at the end:
    sleep 100  (daemon a, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    if Project::sealed().is_some() {
        holds(
            "when I try to start \"sleep 100\" as a, on port 8080, within 0.2 seconds\n\
               then starting daemon fails with \"within 200 ms\"",
        );
    }
}

#[test]
fn mistakes_in_options_are_found_before_the_run() {
    let text = scenario(
        "given daemon wbe is stopped with signal STOP\nand daemon web is stopped with signal INTT\n\
         and daemon web may have 3 open files\nand daemon web may use 64m of memory\n\
         and daemon web runs in directory ../x\nand daemon web reads stdin from file none\n\
         and daemon web may take 0 seconds to end\nand daemon web runs as user no-such-user\n\
         when I start \"su nobody -c date\" as a background process as web\n\
         and I write \"x\" to the stdin of daemon web\nand I wait for daemon web to report ready\n\
         and I stop background process web with signal CONT\nand I kill daemon wbe\n\
         given daemon web keeps stdin open",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stderr(str![[r#"
error[unused-option]: no step starts a daemon wbe
 --> x.md:7:14
  |
7 | given daemon wbe is stopped with signal STOP
  |              ^^^
  |
  = help: did you mean web?

error[unknown-signal]: SIGSTOP does not end a process
 --> x.md:7:41
  |
7 | given daemon wbe is stopped with signal STOP
  |                                         ^^^^
  |
  = help: write the signal that asks it to end, such as TERM, INT or QUIT

error[unknown-signal]: unknown signal: INTT
 --> x.md:8:39
  |
8 | and daemon web is stopped with signal INTT
  |                                       ^^^^
  |
  = help: did you mean INT?

error[bad-number]: a program needs more than 3 open files: stdin, stdout and stderr are three
 --> x.md:9:25
  |
9 | and daemon web may have 3 open files
  |                         ^

error[bad-size]: 64m is not an amount of memory for a program
  --> x.md:10:24
   |
10 | and daemon web may use 64m of memory
   |                        ^^^
   |
   = help: write a size above 1M, such as 64M or 2G; K, M and G count in 1024

error[outside-directory]: ../x is outside of the scenario's directory
  --> x.md:11:34
   |
11 | and daemon web runs in directory ../x
   |                                  ^^^^
   |
   = help: write a path inside the scenario's directory, without a leading `/` or `..`

error[bad-limit]: invalid time limit: 0 seconds
  --> x.md:13:25
   |
13 | and daemon web may take 0 seconds to end
   |                         ^
   |
   = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[unknown-user]: this machine has no user no-such-user in /etc/passwd
  --> x.md:14:29
   |
14 | and daemon web runs as user no-such-user
   |                             ^^^^^^^^^^^^
   |
   = help: write the name of an account of this machine

warning[switches-user]: su stays as the parent of the daemon, and does not pass signals on as they are
  --> x.md:15:15
   |
15 | when I start "su nobody -c date" as a background process as web
   |               ^^
   |
   = help: start the program itself, after `given daemon web runs as user USER`; or use setpriv, which does not stay

error[never-created]: none, which daemon web needs, does not exist: no earlier step can create it
  --> x.md:15:61
   |
15 | when I start "su nobody -c date" as a background process as web
   |                                                             ^^^

error[closed-stdin]: daemon web was started with an empty stdin
  --> x.md:16:40
   |
16 | and I write "x" to the stdin of daemon web
   |                                        ^^^
   |
   = help: write `given daemon web keeps stdin open` before the step that starts it

error[no-notify-socket]: daemon web has no notify socket to report to
  --> x.md:17:23
   |
17 | and I wait for daemon web to report ready
   |                       ^^^
   |
   = help: write `given daemon web reports to a notify socket` before the step that starts it

error[unknown-signal]: SIGCONT does not end a process
  --> x.md:18:47
   |
18 | and I stop background process web with signal CONT
   |                                               ^^^^
   |
   = help: write the signal that asks it to end, such as TERM, INT or QUIT

error[unknown-daemon]: no earlier step starts a daemon wbe
  --> x.md:19:19
   |
19 | and I kill daemon wbe
   |                   ^^^
   |
   = help: did you mean web?

error[unused-option]: daemon web has been started before this step, which has no effect on it
  --> x.md:20:14
   |
20 | given daemon web keeps stdin open
   |              ^^^
   |
   = help: move this step before `when I start "PROGRAM" as a background process as web`

14 errors, 1 warning

"#]]);
}
