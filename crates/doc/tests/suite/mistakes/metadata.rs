//! One mistake in the metadata each, with its whole diagnostic.

use snapbox::str;

use super::helpers::metadata;
use crate::project::{HEAD, Project, same};

#[test]
fn no_metadata() {
    let text = "# Hello world\n\n~~~scenario\ngiven a thing\n~~~\n";
    same(
        Project::new().document("d.md", text).complaints(),
        str![[r#"
error[no-metadata]: this document has steps, but no metadata that lists bindings
  at d.md:3:1 "~~~scenario"
  help: to list them, begin the document with lines such as these:
  help:     ---
  help:     title: Hello world
  help:     bindings:
  help:     - lib/runcmd.yaml
  help:     - my-steps.yaml
  help:     ---

"#]],
    );
    let project = Project::new()
        .document("d.md", text)
        .builtin("lib/a.yaml", Some("- given: a cup\n  impl: {native: {function: a}}\n"));
    same(
        project.complaints(),
        str![[r#"
error[unknown-step]: no binding matches this step
  at d.md:4:1 "given a thing"
  help: similar: `given a cup` in lib/a.yaml (built in)
  help: this document has no metadata, so it has only the built-in steps; to use others, begin the document with lines such as these:
  help:     ---
  help:     title: Hello world
  help:     bindings:
  help:     - lib/runcmd.yaml
  help:     - my-steps.yaml
  help:     ---

"#]],
    );
}

#[test]
fn metadata_in_the_wrong_place() {
    let body = "~~~scenario\ngiven a thing\n~~~\n";
    let project = Project::new()
        .document("middle.md", format!("# S\n\n---\ntitle: T\nbindings: [b.yaml]\n---\n\n{body}"))
        .document("bare.md", format!("title: T\nbindings: [b.yaml]\n\n# S\n{body}"));
    same(
        project.complaints(),
        str![[r#"
error[no-metadata]: this looks like metadata, but is not where metadata is read
  at middle.md:3:1 "---"
  note: metadata is at the very beginning or end of a document, between lines `---`
  help: move it to the beginning of the document
error[no-metadata]: this looks like metadata, but is not where metadata is read
  at bare.md:1:1 "title: T"
  note: metadata is at the very beginning or end of a document, between lines `---`
  help: write a line `---` before it and another after it

"#]],
    );
}

#[test]
fn all_metadata_mistakes_are_reported() {
    same(
        metadata(
            "titel: T\nbindings: {a: b}\nimpls: [python]\nauthors:\n- [x]\nstep_timeout: soon\nscenario_timeout: 0\n\
                network: hots\nsubtitle:\nmarkdowns: [d.md]\n? [a]\n: b",
        ),
        str![[r#"
error[unknown-key]: unknown metadata key `titel`
  at d.md:2:1 "titel"
  help: did you mean `title`?
error[missing-key]: this metadata has no `title`
  at d.md:2:1 "titel: T"
  help: add a line such as `title: Login works`
error[bad-metadata]: `bindings` must be a list of names, not a mapping
  at d.md:3:12 "a"
error[bad-metadata]: `impls` must be a mapping, not a list
  at d.md:4:9 "python"
  help: write the language, a colon, and below it the list of files: `python:` and `- steps.py`
error[bad-metadata]: an entry of `authors` must be a name, not a list
  at d.md:6:4 "x"
error[bad-metadata]: `step_timeout`: `soon` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`
  at d.md:7:15 "soon"
error[bad-metadata]: `scenario_timeout`: `0` is too short: it must be more than zero
  at d.md:8:19 "0"
error[bad-metadata]: `network` cannot be `hots`
  at d.md:9:10 "hots"
  help: did you mean `host`?
error[bad-metadata]: `subtitle` must be text, not nothing
  at d.md:10:9 ""
warning[ignored-key]: `markdowns` has no effect in a Markdown file
  at d.md:11:1 "markdowns"
  help: remove it, or move the metadata to a `.subplot` file
error[bad-metadata]: a key must be a word, not a list
  at d.md:12:4 "a"

"#]],
    );
    same(
        metadata("- a"),
        str![[r#"
error[no-metadata]: this document has steps, but no metadata that lists bindings
  at d.md:5:1 "~~~scenario"
  help: to list them, begin the document with lines such as these:
  help:     ---
  help:     title: S
  help:     bindings:
  help:     - lib/runcmd.yaml
  help:     - my-steps.yaml
  help:     ---

"#]],
    );
    same(
        metadata("title: T\ntitle: U\nbindings: b.yaml\nfoo-bar-baz: 1"),
        str![[r#"
error[duplicate-key]: duplicate key `title`
  at d.md:3:1 "title" - again here
  at d.md:2:1 "title" - first here
  help: remove one of them
error[unknown-key]: unknown metadata key `foo-bar-baz`
  at d.md:5:1 "foo-bar-baz"
  help: remove it, or turn it into a comment with `#`

"#]],
    );
    same(
        metadata("title: a: b\nbindings: b.yaml"),
        str![[r#"
error[bad-yaml]: invalid YAML: mapping values are not allowed in this context
  at d.md:2:9 ""
  help: quote the text: it contains a colon and a space, which begin a mapping

"#]],
    );
    same(
        metadata("title: T\nbindings: []"),
        str![[r#"
error[no-bindings]: this document has steps, but its metadata lists no bindings
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
fn subplot_files() {
    same(
        Project::new().document("d.subplot", "title: T\n").complaints(),
        str![[r#"
error[missing-key]: this metadata has no `markdowns`
  at d.subplot:1:1 "title: T"
  help: add `markdowns:` with a list of Markdown files, relative to this file
error[no-scenario]: d.subplot has no scenario
  at d.subplot:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
    same(
        Project::new().document("d.subplot", "").complaints(),
        str![[r#"
error[missing-key]: this file is empty
  at d.subplot:1:1 ""
  help: add `title:` and `markdowns:` to it

"#]],
    );
    same(
        Project::new().document("d.subplot", "title: [\n").complaints(),
        str![[r#"
error[bad-yaml]: invalid YAML: this bracket is never closed
  at d.subplot:1:8 "["
  help: add the closing `]`

"#]],
    );
    let project = Project::new()
        .document("d.subplot", "title: T\nmarkdowns: [d.md]\nbindings: b.yaml\n")
        .file("d.md", format!("{HEAD}~~~scenario\ngiven a thing\n~~~\n"));
    same(
        project.complaints(),
        str![[r#"
warning[ignored-metadata]: this metadata is ignored: the `.subplot` file has the metadata
  at d.md:2:1 ""
  help: remove it here

"#]],
    );
}
