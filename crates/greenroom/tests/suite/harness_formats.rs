//! The test harness in the formats of the standard harness, which a real test program writes beside it.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use snapbox::str;

use crate::support::Project;

const DOCUMENT: &str = "---\ntitle: X\nbindings: [lib/files.yaml]\n---\n\
    # Passes\n~~~scenario\nwhen I paint it red for 3 days\nwhen I paint it green\n~~~\n\
    # Fails\n~~~scenario\ngiven a shop that sells tea\nwhen it panics\n~~~\n\
    # Later\n~~~{.scenario label=ignored}\nwhen I paint it red\n~~~\n";

/// A test program of the standard harness with the same results.
const STANDARD: &str = "#[test] fn passes() { println!(\"Red\"); }\n\
    #[test] fn fails() { println!(\"before\"); panic!(\"out of tea\"); }\n\
    #[test] #[ignore] fn later() {}\n";

fn project() -> Option<Project> {
    Project::sealed().map(|project| project.file("x.md", DOCUMENT).of_test_program())
}

/// Reads lines of JSON, without times.
fn lines(text: &str) -> Vec<Value> {
    let read = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let Some(time) = value.get_mut("exec_time") {
            assert!(time.is_number(), "{line}");
            *time = Value::from(0);
        }
        value
    };
    text.lines().map(read).collect()
}

