//! Bindings files: YAML lists of patterns and what carries them out.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::pattern::{self, Fault, Pattern, RawCapture, Simple};
use crate::plan::{Binding, CaptureType, Implementation, StepKind};
use crate::source::{SourceId, Sources, Span};
use crate::suggest;
use crate::yaml::{self, Node, Value};

/// A binding that can be matched.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) binding: Binding,
    pub(crate) pattern: Arc<Pattern>,
}

/// A bindings file as read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library {
    pub(crate) bindings: Vec<Bound>,
    /// Those that mistakes keep out of the list: steps like them are not complained about as well.
    pub(crate) broken: Vec<Broken>,
    /// Whether nothing can be said about what else was meant to be in the list.
    pub(crate) unreadable: bool,
}

/// What is left of a binding that cannot be matched.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) kind: StepKind,
    pub(crate) words: Vec<Option<String>>,
}

/// More mistakes in one pattern are not told.
const MAX_FAULTS: usize = 8;

/// No step function takes more arguments.
const MAX_CAPTURES: usize = 100;

const KEYS: &[&str] =
    &["given", "when", "then", "impl", "regex", "case_sensitive", "types", "doc", "function", "cleanup"];

/// Reads a bindings file.
pub(crate) fn read(source: SourceId, sources: &Sources, diagnostics: &mut Vec<Diagnostic>) -> Library {
    let text = Arc::clone(&sources.file(source).text);
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut library = Library::default();
    let root = match yaml::parse(source, &text, start..text.len(), diagnostics) {
        Ok(Some(root)) => root,
        Ok(None) => return library,
        Err(error) => {
            diagnostics.push(*error);
            library.unreadable = true;
            return library;
        }
    };
    let items = match &root.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        _ => {
            diagnostics.push(
                Diagnostic::error("bad-binding", format!("a bindings file must be a list, not {}", root.what()))
                    .at(root.span, "")
                    .help("begin each binding with `- given:`, `- when:` or `- then:`"),
            );
            library.unreadable = true;
            return library;
        }
    };
    for item in items {
        let mut reader = Reader { text: &text, diagnostics, broken: &mut library.broken };
        library.bindings.extend(reader.binding(item));
    }
    library
}

/// The fields of one binding as they are found.
#[derive(Default)]
struct Fields<'a> {
    patterns: Vec<(StepKind, Span, &'a Node)>,
    regex: Option<bool>,
    case_sensitive: bool,
    types: Vec<(&'a Node, CaptureType)>,
    doc: Option<String>,
    implementations: Vec<Implementation>,
    function: Option<Arc<str>>,
    cleanup: Option<(Span, Arc<str>)>,
}

struct Reader<'a> {
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
    broken: &'a mut Vec<Broken>,
}

