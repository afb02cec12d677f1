//! Metadata: finding the YAML block in a Markdown file, and reading it or a `.subplot` file.

use std::ops::Range;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::markdown;
use crate::measure::{parse_duration, parse_size};
use crate::plan::{Front, Limits};
use crate::source::Span;
use crate::suggest;
use crate::yaml::{Node, Value};

/// Where things are in a Markdown file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The YAML, without its fences.
    pub(crate) yaml: Option<Range<usize>>,
    /// The rest.
    pub(crate) body: Range<usize>,
}

/// Finds a block that opens with a line `---` and closes with `...` or `---`, at the very beginning or the very end of the file.
pub(crate) fn split(text: &str) -> Parts {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    if let Some(parts) = leading(text, start).or_else(|| trailing(text, start)) {
        return parts;
    }
    Parts { yaml: None, body: start..text.len() }
}

/// Metadata that begins at the head of a file and has no end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Its first line.
    pub(crate) open: Range<usize>,
    /// The first line that is surely behind it.
    pub(crate) behind: Option<Range<usize>>,
}

/// Whether metadata begins at the head of a file and goes on into what is none: a heading or a fence.
pub(crate) fn unclosed(text: &str) -> Option<Unclosed> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut lines = lines(text, start).skip_while(Range::is_empty);
    let open = lines.next().filter(|open| &text[open.clone()] == "---")?;
    if !looks_like_yaml(&text[after_line(text, open.end)..]) {
        return None;
    }
    for line in lines {
        let words = &text[line.clone()];
        if matches!(words, "---" | "...") {
            return None;
        }
        // Above a key, what looks like a heading is a comment.
        let is_heading = || markdown::is_heading(words) && !looks_like_yaml(&text[after_line(text, line.end)..]);
        if markdown::fence_mark(words).is_some() || is_heading() {
            return Some(Unclosed { open, behind: Some(line) });
        }
    }
    Some(Unclosed { open, behind: None })
}

/// Lines with their ranges, without line ends and trailing blanks.
fn lines(text: &str, from: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let mut at = from;
    let starts = text[from..].split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        start..start + line.trim_end().len()
    });
    starts.collect::<Vec<_>>().into_iter()
}

fn leading(text: &str, from: usize) -> Option<Parts> {
    let body = text[from..].trim_start_matches(|c: char| c.is_ascii_whitespace());
    let from = text.len() - body.len();
    if !body.starts_with("---") {
        return None;
    }
    let mut lines = lines(text, from);
    let open = lines.next().filter(|open| &text[open.clone()] == "---")?;
    let close = lines.find(|line| matches!(&text[line.clone()], "---" | "..."))?;
    let yaml = after_line(text, open.end)..close.start;
    looks_like_yaml(&text[yaml.clone()])
        .then(|| Parts { yaml: Some(yaml), body: after_line(text, close.end)..text.len() })
}

fn trailing(text: &str, from: usize) -> Option<Parts> {
    if !text.trim_end().ends_with(['.', '-']) {
        return None;
    }
    let mut lines = lines(text, from).rev().skip_while(Range::is_empty);
    let close = lines.next().filter(|close| matches!(&text[close.clone()], "---" | "..."))?;
    let open = lines.find(|line| &text[line.clone()] == "---")?;
    // Below a line of text it makes that line a heading.
    if lines.next().is_some_and(|before| !before.is_empty()) {
        return None;
    }
    let yaml = after_line(text, open.end)..close.start;
    looks_like_yaml(&text[yaml.clone()]).then_some(Parts { yaml: Some(yaml), body: from..open.start })
}

/// The start of the line after the one that ends (but for blanks) at `end`.
fn after_line(text: &str, end: usize) -> usize {
    text[end..].find('\n').map_or(text.len(), |at| end + at + 1)
}

