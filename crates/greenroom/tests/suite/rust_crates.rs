//! Documents of Rust crates by the command: which test has their functions, as the source says.

use snapbox::str;

use crate::support::Project;

/// Returns the manifest of a package.
fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n")
}

/// Returns a document without metadata that has one scenario.
fn document(title: &str, steps: &str) -> String {
    format!("# {title}\n\n~~~scenario\n{steps}\n~~~\n")
}

/// The functions of a document beside the packages of a workspace are those of the test that names it.
#[test]
fn a_document_of_a_workspace_has_the_functions_of_its_tests() {
    let harness =
        "greenroom::acceptance_tests!(\"../../docs/shop.md\");\n#[greenroom::given(\"a shop\")]\nfn shop() {}\n";
    let project = Project::anywhere()
        .file("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n")
        .file("docs/shop.md", document("The shop", "given a shop"))
        .file("crates/a/Cargo.toml", manifest("a"))
        .file("crates/a/tests/acceptance.rs", harness);
    project.run(["check", "docs/shop.md"]).passes().stdout(str![[r#"
1 scenario with 1 step: OK

"#]]);
    let needs = "[[test]]\nname = \"slow\"\nharness = false\nrequired-features = [\"slow\"]\n";
    let project = project
        .file("crates/b/Cargo.toml", format!("{}{needs}", manifest("b")))
        .file("crates/b/tests/slow.rs", harness);
    project.run(["run", "docs/shop.md"]).code(3).stdout("").stderr(str![[r#"
greenroom: several test programs name docs/shop.md; run one of them:
  cargo test --manifest-path [PROJECT]/crates/a/Cargo.toml --test acceptance -- --document ../../docs/shop.md
  cargo test --manifest-path [PROJECT]/crates/b/Cargo.toml --test slow --features slow -- --document ../../docs/shop.md

"#]]);
    // One of them names both of these documents.
    let both = harness.replace("shop.md\"", "shop.md\", \"../../docs/bank.md\"");
    let project = project
        .file("docs/bank.md", document("The bank", "given a shop"))
        .file("crates/a/tests/acceptance.rs", both)
        .program("bin/cargo", "#!/bin/sh\necho \"cargo $*\"\n");
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let ran = project.env("PATH", path).run(["run", "docs/bank.md", "docs/shop.md"]).code(0);
    ran.stdout(str![[r#"
cargo test --manifest-path [PROJECT]/crates/a/Cargo.toml --test acceptance -- --document ../../docs/bank.md --document ../../docs/shop.md

"#]]);
}

#[test]
fn each_document_has_the_functions_of_its_own_test() {
    let test = |document: &str, more: &str| {
        format!(
            "greenroom::acceptance_tests!(\"tests/{document}\");\n\
             #[greenroom::given(\"an account\")]\nfn account() {{}}\n{more}"
        )
    };
    let project = Project::anywhere()
        .file("Cargo.toml", manifest("a"))
        .file("tests/bank.rs", test("bank.md", "#[greenroom::step]\nfn close() {}\n"))
        .file("tests/shop.rs", test("shop.md", "#[greenroom::given(\"a shop\")]\nfn shop() {}\n"))
        .file("tests/bank.md", document("The bank", "given an account"))
        .file("tests/shop.md", document("The shop", "given an account\nand a shop"));
    project.run(["check", "tests/bank.md", "tests/shop.md"]).passes().stdout(str![[r#"
2 scenarios with 3 steps: OK

"#]]);
    let head = "---\ntitle: X\nbindings: [own.yaml]\n---\n";
    let steps = "given an account\nand a shop\nwhen it closes\nthen it is closed";
    let bindings = "- when: it closes\n  impl: {rust: {function: \"bank::close\"}}\n\
                    - then: it is closed\n  impl: {rust: {function: account, cleanup: clos}}\n";
    let project = project
        .file("tests/own.yaml", bindings)
        .file("tests/bank.md", format!("{head}{}", document("The bank", steps)))
        .file("tests/shop.md", format!("{head}{}", document("The shop", "when it closes")));
    project.run(["check", "tests/bank.md", "tests/shop.md"]).code(2).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> tests/bank.md:9:1
  |
9 | and a shop
  | ^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one

error[cannot-run]: there is no cleanup `clos` in Rust
  --> tests/bank.md:11:1
   |
11 | then it is closed
   | ^^^^^^^^^^^^^^^^^
   |
  ::: tests/own.yaml:3:9
   |
 3 | - then: it is closed
   |         ------------ bound here
   |
   = help: did you mean `close`?

error[cannot-run]: there is no step function `bank::close` in Rust
 --> tests/shop.md:8:1
  |
8 | when it closes
  | ^^^^^^^^^^^^^^
  |
 ::: tests/own.yaml:1:9
  |
1 | - when: it closes
  |         --------- bound here
  |
  = help: give a function of this name the attribute `#[step]`

3 errors

"#]]);
}

#[test]
fn functions_come_before_built_in_steps_in_a_document_without_metadata() {
    let test = "greenroom::acceptance_tests!(\"tests/x.md\");\n\
                #[greenroom::when(\"I run {command:text}\")]\nfn run(_command: &str) {}\n";
    let project = Project::anywhere()
        .file("Cargo.toml", manifest("a"))
        .file("tests/x.rs", test)
        .file("tests/x.md", document("Own", "when I run true\nand I fly"));
    project.run(["check", "tests/x.md"]).code(2).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> tests/x.md:5:1
  |
5 | and I fly
  | ^^^^^^^^^
  |
  = help: similar: `when I run {command:text}` in tests/x.rs:3
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I GET {url:word}` in lib/http.yaml (built in)

1 error

"#]]);
}

/// Who reads the chapter after `greenroom init --rust` has the same file.
#[test]
fn the_chapter_about_rust_shows_the_file_that_init_writes() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let file = read("crates/greenroom/src/commands/first_steps.rs");
    let (_, code) = file.split_once("\n\n").unwrap();
    assert!(read("docs/rust.md").contains(&format!("```rust\n{code}```")), "{code}");
}
