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
    let project = project.env("PATH", path);
    let ran = project.run(["run", "docs/bank.md", "docs/shop.md"]).code(0);
    ran.stdout(str![[r#"
cargo test --manifest-path [PROJECT]/crates/a/Cargo.toml --test acceptance -- --document ../../docs/bank.md --document ../../docs/shop.md

"#]]);
    // Reports go to where the user is, not to where Cargo runs the test.
    let ran = project.run(["run", "docs/bank.md", "--junit", "bank.xml", "--events=-", "-j", "1"]).code(0);
    ran.stdout(str![[r#"
cargo test --manifest-path [PROJECT]/crates/a/Cargo.toml --test acceptance -- --junit [PROJECT]/bank.xml --events=- -j 1 --document ../../docs/bank.md

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

a function for the step, to be filled in:

#[given("a shop")]
fn a_shop() {
    todo!()
}

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

a function for the step, to be filled in:

#[when("I fly")]
fn i_fly() {
    todo!()
}

"#]]);
}

#[test]
fn a_document_that_no_test_names_is_reported_with_its_unknown_steps() {
    let test = "greenroom::acceptance_tests!(\"tests/x.md\");\n#[greenroom::given(\"a shop\")]\nfn shop() {}\n";
    let project = Project::anywhere()
        .file("a/Cargo.toml", manifest("a"))
        .file("a/tests/x.rs", test)
        .file("a/tests/x.md", document("Named", "given a shop\nwhen I fly"))
        .file("a/docs/y.md", document("New", "given a shop\nwhen I swim"))
        .file("z.md", document("Elsewhere", "given a shop"));
    project.run(["check", "a/docs/y.md", "a/tests/x.md", "z.md"]).code(2).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> a/docs/y.md:4:1
  |
4 | given a shop
  | ^^^^^^^^^^^^
  |
  = help: similar: `given a directory {path:path}` in lib/files.yaml (built in)
  = help: this document has no metadata, so it has only the built-in steps; to use others, begin the document with lines such as these:
  = help:     ---
  = help:     title: New
  = help:     bindings:
  = help:     - lib/runcmd.yaml
  = help:     - my-steps.yaml
  = help:     ---
  = help: no test names this document; if its steps are in Rust, add it to `acceptance_tests!`, such as that in a/tests/x.rs

error[unknown-step]: no binding matches this step
 --> a/docs/y.md:5:1
  |
5 | when I swim
  | ^^^^^^^^^^^
  |
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I GET {url:word}` in lib/http.yaml (built in)
  = help: similar: `when I HEAD {url:word}` in lib/http.yaml (built in)

error[unknown-step]: no binding matches this step
 --> a/tests/x.md:5:1
  |
5 | when I fly
  | ^^^^^^^^^^
  |
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I GET {url:word}` in lib/http.yaml (built in)
  = help: similar: `when I HEAD {url:word}` in lib/http.yaml (built in)

error[unknown-step]: no binding matches this step
 --> z.md:4:1
  |
4 | given a shop
  | ^^^^^^^^^^^^
  |
  = help: similar: `given a directory {path:path}` in lib/files.yaml (built in)
  = help: this document has no metadata, so it has only the built-in steps; to use others, begin the document with lines such as these:
  = help:     ---
  = help:     title: Elsewhere
  = help:     bindings:
  = help:     - lib/runcmd.yaml
  = help:     - my-steps.yaml
  = help:     ---

4 errors

a function for the step, to be filled in:

#[when("I fly")]
fn i_fly() {
    todo!()
}

"#]]);
}

/// Functions can be in libraries that the test links, which it does if it names them.
#[test]
fn functions_of_libraries_from_directories_are_known() {
    let function = |name: &str| format!("#[greenroom::given(\"{name}\")]\npub fn {name}() {{}}\n");
    let library = |name: &str| manifest(name) + "[dependencies]\ngreenroom = \"0.1\"\n";
    let own = "[dev-dependencies]\nshop-steps = { path = \"../shop\" }\nbank = { workspace = true }\n";
    let test = "greenroom::acceptance_tests!(\"x.md\");\nuse shop_steps as _;\nuse a as _;\nuse bank as _;\n";
    let project = Project::anywhere()
        .file("Cargo.toml", "[workspace]\nmembers = [\"*\"]\n[workspace.dependencies]\nbank = { path = \"bank\" }\n")
        .file("shop/Cargo.toml", library("shop-steps"))
        .file("shop/src/lib.rs", function("shop"))
        .file("bank/Cargo.toml", library("bank"))
        .file("bank/src/lib.rs", "mod more;\n")
        .file("bank/src/more.rs", function("bank"))
        .file("a/Cargo.toml", library("a") + own)
        .file("a/src/lib.rs", function("own"))
        .file("a/tests/x.rs", test)
        .file("a/x.md", document("All", "given shop\nand bank\nand own"));
    project.run(["check", "a/x.md"]).passes();
    let project = project.file("a/tests/x.rs", test.replace("use shop_steps as _;", ""));
    let ran = project.run(["check", "a/x.md"]).code(2);
    assert!(ran.stderr.contains("| given shop") && ran.stderr.contains("\n1 error\n"), "{}", ran.stderr);
}

/// Mistakes in functions that the test would report, and the compiler not.
#[test]
fn mistakes_in_functions_are_found_without_compiling() {
    let test = "greenroom::acceptance_tests!(\"tests/x.md\");\n\
                #[greenroom::given(\"a shop\", cleanup = close)]\nfn shop() {}\n\
                #[greenroom::step]\nfn person() {}\n\
                mod more {\n    #[greenroom::step]\n    fn person() {}\n}\n";
    let project = Project::anywhere()
        .file("Cargo.toml", manifest("a"))
        .file("tests/x.rs", test)
        .file("tests/x.md", document("Own", "given a shop"));
    project.run(["check", "tests/x.md"]).code(2).stderr(str![[r#"
error[cannot-run]: 2 step functions are named `person`: `person` (tests/x.rs:5), `person` (tests/x.rs:8); rename one of them

error[cannot-run]: the cleanup `close` of `shop` (tests/x.rs:3) does not exist; give a function of this name the attribute `#[step]`

2 errors

"#]]);
    // What a macro makes is not known.
    let project = project.file("tests/x.rs", test.replace("fn person() {}\n}", "fn other() {}\n}\nsteps!();"));
    project.run(["check", "tests/x.md"]).passes();
    // A document without functions in Rust runs as it is.
    let project = project.file("tests/x.rs", test).file("tests/x.md", document("Own", "when I run true"));
    project.run(["check", "tests/x.md"]).passes();
}

#[test]
fn a_check_prints_functions_for_the_steps_that_lack_them() {
    let test = "greenroom::acceptance_tests!(\"tests/x.md\");\n#[greenroom::given(\"a shop\")]\nfn shop() {}\n";
    let steps = "when a shop\nwhen I buy 3 apples\nand I buy 4 apples\nthen within 5 seconds it closes";
    let project = Project::anywhere()
        .file("Cargo.toml", manifest("a"))
        .file("tests/x.rs", test)
        .file("tests/x.md", document("Own", steps));
    project.run(["check", "tests/x.md"]).code(2).stdout("").stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> tests/x.md:4:1
  |
4 | when a shop
  | ^^^^^^^^^^^
  |
  = note: it matches `given a shop` in tests/x.rs:3
  = help: this is a `given` step: write `given` instead

error[unknown-step]: no binding matches this step
 --> tests/x.md:5:1
  |
5 | when I buy 3 apples
  | ^^^^^^^^^^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one

error[unknown-step]: no binding matches this step
 --> tests/x.md:6:1
  |
6 | and I buy 4 apples
  | ^^^^^^^^^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one

error[unknown-step]: no binding matches this step
 --> tests/x.md:7:1
  |
7 | then within 5 seconds it closes
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one

4 errors

functions for the steps, to be filled in:

#[when("I buy {number1} apples")]
fn i_buy_apples(number1: u64) {
    todo!()
}

#[then("it closes")]
fn it_closes() {
    todo!()
}

"#]]);
    // The functions of other documents are not in Rust.
    project
        .file("y.md", "---\nbindings: [lib/files.yaml]\n---\n# Other\n\n~~~scenario\nwhen I buy 3 apples\n~~~\n")
        .run(["check", "y.md"])
        .code(2)
        .stderr(str![[r#"
error[missing-key]: this metadata has no `title`
 --> y.md:2:1
  |
2 | bindings: [lib/files.yaml]
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add a line such as `title: Login works`

error[unknown-step]: no binding matches this step
 --> y.md:7:1
  |
7 | when I buy 3 apples
  | ^^^^^^^^^^^^^^^^^^^
  |
  = help: add a binding for it, or reword it to match one
  = help: no test names this document; if its steps are in Rust, add it to `acceptance_tests!`, such as that in tests/x.rs

2 errors

"#]]);
}

/// A package whose tests subplotlib makes, as before its documents move to greenroom's harness.
fn package_of_subplotlib() -> Project {
    let bindings = "- given: a shop\n  impl: {rust: {function: shop}}\n";
    let metadata = "title: Shop\nmarkdowns: [shop.md]\nbindings: [shop.yaml]\nimpls: {rust: [steps.rs]}\n";
    Project::anywhere()
        .file("Cargo.toml", format!("{}[dev-dependencies]\nsubplotlib = \"0.14\"\n", manifest("a")))
        .file("tests/shop.rs", "subplotlib::codegen!(\"doc/shop.subplot\");\n")
        .file("doc/steps.rs", "#[step] fn shop(_: &Shop) {}\n")
        .file("doc/shop.yaml", bindings)
        .file("doc/shop.subplot", metadata)
        .file(
            "doc/shop.md",
            format!("{}\n{}", document("The shop", "given a shop"), document("Two shops", "given a shop\nand a shop")),
        )
        .program("bin/cargo", "#!/bin/sh\necho \"cargo $*\"\n")
}

#[test]
fn a_document_of_codegen_runs_by_its_test() {
    let project = package_of_subplotlib();
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let project = project.env("PATH", path);
    project.run(["check", "doc/shop.subplot"]).passes().stdout(str![[r#"
2 scenarios with 3 steps: OK

"#]]);
    let ran = project.run(["run", "doc/shop.subplot"]).code(0);
    ran.stdout(str![[r#"
cargo test --test shop

"#]])
        .stderr(str![[r#"
greenroom: steps of it are in Rust, so Cargo runs it: cargo test --test shop

"#]]);
    // The Markdown file beside it stands for it; a line selects a scenario.
    project.run(["run", "doc/shop.md"]).code(0).stdout(str![[r#"
cargo test --test shop

"#]]);
    project.run(["run", "doc/shop.md:7"]).code(0).stdout(str![[r#"
cargo test --test shop -- --exact two_shops

"#]]);
    project.run(["run", "--junit=x.xml", "doc/shop.md:7"]).code(3).stdout("").stderr(str![[r#"
greenroom: the test that has the steps of doc/shop.md:7 uses Rust's own harness, without the options of greenroom such as --junit; run:
  cargo test --test shop -- --exact two_shops
or move it to the harness of greenroom: docs/subplotlib.md, The second step

"#]]);
    // A build script makes the tests, and another test is beside them.
    let project = project
        .file("build.rs", "fn main() { subplot_build::codegen(\"doc/shop.subplot\").unwrap(); }")
        .file("tests/shop.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/shop.rs\"));\n#[test]\nfn other() {}\n");
    project.run(["run", "doc/shop.subplot"]).code(0).stdout(str![[r#"
cargo test --test shop -- --exact the_shop two_shops

"#]]);
    // Nothing names the document.
    let project = project.file("build.rs", "fn main() {}");
    project.run(["run", "doc/shop.subplot"]).code(2).stderr(str![[r#"
error[cannot-run]: this document has steps in rust, which needs a step host
 --> doc/shop.md:4:1
  |
4 | given a shop
  | ^^^^^^^^^^^^
  |
 ::: doc/shop.yaml:1:10
  |
1 | - given: a shop
  |          ------ bound here
  |
  = note: it is bound to the rust function `shop`, which greenroom does not have
  = note: and in 2 more places
  = help: a test of Cargo's has its functions: name the document in it by `greenroom::acceptance_tests!("FILE")`, as `greenroom init --rust` does; or give a step host: `--host rust=PROGRAM`

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
