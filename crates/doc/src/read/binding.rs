//! Bindings files: YAML lists of patterns and their step functions.

use std::ops::Range;
use std::sync::Arc;

use crate::capture::{CaptureDefinition, CaptureType};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity};
use crate::keyword::StepKind;
use crate::read::pattern::{self, Mistake, Pattern, RawCapture, SimplePattern};
use crate::read::plain;
use crate::read::yaml::{self, Node, Value};
use crate::source::{SourceId, Sources, Span, text_start};
use crate::suggest;

/// A binding: which steps it matches and which functions run them.
#[derive(Debug, Clone)]
pub struct Binding {
    /// Given, when or then.
    pub kind: StepKind,
    /// The pattern as written.
    pub pattern: String,
    /// The pattern's place in its bindings file.
    pub span: Span,
    /// `doc:`, if it has one.
    pub doc: Option<String>,
    /// `example:`, a step that it matches, without its keyword, if it has one.
    pub example: Option<String>,
    /// Its captures, in order.
    pub captures: Vec<Arc<CaptureDefinition>>,
    /// Implementations by language, in the order written.
    pub implementations: Vec<Implementation>,
    /// Whether bindings of the document win over it. That is so for built-in ones that Subplot does not have:
    /// documents were written before they existed.
    pub yields: bool,
}

/// The language of functions that run without a step host.
pub const NATIVE: &str = "native";

/// The function that runs a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Implementation {
    /// The key under `impl:`; [`NATIVE`] for the built-in libraries.
    pub language: Arc<str>,
    /// The step function.
    pub function: Arc<str>,
    /// Runs when the scenario ends, if the step completed.
    pub cleanup: Option<Arc<str>>,
}

impl Implementation {
    /// Whether it runs without a step host.
    pub fn is_native(&self) -> bool {
        &*self.language == NATIVE
    }
}

/// A binding with its compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct CompiledBinding {
    pub(crate) binding: Binding,
    pub(crate) pattern: Arc<Pattern>,
}

/// A bindings file as read.
#[derive(Debug, Clone, Default)]
pub(crate) struct BindingsFile {
    pub(crate) bindings: Vec<CompiledBinding>,
    /// Bindings with mistakes. Steps that look like them are not reported as unknown.
    pub(crate) invalid: Vec<InvalidBinding>,
    /// Whether mistakes hide which bindings the file has.
    pub(crate) is_unreadable: bool,
}

/// What is left of a binding that cannot be matched.
#[derive(Debug, Clone)]
pub(crate) struct InvalidBinding {
    pub(crate) kind: StepKind,
    pub(crate) words: Vec<Option<String>>,
}

/// At most so many mistakes in one pattern are reported.
const MAX_MISTAKES: usize = 8;

/// At most so many captures are allowed in one pattern.
const MAX_CAPTURES: usize = 100;

const KEYS: &[&str] =
    &["given", "when", "then", "impl", "regex", "case_sensitive", "types", "doc", "example", "function", "cleanup"];

/// Reads a bindings file.
pub(crate) fn read(source: SourceId, sources: &Sources, diagnostics: &mut Vec<Diagnostic>) -> BindingsFile {
    let text = sources.file(source).text.clone();
    let is_builtin = sources.file(source).is_builtin;
    let is_generated = sources.file(source).is_generated();
    let mut file = BindingsFile::default();
    let plain = if is_builtin { plain::read(source, &text) } else { None };
    let root = match plain
        .map_or_else(|| yaml::parse(source, &text, text_start(&text)..text.len(), diagnostics), |root| Ok(Some(root)))
    {
        Ok(Some(root)) => root,
        Ok(None) => return file,
        Err(error) => {
            diagnostics.push(*error);
            file.is_unreadable = true;
            return file;
        }
    };
    let items = match &root.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        _ => {
            diagnostics.push(
                Diagnostic::error(Code::BadBinding, format!("a bindings file must be a list, not {}", root.what()))
                    .at(root.span, "")
                    .help("begin each binding with `- given:`, `- when:` or `- then:`"),
            );
            file.is_unreadable = true;
            return file;
        }
    };
    for item in items {
        let mut reader = Reader { text: &text, is_builtin, is_generated, diagnostics, invalid: &mut file.invalid };
        file.bindings.extend(reader.binding(item));
    }
    file
}

/// The fields of one binding as they are read.
#[derive(Default)]
struct Fields<'a> {
    patterns: Vec<(StepKind, Span, &'a Node)>,
    regex: Option<bool>,
    case_sensitive: bool,
    types: Vec<(&'a Node, CaptureType)>,
    doc: Option<String>,
    example: Option<String>,
    is_of_subplot: bool,
    implementations: Vec<Implementation>,
    function: Option<Arc<str>>,
    cleanup: Option<(Span, Arc<str>)>,
}

struct Reader<'a> {
    text: &'a str,
    is_builtin: bool,
    is_generated: bool,
    diagnostics: &'a mut Vec<Diagnostic>,
    invalid: &'a mut Vec<InvalidBinding>,
}

