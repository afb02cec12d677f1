//! What the compiler says about mistakes in documents and in step functions.

#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes them")]

use proc_macro2::TokenStream;
use quote::quote;
use snapbox::{assert_data_eq, str};

use crate::document::Package;
use crate::{codegen, step};

/// Returns the errors of `codegen!`, for `x.subplot`, with these files in the directory of the package.
fn errors(files: &[(&str, &str)], arguments: TokenStream) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).expect("a file");
    }
    let test_file = "subplotlib::codegen!(\"x.subplot\");";
    let result = syn::parse2(arguments)
        .and_then(|arguments| codegen::tests(&arguments, &Package::new(directory.path().to_owned()), Some(test_file)));
    match result {
        Ok(_) => "no errors".to_owned(),
        Err(all) => all.into_iter().map(|error| error.to_string()).collect::<Vec<_>>().join("\n\n"),
    }
}

fn of_document(text: &str, bindings: &str) -> String {
    let metadata = "title: X\nmarkdowns: [x.md]\nbindings: [x.yaml]\nimpls: {rust: [x.rs]}\n";
    let steps = "#[step] fn buy(_: &Shop, count: u32) {} fn pay() {}";
    let files = [("x.subplot", metadata), ("x.md", text), ("x.yaml", bindings), ("x.rs", steps)];
    errors(&files, quote!("x.subplot"))
}

const BUY: &str = "- when: I buy {count:uint}\n  impl: {rust: {function: buy}}\n";

#[test]
fn a_correct_document_has_no_errors() {
    assert_eq!(of_document("# A\n\n```scenario\nwhen I buy 2\n```\n", BUY), "no errors");
}

