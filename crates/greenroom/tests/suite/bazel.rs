//! Bazel's test protocol: what the variables of a test ask for, and what the run leaves for Bazel.

use std::fs;

use snapbox::str;

use crate::support::{Project, Ran, document, scenario};

/// Five scenarios that pass.
fn project() -> Project {
    let scenario = |title| format!("# {title}\n~~~scenario\nwhen I run true\n~~~\n");
    Project::anywhere().file("x.md", document(&["Ada", "Basic", "Cobol", "Dylan", "Eiffel"].map(scenario).concat()))
}

/// A project whose environment is that of a test, as Bazel's script sets it up.
fn under_bazel(project: Project) -> Project {
    let project = project.directory("out").directory("runfiles");
    let path = |name: &str| project.path(name);
    let variables = [
        ("BAZEL_TEST", "1".into()),
        ("TEST_SRCDIR", path("runfiles")),
        ("XML_OUTPUT_FILE", path("out/deep/test.xml")),
        ("TEST_UNDECLARED_OUTPUTS_DIR", path("out/outputs")),
        ("TEST_WARNINGS_OUTPUT_FILE", path("out/test.warnings")),
        ("TEST_PREMATURE_EXIT_FILE", path("out/test.exited_prematurely")),
        ("TEST_INFRASTRUCTURE_FAILURE_FILE", path("out/test.infrastructure_failure")),
        ("TEST_TIMEOUT", "60".into()),
    ];
    variables.into_iter().fold(project, |project, (name, value)| project.env(name, value))
}

/// The same test as one of several shards.
fn shard(project: Project, index: &str, total: &str) -> Project {
    let status = project.path("out/status/shard");
    project.env("TEST_SHARD_INDEX", index).env("TEST_TOTAL_SHARDS", total).env("TEST_SHARD_STATUS_FILE", status)
}

fn run(project: &Project) -> Ran {
    project.run(["run", "-j1", "x.md"])
}

#[test]
fn a_test_leaves_its_reports_where_bazel_looks_for_them() {
    let project = under_bazel(project());
    run(&project).passes().stderr("");
    let junit = fs::read_to_string(project.path("out/deep/test.xml")).unwrap();
    assert!(junit.contains("<testsuite name=\"x.md\" tests=\"5\""), "{junit}");
    let page = fs::read_to_string(project.path("out/outputs/report.html")).unwrap();
    assert!(page.contains("Eiffel"), "{page}");
    let events = project.path("out/outputs/events.jsonl");
    project.run(["report", "-q", &events.display().to_string()]).passes();
    assert!(!project.path("out/test.exited_prematurely").exists());
    assert!(!project.path("out/test.warnings").exists());
    assert!(!project.path("out/test.infrastructure_failure").exists());
}

