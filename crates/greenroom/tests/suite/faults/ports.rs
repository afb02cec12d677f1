//! Ports that scenarios share or do not, and when a server is ready.

use snapbox::str;

use super::many;
use crate::support::{Project, document, rounds, scenario, with_programs};

#[test]
fn fifty_scenarios_on_one_port_reach_their_own_server() {
    let Some(project) = Project::sealed() else { return };
    let steps = "given file fetch.py\ngiven a daemon helper shell script server.py\n\
                 when I start \"./server.py number-@ 127.0.0.1:8080\" as a background process as web\n\
                 when I wait for daemon web to listen on port 8080, for at most 60 seconds\n\
                 when I run python3 fetch.py 127.0.0.1 8080\nthen stdout is exactly \"number-@\\n\"";
    let project = project.file("x.md", with_programs(document(&many(50, steps))));
    for _ in 0..rounds(1) {
        project.run(["run", "-q", "-j", "16", "x.md"]).passes().stdout(str![[r#"
50 scenarios passed, 300 steps, [TIME]

"#]]);
    }
}

#[test]
fn a_server_that_accepts_one_connection_gets_exactly_one() {
    let steps = "given a daemon helper shell script one_shot.py\n\
                 when I start \"./one_shot.py\" as a background process as web, on port 8080\n\
                 when I wait for daemon web to end\nthen daemon web has ended with exit status 0\n\
                 then daemon web stdout is \"one\\n\"\nand daemon web stderr is \"\"";
    let project = Project::anywhere().file("x.md", with_programs(scenario(steps)));
    for _ in 0..rounds(10) {
        project.run(["run", "-q", "x.md"]).passes();
    }
}

#[test]
fn a_port_may_open_just_before_the_limit_but_not_after() {
    let Some(project) = Project::sealed() else { return };
    let steps = |seconds| {
        format!(
            "given a daemon helper shell script late.py\nwhen I start \"./late.py {seconds}\" as a background process \
                as web, on port 8080"
        )
    };
    let text = format!("# Before\n~~~scenario\n{}\n~~~\n# After\n~~~scenario\n{}\n~~~\n", steps("4.8"), steps("5.2"));
    let project = project.file("x.md", with_programs(document(&text)));
    for _ in 0..rounds(1).min(20) {
        project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

PASS [TIME]  Before  (stopped at the end: web)

FAIL [TIME]  After
  in x.md:13, scenario at x.md:10

    ok [TIME]  given a daemon helper shell script late.py
    FAILED [TIME]  when I start "./late.py 5.2" as a background process as web, on port 8080

  daemon web did not listen on port 8080 within 5 s
  note: it is still running
  help: to allow more time, add `, within 30 seconds` behind the port: `on port 8080, within 30 seconds`

  daemon web: still running at the end of the scenario
    command: ./late.py 5.2
    no output

  1 leftover process, stopped at the end:
    python3 ./late.py 5.2  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name After

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  x.md:10  After

"#]]);
    }
}

#[test]
fn an_answer_that_never_ends_times_out() {
    let steps = "given a daemon helper shell script drip.py\n\
                 when I start \"./drip.py\" as a background process as web, on port 8080\n\
                 when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 1 seconds";
    let project = Project::anywhere().file("x.md", with_programs(scenario(steps)));
    let begun = std::time::Instant::now();
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given a daemon helper shell script drip.py
    ok [TIME]  when I start "./drip.py" as a background process as web, on port 8080
    FAILED [TIME]  when I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 1 seconds

  http://127.0.0.1:8080/ did not answer with status 200 within 1 s
  note: last attempt: no answer before the time limit
  note: daemon web is running
  help: to allow more time, raise the limit of this step

  daemon web: still running at the end of the scenario
    command: ./drip.py
    no output

  1 leftover process, stopped at the end:
    python3 ./drip.py  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}
