//! Programs of the user's own: the directories that `path` in the metadata puts in front of PATH, and
//! `cargo:NAME` there and in steps.
//!
//! Both become absolute paths in the plan before anything is checked, so that checks and steps see what
//! will run. Texts of steps stay as the document writes them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use greenroom_doc::{Code, Diagnostic, MatchedStep, Plan, Span, nearest};
use greenroom_steps::library::is_command_line;

use crate::cargo::{CargoBuild, CargoPrograms};

/// What stands before the name of a program of Cargo's.
const CARGO: &str = "cargo:";

/// Where to look for the user's own programs.
#[derive(Debug)]
pub struct OwnPrograms<'a> {
    /// Where greenroom was started.
    pub source_directory: &'a Path,
    /// PATH, to find `cargo`.
    pub path: &'a OsStr,
    /// How Cargo was asked to build.
    pub cargo: CargoBuild,
}

impl OwnPrograms<'_> {
    /// Replaces directories and `cargo:NAME` in a plan by absolute paths. Returns what is wrong with them.
    pub fn resolve(&self, plan: &mut Plan) -> Vec<Diagnostic> {
        let (cargo, reported) = (OnceCell::new(), BTreeMap::new());
        let mut resolver = Resolver { setup: self, cargo, reported, found: Vec::new() };
        for document in &mut plan.documents {
            let directory = self.source_directory.join(&document.directory);
            for (text, span) in &mut document.metadata.path {
                // An entry with a mistake stays as it is: what is not found may be meant to be there.
                if let Some(path) = resolver.directory(text, *span, &directory) {
                    *text = path;
                }
            }
        }
        for step in plan.scenarios.iter_mut().flat_map(|scenario| &mut scenario.steps) {
            resolver.step(step);
        }
        for (at, more) in resolver.reported.into_values().filter(|(_, more)| *more > 0) {
            let places = if more == 1 { "place" } else { "places" };
            resolver.found[at].notes.push(format!("and in {more} more {places}"));
        }
        resolver.found
    }
}

