//! Steps that match no binding, several bindings, or the wrong one.

use snapbox::str;

use super::helpers::{fine, steps, warned};
use crate::support::{Project, document, scenario};

#[test]
fn an_unknown_step() {
    steps("when I start sleep 100 in the background").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start sleep 100 in the background
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: similar: `when I start "{path:word}{args:text}" in a terminal as {name:word}` in lib/daemon.yaml (built in)
  = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` in lib/runcmd.yaml (built in)

1 error

"#]]);
}

#[test]
fn a_step_with_a_typing_error() {
    steps("when I start \"sleep 100\" as background process as sleepy").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start "sleep 100" as background process as sleepy
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: similar: `when I start "{path:word}{args:text}" as a background process as {name:word}` in lib/daemon.yaml (built in)
  = help: similar: `when I start "(?P<path>[^ "]+)(?P<args>[^"]*)" as a background process as (?P<name>[^,]+), with environment (?P<env>.*)` in lib/daemon.yaml (built in)
  = help: similar: `when I start "{path:word}{args:text}" as a background process as {name:word}, on port {port:word}` in lib/daemon.yaml (built in)

1 error

"#]]);
}

#[test]
fn a_step_with_a_missing_comma() {
    let lines = [
        "when I start \"sleep 5\" as a background process as web on port 8080",
        "when I start \"sleep 5\" as a background process as web with environment {\"A\": \"b, c\"}",
        "when I start \"sleep 5\" as a background process as web, on port 8080 with environment {}",
        "when I wait for file f to exist for at most 3 seconds",
        "when I start \"sleep 5\" as a background process as my web",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start "sleep 5" as a background process as web on port 8080
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: a comma is missing: `when I start "sleep 5" as a background process as web, on port 8080`

error[unknown-step]: no binding matches this step
 --> x.md:8:1
  |
8 | when I start "sleep 5" as a background process as web with environment {"A": "b, c"}
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: a comma is missing: `when I start "sleep 5" as a background process as web, with environment {"A": "b, c"}`

error[unknown-step]: no binding matches this step
 --> x.md:9:1
  |
9 | when I start "sleep 5" as a background process as web, on port 8080 with environment {}
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: a comma is missing: `when I start "sleep 5" as a background process as web, on port 8080, with environment {}`

error[unknown-step]: no binding matches this step
  --> x.md:10:1
   |
10 | when I wait for file f to exist for at most 3 seconds
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: a comma is missing: `when I wait for file f to exist, for at most 3 seconds`

error[unknown-step]: no binding matches this step
  --> x.md:11:1
   |
11 | when I start "sleep 5" as a background process as my web
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `when I start "{path:word}{args:text}" as a background process as {name:word}` in lib/daemon.yaml (built in) would match except for `name`
   = help: `name` must be one word (word), not `my web`

5 errors

"#]]);
}

#[test]
fn a_step_with_other_quotes() {
    let lines = [
        "then stdout contains 'it's here'",
        "then stdout contains “x”",
        "when I wait for daemon web to write `ready` to stdout, for at most 3 seconds",
        "then stdout isn't exactly 'x'",
    ];
    steps(&format!("when I run true\n{}", lines.join("\n"))).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:8:1
  |
8 | then stdout contains 'it's here'
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: use straight double quotes: `"it's here"`

error[look-alike]: no binding matches this step, because of U+201C LEFT DOUBLE QUOTATION MARK
 --> x.md:9:22
  |
9 | then stdout contains “x”
  |                      ^
  |
  = help: write straight quotes instead: `"`

error[unknown-step]: no binding matches this step
  --> x.md:10:1
   |
10 | when I wait for daemon web to write `ready` to stdout, for at most 3 seconds
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: use straight double quotes: `"ready"`

error[unknown-step]: no binding matches this step
  --> x.md:11:1
   |
11 | then stdout isn't exactly 'x'
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: use straight double quotes: `"x"`

4 errors

"#]]);
}

#[test]
fn collapsed_spaces() {
    let lines = [
        "given the environment variable X=a   b",
        "when I   run   sh -c \"echo   a   b\"",
        "then stdout matches regex a\tb",
        "then stdout doesn't contain \"NAME    SIZE a\tb  c\"",
    ];
    warned(scenario(&lines.join("\n"))).stderr(str![[r#"
warning[collapsed-spaces]: consecutive spaces in a step are collapsed
 --> x.md:7:35
  |
7 | given the environment variable X=a   b
  |                                   ^^^
  |
  = help: spaces are kept only between double quotes

warning[collapsed-spaces]: a tab in a step is read as a space
 --> x.md:9:28
  |
9 | then stdout matches regex a    b
  |                            ^^^^
  |
  = help: to match any number of them, write `\s+`

2 warnings

"#]]);
}

#[test]
fn an_ambiguous_step() {
    Project::new()
        .file("own.yaml", "- when: I run {argv0} {args:text}\n  impl: {native: {function: runcmd_run}}\n")
        .file("x.md", scenario("when I run echo hello").replace("lib/runcmd.yaml", "lib/runcmd.yaml, own.yaml"))
        .refused(["run", "x.md"])
        .stderr(str![[r#"
error[ambiguous-step]: 2 bindings match this step
 --> x.md:7:1
  |
7 | when I run echo hello
  | ^^^^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:9
  |
1 | - when: I run {argv0} {args:text}
  |         ------------------------- `I run {argv0} {args:text}`
  |
  = note: `I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: reword the step, or make all but one of the patterns narrower

1 error

"#]]);
}

#[test]
fn a_misspelled_keyword() {
    steps("given a directory d\nwehn I run true").stderr(str![[r#"
error[unknown-keyword]: a step cannot begin with `wehn`
 --> x.md:8:1
  |
8 | wehn I run true
  | ^^^^
  |
  = help: did you mean `when`?

1 error

"#]]);
}

#[test]
fn a_capitalised_keyword_is_fine() {
    fine(scenario("Given a directory d")).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

#[test]
fn and_first() {
    steps("and I run true").stderr(str![[r#"
error[no-step-before]: `and` has no step before it to continue
 --> x.md:7:1
  |
7 | and I run true
  | ^^^
  |
  = help: begin the scenario with `given`, `when` or `then`

1 error

"#]]);
}

#[test]
fn a_keyword_alone() {
    steps("when").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when
  | ^^^^
  |
  = help: write the step after `when`

1 error

"#]]);
}

#[test]
fn all_mistakes_at_once() {
    steps("and I run true\nwehn I run true\nwhen I brew coffee\ngiven file nothere.txt").stderr(str![[r#"
error[no-step-before]: `and` has no step before it to continue
 --> x.md:7:1
  |
7 | and I run true
  | ^^^
  |
  = help: begin the scenario with `given`, `when` or `then`

error[unknown-keyword]: a step cannot begin with `wehn`
 --> x.md:8:1
  |
8 | wehn I run true
  | ^^^^
  |
  = help: did you mean `when`?

error[unknown-step]: no binding matches this step
 --> x.md:9:1
  |
9 | when I brew coffee
  | ^^^^^^^^^^^^^^^^^^
  |
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I rename {from:path} to {to:path}` in lib/files.yaml (built in)
  = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` in lib/runcmd.yaml (built in)

error[missing-file]: this document has no embedded file `nothere.txt`
  --> x.md:10:12
   |
10 | given file nothere.txt
   |            ^^^^^^^^^^^
   |
   = help: embed it in a fenced block with `{#nothere.txt .file}` after the fence

4 errors

"#]]);
}

#[test]
fn one_mistake_keeps_the_other_scenarios_from_running_too() {
    let project = Project::new();
    let started = project.path("started");
    let good = format!("# Good\n~~~scenario\nwhen I run touch {}\n~~~\n", started.display());
    let text = document(&format!("{good}# Bad\n~~~scenario\nwhen I brew coffee\n~~~\n"));
    project.file("x.md", text).refused(["run", "x.md"]).stderr(str![[r#"
error[unknown-step]: no binding matches this step
  --> x.md:11:1
   |
11 | when I brew coffee
   | ^^^^^^^^^^^^^^^^^^
   |
   = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
   = help: similar: `when I rename {from:path} to {to:path}` in lib/files.yaml (built in)
   = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` in lib/runcmd.yaml (built in)

1 error

"#]]);
}
