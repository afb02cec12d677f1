//! Documents: Markdown with metadata, and `.subplot` files.

use std::sync::LazyLock;

use greenroom_doc::{BuiltinFile, Loaded, MemoryLoader, Reach, Request, load};

use crate::checks::{check_document, codes, fingerprint};
use crate::target::Target;

/// The target `document`.
pub(crate) const TARGET: Target = Target {
    name: "document",
    run,
    seeds: &["acceptance", "acceptance/python", "examples"],
    extensions: &["md", "subplot"],
    dictionary: &[
        "~~~scenario\n",
        "```{.scenario label=a}\n",
        "~~~{#f .file add-newline=no}\n",
        "~~~\n",
        "```\n",
        "# h\n",
        "===\n",
        "---\n",
        "...\n",
        "title: x\n",
        "bindings: [b.yaml]\n",
        "bindings:\n- lib/daemon.yaml\n",
        "impls: {python: [x.py]}\n",
        "step_timeout: 1 s\n",
        "network: host\n",
        "documentclass: report\n",
        "> ",
        "- ",
        "\t",
        "<!--\n",
        "-->\n",
        "\r\n",
        "\u{feff}",
        "given file f\n",
        "when I run x\n",
        "then stdout contains \"\\x4é\"\n",
        "and\n",
        "${x}",
        "\u{a0}",
        "\u{2028}",
        "é",
        "👩‍🚀",
        "e\u{301}",
    ],
};

/// Stands for the libraries. A few of their bindings do: compiling all patterns would take most of the time.
static BUILTIN: LazyLock<Vec<BuiltinFile>> = LazyLock::new(|| {
    let library =
        |name: &str, text| BuiltinFile { name: name.to_owned(), text, reach: Reach::Listed, places: Vec::new() };
    vec![
        library("lib/daemon.yaml", Some(DAEMON.into())),
        library("lib/files.yaml", Some(FILES.into())),
        library("lib/runcmd.yaml", Some(RUNCMD.into())),
        library("lib/files.py", None),
    ]
});

const DAEMON: &str = r#"
- when: I start "{path}{args:text}" as a background process as {name}, on port {port}
  regex: false
  types: {path: word, args: text, name: word, port: uint}
  impl: {native: {function: daemon_start}}
- when: I stop background process {name:word}
  impl: {native: {function: daemon_stop}}
"#;

const FILES: &str = r#"
- given: file {filename_on_disk} from {embedded_file:file}
  impl: {native: {function: files_create_from_embedded_with_other_name}}
- given: file {embedded_file:file}
  impl: {native: {function: files_create_from_embedded}}
- then: file (?P<filename>\S+) contains "(?P<data>.*)"
  regex: true
  types: {filename: word, data: escapedtext}
  impl: {native: {function: files_contains}}
"#;

const RUNCMD: &str = r#"
- when: I run {argv0}{args:text}
  impl: {native: {function: runcmd_step}}
- then: stdout contains "{text:text}"
  impl: {native: {function: runcmd_stdout_contains}, python: {function: runcmd_stdout_contains}}
"#;

/// Bindings for documents that list `b.yaml`.
const BINDINGS: &str = r#"
- given: a thing
  impl: {native: {function: a}}
- when: I say {what:text} to {whom}
  impl: {native: {function: say}}
- when: I print "{what:escapedtext}"
  impl: {native: {function: print}}
- then: it costs (?P<price>\S+) per (?P<unit>.+)
  regex: true
  types: {price: number}
  impl: {native: {function: cost}}
"#;

fn run(input: &[u8]) -> u64 {
    // Whether a text is a document or the metadata of one is a matter of its name.
    let files = MemoryLoader::default().with("d.md", input).with("d.subplot", input).with("b.yaml", BINDINGS);
    let markdown = loaded("d.md", &files);
    let metadata = loaded("d.subplot", &files);
    let size = |loaded: &Loaded| {
        let steps: usize = loaded.plan.scenarios.iter().map(|scenario| scenario.steps.len()).sum();
        (loaded.plan.scenarios.len().min(4), steps.min(8))
    };
    let outcome = |loaded: &Loaded| fingerprint((codes(&loaded.diagnostics), size(loaded)));
    fingerprint((outcome(&markdown), outcome(&metadata)))
}

fn loaded(document: &str, files: &MemoryLoader) -> Loaded {
    let can_run =
        |language: &str, function: &str| language == greenroom_doc::NATIVE || function.len().is_multiple_of(2);
    let loaded = load(&Request {
        documents: &[document.to_owned()],
        loader: files,
        builtin: &BUILTIN,
        can_run: &can_run,
        may_be_empty: &|_| false,
        needs_scenarios: true,
    });
    check_document(&loaded);
    loaded
}
