//! Checks the Python files of documents, and the bindings to functions in them, before anything
//! runs.
//!
//! Python parses the files; none of their code runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use greenroom_doc::{
    Binding, Code, Diagnostic, Implementation, Loaded, MatchedStep, PlannedDocument, SourceId, Sources, Span, nearest,
};
use greenroom_steps::host::StepFile;
use greenroom_steps::host::check::{self, Function, PythonCheckError, PythonSymbols};

/// Checks Python files, and bindings to functions in them. `python` is the program, `path` is PATH.
///
/// # Errors
///
/// If this machine cannot run the check, whichever Python it has.
pub fn check_functions(
    loaded: &Loaded,
    python: &str,
    path: &OsStr,
    source_directory: &Path,
) -> io::Result<Vec<Diagnostic>> {
    let plan = &loaded.plan;
    let mut found = Vec::new();
    let mut warned = BTreeSet::new();
    for (at, document) in plan.documents.iter().enumerate() {
        let scenarios = plan.scenarios.iter().filter(|scenario| scenario.document == at);
        let (steps, others): (Vec<&MatchedStep>, Vec<&MatchedStep>) =
            scenarios.flat_map(|scenario| &scenario.steps).partition(|step| &*step.implementation.language == "python");
        let Some(first) = steps.first() else { continue };
        let files = Files::of(document, source_directory, &loaded.sources);
        match check::files(python, path, &files.snapshots) {
            Ok(mut known) => {
                found.extend(known.errors.iter().filter_map(|error| files.syntax_error(error)));
                for warning in &known.warnings {
                    // Documents may share files.
                    if warned.insert(warning.clone()) {
                        let (file, line, message) = warning;
                        let at = files.line(file, *line);
                        found.extend(at.map(|at| Diagnostic::warning(Code::PythonWarning, message).at(at, "")));
                    }
                }
                known.more |= document.implementations.iter().any(|listed| listed.missing);
                found.extend(BindingCheck::new(document, &known, &files).check(&steps));
                if others.iter().any(|step| step.implementation.is_native()) {
                    found.extend(replacements(&steps, &known, &files));
                }
            }
            Err(PythonCheckError::NotFound) => found.push(
                Diagnostic::error(Code::NoPython, format!("program not found: {python}"))
                    .at(first.span, "this step runs in Python")
                    .help(check::help_for_missing(python)),
            ),
            Err(PythonCheckError::Here(error)) => return Err(error),
            Err(PythonCheckError::Python(reason)) => found.push(
                Diagnostic::error(Code::NoPython, format!("cannot use {python}: {reason}"))
                    .at(first.span, "this step runs in Python")
                    .help("set the path of Python 3.8 or newer with `--python PATH`"),
            ),
        }
    }
    Ok(found)
}

/// The Python files of a document.
struct Files<'a> {
    listed: Vec<(PathBuf, SourceId)>,
    /// Their content as it was loaded, which is what will run.
    snapshots: Vec<StepFile>,
    sources: &'a Sources,
}

impl<'a> Files<'a> {
    fn of(document: &PlannedDocument, source_directory: &Path, sources: &'a Sources) -> Self {
        let python = document.implementations.iter().filter(|listed| listed.language == "python");
        let loaded = python.filter_map(|listed| Some((listed.file.as_ref()?, &listed.bytes)));
        let (listed, snapshots) = loaded
            .map(|((path, source), bytes)| {
                let path = source_directory.join(path);
                ((path.clone(), *source), StepFile::new(path, bytes))
            })
            .unzip();
        Self { listed, snapshots, sources }
    }

    fn source(&self, path: &Path) -> Option<SourceId> {
        self.listed.iter().find(|(known, _)| known == path).map(|(_, source)| *source)
    }

    /// Returns the span of a line (from 1), without the space around it.
    fn line(&self, path: &Path, line: usize) -> Option<Span> {
        let source = self.source(path)?;
        let file = self.sources.file(source);
        let range = file.line_range(u32::try_from(line).ok()?);
        let text = file.text.get(range.clone())?;
        let start = range.start + (text.len() - text.trim_start().len());
        Some(Span::new(source, start..range.start + text.trim_end().len()))
    }

    fn definition(&self, function: &Function) -> Option<Span> {
        self.line(&function.place.0, function.place.1)
    }

    fn syntax_error(&self, (path, line, column, message): &(PathBuf, usize, usize, String)) -> Option<Diagnostic> {
        let source = self.source(path)?;
        let file = self.sources.file(source);
        let range = file.line_range(u32::try_from(*line).ok()?);
        let text = file.text.get(range.clone())?;
        let at = text.char_indices().nth(column.saturating_sub(1)).map_or(text.trim_end().len(), |(at, _)| at);
        let start = range.start + at.min(text.len());
        let end = (start + 1).min(range.end).max(start);
        let error = Diagnostic::error(Code::BadPython, format!("invalid Python: {message}"));
        Some(error.at(Span::new(source, start..end), ""))
    }