#[test]
fn shards_share_the_scenarios() {
    let titles = |index: &str| {
        let project = shard(under_bazel(project()), index, "2");
        let ran = run(&project).passes().stderr("");
        assert!(project.path("out/status/shard").exists());
        let junit = fs::read_to_string(project.path("out/deep/test.xml")).unwrap();
        let part = index.parse::<u32>().unwrap() + 1;
        assert!(junit.contains(&format!("<testsuite name=\"x.md (partition count {part}/2)\"")), "{junit}");
        ran.stdout
    };
    crate::support::same(
        &titles("0"),
        str![[r#"
greenroom [VERSION]: 3 of 5 scenarios (partition count 1/2) in x.md, one at a time

PASS [TIME]  Ada
PASS [TIME]  Cobol
PASS [TIME]  Eiffel

3 scenarios passed, 3 steps, [TIME]

"#]],
    );
    crate::support::same(
        &titles("1"),
        str![[r#"
greenroom [VERSION]: 2 of 5 scenarios (partition count 2/2) in x.md, one at a time

PASS [TIME]  Basic
PASS [TIME]  Dylan

2 scenarios passed, 2 steps, [TIME]

"#]],
    );
}

#[test]
fn a_shard_without_scenarios_passes() {
    let project = shard(under_bazel(project()), "8", "9");
    run(&project).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 0 of 5 scenarios (partition count 9/9) in x.md

nothing to run: partition count 9/9 has none of the 5 scenarios

"#]]);
    assert!(project.path("out/status/shard").exists());
}

#[test]
fn the_status_file_is_there_even_if_the_documents_are_wrong() {
    let project = shard(under_bazel(Project::anywhere().file("x.md", "# Nothing\n")), "0", "2");
    run(&project).code(2);
    assert!(project.path("out/status/shard").exists());
    assert!(!project.path("out/test.exited_prematurely").exists());
}

#[test]
fn a_shard_and_a_partition_exclude_each_other() {
    let both = shard(under_bazel(project()), "0", "2");
    both.run(["run", "--partition", "hash:1/2", "x.md"]).code(3).stdout("").stderr(str![[r#"
greenroom: --partition hash:1/2 and the shard of Bazel (1 of 2: TEST_SHARD_INDEX, TEST_TOTAL_SHARDS) exclude each other; remove --partition, or shard_count from the target

"#]]);
    let project = shard(under_bazel(project()), "2", "2");
    run(&project).code(3).stdout("").stderr(str![[r#"
greenroom: TEST_SHARD_INDEX is 2; expected 0 to 1 (TEST_TOTAL_SHARDS is 2)

"#]]);
}

#[test]
fn the_test_filter_selects_by_name_among_what_the_target_selects() {
    let project = under_bazel(project()).env("TESTBRIDGE_TEST_ONLY", "cob");
    run(&project).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Cobol

1 scenario passed, 1 step, [TIME] (4 left out by the filters)

"#]]);
    // Bazel passes one filter to all tests, so one that matches nothing is not a mistake.
    project
        .run(["run", "-j1", "--name", "Ada", "x.md"])
        .code(0)
        .stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

NOTHING RAN: the filters left out all 5 scenarios in x.md

"#]])
        .stderr(str![[r#"
greenroom: nothing to run: no scenario here has "cob" in its title or in a heading above it (TESTBRIDGE_TEST_ONLY)

"#]]);
    let warnings = fs::read_to_string(project.path("out/test.warnings")).unwrap();
    assert!(warnings.contains("(TESTBRIDGE_TEST_ONLY)"), "{warnings}");
}

#[test]
fn bazel_can_stop_a_test_at_its_first_failure() {
    let block = |title, step| format!("# {title}\n~~~scenario\nwhen I run {step}\n~~~\n");
    let text = document(&(block("Fails", "false") + &block("Waits", "true")));
    let project = under_bazel(Project::anywhere().file("x.md", text)).env("TESTBRIDGE_TEST_RUNNER_FAIL_FAST", "1");
    let ran = run(&project).code(1).stderr("");
    assert!(ran.stdout.contains("1 scenario not run: an earlier scenario failed (--fail-fast)"), "{}", ran.stdout);
}

#[test]
fn a_run_ends_and_reports_before_bazel_kills_the_test() {
    let steps = "when I run sh -c 'trap \"\" TERM; sleep 9999'";
    let project = under_bazel(Project::anywhere().file("x.md", scenario(steps))).env("TEST_TIMEOUT", "2");
    let ran = run(&project).code(130);
    crate::support::same(
        &ran.stderr,
        str![[r#"
greenroom: stopped 1 s before the time limit of the test, which is 2 s (TEST_TIMEOUT); for more time, set `timeout` or `shard_count` of the target

"#]],
    );
    assert!(ran.stdout.contains("INTERRUPTED: 1 of 1 scenario not finished"), "{}", ran.stdout);
    let events = fs::read_to_string(project.path("out/outputs/events.jsonl")).unwrap();
    assert!(events.trim_end().ends_with(r#""run_finished":{"interrupted":true}}}"#), "{events}");
    assert!(!project.path("out/test.exited_prematurely").exists());
}

#[test]
fn a_machine_without_a_sandbox_is_an_infrastructure_failure() {
    let project = under_bazel(project()).env("TMPDIR", "/missing").env("TEST_TMPDIR", "");
    run(&project).code(4);
    let failure = fs::read_to_string(project.path("out/test.infrastructure_failure")).unwrap();
    assert!(failure.starts_with("greenroom\n") && failure.contains("/missing"), "{failure}");
}

#[test]
fn scenarios_use_the_temporary_directory_of_the_test_but_not_its_protocol() {
    // As short as the names of an engine may be.
    let temporary = tempfile::Builder::new().prefix("t").tempdir_in("/var/tmp").unwrap();
    let protocol = "^(BAZEL|TESTBRIDGE|XML_OUTPUT|TEST_[^S])";
    let steps = format!(
        "when I run sh -c 'pwd; env | grep -E \"{protocol}\"; true'\nthen stdout contains \"{}/greenroom-\"\n\
         then stdout doesn't contain \"TEST\"\nthen stdout doesn't contain \"BAZEL\"",
        temporary.path().display()
    );
    let project = shard(under_bazel(Project::anywhere().file("x.md", scenario(&steps))), "0", "1");
    project.env("TEST_TMPDIR", temporary.path()).run(["run", "--sandbox", "tended", "x.md"]).passes();
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}
