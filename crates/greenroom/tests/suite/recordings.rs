//! `greenroom run --events` and `greenroom report`: what is recorded is shown again, and bad recordings are refused.

use std::fs;

use greenroom_event::SCHEMA_VERSION;
use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, Ran, document, scenario};

/// Three scenarios, of which the second fails.
const MIXED: &str = "\
# Greets
~~~scenario
when I run echo hello
then stdout contains \"hello\"
~~~

# Greets politely
~~~scenario
when I run echo good morning
then stdout contains \"good evening\"
and command is successful
~~~

# Leaves
~~~scenario
when I start \"sleep 9876\" as a background process as sleepy
~~~
";

/// A project with a recorded run, and what the run showed.
fn recorded() -> (Project, Ran) {
    let project = Project::anywhere().file("x.md", document(MIXED));
    let ran = project.run(["run", "--events", "run.jsonl", "x.md"]).code(1).stderr("");
    (project, ran)
}

/// A project whose recording is changed.
fn changed(change: impl Fn(&str) -> String) -> Project {
    let (project, _) = recorded();
    let text = fs::read_to_string(project.path("run.jsonl")).unwrap();
    let new = change(&text);
    assert_ne!(new, text);
    project.file("run.jsonl", new)
}

/// Shows a recording.
fn report<const N: usize>(project: &Project, arguments: [&str; N]) -> Ran {
    project.run([&["report"][..], &arguments].concat())
}

