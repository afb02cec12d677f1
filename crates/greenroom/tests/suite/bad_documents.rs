//! Documents that must be refused: each with a complaint that says what to do, before anything is started or written.

use snapbox::str;

use crate::support::{HEAD, Project, document, scenario};

/// A document of one scenario with these steps, run.
fn steps(steps: &str) -> crate::support::Ran {
    Project::new().file("x.md", scenario(steps)).refused(["run", "x.md"])
}

/// A document that is these bytes, run.
fn text(text: impl AsRef<[u8]>) -> crate::support::Ran {
    Project::new().file("x.md", text).refused(["run", "x.md"])
}

/// A document that is these bytes, which is valid.
fn fine(text: impl AsRef<[u8]>) -> crate::support::Ran {
    Project::new().file("x.md", text).run(["check", "x.md"]).passes()
}

/// A document that is these bytes, which is valid, with warnings.
fn warned(text: impl AsRef<[u8]>) -> crate::support::Ran {
    let ran = Project::new().file("x.md", text).run(["check", "x.md"]).code(0);
    assert!(ran.stdout.ends_with(": OK, with warnings\n"), "{}", ran.stdout);
    ran
}

// ---- Steps ----

#[test]
fn an_unknown_step() {
    steps("when I start sleep 100 in the background").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start sleep 100 in the background
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` (built-in lib/runcmd.yaml:51)

1 error

"#]]);
}

#[test]
fn a_step_with_a_slip() {
    steps("when I start \"sleep 100\" as background process as sleepy").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start "sleep 100" as background process as sleepy
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: similar: `when I start "{path:word}{args:text}" as a background process as {name:word}` (built-in lib/daemon.yaml:16)
  = help: similar: `when I start "(?P<path>[^ "]+)(?P<args>[^"]*)" as a background process as (?P<name>[^,]+), with environment (?P<env>.*)` (built-in lib/daemon.yaml:26)
  = help: similar: `when I start "{path:word}{args:text}" as a background process as {name:word}, on port {port:word}` (built-in lib/daemon.yaml:34)

1 error

"#]]);
}

#[test]
fn a_step_without_its_comma() {
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
   = note: `when I start "{path:word}{args:text}" as a background process as {name:word}` (built-in lib/daemon.yaml:16) matches but for `name`
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
  = help: write the text between straight double quotes: `"it's here"`

error[unknown-step]: no binding matches this step
 --> x.md:9:1
  |
9 | then stdout contains “x”
  | ^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write the text between straight double quotes: `"x"`

error[unknown-step]: no binding matches this step
  --> x.md:10:1
   |
10 | when I wait for daemon web to write `ready` to stdout, for at most 3 seconds
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the text between straight double quotes: `"ready"`

error[unknown-step]: no binding matches this step
  --> x.md:11:1
   |
11 | then stdout isn't exactly 'x'
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the text between straight double quotes: `"x"`

4 errors

"#]]);
}

#[test]
fn blanks_that_are_lost() {
    let lines = [
        "when I   run sh -c \"echo   a   b\"",
        "then stdout doesn't contain \"NAME    SIZE a\tb  c\"",
        "when I write \"a   b\" to file f",
        "then file f matches regex \"a\tb\"",
        "when  I  send exactly \" \" to stdin",
    ];
    warned(scenario(&lines.join("\n"))).stderr(str![[r#"
warning[blanks]: blanks in a row count as one in a step
 --> x.md:8:34
  |
8 | then stdout doesn't contain "NAME    SIZE a    b  c"
  |                                  ^^^^
  |
  = help: write `NAME\x20\x20\x20\x20SIZE a\tb\x20\x20c` if all of them are meant

warning[blanks]: blanks in a row count as one in a step
 --> x.md:9:16
  |
9 | when I write "a   b" to file f
  |                ^^^
  |
  = help: put the text into an embedded file if all of them are meant

warning[blanks]: a tab counts as a blank in a step
  --> x.md:10:29
   |
10 | then file f matches regex "a    b"
   |                             ^^^^
   |
   = help: write `\s+` for any number of them

3 warnings

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
  ::: built-in lib/runcmd.yaml:44:9
   |
44 | - when: I run {argv0:word}{args:text}
   |         ----------------------------- `I run {argv0:word}{args:text}`
   |
  ::: own.yaml:1:9
   |
 1 | - when: I run {argv0} {args:text}
   |         ------------------------- `I run {argv0} {args:text}`
   |
   = help: reword the step, or make all but one of the patterns narrower

1 error

"#]]);
}

#[test]
fn a_misspelt_keyword() {
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
  = help: begin with `given`, `when` or `then`

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
  = help: write after `when` what the step is

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
  = help: begin with `given`, `when` or `then`

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
  = help: similar: `when I run {argv0:word}{args:text}` (built-in lib/runcmd.yaml:44)
  = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` (built-in lib/runcmd.yaml:51)

error[missing-file]: no file `nothere.txt` is embedded in the document
  --> x.md:10:12
   |
10 | given file nothere.txt
   |            ^^^^^^^^^^^
   |
   = help: embed it: a fenced block with `{#nothere.txt .file}` behind the fence

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
   = help: similar: `when I run {argv0:word}{args:text}` (built-in lib/runcmd.yaml:44)
   = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` (built-in lib/runcmd.yaml:51)

1 error

"#]]);
}

// ---- Blocks that are not closed ----

#[test]
fn a_file_that_is_never_closed() {
    let file = "\n~~~{#x.sh .file}\n#!/bin/sh\n# Says hello.\necho hello\n";
    let next = "\n# B\n\nProse.\n\n```scenario\nwhen I run sh x.sh\n```\n";
    text(scenario("given file x.sh") + file + next).stderr(str![[r#"
error[unclosed-block]: this block is never closed: it goes on to the end of the document
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
   |
  ::: x.md:19:1
   |
19 | ```scenario
   | ----------- this is inside of it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
    // Fences that do not close it.
    text(scenario("given file x.sh") + file + "```\n" + next).stderr(str![[r#"
error[unclosed-block]: this block is never closed: it goes on to the end of the document
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
...
14 | ```
   | --- this does not close it
...
20 | ```scenario
   | ----------- this is inside of it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
    // What it loses may have been more than the scenarios that can be seen.
    text(scenario("given file y.sh") + file + &next.replace("scenario", "{#y.sh .file}")).stderr(str![[r#"
error[unclosed-block]: this block is never closed: it goes on to the end of the document
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
   |
  ::: x.md:19:1
   |
19 | ```{#y.sh .file}
   | ---------------- this is inside of it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
}

#[test]
fn a_file_that_is_closed_by_the_fence_of_another_block() {
    let file = "\n~~~{#x.sh .file}\necho hello\n\n# B\n\n~~~scenario\nwhen I run sh x.sh\n~~~\n";
    text(scenario("given file x.sh") + file).stderr(str![[r#"
error[unclosed-block]: this block is closed too late: it has taken in what follows it
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
...
15 | ~~~scenario
   | ----------- this is inside of it
16 | when I run sh x.sh
17 | ~~~
   | --- this closes it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
}

#[test]
fn a_file_that_is_never_closed_and_loses_nothing() {
    let project =
        Project::new().file("x.md", scenario("given file x.sh") + "~~~{#x.sh .file}\n# Says hello.\necho hello\n");
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[unclosed-block]: this block is never closed: it goes on to the end of the document
 --> x.md:9:1
  |
9 | ~~~{#x.sh .file}
  | ^^^^^^^^^^^^^^^^
  |
  = help: close it with a line `~~~`

1 warning

"#]]);
    project.run(["run", "-q", "x.md"]).code(0);
}

#[test]
fn blocks_within_blocks_are_text() {
    let inner = "# B\n```scenario\nwhen I run true\n```\n~~~{#y .file}\n~~~\n";
    let file = format!("~~~~{{#x.md .file}}\n{inner}~~~~\n\n`````{{.markdown}}\n{inner}`````\n");
    fine(scenario("given file x.md") + &file)
        .stdout(str![[r#"
1 scenario with 1 step: OK

"#]])
        .stderr(str![]);
}

#[test]
fn a_scenario_that_is_never_closed() {
    let open = |steps: &str, rest: &str| text(document(&format!("# A\n~~~scenario\n{steps}\n{rest}")));
    open("when I run true", "\nSome prose.\n\n# B\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![[r#"
error[unclosed-block]: this block is closed too late: it has taken in what follows it
  --> x.md:6:1
   |
 6 | ~~~scenario
   | ^^^^^^^^^^^
...
 9 | Some prose.
   | ----------- this is inside of it
...
14 | ~~~
   | --- this closes it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
    open("when I run true", "\nThe prose.\n").stderr(str![[r#"
error[unclosed-block]: this block is never closed: it goes on to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
...
9 | The prose.
  | ---------- this is inside of it
  |
  = help: close it with a line `~~~`

1 error

"#]]);
    open("when I run true\nwehn I run true", "```\n\n# B\n```scenario\nwhen I run true\n```\n").stderr(str![[r#"
error[unclosed-block]: this block is never closed: it goes on to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
...
9 | ```
  | --- this does not close it
  |
  = help: close it with a line `~~~`

error[unknown-keyword]: a step cannot begin with `wehn`
 --> x.md:8:1
  |
8 | wehn I run true
  | ^^^^
  |
  = help: did you mean `when`?

2 errors

"#]]);
    open("when I run true", "~~\n\n# B\n").stderr(str![[r#"
error[unclosed-block]: this block is never closed: it goes on to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
7 | when I run true
8 | ~~
  | -- this is inside of it
  |
  = help: close it with a line `~~~`

1 error

"#]]);
}

#[test]
fn a_scenario_that_is_never_closed_and_loses_nothing() {
    warned(scenario("when I run true").trim_end_matches("~~~\n")).stderr(str![[r#"
warning[unclosed-block]: this block is never closed: it goes on to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
  |
  = help: close it with a line `~~~`

1 warning

"#]]);
}

// ---- Embedded files ----

#[test]
fn a_missing_embedded_file() {
    Project::new()
        .file("x.md", scenario("given file confg.txt") + "~~~{#config.txt .file}\nx\n~~~\n")
        .refused(["run", "x.md"])
        .stderr(str![[r#"
error[missing-file]: no file `confg.txt` is embedded in the document
 --> x.md:7:12
  |
7 | given file confg.txt
  |            ^^^^^^^^^
  |
  = help: did you mean `config.txt`?

warning[unused-file]: no step uses the embedded file `config.txt`
 --> x.md:9:1
  |
9 | ~~~{#config.txt .file}
  | ^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: remove it, or make it an `.example`

1 error, 1 warning

"#]]);
}

#[test]
fn an_embedded_file_of_a_misspelt_class() {
    let steps = "given file a.txt\nand file b.txt\nand file C.txt";
    let files = "~~~{#a.txt .file}\n~~~\n\n~~~{#b.txt .flie}\n~~~\n\n~~~{#c.txt .sh}\n~~~\n";
    text(scenario(steps) + files).stderr(str![[r#"
error[missing-file]: no file `b.txt` is embedded in the document
 --> x.md:8:10
  |
8 | and file b.txt
  |          ^^^^^
  |
  = help: the block at line 14 has this name: write `.file` instead of `.flie`

error[missing-file]: no file `C.txt` is embedded in the document
 --> x.md:9:10
  |
9 | and file C.txt
  |          ^^^^^
  |
  = help: the block at line 17 has this name: add `.file`

warning[unused-name]: the block `b.txt` has a name but is no file
  --> x.md:14:1
   |
14 | ~~~{#b.txt .flie}
   | ^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `.file` instead of `.flie`?

warning[unused-name]: the block `c.txt` has a name but is no file
  --> x.md:17:1
   |
17 | ~~~{#c.txt .sh}
   | ^^^^^^^^^^^^^^^
   |
   = help: add `.file` to embed it, or `.example` if it only shows something

2 errors, 2 warnings

"#]]);
}

#[test]
fn a_duplicate_embedded_file() {
    let file = "~~~{#config.txt .file}\nx\n~~~\n";
    text(scenario("given file config.txt") + file + "\n" + file).stderr(str![[r#"
error[duplicate-file]: there are two embedded files called `config.txt`
  --> x.md:13:1
   |
 9 | ~~~{#config.txt .file}
   | ---------------------- first
...
13 | ~~~{#config.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^^^ second
   |
   = help: give each its own name; upper and lower case make no difference

1 error

"#]]);
}

#[test]
fn an_embedded_file_outside_of_the_scenario() {
    text(scenario("given file ../config.txt") + "~~~{#../config.txt .file}\nx\n~~~\n").stderr(str![[r#"
error[outside-directory]: ../config.txt is outside of the scenario's directory
 --> x.md:7:12
  |
7 | given file ../config.txt
  |            ^^^^^^^^^^^^^
  |
  = help: write a path inside the scenario's directory, without a leading `/` or `..`

1 error

"#]]);
}

// ---- Daemons ----

#[test]
fn an_environment_that_is_no_object() {
    steps(r#"when I start "sleep 1" as a background process as a, with environment ["A"]"#).stderr(str![[r#"
error[bad-environment]: the environment is a list, not a JSON object
 --> x.md:7:71
  |
7 | when I start "sleep 1" as a background process as a, with environment ["A"]
  |                                                                       ^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#]]);
}

#[test]
fn an_environment_that_is_no_json() {
    steps(r#"when I start "sleep 1" as a background process as a, with environment {"A": yes}"#).stderr(str![[r#"
error[bad-environment]: the environment is not JSON: expected value at line 1 column 7
 --> x.md:7:71
  |
7 | when I start "sleep 1" as a background process as a, with environment {"A": yes}
  |                                                                       ^^^^^^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#]]);
}

#[test]
fn an_environment_with_an_object_inside() {
    steps(r#"when I start "sleep 1" as a background process as a, with environment {"A": {"B": "C"}}"#).stderr(str![[
        r#"
error[bad-environment]: the value of A is neither a string nor a number nor a boolean
 --> x.md:7:71
  |
7 | when I start "sleep 1" as a background process as a, with environment {"A": {"B": "C"}}
  |                                                                       ^^^^^^^^^^^^^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#
    ]]);
}

#[test]
fn an_environment_nested_without_end() {
    let nested = |depth| {
        let json = "[".repeat(depth);
        steps(&format!("when I start \"sleep 1\" as a background process as a, with environment {json}"))
    };
    nested(1_000).stderr(str![[r#"
error[bad-environment]: the environment is not JSON: recursion limit exceeded at line 1 column 128
 --> x.md:7:71
  |
7 | ...nt [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^...^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#]]);
    nested(100_000).stderr(str![[r#"
error[step-too-long]: this step has 100070 bytes; 65536 are allowed
 --> x.md:7:1
  |
7 | when I start "sleep 1" as a background process as a, with environment [[[[[[[[[[[[[[[[[[[[[[[...
  | ^
  |
  = help: put the text into an embedded file

1 error

"#]]);
}

#[test]
fn ports_that_are_none() {
    let ports = ["0", "65536", "4294975376", "-1", "80a", "0x50", "${web"];
    let lines = ports.map(|port| format!("when I try to start \"sleep 1\" as a, on port {port}"));
    steps(&lines.join("\n")).stderr(str![[r#"
error[bad-port]: 0 is not a port
 --> x.md:7:45
  |
7 | when I try to start "sleep 1" as a, on port 0
  |                                             ^
  |
  = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 65536 is not a port
 --> x.md:8:45
  |
8 | when I try to start "sleep 1" as a, on port 65536
  |                                             ^^^^^
  |
  = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 4294975376 is not a port
 --> x.md:9:45
  |
9 | when I try to start "sleep 1" as a, on port 4294975376
  |                                             ^^^^^^^^^^
  |
  = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: -1 is not a port
  --> x.md:10:45
   |
10 | when I try to start "sleep 1" as a, on port -1
   |                                             ^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 80a is not a port
  --> x.md:11:45
   |
11 | when I try to start "sleep 1" as a, on port 80a
   |                                             ^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 0x50 is not a port
  --> x.md:12:45
   |
12 | when I try to start "sleep 1" as a, on port 0x50
   |                                             ^^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: ${web is not a port
  --> x.md:13:45
   |
13 | when I try to start "sleep 1" as a, on port ${web
   |                                             ^^^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

7 errors

"#]]);
}

#[test]
fn programs_that_are_not_there() {
    steps("when I start \"pyhton3 x.py\" as a background process as a").stderr(str![[r#"
error[program-not-found]: program not found: pyhton3
 --> x.md:7:15
  |
7 | when I start "pyhton3 x.py" as a background process as a
  |               ^^^^^^^ not on the PATH
  |
  = help: did you mean `python3`?

1 error

"#]]);
    steps("when I start \"./nosuch\" as a background process as b, on port 8080").stderr(str![[r#"
error[program-not-found]: program not found: ./nosuch
 --> x.md:7:15
  |
7 | when I start "./nosuch" as a background process as b, on port 8080
  |               ^^^^^^^^ no step before makes this file
  |
  = help: embed it in the document, and write `given executable file nosuch` before this step

1 error

"#]]);
    steps("when I start \"/nosuch/program\" as a background process as c").stderr(str![[r#"
error[program-not-found]: program not found: /nosuch/program
 --> x.md:7:15
  |
7 | when I start "/nosuch/program" as a background process as c
  |               ^^^^^^^^^^^^^^^

1 error

"#]]);
    steps("when I run nosuch-program").stderr(str![[r#"
error[program-not-found]: program not found: nosuch-program
 --> x.md:7:12
  |
7 | when I run nosuch-program
  |            ^^^^^^^^^^^^^^ not on the PATH
  |
  = help: install it, or put its directory on the PATH before greenroom is started

1 error

"#]]);
}

#[test]
fn all_programs_that_are_not_there_are_told() {
    let lines = [
        "when I run nosuch-program",
        "then stdout contains \"x\"",
        "when I start \"./nosuch\" as a background process as b",
        "when I run pyhton3 x.py",
        "when I run nosuch-program again",
        "when I run true",
        "when I run ./made-by-the-one-before",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[program-not-found]: program not found: nosuch-program
 --> x.md:7:12
  |
7 | when I run nosuch-program
  |            ^^^^^^^^^^^^^^ not on the PATH
  |
  = help: install it, or put its directory on the PATH before greenroom is started

error[program-not-found]: program not found: ./nosuch
 --> x.md:9:15
  |
9 | when I start "./nosuch" as a background process as b
  |               ^^^^^^^^ no step before makes this file
  |
  = help: embed it in the document, and write `given executable file nosuch` before this step

error[program-not-found]: program not found: pyhton3
  --> x.md:10:12
   |
10 | when I run pyhton3 x.py
   |            ^^^^^^^ not on the PATH
   |
   = help: did you mean `python3`?

3 errors

"#]]);
}

#[test]
fn a_quoted_program_that_is_not_there() {
    steps("when I run \"my prog\" x").stderr(str![[r#"
error[program-not-found]: program not found: my prog
 --> x.md:7:12
  |
7 | when I run "my prog" x
  |            ^^^^^^^^^ not on the PATH
  |
  = help: install it, or put its directory on the PATH before greenroom is started

1 error

"#]]);
    steps("when I run \"my prog\"  x").stderr(str![[r#"
error[program-not-found]: program not found: my prog
 --> x.md:7:12
  |
7 | when I run "my prog"  x
  |            ^^^ not on the PATH
  |
  = help: install it, or put its directory on the PATH before greenroom is started

1 error

"#]]);
}

#[test]
fn words_of_the_shell_instead_of_programs() {
    steps("when I run cd /tmp && ls -l").stderr(str![[r#"
error[program-not-found]: program not found: cd
 --> x.md:7:12
  |
7 | when I run cd /tmp && ls -l
  |            ^^ not on the PATH
  |
  = help: `cd` is a word of the shell: write `sh -c "cd /tmp && ls -l"`, or `I run, in DIRECTORY, ...`

1 error

"#]]);
    steps("when I run export A=\"b c\"").stderr(str![[r#"
error[program-not-found]: program not found: export
 --> x.md:7:12
  |
7 | when I run export A="b c"
  |            ^^^^^^ not on the PATH
  |
  = help: `export` is a word of the shell: write `given the environment variable NAME=VALUE` before this step, or `sh -c 'export A="b c"'`

1 error

"#]]);
    steps("when I run source ./x.sh").stderr(str![[r#"
error[program-not-found]: program not found: source
 --> x.md:7:12
  |
7 | when I run source ./x.sh
  |            ^^^^^^ not on the PATH
  |
  = help: `source` is a word of the shell: write `sh -c "source ./x.sh"`

1 error

"#]]);
    steps("when I run A=/b/c true").stderr(str![[r#"
error[program-not-found]: program not found: A=/b/c
 --> x.md:7:12
  |
7 | when I run A=/b/c true
  |            ^^^^^^
  |
  = help: write `given the environment variable A=/b/c` before this step, or `env` in front of `A=/b/c`

1 error

"#]]);
    steps("when I run $HOME/x 'y'").stderr(str![[r#"
error[program-not-found]: program not found: $HOME/x
 --> x.md:7:12
  |
7 | when I run $HOME/x 'y'
  |            ^^^^^^^
  |
  = help: variables are not replaced, since no shell runs this: write `sh -c "$HOME/x 'y'"`

1 error

"#]]);
    steps("when I start \"ulimit -n 5\" as a background process as a").stderr(str![[r#"
error[program-not-found]: program not found: ulimit
 --> x.md:7:15
  |
7 | when I start "ulimit -n 5" as a background process as a
  |               ^^^^^^ not on the PATH
  |
  = help: `ulimit` is a word of the shell: write `sh -c 'ulimit ...'`

1 error

"#]]);
}

#[test]
fn what_only_a_shell_understands() {
    let lines =
        ["when I run echo hi | grep ho", "when I try to run, in ., echo \"a b\"; ls", "then I can run echo a  b > c"];
    let project = Project::new().file("x.md", scenario(&lines.join("\n")));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[no-shell]: `|` is passed to echo as it stands: no shell runs this command
 --> x.md:7:20
  |
7 | when I run echo hi | grep ho
  |                    ^
  |
  = help: if a shell should run it, write `sh -c "echo hi | grep ho"`; if it is meant as it stands, put it between quotes

warning[no-shell]: `"a b";` is passed to echo as it stands: no shell runs this command
 --> x.md:8:31
  |
8 | when I try to run, in ., echo "a b"; ls
  |                               ^^^^^^
  |
  = help: if a shell should run it, write `sh -c 'echo "a b"; ls'`; if it is meant as it stands, put it between quotes

warning[no-shell]: `>` is passed to echo as it stands: no shell runs this command
 --> x.md:9:20
  |
9 | then I can run echo a  b > c
  |                    ^^^^^^^^^
  |
  = help: if a shell should run it, write `sh -c "echo a b > c"`; if it is meant as it stands, put it between quotes

3 warnings

"#]]);
    project.run(["run", "-q", "x.md"]).code(0);
    fine(scenario("when I run echo 'a | b' \\; \">\" *.txt\nwhen I run find . -exec true {} ;"));
}

#[test]
fn daemon_names_that_are_none() {
    let names = ["../x", "a/b", ".", ".hidden"];
    steps(&names.map(|name| format!("when I start \"sleep 1\" as a background process as {name}")).join("\n")).stderr(
        str![[r#"
error[bad-daemon-name]: `../x` cannot be a daemon's name
 --> x.md:7:51
  |
7 | when I start "sleep 1" as a background process as ../x
  |                                                   ^^^^
  |
  = help: a daemon's name is the name of its output files: use letters, digits, `-`, `_` and `.`

error[bad-daemon-name]: `a/b` cannot be a daemon's name
 --> x.md:8:51
  |
8 | when I start "sleep 1" as a background process as a/b
  |                                                   ^^^
  |
  = help: a daemon's name is the name of its output files: use letters, digits, `-`, `_` and `.`

error[bad-daemon-name]: `.` cannot be a daemon's name
 --> x.md:9:51
  |
9 | when I start "sleep 1" as a background process as .
  |                                                   ^
  |
  = help: a daemon's name is the name of its output files: use letters, digits, `-`, `_` and `.`

error[bad-daemon-name]: `.hidden` cannot be a daemon's name
  --> x.md:10:51
   |
10 | when I start "sleep 1" as a background process as .hidden
   |                                                   ^^^^^^^
   |
   = help: a daemon's name is the name of its output files: use letters, digits, `-`, `_` and `.`

4 errors

"#]],
    );
}

#[test]
fn an_unfinished_quote() {
    steps(r#"when I start "sh -c 'echo hello" as a background process as a"#).stderr(str![[r#"
error[bad-command]: a single quote is not closed in sh -c 'echo hello
 --> x.md:7:17
  |
7 | when I start "sh -c 'echo hello" as a background process as a
  |                 ^^^^^^^^^^^^^^^
  |
  = help: quotes and backslashes have the meaning they have in a shell; put a backslash before one that stands for itself

1 error

"#]]);
}

#[test]
fn a_daemon_without_a_program() {
    steps(r#"when I start "" as a background process as a"#).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start "" as a background process as a
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: `when I start "{path:word}{args:text}" as a background process as {name:word}` (built-in lib/daemon.yaml:16) matches but for `path`
  = help: `path` must be one word (word), not ``

1 error

"#]]);
}

#[test]
fn limits_that_make_no_sense() {
    let lines = [
        "when I wait for file f to exist, for at most 0 seconds",
        "when I wait for file f to exist, for at most 1e9 seconds",
        "when I wait for file f to exist, for at most -1 seconds",
        "when I stop background process a, within 0 seconds",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[bad-limit]: a limit of 0 seconds makes no sense
 --> x.md:7:46
  |
7 | when I wait for file f to exist, for at most 0 seconds
  |                                              ^
  |
  = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[unknown-step]: no binding matches this step
 --> x.md:8:1
  |
8 | when I wait for file f to exist, for at most 1e9 seconds
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: `when I wait for file {file:path} to exist, for at most {limit:number} seconds` (built-in lib/daemon.yaml:158) matches but for `limit`
  = help: `limit` must be a number (number), not `1e9`

error[bad-limit]: a limit of -1 seconds makes no sense
 --> x.md:9:46
  |
9 | when I wait for file f to exist, for at most -1 seconds
  |                                              ^^
  |
  = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[bad-limit]: a limit of 0 seconds makes no sense
  --> x.md:10:42
   |
10 | when I stop background process a, within 0 seconds
   |                                          ^
   |
   = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

4 errors

"#]]);
}

#[test]
fn signals_statuses_and_urls_that_are_none() {
    let lines = [
        "when I send signal SIGTREM to daemon a",
        "then daemon a has ended by signal 99",
        "then daemon a has ended with exit status 256",
        "when I wait for https://localhost/ to answer with status 200",
        "when I wait for http://localhost/ to answer with status 20",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[unknown-signal]: there is no signal SIGTREM
 --> x.md:7:20
  |
7 | when I send signal SIGTREM to daemon a
  |                    ^^^^^^^
  |
  = help: did you mean TERM?

error[unknown-signal]: there is no signal 99
 --> x.md:8:35
  |
8 | then daemon a has ended by signal 99
  |                                   ^^
  |
  = help: known are HUP, INT, QUIT, ILL, TRAP, ABRT, BUS, FPE, KILL, USR1, SEGV, USR2, PIPE, ALRM, TERM, CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, XCPU, XFSZ, VTALRM, PROF, WINCH, IO, PWR, SYS, and numbers from 1 to 64

error[bad-status]: 256 is not an exit status
 --> x.md:9:42
  |
9 | then daemon a has ended with exit status 256
  |                                          ^^^
  |
  = help: it is a number from 0 to 255

error[bad-url]: https://localhost/ is not an http URL
  --> x.md:10:17
   |
10 | when I wait for https://localhost/ to answer with status 200
   |                 ^^^^^^^^^^^^^^^^^^
   |
   = help: write it with its scheme, such as http://127.0.0.1:8080/health; https is not supported

error[bad-status]: 20 is not an HTTP status
  --> x.md:11:57
   |
11 | when I wait for http://localhost/ to answer with status 20
   |                                                         ^^
   |
   = help: such as 200 or 404

5 errors

"#]]);
}

// ---- Metadata and bindings ----

#[test]
fn bad_yaml() {
    text("---\ntitle: Trial\nbindings: [lib/runcmd.yaml\n...\n# S\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![
        [r#"
error[bad-yaml]: not valid YAML: unclosed bracket '['
 --> x.md:3:11
  |
3 | bindings: [lib/runcmd.yaml
  |           ^

1 error

"#]
    ]);
}

#[test]
fn an_unknown_key() {
    text(scenario("when I run true").replace("bindings:", "bindigns:")).stderr(str![[r#"
error[unknown-key]: there is no metadata key `bindigns`
 --> x.md:3:1
  |
3 | bindigns: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]
  | ^^^^^^^^
  |
  = help: did you mean `bindings`?

error[no-bindings]: there are steps, but the document names no bindings for them
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
  |
  = help: add `bindings:` to the metadata, with a list of files such as `lib/runcmd.yaml`

2 errors

"#]]);
}

#[test]
fn a_key_twice() {
    text(scenario("when I run true").replace("title: Trial\n", "title: Trial\ntitle: Again\n")).stderr(str![[r#"
error[duplicate-key]: `title` is given twice
 --> x.md:3:1
  |
2 | title: Trial
  | ----- first here
3 | title: Again
  | ^^^^^ again here
  |
  = help: keep one of them

1 error

"#]]);
}

#[test]
fn a_timeout_that_is_none() {
    text(scenario("when I run true").replace("bindings:", "step_timeout: soon\nscenario_timeout: 0\nbindings:"))
        .stderr(str![[r#"
error[bad-metadata]: `step_timeout`: `soon` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`
 --> x.md:3:15
  |
3 | step_timeout: soon
  |               ^^^^

error[bad-metadata]: `scenario_timeout`: `0` is no time at all: write more than zero
 --> x.md:4:19
  |
4 | scenario_timeout: 0
  |                   ^

2 errors

"#]]);
}

#[test]
fn no_metadata() {
    text("# S\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![[r#"
error[no-metadata]: this document has scenarios, but no metadata that says how to run them
 --> x.md:2:1
  |
2 | ~~~scenario
  | ^^^^^^^^^^^
  |
  = help: put lines such as these at the very beginning:
  = help:     ---
  = help:     title: S
  = help:     bindings:
  = help:     - lib/runcmd.yaml
  = help:     - lib/files.yaml
  = help:     ---

1 error

"#]]);
}

#[test]
fn metadata_that_is_never_closed() {
    text("---\ntitle: Trial\nbindings: [lib/runcmd.yaml]\n\n# S\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![[
        r#"
error[unclosed-metadata]: the metadata that begins here has no end
 --> x.md:1:1
  |
1 | ---
  | ^^^
  |
  = help: put a line `---` or `...` behind it, before `# S`

1 error

"#
    ]]);
}

#[test]
fn metadata_that_is_closed_by_a_rule_further_down() {
    let scenario = "# S\n~~~scenario\nwhen I run true\n~~~\n";
    text(format!("---\ntitle: Trial\nbindings:\n- lib/runcmd.yaml\n{scenario}\n---\n\n# More\n")).stderr(str![[r#"
error[unclosed-metadata]: the metadata that begins here has no end
 --> x.md:1:1
  |
1 | ---
  | ^^^
  |
  = help: put a line `---` or `...` behind it, before `# S`

1 error

"#]]);
    text("---\ntitle: Trial\n").stderr(str![[r#"
error[unclosed-metadata]: the metadata that begins here has no end
 --> x.md:1:1
  |
1 | ---
  | ^^^
  |
  = help: put a line `---` or `...` behind it

1 error

"#]]);
    fine(document(scenario).replace("bindings:", "\n# Libraries\nbindings:")).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

#[test]
fn an_empty_document() {
    text("").stderr(str![[r#"
error[no-scenario]: there is no scenario in x.md
 --> x.md:1:1
  |
1 |
  | ^
  |
  = help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

1 error

"#]]);
}

#[test]
fn a_document_without_scenarios() {
    text(document("# S\nOnly prose.\n")).stderr(str![[r#"
error[no-scenario]: there is no scenario in x.md
 --> x.md:1:1
  |
1 | ---
  | ^
  |
  = help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

1 error

"#]]);
}

#[test]
fn a_scenario_without_a_heading() {
    text(document("~~~scenario\nwhen I run true\n~~~\n")).stderr(str![[r#"
error[no-heading]: this scenario stands under no heading
 --> x.md:5:1
  |
5 | ~~~scenario
  | ^^^^^^^^^^^
  |
  = help: write a heading above it; it gives the scenario its name

1 error

"#]]);
}

#[test]
fn an_empty_scenario() {
    text(document("# S\n~~~scenario\n~~~\n")).stderr(str![[r#"
error[no-scenario]: there is no scenario in x.md
 --> x.md:1:1
  |
1 | ---
  | ^
  |
  = help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

warning[empty-scenario]: there are no steps in this scenario block
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^

1 error, 1 warning

"#]]);
}

#[test]
fn two_scenarios_of_one_title() {
    let one = "# Same\n~~~scenario\nwhen I run true\n~~~\n";
    text(document(&format!("{one}# Other\nProse.\n{one}"))).stderr(str![[r#"
error[duplicate-scenario]: there are two scenarios called `Same`
  --> x.md:11:1
   |
 5 | # Same
   | ------ first
...
11 | # Same
   | ^^^^^^ second
   |
   = help: give each its own heading; upper and lower case make no difference

1 error

"#]]);
}

#[test]
fn a_misspelt_class() {
    text(document("# S\n~~~scenaro\nwhen I run true\n~~~\n")).stderr(str![[r#"
error[no-scenario]: there is no scenario in x.md
 --> x.md:1:1
  |
1 | ---
  | ^
  |
  = help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

warning[unknown-class]: a block of class `scenaro` is no scenario and will not run
 --> x.md:6:1
  |
6 | ~~~scenaro
  | ^^^^^^^^^^
  |
  = help: did you mean `scenario`?

1 error, 1 warning

"#]]);
}

#[test]
fn bindings_that_are_not_there() {
    text(scenario("when I run true").replace("lib/daemon.yaml", "lib/deamon.yaml, own.yaml")).stderr(str![[r#"
error[not-found]: no bindings file lib/deamon.yaml
 --> x.md:3:12
  |
3 | bindings: [lib/deamon.yaml, own.yaml, lib/files.yaml, lib/runcmd.yaml]
  |            ^^^^^^^^^^^^^^^
  |
  = note: it is neither beside the document nor built in
  = help: did you mean `lib/daemon.yaml`?

error[not-found]: no bindings file own.yaml
 --> x.md:3:29
  |
3 | bindings: [lib/deamon.yaml, own.yaml, lib/files.yaml, lib/runcmd.yaml]
  |                             ^^^^^^^^
  |
  = note: it is neither beside the document nor built in
  = help: these are built in: lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml, lib/datadir.yaml

2 errors

"#]]);
}

#[test]
fn bindings_that_nothing_implements() {
    Project::new()
        .file(
            "own.yaml",
            "- when: I brew coffee\n  impl: {native: {function: brew}}\n\
             - when: I drink {what}\n  impl: {python: {function: drink}}\n",
        )
        .file(
            "x.md",
            document("# S\n~~~scenario\nwhen I brew coffee\nwhen I drink tea\n~~~\n")
                .replace("lib/daemon.yaml", "own.yaml"),
        )
        .refused(["run", "x.md"])
        .stderr(str![[r#"
error[cannot-run]: greenroom cannot carry out `when I brew coffee`
 --> x.md:7:1
  |
7 | when I brew coffee
  | ^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:9
  |
1 | - when: I brew coffee
  |         ------------- bound here
  |
  = note: it is bound to the native function `brew`, which greenroom does not have
  = help: `greenroom steps` shows the functions that there are

error[unknown-function]: no Python file defines a function `drink`
 --> x.md:8:1
  |
8 | when I drink tea
  | ^^^^^^^^^^^^^^^^ this step needs it
  |
 ::: own.yaml:3:9
  |
3 | - when: I drink {what}
  |         -------------- bound here
  |
  = help: list the file that has it under `python:` in `impls` of the document

2 errors

"#]]);
}

#[test]
fn a_misspelt_language() {
    let bindings = "- when: I brew coffee\n  impl: {pyton: {function: brew}}\n";
    let document = document("# S\n~~~scenario\nwhen I brew coffee\n~~~\n").replace("lib/daemon.yaml", "own.yaml");
    Project::new().file("own.yaml", bindings).file("x.md", document).refused(["run", "x.md"]).stderr(str![[r#"
error[cannot-run]: greenroom cannot carry out `when I brew coffee`
 --> x.md:7:1
  |
7 | when I brew coffee
  | ^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:9
  |
1 | - when: I brew coffee
  |         ------------- bound here
  |
  = note: it is bound to the pyton function `brew`, which greenroom does not have
  = help: did you mean `python`?

1 error

"#]]);
}

#[test]
fn bindings_that_are_not_quite_yaml() {
    let read = |bindings: &str| {
        let document = document("# S\n~~~scenario\nwhen I run true\n~~~\n").replace("lib/daemon.yaml", "own.yaml");
        Project::new().file("own.yaml", bindings).file("x.md", document).refused(["run", "x.md"])
    };
    read("- when: {name} is foo\n  impl: {python: {function: f}}\n").stderr(str![[r#"
error[bad-yaml]: not valid YAML: while parsing a block mapping, did not find expected key
 --> own.yaml:1:16
  |
1 | - when: {name} is foo
  |                ^
  |
  = help: put the text into quotes, since it begins with a brace

1 error

"#]]);
    read("- when: {name} is {what}\n  impl: {python: {function: f}}\n").stderr(str![[r#"
error[bad-yaml]: not valid YAML: while parsing a block mapping, did not find expected key
 --> own.yaml:1:16
  |
1 | - when: {name} is {what}
  |                ^
  |
  = help: put the text into quotes, since it begins with a brace

1 error

"#]]);
    read("- when: \"{name}\" is foo\n").stderr(str![[r#"
error[bad-yaml]: not valid YAML: invalid trailing content after double-quoted scalar
 --> own.yaml:1:18
  |
1 | - when: "{name}" is foo
  |                  ^

1 error

"#]]);
    read("- when: I brew\n  impl: python: {function: f}\n").stderr(str![[r#"
error[bad-yaml]: not valid YAML: mapping values are not allowed in this context
 --> own.yaml:2:15
  |
2 |   impl: python: {function: f}
  |               ^
  |
  = help: write `impl: {python: {function: f}}`

1 error

"#]]);
    read("- when: I brew: coffee\n  impl: {python: {function: f}}\n").stderr(str![[r#"
error[bad-yaml]: not valid YAML: mapping values are not allowed in this context
 --> own.yaml:1:15
  |
1 | - when: I brew: coffee
  |               ^
  |
  = help: put the text into quotes: a colon and a blank in it begin a mapping

1 error

"#]]);
    read("- when: I brew\n  impl: {python: {function: f}\n").stderr(str![[r#"
error[bad-yaml]: not valid YAML: unclosed bracket '{'
 --> own.yaml:2:9
  |
2 |   impl: {python: {function: f}
  |         ^

1 error

"#]]);
}

#[test]
fn a_yaml_bomb() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "));
    }
    text(format!("---\ntitle: Trial\n{bomb}...\n# S\n")).stderr(str![[r#"
error[bad-yaml]: not valid YAML: YAML document too large or too complex: total_replayed_events=20001 > 20000
 --> x.md:7:15
  |
7 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
  |               ^^^

1 error

"#]]);
}

#[test]
fn yaml_nested_without_end() {
    let ran = text(format!("---\ntitle: {}\n...\n# S\n", "[".repeat(100_000)));
    assert!(ran.stderr.starts_with("error[bad-yaml]: "), "{}", &ran.stderr[..500]);
    assert!(ran.stderr.len() < 5_000, "{} bytes of complaint", ran.stderr.len());
}

#[test]
fn markdown_nested_without_end() {
    let quotes = ">".repeat(100_000);
    let lists: String = (0..2_000).map(|depth| format!("{}- x\n", " ".repeat(depth * 2))).collect();
    fine(scenario("when I run true") + &quotes + "\n\n" + &lists).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

// ---- Files ----

#[test]
fn a_document_that_is_not_there() {
    Project::new().file("daemon.md", "").refused(["run", "deamon.md", "no/such/directory.md"]).stderr(str![[r#"
error[not-found]: no document deamon.md

error[not-found]: no document no/such/directory.md

2 errors

"#]]);
}

#[test]
fn a_document_that_is_not_utf8() {
    text([scenario("when I run echo h").as_bytes(), b"caf\xe9\n"].concat()).stderr(str![[r#"
error[not-utf8]: x.md is not UTF-8: byte 0xe9 at offset 134, in line 9
 |
 = help: save it as UTF-8

1 error

"#]]);
}

#[test]
fn an_embedded_file_that_is_not_utf8() {
    text(scenario("given file f").into_bytes().into_iter().chain(*b"~~~{#f .file}\n\xff\n~~~\n").collect::<Vec<_>>())
        .stderr(str![[r#"
error[not-utf8]: x.md is not UTF-8: byte 0xff at offset 140, in line 10
 |
 = help: save it as UTF-8

1 error

"#]]);
}

#[test]
fn a_directory() {
    Project::new().directory("docs").refused(["run", "docs"]).stderr(str![[r#"
error[not-a-file]: docs is a directory

1 error

"#]]);
}

#[test]
fn what_is_no_plain_file() {
    Project::new().fifo("pipe.md").refused(["run", "pipe.md", "/dev/zero", "/dev/null"]).stderr(str![[r#"
error[not-a-file]: pipe.md is not a plain file

error[not-a-file]: /dev/zero is not a plain file

error[not-a-file]: /dev/null is not a plain file

3 errors

"#]]);
}

#[test]
fn links_in_a_circle() {
    Project::new().link("l.md", "l.md").refused(["run", "l.md"]).stderr(str![[r#"
error[unreadable]: cannot read l.md: Too many levels of symbolic links (os error 40)

1 error

"#]]);
}

#[test]
fn a_document_that_may_not_be_read() {
    let project = Project::new().file("x.md", scenario("when I run true")).mode("x.md", 0o000);
    let Some(project) = project.by_user(4321) else { return };
    project.refused(["run", "x.md"]).stderr(str![[r#"
error[unreadable]: cannot read x.md: Permission denied (os error 13)

1 error

"#]]);
}

#[test]
fn a_document_twice() {
    let project = Project::new().file("x.md", scenario("when I run true")).link("y.md", "x.md");
    project
        .run(["check", "x.md", "./x.md"])
        .stdout(str![[r#"
1 scenario with 1 step: OK

"#]])
        .stderr(str![]);
    project
        .run(["check", "x.md", "y.md"])
        .stdout(str![[r#"
1 scenario with 1 step: OK

"#]])
        .stderr(str![]);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    fine("\u{feff}".to_owned() + &scenario("when I run true")).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

#[test]
fn lines_may_end_as_on_windows() {
    fine(scenario("when I run true\nthen command is successful").replace('\n', "\r\n")).stdout(str![[r#"
1 scenario with 2 steps: OK

"#]]);
}

#[test]
fn mistakes_in_lines_that_end_as_on_windows_are_shown_where_they_are() {
    text(scenario("when I run true\nthen it rains").replace('\n', "\r\n")).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:8:1
  |
8 | then it rains
  | ^^^^^^^^^^^^^
  |
  = help: write a binding for it, or reword it so that it fits one

1 error

"#]]);
}

#[test]
fn the_last_line_need_not_end() {
    fine(scenario("when I run true").trim_end()).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
    fine(format!("# S\n~~~scenario\nwhen I run true\n~~~\n\n{}", HEAD.trim_end())).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

#[test]
fn a_nul() {
    let project = Project::new();
    let ran = project.file("x.md", scenario("when I run echo \0")).run(["run", "x.md"]);
    assert_ne!(ran.status.code(), Some(0), "{}", ran.stdout);
}

#[test]
fn check_says_the_same_as_run() {
    let project = Project::new().file("x.md", scenario("when I brew coffee"));
    let (run, check) = (project.refused(["run", "x.md"]), project.refused(["check", "x.md"]));
    assert_eq!(run.stderr, check.stderr);
    assert_eq!(project.refused(["list", "x.md"]).stderr, run.stderr);
}
