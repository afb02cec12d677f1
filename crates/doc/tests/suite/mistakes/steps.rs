//! One mistake in a step each, with its whole diagnostic.

use snapbox::str;

use super::helpers::steps;
use crate::project::{Project, complaints, same};

#[test]
fn unknown_step_with_similar_bindings() {
    same(
        steps("given a thin"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "given a thin"
  help: similar: `given a thing` in b.yaml:2

"#]],
    );
}

#[test]
fn unknown_step_like_nothing() {
    same(
        steps("given something else altogether"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "given something else altogether"
  help: add a binding for it, or reword it to match one

"#]],
    );
}

#[test]
fn unknown_step_of_another_keyword() {
    same(
        steps("given a thing\nthen I say hello world to Bob"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:8:1 "then I say hello world to Bob"
  note: it matches `when I say {what:text} to {whom}` in b.yaml:6
  help: this is a `when` step: write `when` instead

"#]],
    );
}

#[test]
fn unknown_step_except_for_a_type() {
    same(
        steps("then there are many of them"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "then there are many of them"
  note: `then there are {n:uint} of {what}` in b.yaml:10 would match except for `n`
  help: `n` must be an integer without a sign (uint), not `many`

"#]],
    );
    same(
        steps("then it costs 1.5.0 per litre"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "then it costs 1.5.0 per litre"
  note: `then it costs (?P<price>\S+) per (?P<unit>.+)` in b.yaml:12 would match except for `price`
  help: `price` must be a number (number), not `1.5.0`

"#]],
    );
}

#[test]
fn unknown_step_of_a_built_in_library() {
    let project = Project::with_scenario("~~~scenario\nwhen I run ls\n~~~\n")
        .builtin("lib/runcmd.yaml", Some("- when: I run {argv0}{args:text}\n"));
    same(
        project.complaints(),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "when I run ls"
  help: add `lib/runcmd.yaml` to `bindings`: it has this step

"#]],
    );
}

#[test]
fn unknown_steps_are_grouped() {
    same(
        steps("given something else\nand  something   else\nand something else"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "given something else"
  note: and in 2 more places
  help: add a binding for it, or reword it to match one

"#]],
    );
}

#[test]
fn keyword_alone() {
    same(
        steps("given"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "given"
  help: write the step after `given`

"#]],
    );
}

#[test]
fn ambiguous_step() {
    let bindings =
        "- given: a {x}\n  impl: {native: {function: x}}\n- given: a thing\n  impl: {native: {function: a}}\n";
    same(
        Project::with_bindings(bindings, "given a thing\ngiven a thing").complaints(),
        str![[r#"
error[ambiguous-step]: 2 bindings match this step
  at d.md:7:1 "given a thing"
  at b.yaml:1:10 "a {x}" - `a {x}`
  at b.yaml:3:10 "a thing" - `a thing`
  note: and in 1 more place
  help: reword the step, or make all but one of the patterns narrower

"#]],
    );
}

#[test]
fn own_bindings_win_over_built_in_ones_that_subplot_does_not_have() {
    let native = "\n  impl: {native: {function: x}}\n";
    let library = format!(
        "- given: thing {{x}} is here{native}- given: it {{x}} new{native}\
         - given: an old {{x}}{native}  origin: subplot\n"
    );
    let own = format!("- given: thing {{y}} is {{z}}{native}- given: an {{x}} thing{native}");
    let document = "---\ntitle: X\nbindings: [own.yaml, lib/l.yaml]\n---\n\n# One\n\n~~~scenario\n";
    let load = |steps: &str| {
        Project::new()
            .builtin("lib/l.yaml", Some(&library))
            .file("own.yaml", own.clone())
            .document("d.md", format!("{document}{steps}\n~~~\n"))
            .load()
    };
    let loaded = load("given thing one is here\nand thing two is here\nand thing two is new");
    let used: Vec<usize> = loaded.plan.scenarios[0].steps.iter().map(|step| step.binding).collect();
    assert_eq!(used, [0, 0, 0]);
    same(
        complaints(&loaded.sources, &loaded.diagnostics),
        str![[r#"
warning[shadowed-step]: `thing {y} is {z}` is used for steps that also match a built-in step
  at own.yaml:1:10 "thing {y} is {z}"
  note: the built-in step is `thing {x} is here` in lib/l.yaml (built in)
  help: to use the built-in step, make this pattern narrower

"#]],
    );
    // Nothing of the document's own matches this one.
    assert_eq!(load("given it is new").diagnostics.len(), 0);
    // What Subplot reports stays an error.
    same(
        complaints(&load("given an old thing").sources, &load("given an old thing").diagnostics),
        str![[r#"
error[ambiguous-step]: 2 bindings match this step
  at d.md:9:1 "given an old thing"
  at own.yaml:3:10 "an {x} thing" - `an {x} thing`
  at lib/l.yaml:5:10 "an old {x}" - `an old {x}`
  help: reword the step, or make all but one of the patterns narrower

"#]],
    );
}

#[test]
fn only_files_that_come_with_greenroom_have_short_forms_and_origins() {
    let bindings = "- given: a thing\n  impl: {native: {function: x}}\n  origin: subplot\n\
                    - given: another thing\n  native: x\n";
    same(
        Project::with_bindings(bindings, "given a thing").complaints(),
        str![[r#"
error[unknown-key]: unknown binding key `origin`
  at b.yaml:3:3 "origin"
  help: known keys: given, when, then, impl, regex, case_sensitive, types, doc, example, function, cleanup
error[unknown-key]: unknown binding key `native`
  at b.yaml:5:3 "native"
  help: known keys: given, when, then, impl, regex, case_sensitive, types, doc, example, function, cleanup

"#]],
    );
}

#[test]
fn keywords() {
    same(
        steps("thne there are 3 of them\nand there are 4 of them"),
        str![[r#"
error[unknown-keyword]: a step cannot begin with `thne`
  at d.md:7:1 "thne"
  help: did you mean `then`?

"#]],
    );
    same(
        steps("and a thing\nbut a thing\ngiven a thing"),
        str![[r#"
error[no-step-before]: `and` has no step before it to continue
  at d.md:7:1 "and"
  help: begin the scenario with `given`, `when` or `then`

"#]],
    );
    same(
        steps("# remark\ngiven a thing\n- given a thing\nThe quick brown fox"),
        str![[r##"
error[unknown-keyword]: a step cannot begin with `#`
  at d.md:7:1 "#"
  help: scenarios cannot have comments: move it out of the block
error[unknown-keyword]: a step cannot begin with `-`
  at d.md:9:1 "-"
  help: begin each line with `given`, `when`, `then`, `and` or `but`; a step cannot span lines
error[unknown-keyword]: a step cannot begin with `The`
  at d.md:10:1 "The"
  help: did you mean `then`?

"##]],
    );
}

#[test]
fn escapes() {
    same(
        steps(r#"when I print "a\qb\n""#),
        str![[r#"
error[bad-escape]: invalid escape `\q` in `what`: no such escape
  at d.md:7:16 "\\q"
  help: escapes are \n \t \r \0 \\ \" \' \x41 \u{e9}; for a backslash, write `\\`

"#]],
    );
}

#[test]
fn steps_that_cannot_run() {
    let bindings = "- given: a {x}\n- when: b\n  impl: \
        {rust: {function: b}}\n\
        - then: c\n  impl: {python: {function: c}}\n\
        - then: d\n  impl: {python: {function: gone}, rust: {function: d}}\n";
    let steps = "given a 1\ngiven a 2\nwhen b\nthen c\nthen d\nthen d\nthen d";
    let text = format!("---\ntitle: T\nbindings: [b.yaml]\nimpls: {{rust: []}}\n---\n# S\n~~~scenario\n{steps}\n~~~\n");
    same(
        Project::new().document("d.md", text).file("b.yaml", bindings).complaints(),
        str![[r#"
error[no-implementation]: no function for `given a {x}`
  at d.md:8:1 "given a 1"
  at b.yaml:1:10 "a {x}" - this binding has no `impl`
  note: and in 1 more place
  help: add `impl:` to the binding, with a language and a `function:`
error[cannot-run]: this document has steps in rust, which needs a step host
  at d.md:10:1 "when b"
  at b.yaml:2:9 "b" - bound here
  note: it is bound to the rust function `b`, which greenroom does not have
  help: a test of Cargo's has its functions: name the document in it by `greenroom::acceptance_tests!("FILE")`, as `greenroom init --rust` does; or give a step host: `--host rust=PROGRAM`
error[cannot-run]: greenroom cannot run `then c`
  at d.md:11:1 "then c"
  at b.yaml:4:9 "c" - bound here
  note: it is bound to the python function `c`, but `impls` of the document does not list python
  help: add `python:` under `impls` of the document, with the files that define its functions
error[cannot-run]: greenroom cannot run `then d`
  at d.md:12:1 "then d"
  at b.yaml:6:9 "d" - bound here
  note: it is bound to the python function `gone`, which greenroom does not have
  note: it is bound to the rust function `d`, which greenroom does not have
  note: and in 2 more places
  help: a test of Cargo's has its functions: name the document in it by `greenroom::acceptance_tests!("FILE")`, as `greenroom init --rust` does; or give a step host: `--host rust=PROGRAM`

"#]],
    );
}

#[test]
fn steps_like_invalid_bindings_are_not_reported_again() {
    let bindings = "- given: a {b\n- when: b\n  impl: {native: {function: b}}\n";
    same(
        Project::with_bindings(bindings, "given a cat\nwhen a cat\nwhen b").complaints(),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:8:1 "when a cat"
  help: add a binding for it, or reword it to match one
error[stray-brace]: this `{` does not belong to a capture
  at b.yaml:1:12 "{"
  help: write captures as `{name}` or `{name:type}`, without spaces
  help: to match a brace, write `regex: true` and put a backslash before the brace

"#]],
    );
}

#[test]
fn very_long_lines() {
    let step = "given ".to_owned() + &"x".repeat(70_000);
    let text = steps(&step);
    same(
        text,
        str![[r#"
error[step-too-long]: this step has 70006 bytes; the limit is 65536
  at d.md:7:1 ""
  help: move the text to an embedded file

"#]],
    );
}
