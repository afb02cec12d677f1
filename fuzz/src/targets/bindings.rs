//! Bindings files.

use greenroom_doc::{MemoryLoader, Request, SourceFile, bindings_of, load};

use crate::checks::{check_diagnostics, check_document, check_span, codes, fingerprint};
use crate::target::Target;

/// The target `bindings`.
pub(crate) const TARGET: Target = Target {
    name: "bindings",
    run,
    seeds: &["crates/steps/src/library", "crates/steps/src/library/daemon", "acceptance/python", "examples"],
    extensions: &["yaml"],
    dictionary: &[
        "- given: ",
        "- when: ",
        "- then: ",
        "  regex: true\n",
        "  case_sensitive: true\n",
        "  types: {x: int}\n",
        "  types:\n    x: file\n",
        "  impl:\n    native:\n      function: f\n",
        "      cleanup: g\n",
        "  doc: |\n    text\n",
        "{x}",
        "{x:file}",
        "{x:text}",
        "{x:escapedword}",
        "{x:json}",
        "{x:jsonpath}",
        "(?P<x>.*)",
        "(?P<x>",
        "(?:a|b){1000}",
        "[^x]*",
        "é",
        "'",
        "\"",
        "|\n  ",
        ">-\n  ",
        "&a ",
        "*a",
        "<<: ",
        "!!binary ",
        "!!python/object ",
        "? ",
        "\n",
        "\r\n",
        ": ",
        "#",
        "\u{feff}",
        "\u{2028}",
        "[",
        "{",
        "---\n",
    ],
};

/// The most steps of a document that is made up.
const STEPS: usize = 12;

fn run(input: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(input);
    let (sources, bindings, diagnostics) = bindings_of(SourceFile::new("b.yaml", &*text));
    check_diagnostics(&diagnostics, &sources);
    let mut kinds = 0_u32;
    // A step for each pattern, as it is written and nearly so.
    let mut document = "---\ntitle: T\nbindings: [b.yaml]\n---\n# S\n~~~scenario\n".to_owned();
    for binding in &bindings {
        check_span(&sources, binding.span);
        for capture in &binding.captures {
            kinds |= 1 << (capture.kind as u32);
        }
        let pattern = binding.pattern.replace(['\n', '\r'], " ");
        for step in [pattern.replace(['{', '}', '?', '\\'], "").as_str(), pattern.trim_end_matches('t')] {
            if document.matches('\n').count() < STEPS {
                document.extend([binding.kind.word(), " ", step, "\n"]);
            }
        }
    }
    document.push_str("~~~\n");
    let loader = MemoryLoader::default().with("d.md", document).with("b.yaml", input);
    let request = Request {
        documents: &["d.md".to_owned()],
        loader: &loader,
        builtin: &[],
        can_run: &|_, function| function != "f",
        may_be_empty: &|_| false,
        needs_scenarios: true,
    };
    let outcome = load(&request);
    check_document(&outcome);
    fingerprint((codes(&diagnostics), codes(&outcome.diagnostics), bindings.len().min(4), kinds))
}
