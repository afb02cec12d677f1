//! `--strict`, one message for one mistake, and `list` of documents with mistakes.

use snapbox::str;

use crate::support::{Project, document, scenario};

#[test]
fn strict_makes_warnings_errors() {
    let project = Project::anywhere().file("x.md", scenario("when I run echo $HOME"));
    project.run(["check", "x.md"]).code(0);
    let expected = str![[r#"
error[no-shell]: `$HOME` is passed to echo literally: no shell runs this command
 --> x.md:7:17
  |
7 | when I run echo $HOME
  |                 ^^^^^
  |
  = help: to run it in a shell, write `sh -c 'echo $HOME'`; to pass it literally, put it in single quotes

1 error

"#]];
    project.run(["check", "--strict", "x.md"]).code(2).stdout("").stderr(expected.clone());
    project.run(["run", "--strict", "x.md"]).code(2).stdout("").stderr(expected);
    let fine = Project::anywhere().file("x.md", scenario("when I run echo hello"));
    fine.run(["run", "--strict", "x.md"]).passes();
}

/// A project whose steps need a Rust step host.
fn rust() -> Project {
    let text = "# One\n~~~scenario\ngiven an installed frob\nwhen I run frob --version\n\
                then file frob.log exists\n~~~\n\
                # Two\n~~~scenario\ngiven an installed frob\nand a frob of size 3\nwhen I run frob --help\n~~~\n";
    Project::anywhere().file("x.md", document(text).replace("bindings: [", "bindings: [own.yaml, ")).file(
        "own.yaml",
        "- given: an installed frob\n  impl: {rust: {function: install}}\n\
             - given: a frob of size {n:uint}\n  impl: {rust: {function: size}}\n",
    )
}

#[test]
fn steps_of_a_language_without_a_host_are_one_mistake() {
    rust().run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[cannot-run]: this document has steps in rust, which needs a step host
 --> x.md:7:1
  |
7 | given an installed frob
  | ^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:10
  |
1 | - given: an installed frob
  |          ----------------- bound here
  |
  = note: it is bound to the rust function `install`, which greenroom does not have
  = note: and in 2 more places
  = help: a test of Cargo's has its functions: name the document in it by `greenroom::acceptance_tests!("FILE")`, as `greenroom init --rust` does; or give a step host: `--host rust=PROGRAM`

1 error

"#]]);
}

#[test]
fn documents_with_mistakes_are_listed() {
    rust().run(["list", "x.md"]).code(0).stderr("").stdout(str![[r#"
x.md:5   One
x.md:11  Two

"#]]);
    let project = Project::anywhere().file("x.md", scenario("when I rnu true"));
    let ran = project.run(["list", "x.md"]).code(2);
    assert!(ran.stdout.contains("The scenario"), "{}", ran.stdout);
    assert!(ran.stderr.contains("no binding matches this step"), "{}", ran.stderr);
}

#[test]
fn a_missing_program_is_reported_once() {
    let text = "# One\n~~~scenario\nwhen I run frobnicate a\n~~~\n# Two\n~~~scenario\nwhen I run frobnicate b\n~~~\n\
                # Three\n~~~scenario\nwhen I run frobnicate\n~~~\n";
    Project::anywhere().file("x.md", document(text)).run(["check", "x.md"]).code(2).stderr(str![[r#"
error[program-not-found]: program not found: frobnicate
 --> x.md:7:12
  |
7 | when I run frobnicate a
  |            ^^^^^^^^^^ not on PATH
  |
  = note: and in 2 more places
  = help: install it, or put its directory on PATH before you start greenroom

1 error

"#]]);
}
