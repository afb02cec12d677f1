//! Holds bindings against the Python files of their documents before anything runs, without carrying any of that code out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use greenroom_doc::{
    Code, Diagnostic, Implementation, Loaded, MatchedStep, PlannedDocument, SourceId, Sources, Span, nearest,
};
use greenroom_steps::host::check::{self, Function, Known, Trouble};

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
        let files = files_of(document, source_directory);
        let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        match check::files(python, path, &paths) {
            Ok(known) => {
                found.extend(known.errors.iter().filter_map(|error| unparsable(&loaded.sources, &files, error)));
                for warning in &known.warnings {
                    // Documents may have files in common.
                    if warned.insert(warning.clone()) {
                        let (file, line, message) = warning;
                        let at = line_span((file, *line), &files, &loaded.sources);
                        found.extend(at.map(|at| Diagnostic::warning(Code::PythonWarning, message).at(at, "")));
                    }
                }
                let mut known = known;
                known.more |= document.implementations.iter().any(|listed| listed.missing);
                found.extend(bindings(document, &steps, &known, &files, &loaded.sources));
                if others.iter().any(|step| step.implementation.is_native()) {
                    found.extend(replacements(&steps, &known, &files, &loaded.sources));
                }
            }
            Err(Trouble::NotFound) => found.push(
                Diagnostic::error(Code::NoPython, format!("program not found: {python}"))
                    .at(first.span, "this step is carried out in Python")
                    .help("install Python, or say where it is with `--python PATH`"),
            ),
            Err(Trouble::Here(error)) => return Err(error),
            Err(Trouble::Python(reason)) => found.push(
                Diagnostic::error(Code::NoPython, format!("{python} cannot be used: {reason}"))
                    .at(first.span, "this step is carried out in Python")
                    .help("say where a Python 3.8 or newer is with `--python PATH`"),
            ),
        }
    }
    Ok(found)
}

/// The document's own Python files.
fn files_of(document: &PlannedDocument, source_directory: &Path) -> Vec<(PathBuf, SourceId)> {
    let python = document.implementations.iter().filter(|listed| listed.language == "python");
    python
        .filter_map(|listed| listed.file.as_ref())
        .map(|(path, source)| (source_directory.join(path), *source))
        .collect()
}

fn unparsable(
    sources: &Sources,
    files: &[(PathBuf, SourceId)],
    (path, line, column, message): &(PathBuf, usize, usize, String),
) -> Option<Diagnostic> {
    let (_, source) = files.iter().find(|(known, _)| known == path)?;
    let file = sources.file(*source);
    let range = file.line_range(u32::try_from(*line).ok()?);
    let text = file.text.get(range.clone())?;
    let at = text.char_indices().nth(column.saturating_sub(1)).map_or(text.trim_end().len(), |(at, _)| at);
    let start = range.start + at.min(text.len());
    let end = (start + 1).min(range.end).max(start);
    Some(
        Diagnostic::error(Code::BadPython, format!("this is no Python: {message}"))
            .at(Span::new(*source, start..end), ""),
    )
}

