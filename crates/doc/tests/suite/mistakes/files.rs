//! Files that are missing, not text or listed twice, and the order of diagnostics.

use greenroom_doc::{LoadError, Loader, Request, load};
use snapbox::str;

use crate::project::{BINDINGS, HEAD, Project, complaints, same};

#[test]
fn missing_files() {
    let project = Project::new()
        .document(
            "x/d.md",
            "---\ntitle: T\nbindings: [c.yaml, lib/demon.yaml]\n\
            impls: {python: [own.py, lib/daemon.py]}\n---\n# S\n~~~scenario\ngiven a thing\n~~~\n",
        )
        .builtin("lib/daemon.yaml", Some("[]"))
        .builtin("lib/daemon.py", None);
    same(
        project.complaints(),
        str![[r#"
error[not-found]: bindings file not found: c.yaml
  at x/d.md:3:12 "c.yaml"
  note: it is neither beside the document nor built in
  help: built-in files: lib/daemon.yaml
error[not-found]: bindings file not found: lib/demon.yaml
  at x/d.md:3:20 "lib/demon.yaml"
  note: it is neither beside the document nor built in
  help: did you mean `lib/daemon.yaml`?
error[not-found]: python file not found: own.py
  at x/d.md:4:18 "own.py"
  note: it is neither beside the document nor built in
  help: built-in files: lib/daemon.py

"#]],
    );
    let text = "---\ntitle: T\nbindings: [b.yaml]\nimpls: {python: [own.py]}\n---\n# S\n~~~scenario\ngiven it\n~~~\n";
    let project =
        Project::new().document("d.md", text).file("b.yaml", "- given: it\n  impl: {python: {function: it}}\n");
    same(
        project.complaints(),
        str![[r#"
error[not-found]: python file not found: own.py
  at d.md:4:18 "own.py"
  note: it is neither beside the document nor built in

"#]],
    );
    // Their paths are written as they are from the working directory.
    let project = Project::new()
        .document(
            "x/d.md",
            "---\ntitle: T\nbindings: [x/b.yaml]\nimpls: {rust: [x/own.rs, src/more.rs, no.rs]}\n---\n# S\n\
            ~~~scenario\ngiven it\n~~~\n",
        )
        .file("x/b.yaml", "- given: it\n  impl: {rust: {function: it}}\n")
        .file("x/own.rs", "")
        .file("src/more.rs", "")
        .builtin("lib/daemon.py", None);
    same(
        project.complaints(),
        str![[r#"
error[not-found]: bindings file not found: x/b.yaml
  at x/d.md:3:12 "x/b.yaml"
  note: it is neither beside the document nor built in
  help: paths begin in the directory of the document: write `b.yaml`
error[not-found]: rust file not found: x/own.rs
  at x/d.md:4:16 "x/own.rs"
  note: it is neither beside the document nor built in
  help: paths begin in the directory of the document: write `own.rs`
error[not-found]: rust file not found: src/more.rs
  at x/d.md:4:26 "src/more.rs"
  note: it is neither beside the document nor built in
  help: paths begin in the directory of the document: write `${SRCDIR}/src/more.rs`
error[not-found]: rust file not found: no.rs
  at x/d.md:4:39 "no.rs"
  note: it is neither beside the document nor built in

"#]],
    );
    let project = Project::new().document("x/d.subplot", "title: T\nmarkdowns: [a.md, d.md]\n").file("x/d.md", "# S\n");
    same(
        project.complaints(),
        str![[r#"
error[not-found]: Markdown file not found: x/a.md
  at x/d.subplot:2:13 "a.md"

"#]],
    );
    let project = Project::new().also("x").also("y.md").also("z").file("x.md", "").file("y.subplot", "");
    same(
        project.complaints(),
        str![[r#"
error[not-found]: document not found: x
  help: did you mean x.md?
error[not-found]: document not found: y.md
  help: did you mean y.subplot?
error[not-found]: document not found: z

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
error[not-utf8]: d.md is not UTF-8: invalid byte 0xe9 in line 6 (offset 43)
  help: save it as UTF-8
error[not-utf8]: e.md is not UTF-8: invalid byte 0xff in line 1 (offset 0)
  help: it looks like UTF-16: save it as UTF-8

"#]],
    );
    let project =
        Project::with_scenario("~~~scenario\ngiven a thing\n~~~\n").file("b.yaml", b"- given: \xe9\n".to_vec());
    same(
        project.complaints(),
        str![[r#"
error[not-utf8]: b.yaml is not UTF-8: invalid byte 0xe9 in line 1 (offset 9)
  at d.md:3:12 "b.yaml"
  help: save it as UTF-8

"#]],
    );
}

#[test]
fn files_listed_twice() {
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
fn diagnostics_are_in_order_of_documents_and_positions() {
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
  help: add a binding for it, or reword it to match one
error[unknown-keyword]: a step cannot begin with `thne`
  at z.md:8:1 "thne"
  help: did you mean `then`?
warning[unused-file]: no step uses the embedded file `f`
  at z.md:10:1 "~~~{#f .file}"
  help: remove it, or replace `.file` with `.example`
error[unknown-key]: unknown binding key `foo`
  at b.yaml:16:3 "foo"
  help: did you mean `doc`?
error[bad-binding]: this binding has no keyword
  at b.yaml:16:3 "foo"
  help: add `given:`, `when:` or `then:` with a pattern
error[unknown-step]: no binding matches this step
  at a.md:7:1 "given one"
  help: add a binding for it, or reword it to match one
error[unknown-keyword]: a step cannot begin with `thne`
  at a.md:8:1 "thne"
  help: did you mean `then`?
warning[unused-file]: no step uses the embedded file `f`
  at a.md:10:1 "~~~{#f .file}"
  help: remove it, or replace `.file` with `.example`

"#]],
    );
}

#[test]
fn paths_that_are_not_files() {
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
    let loaded = load(&Request {
        documents: &documents,
        loader: &Odd,
        builtin: &[],
        can_run: &|_, _| true,
        may_be_empty: &|_| false,
        needs_scenarios: true,
    });
    same(
        complaints(&loaded.sources, &loaded.diagnostics),
        str![[r#"
error[not-a-file]: docs is a directory
error[not-a-file]: fifo is not a regular file
error[unreadable]: cannot read secret.md: permission denied

"#]],
    );
}