/// Whether it begins with a key, so that prose between two thematic breaks is not taken for metadata.
fn looks_like_yaml(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        line.split_once(':').is_some_and(|(key, value)| {
            let key = key.trim_matches(['"', '\'']);
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
            !key.is_empty()
                && key.len() < 40
                && key.chars().all(plain)
                && (value.is_empty() || value.starts_with([' ', '\t']))
        })
    })
}

/// A name in the metadata and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What the metadata of a document says.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) title: Option<String>,
    pub(crate) markdowns: Vec<Name>,
    pub(crate) bindings: Vec<Name>,
    /// Whether `bindings` has mistakes, so that some may be missing from the list.
    pub(crate) bindings_unclear: bool,
    /// Languages under `impls`, with their files; `template` adds one without files.
    pub(crate) impls: Vec<(Name, Vec<Name>)>,
    /// Classes that are no slip.
    pub(crate) classes: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) network_host: bool,
    pub(crate) front: Front,
}

/// Keys with a meaning here.
const KEYS: &[&str] = &[
    "title",
    "subtitle",
    "author",
    "authors",
    "date",
    "classes",
    "markdowns",
    "markdown",
    "bindings",
    "impls",
    "template",
    "functions",
    "scenario_timeout",
    "step_timeout",
    "output_limit",
    "network",
    "css_embed",
    "css_urls",
    "documentclass",
    "bibliography",
];

/// Keys that typesetting programs know, and that old documents still have in them.
const LEFTOVER: &[&str] = &[
    "abstract",
    "bibliographystyle",
    "biblio-style",
    "citation-style",
    "classoption",
    "colorlinks",
    "copyright",
    "csl",
    "description",
    "fontfamily",
    "fontsize",
    "geometry",
    "header-includes",
    "indent",
    "institute",
    "institution",
    "keywords",
    "lang",
    "license",
    "linestretch",
    "link-citations",
    "linkcolor",
    "links-as-notes",
    "lof",
    "lot",
    "mainfont",
    "margin-left",
    "margin-right",
    "monofont",
    "nocite",
    "numbersections",
    "output",
    "pandoc",
    "papersize",
    "rights",
    "sansfont",
    "secnumdepth",
    "subject",
    "summary",
    "tags",
    "thanks",
    "toc",
    "toc-depth",
    "toc-title",
    "urlcolor",
    "version",
];

/// Which kind of file the metadata is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Subplot,
    Markdown,
}

