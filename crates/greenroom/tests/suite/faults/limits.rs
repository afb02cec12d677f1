//! Few resources: descriptors, memory, processors.

use snapbox::str;

use super::{Group, many, root};
use crate::support::{Project, document, rounds, scenario};

#[test]
fn few_descriptors_mean_fewer_scenarios_at_a_time() {
    let steps =
        "when I start \"sleep 1000\" as a background process as d\nwhen I run echo @\nthen stdout is exactly \"@\\n\"";
    let text = document(&many(40, steps));
    for descriptors in ["--nofile=64", "--nofile=28"] {
        let project = Project::anywhere().file("x.md", &text).through(["prlimit", descriptors]);
        project.run(["run", "-q", "-j", "16", "x.md"]).passes().stdout(str![[r#"
40 scenarios passed, 120 steps, [TIME]

"#]]);
    }
}

#[test]
fn too_few_descriptors_to_start() {
    let project = Project::new().file("x.md", scenario("when I run true"));
    let ran = project.through(["prlimit", "--nofile=7"]).run(["run", "x.md"]);
    ran.code(4).stdout("").stderr(str![[r#"
greenroom: failed to listen for signals: Too many open files (os error 24)

"#]]);
}

/// The message does not blame Python.
#[test]
fn too_few_descriptors_to_check_python_files() {
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n# One\n~~~scenario\n\
        given it\n~~~\n";
    let project = Project::new().file("own.yaml", "- given: it\n  impl: {python: {function: it}}\n").file("x.md", text);
    let project = project.file("steps.py", "def it(ctx):\n    pass\n");
    let project = project.through(["prlimit", "--nofile=6"]);
    project.run(["check", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to check Python files: Too many open files (os error 24)

"#]]);
}

#[test]
fn a_daemon_that_exceeds_its_memory_limit() {
    if !root() {
        return;
    }
    let project = Project::anywhere();
    let limits = [("memory.limit_in_bytes", "memory.max", "200M"), ("memory.swappiness", "memory.swap.max", "0")];
    let Some(group) = Group::new(&project, "memory", &limits) else { return };
    let scenarios = "# Takes all\n~~~scenario\nwhen I start \"python3 -c 'b = bytearray(1000000000)'\" as a \
        background process as d, on port 8080\n~~~\n\
                     # Is modest\n~~~scenario\nwhen I run true\n~~~\n";
    let project = project.file("x.md", document(scenarios)).through(group.words());
    project.run(["run", "-j", "1", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

FAIL [TIME]  Takes all
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I start "python3 -c 'b = bytearray(1000000000)'" as a background process as d, on port 8080

  daemon d ended with signal SIGKILL after [TIME] before it listened on port 8080

  daemon d: killed by SIGKILL after [TIME]; greenroom did not send it (out of memory?)
    command: python3 -c 'b = bytearray(1000000000)'
    no output

  rerun: greenroom run x.md --name 'Takes all'

PASS [TIME]  Is modest

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  x.md:5  Takes all

"#]]);
    assert!(group.is_empty());
}

#[test]
fn many_scenarios_with_a_daemon_each() {
    let Some(project) = Project::sealed() else { return };
    let steps = "given a daemon helper shell script server.py\n\
                 when I start \"./server.py number-@ 127.0.0.1:8080\" as a background process as web, on port 8080\n\
                 then daemon web is running";
    let count = 100 * rounds(1).min(10);
    let project = project.file("x.md", crate::support::with_programs(document(&many(count, steps))));
    let ran = project.run(["run", "-q", "-j", "64", "x.md"]).passes();
    assert!(ran.stdout.starts_with(&format!("{count} scenarios passed")), "{}", ran.stdout);
}

/// SIGXFSZ kills a program in a scenario, as it does outside.
#[test]
fn a_limit_on_the_size_of_files() {
    let steps = "when I run grep SigIgn: /proc/self/status\nthen stdout matches regex \
        [0-9a-f]{9}[02468ace][0-9a-f]{6}\n\
                 when I run sh -c 'exec head -c 100000 /dev/zero > long'";
    let limit = ["prlimit", "--fsize=65536"];
    let project = Project::anywhere().file("x.md", scenario(steps)).through(limit);
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I run grep SigIgn: /proc/self/status
    ok [TIME]  then stdout matches regex [0-9a-f]{9}[02468ace][0-9a-f]{6}
    FAILED [TIME]  when I run sh -c 'exec head -c 100000 /dev/zero > long'

  command failed with signal SIGXFSZ: sh -c 'exec head -c 100000 /dev/zero > long'

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    // The program is larger than the limit.
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n# One\n~~~scenario\n\
        given it\n~~~\n";
    let project = Project::new().file("own.yaml", "- given: it\n  impl: {python: {function: it}}\n").file("x.md", text);
    let project = project.file("steps.py", "def it(ctx):\n    pass\n").through(limit);
    project.run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to check Python files: greenroom's own host is larger than the limit on file sizes (`ulimit -f`)

"#]]);
}
