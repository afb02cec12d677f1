//! Finds embedded files that no step uses.
//!
//! A file that a used JSON Schema refers to is used too.

use aho_corasick::AhoCorasickBuilder;

use crate::code::Code;
use crate::contents::raw::Contents;
use crate::diagnostic::Diagnostic;
use crate::plan::ImplementationFile;
use crate::source::{Sources, Span};

/// How many names one pass looks for. Building a finder costs the square of their number.
const NAMES_PER_PASS: usize = 512;

/// Warns about embedded files that neither a step nor a step function mentions. `used`: those that
/// captures name.
pub(crate) fn unused_files(
    sources: &Sources,
    contents: &Contents,
    mut used: Vec<bool>,
    steps: &(impl Iterator<Item = Span> + Clone),
    functions: &[ImplementationFile],
) -> Vec<Diagnostic> {
    let files = functions.iter().filter_map(|listed| listed.file.as_ref());
    let texts: Vec<&str> = files.map(|(_, source)| sources.file(*source).text.as_str()).collect();
    let open: Vec<usize> = (0..used.len()).filter(|&file| !used[file]).collect();
    if open.is_empty() || texts.iter().any(|text| computes_file_names(text)) {
        return Vec::new();
    }
    for some in open.chunks(NAMES_PER_PASS) {
        let names = some.iter().map(|&file| contents.files[file].file.name.as_str());
        let Ok(finder) = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(names) else { continue };
        let steps = steps.clone().map(|step| sources.text(step));
        for found in steps.chain(texts.iter().copied()).flat_map(|text| finder.find_overlapping_iter(text)) {
            used[some[found.pattern().as_usize()]] = true;
        }
    }
    mark_referenced(contents, &mut used);
    let unused = open.into_iter().filter(|&file| !used[file]).map(|file| &contents.files[file]);
    unused
        .map(|file| {
            let message = format!("no step uses the embedded file `{}`", file.file.name);
            Diagnostic::warning(Code::UnusedFile, message)
                .at(file.span, "")
                .help("remove it, or replace `.file` with `.example`")
        })
        .collect()
}

/// Marks the files that used ones refer to by `$ref`, and those that these refer to.
fn mark_referenced(contents: &Contents, used: &mut [bool]) {
    let mut pending: Vec<usize> = (0..used.len()).filter(|&file| used[file]).collect();
    while let Some(from) = pending.pop() {
        let text = &contents.files[from].file.text;
        if !text.contains("$ref") {
            continue;
        }
        for (at, file) in contents.files.iter().enumerate() {
            // The name may be written relative to that of the other file.
            let name = file.file.name.rsplit('/').next().unwrap_or_default();
            if !used[at] && text.contains(name) {
                used[at] = true;
                pending.push(at);
            }
        }
    }
}

/// Whether step functions in this text get embedded files whose names are not literals.
fn computes_file_names(text: &str) -> bool {
    let mut calls = text.match_indices("get_file(").map(|(at, call)| &text[at + call.len()..]);
    calls.any(|name| !name.trim_start().starts_with(['"', '\'']))
}