/// Returns the kinds of the events, with the names of their fields.
fn kinds(events: &[Value]) -> BTreeSet<String> {
    let kind = |event: &Value| {
        let fields: Vec<&String> = event.as_object().unwrap().keys().collect();
        format!("{} {} {fields:?}", event["type"], event["event"])
    };
    events.iter().map(kind).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test starts a program to compare with")]
fn the_json_of_the_standard_harness_has_its_events_and_fields() {
    let Some(project) = project() else { return };
    let project = project.file("standard.rs", STANDARD);
    let built = Command::new("rustc")
        .args(["--test", "-o"])
        .arg(project.path("standard"))
        .arg(project.path("standard.rs"))
        .status()
        .unwrap();
    assert!(built.success());
    let standard = |arguments: &[&str]| {
        let mut command = Command::new(project.path("standard"));
        let command = command.args(["-Z", "unstable-options", "--format", "json", "--test-threads=1"]).args(arguments);
        let output = command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUST_BACKTRACE").output().unwrap();
        lines(&String::from_utf8(output.stdout).unwrap())
    };
    for arguments in [&[][..], &["--show-output"], &["--report-time"], &["--list"], &["no-such-test"]] {
        let all = ["-Z", "unstable-options", "--format", "json", "--test-threads=1"].iter().chain(arguments).copied();
        let ours = lines(&project.run(all).stderr("").stdout);
        let theirs = standard(arguments);
        assert_eq!(kinds(&ours), kinds(&theirs), "{arguments:?}: {ours:#?}");
        // The order of the tests is not the same.
        assert_eq!(ours.len(), theirs.len(), "{arguments:?}");
        assert_eq!(ours.first(), theirs.first(), "{arguments:?}");
        assert_eq!(ours.last(), theirs.last(), "{arguments:?}");
    }
}

#[test]
fn a_failed_test_has_the_explanation_as_its_output() {
    let Some(project) = project() else { return };
    let run = project.run(["-Zunstable-options", "--format=json", "--exact", "Fails"]).code(101).stderr("");
    let events = lines(&run.stdout);
    let failed = events.iter().find(|event| event["event"] == "failed").unwrap();
    let output = failed["stdout"].as_str().unwrap();
    assert!(output.starts_with(" x.md:13: out of tea\n"), "{output}");
    assert!(output.contains("│ before the panic"), "{output}");
}

#[test]
fn what_passed_functions_print_is_shown_on_request() {
    let Some(project) = project() else { return };
    for option in ["--nocapture", "--no-capture", "--show-output"] {
        project.run([option, "--exact", "Passes"]).code(0).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Passes
    ok [TIME]  when I paint it red for 3 days
        output of the Rust function:
          │ Red for Some(3)
    ok [TIME]  when I paint it green
        output of the Rust function:
          │ Green for None

1 scenario passed, 2 steps, [TIME] (2 left out by the filters)

"#]]);
    }
    let project = project.env("RUST_TEST_NOCAPTURE", "1");
    let run = project.run(["--exact", "Passes"]).code(0).stderr("");
    assert!(run.stdout.contains("│ Red for Some(3)"), "{}", run.stdout);
    // Cleanups print, too.
    let run = project.run(["--exact", "Fails"]).code(101).stderr("");
    assert!(run.stdout.contains("│ closing the shop that sells tea, 0 sold"), "{}", run.stdout);
}

#[test]
fn options_of_the_standard_harness_do_what_they_say() {
    let Some(project) = project().map(|project| project.env("RUST_TEST_TIME_INTEGRATION", "1,600000")) else { return };
    for (arguments, expected) in [
        (&["--shuffle-seed", "7"][..], "order shuffled with seed 7"),
        (&["--shuffle"], "order shuffled with seed"),
        (&["--report-time"], "1 scenario passed"),
        (&["--report-time=colored", "--color=never"], "1 scenario passed"),
        (&["--ensure-time", "--force-run-in-process", "--exclude-should-panic"], "1 scenario passed"),
        (&["--format", "pretty", "--test", "--fail-fast"], "PASS"),
    ] {
        let run = project.run(arguments.iter().chain(&["--exact", "Passes"])).code(0).stderr("");
        assert!(run.stdout.contains(expected), "{arguments:?}: {}", run.stdout);
    }
    let run = project.run(["--format", "terse", "Passes"]).code(0).stderr("");
    assert!(!run.stdout.contains("PASS"), "{}", run.stdout);
    let run = project.run(["--format", "junit", "Passes"]).code(0);
    assert!(run.stdout.starts_with("<?xml") && run.stdout.contains("name=\"Passes\""), "{}", run.stdout);
    project.run(["--logfile", "log"]).code(101).stderr("");
    let log = std::fs::read_to_string(project.path("log")).unwrap();
    let log: BTreeSet<&str> = log.lines().collect();
    assert_eq!(log, BTreeSet::from(["failed Fails", "ignored Later", "ok Passes"]));
}

#[test]
fn a_time_that_a_test_must_not_exceed_is_a_limit() {
    let Some(project) = Project::sealed() else { return };
    let text = "---\ntitle: X\n---\n# Blocks\n~~~scenario\nwhen it blocks for ever\n~~~\n";
    let project = project.file("x.md", text).of_test_program().env("RUST_TEST_TIME_INTEGRATION", "100,500");
    let run = project.run(["--ensure-time"]).code(101).stderr("");
    assert!(run.stdout.contains("exceeded its time limit of 500 ms"), "{}", run.stdout);
    assert!(run.stdout.contains("set `scenario_timeout` in the document's metadata or `--timeout`"), "{}", run.stdout);
    project.env("RUST_TEST_TIME_INTEGRATION", "soon").run(["--ensure-time"]).code(3).stdout("").stderr(str![[r#"
greenroom: RUST_TEST_TIME_INTEGRATION is `soon`; expected two numbers of milliseconds, such as `500,1000`

"#]]);
}

#[test]
fn unknown_formats_and_unstable_options_are_named() {
    let Some(project) = project() else { return };
    project.run(["--format", "xml"]).code(3).stdout("").stderr(str![[r#"
greenroom: unknown format `xml`; those of Rust's harness are pretty, terse, junit and, behind `-Z unstable-options`, json; those of greenroom are human, tap, github, teamcity, json

"#]]);
    project.run(["-Z", "other"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'other' for '-Z <unstable-options>'
  [possible values: unstable-options]

For more information, try '--help'.

"#]]);
    project.run(["--shuffle-seed", "x"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'x' for '--shuffle-seed <SEED>': expected a whole number from 0 to 18446744073709551615

For more information, try '--help'.

"#]]);
}
