//! A document with the files around it, and plain texts of what loading it gives.

use std::fmt::Write as _;
use std::sync::Arc;

use greenroom_doc::{
    BuiltinFile, Code, Diagnostic, Loaded, MemoryLoader, Reach, Request, Severity, Sources, Span, load,
};

/// Metadata and a heading, for tests that are not about them.
pub(crate) const HEAD: &str = "---\ntitle: T\nbindings: [b.yaml]\n---\n# S\n";

/// Bindings for many purposes, all of them native.
pub(crate) const BINDINGS: &str = r#"
- given: a thing
  impl: {native: {function: a}}
- given: file {f:file}
  impl: {native: {function: f}}
- when: I say {what:text} to {whom}
  impl: {native: {function: say}}
- when: I print "{what:escapedtext}"
  impl: {native: {function: print}}
- then: there are {n:uint} of {what}
  impl: {native: {function: count}}
- then: it costs (?P<price>\S+) per (?P<unit>.+)
  regex: true
  types: {price: number}
  impl: {native: {function: cost}}
"#;

pub(crate) struct Project {
    loader: MemoryLoader,
    builtin: Vec<BuiltinFile>,
    documents: Vec<String>,
}

impl Project {
    pub(crate) fn new() -> Self {
        let loader = MemoryLoader::default().with("b.yaml", BINDINGS);
        Self { loader, builtin: Vec::new(), documents: Vec::new() }
    }

    /// Creates a document `d.md` with this text after [`HEAD`].
    pub(crate) fn with_scenario(text: &str) -> Self {
        Self::new().document("d.md", format!("{HEAD}{text}"))
    }

    /// Creates a document `d.md` of one scenario with these steps, and bindings for them.
    pub(crate) fn with_bindings(bindings: &str, steps: &str) -> Self {
        Self::with_scenario(&format!("~~~scenario\n{steps}\n~~~\n")).file("b.yaml", bindings)
    }

    pub(crate) fn file(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.loader = self.loader.with(path, text);
        self
    }

    pub(crate) fn document(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.documents.push(path.to_owned());
        self.file(path, text)
    }

    pub(crate) fn also(mut self, path: &str) -> Self {
        self.documents.push(path.to_owned());
        self
    }

    pub(crate) fn builtin(mut self, name: &str, text: Option<&str>) -> Self {
        self.builtin.push(BuiltinFile {
            name: name.to_owned(),
            text: text.map(Arc::from),
            reach: Reach::Listed,
            places: Vec::new(),
        });
        self
    }

    pub(crate) fn load(&self) -> Loaded {
        let can_run =
            |language: &str, function: &str| language == "native" || (language == "python" && function != "gone");
        load(&Request {
            documents: &self.documents,
            loader: &self.loader,
            builtin: &self.builtin,
            can_run: &can_run,
            may_be_empty: &|_| false,
            needs_scenarios: true,
        })
    }

    /// Returns all diagnostics.
    pub(crate) fn complaints(&self) -> String {
        let loaded = self.load();
        complaints(&loaded.sources, &loaded.diagnostics)
    }

    /// Returns the plan, after a check that there are no diagnostics, except for collapsed spaces.
    pub(crate) fn plan(&self) -> String {
        let mut loaded = self.load();
        loaded.diagnostics.retain(|diagnostic| diagnostic.code != Code::CollapsedSpaces);
        assert_eq!(complaints(&loaded.sources, &loaded.diagnostics), "");
        plan(&loaded)
    }
}

/// Compares with a snapshot. `SNAPSHOTS=overwrite` rewrites the snapshots.
#[track_caller]
pub(crate) fn same(actual: String, expected: impl snapbox::IntoData) {
    // Backslashes here are escapes, not separators of paths.
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(actual, expected);
}

fn place(sources: &Sources, span: Span) -> String {
    let file = sources.file(span.source);
    let (line, column) = file.line_column(span.start);
    let text = sources.text(span);
    format!("{}:{line}:{column} {text:?}", file.name)
}

/// Writes out diagnostics: severity, code, message, and a line for each place, note and help.
pub(crate) fn complaints(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let severity = if d.severity == Severity::Error { "error" } else { "warning" };
        let _ = writeln!(out, "{severity}[{}]: {}", d.code.word(), d.message);
        for label in d.primary.iter().chain(&d.secondary) {
            let dash = if label.text.is_empty() { "" } else { " - " };
            let _ = writeln!(out, "  at {}{dash}{}", place(sources, label.span), label.text);
        }
        for note in &d.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        for help in &d.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
    out
}

/// Writes out scenarios, their steps with functions and captures, and embedded files.
pub(crate) fn plan(loaded: &Loaded) -> String {
    let mut out = String::new();
    for scenario in &loaded.plan.scenarios {
        let _ = writeln!(out, "{} {:?}", scenario.title, scenario.labels);
        for step in &scenario.steps {
            let i = &step.implementation;
            let _ = writeln!(out, "  {}: {} -> {}:{}", step.kind.word(), step.text, i.language, i.function);
            for capture in &step.captures {
                let written = Span { source: step.span.source, start: capture.range.0, end: capture.range.1 };
                let written = loaded.sources.text(written);
                let written = if written == &*capture.text { String::new() } else { format!(" from {written:?}") };
                let _ =
                    writeln!(out, "    {}: {} = {:?}{written}", capture.name(), capture.kind().name(), capture.text);
            }
        }
    }
    for file in loaded.plan.documents.iter().flat_map(|document| &document.files) {
        let _ = writeln!(out, "file {} {:?}", file.name, file.text);
    }
    out
}