/// Functions that are not there, or that do not take what their bindings capture; each told once.
fn bindings(
    document: &PlannedDocument,
    steps: &[&MatchedStep],
    known: &Known,
    files: &[(PathBuf, SourceId)],
    sources: &Sources,
) -> Vec<Diagnostic> {
    let functions: BTreeMap<&str, &Function> =
        known.functions.iter().map(|function| (function.name.as_str(), function)).collect();
    let names: BTreeSet<&str> = known.names.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    let (mut told, mut never_run) = (BTreeSet::new(), BTreeSet::new());
    for step in steps {
        let implementation = &step.implementation;
        let Some(binding) = document.bindings.get(step.binding) else { continue };
        // Groups of a regex that took no part in this step.
        let absent: Vec<&str> = binding
            .captures
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !step.captures.iter().any(|capture| capture.name == *name))
            .collect();
        for function in [Some(&implementation.function), implementation.cleanup.as_ref()].into_iter().flatten() {
            if !absent.is_empty()
                && let Some(definition) = functions.get(&**function)
                && let Some(name) = definition.wants(&absent)
                && told.insert((step.binding, function, Some(name)))
            {
                let message = format!("function `{function}` wants `{name}`, which this step does not capture");
                let error = Diagnostic::error(Code::WrongParameters, message).at(step.span, "");
                let error = error.and_at(binding.span, "bound here");
                let error = match definition_span(definition, files, sources) {
                    Some(at) => error.and_at(at, "defined here"),
                    None => error,
                };
                found.push(error.help(format!("give it a value for when it is not captured: `{name}=None`")));
            }
            if !told.insert((step.binding, function, None)) {
                continue;
            }
            // `module.function` is found in what a file imports.
            let name = function.split('.').next().unwrap_or(function);
            let Some(definition) = functions.get(&**function) else {
                let constant = known.constants.iter().find(|(constant, _)| **constant == **function && !known.more);
                if let Some((_, (path, line))) = constant {
                    let error = Diagnostic::error(Code::NoFunction, format!("`{function}` is no function"))
                        .at(step.span, "this step needs it")
                        .and_at(binding.span, "bound here");
                    found.push(match line_span((path, *line), files, sources) {
                        Some(at) => error.and_at(at, "defined here"),
                        None => error,
                    });
                    continue;
                }
                if known.more || names.contains(name) || functions.contains_key(name) {
                    continue;
                }
                let error =
                    Diagnostic::error(Code::UnknownFunction, format!("no Python file defines a function `{function}`"))
                        .at(step.span, "this step needs it")
                        .and_at(binding.span, "bound here");
                let near = nearest(function, functions.keys().copied());
                let listed = files.iter().map(|(_, source)| sources.file(*source).name.clone()).collect::<Vec<_>>();
                found.push(match near {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None if listed.is_empty() => {
                        error.help("list the file that has it under `python:` in `impls` of the document")
                    }
                    None => error.help(format!("define it in {}", listed.join(" or "))),
                });
                continue;
            };
            if definition.never_runs && never_run.insert(function) {
                let message = format!("`{function}` has `yield` in it: calling it carries out nothing");
                let warning = Diagnostic::warning(Code::NeverRuns, message).help(
                    "write a function for what is to be done when the scenario ends, and name it by `cleanup:` in the binding",
                );
                found.push(match definition_span(definition, files, sources) {
                    Some(at) => warning.at(at, "defined here").and_at(binding.span, "bound here"),
                    None => warning.at(binding.span, "bound here"),
                });
            }
            let captures: BTreeSet<&str> = binding.captures.iter().map(|(name, _)| name.as_str()).collect();
            let takes = |name: &str| definition.parameters.iter().any(|(known, _)| known == name);
            let missing: Vec<&str> =
                captures.iter().copied().filter(|name| !definition.takes_any && !takes(name)).collect();
            let wanting: Vec<&str> = definition
                .parameters
                .iter()
                .filter(|(name, default)| {
                    default.is_none() && !definition.takes_any && !captures.contains(name.as_str())
                })
                .map(|(name, _)| name.as_str())
                .collect();
            let at = definition_span(definition, files, sources);
            let complain = |message: String, help: String| {
                let error = Diagnostic::error(Code::WrongParameters, message).at(binding.span, "bound here");
                match at {
                    Some(at) => error.and_at(at, "defined here").help(help),
                    None => error.help(help),
                }
            };
            let first = definition.context.as_deref();
            let signature = |context: &str| signature(context, definition, &captures, document);
            if first.is_none_or(|first| captures.contains(first)) {
                found.push(complain(
                    match first {
                        Some(first) => {
                            format!("`{first}`, the first parameter of function `{function}`, would get the context")
                        }
                        None => format!("function `{function}` has no parameter for the context"),
                    },
                    signature("ctx"),
                ));
            } else if !missing.is_empty() {
                let list = missing.join("`, `");
                found.push(complain(
                    format!("function `{function}` has no parameter for the captured `{list}`"),
                    signature(first.filter(|first| !first.is_empty()).unwrap_or("ctx")),
                ));
            } else if !wanting.is_empty() {
                let list = wanting.join("`, `");
                found.push(complain(
                    format!("function `{function}` wants `{list}`, which its binding does not capture"),
                    format!("give it a value for when it is not captured: `{}=None`", wanting.join("=None, ")),
                ));
            }
        }
    }
    found
}

/// How to write a function so that it takes these captures. It keeps what it has for other bindings, and what is of its own; what has
/// no value and is given none is rather misspelt.
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

/// Whether a binding of the document has a function of this name get a capture of this name.
fn is_captured(document: &PlannedDocument, function: &str, name: &str) -> bool {
    let calls = |implementation: &Implementation| {
        *implementation.function == *function || implementation.cleanup.as_deref() == Some(function)
    };
    document.bindings.iter().any(|binding| {
        binding.captures.iter().any(|(capture, _)| capture == name) && binding.implementations.iter().any(calls)
    })
}

/// Functions with the names of library functions, file by file: they do less than their authors may think.
fn replacements(
    steps: &[&MatchedStep],
    known: &Known,
    files: &[(PathBuf, SourceId)],
    sources: &Sources,
) -> Vec<Diagnostic> {
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
        let message = format!("`{}`{others}: steps of the libraries do not use functions of yours", first.name);
        let warning = Diagnostic::warning(Code::OwnLibraryFunction, message);
        let warning = warning.at(definition_span(first, files, sources)?, "only other Python functions find it");
        Some(warning.help("to have steps carried out by it, bind them to it in a bindings file of your own"))
    };
    files.iter().filter_map(warning).collect()
}

/// How the names of the functions of the libraries begin that greenroom serves itself.
const LIBRARY_PREFIXES: [&str; 4] = ["daemon_", "files_", "file_and_", "runcmd_"];

fn definition_span(function: &Function, files: &[(PathBuf, SourceId)], sources: &Sources) -> Option<Span> {
    let (path, line) = &function.place;
    line_span((path, *line), files, sources)
}

/// A line without the space around it.
fn line_span((path, line): (&Path, usize), files: &[(PathBuf, SourceId)], sources: &Sources) -> Option<Span> {
    let (_, source) = files.iter().find(|(known, _)| known == path)?;
    let file = sources.file(*source);
    let range = file.line_range(u32::try_from(line).ok()?);
    let text = file.text.get(range.clone())?;
    let start = range.start + (text.len() - text.trim_start().len());
    Some(Span::new(*source, start..range.start + text.trim_end().len()))
}
