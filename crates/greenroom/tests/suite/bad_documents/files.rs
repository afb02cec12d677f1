//! Documents that are missing, not text, or very large.

use snapbox::str;

use super::helpers::{fine, text};
use crate::support::{HEAD, Project, scenario};

#[test]
fn a_missing_document() {
    Project::new().file("daemon.md", "").refused(["run", "deamon.md", "no/such/directory.md"]).stderr(str![[r#"
error[not-found]: document not found: deamon.md

error[not-found]: document not found: no/such/directory.md

2 errors

"#]]);
}

#[test]
fn a_document_that_is_not_utf8() {
    text([scenario("when I run echo h").as_bytes(), b"caf\xe9\n"].concat()).stderr(str![[r#"
error[not-utf8]: x.md is not UTF-8: invalid byte 0xe9 in line 9 (offset 134)
 |
 = help: save it as UTF-8

1 error

"#]]);
}

#[test]
fn an_embedded_file_that_is_not_utf8() {
    text(scenario("given file f").into_bytes().into_iter().chain(*b"~~~{#f .file}\n\xff\n~~~\n").collect::<Vec<_>>())
        .stderr(str![[r#"
error[not-utf8]: x.md is not UTF-8: invalid byte 0xff in line 10 (offset 140)
 |
 = help: save it as UTF-8

1 error

"#]]);
}

#[test]
fn a_directory() {
    Project::new().directory("docs").refused(["run", "docs"]).stderr(str![[r#"
error[no-scenario]: there are no documents with scenarios in docs
 |
 = note: no file below it ends in `.md`, `.markdown` or `.subplot`
 = note: hidden directories, `target` and `node_modules` are not searched

1 error

"#]]);
}

#[test]
fn paths_that_are_not_regular_files() {
    Project::new().fifo("pipe.md").refused(["run", "pipe.md", "/dev/zero", "/dev/null"]).stderr(str![[r#"
error[not-a-file]: pipe.md is not a regular file

error[not-a-file]: /dev/zero is not a regular file

error[not-a-file]: /dev/null is not a regular file

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
fn a_document_without_read_permission() {
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
fn windows_line_ends_are_accepted() {
    fine(scenario("when I run true\nthen command is successful").replace('\n', "\r\n")).stdout(str![[r#"
1 scenario with 2 steps: OK

"#]]);
}

#[test]
fn mistakes_in_lines_with_windows_line_ends_have_the_right_place() {
    text(scenario("when I run true\nthen it rains").replace('\n', "\r\n")).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:8:1
  |
8 | then it rains
  | ^^^^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one

1 error

"#]]);
}

#[test]
fn the_last_line_needs_no_line_end() {
    fine(scenario("when I run true").trim_end()).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
    fine(format!("# S\n~~~scenario\nwhen I run true\n~~~\n\n{}", HEAD.trim_end())).stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
}

#[test]
fn a_nul_character() {
    let project = Project::new();
    let ran = project.file("x.md", scenario("when I run echo \0")).run(["run", "x.md"]);
    assert_ne!(ran.status.code(), Some(0), "{}", ran.stdout);
}

#[test]
fn check_says_the_same_as_run() {
    let project = Project::new().file("x.md", scenario("when I brew coffee"));
    let (run, check) = (project.refused(["run", "x.md"]), project.refused(["check", "x.md"]));
    assert_eq!(run.stderr, check.stderr);
    let list = project.run(["list", "x.md"]).code(2).stdout("x.md:5  The scenario\n");
    assert_eq!(list.stderr, run.stderr);
}

#[test]
fn files_in_a_language_without_a_step_host_are_one_mistake() {
    let body = "# A\n~~~scenario\ngiven an installed frob\nwhen I run true\n~~~\n\
                # B\n~~~scenario\ngiven a removed frob\n~~~\n";
    let bindings = "- given: an installed frob\n  impl: {rust: {function: install}}\n\
                    - given: a removed frob\n  impl: {rust: {function: remove}}\n";
    let heads = [
        "impls: {rust: [steps.rs, more.rs]}",
        "impls: {rust: [steps.rs], python: []}",
        "template: rust\nfunctions: [steps.rs]",
        "functions: steps.rs\ntemplate: rust",
    ];
    for head in heads {
        let text = format!("---\ntitle: T\nbindings: [own.yaml, lib/runcmd.yaml]\n{head}\n---\n{body}");
        let project = Project::new().file("x.md", text).file("own.yaml", bindings);
        let refused = project.refused(["check", "x.md"]);
        let expected = "error[cannot-run]: this document has steps in rust, which needs a step host\n";
        assert!(refused.stderr.starts_with(expected), "{head}: {}", refused.stderr);
        assert!(refused.stderr.ends_with("\n1 error\n"), "{head}: {}", refused.stderr);
        // With a host, the file matters.
        let refused = project.refused(["check", "--host", "rust=/bin/true", "x.md"]);
        assert!(
            refused.stderr.contains("error[not-found]: rust file not found: steps.rs\n"),
            "{head}: {}",
            refused.stderr
        );
    }
    // Python has a host, so its file is a mistake of its own.
    let head =
        "---\ntitle: T\nbindings: [own.yaml, lib/runcmd.yaml]\nimpls: {rust: [steps.rs], python: [steps.py]}\n---\n";
    let more = "# C\n~~~scenario\ngiven a snake\n~~~\n";
    let bindings = format!("{bindings}- given: a snake\n  impl: {{python: {{function: snake}}}}\n");
    let project = Project::new().file("x.md", format!("{head}{body}{more}")).file("own.yaml", bindings);
    let refused = project.refused(["check", "x.md"]);
    assert!(refused.stderr.contains("error[not-found]: python file not found: steps.py\n"), "{}", refused.stderr);
    assert!(refused.stderr.ends_with("\n2 errors\n"), "{}", refused.stderr);
}