/// Reads the metadata. `place` is what to point at when something is missing.
pub(crate) fn read(node: &Node, home: Home, place: Span, diagnostics: &mut Vec<Diagnostic>) -> Metadata {
    let mut metadata = Metadata::default();
    let Value::Map(entries) = &node.value else {
        diagnostics.push(
            Diagnostic::error("bad-metadata", format!("metadata must be `key: value` lines, not {}", node.what()))
                .at(node.span, ""),
        );
        return metadata;
    };
    let mut reader = Reader { diagnostics };
    let mut titled = false;
    let mut markdowns = None;
    for (key, value) in entries {
        let Some(name) = key.text() else {
            reader.complain(key.span, format!("a key must be a word, not {}", key.what()));
            continue;
        };
        let lower = name.to_lowercase();
        match lower.as_str() {
            "title" => {
                titled = true;
                metadata.title =
                    reader.text(name, value).map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            "subtitle" => metadata.front.subtitle = reader.text(name, value),
            "date" => metadata.front.date = reader.text(name, value),
            "author" | "authors" => metadata.front.authors.extend(reader.words(name, value)),
            "classes" => metadata.classes = reader.words(name, value),
            "css_embed" => metadata.front.css_embed = reader.words(name, value),
            "css_urls" => metadata.front.css_urls = reader.words(name, value),
            "markdown" | "markdowns" => {
                markdowns = Some(key.span);
                metadata.markdowns.extend(reader.names(name, value));
            }
            "bindings" => {
                let before = reader.diagnostics.len();
                metadata.bindings = reader.names(name, value);
                metadata.bindings_unclear = reader.diagnostics.len() > before;
            }
            "impls" => reader.impls(value, &mut metadata.impls),
            "template" => {
                if let Some(text) = reader.text(name, value) {
                    add_language(&mut metadata.impls, Name { text, span: value.span }, Vec::new());
                }
            }
            // Before languages had names there was one.
            "functions" => {
                let files = reader.names(name, value);
                add_language(&mut metadata.impls, Name { text: "python".to_owned(), span: key.span }, files);
            }
            "scenario_timeout" => metadata.limits.scenario = reader.duration(name, value),
            "step_timeout" => metadata.limits.step = reader.duration(name, value),
            "output_limit" => metadata.limits.output = reader.size(name, value),
            "network" => match reader.text(name, value).as_deref() {
                Some("host") => metadata.network_host = true,
                Some("private") | None => {}
                Some(other) => {
                    let help = suggest::did_you_mean(other, ["host", "private"]).unwrap_or_else(|| {
                        "write `host` for the machine's network, `private` for one of its own".to_owned()
                    });
                    reader.diagnostics.push(
                        Diagnostic::error("bad-metadata", format!("`network` cannot be `{other}`"))
                            .at(value.span, "")
                            .help(help),
                    );
                }
            },
            "documentclass" | "bibliography" => {}
            lower if LEFTOVER.contains(&lower) => {}
            _ => {
                let help = suggest::did_you_mean(name, KEYS.iter().copied())
                    .unwrap_or_else(|| "remove it, or keep it in a comment behind `#`".to_owned());
                reader.diagnostics.push(
                    Diagnostic::error("unknown-key", format!("there is no metadata key `{name}`"))
                        .at(key.span, "")
                        .help(help),
                );
            }
        }
    }
    if !titled {
        diagnostics.push(
            Diagnostic::error("missing-key", "the metadata has no `title`")
                .at(place, "")
                .help("add a line such as `title: What the thing must do`"),
        );
    }
    match (home, markdowns) {
        (Home::Subplot, None) => diagnostics.push(
            Diagnostic::error("missing-key", "the metadata names no Markdown files")
                .at(place, "")
                .help("add `markdowns:` with a list of file names, relative to this file"),
        ),
        (Home::Markdown, Some(span)) => diagnostics.push(
            Diagnostic::warning("ignored-key", "`markdowns` means nothing inside a Markdown file")
                .at(span, "")
                .help("remove it, or put the metadata into a `.subplot` file"),
        ),
        _ => {}
    }
    metadata
}

/// Two keys may name one language (`template: python` and `functions:`).
fn add_language(impls: &mut Vec<(Name, Vec<Name>)>, language: Name, files: Vec<Name>) {
    match impls.iter_mut().find(|(known, _)| known.text == language.text) {
        Some((_, known)) => known.extend(files),
        None => impls.push((language, files)),
    }
}

/// Reads values and says what is wrong with them.
struct Reader<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn complain(&mut self, span: Span, message: String) {
        self.diagnostics.push(Diagnostic::error("bad-metadata", message).at(span, ""));
    }

    fn text(&mut self, key: &str, value: &Node) -> Option<String> {
        match value.text() {
            Some(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(_) => {
                self.complain(value.span, format!("`{key}` is empty"));
                None
            }
            None => {
                self.complain(value.span, format!("`{key}` must be text, not {}", value.what()));
                None
            }
        }
    }

    /// One name or a list of names.
    fn names(&mut self, key: &str, value: &Node) -> Vec<Name> {
        let one = |node: &Node| node.text().map(|text| Name { text: text.trim().to_owned(), span: node.span });
        let mut names = Vec::new();
        match &value.value {
            Value::Null => {}
            Value::Text(_) => names.extend(one(value)),
            Value::List(items) => {
                for item in items {
                    let name = one(item).filter(|name| !name.text.is_empty());
                    if name.is_none() {
                        self.complain(item.span, format!("an entry of `{key}` must be a name, not {}", item.what()));
                    }
                    names.extend(name);
                }
            }
            Value::Map(_) => self.complain(value.span, format!("`{key}` must be a list of names, not a mapping")),
        }
        names
    }

    fn words(&mut self, key: &str, value: &Node) -> Vec<String> {
        self.names(key, value).into_iter().map(|name| name.text).collect()
    }

    fn duration(&mut self, key: &str, value: &Node) -> Option<Duration> {
        let text = self.text(key, value)?;
        parse_duration(&text).map_err(|reason| self.complain(value.span, format!("`{key}`: {reason}"))).ok()
    }

    fn size(&mut self, key: &str, value: &Node) -> Option<u64> {
        let text = self.text(key, value)?;
        parse_size(&text).map_err(|reason| self.complain(value.span, format!("`{key}`: {reason}"))).ok()
    }

    fn impls(&mut self, value: &Node, impls: &mut Vec<(Name, Vec<Name>)>) {
        match &value.value {
            Value::Null => {}
            Value::Map(entries) => {
                for (key, files) in entries {
                    match key.text() {
                        Some(language) => {
                            let files = self.names(language, files);
                            add_language(impls, Name { text: language.to_owned(), span: key.span }, files);
                        }
                        None => self.complain(key.span, format!("a language must be a word, not {}", key.what())),
                    }
                }
            }
            _ => self.diagnostics.push(
                Diagnostic::error("bad-metadata", format!("`impls` must be a mapping, not {}", value.what()))
                    .at(value.span, "")
                    .help("write the language, a colon, and below it the list of files: `python:` and `- steps.py`"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<&str>, &str) {
        let parts = split(text);
        (parts.yaml.map(|range| &text[range]), &text[parts.body])
    }

    #[test]
    fn blocks_are_found_at_either_end() {
        assert_eq!(parts("---\ntitle: x\n---\n# a\n"), (Some("title: x\n"), "# a\n"));
        assert_eq!(parts("\u{feff}---\r\ntitle: x\r\n...\r\n# a\r\n"), (Some("title: x\r\n"), "# a\r\n"));
        assert_eq!(parts("\n\n---\ntitle: x\n...\n# a\n"), (Some("title: x\n"), "# a\n"));
        assert_eq!(parts("# a\n\n---\ntitle: x\n..."), (Some("title: x\n"), "# a\n\n"));
        assert_eq!(parts("# a\n\n---\ntitle: x\n---  \n\n\n"), (Some("title: x\n"), "# a\n\n"));
        assert_eq!(parts("---\n# why\ntitle: x\n---\n---\n"), (Some("# why\ntitle: x\n"), "---\n"));
    }

    #[test]
    fn metadata_without_an_end() {
        let behind = |text: &str| unclosed(text).map(|found| found.behind.map(|line| text[line].to_owned()));
        let some = |line: &str| Some(Some(line.to_owned()));
        assert_eq!(behind("---\ntitle: x\n# why\na: b\n\n# A\n\n---\n"), some("# A"));
        assert_eq!(behind("\u{feff}\r\n---\r\ntitle: x\r\n\r\n~~~scenario\r\n"), some("~~~scenario"));
        assert_eq!(behind("---\ntitle: x\n"), Some(None));
        assert_eq!(behind("---\ntitle: x\n---\n# A\n"), None);
        assert_eq!(behind("---\n\n# A\n"), None);
        assert_eq!(behind("# A\n---\ntitle: x\n"), None);
    }

    #[test]
    fn rules_and_headings_are_left_alone() {
        for text in [
            "",
            "---",
            "---\n",
            "---\n---\n",
            "# a\n\n---\nprose here\n---\n",
            "a\n---\n",
            "---\ntitle: x\n",
            "...",
            "a\n...",
            "a\n---\nb: c\n---\n",
        ] {
            assert_eq!(parts(text), (None, text));
        }
        assert_eq!(parts("---\nSee http://x\n---\nb\n").0, None);
    }
}
