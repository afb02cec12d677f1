//! Programs that cannot be started, and daemons that end at once.

use snapbox::str;

use crate::support::{Project, scenario};

#[test]
fn a_program_removed_during_the_run_fails_without_waiting_for_its_port() {
    let script = "~~~{#web.sh .file}\n#!/bin/sh\n~~~\n";
    let steps = "given a daemon helper shell script web.sh\nwhen I run rm web.sh\n\
        when I start \"./web.sh\" as a background process as web, on port 8080";
    let ran = Project::anywhere().file("x.md", scenario(steps) + script).run(["run", "x.md"]).code(1).stderr("");
    ran.stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script web.sh
    ok [TIME]  when I run rm web.sh
    FAILED [TIME]  when I start "./web.sh" as a background process as web, on port 8080

  program not found: ./web.sh

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn a_daemon_that_forks_and_leaves_no_child_has_ended() {
    let text = scenario("when I start \"true\" as a background process as web, on port 8080");
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "true" as a background process as web, on port 8080

  daemon web ended with exit status 0 after [TIME] before it listened on port 8080

  daemon web: exited with status 0 after [TIME]
    command: true
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn an_environment_too_large_for_the_kernel() {
    // Just below the kernel's limit, a quarter of the 8 MiB stack limit. The daemon's own variables
    // exceed it.
    let steps = format!(
        "when I start \"true\" as a background process as fine\nwhen I wait for daemon fine to end\n\
            when I start \"true\" as a background process as web, with environment {{\"B\": \"{}\"}}",
        "b".repeat(60_000)
    );
    let project = Project::anywhere().file("x.md", scenario(&steps)).through(["prlimit", "--stack=8388608"]);
    let mut arguments = vec!["run".to_owned(), "x.md".to_owned()];
    for n in 10..30 {
        arguments.extend(["--env".to_owned(), format!("A{n}={}", "a".repeat(103_800))]);
    }
    let ran = project.run(arguments).code(1).stderr("");
    let screen = ran.stdout.replace(&"b".repeat(60_000), "[B]");
    let screen = screen.lines().filter(|line| !line.contains("rerun: ")).map(|line| format!("{line}\n"));
    crate::support::same(
        &screen.collect::<String>(),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "true" as a background process as fine
    ok [TIME]  when I wait for daemon fine to end
    FAILED [TIME]  when I start "true" as a background process as web, with environment {"B": "[B]"}

  failed to start /usr/bin/true: Argument list too long (os error 7)
  note: its arguments take 5 bytes and the variables set for it 60003; the kernel accepts 128 KiB for one string and about 2 MiB for all (E2BIG)

  daemon fine: exited with status 0 after [TIME]
    command: true
    no output


FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]],
    );
}