    /// Lists the names of the files for a message.
    fn names(&self) -> Vec<&str> {
        self.listed.iter().map(|(_, source)| self.sources.file(*source).name.as_str()).collect()
    }
}

/// Checks that functions exist and take what their bindings capture. Each mistake is reported once.
struct BindingCheck<'a> {
    document: &'a PlannedDocument,
    known: &'a PythonSymbols,
    files: &'a Files<'a>,
    functions: BTreeMap<&'a str, &'a Function>,
    names: BTreeSet<&'a str>,
    found: Vec<Diagnostic>,
}

impl<'a> BindingCheck<'a> {
    fn new(document: &'a PlannedDocument, known: &'a PythonSymbols, files: &'a Files<'a>) -> Self {
        let functions = known.functions.iter().map(|function| (function.name.as_str(), function)).collect();
        let names = known.names.iter().map(String::as_str).collect();
        Self { document, known, files, functions, names, found: Vec::new() }
    }

    fn check(mut self, steps: &[&'a MatchedStep]) -> Vec<Diagnostic> {
        let (mut checked, mut defined) = (BTreeSet::new(), BTreeSet::new());
        for step in steps {
            let implementation = &step.implementation;
            let Some(binding) = self.document.bindings.get(step.binding) else { continue };
            // Groups of a regex that took no part in this step.
            let absent: Vec<&str> = binding
                .captures
                .iter()
                .map(|definition| definition.name.as_str())
                .filter(|name| !step.captures.iter().any(|capture| capture.name() == *name))
                .collect();
            for function in [Some(&implementation.function), implementation.cleanup.as_ref()].into_iter().flatten() {
                let definition = self.functions.get(&**function).copied();
                if let Some(definition) = definition
                    && let Some(name) = definition.wants(&absent)
                    && checked.insert((step.binding, function, Some(name)))
                {
                    let message = format!("function `{function}` needs `{name}`, which this step does not capture");
                    let error = Diagnostic::error(Code::WrongParameters, message).at(step.span, "");
                    let error = self.defined(error.and_at(binding.span, "bound here"), definition);
                    self.found.push(error.help(format!("give it a default value: `{name}=None`")));
                }
                if !checked.insert((step.binding, function, None)) {
                    continue;
                }
                let Some(definition) = definition else {
                    let error = self.missing(function, step, binding);
                    self.found.extend(error);
                    continue;
                };
                if defined.insert(function) {
                    let warning = self.replaced(function, definition, binding);
                    self.found.extend(warning);
                    if definition.never_runs {
                        self.found.push(self.generator(function, definition, binding));
                    }
                }
                let error = self.parameters(function, definition, binding);
                self.found.extend(error);
            }
        }
        self.found
    }

    /// Adds the place of a definition.
    fn defined(&self, error: Diagnostic, definition: &Function) -> Diagnostic {
        match self.files.definition(definition) {
            Some(at) => error.and_at(at, "defined here"),
            None => error,
        }
    }

    /// Describes a function that no file defines, unless it may come from elsewhere.
    fn missing(&self, function: &str, step: &MatchedStep, binding: &Binding) -> Option<Diagnostic> {
        let constant = self.known.constants.iter().find(|(constant, _)| constant == function && !self.known.more);
        if let Some((_, (path, line))) = constant {
            let error = Diagnostic::error(Code::NoFunction, format!("`{function}` is not a function"))
                .at(step.span, "this step needs it")
                .and_at(binding.span, "bound here");
            return Some(match self.files.line(path, *line) {
                Some(at) => error.and_at(at, "defined here"),
                None => error,
            });
        }
        // `module.function` is in what a file imports.
        let name = function.split('.').next().unwrap_or(function);
        if self.known.more || self.names.contains(name) || self.functions.contains_key(name) {
            return None;
        }
        let message = format!("no Python file defines a function `{function}`");
        let error = Diagnostic::error(Code::UnknownFunction, message)
            .at(step.span, "this step needs it")
            .and_at(binding.span, "bound here");
        let listed = self.files.names();
        Some(match nearest(function, self.functions.keys().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if listed.is_empty() => {
                error.help("list the file that defines it under `python:` in `impls` of the document")
            }
            None => error.help(format!("define it in {}", listed.join(" or "))),
        })
    }

    /// Warns if another file has a function of this name, which no step calls then.
    fn replaced(&self, function: &str, definition: &Function, binding: &Binding) -> Option<Diagnostic> {
        let mut others = self.known.functions.iter().filter(|other| other.name == function);
        let other = others.rfind(|other| other.place.0 != definition.place.0)?;
        let message = format!("two files define a function `{function}`: the steps of both call the later one");
        let warning = Diagnostic::warning(Code::DuplicateFunction, message)
            .at(self.files.definition(definition)?, "all steps call this one")
            .and_at(self.files.definition(other)?, "no step calls this one")
            .and_at(binding.span, "bound here");
        Some(warning.help("give one of them another name, there and in its bindings"))
    }

    fn generator(&self, function: &str, definition: &Function, binding: &Binding) -> Diagnostic {
        let message = format!("`{function}` contains `yield`, so calling it runs nothing");
        let help = "move what follows `yield` to another function, and name it as `cleanup:` of the binding";
        let warning = Diagnostic::warning(Code::NeverRuns, message).help(help);
        match self.files.definition(definition) {
            Some(at) => warning.at(at, "defined here").and_at(binding.span, "bound here"),
            None => warning.at(binding.span, "bound here"),
        }
    }

    /// Describes parameters that do not fit the captures of a binding.
    fn parameters(&self, function: &str, definition: &Function, binding: &Binding) -> Option<Diagnostic> {
        let captures: BTreeSet<&str> = binding.captures.iter().map(|capture| capture.name.as_str()).collect();
        let takes = |name: &str| definition.takes_any || definition.parameters.iter().any(|(known, _)| known == name);
        let refused: Vec<&str> = captures.iter().copied().filter(|name| !takes(name)).collect();
        let is_uncaptured = |(name, default): &&(String, Option<String>)| {
            default.is_none() && !definition.takes_any && !captures.contains(name.as_str())
        };
        let uncaptured = definition.parameters.iter().filter(is_uncaptured);
        let uncaptured: Vec<&str> = uncaptured.map(|(name, _)| name.as_str()).collect();
        let first = definition.context.as_deref();
        let signature = |context: &str| signature(context, definition, &captures, self.document);
        // A capture may have the usual name of the context.
        let usual = if captures.contains("ctx") { "context" } else { "ctx" };
        let (message, help) = if first.is_none_or(|first| captures.contains(first)) {
            let message = match first {
                Some(first) => format!("the first parameter of function `{function}`, `{first}`, gets the context"),
                None => format!("function `{function}` has no parameter for the context"),
            };
            (message, signature(usual))
        } else if !refused.is_empty() {
            let message = format!("function `{function}` has no parameter for the captured `{}`", refused.join("`, `"));
            (message, signature(first.filter(|first| !first.is_empty()).unwrap_or(usual)))
        } else if !uncaptured.is_empty() {
            let names = uncaptured.join("`, `");
            let message = format!("function `{function}` needs `{names}`, which its binding does not capture");
            (message, format!("give it a default value: `{}=None`", uncaptured.join("=None, ")))
        } else {
            return None;
        };
        let error = Diagnostic::error(Code::WrongParameters, message).at(binding.span, "bound here");
        Some(self.defined(error, definition).help(help))
    }
}

/// Suggests a signature that takes these captures.
///
/// It keeps parameters with a default value and those that other bindings capture. Any other is
/// probably misspelled.
fn signature(context: &str, definition: &Function, captures: &BTreeSet<&str>, document: &PlannedDocument) -> String {
    let function = &definition.name;
    let mut wanted = vec![context.to_owned()];
    for (name, default) in &definition.parameters {
        let default = match default {
            Some(default) if default.len() > 30 || default.contains('\n') => "...",
            Some(default) => default,
            None => "None",
        };
        if default != "None" || is_captured(document, function, name) {
            wanted.push(format!("{name}={default}"));
        }
    }
    let missing = captures.iter().filter(|name| definition.parameters.iter().all(|(known, _)| known != *name));
    wanted.extend(missing.map(|name| format!("{name}=None")));
    format!("write `def {function}({}):`", wanted.join(", "))
}

/// Whether a binding of the document passes a capture of this name to this function.
fn is_captured(document: &PlannedDocument, function: &str, name: &str) -> bool {
    let calls = |implementation: &Implementation| {
        *implementation.function == *function || implementation.cleanup.as_deref() == Some(function)
    };
    document.bindings.iter().any(|binding| {
        binding.captures.iter().any(|capture| capture.name == name) && binding.implementations.iter().any(calls)
    })
}

/// Warns about functions with the names of library functions, file by file: library steps do not
/// use them.
fn replacements(steps: &[&MatchedStep], known: &PythonSymbols, files: &Files<'_>) -> Vec<Diagnostic> {
    let bound: BTreeSet<&str> = steps.iter().map(|step| &*step.implementation.function).collect();
    let of_library = |name: &str| LIBRARY_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let replaces = |function: &&Function| {
        let name = function.name.as_str();
        of_library(name) && known.names.iter().any(|known| known == name) && !bound.contains(name)
    };
    let warning = |(path, _): &(PathBuf, SourceId)| {
        let mut own = known.functions.iter().filter(|function| function.place.0 == *path).filter(replaces);
        let first = own.next()?;
        let more = own.count();
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        let message = format!("`{}`{others}: library steps do not use functions of your own", first.name);
        let warning = Diagnostic::warning(Code::OwnLibraryFunction, message);
        let warning = warning.at(files.definition(first)?, "only Python functions can call this");
        Some(warning.help("to run steps with it, bind them to it in a bindings file of your own"))
    };
    files.listed.iter().filter_map(warning).collect()
}

/// The prefixes of function names of the native libraries.
const LIBRARY_PREFIXES: [&str; 4] = ["daemon_", "files_", "file_and_", "runcmd_"];
