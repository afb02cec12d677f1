//! One mistake in the document each, and all that is said about it.

use greenroom_doc::{LoadError, Loader, Request, load};
use snapbox::str;

use crate::project::{BINDINGS, HEAD, Project, complaints, same};

fn scenario(text: &str) -> String {
    Project::with_scenario(text).complaints()
}

fn steps(steps: &str) -> String {
    scenario(&format!("~~~scenario\n{steps}\n~~~\n"))
}

fn metadata(yaml: &str) -> String {
    Project::new().document("d.md", format!("---\n{yaml}\n---\n# S\n~~~scenario\ngiven a thing\n~~~\n")).complaints()
}

#[test]
fn unknown_step_with_similar_bindings() {
    same(
        steps("given a thin"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "given a thin"
  help: similar: `given a thing` (b.yaml:2)

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
  help: write a binding for it, or reword it so that it fits one

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
  note: it is `when I say {what:text} to {whom}` (b.yaml:6)
  help: there is a `when` step with these words; write `when` instead

"#]],
    );
}

#[test]
fn unknown_step_but_for_a_type() {
    same(
        steps("then there are many of them"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "then there are many of them"
  note: `then there are {n:uint} of {what}` (b.yaml:10) matches but for `n`
  help: `n` must be an integer without sign (uint), not `many`

"#]],
    );
    same(
        steps("then it costs 1.5.0 per litre"),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:7:1 "then it costs 1.5.0 per litre"
  note: `then it costs (?P<price>\S+) per (?P<unit>.+)` (b.yaml:12) matches but for `price`
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
  help: write a binding for it, or reword it so that it fits one

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
  help: write after `given` what the step is

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
  help: begin with `given`, `when` or `then`

"#]],
    );
    same(
        steps("# remark\ngiven a thing\n- given a thing\nThe quick brown fox"),
        str![[r##"
error[unknown-keyword]: a step cannot begin with `#`
  at d.md:7:1 "#"
  help: scenarios have no comments: write it as prose, above or below the block
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
error[bad-escape]: `\q` in `what`: not an escape
  at d.md:7:16 "\\q"
  help: these are known: \n \t \r \0 \\ \" \' \x41 \u{e9}; a backslash itself is written `\\`

"#]],
    );
}

#[test]
fn missing_file() {
    same(
        scenario("~~~scenario\ngiven file x.yml\nand file zzz\nand file X.YAML\n~~~\n~~~{#x.yaml .file}\n~~~\n"),
        str![[r#"
error[missing-file]: no file `x.yml` is embedded in the document
  at d.md:7:12 "x.yml"
  help: did you mean `x.yaml`?
error[missing-file]: no file `zzz` is embedded in the document
  at d.md:8:10 "zzz"
  help: embed it: a fenced block with `{#zzz .file}` behind the fence

"#]],
    );
}

#[test]
fn unused_file() {
    same(
        scenario("~~~scenario\nwhen I say cat b.txt to me\n~~~\n~~~{#a.txt .file}\n~~~\n~~~{#B.txt .file}\n~~~\n"),
        str![[r#"
warning[unused-file]: no step uses the embedded file `a.txt`
  at d.md:9:1 "~~~{#a.txt .file}"
  help: remove it, or make it an `.example`

"#]],
    );
}

#[test]
fn embedded_files() {
    same(
        scenario(
            "~~~scenario\ngiven file a\n~~~\n~~~{#a .file}\n~~~\n~~~{#A .file}\n~~~\n~~~{.file}\n~~~\n~~~{#b .fil}\n~~~\n~~~{#c}\n~~~\n~~~{#a.b .file add-newline=maybe}\n~~~\n",
        ),
        str![[r#"
error[duplicate-file]: there are two embedded files called `A`
  at d.md:11:1 "~~~{#A .file}" - second
  at d.md:9:1 "~~~{#a .file}" - first
  help: give each its own name; upper and lower case make no difference
warning[file-without-name]: this embedded file has no name
  at d.md:13:1 "~~~{.file}"
  help: write the name behind a `#`: `{#name.txt .file}`
warning[unused-name]: the block `b` has a name but is no file
  at d.md:15:1 "~~~{#b .fil}"
  help: did you mean `.file` instead of `.fil`?
warning[unused-name]: the block `c` has a name but is no file
  at d.md:17:1 "~~~{#c}"
  help: add `.file` to embed it, or `.example` if it only shows something
error[bad-attribute]: `add-newline` cannot be `maybe`
  at d.md:19:1 "~~~{#a.b .file add-newline=maybe}"
  help: write `yes`, `no` or `auto`
warning[unused-file]: no step uses the embedded file `a.b`
  at d.md:19:1 "~~~{#a.b .file add-newline=maybe}"
  help: remove it, or make it an `.example`

"#]],
    );
}

#[test]
fn classes_and_attributes() {
    same(
        scenario(
            "~~~scenario\ngiven a thing\n~~~\n~~~Scenario\ngiven a thing\n~~~\n```scenrio\n```\n~~~python\n~~~\n~~~{.scenario lable=x\ngiven a thing\n~~~\n",
        ),
        str![[r#"
warning[unknown-class]: a block of class `Scenario` is no scenario and will not run
  at d.md:9:1 "~~~Scenario"
  help: did you mean `scenario`?
warning[unknown-class]: a block of class `scenrio` is no scenario and will not run
  at d.md:12:1 "```scenrio"
  help: did you mean `scenario`?
warning[bad-attribute]: in these attributes: the closing `}` is missing
  at d.md:16:1 "~~~{.scenario lable=x"
warning[bad-attribute]: `lable` means nothing here
  at d.md:16:1 "~~~{.scenario lable=x"
  help: did you mean `label`?

"#]],
    );
}

#[test]
fn headings() {
    let text = "---\ntitle: T\nbindings: [b.yaml]\n---\n~~~scenario\ngiven a thing\n~~~\n# A\n~~~scenario\ngiven a thing\n~~~\n# *a*\n~~~scenario\ngiven a thing\n~~~\n#\n~~~scenario\ngiven a thing\n~~~\n";
    same(
        Project::new().document("d.md", text).complaints(),
        str![[r##"
error[no-heading]: this scenario stands under no heading
  at d.md:5:1 "~~~scenario"
  help: write a heading above it; it gives the scenario its name
error[duplicate-scenario]: there are two scenarios called `a`
  at d.md:12:1 "# *a*" - second
  at d.md:8:1 "# A" - first
  help: give each its own heading; upper and lower case make no difference
error[no-heading]: the heading of this scenario is empty
  at d.md:16:1 "#"
  help: write the scenario's name into it

"##]],
    );
}

#[test]
fn nothing_to_run() {
    same(
        scenario("Only words.\n"),
        str![[r#"
error[no-scenario]: there is no scenario in d.md
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
    same(
        scenario("~~~scenario\n\n~~~\n"),
        str![[r#"
error[no-scenario]: there is no scenario in d.md
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````
warning[empty-scenario]: there are no steps in this scenario block
  at d.md:6:1 "~~~scenario"

"#]],
    );
    same(
        Project::new().document("d.md", "# Just prose\n").complaints(),
        str![[r#"
error[no-scenario]: there is no scenario in d.md
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
    same(
        Project::new().document("d.md", "").complaints(),
        str![[r#"
error[no-scenario]: there is no scenario in d.md
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
}

#[test]
fn no_metadata() {
    let text = "# Hello world\n\n~~~scenario\ngiven a thing\n~~~\n";
    same(
        Project::new().document("d.md", text).complaints(),
        str![[r#"
error[no-metadata]: this document has scenarios, but no metadata that says how to run them
  at d.md:3:1 "~~~scenario"
  help: put lines such as these at the very beginning:
  help:     ---
  help:     title: Hello world
  help:     bindings:
  help:     - lib/runcmd.yaml
  help:     - lib/files.yaml
  help:     ---

"#]],
    );
    let project = Project::new().document("x/d.md", text).file("x/d.subplot", "title: T\n");
    same(
        project.complaints(),
        str![[r#"
error[no-metadata]: this document has scenarios, but no metadata that says how to run them
  at x/d.md:3:1 "~~~scenario"
  help: did you mean x/d.subplot?
  help: put lines such as these at the very beginning:
  help:     ---
  help:     title: Hello world
  help:     bindings:
  help:     - lib/runcmd.yaml
  help:     - lib/files.yaml
  help:     ---

"#]],
    );
}

#[test]
fn metadata_mistakes_are_all_told() {
    same(
        metadata(
            "titel: T\nbindings: {a: b}\nimpls: [python]\nauthors:\n- [x]\nstep_timeout: soon\nscenario_timeout: 0\nnetwork: hots\nsubtitle:\nmarkdowns: [d.md]\n? [a]\n: b",
        ),
        str![[r#"
error[unknown-key]: there is no metadata key `titel`
  at d.md:2:1 "titel"
  help: did you mean `title`?
error[missing-key]: the metadata has no `title`
  at d.md:2:1 "titel: T"
  help: add a line such as `title: What the thing must do`
error[bad-metadata]: `bindings` must be a list of names, not a mapping
  at d.md:3:12 "a"
error[bad-metadata]: `impls` must be a mapping, not a list
  at d.md:4:9 "python"
  help: write the language, a colon, and below it the list of files: `python:` and `- steps.py`
error[bad-metadata]: an entry of `authors` must be a name, not a list
  at d.md:6:4 "x"
error[bad-metadata]: `step_timeout`: `soon` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`
  at d.md:7:15 "soon"
error[bad-metadata]: `scenario_timeout`: `0` is no time at all: write more than zero
  at d.md:8:19 "0"
error[bad-metadata]: `network` cannot be `hots`
  at d.md:9:10 "hots"
  help: did you mean `host`?
error[bad-metadata]: `subtitle` must be text, not nothing
  at d.md:10:9 ""
warning[ignored-key]: `markdowns` means nothing inside a Markdown file
  at d.md:11:1 "markdowns"
  help: remove it, or put the metadata into a `.subplot` file
error[bad-metadata]: a key must be a word, not a list
  at d.md:12:4 "a"

"#]],
    );
    same(
        metadata("- a"),
        str![[r#"
error[no-metadata]: this document has scenarios, but no metadata that says how to run them
  at d.md:5:1 "~~~scenario"
  help: put lines such as these at the very beginning:
  help:     ---
  help:     title: S
  help:     bindings:
  help:     - lib/runcmd.yaml
  help:     - lib/files.yaml
  help:     ---

"#]],
    );
    same(
        metadata("title: T\ntitle: U\nbindings: b.yaml\nfoo-bar-baz: 1"),
        str![[r#"
error[duplicate-key]: `title` is given twice
  at d.md:3:1 "title" - again here
  at d.md:2:1 "title" - first here
  help: keep one of them
error[unknown-key]: there is no metadata key `foo-bar-baz`
  at d.md:5:1 "foo-bar-baz"
  help: remove it, or keep it in a comment behind `#`

"#]],
    );
    same(
        metadata("title: a: b\nbindings: b.yaml"),
        str![[r#"
error[bad-yaml]: not valid YAML: mapping values are not allowed in this context
  at d.md:2:9 ""
  help: put the text into quotes: a colon and a blank in it begin a mapping

"#]],
    );
    same(
        metadata("title: T\nbindings: []"),
        str![[r#"
error[no-bindings]: there are steps, but the document names no bindings for them
  at d.md:6:1 "~~~scenario"
  help: add `bindings:` to the metadata, with a list of files such as `lib/runcmd.yaml`

"#]],
    );
    same(
        metadata("title: ''\nbindings: b.yaml"),
        str![[r#"
error[bad-metadata]: `title` is empty
  at d.md:2:8 "''"

"#]],
    );
}

#[test]
fn files_that_are_not_there() {
    let project = Project::new()
        .document("x/d.md", "---\ntitle: T\nbindings: [c.yaml, lib/demon.yaml]\nimpls: {python: [own.py, lib/daemon.py]}\n---\n# S\n~~~scenario\ngiven a thing\n~~~\n")
        .builtin("lib/daemon.yaml", Some("[]"))
        .builtin("lib/daemon.py", None);
    same(
        project.complaints(),
        str![[r#"
error[not-found]: no bindings file c.yaml
  at x/d.md:3:12 "c.yaml"
  note: it is neither beside the document nor built in
  help: these are built in: lib/daemon.yaml
error[not-found]: no bindings file lib/demon.yaml
  at x/d.md:3:20 "lib/demon.yaml"
  note: it is neither beside the document nor built in
  help: did you mean `lib/daemon.yaml`?
error[not-found]: no python file own.py
  at x/d.md:4:18 "own.py"
  note: it is neither beside the document nor built in
  help: these are built in: lib/daemon.py

"#]],
    );
    let text = "---\ntitle: T\nbindings: [b.yaml]\nimpls: {python: [own.py]}\n---\n# S\n~~~scenario\ngiven it\n~~~\n";
    let project =
        Project::new().document("d.md", text).file("b.yaml", "- given: it\n  impl: {python: {function: it}}\n");
    same(
        project.complaints(),
        str![[r#"
error[not-found]: no python file own.py
  at d.md:4:18 "own.py"
  note: it is neither beside the document nor built in

"#]],
    );
    let project = Project::new().document("x/d.subplot", "title: T\nmarkdowns: [a.md, d.md]\n").file("x/d.md", "# S\n");
    same(
        project.complaints(),
        str![[r#"
error[not-found]: no Markdown file x/a.md
  at x/d.subplot:2:13 "a.md"

"#]],
    );
    let project = Project::new().also("x").also("y.md").also("z").file("x.md", "").file("y.subplot", "");
    same(
        project.complaints(),
        str![[r#"
error[not-found]: no document x
  help: did you mean x.md?
error[not-found]: no document y.md
  help: did you mean y.subplot?
error[not-found]: no document z

"#]],
    );
}

#[test]
fn subplot_files() {
    same(
        Project::new().document("d.subplot", "title: T\n").complaints(),
        str![[r#"
error[missing-key]: the metadata names no Markdown files
  at d.subplot:1:1 "title: T"
  help: add `markdowns:` with a list of file names, relative to this file
error[no-scenario]: there is no scenario in d.subplot
  at d.subplot:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
    same(
        Project::new().document("d.subplot", "").complaints(),
        str![[r#"
error[missing-key]: this file is empty
  at d.subplot:1:1 ""
  help: write `title:` and `markdowns:` into it

"#]],
    );
    same(
        Project::new().document("d.subplot", "title: [\n").complaints(),
        str![[r#"
error[bad-yaml]: not valid YAML: unclosed bracket '['
  at d.subplot:1:8 ""

"#]],
    );
    let project = Project::new()
        .document("d.subplot", "title: T\nmarkdowns: [d.md]\nbindings: b.yaml\n")
        .file("d.md", format!("{HEAD}~~~scenario\ngiven a thing\n~~~\n"));
    same(
        project.complaints(),
        str![[r#"
warning[ignored-metadata]: this metadata is ignored: that of the `.subplot` file counts
  at d.md:2:1 ""
  help: remove it here

"#]],
    );
}

#[test]
fn not_utf8() {
    let mut text = HEAD.as_bytes().to_vec();
    text.extend(b"caf\xe9\n");
    let project = Project::new().document("d.md", text).document("e.md", b"\xff\xfea\0".to_vec());
    same(
        project.complaints(),
        str![[r#"
error[not-utf8]: d.md is not UTF-8: byte 0xe9 at offset 43, in line 6
  help: save it as UTF-8
error[not-utf8]: e.md is not UTF-8: byte 0xff at offset 0, in line 1
  help: it looks like UTF-16; save it as UTF-8

"#]],
    );
    let project =
        Project::with_scenario("~~~scenario\ngiven a thing\n~~~\n").file("b.yaml", b"- given: \xe9\n".to_vec());
    same(
        project.complaints(),
        str![[r#"
error[not-utf8]: b.yaml is not UTF-8: byte 0xe9 at offset 9, in line 1
  at d.md:3:12 "b.yaml"
  help: save it as UTF-8

"#]],
    );
}

#[test]
fn listed_twice() {
    let text = "---\ntitle: T\nbindings: [b.yaml, ./b.yaml]\n---\n# S\n~~~scenario\ngiven a thing\n~~~\n";
    same(
        Project::new().document("d.md", text).also("./d.md").complaints(),
        str![[r#"
warning[duplicate-bindings]: `./b.yaml` is listed twice
  at d.md:3:20 "./b.yaml" - again here
  at d.md:3:12 "b.yaml" - first here
  help: remove one of them

"#]],
    );
}

#[test]
fn order_is_that_of_documents_and_positions() {
    let text = format!("{HEAD}~~~scenario\ngiven one\nthne two\n~~~\n~~~{{#f .file}}\n~~~\n");
    let project = Project::new()
        .document("z.md", text.clone())
        .document("a.md", text)
        .file("b.yaml", format!("{BINDINGS}- foo: bar\n"));
    same(
        project.complaints(),
        str![[r#"
error[unknown-step]: no binding matches this step
  at z.md:7:1 "given one"
  help: write a binding for it, or reword it so that it fits one
error[unknown-keyword]: a step cannot begin with `thne`
  at z.md:8:1 "thne"
  help: did you mean `then`?
warning[unused-file]: no step uses the embedded file `f`
  at z.md:10:1 "~~~{#f .file}"
  help: remove it, or make it an `.example`
error[unknown-key]: bindings have no key `foo`
  at b.yaml:16:3 "foo"
  help: did you mean `doc`?
error[bad-binding]: this binding is for no keyword
  at b.yaml:16:3 "foo"
  help: add `given:`, `when:` or `then:` with a pattern
error[unknown-step]: no binding matches this step
  at a.md:7:1 "given one"
  help: write a binding for it, or reword it so that it fits one
error[unknown-keyword]: a step cannot begin with `thne`
  at a.md:8:1 "thne"
  help: did you mean `then`?
warning[unused-file]: no step uses the embedded file `f`
  at a.md:10:1 "~~~{#f .file}"
  help: remove it, or make it an `.example`

"#]],
    );
}

#[test]
fn what_cannot_be_carried_out() {
    let bindings = "- given: a {x}\n- when: b\n  impl: {rust: {function: b}}\n- then: c\n  impl: {python: {function: c}}\n- then: d\n  impl: {python: {function: gone}, rust: {function: d}}\n";
    let steps = "given a 1\ngiven a 2\nwhen b\nthen c\nthen d\nthen d\nthen d";
    let text = format!("---\ntitle: T\nbindings: [b.yaml]\nimpls: {{rust: []}}\n---\n# S\n~~~scenario\n{steps}\n~~~\n");
    same(
        Project::new().document("d.md", text).file("b.yaml", bindings).complaints(),
        str![[r#"
error[no-implementation]: nothing carries out `given a {x}`
  at d.md:8:1 "given a 1"
  at b.yaml:1:10 "a {x}" - this binding has no `impl`
  note: and in 1 more place
  help: add `impl:` to the binding, with a language and a `function:`
error[cannot-run]: greenroom cannot carry out `when b`
  at d.md:10:1 "when b"
  at b.yaml:2:9 "b" - bound here
  note: it is bound to the rust function `b`, which greenroom does not have
  help: python functions are carried out, and those of languages with a step host: `--host rust=PROGRAM`
error[cannot-run]: greenroom cannot carry out `then c`
  at d.md:11:1 "then c"
  at b.yaml:4:9 "c" - bound here
  note: python function `c` is there, but `impls` of the document does not list python
  help: add `python:` under `impls` of the document, with the files that its functions are in
error[cannot-run]: greenroom cannot carry out `then d`
  at d.md:12:1 "then d"
  at b.yaml:6:9 "d" - bound here
  note: it is bound to the python function `gone`, which greenroom does not have
  note: it is bound to the rust function `d`, which greenroom does not have
  note: and in 2 more places
  help: python functions are carried out, and those of languages with a step host: `--host rust=PROGRAM`

"#]],
    );
}

#[test]
fn steps_like_broken_bindings_are_not_told_again() {
    let bindings = "- given: a {b\n- when: b\n  impl: {native: {function: b}}\n";
    same(
        Project::with_bindings(bindings, "given a cat\nwhen a cat\nwhen b").complaints(),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:8:1 "when a cat"
  help: write a binding for it, or reword it so that it fits one
error[stray-brace]: this `{` belongs to no capture
  at b.yaml:1:12 "{"
  help: captures are written `{name}` or `{name:type}`, without blanks
  help: for a brace in the step, write a pattern with `regex: true` and put a backslash before the brace

"#]],
    );
}

#[test]
fn endless_lines() {
    let step = "given ".to_owned() + &"x".repeat(70_000);
    let text = steps(&step);
    same(
        text,
        str![[r#"
error[step-too-long]: this step has 70006 bytes; 65536 are allowed
  at d.md:7:1 ""
  help: put the text into an embedded file

"#]],
    );
}

#[test]
fn what_is_no_file() {
    struct Odd;
    impl Loader for Odd {
        fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
            Err(match path {
                "docs" => LoadError::Directory,
                "fifo" => LoadError::NotAFile,
                _ => LoadError::Other("permission denied".to_owned()),
            })
        }
    }
    let documents = ["docs", "fifo", "secret.md"].map(str::to_owned);
    let loaded = load(&Request { documents: &documents, loader: &Odd, builtin: &[], can_run: &|_, _| true });
    same(
        complaints(&loaded.sources, &loaded.diagnostics),
        str![[r#"
error[not-a-file]: docs is a directory
error[not-a-file]: fifo is not a plain file
error[unreadable]: cannot read secret.md: permission denied

"#]],
    );
}
