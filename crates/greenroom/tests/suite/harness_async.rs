//! Step functions that are `async`: `examples/async_steps.rs` is the test program.

use snapbox::str;

use crate::support::Project;

/// Returns a project whose document has these scenarios, and which the test program tests.
fn project(all: &[(&str, &str)]) -> Option<Project> {
    let scenario = |(title, steps): &(&str, &str)| format!("# {title}\n~~~scenario\n{steps}\n~~~\n");
    let text: String = all.iter().map(scenario).collect();
    let head = "---\ntitle: X\nstep_timeout: 2s\n---\n";
    Project::sealed().map(|project| project.file("x.md", format!("{head}{text}")).of_example("async_steps"))
}

#[test]
fn a_runtime_and_its_tasks_last_from_step_to_step() {
    let Some(project) = project(&[
        (
            "Echo",
            "given an echo server on port 7000\nwhen I connect to port 7000\nand I say hello\n\
             then the answer is echo hello\nwhen I say bye\nthen the answer is echo bye",
        ),
        ("Task", "when a task begins that takes 20 ms\nthen the task gives 42"),
        ("Left", "when it leaves a task that blocks"),
    ]) else {
        return;
    };
    let run = project.run(["--show-output"]).code(0).stderr("");
    assert!(run.stdout.contains("│ hung up"), "the cleanup is async, too: {}", run.stdout);
    project.nothing_is_left();
}

#[test]
fn failures_of_async_functions_explain_themselves() {
    let Some(project) = project(&[
        ("Panic", "when it panics later"),
        ("Task", "when a task of it panics"),
        ("Never", "when it never ends"),
        ("Refused", "when I connect to port 7000"),
    ]) else {
        return;
    };
    project.run(["-j1"]).code(101).stderr("").stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, one at a time

FAIL [TIME]  Panic
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when it panics later

  out of tea
  note: the step function `panics` panicked at crates/greenroom/examples/async_steps.rs:99:5

  rerun: cargo test --test async_steps -- --exact Panic

FAIL [TIME]  Task
  in x.md:11, scenario at x.md:9

    FAILED [TIME]  when a task of it panics

  task 2 panicked with message "lost the key"
  note: returned by the step function `task_panics` (crates/greenroom/examples/async_steps.rs:92)
  output of the Rust function:
    │ thread 'tokio-rt-worker' panicked at crates/greenroom/examples/async_steps.rs:93:26:
    │ lost the key

  rerun: cargo test --test async_steps -- --exact Task

FAIL [TIME]  Never
  in x.md:15, scenario at x.md:13

    FAILED [TIME]  when it never ends

  the step exceeded its time limit of 2 s in the step function `never` (crates/greenroom/examples/async_steps.rs:103)
  output of the Rust functions:
    │ before the end
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: cargo test --test async_steps -- --exact Never

FAIL [TIME]  Refused
  in x.md:19, scenario at x.md:17

    FAILED [TIME]  when I connect to port 7000

  Connection refused (os error 111)
  note: returned by the step function `connect` (crates/greenroom/examples/async_steps.rs:48)

  rerun: cargo test --test async_steps -- --exact Refused

FAILED: 4 of 4 scenarios failed, [TIME]
  failed  x.md:5   Panic
  failed  x.md:9   Task
  failed  x.md:13  Never
  failed  x.md:17  Refused

"#]]);
    project.nothing_is_left();
}
