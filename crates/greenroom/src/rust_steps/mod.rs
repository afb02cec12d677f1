//! Documents with step functions in Rust, which a test program of Cargo's has.
//!
//! `project` finds the test program that names a document, with what `manifest` and `standard` read of packages
//! and of tests that subplotlib makes; `test_program` is what they find. `scan` reads the patterns of its
//! functions from the source, so that the document can be checked and listed without compiling anything.
//! `launch` has Cargo run the test program, with arguments whose paths `output_paths` completes. In the test
//! program itself the functions are there.

#[cfg(feature = "command")]
mod launch;
#[cfg(feature = "command")]
mod manifest;
#[cfg(feature = "command")]
mod output_paths;
#[cfg(feature = "command")]
mod project;
#[cfg(feature = "command")]
mod scan;
#[cfg(feature = "command")]
mod standard;
mod suggestion;
#[cfg(feature = "command")]
mod test_program;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "command")]
use greenroom_doc::TestNames;
use greenroom_doc::{Code, Diagnostic, Loaded, NATIVE, PlannedDocument, Span, nearest};
use greenroom_steps::function::{ANY, LIBRARY, PREFIX};
use greenroom_steps::{Availability, Library, Registry};

#[cfg(feature = "command")]
pub(crate) use launch::{OfTest, SelectedTests, run};
#[cfg(feature = "command")]
use project::Search;
#[cfg(feature = "command")]
use test_program::CargoTest;

#[cfg(feature = "command")]
use crate::targets::Targets;

/// The language of functions in Rust, as bindings write it.
pub(crate) const LANGUAGE: &str = "rust";

/// Whether a program has the functions itself, because it is the test program.
fn has_own(registry: &Registry) -> bool {
    registry.libraries().any(|library| library.name() == LIBRARY)
}

/// A registry with the functions of test programs, as far as their source says.
#[derive(Debug)]
pub(crate) struct Scanned<'a> {
    pub(crate) registry: Cow<'a, Registry>,
    /// What is wrong with these functions.
    mistakes: Vec<String>,
    /// Documents that no test names, each with the source of a test in its package.
    unnamed: Vec<(String, String)>,
}

impl Scanned<'_> {
    /// Returns what is wrong with the functions, if a step of the documents needs one.
    pub(crate) fn diagnostics(&self, loaded: &Loaded) -> impl Iterator<Item = Diagnostic> {
        let mut steps = loaded.plan.scenarios.iter().flat_map(|scenario| &scenario.steps);
        let are_needed =
            !self.mistakes.is_empty() && steps.any(|step| step.implementation.function.starts_with(PREFIX));
        self.mistakes.iter().filter(move |_| are_needed).map(|text| Diagnostic::error(Code::CannotRun, text))
    }

    /// Adds advice to the first step without a binding of each document that no test names.
    pub(crate) fn advise(&self, loaded: &mut Loaded) {
        let Loaded { diagnostics, plan, .. } = loaded;
        for (path, test) in &self.unnamed {
            let document = plan.documents.iter().find(|document| document.path == *path);
            let Some(first) = document.and_then(|document| document.unbound.first()) else { continue };
            let is_of_step =
                |diagnostic: &&mut Diagnostic| diagnostic.primary.as_ref().is_some_and(|at| at.span == first.span);
            if let Some(error) = diagnostics.iter_mut().find(is_of_step) {
                error.help.push(format!(
                    "no test names this document; if its steps are in Rust, add it to `acceptance_tests!`, such as \
                     that in {test}"
                ));
            }
        }
    }
}

/// Returns the registry as it is: only the command reads source.
#[cfg(not(feature = "command"))]
pub(crate) fn with_scanned<'a>(registry: &'a Registry, _: &[&str], _: &Path) -> Scanned<'a> {
    Scanned { registry: Cow::Borrowed(registry), mistakes: Vec::new(), unnamed: Vec::new() }
}