impl Reader<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(Code::BadBinding, message).at(span, ""));
    }

    fn binding(&mut self, item: &Node) -> Option<CompiledBinding> {
        let Value::Map(entries) = &item.value else {
            self.error(item.span, format!("a binding must be a mapping, not {}", item.what()));
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
                self.error(span, "this `cleanup` has no `function`");
            }
        } else if let Some(function) = fields.function.take() {
            fields.implementations.push(Implementation { language: "python".into(), function, cleanup: None });
        }
        let (kind, _, pattern) = match fields.patterns.as_slice() {
            [] => {
                self.diagnostics.push(
                    Diagnostic::error(Code::BadBinding, "this binding has no keyword")
                        .at(item.span, "")
                        .help("add `given:`, `when:` or `then:` with a pattern"),
                );
                return None;
            }
            [one] => *one,
            [first, second, ..] => {
                self.diagnostics.push(
                    Diagnostic::error(Code::BadBinding, "a binding can have only one keyword")
                        .at(second.1, "second")
                        .and_at(first.1, "first")
                        .help("split it into two bindings"),
                );
                return None;
            }
        };
        let Some(text) = pattern.text() else {
            self.error(pattern.span, format!("a pattern must be text, not {}", pattern.what()));
            return None;
        };
        let compiled = self.compile(kind, pattern, text, fields);
        if compiled.is_none() {
            self.invalid.push(InvalidBinding { kind, words: suggest::pattern_words(text) });
        }
        compiled
    }

    fn field<'n>(&mut self, key: &'n Node, value: &'n Node, fields: &mut Fields<'n>) {
        let Some(name) = key.text() else {
            self.error(key.span, format!("a key must be a word, not {}", key.what()));
            return;
        };
        match name.to_lowercase().as_str() {
            "given" => fields.patterns.push((StepKind::Given, key.span, value)),
            "when" => fields.patterns.push((StepKind::When, key.span, value)),
            "then" => fields.patterns.push((StepKind::Then, key.span, value)),
            "regex" => fields.regex = self.flag(name, value),
            "case_sensitive" => fields.case_sensitive = self.flag(name, value).unwrap_or(false),
            "doc" => fields.doc = self.prose(name, value),
            "example" => fields.example = self.prose(name, value),
            // Only in files that come with greenroom. `native` is short for `impl`, whose mappings take longer to
            // read than all the rest.
            "origin" if self.is_builtin => fields.is_of_subplot = value.text() == Some("subplot"),
            "native" if self.is_builtin => {
                let function = self.word(name, value);
                let native = |function| Implementation { language: NATIVE.into(), function, cleanup: None };
                fields.implementations.extend(function.map(native));
            }
            "function" => fields.function = self.word(name, value),
            "cleanup" => fields.cleanup = self.word(name, value).map(|word| (key.span, word)),
            "types" => self.types(value, &mut fields.types),
            "impl" => self.implementations(value, &mut fields.implementations),
            _ => self.unknown(key, name, KEYS),
        }
    }

    fn unknown(&mut self, key: &Node, name: &str, known: &[&str]) {
        let help = suggest::did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("known keys: {}", known.join(", ")));
        self.diagnostics.push(
            Diagnostic::error(Code::UnknownKey, format!("unknown binding key `{name}`")).at(key.span, "").help(help),
        );
    }

    fn prose(&mut self, key: &str, value: &Node) -> Option<String> {
        match &value.value {
            Value::Null => None,
            Value::Text(text) => Some(text.trim_end().to_owned()),
            _ => {
                self.error(value.span, format!("`{key}` must be text, not {}", value.what()));
                None
            }
        }
    }

    fn flag(&mut self, key: &str, value: &Node) -> Option<bool> {
        match value.text().map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on") => Some(true),
            Some("false" | "no" | "off") => Some(false),
            _ => {
                self.error(value.span, format!("`{key}` must be `true` or `false`"));
                None
            }
        }
    }

    fn word(&mut self, key: &str, value: &Node) -> Option<Arc<str>> {
        let word = value.text().map(str::trim).filter(|text| !text.is_empty());
        if word.is_none() {
            self.error(value.span, format!("`{key}` must be a name, not {}", value.what()));
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
                        self.error(kind.span, format!("a type must be a word, not {}", kind.what()));
                    }
                }
            }
            _ => {
                self.error(value.span, format!("`types` must be a mapping of captures to types, not {}", value.what()));
            }
        }
    }

    fn kind(&mut self, text: &str, span: Span) -> Option<CaptureType> {
        let found = CaptureType::from_name(text.trim());
        if found.is_none() {
            let names = CaptureType::ALL.map(CaptureType::name);
            let help =
                suggest::did_you_mean(text, names).unwrap_or_else(|| format!("known types: {}", names.join(", ")));
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownType, format!("unknown capture type `{text}`")).at(span, "").help(help),
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
                    Diagnostic::error(Code::BadBinding, format!("`impl` must be a mapping, not {}", value.what()))
                        .at(value.span, "")
                        .help("write the language, a colon, and below it `function:` with a name"),
                );
                return;
            }
        };
        for (language, entry) in languages {
            let Some(name) = language.text() else {
                self.error(language.span, format!("a language must be a word, not {}", language.what()));
                continue;
            };
            let Value::Map(entries) = &entry.value else {
                self.diagnostics.push(
                    Diagnostic::error(Code::BadBinding, format!("`{name}` must be a mapping, not {}", entry.what()))
                        .at(entry.span, "")
                        .help("write `function:` with a name"),
                );
                continue;
            };
            let (mut function, mut cleanup, mut has_function) = (None, None, false);
            for (key, value) in entries {
                match key.text().map(str::to_lowercase).as_deref() {
                    Some("function") => {
                        function = self.word("function", value);
                        has_function = true;
                    }
                    Some("cleanup") => cleanup = self.word("cleanup", value),
                    _ => self.unknown(key, key.text().unwrap_or_default(), &["function", "cleanup"]),
                }
            }
            match function {
                Some(function) => implementations.push(Implementation { language: name.into(), function, cleanup }),
                None if has_function => {}
                None => self.error(language.span, format!("`{name}` has no `function`")),
            }
        }
    }

    fn compile(&mut self, kind: StepKind, node: &Node, text: &str, fields: Fields<'_>) -> Option<CompiledBinding> {
        let place = |range: Range<usize>| place(self.text, node.span, text, range);
        let (captures, simple, regex) = if fields.regex == Some(true) {
            match pattern::parse_regex(text, fields.case_sensitive, self.is_builtin) {
                Ok((pattern, names)) => {
                    let whole = 0..text.len();
                    let captures: Vec<RawCapture> =
                        names.into_iter().map(|name| RawCapture { name, kind: None, range: whole.clone() }).collect();
                    (captures, None, Some(pattern))
                }
                Err(mistake) => {
                    let Mistake { diagnostic, range } = *mistake;
                    self.diagnostics.push(diagnostic.at(place(range), ""));
                    return None;
                }
            }
        } else {
            let mut simple = SimplePattern::parse(text, fields.regex.is_some());
            let mistakes = std::mem::take(&mut simple.mistakes).into_iter().take(MAX_MISTAKES);
            let before = self.diagnostics.len();
            self.diagnostics.extend(mistakes.map(|mistake| mistake.diagnostic.at(place(mistake.range), "")));
            if self.diagnostics[before..].iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
                return None;
            }
            (std::mem::take(&mut simple.captures), Some(simple), None)
        };
        if text.trim().is_empty() {
            self.error(node.span, "this pattern is empty");
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
        let captures = names.into_iter().zip(kinds).map(|(name, kind)| Arc::new(CaptureDefinition { name, kind }));
        let binding = Binding {
            kind,
            pattern: text.to_owned(),
            span: node.span,
            doc: fields.doc,
            example: fields.example,
            captures: captures.collect(),
            implementations: fields.implementations,
            yields: self.is_builtin && !self.is_generated && !fields.is_of_subplot,
        };
        Some(CompiledBinding { binding, pattern: Arc::new(pattern) })
    }

    /// Returns names and types of the captures: from the pattern, from `types`, or the default
    /// type.
    fn resolve(
        &mut self,
        captures: &[RawCapture],
        default: CaptureType,
        types: &[(&Node, CaptureType)],
        pattern: Span,
        text: &str,
    ) -> Option<(Vec<String>, Vec<CaptureType>)> {
        if captures.len() > MAX_CAPTURES {
            let message = format!("this pattern has {} captures; the limit is {MAX_CAPTURES}", captures.len());
            self.error(pattern, message);
            return None;
        }
        let mut is_valid = true;
        let mut names: Vec<String> = Vec::with_capacity(captures.len());
        let mut kinds = Vec::with_capacity(captures.len());
        for capture in captures {
            let span = place(self.text, pattern, text, capture.range.clone());
            let name = &capture.name;
            if names.contains(name) {
                is_valid = false;
                self.diagnostics.push(
                    Diagnostic::error(Code::DuplicateCapture, format!("two captures are named `{name}`"))
                        .at(span, "")
                        .help("rename one of them"),
                );
            }
            let inline = match &capture.kind {
                Some(kind) => {
                    let kind = self.kind(kind, span);
                    is_valid &= kind.is_some();
                    kind
                }
                None => None,
            };
            let declared = types.iter().find(|(key, _)| key.text() == Some(name));
            if let (Some(inline), Some((key, declared))) = (inline, declared)
                && inline != *declared
            {
                is_valid = false;
                self.diagnostics.push(
                    Diagnostic::error(Code::TypeConflict, format!("`{name}` has two types"))
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
                    Diagnostic::warning(Code::UnknownCapture, format!("the pattern has no capture `{name}`"))
                        .at(key.span, "");
                warning.help.extend(suggest::did_you_mean(name, names.iter().map(String::as_str)));
                self.diagnostics.push(warning);
            }
        }
        is_valid.then_some((names, kinds))
    }
}

/// Returns the place of a part of a scalar: exact if the source has the scalar verbatim, else all
/// of it.
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
