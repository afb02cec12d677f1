//! Reads the metadata of one document.

use std::ops::Range;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::read::markdown;
use crate::read::metadata::block::{self, Parts, Unclosed};
use crate::read::metadata::keys::{self, KEYS, Key, Metadata};
use crate::read::metadata::value::Entry;
use crate::read::yaml::{self, Node, Value};
use crate::source::{SourceId, Span};
use crate::suggest;

/// The kind of file that the metadata is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Subplot,
    Markdown,
}

/// What was found where metadata belongs.
pub(crate) enum Front {
    Metadata(Box<Metadata>),
    /// The document has no metadata.
    Missing,
    /// It has mistakes that leave nothing to use; a diagnostic says which.
    Unreadable,
}

/// Reads the metadata in a text that was split into `parts`.
pub(crate) fn read(
    source: SourceId,
    text: &str,
    parts: &Parts,
    kind: FileKind,
    diagnostics: &mut Vec<Diagnostic>,
) -> Front {
    let Some(range) = parts.yaml.clone() else {
        if let Some(unclosed) = block::unclosed(text) {
            diagnostics.push(never_closed(source, text, unclosed));
            return Front::Unreadable;
        }
        let Some(line) = block::misplaced(text) else { return Front::Missing };
        diagnostics.push(out_of_place(source, text, line));
        return Front::Unreadable;
    };
    let place = first_line(source, text, &range);
    let has_fence = text[range.clone()].lines().any(|line| markdown::fence_mark(line).is_some());
    match yaml::parse(source, text, range, diagnostics) {
        Ok(Some(node)) => Front::Metadata(Box::new(mapping(&node, kind, place, diagnostics))),
        Ok(None) if kind == FileKind::Subplot => {
            let error = Diagnostic::error(Code::MissingKey, "this file is empty").at(place, "");
            diagnostics.push(error.help("add `title:` and `markdowns:` to it"));
            Front::Unreadable
        }
        Ok(None) => Front::Missing,
        Err(error) => {
            // The closing line may be a thematic break further down.
            let unclosed = if has_fence && kind == FileKind::Markdown { block::unclosed(text) } else { None };
            let unclosed = unclosed.map(|unclosed| never_closed(source, text, unclosed));
            diagnostics.push(unclosed.unwrap_or(*error));
            Front::Unreadable
        }
    }
}

fn first_line(source: SourceId, text: &str, range: &Range<usize>) -> Span {
    let length = text[range.clone()].lines().next().unwrap_or_default().trim_end().len();
    Span::new(source, range.start..range.start + length)
}

fn never_closed(source: SourceId, text: &str, unclosed: Unclosed) -> Diagnostic {
    let error = Diagnostic::error(Code::UnclosedMetadata, "this metadata block is never closed")
        .at(Span::new(source, unclosed.open), "");
    error.help(match unclosed.after {
        Some(line) => format!("add a line `---` or `...` after it, before `{}`", &text[line]),
        None => "add a line `---` or `...` after it".to_owned(),
    })
}

fn out_of_place(source: SourceId, text: &str, line: Range<usize>) -> Diagnostic {
    let help = if &text[line.clone()] == "---" {
        "move it to the beginning of the document"
    } else {
        "write a line `---` before it and another after it"
    };
    Diagnostic::error(Code::NoMetadata, "this looks like metadata, but is not where metadata is read")
        .at(Span::new(source, line), "")
        .note("metadata is at the very beginning or end of a document, between lines `---`")
        .help(help)
}

/// Reads the keys. `place` is where to point when one is missing.
fn mapping(node: &Node, kind: FileKind, place: Span, diagnostics: &mut Vec<Diagnostic>) -> Metadata {
    let mut metadata = Metadata::default();
    let Value::Map(entries) = &node.value else {
        let message = format!("metadata must be `key: value` lines, not {}", node.what());
        diagnostics.push(Diagnostic::error(Code::BadMetadata, message).at(node.span, ""));
        return metadata;
    };
    let mut title = None;
    let mut markdowns = None;
    // `functions` depends on `template`, and the order of keys does not matter.
    let depends = |key: &Node| key.text().and_then(Key::named).is_some_and(|key| key.name == "functions");
    let (last, first): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, _)| depends(key));
    for (key, value) in first.into_iter().chain(last) {
        let Some(name) = key.text() else {
            let message = format!("a key must be a word, not {}", key.what());
            diagnostics.push(Diagnostic::error(Code::BadMetadata, message).at(key.span, ""));
            continue;
        };
        let Some(known) = Key::named(name) else {
            diagnostics.extend(unknown(name, key.span));
            continue;
        };
        match known.name {
            "title" => title = Some(key.span),
            "markdowns" => markdowns = Some(key.span),
            _ => {}
        }
        known.read(&mut Entry { key: name, span: key.span, value, diagnostics }, &mut metadata);
    }
    if title.is_none() {
        diagnostics.push(
            Diagnostic::error(Code::MissingKey, "this metadata has no `title`")
                .at(place, "")
                .help("add a line such as `title: Login works`"),
        );
    }
    match (kind, markdowns) {
        (FileKind::Subplot, None) => diagnostics.push(
            Diagnostic::error(Code::MissingKey, "this metadata has no `markdowns`")
                .at(place, "")
                .help("add `markdowns:` with a list of Markdown files, relative to this file"),
        ),
        (FileKind::Markdown, Some(span)) => diagnostics.push(
            Diagnostic::warning(Code::IgnoredKey, "`markdowns` has no effect in a Markdown file")
                .at(span, "")
                .help("remove it, or move the metadata to a `.subplot` file"),
        ),
        _ => {}
    }
    metadata
}

fn unknown(name: &str, span: Span) -> Option<Diagnostic> {
    if keys::is_typesetting(name) {
        return None;
    }
    let help = suggest::did_you_mean(name, KEYS.iter().flat_map(Key::names))
        .unwrap_or_else(|| "remove it, or turn it into a comment with `#`".to_owned());
    Some(Diagnostic::error(Code::UnknownKey, format!("unknown metadata key `{name}`")).at(span, "").help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(yaml: &str) -> Metadata {
        let text = format!("---\n{yaml}---\n");
        let mut diagnostics = Vec::new();
        let front = read(SourceId(0), &text, &block::split(&text), FileKind::Markdown, &mut diagnostics);
        assert_eq!(diagnostics, [], "{text}");
        match front {
            Front::Metadata(metadata) => *metadata,
            _ => panic!("no metadata in {text}"),
        }
    }

    #[test]
    fn documented_defaults_are_the_defaults() {
        for key in KEYS {
            if let Some(default) = key.default {
                let text = format!("title: T\n{}: {default}\n", key.name);
                assert_eq!(metadata(&text), metadata("title: T\n"), "{}", key.name);
            }
        }
    }

    #[test]
    fn no_name_belongs_to_two_keys() {
        let mut names: Vec<&str> = KEYS.iter().flat_map(Key::names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| !keys::is_typesetting(name)));
    }
}
