//! Metadata, headings, bindings files and YAML.

use snapbox::str;

use super::helpers::{fine, text};
use crate::support::{Project, document, scenario};

#[test]
fn quotes_and_brackets_in_yaml_that_are_never_closed() {
    let document = |yaml: &str| format!("---\n{yaml}...\n# S\n~~~scenario\nwhen I run true\n~~~\n");
    text(document("title: Trial\nbindings: [lib/runcmd.yaml\n")).stderr(str![[r#"
error[bad-yaml]: invalid YAML: this bracket is never closed
 --> x.md:3:11
  |
3 | bindings: [lib/runcmd.yaml
  |           ^
  |
  = help: add the closing `]`

1 error

"#]]);
    text(document("title: \"Trial\nbindings: [\"lib/runcmd.yaml\"]\n")).stderr(str![[r#"
error[bad-yaml]: invalid YAML: this quote is never closed
 --> x.md:2:8
  |
2 | title: "Trial
  |        ^
  |
  = help: add the closing `"`

1 error

"#]]);
    text(document("title: 'Trial\nsubtitle: it's\nbindings:\n- lib/runcmd.yaml\n")).stderr(str![[r#"
error[bad-yaml]: invalid YAML: this quote is never closed
 --> x.md:2:8
  |
2 | title: 'Trial
  |        ^
  |
  = help: add the closing `'`

1 error

"#]]);
    Project::new()
        .file("x.md", scenario("when I run true").replace("lib/runcmd.yaml", "lib/runcmd.yaml, own.yaml"))
        .file("own.yaml", "- given: a\n  impl: {python: {function: a}\n- given: b\n  impl: {python: {function: b}}\n")
        .refused(["run", "x.md"])
        .stderr(str![[r#"
error[bad-yaml]: invalid YAML: this bracket is never closed
 --> own.yaml:2:9
  |
2 |   impl: {python: {function: a}
  |         ^
  |
  = help: add the closing `}`

1 error

"#]]);
}

#[test]
fn comments_and_blank_lines_before_the_metadata() {
    for before in
        ["<!-- SPDX-License-Identifier: MIT -->\n", "\n\n", "<!--\na: b\n---\n-->\n\n<!-- c -->\n\n", " \n\t\n"]
    {
        fine(format!("{before}{}", scenario("when I run true")));
    }
}

#[test]
fn an_unknown_key() {
    text(scenario("when I run true").replace("bindings:", "bindigns:")).stderr(str![[r#"
error[unknown-key]: unknown metadata key `bindigns`
 --> x.md:3:1
  |
3 | bindigns: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]
  | ^^^^^^^^
  |
  = help: did you mean `bindings`?

error[no-bindings]: this document has steps, but its metadata lists no bindings
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
fn bindings_files_without_bindings_are_named() {
    let document =
        |files: &str| format!("---\ntitle: Trial\nbindings: [{files}]\n---\n# A\n~~~scenario\nwhen a\n~~~\n");
    let check = |document: String| {
        let project = Project::new().file("empty.yaml", "# later\n").file("list.yaml", "[]\n");
        let both = "- given: a\n  when: a\n  impl: {python: {function: f}}\n";
        project.file("both.yaml", both).file("x.md", document).run(["check", "x.md"]).code(2).stdout("")
    };
    check(document("empty.yaml")).stderr(str![[r#"
error[no-bindings]: this document has steps, but `empty.yaml` has no bindings
 --> x.md:3:12
  |
3 | bindings: [empty.yaml]
  |            ^^^^^^^^^^
  |
  = help: write bindings into it, such as:
  = help:     - given: a shop
  = help:       impl: {python: {function: open_shop}}

1 error

"#]]);
    check(document("empty.yaml, list.yaml")).stderr(str![[r#"
error[no-bindings]: this document has steps, but `empty.yaml` and `list.yaml` have no bindings
 --> x.md:3:12
  |
3 | bindings: [empty.yaml, list.yaml]
  |            ^^^^^^^^^^
  |
  = help: write bindings into one of them, such as:
  = help:     - given: a shop
  = help:       impl: {python: {function: open_shop}}

1 error

"#]]);
    check(document("both.yaml")).stderr(str![[r#"
error[bad-binding]: a binding can have only one keyword
 --> both.yaml:2:3
  |
1 | - given: a
  |   ----- first
2 |   when: a
  |   ^^^^ second
  |
  = help: split it into two bindings

1 error

"#]]);
}

#[test]
fn a_key_twice() {
    text(scenario("when I run true").replace("title: Trial\n", "title: Trial\ntitle: Again\n")).stderr(str![[r#"
error[duplicate-key]: duplicate key `title`
 --> x.md:3:1
  |
2 | title: Trial
  | ----- first here
3 | title: Again
  | ^^^^^ again here
  |
  = help: remove one of them

1 error

"#]]);
}

#[test]
fn an_invalid_timeout() {
    text(scenario("when I run true").replace("bindings:", "step_timeout: soon\nscenario_timeout: 0\nbindings:"))
        .stderr(str![[r#"
error[bad-metadata]: `step_timeout`: `soon` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`
 --> x.md:3:15
  |
3 | step_timeout: soon
  |               ^^^^

error[bad-metadata]: `scenario_timeout`: `0` is too short: it must be more than zero
 --> x.md:4:19
  |
4 | scenario_timeout: 0
  |                   ^

2 errors

"#]]);
}

#[test]
fn no_metadata() {
    text("# S\n~~~scenario\nwhen I run true\nand I brew tea\n~~~\n").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:4:1
  |
4 | and I brew tea
  | ^^^^^^^^^^^^^^
  |
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I GET {url:word}` in lib/http.yaml (built in)
  = help: similar: `when I HEAD {url:word}` in lib/http.yaml (built in)
  = help: this document has no metadata, so it has only the built-in steps; to use others, begin the document with lines such as these:
  = help:     ---
  = help:     title: S
  = help:     bindings:
  = help:     - lib/runcmd.yaml
  = help:     - my-steps.yaml
  = help:     ---

1 error

"#]]);
}

#[test]
fn metadata_in_the_middle() {
    text("# S\n\n---\ntitle: T\nbindings: [lib/runcmd.yaml]\n---\n\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![
        [r#"
error[no-metadata]: this looks like metadata, but is not where metadata is read
 --> x.md:3:1
  |
3 | ---
  | ^^^
  |
  = note: metadata is at the very beginning or end of a document, between lines `---`
  = help: move it to the beginning of the document

1 error

"#]
    ]);
}

#[test]
fn metadata_that_is_never_closed() {
    text("---\ntitle: Trial\nbindings: [lib/runcmd.yaml]\n\n# S\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![[
        r#"
error[unclosed-metadata]: this metadata block is never closed
 --> x.md:1:1
  |
1 | ---
  | ^^^
  |
  = help: add a line `---` or `...` after it, before `# S`

1 error

"#
    ]]);
}

#[test]
fn metadata_that_is_closed_by_a_thematic_break_further_down() {
    let scenario = "# S\n~~~scenario\nwhen I run true\n~~~\n";
    text(format!("---\ntitle: Trial\nbindings:\n- lib/runcmd.yaml\n{scenario}\n---\n\n# More\n")).stderr(str![[r#"
error[unclosed-metadata]: this metadata block is never closed
 --> x.md:1:1
  |
1 | ---
  | ^^^
  |
  = help: add a line `---` or `...` after it, before `# S`

1 error

"#]]);
    text("---\ntitle: Trial\n").stderr(str![[r#"
error[unclosed-metadata]: this metadata block is never closed
 --> x.md:1:1
  |
1 | ---
  | ^^^
  |
  = help: add a line `---` or `...` after it

1 error

"#]]);
    fine(document(scenario).replace("bindings:", "\n# Libraries\nbindings:")).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

#[test]
fn an_empty_document() {
    text("").stderr(str![[r#"
error[no-scenario]: x.md has no scenario
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
error[no-scenario]: x.md has no scenario
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
error[no-heading]: this scenario has no heading
 --> x.md:5:1
  |
5 | ~~~scenario
  | ^^^^^^^^^^^
  |
  = help: add a heading above it: it is the scenario's title

1 error

"#]]);
}

#[test]
fn an_empty_scenario() {
    text(document("# S\n~~~scenario\n~~~\n")).stderr(str![[r#"
error[no-scenario]: x.md has no scenario
 --> x.md:1:1
  |
1 | ---
  | ^
  |
  = help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

warning[empty-scenario]: this scenario block has no steps
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^

1 error, 1 warning

"#]]);
}

#[test]
fn two_scenarios_with_the_same_title() {
    let one = "# Same\n~~~scenario\nwhen I run true\n~~~\n";
    text(document(&format!("{one}# Other\nProse.\n{one}"))).stderr(str![[r#"
error[duplicate-scenario]: two scenarios have the title `Same`
  --> x.md:11:1
   |
 5 | # Same
   | ------ first
...
11 | # Same
   | ^^^^^^ second
   |
   = help: change one of them; upper and lower case make no difference

1 error

"#]]);
}

#[test]
fn a_misspelled_class() {
    text(document("# S\n~~~scenaro\nwhen I run true\n~~~\n")).stderr(str![[r#"
error[unknown-class]: a block with class `scenaro` is not a scenario and will not run
 --> x.md:6:1
  |
6 | ~~~scenaro
  | ^^^^^^^^^^
  |
  = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
  = help: if the class is meant, list it under `classes` in the metadata

1 error

"#]]);
}

#[test]
fn missing_bindings_files() {
    text(scenario("when I run true").replace("lib/daemon.yaml", "lib/deamon.yaml, own.yaml")).stderr(str![[r#"
error[not-found]: bindings file not found: lib/deamon.yaml
 --> x.md:3:12
  |
3 | bindings: [lib/deamon.yaml, own.yaml, lib/files.yaml, lib/runcmd.yaml]
  |            ^^^^^^^^^^^^^^^
  |
  = note: it is neither beside the document nor built in
  = help: did you mean `lib/daemon.yaml`?

error[not-found]: bindings file not found: own.yaml
 --> x.md:3:29
  |
3 | bindings: [lib/deamon.yaml, own.yaml, lib/files.yaml, lib/runcmd.yaml]
  |                             ^^^^^^^^
  |
  = note: it is neither beside the document nor built in
  = help: built-in files: lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml, lib/datadir.yaml, lib/http.yaml, lib/json.yaml, lib/values.yaml

2 errors

"#]]);
}

#[test]
fn bindings_without_a_function() {
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
error[cannot-run]: greenroom cannot run `when I brew coffee`
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
  = help: `greenroom steps` lists the built-in steps

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
  = help: list the file that defines it under `python:` in `impls` of the document

2 errors

"#]]);
}

#[test]
fn a_misspelled_language() {
    let bindings = "- when: I brew coffee\n  impl: {pyton: {function: brew}}\n";
    let document = document("# S\n~~~scenario\nwhen I brew coffee\n~~~\n").replace("lib/daemon.yaml", "own.yaml");
    Project::new().file("own.yaml", bindings).file("x.md", document).refused(["run", "x.md"]).stderr(str![[r#"
error[cannot-run]: greenroom cannot run `when I brew coffee`
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
fn bindings_that_are_not_valid_yaml() {
    let read = |bindings: &str| {
        let document = document("# S\n~~~scenario\nwhen I run true\n~~~\n").replace("lib/daemon.yaml", "own.yaml");
        Project::new().file("own.yaml", bindings).file("x.md", document).refused(["run", "x.md"])
    };
    read("- when: {name} is foo\n  impl: {python: {function: f}}\n").stderr(str![[r#"
error[bad-yaml]: invalid YAML: while parsing a block mapping, did not find expected key
 --> own.yaml:1:16
  |
1 | - when: {name} is foo
  |                ^
  |
  = help: quote the text: it begins with a brace

1 error

"#]]);
    read("- when: {name} is {what}\n  impl: {python: {function: f}}\n").stderr(str![[r#"
error[bad-yaml]: invalid YAML: while parsing a block mapping, did not find expected key
 --> own.yaml:1:16
  |
1 | - when: {name} is {what}
  |                ^
  |
  = help: quote the text: it begins with a brace

1 error

"#]]);
    read("- when: \"{name}\" is foo\n").stderr(str![[r#"
error[bad-yaml]: invalid YAML: invalid trailing content after double-quoted scalar
 --> own.yaml:1:18
  |
1 | - when: "{name}" is foo
  |                  ^

1 error

"#]]);
    read("- when: I brew\n  impl: python: {function: f}\n").stderr(str![[r#"
error[bad-yaml]: invalid YAML: mapping values are not allowed in this context
 --> own.yaml:2:15
  |
2 |   impl: python: {function: f}
  |               ^
  |
  = help: write `impl: {python: {function: f}}`

1 error

"#]]);
    read("- when: I brew: coffee\n  impl: {python: {function: f}}\n").stderr(str![[r#"
error[bad-yaml]: invalid YAML: mapping values are not allowed in this context
 --> own.yaml:1:15
  |
1 | - when: I brew: coffee
  |               ^
  |
  = help: quote the text: it contains a colon and a space, which begin a mapping

1 error

"#]]);
    read("- when: I brew\n  impl: {python: {function: f}\n").stderr(str![[r#"
error[bad-yaml]: invalid YAML: this bracket is never closed
 --> own.yaml:2:9
  |
2 |   impl: {python: {function: f}
  |         ^
  |
  = help: add the closing `}`

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
error[bad-yaml]: invalid YAML: YAML document too large or too complex: total_replayed_events=20001 > 20000
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
