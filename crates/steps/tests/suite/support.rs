//! A scenario without a document: steps are given as text and find their function through the
//! bindings of the libraries.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses a part of this; a test may panic"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use greenroom_sandbox::process::Watch;
use greenroom_steps::{
    Captures, Context, EmbeddedFile, Failure, Output, OutputSource, PreflightState, Problem, Registry, StepResult,
    Stream, library,
};
use regex::Regex;
use tempfile::TempDir;

/// A binding, as far as tests need it.
pub(crate) struct Binding {
    pub(crate) kind: String,
    pub(crate) pattern: String,
    pub(crate) function: String,
    pub(crate) documented: bool,
    regex: Regex,
    types: BTreeMap<String, String>,
}

/// The bindings of the three libraries. Their files are written in one way, so that lines will do.
pub(crate) fn bindings() -> &'static [Binding] {
    static BINDINGS: OnceLock<Vec<Binding>> = OnceLock::new();
    BINDINGS.get_or_init(|| ["files", "runcmd", "datadir"].into_iter().flat_map(bindings_of).collect())
}

pub(crate) fn bindings_of(name: &str) -> Vec<Binding> {
    let library = library::all().into_iter().find(|library| library.name() == name).unwrap();
    let text = format!("\n{}", library.bindings());
    text.split("\n- ").skip(1).map(binding).collect()
}

fn binding(entry: &str) -> Binding {
    let (head, rest) = entry.split_once('\n').unwrap();
    let (kind, pattern) = head.split_once(": ").unwrap();
    let line = |key: &str| {
        let start = format!("  {key}: ");
        rest.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    let mut types = BTreeMap::new();
    let expression = if line("regex").as_deref() == Some("true") {
        let declared = line("types").unwrap();
        for pair in declared.trim_matches(['{', '}']).split(", ") {
            let (name, kind) = pair.split_once(": ").unwrap();
            types.insert(name.to_owned(), kind.to_owned());
        }
        pattern.to_owned()
    } else {
        let capture = Regex::new(r"\{(\w+):(\w+)\}").unwrap();
        let mut expression = String::new();
        let mut end = 0;
        for found in capture.captures_iter(pattern) {
            let whole = found.get(0).unwrap();
            let accepts = match &found[2] {
                "word" | "path" | "file" => r"\S+",
                "text" | "escapedtext" => ".*",
                "int" => "-?[0-9]+",
                "uint" => "[0-9]+",
                other => panic!("type {other}"),
            };
            expression += &regex::escape(&pattern[end..whole.start()]);
            expression += &["(?P<", &found[1], ">", accepts, ")"].concat();
            types.insert(found[1].to_owned(), found[2].to_owned());
            end = whole.end();
        }
        expression + &regex::escape(&pattern[end..])
    };
    let implementation = line("impl").unwrap();
    Binding {
        kind: kind.to_owned(),
        pattern: pattern.to_owned(),
        function: implementation
            .strip_prefix("{native: {function: ")
            .and_then(|rest| rest.strip_suffix("}}"))
            .unwrap()
            .to_owned(),
        documented: rest.contains("  doc: |\n    "),
        regex: Regex::new(&format!("(?i)^(?:{expression})$")).unwrap(),
        types,
    }
}

/// The function and the captures of a step, which must match exactly one binding.
pub(crate) fn matched(kind: &str, step: &str) -> (String, Captures) {
    let matching: Vec<&Binding> =
        bindings().iter().filter(|binding| binding.kind == kind && binding.regex.is_match(step)).collect();
    let [binding] = matching.as_slice() else {
        let patterns: Vec<_> = matching.iter().map(|binding| &binding.pattern).collect();
        panic!("{kind} {step}: matched by {patterns:?}");
    };
    let found = binding.regex.captures(step).unwrap();
    let captures = binding.types.iter().map(|(name, kind)| {
        let text = &found[name.as_str()];
        (name.clone(), if kind == "escapedtext" { unescape(text) } else { text.to_owned() })
    });
    (binding.function.clone(), Captures::new(captures))
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
        let file = |name: &str, text: &str| EmbeddedFile { name: name.to_owned(), text: text.to_owned() };
        let files = [
            file("foo.txt", "hello\nworld\n"),
            file("other.txt", "something else\n"),
            file("umlaut.txt", "a\u{e9}\r\n\u{0}no newline"),
            file("hi.sh", "#!/bin/sh\necho \"hi from $0 $*\"\n"),
            file("broken.sh", "#!/no/such/interpreter\n"),
            file("d/e.txt", "below\n"),
        ];
        Self { context: Context::new(data, src, files.into(), watch), room, registry: Registry::builtin() }
    }

    pub(crate) fn step(&mut self, kind: &str, step: &str) -> StepResult {
        let (function, captures) = matched(kind, step);
        self.registry.function(&function).unwrap()(&mut self.context, &captures)
    }

    /// Carries out steps that must pass, one a line.
    pub(crate) fn passes(&mut self, steps: &str) {
        for line in steps.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (kind, step) = line.split_once(' ').unwrap();
            if let Err(error) = self.step(kind, step) {
                panic!("{line}: {error:#?}");
            }
        }
    }

    /// Carries out a step that must fail.
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

/// An preflight with a PATH on which programs are found.
pub(crate) fn preflight() -> PreflightState {
    PreflightState::new(OsString::from("/usr/bin:/bin"), PathBuf::from("/"))
}

/// An output of the command.
pub(crate) fn output(stream: Stream, text: &str) -> Output {
    Output { source: OutputSource::Command { stream }, text: text.to_owned(), omitted: 0, after_stop: false }
}