impl Reader<'_> {
    fn complain(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error("bad-binding", message).at(span, ""));
    }

    fn binding(&mut self, item: &Node) -> Option<Bound> {
        let Value::Map(entries) = &item.value else {
            self.complain(item.span, format!("a binding must be a mapping, not {}", item.what()));
            return None;
        };
        let mut fields = Fields::default();
        for (key, value) in entries {
            self.field(key, value, &mut fields);
        }
        if let Some((span, cleanup)) = fields.cleanup.take() {
            if let Some(function) = fields.function.take() {
                fields.implementations.push(Implementation {
                    language: "python".into(),
                    function,
                    cleanup: Some(cleanup),
                });
            } else {
                self.complain(span, "`cleanup` without `function`");
            }
        } else if let Some(function) = fields.function.take() {
            fields.implementations.push(Implementation { language: "python".into(), function, cleanup: None });
        }
        let (kind, _, pattern) = match fields.patterns.as_slice() {
            [] => {
                self.diagnostics.push(
                    Diagnostic::error("bad-binding", "this binding is for no keyword")
                        .at(item.span, "")
                        .help("add `given:`, `when:` or `then:` with a pattern"),
                );
                return None;
            }
            [one] => *one,
            [first, second, ..] => {
                self.diagnostics.push(
                    Diagnostic::error("bad-binding", "a binding is for one keyword only")
                        .at(second.1, "second")
                        .and_at(first.1, "first")
                        .help("write two bindings"),
                );
                return None;
            }
        };
        let Some(text) = pattern.text() else {
            self.complain(pattern.span, format!("a pattern must be text, not {}", pattern.what()));
            return None;
        };
        let bound = self.bound(kind, pattern, text, fields);
        if bound.is_none() {
            self.broken.push(Broken { kind, words: suggest::pattern_words(text) });
        }
        bound
    }

    fn field<'n>(&mut self, key: &'n Node, value: &'n Node, fields: &mut Fields<'n>) {
        let Some(name) = key.text() else {
            self.complain(key.span, format!("a key must be a word, not {}", key.what()));
            return;
        };
        match name.to_lowercase().as_str() {
            "given" => fields.patterns.push((StepKind::Given, key.span, value)),
            "when" => fields.patterns.push((StepKind::When, key.span, value)),
            "then" => fields.patterns.push((StepKind::Then, key.span, value)),
            "regex" => fields.regex = self.flag(name, value),
            "case_sensitive" => fields.case_sensitive = self.flag(name, value).unwrap_or(false),
            "doc" => match &value.value {
                Value::Null => {}
                Value::Text(doc) => fields.doc = Some(doc.trim_end().to_owned()),
                _ => self.complain(value.span, format!("`{name}` must be text, not {}", value.what())),
            },
            "function" => fields.function = self.word(name, value),
            "cleanup" => fields.cleanup = self.word(name, value).map(|word| (key.span, word)),
            "types" => self.types(value, &mut fields.types),
            "impl" => self.implementations(value, &mut fields.implementations),
            _ => self.unknown(key, name, KEYS),
        }
    }

    fn unknown(&mut self, key: &Node, name: &str, known: &[&str]) {
        let help = suggest::did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("these are known: {}", known.join(", ")));
        self.diagnostics.push(
            Diagnostic::error("unknown-key", format!("bindings have no key `{name}`")).at(key.span, "").help(help),
        );
    }

    fn flag(&mut self, key: &str, value: &Node) -> Option<bool> {
        match value.text().map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on") => Some(true),
            Some("false" | "no" | "off") => Some(false),
            _ => {
                self.complain(value.span, format!("`{key}` must be `true` or `false`"));
                None
            }
        }
    }

    fn word(&mut self, key: &str, value: &Node) -> Option<Arc<str>> {
        let word = value.text().map(str::trim).filter(|text| !text.is_empty());
        if word.is_none() {
            self.complain(value.span, format!("`{key}` must be a name, not {}", value.what()));
        }
        word.map(Arc::from)
    }

    fn types<'n>(&mut self, value: &'n Node, types: &mut Vec<(&'n Node, CaptureType)>) {
        match &value.value {
            Value::Null => {}
            Value::Map(entries) => {
                for (name, kind) in entries {
                    if let Some(kind) = kind.text().and_then(|text| self.kind(text, kind.span)) {
                        types.push((name, kind));
                    } else if kind.text().is_none() {
                        self.complain(kind.span, format!("a type must be a word, not {}", kind.what()));
                    }
                }
            }
            _ => self
                .complain(value.span, format!("`types` must be a mapping of captures to types, not {}", value.what())),
        }
    }

    fn kind(&mut self, text: &str, span: Span) -> Option<CaptureType> {
        let found = CaptureType::from_name(text.trim());
        if found.is_none() {
            let names = CaptureType::ALL.map(CaptureType::name);
            let help =
                suggest::did_you_mean(text, names).unwrap_or_else(|| format!("these are known: {}", names.join(", ")));
            self.diagnostics.push(
                Diagnostic::error("unknown-type", format!("there is no capture type `{text}`")).at(span, "").help(help),
            );
        }
        found
    }

    fn implementations(&mut self, value: &Node, implementations: &mut Vec<Implementation>) {
        let languages = match &value.value {
            Value::Null => return,
            Value::Map(languages) => languages,
            _ => {
                self.diagnostics.push(
                    Diagnostic::error("bad-binding", format!("`impl` must be a mapping, not {}", value.what()))
                        .at(value.span, "")
                        .help("write the language, a colon, and below it `function:` and a name"),
                );
                return;
            }
        };
        for (language, entry) in languages {
            let Some(name) = language.text() else {
                self.complain(language.span, format!("a language must be a word, not {}", language.what()));
                continue;
            };
            let Value::Map(entries) = &entry.value else {
                self.diagnostics.push(
                    Diagnostic::error("bad-binding", format!("`{name}` must be a mapping, not {}", entry.what()))
                        .at(entry.span, "")
                        .help("write `function:` and a name"),
                );
                continue;
            };
            let (mut function, mut cleanup, mut told) = (None, None, false);
            for (key, value) in entries {
                match key.text().map(str::to_lowercase).as_deref() {
                    Some("function") => {
                        function = self.word("function", value);
                        told = true;
                    }
                    Some("cleanup") => cleanup = self.word("cleanup", value),
                    _ => self.unknown(key, key.text().unwrap_or_default(), &["function", "cleanup"]),
                }
            }
            match function {
                Some(function) => implementations.push(Implementation { language: name.into(), function, cleanup }),
                None if told => {}
                None => self.complain(language.span, format!("`{name}` names no `function`")),
            }
        }
    }

    fn bound(&mut self, kind: StepKind, node: &Node, text: &str, fields: Fields<'_>) -> Option<Bound> {
        let place = |range: Range<usize>| place(self.text, node.span, text, range);
        let (captures, simple, regex) = if fields.regex == Some(true) {
            match pattern::parse_regex(text, fields.case_sensitive) {
                Ok((pattern, names)) => {
                    let whole = 0..text.len();
                    let captures: Vec<RawCapture> =
                        names.into_iter().map(|name| RawCapture { name, kind: None, range: whole.clone() }).collect();
                    (captures, None, Some(pattern))
                }
                Err(fault) => {
                    let span = place(fault.range.clone());
                    self.diagnostics.push(told(fault, span));
                    return None;
                }
            }
        } else {
            let mut simple = Simple::parse(text, fields.regex.is_some());
            let faults: Vec<Diagnostic> = simple
                .faults
                .drain(..)
                .take(MAX_FAULTS)
                .map(|fault| {
                    let span = place(fault.range.clone());
                    told(fault, span)
                })
                .collect();
            let broken = faults.iter().any(|fault| fault.severity == crate::Severity::Error);
            self.diagnostics.extend(faults);
            if broken {
                return None;
            }
            (std::mem::take(&mut simple.captures), Some(simple), None)
        };
        if text.trim().is_empty() {
            self.complain(node.span, "this pattern is empty");
            return None;
        }
        let default = if simple.is_some() { CaptureType::Word } else { CaptureType::Text };
        let (names, kinds) = self.resolve(&captures, default, &fields.types, node.span, text)?;
        let pattern = match (simple, regex) {
            (Some(mut simple), _) => {
                simple.captures = captures;
                simple.pattern(&kinds, fields.case_sensitive)
            }
            (None, regex) => regex?,
        };
        let binding = Binding {
            kind,
            pattern: text.to_owned(),
            span: node.span,
            doc: fields.doc,
            captures: names.into_iter().zip(kinds).collect(),
            implementations: fields.implementations,
        };
        Some(Bound { binding, pattern: Arc::new(pattern) })
    }

    /// The type of each capture, from the pattern, from `types`, or the default.
    fn resolve(
        &mut self,
        captures: &[RawCapture],
        default: CaptureType,
        types: &[(&Node, CaptureType)],
        pattern: Span,
        text: &str,
    ) -> Option<(Vec<String>, Vec<CaptureType>)> {
        if captures.len() > MAX_CAPTURES {
            let message = format!("{} captures are too many: {MAX_CAPTURES} are allowed", captures.len());
            self.complain(pattern, message);
            return None;
        }
        let mut sound = true;
        let mut names: Vec<String> = Vec::with_capacity(captures.len());
        let mut kinds = Vec::with_capacity(captures.len());
        for capture in captures {
            let span = place(self.text, pattern, text, capture.range.clone());
            let name = &capture.name;
            if names.contains(name) {
                sound = false;
                self.diagnostics.push(
                    Diagnostic::error("duplicate-capture", format!("two captures are called `{name}`"))
                        .at(span, "")
                        .help("give each its own name"),
                );
            }
            let inline = match &capture.kind {
                Some(kind) => {
                    let kind = self.kind(kind, span);
                    sound &= kind.is_some();
                    kind
                }
                None => None,
            };
            let declared = types.iter().find(|(key, _)| key.text() == Some(name));
            if let (Some(inline), Some((key, declared))) = (inline, declared)
                && inline != *declared
            {
                sound = false;
                self.diagnostics.push(
                    Diagnostic::error("type-conflict", format!("`{name}` has two types"))
                        .at(key.span, format!("{} here", declared.name()))
                        .and_at(span, format!("{} in the pattern", inline.name()))
                        .help("keep one of them"),
                );
            }
            kinds.push(inline.or(declared.map(|(_, kind)| *kind)).unwrap_or(default));
            names.push(name.clone());
        }
        for (key, _) in types {
            let name = key.text().unwrap_or_default();
            if !names.iter().any(|known| known == name) {
                let mut warning =
                    Diagnostic::warning("unknown-capture", format!("the pattern has no capture `{name}`"))
                        .at(key.span, "");
                warning.help.extend(suggest::did_you_mean(name, names.iter().map(String::as_str)));
                self.diagnostics.push(warning);
            }
        }
        sound.then_some((names, kinds))
    }
}

fn told(fault: Fault, span: Span) -> Diagnostic {
    let diagnostic = if fault.warning {
        Diagnostic::warning(fault.code, fault.message)
    } else {
        Diagnostic::error(fault.code, fault.message)
    };
    fault.help.into_iter().fold(diagnostic.at(span, ""), Diagnostic::help)
}

/// The place of a part of a scalar: exact where the scalar stands in the source as it is, else the whole.
fn place(source: &str, span: Span, text: &str, part: Range<usize>) -> Span {
    let written = &source[span.start as usize..span.end as usize];
    let skip = match written.strip_prefix(['\'', '"']) {
        _ if written == text => 0,
        Some(inner) if inner.strip_suffix(['\'', '"']) == Some(text) => 1,
        _ => return span,
    };
    let start = span.start as usize + skip;
    Span::new(span.source, start + part.start..start + part.end)
}
