//! Step functions in Rust, and the test harness: `examples/steps.rs` is the test program, each test gives it
//! a document of its own.

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project};

const HEAD: &str = "---\ntitle: X\nbindings: [lib/files.yaml, lib/daemon.yaml]\nstep_timeout: 2s\n---\n";

/// Returns a project whose document has these scenarios, and which the test program tests.
fn project(text: &str) -> Option<Project> {
    Project::sealed().map(|project| project.file("x.md", format!("{HEAD}{text}")).of_test_program())
}

/// Returns a document with a scenario for each list of steps.
fn scenarios(all: &[(&str, &str)]) -> String {
    all.iter().map(|(title, steps)| format!("# {title}\n~~~scenario\n{steps}\n~~~\n")).collect()
}

#[test]
fn functions_get_their_captures_and_what_the_scenario_keeps() {
    let Some(project) = project(&format!(
        "{}~~~{{#greeting.txt .file}}\nhello\n~~~\n",
        scenarios(&[
            ("Sold", "given a shop that sells tea\nwhen 2 pieces of tea are sold\nthen 2 pieces are sold"),
            ("Painted", "when I paint it red for 3 days\nand I paint it green"),
            ("Files", "given file greeting.txt\nthen file greeting.txt holds embedded greeting.txt"),
            ("Directories", "when I go to sub\nand I write x where I am\nthen file x exists"),
            ("Processes", "when Rust runs pwd\nand Rust starts sleep 1000 as nap\nthen daemon nap is running"),
            ("Outputs", "when Rust runs echo hello\nthen Rust sees hello in the output"),
            ("Leaves", "when it leaves a thread and a child"),
        ])
    )) else {
        return;
    };
    project.run::<&str>([]).code(0).stderr("");
    project.nothing_is_left();
}

