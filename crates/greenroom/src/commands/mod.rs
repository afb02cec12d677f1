//! What the commands do.

use std::collections::BTreeSet;
use std::io::Write;

use greenroom_doc::{BuiltinFile, Diagnostic, Loaded, Request};
use greenroom_report::diagnostics;
use greenroom_steps::Registry;

use crate::arguments::{Chosen, Hosts};
use crate::loader::Disk;
use crate::settings::{Settings, absolute, complain};

pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod steps;

/// Loads documents and looks at every step, so that all that is wrong is known before anything runs. An error, said already, when
/// that cannot be done here.
pub(crate) fn load(
    documents: &[String],
    hosts: &Hosts,
    settings: &Settings,
    registry: &Registry,
) -> Result<Loaded, ()> {
    let builtin = builtin(registry);
    let can_run = |language: &str, function: &str| match language {
        "native" => registry.function(function).is_some(),
        // Which functions there are is found out from the files, below.
        "python" => true,
        other => hosts.others().contains_key(other),
    };
    let documents = &without_repeats(documents);
    let request = Request { documents, loader: &Disk, builtin: &builtin, can_run: &can_run };
    let mut loaded = greenroom_doc::load(&request);
    let mut more = greenroom_run::preflight(&loaded.plan, registry, &settings.path, &settings.directory);
    // A host of the user's own for Python has its own mind of files.
    if !hosts.others().contains_key("python") {
        let python = absolute(&hosts.python, settings);
        let found = greenroom_run::check_functions(&loaded, &python, &settings.path, &settings.directory);
        more.extend(found.map_err(|error| complain(&format!("failed to look at Python files: {error}")))?);
    }
    if !more.is_empty() {
        loaded.diagnostics.extend(more);
        let place =
            |diagnostic: &Diagnostic| diagnostic.primary.as_ref().map(|label| (label.span.source, label.span.start));
        loaded.diagnostics.sort_by_key(place);
    }
    Ok(loaded)
}

/// Documents under the names given first; the same file under another name is the same document.
fn without_repeats(documents: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let file = |name: &String| std::fs::canonicalize(name).unwrap_or_else(|_| name.into());
    documents.iter().filter(|name| seen.insert(file(name))).cloned().collect()
}

/// The files that come with the libraries, by the names that documents use.
fn builtin(registry: &Registry) -> Vec<BuiltinFile> {
    let of_library = |library: &greenroom_steps::Library| {
        let bindings =
            BuiltinFile { name: format!("lib/{}.yaml", library.name()), text: Some(library.bindings().into()) };
        let served = library.served().iter().map(|name| BuiltinFile { name: name.clone(), text: None });
        std::iter::once(bindings).chain(served).collect::<Vec<_>>()
    };
    registry.libraries().iter().flat_map(of_library).collect()
}

/// Shows diagnostics on standard error.
pub(crate) fn show(loaded: &Loaded, settings: &Settings) {
    if !loaded.diagnostics.is_empty() {
        let text = diagnostics::render(&loaded.diagnostics, &loaded.sources, settings.stderr);
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// The scenarios that a filter leaves, as indices into the plan; an error, said already, when it leaves none.
pub(crate) fn choose(loaded: &Loaded, chosen: &Chosen) -> Result<Vec<usize>, ()> {
    let scenarios = &loaded.plan.scenarios;
    let titles: Vec<String> = scenarios.iter().map(|scenario| scenario.title.to_lowercase()).collect();
    let names: Vec<String> = chosen.names.iter().map(|name| name.trim().to_lowercase()).collect();
    let mut fine = true;
    // A name or label that matches nothing is a mistake even when others match.
    for (name, written) in names.iter().zip(&chosen.names) {
        if !titles.iter().any(|title| title.contains(name)) {
            fine = false;
            let near = greenroom_doc::nearest(name, titles.iter().map(String::as_str));
            let near =
                near.and_then(|near| titles.iter().position(|title| title == near)).map(|at| &scenarios[at].title);
            let hint = near.map_or_else(
                || "; `greenroom list` shows the titles".to_owned(),
                |near| format!("; did you mean \"{near}\"?"),
            );
            complain(&format!("no scenario has \"{written}\" in its title{hint}"));
        }
    }
    for label in &chosen.labels {
        if !scenarios.iter().any(|scenario| scenario.labels.contains(label)) {
            fine = false;
            let known = scenarios.iter().flat_map(|scenario| &scenario.labels);
            let near = greenroom_doc::nearest(label, known.map(String::as_str));
            let hint = near.map_or_else(
                || "; `greenroom list` shows the labels".to_owned(),
                |near| format!("; did you mean {near}?"),
            );
            complain(&format!("no scenario has the label {label}{hint}"));
        }
    }
    if !fine {
        return Err(());
    }
    let of_that_name = |title: &String| {
        // A whole title means that scenario, not also those that have it in theirs: so a failure can be run again alone.
        names.is_empty() || names.iter().any(|name| title == name || (title.contains(name) && !titles.contains(name)))
    };
    let labelled = |labels: &[String]| {
        (chosen.labels.is_empty() || chosen.labels.iter().any(|label| labels.contains(label)))
            && !chosen.without_labels.iter().any(|label| labels.contains(label))
    };
    let left: Vec<usize> =
        (0..scenarios.len()).filter(|&at| of_that_name(&titles[at]) && labelled(&scenarios[at].labels)).collect();
    if left.is_empty() {
        complain("the filters leave no scenario; `greenroom list` shows titles and labels");
        return Err(());
    }
    Ok(left)
}
