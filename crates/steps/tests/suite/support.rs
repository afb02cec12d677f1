//! A scenario without a document: steps are given as text and find their function through the
//! bindings of the libraries.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses a part of this; a test may panic"
)]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use greenroom_doc::{Binding, CaptureDefinition, CaptureType, SourceFile};
use greenroom_sandbox::process::Watch;
use greenroom_steps::{
    Captures, Context, EmbeddedFile, Failure, Output, OutputSource, PreflightState, Problem, Registry, StepResult,
    Stream, library,
};
use regex::Regex;
use tempfile::TempDir;

/// The embedded files of each scenario.
const EMBEDDED: [(&str, &str); 6] = [
    ("foo.txt", "hello\nworld\n"),
    ("other.txt", "something else\n"),
    ("umlaut.txt", "a\u{e9}\r\n\u{0}no newline"),
    ("hi.sh", "#!/bin/sh\necho \"hi from $0 $*\"\n"),
    ("broken.sh", "#!/no/such/interpreter\n"),
    ("d/e.txt", "below\n"),
];

/// A binding and the regex that its pattern stands for.
pub(crate) struct CompiledBinding {
    pub(crate) binding: Binding,
    regex: Regex,
}

/// The bindings of all libraries.
pub(crate) fn bindings() -> &'static [CompiledBinding] {
    static BINDINGS: OnceLock<Vec<CompiledBinding>> = OnceLock::new();
    BINDINGS.get_or_init(|| {
        let bindings = library::all().into_iter().flat_map(|library| bindings_of(library.name()));
        bindings.map(|binding| CompiledBinding { regex: regex_of(&binding), binding }).collect()
    })
}

pub(crate) fn bindings_of(name: &str) -> Vec<Binding> {
    let library = library::all().into_iter().find(|library| library.name() == name).unwrap();
    let (_, bindings, diagnostics) = greenroom_doc::bindings_of(SourceFile::builtin(name, library.bindings()));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    bindings
}

/// The native function of a binding.
pub(crate) fn function_of(binding: &Binding) -> &str {
    let native = binding.implementations.iter().find(|implementation| implementation.is_native());
    &native.unwrap().function
}

/// Patterns of the libraries with named groups are regexes, all others are simple.
fn regex_of(Binding { pattern, captures, .. }: &Binding) -> Regex {
    let mut expression = if pattern.contains("(?P<") { pattern.clone() } else { regex::escape(pattern) };
    for capture in captures {
        let CaptureDefinition { name, kind } = &**capture;
        let accepts = match kind {
            CaptureType::Text | CaptureType::EscapedText => ".*",
            CaptureType::Int => "-?[0-9]+",
            CaptureType::Uint => "[0-9]+",
            CaptureType::Number => r"-?[0-9]+(?:\.[0-9]+)?",
            CaptureType::Json => r#"null|true|false|-?[0-9]\S*|".*"|\[.*\]|\{.*\}|\$\{\S+\}"#,
            CaptureType::JsonPath => r"\$(?:[^\s\[\]]|\[[^\]]*\])*",
            _ => r"\S+",
        };
        let simple = regex::escape(&format!("{{{name}:{}}}", kind.name()));
        expression = expression.replace(&simple, &format!("(?P<{name}>{accepts})"));
    }
    Regex::new(&format!("(?i)^(?:{expression})$")).unwrap()
}

/// The function and the captures of a step, which must match exactly one binding.
pub(crate) fn matched(kind: &str, step: &str) -> (String, Captures) {
    let fits = |it: &&CompiledBinding| it.binding.kind.word() == kind && it.regex.is_match(step);
    let matching: Vec<_> = bindings().iter().filter(fits).collect();
    let [CompiledBinding { binding, regex }] = matching.as_slice() else {
        let patterns: Vec<_> = matching.iter().map(|it| &it.binding.pattern).collect();
        panic!("{kind} {step}: matched by {patterns:?}");
    };
    let found = regex.captures(step).unwrap();
    let captures = binding.captures.iter().map(|capture| {
        let text = &found[capture.name.as_str()];
        (capture.name.clone(), if capture.kind == CaptureType::EscapedText { unescape(text) } else { text.to_owned() })
    });
    let escaped =
        binding.captures.iter().filter(|capture| capture.kind.is_escaped()).map(|capture| capture.name.clone());
    (function_of(binding).to_owned(), Captures::new(captures).with_escapes(escaped))
}

/// The few escapes that tests use.
fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"")
}

/// A scenario in a directory of its own: `data` is its data directory, `src` its source directory.
pub(crate) struct Scenario {
    pub(crate) room: TempDir,
    pub(crate) context: Context,
    registry: Registry,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self::watched_by(Watch::new())
    }

    pub(crate) fn watched_by(watch: Watch) -> Self {
        let room = tempfile::tempdir().unwrap();
        let (data, src) = (room.path().join("data"), room.path().join("src"));
        fs::create_dir(&data).unwrap();
        fs::create_dir(&src).unwrap();
        let files = EMBEDDED.map(|(name, text)| EmbeddedFile { name: name.to_owned(), text: text.to_owned() });
        Self { context: Context::new(data, src, files.into(), watch), room, registry: Registry::builtin() }
    }

    pub(crate) fn step(&mut self, kind: &str, step: &str) -> StepResult {
        let (function, captures) = matched(kind, step);
        self.registry.function(&function).unwrap()(&mut self.context, &captures)
    }

    /// Runs steps that must pass, one a line.
    pub(crate) fn passes(&mut self, steps: &str) {
        for line in steps.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (kind, step) = line.split_once(' ').unwrap();
            if let Err(error) = self.step(kind, step) {
                panic!("{line}: {error:#?}");
            }
        }
    }

    /// Runs a step that must fail.
    pub(crate) fn fails(&mut self, line: &str) -> Failure {
        let (kind, step) = line.split_once(' ').unwrap();
        match self.step(kind, step) {
            Ok(()) => panic!("{line}: passed"),
            Err(error) => error,
        }
    }

    pub(crate) fn data(&self) -> &Path {
        self.context.directory()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }
}

/// What is found out about steps, one a line, before anything runs; each with its step.
pub(crate) fn problems(preflight: &mut PreflightState, steps: &str) -> Vec<(String, Problem)> {
    let registry = Registry::builtin();
    let lines = steps.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .flat_map(|line| {
            let (kind, step) = line.split_once(' ').unwrap();
            let (function, captures) = matched(kind, step);
            let problems = registry.check(&function, &captures, preflight);
            problems.into_iter().map(|problem| (line.to_owned(), problem)).collect::<Vec<_>>()
        })
        .collect()
}

/// A preflight with a PATH on which programs are found.
pub(crate) fn preflight() -> PreflightState {
    PreflightState::new(OsString::from("/usr/bin:/bin"), PathBuf::from("/"))
}

/// An output of the command.
pub(crate) fn output(stream: Stream, text: &str) -> Output {
    Output {
        source: OutputSource::Command { stream },
        text: text.to_owned(),
        omitted: 0,
        after_stop: false,
        marks: Vec::new(),
    }
}