/// Adds the functions of the test programs that name these documents, as far as their source says.
///
/// Each document has those of its own test program.
#[cfg(feature = "command")]
pub(crate) fn with_scanned<'a>(registry: &'a Registry, documents: &[&str], directory: &Path) -> Scanned<'a> {
    let mut none = Scanned { registry: Cow::Borrowed(registry), mistakes: Vec::new(), unnamed: Vec::new() };
    if has_own(registry) {
        return none;
    }
    let mut tests: Vec<(CargoTest, Vec<String>)> = Vec::new();
    let mut search = Search::default();
    for &document in documents {
        let Some(test) = search.tests_of(&directory.join(document)).into_iter().next() else {
            let beside = search.test_beside(&directory.join(document));
            none.unnamed.extend(beside.map(|test| {
                let shown = test.strip_prefix(directory).unwrap_or(&test);
                (document.to_owned(), shown.display().to_string())
            }));
            continue;
        };
        match tests.iter_mut().find(|(known, _)| known.source == test.source) {
            Some((_, documents)) => documents.push(document.to_owned()),
            None => tests.push((test, vec![document.to_owned()])),
        }
    }
    let numbered = tests.into_iter().enumerate();
    numbered.fold(none, |Scanned { registry, mut mistakes, unnamed }, (at, (test, documents))| {
        let name = if at == 0 { LIBRARY.to_owned() } else { format!("{LIBRARY}-{at}") };
        let (library, more) = scan::library(name, &test, documents);
        mistakes.extend(more);
        Scanned { registry: Cow::Owned(registry.into_owned().with(library)), mistakes, unnamed }
    })
}

/// Whether the functions of a registry may have this one: a test program says itself which it lacks.
pub(crate) fn may_have(function: &str, registry: &Registry) -> bool {
    let has = |name: &str| registry.function(&format!("{PREFIX}{name}")).is_some();
    has_own(registry) || has(function) || has(last_name(function)) || has(ANY)
}

/// Returns the last name of a path: bindings may name a function with its modules, as in Rust.
fn last_name(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// Has steps whose bindings name functions in Rust run by those of the registry. Returns a diagnostic for
/// each function that it lacks.
pub(crate) fn adopt(loaded: &mut Loaded, registry: &Registry) -> Vec<Diagnostic> {
    // Most documents have no such step, so the functions are gathered for the first one.
    let own = LazyCell::new(|| OwnFunctions::of(registry));
    let (mut missing, mut reported) = (Vec::new(), BTreeSet::new());
    for scenario in &mut loaded.plan.scenarios {
        let document = &loaded.plan.documents[scenario.document];
        for step in &mut scenario.steps {
            let implementation = &step.implementation;
            if &*implementation.language != LANGUAGE {
                continue;
            }
            let cleanup = implementation.cleanup.iter();
            let named =
                std::iter::once((Role::Step, &implementation.function)).chain(cleanup.map(|it| (Role::Cleanup, it)));
            let lacking: Vec<_> = named.filter(|(_, name)| own.find(&document.path, name).is_none()).collect();
            for (role, name) in &lacking {
                if reported.insert((scenario.document, (*name).clone())) {
                    let binding = document.bindings.get(step.binding).map(|binding| binding.span);
                    let known: Vec<&str> = own.of_document(&document.path).flatten().copied().collect();
                    let error = lacks(name, *role, step.span, binding);
                    missing.push(error.help(advice(name, document, &known)));
                }
            }
            if lacking.is_empty() {
                let registered = |name: Arc<str>| {
                    format!("{PREFIX}{}", own.find(&document.path, &name).unwrap_or_else(|| name.to_string())).into()
                };
                let implementation = Arc::make_mut(&mut step.implementation);
                implementation.language = NATIVE.into();
                implementation.function = registered(implementation.function.clone());
                implementation.cleanup = implementation.cleanup.take().map(registered);
            }
        }
    }
    for document in &mut loaded.plan.documents {
        document.implementations.retain(|listed| listed.language != LANGUAGE);
    }
    missing
}

/// The functions in Rust that documents have.
struct OwnFunctions<'a> {
    libraries: Vec<(&'a Availability, BTreeSet<&'a str>)>,
}

impl<'a> OwnFunctions<'a> {
    fn of(registry: &'a Registry) -> Self {
        let names = |library: &'a Library| library.functions().filter_map(|name| name.strip_prefix(PREFIX)).collect();
        let libraries = registry.libraries().map(|library| (library.availability(), names(library)));
        Self { libraries: libraries.filter(|(_, names): &(_, BTreeSet<_>)| !names.is_empty()).collect() }
    }