#[test]
fn a_recording_is_shown_as_the_run_was() {
    let (project, ran) = recorded();
    let shown = report(&project, ["run.jsonl"]).code(1).stderr("");
    assert_eq!(shown.stdout, ran.stdout);
    assert!(shown.stdout.contains("\n  expected to contain:\n"), "{}", shown.stdout);
    report(&project, ["-q", "run.jsonl"]).code(1).stderr("").stdout(str![[r#"
FAIL [TIME]  Greets politely
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run echo good morning
    FAILED [TIME]  then stdout contains "good evening"
                      1 step not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ good evening
  actual:
    │ good morning
  note: the command `echo good morning` ended with exit status 0

  rerun: greenroom run x.md --name 'Greets politely'

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:11  Greets politely

"#]]);
    let verbose = report(&project, ["-v", "run.jsonl"]).code(1).stderr("").stdout;
    assert!(verbose.contains("\n    ok [TIME]  when I run echo hello\n"), "{verbose}");
}

#[test]
fn a_recording_can_come_from_standard_input() {
    let (project, ran) = recorded();
    let project = project.through(["sh", "-c", "exec \"$@\" < run.jsonl", "sh"]);
    assert_eq!(report(&project, ["-"]).code(1).stderr("").stdout, ran.stdout);
}

#[test]
fn the_exit_code_is_that_of_the_run() {
    let project = Project::anywhere().file("x.md", scenario("when I run true"));
    project.run(["run", "-q", "--events", "run.jsonl", "x.md"]).passes();
    report(&project, ["run.jsonl"]).passes();
    let lines = fs::read_to_string(project.path("run.jsonl")).unwrap();
    assert!(lines.lines().all(|line| line.starts_with("{\"seq\":")), "{lines}");
}

#[test]
fn a_file_is_replaced() {
    let project = Project::anywhere().file("x.md", scenario("when I run true")).file("run.jsonl", "old\n".repeat(999));
    project.run(["run", "--events", "run.jsonl", "x.md"]).passes();
    report(&project, ["run.jsonl"]).passes();
}

#[test]
fn files_that_are_not_recordings_are_refused() {
    let (project, _) = recorded();
    let project = project.file("empty", "").directory("directory");
    report(&project, ["x.md"]).code(2).stdout("").stderr(str![[r#"
greenroom: x.md: not a recording of a run: its first line is not the start of one

"#]]);
    report(&project, ["empty"]).code(2).stdout("").stderr(str![[r#"
greenroom: empty: not a recording of a run: its first line is not the start of one

"#]]);
    report(&project, ["missing"]).code(2).stdout("").stderr(str![[r#"
greenroom: missing: cannot read the recording: No such file or directory (os error 2)

"#]]);
    report(&project, ["directory"]).code(2).stdout("").stderr(str![[r#"
greenroom: directory: cannot read the recording: Is a directory (os error 21)

"#]]);
}

#[test]
fn a_newer_recording_is_refused_with_its_version() {
    let (known, newer) = (SCHEMA_VERSION, SCHEMA_VERSION + 1);
    let version = |number: u32| format!("\"schema_version\":{number}");
    let project = changed(|text| text.replacen(&version(known), &version(newer), 1));
    report(&project, ["run.jsonl"]).code(2).stdout("").stderr(format!(
        "greenroom: run.jsonl: the recording has schema version {newer}; this greenroom reads versions up to {known}\n"
    ));
}

#[test]
fn a_damaged_recording_is_refused_with_the_line() {
    let project = changed(|text| {
        let lines: Vec<&str> = text.lines().collect();
        [&lines[..2], &["{\"seq\":2}"], &lines[3..]].concat().join("\n")
    });
    report(&project, ["run.jsonl"]).code(2).stdout("").stderr(str![[r#"
greenroom: run.jsonl: line 3 of the recording is not an event: missing field `at_us`

"#]]);
}

#[test]
fn a_recording_that_is_cut_short_is_shown_up_to_there() {
    // All but the last two lines and a half.
    let project = changed(|text| {
        let lines: Vec<&str> = text.lines().collect();
        let (last, before) = lines.split_last().unwrap();
        format!("{}\n{}", before.join("\n"), &last[..last.len() / 2])
    });
    let lines = fs::read_to_string(project.path("run.jsonl")).unwrap().lines().count() - 1;
    let shown = report(&project, ["run.jsonl"]).code(130);
    assert_eq!(
        shown.stderr,
        format!(
            "greenroom: run.jsonl: the recording is cut short: it ends after line {lines}, before the end of the run\n"
        )
    );
    let ending = "\nINTERRUPTED: the run did not end; 1 of 3 scenarios failed, 2 passed, ";
    assert!(shown.stdout.contains(ending), "{}", shown.stdout);
    // Only the first line is there.
    let project = changed(|text| text.lines().next().unwrap().to_owned());
    let shown = report(&project, ["-q", "run.jsonl"]).code(130).stdout(str![[r#"
INTERRUPTED: the run did not end; 3 of 3 scenarios not finished, [TIME]

"#]]);
    crate::support::same(
        &shown.stderr,
        str![[r#"
greenroom: run.jsonl: the recording is cut short: it ends after line 1, before the end of the run

"#]],
    );
}

#[test]
fn the_recording_of_a_killed_run_can_be_read() {
    let waits = "when I run true\nwhen I run sh -c 'echo waiting > $FIFO; sleep 9999'";
    let project = Project::anywhere().fifo("fifo").file("x.md", scenario(waits));
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["run", "--events", "run.jsonl", "--env", &fifo, "x.md"]);
    Fifo::open(project.path("fifo")).line();
    // The start of a step is recorded later than the step begins, with the end of the step before.
    project.wait_for_text("run.jsonl", r#""step_started":{"step":1}"#);
    started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
    project.nothing_is_left();
    report(&project, ["-q", "run.jsonl"]).code(130).stdout(str![[r#"
INTERRUPTED: the run did not end; 1 of 1 scenario not finished, [TIME]

"#]]);
    let shown = report(&project, ["run.jsonl"]).code(130).stdout;
    assert!(shown.contains("\n               stopped at x.md:8: when I run sh -c 'echo waiting > $FIFO;"), "{shown}");
}

#[test]
fn the_recording_of_an_interrupted_run_is_complete() {
    let waits = "when I run sh -c 'echo waiting > $FIFO; sleep 9999'";
    let project = Project::anywhere().fifo("fifo").file("x.md", scenario(waits));
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["run", "--events", "run.jsonl", "--env", &fifo, "x.md"]);
    Fifo::open(project.path("fifo")).line();
    let ran = started.signal(Signal::INT).finish().code(130);
    assert_eq!(report(&project, ["run.jsonl"]).code(130).stderr("").stdout, ran.stdout);
}

#[test]
fn a_file_that_cannot_be_written_stops_the_command_before_anything_runs() {
    let project = Project::anywhere().file("x.md", scenario("when I run sh -c 'touch \"$RAN\"'"));
    let variable = format!("RAN={}", project.path("ran").display());
    let run = |file: &str| project.run(["run", "--env", &variable, "--events", file, "x.md"]).stdout("");
    run("missing/run.jsonl").code(4).stderr(str![[r#"
greenroom: failed to write missing/run.jsonl: its directory does not exist

"#]]);
    run(".").code(4).stderr(str![[r#"
greenroom: failed to write .: Is a directory (os error 21)

"#]]);
    run("x.md").code(3).stderr(str![[r#"
greenroom: --events x.md would overwrite a document

"#]]);
    run("./x.md").code(3).stderr(str![[r#"
greenroom: --events ./x.md would overwrite a document

"#]]);
    run("").code(3).stderr(str![[r#"
error: a value is required for '--events <FILE>' but none was supplied

For more information, try '--help'.

"#]]);
    assert!(!project.path("ran").exists());
    assert_eq!(fs::read_to_string(project.path("x.md")).unwrap(), scenario("when I run sh -c 'touch \"$RAN\"'"));
}

#[test]
fn a_recording_on_standard_output_moves_the_run_to_standard_error() {
    let (project, _) = recorded();
    for name in ["-", "/dev/stdout"] {
        let both = project.run(["run", "--events", name, "x.md"]).code(1);
        assert!(both.stderr.contains("\nFAILED: 1 of 3 scenarios failed, 2 passed, "), "{}", both.stderr);
        assert!(both.stdout.lines().all(|line| line.starts_with("{\"seq\":")), "{}", both.stdout);
    }
}

#[test]
fn files_are_checked_before_anything_runs_and_all_mistakes_are_shown() {
    let project = Project::anywhere()
        .file("x.md", scenario("when I run sh -c 'touch \"$RAN\"'"))
        .link("link.jsonl", "run.jsonl")
        .file("old.jsonl", "old");
    let variable = format!("RAN={}", project.path("ran").display());
    let run = |files: &[&str]| {
        let options: Vec<&str> = files.iter().flat_map(|file| ["--events", file]).collect();
        project.run([&["run", "--env", &variable], &options[..], &["x.md"]].concat()).stdout("")
    };
    run(&["-", "run.jsonl", "-", "./run.jsonl", "link.jsonl"]).code(3).stderr(str![[r#"
greenroom: --events - and --events - write to standard output; give each its own
greenroom: --events run.jsonl and --events ./run.jsonl write to the same file; give each its own
greenroom: --events run.jsonl and --events link.jsonl write to the same file; give each its own

"#]]);
    run(&["old.jsonl", "missing/a", "missing/b"]).code(4).stderr(str![[r#"
greenroom: failed to write missing/a: its directory does not exist
greenroom: failed to write missing/b: its directory does not exist

"#]]);
    assert!(!project.path("ran").exists());
    assert_eq!(fs::read_to_string(project.path("old.jsonl")).unwrap(), "old");
    project.run(["run", "--events", "/dev/null", "--events", "/dev/null", "--env", &variable, "x.md", "-q"]).passes();
}

#[test]
fn a_full_disk_is_reported_after_the_run() {
    let project = Project::anywhere().file("x.md", scenario("when I run true"));
    project
        .run(["run", "--events", "/dev/full", "x.md"])
        .code(4)
        .stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  The scenario

1 scenario passed, 1 step, [TIME]

"#]])
        .stderr(str![[r#"
greenroom: failed to write /dev/full: No space left on device (os error 28)

"#]]);
}