#[test]
fn a_function_of_a_bindings_file_is_found_by_its_name() {
    let Some(project) = Project::sealed() else { return };
    let text = "---\ntitle: X\nbindings: [own.yaml, lib/files.yaml]\nimpls: {rust: [x.rs]}\n---\n\
                # One\n~~~scenario\ngiven a person called Anna\nwhen I write \"${greeting}\" to file x\n\
                then file x contains \"hello Anna\"\n~~~\n";
    let bindings = "- given: a person called {name}\n  impl: {rust: {function: by_binding}}\n";
    let project = project_of(project, text, bindings);
    project.run::<&str>([]).code(0).stderr("");
    // With its module, as other test programs need it.
    let project = project.file("own.yaml", bindings.replace("by_binding", "people::by_binding"));
    project.run::<&str>([]).code(0).stderr("");
    let more = "- given: a person of {age}\n  impl: {rust: {function: by_binding}}\n";
    let steps = "a person called Anna\nand a person of 30";
    let project = project.file("x.md", text.replace("a person called Anna", steps));
    project.file("own.yaml", format!("{bindings}{more}")).run::<&str>([]).code(101).stderr(str![[r#"
error[bad-capture]: the function `by_binding` (crates/greenroom/examples/steps.rs:94) has a parameter `name`, but the binding of this step has no such capture
 --> x.md:9:1
  |
9 | and a person of 30
  | ^^^^^^^^^^^^^^^^^^
  |
  = help: give the binding a capture of this name, or remove the parameter

error[bad-capture]: the binding of this step has a capture `age`, but the function `by_binding` (crates/greenroom/examples/steps.rs:94) has no parameter for it
 --> x.md:9:17
  |
9 | and a person of 30
  |                 ^^
  |
  = help: add `age: &str`, or `_age: &str` if it does not need it, or correct the binding

2 errors

"#]]);
    let Some(project) = Project::sealed() else { return };
    let project = project_of(project, text, &bindings.replace("by_binding", "by_bindings"));
    project.run::<&str>([]).code(101).stderr(str![[r#"
error[cannot-run]: there is no step function `by_bindings` in Rust
 --> x.md:8:1
  |
8 | given a person called Anna
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:10
  |
1 | - given: a person called {name}
  |          ---------------------- bound here
  |
  = help: did you mean `by_binding`?

1 error

"#]]);
    let project = project.file("x.rs", "#[step]\nfn by_bindings(name: &str) {}\n");
    project.run::<&str>([]).code(101).stderr(str![[r#"
error[cannot-run]: there is no step function `by_bindings` in Rust
 --> x.md:8:1
  |
8 | given a person called Anna
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:10
  |
1 | - given: a person called {name}
  |          ---------------------- bound here
  |
  = help: x.rs has it: make this file a module of the test, by `#[path = "..."] mod x;`, and give the function the attribute `#[step]`

1 error

"#]]);
}

fn project_of(project: Project, text: &str, bindings: &str) -> Project {
    project.file("x.md", text).file("own.yaml", bindings).file("x.rs", "").of_test_program()
}

#[test]
fn failures_show_causes_differences_and_panics_of_other_threads() {
    let Some(project) = project(&scenarios(&[
        ("Cause", "when the menu is read"),
        ("Difference", "then all rows are equal"),
        ("Thread", "when a thread without a name panics"),
    ])) else {
        return;
    };
    project.run(["-j1"]).code(101).stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

FAIL [TIME]  Cause
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when the menu is read

  cannot read the menu: No such file or directory (os error 2)
  note: returned by the step function `read_menu` (crates/greenroom/examples/steps.rs:310)

  rerun: cargo test --test steps -- --exact Cause

FAIL [TIME]  Difference
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  then all rows are equal

  assertion `left == right` failed
    left: ["0: tea", "1: tea", "2: tea", "3: tea", "4: tea", "5: tea", "6: tea", "7: tea", "8: tea", "9: tea", "10: tea", "11: tea", "12: coffee", "13: tea", "14: tea", "15: tea", "16: tea", "17: tea", "18: tea", "19: tea"]
   right: ["0: tea", "1: tea", "2: tea", "3: tea", "4: tea", "5: tea", "6: tea", "7: tea", "8: tea", "9: tea", "10: tea", "11: tea", "12: cocoa", "13: tea", "14: tea", "15: tea", "16: tea", "17: tea", "18: tea", "19: tea"]
  note: left differs at character 131:  … "10: tea", "11: tea", "12: coffee", "13: tea", "14: tea", "15: tea", "16: tea",…
  note: right differs at character 131: … "10: tea", "11: tea", "12: cocoa", "13: tea", "14: tea", "15: tea", "16: tea", …
  note: the step function `rows` panicked at crates/greenroom/examples/steps.rs:317:5

  rerun: cargo test --test steps -- --exact Difference

FAIL [TIME]  Thread
  in x.md:16, scenario at x.md:14

    FAILED [TIME]  when a thread without a name panics

  the thread has ended badly
  note: the step function `unnamed_thread` panicked at crates/greenroom/examples/steps.rs:291:5
  output of the Rust function:
    │ thread '<unnamed>' panicked at crates/greenroom/examples/steps.rs:291:35:
    │ lost the key

  rerun: cargo test --test steps -- --exact Thread

FAILED: 3 of 3 scenarios failed, [TIME]
  failed  x.md:6   Cause
  failed  x.md:10  Difference
  failed  x.md:14  Thread

"#]]);
}

#[test]
fn failures_of_functions_explain_themselves() {
    let Some(project) = project(&scenarios(&[
        ("Boxed", "when it fails with a boxed error"),
        ("Failure", "when it fails with a failure"),
        ("Panic", "given a shop that sells tea\nwhen it panics"),
        ("Assertion", "given a shop that sells tea\nwhen 3 pieces of tea are sold\nthen 4 pieces are sold"),
        ("Twice", "when a value is asked for twice"),
        ("Thread", "when a thread of it panics\nand it panics"),
        ("Difference", "when it compares in colours"),
        ("Kept", "given the kept load is nothing\nwhen it carries ${load}, worth 3.50$ (net)"),
        ("Kept panic", "given the kept load is stones\nwhen it carries ${load}, worth 3.50$ (net)"),
    ])) else {
        return;
    };
    project
        .run(["-j1"])
        .code(101)
        .stdout(str![[r#"
greenroom [VERSION]: 9 scenarios in x.md, one at a time

FAIL [TIME]  Boxed
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when it fails with a boxed error

  invalid digit found in string
  note: returned by the step function `boxed` (crates/greenroom/examples/steps.rs:129)

  rerun: cargo test --test steps -- --exact Boxed

FAIL [TIME]  Failure
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  when it fails with a failure

  no tea is left
  note: since noon
  note: returned by the step function `failure` (crates/greenroom/examples/steps.rs:136)
  help: buy some

  rerun: cargo test --test steps -- --exact Failure

FAIL [TIME]  Panic
  in x.md:17, scenario at x.md:14

    ok [TIME]  given a shop that sells tea
    FAILED [TIME]  when it panics

  out of tea
  note: the step function `panics` panicked at crates/greenroom/examples/steps.rs:143:5
  output of the Rust function:
    │ before the panic

  rerun: cargo test --test steps -- --exact Panic

FAIL [TIME]  Assertion
  in x.md:23, scenario at x.md:19

    ok [TIME]  given a shop that sells tea
    ok [TIME]  when 3 pieces of tea are sold
    FAILED [TIME]  then 4 pieces are sold

  assertion `left == right` failed: pieces sold
    left: 3
   right: 4
  note: the step function `sold` panicked at crates/greenroom/examples/steps.rs:85:5

  rerun: cargo test --test steps -- --exact Assertion

FAIL [TIME]  Twice
  in x.md:27, scenario at x.md:25

    FAILED [TIME]  when a value is asked for twice

  steps::Shop is a parameter of the step function that runs: use the parameter
  note: the step function `twice` panicked at crates/greenroom/examples/steps.rs:169:13

  rerun: cargo test --test steps -- --exact Twice

FAIL [TIME]  Thread
  in x.md:32, scenario at x.md:29

    ok [TIME]  when a thread of it panics
    FAILED [TIME]  and it panics

  out of tea
  note: the step function `panics` panicked at crates/greenroom/examples/steps.rs:143:5
  output of the Rust function:
    │ before the panic
  output of Rust functions before it:
    │ thread 'helper' panicked at crates/greenroom/examples/steps.rs:214:19:
    │ lost the key

  rerun: cargo test --test steps -- --exact Thread

FAIL [TIME]  Difference
  in x.md:36, scenario at x.md:34

    FAILED [TIME]  when it compares in colours

  Diff < left / > right :
   Tea {
  <    price: 3,
  >    price: 4,
   }
  note: the step function `compares` panicked at crates/greenroom/examples/steps.rs:148:5

  rerun: cargo test --test steps -- --exact Difference

FAIL [TIME]  Kept
  in x.md:41, scenario at x.md:38

    ok [TIME]  given the kept load is nothing
    FAILED [TIME]  when it carries ${load}, worth 3.50$ (net)

  thing is `nothing`, which is not a valid Fragile
  help: correct the step, or the type of the parameter `thing` of `carries` (crates/greenroom/examples/steps.rs:252)

  rerun: cargo test --test steps -- --exact Kept

FAIL [TIME]  Kept panic
  in x.md:46, scenario at x.md:43

    ok [TIME]  given the kept load is stones
    FAILED [TIME]  when it carries ${load}, worth 3.50$ (net)

  cannot handle stones
  note: the step function `carries` panicked at crates/greenroom/examples/steps.rs:246:18

  rerun: cargo test --test steps -- --exact 'Kept panic'

FAILED: 9 of 9 scenarios failed, [TIME]
  failed  x.md:6   Boxed
  failed  x.md:10  Failure
  failed  x.md:14  Panic
  failed  x.md:19  Assertion
  failed  x.md:25  Twice
  failed  x.md:29  Thread
  failed  x.md:34  Difference
  failed  x.md:38  Kept
  failed  x.md:43  Kept panic

"#]])
        .stderr("");
}

#[test]
fn functions_that_end_their_process_fail_their_scenario_alone() {
    let Some(project) = project(&scenarios(&[
        ("Abort", "given a shop that sells tea\nwhen it aborts"),
        ("Exit", "when it exits with 0"),
        ("Overflow", "when it overflows its stack"),
        ("Prints", "when it prints 100 MB"),
        ("Prints on", "when it prints without end"),
        ("Blocks", "given a shop that sells tea\nwhen it blocks for ever"),
        ("Fine", "given a shop that sells tea"),
    ])) else {
        return;
    };
    project.run(["-j1"]).code(101).stdout(str![[r#"
greenroom [VERSION]: 7 scenarios in x.md, one at a time

FAIL [TIME]  Abort
  in x.md:9, scenario at x.md:6

    ok [TIME]  given a shop that sells tea
    FAILED [TIME]  when it aborts

  the step function `aborts` (crates/greenroom/examples/steps.rs:173) ended the process that runs the steps: signal SIGABRT
  output of the Rust functions:
    │ before the abort

  rerun: cargo test --test steps -- --exact Abort

FAIL [TIME]  Exit
  in x.md:13, scenario at x.md:11

    FAILED [TIME]  when it exits with 0

  the step function `exits` (crates/greenroom/examples/steps.rs:180) ended the process that runs the steps: exit status 0
  output of the Rust functions:
    │ before the exit
  help: return an error from the function instead

  rerun: cargo test --test steps -- --exact Exit

FAIL [TIME]  Overflow
  in x.md:17, scenario at x.md:15

    FAILED [TIME]  when it overflows its stack

  the step function `overflows` (crates/greenroom/examples/steps.rs:186) ended the process that runs the steps: signal SIGSEGV
  note: functions that call themselves without end end like this, too

  rerun: cargo test --test steps -- --exact Overflow

FAIL [TIME]  Prints
  in x.md:21, scenario at x.md:19

    FAILED [TIME]  when it prints 100 MB

  the step function `prints` (crates/greenroom/examples/steps.rs:219) exceeded the output limit, and was ended
  output of the Rust functions (last 1 line, 67.1 MB before; -v shows more):
    │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (7792 characters more)
  help: stop it from printing without end; if it is meant to print this much, raise the limit with `output_limit` in the document's metadata or `--output-limit`

  rerun: cargo test --test steps -- --exact Prints

FAIL [TIME]  Prints on
  in x.md:25, scenario at x.md:23

    FAILED [TIME]  when it prints without end

  the step function `prints_for_ever` (crates/greenroom/examples/steps.rs:228) exceeded the output limit, and was ended
  output of the Rust functions (last 1 line, 67.1 MB before; -v shows more):
    │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (7792 characters more)
  help: stop it from printing without end; if it is meant to print this much, raise the limit with `output_limit` in the document's metadata or `--output-limit`

  rerun: cargo test --test steps -- --exact 'Prints on'

FAIL [TIME]  Blocks
  in x.md:30, scenario at x.md:27

    ok [TIME]  given a shop that sells tea
    FAILED [TIME]  when it blocks for ever

  the step exceeded its time limit of 2 s in the step function `blocks` (crates/greenroom/examples/steps.rs:195)
  output of the Rust functions:
    │ before the block
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: cargo test --test steps -- --exact Blocks

PASS [TIME]  Fine

FAILED: 6 of 7 scenarios failed, 1 passed, [TIME]
  failed  x.md:6   Abort
  failed  x.md:11  Exit
  failed  x.md:15  Overflow
  failed  x.md:19  Prints
  failed  x.md:23  Prints on
  failed  x.md:27  Blocks

"#]]).stderr("");
    project.nothing_is_left();
}

#[test]
fn what_a_scenario_keeps_ends_with_the_limits_of_a_step() {
    let given = |ending: &str| format!("given what the scenario keeps {ending} at its end");
    let Some(project) = project(&scenarios(&[
        ("Panics", &given("panics")),
        ("Panics after a failure", &format!("{}\nwhen it panics", given("panics"))),
        ("Exits", &given("exits")),
        ("Blocks", &given("blocks")),
        ("Fine", &given("prints")),
    ])) else {
        return;
    };
    project
        .run(["-j1"])
        .code(101)
        .stdout(str![[r#"
greenroom [VERSION]: 5 scenarios in x.md, one at a time

FAIL [TIME]  Panics
  in x.md:6

    ok [TIME]  given what the scenario keeps panics at its end

  the `Drop` of `steps::Ending` panicked: cannot end
  note: at crates/greenroom/examples/steps.rs:269:25
  output of the Rust function:
    │ it ends

  rerun: cargo test --test steps -- --exact Panics

FAIL [TIME]  Panics after a failure
  in x.md:13, scenario at x.md:10

    ok [TIME]  given what the scenario keeps panics at its end
    FAILED [TIME]  when it panics

  out of tea
  note: the step function `panics` panicked at crates/greenroom/examples/steps.rs:143:5
  output of the Rust function:
    │ before the panic

  the `Drop` of `steps::Ending` panicked: cannot end
  note: at crates/greenroom/examples/steps.rs:269:25
  output of the Rust function:
    │ it ends
  output of Rust functions before it:
    │ before the panic

  rerun: cargo test --test steps -- --exact 'Panics after a failure'

FAIL [TIME]  Exits
  in x.md:15

    ok [TIME]  given what the scenario keeps exits at its end

  the `Drop` of `steps::Ending` ended the process that runs the steps: exit status 0
  output of the Rust functions:
    │ it ends

  rerun: cargo test --test steps -- --exact Exits

FAIL [TIME]  Blocks
  in x.md:19

    ok [TIME]  given what the scenario keeps blocks at its end

  the cleanup exceeded its time limit of 2 s in the `Drop` of `steps::Ending`
  output of the Rust functions:
    │ it ends
    │ before the block
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: cargo test --test steps -- --exact Blocks

PASS [TIME]  Fine

FAILED: 4 of 5 scenarios failed, 1 passed, [TIME]
  failed  x.md:6   Panics
  failed  x.md:10  Panics after a failure
  failed  x.md:15  Exits
  failed  x.md:19  Blocks

"#]])
        .stderr("");
    project.nothing_is_left();
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    let Some(project) = project(&scenarios(&[
        ("Unknown", "given a shop that sells tea\nwhen I buy \"green tea\" for 3 euros"),
        ("Numbers", "when -3 pieces of tea are sold"),
        ("Colours", "when I paint it blue"),
        ("Panic", "when it carries stones, worth 3.50$ (net)"),
        ("No reason", "when it carries nothing, worth 3.50$ (net)"),
    ])) else {
        return;
    };
    project.run::<&str>([]).code(101).stdout("").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:9:1
  |
9 | when I buy "green tea" for 3 euros
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one

error[bad-capture]: count is `-3`, which is not a valid u32: invalid digit found in string
  --> x.md:13:6
   |
13 | when -3 pieces of tea are sold
   |      ^^
   |
   = help: correct the step, or the type of the parameter `count` of `sell` (crates/greenroom/examples/steps.rs:75)

error[bad-capture]: colour is `blue`, which is not a valid Colour: expected red or green
  --> x.md:17:17
   |
17 | when I paint it blue
   |                 ^^^^
   |
   = help: correct the step, or the type of the parameter `colour` of `paint` (crates/greenroom/examples/steps.rs:89)

error[bad-capture]: thing is `stones`, which is not a valid Fragile: its `FromStr` panicked at crates/greenroom/examples/steps.rs:246:18: cannot handle stones
  --> x.md:21:17
   |
21 | when it carries stones, worth 3.50$ (net)
   |                 ^^^^^^
   |
   = help: correct the step, or the type of the parameter `thing` of `carries` (crates/greenroom/examples/steps.rs:252)

error[bad-capture]: thing is `nothing`, which is not a valid Fragile
  --> x.md:25:17
   |
25 | when it carries nothing, worth 3.50$ (net)
   |                 ^^^^^^^
   |
   = help: correct the step, or the type of the parameter `thing` of `carries` (crates/greenroom/examples/steps.rs:252)

5 errors

a function for the step, to be filled in:

#[when("I buy \"{text1:text}\" for {number2} euros")]
fn i_buy_green_tea_for_euros(text1: &str, number2: u64) {
    todo!()
}

"#]]);
}

#[test]
fn messages_name_functions_by_their_files_and_lines() {
    let Some(project) = project(&scenarios(&[
        ("Ambiguous", "when two functions match it"),
        ("Similar", "given a shop that sell tea"),
        ("Keyword", "when a shop that sells tea"),
        ("Type", "when many pieces of tea are sold"),
        ("Library", "when I create directory ours"),
        ("Shadowed", "when I wait for file ours to exist"),
    ])) else {
        return;
    };
    project.run::<&str>([]).code(101).stdout("").stderr(str![[r#"
error[ambiguous-step]: 2 bindings match this step
 --> x.md:8:1
  |
8 | when two functions match it
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: `two functions match {this}` in crates/greenroom/examples/steps.rs:155
  = note: `two functions match {this:text}` in crates/greenroom/examples/steps.rs:158
  = help: reword the step, or make all but one of the patterns narrower

error[unknown-step]: no binding matches this step
  --> x.md:12:1
   |
12 | given a shop that sell tea
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: similar: `given a shop that sells {article}` in crates/greenroom/examples/steps.rs:64

error[unknown-step]: no binding matches this step
  --> x.md:16:1
   |
16 | when a shop that sells tea
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: it matches `given a shop that sells {article}` in crates/greenroom/examples/steps.rs:64
   = help: this is a `given` step: write `given` instead

error[unknown-step]: no binding matches this step
  --> x.md:20:1
   |
20 | when many pieces of tea are sold
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `when {count:int} pieces of {article} are sold` in crates/greenroom/examples/steps.rs:75 would match except for `count`
   = help: `count` must be an integer (int), not `many`

error[ambiguous-step]: 2 bindings match this step
  --> x.md:24:1
   |
24 | when I create directory ours
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `I create directory {path:path}` in lib/files.yaml (built in)
   = note: `I create directory {name}` in crates/greenroom/examples/steps.rs:164
   = help: reword the step, or make all but one of the patterns narrower

warning[shadowed-step]: `I wait for file {name} to exist` is used for steps that also match a built-in step
 |
 = note: `I wait for file {name} to exist` in crates/greenroom/examples/steps.rs:161
 = note: the built-in step is `I wait for file {file:path} to exist` in lib/daemon.yaml (built in)
 = help: to use the built-in step, make this pattern narrower

5 errors, 1 warning

a function for the step, to be filled in:

#[given("a shop that sell tea")]
fn a_shop_that_sell_tea() {
    todo!()
}

"#]]);
}

#[test]
fn the_command_line_is_that_of_the_standard_harness() {
    let Some(project) = project(&format!(
        "{}# Later\n~~~{{.scenario label=ignored}}\ngiven a shop that sells tea\n~~~\n",
        scenarios(&[("Sells tea", "given a shop that sells tea"), ("Sells coffee", "given a shop that sells coffee"),])
    )) else {
        return;
    };
    project.run(["--list", "--format", "terse"]).code(0).stderr("").stdout(str![[r#"
Sells tea: test
Sells coffee: test
Later: test

"#]]);
    project.run(["--list", "--ignored", "--format=terse"]).code(0).stderr("").stdout(str![[r#"
Later: test

"#]]);
    project.run(["--list", "coffee"]).code(0).stderr("").stdout(str![[r#"
Sells coffee: test

1 test, 0 benchmarks

"#]]);
    for (arguments, passed) in [
        (&["--exact", "Sells tea", "--nocapture"][..], "1 scenario passed"),
        (&["Sells"], "2 scenarios passed"),
        (&["--skip", "coffee", "--test-threads=1"], "1 scenario passed"),
        (&["--ignored"], "1 scenario passed"),
        (&["--include-ignored"], "3 scenarios passed"),
        (&["--exact", "sells"], "NOTHING RAN"),
    ] {
        let ran = project.run(arguments).code(0).stderr("");
        assert!(ran.stdout.contains(passed), "{arguments:?}: {}", ran.stdout);
    }
    project.run(["--document", "y.md"]).code(3).stdout("").stderr(str![[r#"
greenroom: this test program has no document y.md; its documents are x.md

"#]]);
    // The name of the program has a hash.
    let ran = project.run(["--ignored", "--junit", "-"]).code(0);
    assert!(ran.stdout.contains(r#"value="cargo test --test steps -- --ignored --junit -""#), "{}", ran.stdout);
}

#[test]
fn documents_that_cannot_be_read_are_named() {
    let Some(project) = Project::sealed().map(Project::of_test_program) else { return };
    project.run::<&str>([]).code(101).stdout("").stderr(str![[r#"
error[not-found]: document not found: x.md

1 error
note: the test program names x.md, and looked in [PROJECT]
help: correct the path in `acceptance_tests!` or `Harness::document`; it is relative to the package

"#]]);
    project.run(["--list"]).code(101).stdout("").stderr(str![[r#"
error[not-found]: document not found: x.md

1 error
note: the test program names x.md, and looked in [PROJECT]
help: correct the path in `acceptance_tests!` or `Harness::document`; it is relative to the package

"#]]);
}

#[test]
fn a_run_ends_with_the_program_that_started_it() {
    let steps = "when Rust starts sh -c 'echo waiting > $FIFO; sleep 9999' as nap\nand I wait for daemon nap to end";
    let text = scenarios(&[("Long", steps)]);
    let Some(project) = Project::sealed() else { return };
    let project = project.fifo("fifo").file("x.md", HEAD.replace("2s", "10m") + &text).of_test_program();
    // The shell is between the test and greenroom, as Cargo and nextest are.
    let project = project.env("CARGO", "cargo").through(["sh", "-c", "\"$@\"; :", "sh"]);
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["--env", &fifo]);
    Fifo::open(project.path("fifo")).line();
    started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
    project.nothing_is_left();
}

#[test]
fn each_scenario_can_have_a_process_of_its_own() {
    let all = [
        ("Abort", "when it aborts", "ended the process that runs the steps: signal SIGABRT"),
        ("Exit", "when it exits with 0", "ended the process that runs the steps: exit status 0"),
        ("Overflow", "when it overflows its stack", "ended the process that runs the steps: signal SIGSEGV"),
        ("Prints", "when it prints 100 MB", "exceeded the output limit"),
        ("Blocks", "when it blocks for ever", "exceeded its time limit of 2 s in the step function `blocks`"),
        ("Panics", "when it leaves a thread and a child\nand it panics", "out of tea"),
        ("Leaves", "when it leaves a thread and a child\nand I go to sub", "1 scenario passed"),
    ];
    let Some(project) = project(&scenarios(&all.map(|(title, steps, _)| (title, steps)))) else { return };
    // cargo-nextest starts a test program so, and editors do.
    for (title, _, expected) in all {
        for arguments in [["--exact", title, "--nocapture"], [title, "--exact", "--show-output"]] {
            let run = project.run(arguments).stderr("");
            assert!(run.stdout.contains(expected), "{title}: {}", run.stdout);
            let passes = title == "Leaves";
            run.code(if passes { 0 } else { 101 });
        }
    }
    project.nothing_is_left();
}