    fn of_document(&self, path: &str) -> impl Iterator<Item = &BTreeSet<&'a str>> {
        let reaches = move |availability: &Availability| match availability {
            Availability::Of(documents) => documents.iter().any(|document| document == path),
            _ => true,
        };
        self.libraries.iter().filter(move |(availability, _)| reaches(availability)).map(|(_, names)| names)
    }

    /// Returns the name of a function that a binding of a document names.
    ///
    /// Without the test program, one name may stand for all functions that its source does not show.
    fn find(&self, path: &str, function: &str) -> Option<String> {
        let has = |name: &String| self.of_document(path).any(|names| names.contains(&**name));
        [function, last_name(function), ANY].map(str::to_owned).into_iter().find(has)
    }
}

/// What a binding names a function for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Step,
    Cleanup,
}

/// Says that a function in Rust is missing.
fn lacks(function: &str, role: Role, step: Span, binding: Option<Span>) -> Diagnostic {
    let what = match role {
        Role::Step => "step function",
        Role::Cleanup => "cleanup",
    };
    let error = Diagnostic::error(Code::CannotRun, format!("there is no {what} `{function}` in Rust")).at(step, "");
    match binding {
        Some(binding) => error.and_at(binding, "bound here"),
        None => error,
    }
}

/// Says what to do about a missing function. `known` are those that the document has.
fn advice(function: &str, document: &PlannedDocument, known: &[&str]) -> String {
    let name = last_name(function);
    if let Some(path) = listed_source(document, name) {
        let module = Path::new(path).file_stem().unwrap_or_default().display();
        return format!(
            "{path} has it: make this file a module of the test, by `#[path = \"...\"] mod {module};`, and give the \
             function the attribute `#[step]`"
        );
    }
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "give a function of this name the attribute `#[step]`".to_owned(),
    }
}

/// Returns the path of a file in Rust that the document lists and that has a function of this name.
fn listed_source<'a>(document: &'a PlannedDocument, name: &str) -> Option<&'a str> {
    let has = |text: &str| {
        let mut functions = text.split("fn ").skip(1).filter_map(|rest| rest.strip_prefix(name));
        functions.any(|rest| rest.trim_start().starts_with(['(', '<']))
    };
    let files = document.implementations.iter().filter(|file| file.language == LANGUAGE);
    let mut files = files.filter(|file| has(&String::from_utf8_lossy(&file.bytes)));
    files.find_map(|file| Some(&*file.file.as_ref()?.0))
}

/// Returns each document with its test programs.
#[cfg(feature = "command")]
pub(crate) fn of_tests(documents: &[(&str, &str)], directory: &Path) -> Vec<OfTest> {
    let mut search = Search::default();
    let mut of = |&(written, path): &(&str, &str)| {
        // The file that has the metadata of a Markdown file may be beside it.
        let targets = Targets::resolve(&[path.to_owned()]);
        let path = targets.paths().first().copied().unwrap_or(path);
        let tests = search.tests_of(&directory.join(path));
        OfTest { written: written.to_owned(), tests }
    };
    documents.iter().map(&mut of).collect()
}

/// Returns the names that the selected scenarios have as tests of Rust's own harness.
#[cfg(feature = "command")]
pub(crate) fn selected_tests(loaded: &Loaded, selected: &[usize]) -> SelectedTests {
    let scenarios = &loaded.plan.scenarios;
    let mut of_documents: Vec<TestNames> = loaded.plan.documents.iter().map(|_| TestNames::default()).collect();
    let names: Vec<String> =
        scenarios.iter().map(|scenario| of_documents[scenario.document].name(&scenario.title)).collect();
    let are_all = selected.len() == scenarios.len();
    SelectedTests { names: selected.iter().map(|&index| names[index].clone()).collect(), are_all }
}

/// Whether a step of one of these scenarios has a function in Rust that this program lacks.
#[cfg(feature = "command")]
pub(crate) fn are_elsewhere(loaded: &Loaded, chosen: &[usize], registry: &Registry) -> bool {
    let steps = chosen.iter().flat_map(|&index| &loaded.plan.scenarios[index].steps);
    !has_own(registry) && steps.into_iter().any(|step| step.implementation.function.starts_with(PREFIX))
}

/// Returns the functions to write for steps that no binding matches, in documents with functions in Rust.
pub(crate) fn suggestions(loaded: &Loaded, registry: &Registry) -> Option<String> {
    let is_in_rust = |document: &&PlannedDocument| {
        let mut functions = document.bindings.iter().flat_map(|binding| &binding.implementations);
        has_own(registry) || functions.any(|of| of.function.starts_with(PREFIX))
    };
    let documents = loaded.plan.documents.iter().filter(is_in_rust);
    suggestion::suggestions(documents.flat_map(|document| &document.unbound))
}