#[test]
fn all_mistakes_of_a_document_are_shown_with_their_lines() {
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I bye 2\nthen nothing\n```\n", BUY),
        str![[r#"
no binding matches this step
  --> x.md:4:1
  4 | when I bye 2
  = help: similar: `when I buy {count:uint}` in x.yaml:1

no binding matches this step
  --> x.md:5:1
  5 | then nothing
  = help: add a binding for it, or reword it to match one
"#]]
    );
}

#[test]
fn a_missing_function_is_shown_with_a_step_that_needs_it() {
    let bindings = BUY.replace("buy}", "by}");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I buy 2\nwhen I buy 3\n```\n", &bindings),
        str![[r#"
function not found: `by`
  --> x.yaml:1
  = note: the step `when I buy 2` at x.md:4:1 needs it
  = help: did you mean `buy`?
"#]]
    );
}

#[test]
fn a_capture_without_a_parameter_is_shown_with_those_that_exist() {
    let bindings = BUY.replace("count", "number");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I buy 2\n```\n", &bindings),
        str![[r#"
`buy` has no parameter for the capture `number`
  --> x.yaml:1
  = note: the step `when I buy 2` at x.md:4:1 needs it
  = note: the function has its context and `count`
  = help: give parameter and capture the same name
"#]]
    );
}

#[test]
fn a_parameter_that_takes_another_value_is_shown_with_what_to_write() {
    let bindings = BUY.replace(":uint", "");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I buy 2\n```\n", &bindings),
        str![[r#"
the capture `count` is a text, but `buy` takes `count: u32`
  --> x.yaml:1
  = note: the step `when I buy 2` at x.md:4:1 needs it
  = help: write `&str` for the type of the parameter, or in the binding `{count:int}` for the capture
"#]]
    );
}

#[test]
fn a_function_without_the_attribute_is_not_a_step() {
    let bindings = BUY.replace("function: buy", "function: pay, cleanup: buy");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I buy 2\n```\n", &bindings),
        str![[r#"
`pay` is not a step function
  --> x.yaml:1
  = note: the step `when I buy 2` at x.md:4:1 needs it
  = help: write `#[step]` above it
"#]]
    );
}

#[test]
fn a_function_that_is_no_path_is_an_error() {
    let bindings = BUY.replace("buy}", "'let me buy'}");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I buy 2\n```\n", &bindings),
        str!["x.yaml:1: `let me buy` is not the path of a Rust function"]
    );
}

#[test]
fn steps_cannot_be_repeated() {
    let bindings = BUY.replace("when", "then");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nthen within 5 seconds I buy 2\n```\n", &bindings),
        str![[r#"
x.md:4:1: `codegen!` cannot repeat steps: `then within 5 seconds I buy 2`
  = help: run this document with `greenroom::acceptance_tests!`, which can
"#]]
    );
}

#[test]
fn bindings_need_a_function_in_rust() {
    let bindings = BUY.replace("rust", "python");
    assert_data_eq!(
        of_document("# A\n\n```scenario\nwhen I buy 2\n```\n", &bindings),
        str![[r#"
no function in Rust is bound to this step
  --> x.md:4:1
  4 | when I buy 2
  --> x.yaml:1:9
  1 | - when: I buy {count:uint}  <- bound here
  = note: it is bound to the python function `buy`
  = help: add `rust: {function: NAME}` under `impl` of the binding
"#]]
    );
}

#[test]
fn libraries_without_functions_in_rust_are_refused() {
    let metadata = "title: X\nmarkdowns: [x.md]\nbindings: [lib/daemon.yaml, lib/file.yaml]\nimpls: {rust: []}\n";
    let text = "# A\n\n```scenario\ngiven a directory x\n```\n";
    assert_data_eq!(
        errors(&[("x.subplot", metadata), ("x.md", text)], quote!("x.subplot")),
        str![[r#"
bindings file not found: lib/daemon.yaml
  --> x.subplot:3:12
  3 | bindings: [lib/daemon.yaml, lib/file.yaml]
  = note: the steps of this library have no functions in Rust
  = help: run the document with `greenroom::acceptance_tests!`, which has them

bindings file not found: lib/file.yaml
  --> x.subplot:3:29
  3 | bindings: [lib/daemon.yaml, lib/file.yaml]
  = note: it is neither beside the document nor built in
  = help: did you mean `lib/files.yaml`?
"#]]
    );
}

#[test]
fn a_missing_document_is_shown_with_the_place_where_paths_begin() {
    assert_data_eq!(
        errors(&[("shop.subplot", "title: X\n")], quote!("shop.md")),
        str![[r#"
document not found: shop.md
  = note: paths begin in the directory of the package
  = help: did you mean shop.subplot?
"#]]
    );
}

#[test]
fn arguments_are_checked() {
    for (arguments, message) in [
        (quote!(), "name the document first: `codegen!(\"shop.subplot\")`"),
        (quote!(x), "name the document first: `codegen!(\"shop.subplot\")`"),
        (quote!("x.subplot", only = "a"), "unknown argument; there are `include` and `exclude`"),
        (quote!("x.subplot", include = "a", include = "b"), "`include` is given twice; list all labels in one"),
    ] {
        assert_eq!(errors(&[], arguments), message);
    }
}

#[test]
fn labels_select_scenarios() {
    let metadata = "title: X\nmarkdowns: [x.md]\nbindings: [lib/files.yaml]\nimpls: {rust: []}\n";
    let block = "{.scenario label=LABEL}\ngiven a directory x\n```\n\n";
    let text = format!(
        "# A\n\n```{0}# B\n\n```{1}# C\n\n```scenario\ngiven a directory x\n```\n",
        block.replace("LABEL", "slow"),
        block.replace("LABEL", "slow label=net")
    );
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in [("x.subplot", metadata), ("x.md", &text)] {
        std::fs::write(directory.path().join(name), text).expect("a file");
    }
    let package = Package::new(directory.path().to_owned());
    let selected = |arguments: TokenStream| {
        let arguments = syn::parse2(arguments).expect("arguments");
        let tests = codegen::tests(&arguments, &package, None).expect("tests").to_string();
        ["a", "b", "c"].into_iter().filter(|name| tests.contains(&format!("fn {name} ()"))).collect::<String>()
    };
    assert_eq!(selected(quote!("x.subplot")), "abc");
    assert_eq!(selected(quote!("x.subplot", include = "slow")), "ab");
    assert_eq!(selected(quote!("x.subplot", include = "slow, -net")), "a");
    assert_eq!(selected(quote!("x.subplot", exclude = "slow")), "c");
    assert_eq!(selected(quote!("x.subplot", exclude = "slow, net")), "ac");
    assert_eq!(selected(quote!("x.subplot", include = "slow", exclude = "net",)), "a");
}

/// Returns the errors of the attribute `step`.
fn step_errors(function: &str) -> Vec<String> {
    let expanded = step::expand(&function.parse().expect("tokens"), None);
    let file: syn::File = syn::parse2(expanded).expect("items");
    let message = |item: syn::Item| match item {
        syn::Item::Macro(item) if item.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error") => {
            Some(item.mac.parse_body::<syn::LitStr>().expect("a message").value())
        }
        _ => None,
    };
    file.items.into_iter().filter_map(message).collect()
}

#[test]
fn step_functions_have_the_old_form() {
    let context =
        "the first parameter of a step function is its context: `&Context`, `&mut Context` or `&ScenarioContext`";
    let name = "a parameter of a step function has a name: that of the capture in its bindings";
    let types = "a captured argument is `&str`, `&Path`, a number or a `SubplotDataFile`, not another reference";
    let result = "a step function returns nothing; remove the return type, and return errors by `?` or `throw!`";
    let asyncness = "a step function cannot be `async` here; the attribute `step` of greenroom allows it";
    for (function, message) in [
        ("fn f() {}", context),
        ("fn f(context: Context) {}", context),
        ("fn f(&self) {}", "a step function cannot be a method"),
        ("fn f<'a>(context: &'a Context) {}", "a step function cannot be generic; write the types"),
        ("fn f(c: &C) -> Result<(), StepError> {}", result),
        ("async fn f(c: &C) {}", asyncness),
        ("#[throws(StepError)] fn f(c: &C) {}", "remove `#[throws]`: a step function returns errors without it"),
        ("unsafe fn f(c: &C) {}", "a step function cannot be `unsafe`; put an `unsafe` block into it"),
        ("extern \"C\" fn f(c: &C) {}", "a step function cannot have an ABI; remove `extern`"),
        ("fn f(c: &C, x: &[u8]) {}", types),
        ("fn f(c: &C, x: &mut str) {}", types),
        ("fn f(c: &C, (x, y): (u8, u8)) {}", name),
        ("fn f(c: &C, _: u8) {}", name),
        ("#[context] fn f(c: &C) {}", "write the type of one context: `#[context(Datadir)]`"),
        ("struct S;", "only a function can be a step"),
    ] {
        assert_eq!(step_errors(function).first().map(String::as_str), Some(message), "{function}");
    }
    assert_eq!(step_errors("async fn f(c: C, x: &u8) -> u8 {}").len(), 4);
    assert_eq!(step_errors("fn f(c: &mut C, _x: u8, r#type: &std::path::Path) {}"), Vec::<String>::new());
}