struct Resolver<'a> {
    setup: &'a OwnPrograms<'a>,
    /// Asked when it is first needed.
    cargo: OnceCell<Result<CargoPrograms, String>>,
    /// The diagnostic of each message, and in how many other places it holds.
    reported: BTreeMap<String, (usize, usize)>,
    found: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn cargo(&self) -> Result<&CargoPrograms, &str> {
        let OwnPrograms { source_directory, path, cargo } = self.setup;
        self.cargo.get_or_init(|| CargoPrograms::of(source_directory, path, cargo)).as_ref().map_err(String::as_str)
    }

    fn report(&mut self, message: String, span: Span, code: &'static str, help: String) {
        if let Some((_, more)) = self.reported.get_mut(&message) {
            *more += 1;
            return;
        }
        self.reported.insert(message.clone(), (self.found.len(), 0));
        let error = Diagnostic::error(Code::Step(code), message).at(span, "");
        self.found.push(if help.is_empty() { error } else { error.help(help) });
    }

    /// Returns the absolute path of an entry of `path`.
    fn directory(&mut self, text: &str, span: Span, document: &Path) -> Option<String> {
        if let Some(name) = text.strip_prefix(CARGO) {
            let program = self.program(name, span)?;
            return Some(program.parent()?.to_str()?.to_owned());
        }
        let source = self.setup.source_directory;
        let named = |name: &str, directory: &Path| {
            let rest = text.strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| directory.join(rest.trim_start_matches('/')))
        };
        let path = named("${SRCDIR}", source).or_else(|| named("${DOCDIR}", document));
        let path: PathBuf = path.unwrap_or_else(|| source.join(text)).components().collect();
        let help = match std::fs::metadata(&path) {
            Ok(there) if there.is_dir() && !path.display().to_string().contains(':') => {
                return path.to_str().map(str::to_owned);
            }
            Ok(there) if there.is_dir() => {
                let message = format!("`path` names {text}, which cannot be on PATH: it contains a colon");
                self.report(message, span, "bad-path", String::new());
                return None;
            }
            Ok(_) => {
                let message = format!("`path` names {text}, which is not a directory");
                self.report(message, span, "bad-path", "name the directory that contains the program".to_owned());
                return None;
            }
            Err(_) if document != source && document.join(text).is_dir() => {
                format!("it is beside the document: write `${{DOCDIR}}/{text}`")
            }
            Err(_) if text.split('/').any(|part| part == "target") && source.join("Cargo.toml").is_file() => {
                "build it first: `cargo build`; `cargo:NAME` is where Cargo puts the program NAME".to_owned()
            }
            Err(_) if text.split('/').any(|part| part == "node_modules") => {
                "install it first: `npm install`".to_owned()
            }
            Err(_) if Path::new(text).is_absolute() => String::new(),
            Err(_) => format!("relative names start at the source directory, {}", source.display()),
        };
        self.report(format!("`path` names {text}, which does not exist"), span, "bad-path", help);
        None
    }

    /// Returns the path of a program that Cargo built with the test that runs.
    fn built(&self, name: &str) -> Option<PathBuf> {
        let built = self.setup.cargo.programs.as_ref()?.join(name);
        built.is_file().then_some(built)
    }

    /// Returns the path of a program that Cargo built.
    fn program(&mut self, name: &str, span: Span) -> Option<PathBuf> {
        if let Some(built) = self.built(name) {
            return Some(built);
        }
        let cargo = match self.cargo() {
            Ok(cargo) => cargo,
            Err(reason) => {
                let message = format!("cannot find out where Cargo puts its programs: {reason}");
                let help = format!("`{CARGO}{name}` needs greenroom to be started in a Cargo project");
                self.report(message, span, "no-cargo", help);
                return None;
            }
        };
        let Some(program) = cargo.program(name) else {
            let names: Vec<&str> = cargo.names().collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{CARGO}{near}`?"),
                None if names.is_empty() => "the project has no programs".to_owned(),
                None => format!("the programs of the project are {}", names.join(", ")),
            };
            self.report(format!("the Cargo project has no program {name}"), span, "program-not-found", help);
            return None;
        };
        if !program.is_file() {
            let help = format!("build it first: `{}`", cargo.command(name));
            let message = format!("program {name} is not built: {} does not exist", program.display());
            self.report(message, span, "program-not-found", help);
            return None;
        }
        Some(program)
    }

    fn step(&mut self, step: &mut MatchedStep) {
        if !step.captures.iter().any(|capture| capture.text.contains(CARGO)) {
            return;
        }
        let is_native = step.implementation.is_native();
        let names: Vec<String> = step.captures.iter().map(|capture| capture.name().to_owned()).collect();
        let source = step.span.source;
        for capture in &mut step.captures {
            if !capture.text.contains(CARGO) {
                continue;
            }
            // Functions of the document get a program as any capture.
            let is_program = !is_native && name_of(&capture.text).is_some_and(|(at, _)| at == (0..capture.text.len()));
            if !is_program && !is_command_line(capture.name(), &names) {
                continue;
            }
            let span = Span { source, start: capture.range.0, end: capture.range.1 };
            let is_first = is_program || capture.name() != "args";
            let mut done = String::new();
            let mut rest = capture.text.as_str();
            while let Some((at, name)) = name_of(rest) {
                let is_named = is_first && done.is_empty() && at.start <= 1;
                // An argument may be anything: it is replaced only if it certainly means a program.
                let is_known =
                    || self.built(name).is_some() || self.cargo().is_ok_and(|cargo| cargo.program(name).is_some());
                let program = if is_named || is_known() { self.program(name, span) } else { None };
                done.push_str(&rest[..at.start]);
                match program.as_deref().and_then(Path::to_str) {
                    Some(program) => {
                        done.push_str(&quoted(program, rest[..at.start].ends_with(['"', '\'']) || is_program));
                    }
                    None => done.push_str(&rest[at.clone()]),
                }
                rest = &rest[at.end..];
            }
            done.push_str(rest);
            capture.text = done.into();
        }
    }
}

/// Finds the first word `cargo:NAME` in a command line: its place, and the name.
fn name_of(line: &str) -> Option<(Range<usize>, &str)> {
    line.match_indices(CARGO).find_map(|(at, _)| {
        let begins = line[..at].chars().next_back().is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '"' | '\''));
        let name = &line[at + CARGO.len()..];
        let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(name.len());
        let ends = name[end..].chars().next().is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | ';'));
        (begins && ends && end > 0).then(|| (at..at + CARGO.len() + end, &name[..end]))
    })
}

/// Quotes a path for a command line, unless that is not needed.
fn quoted(path: &str, is_quoted: bool) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if is_quoted || path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_words() {
        for (line, want) in [
            ("cargo:x", Some((0, "x"))),
            ("cargo:my-app_2 --port 1", Some((0, "my-app_2"))),
            ("env A=1 cargo:x", Some((8, "x"))),
            ("sh -c 'cargo:x; ls'", Some((7, "x"))),
            ("cargo:", None),
            ("xcargo:x", None),
            ("cargo:x/y", None),
            ("cargo:x:y cargo:z", Some((10, "z"))),
        ] {
            assert_eq!(name_of(line).map(|(at, name)| (at.start, name)), want, "{line}");
        }
    }

    #[test]
    fn paths_are_quoted_if_needed() {
        assert_eq!(quoted("/a/b-c", false), "/a/b-c");
        assert_eq!(quoted("/a b/c", false), "'/a b/c'");
        assert_eq!(quoted("/a b/c", true), "/a b/c");
        assert_eq!(quoted("/it's", false), "'/it'\\''s'");
    }
}
