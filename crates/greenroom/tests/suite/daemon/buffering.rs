//! Waits for text that find nothing written: the output may be buffered.

use snapbox::str;

use crate::support::{Project, document, same};

/// Runs a scenario that waits for text of a program, and returns its notes and advice.
fn advice(program: &str, line: &str) -> String {
    let scenario = format!(
        "# The scenario\n\
         ~~~scenario\n\
         given executable file program\n\
         when I start \"{line}\" as a background process as d\n\
         when I wait for daemon d to write \"ready\" to stdout, for at most 0.8 seconds\n~~~\n\
         ~~~{{#program .file}}\n{program}\n~~~\n"
    );
    let project = Project::anywhere().file("x.md", document(&scenario)).env("PYTHONUNBUFFERED", "");
    let ran = project.run(["run", "x.md"]).code(1).stderr("");
    assert!(ran.stdout.contains("did not write \"ready\" to stdout within 800 ms"), "{}", ran.stdout);
    let said = |line: &&str| line.starts_with("  note:") && !line.contains("network") || line.starts_with("  help:");
    ran.stdout.lines().filter(said).map(|line| format!("{line}\n")).collect()
}

const PYTHON: &str = "import time\nprint('ready')\ntime.sleep(1000)";

#[test]
fn python_that_holds_its_output_back_is_named_through_wrappers() {
    let expected = str![[r#"
  note: it has written nothing to stdout; it may hold its output back, because stdout is not a terminal
  help: start it with `python3 -u`, set PYTHONUNBUFFERED=1 in its environment, or write `print(..., flush=True)`

"#]];
    for line in ["python3 program", "env A=b python3 -B program", "sh -c 'cd . && python3 program; true'"] {
        same(&advice(PYTHON, line), expected.clone());
    }
    same(&advice(&format!("#!/usr/bin/env python3\n{PYTHON}"), "./program"), expected);
}

#[test]
fn programs_that_write_at_once_get_no_advice_about_buffers() {
    let quiet = "import time\ntime.sleep(1000)";
    for line in ["python3 -u program", "env PYTHONUNBUFFERED=1 python3 program"] {
        assert_eq!(advice(quiet, line), "", "{line}");
    }
    assert_eq!(advice("exec sleep 1000", "sh program"), "");
}

#[test]
fn other_languages_get_advice_of_their_own() {
    same(
        &advice("$x = 1; print 'ready'; sleep 1000;", "perl program"),
        str![[r#"
  note: it has written nothing to stdout; it may hold its output back, because stdout is not a terminal
  help: write `$| = 1;` at the start of the Perl program

"#]],
    );
    same(
        &advice("ready", "sh -c 'while :; do cat program; sleep 1000; done | tr a-z A-Z'"),
        str![[r#"
  note: it has written nothing to stdout; it may hold its output back, because stdout is not a terminal
  help: start it as `stdbuf -oL tr`, so that tr writes each line at once

"#]],
    );
}

#[test]
fn text_on_the_other_stream_is_pointed_out() {
    same(
        &advice("echo ready >&2; exec sleep 1000", "sh program"),
        str![[r#"
  note: it has written "ready" to stderr
  help: write `to stderr` in the step if that is where it belongs

"#]],
    );
}
