//! The table of metadata keys: a key is a row here, a field of [`Metadata`] and the code that uses
//! the field.
//!
//! Parsing, hints for unknown keys, the defaults and the documentation all come from [`KEYS`].

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::network::Network;
use crate::read::metadata::value::{Entry, Language, Name, Retries};
use crate::source::Span;

/// What the metadata of a document says, with defaults for what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `title`.
    pub title: Option<String>,
    /// `subtitle`.
    pub subtitle: Option<String>,
    /// `author` and `authors`.
    pub authors: Vec<String>,
    /// `date`, as written.
    pub date: Option<String>,
    /// `scenario_timeout`: the time limit of one scenario with all its steps and cleanups.
    pub scenario_timeout: Duration,
    /// `step_timeout`: the time limit of one step.
    pub step_timeout: Duration,
    /// `output_limit`: how many bytes one process may write to one of its outputs.
    pub output_limit: u64,
    /// `retries`: how many attempts may follow a failed one.
    pub retries: Retries,
    /// `network`: the network of scenarios without a label for it.
    pub network: Network,
    /// `path`: directories in front of PATH, as the document writes them, and where.
    pub path: Vec<(String, Span)>,
    /// `user`: the account that scenarios run as, if it is not the present one, and where.
    pub user: Option<(String, Span)>,
    /// `css_embed`: style sheets to copy into the typeset document.
    pub css_embed: Vec<String>,
    /// `css_urls`: style sheets to link from the typeset document.
    pub css_urls: Vec<String>,
    pub(crate) markdowns: Vec<Name>,
    pub(crate) bindings: Vec<Name>,
    /// Whether `bindings` has mistakes, so that some may be missing from the list.
    pub(crate) bindings_incomplete: bool,
    /// `impls`; `template` adds a language without files.
    pub(crate) languages: Vec<Language>,
    /// `template`: the language of `functions`.
    pub(crate) template: Option<Name>,
    /// Classes that are intended, however close to `scenario` they look.
    pub(crate) classes: Vec<String>,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            title: None,
            subtitle: None,
            authors: Vec::new(),
            date: None,
            // Long enough for a build, short enough to be noticed within the hour.
            scenario_timeout: Duration::from_mins(15),
            step_timeout: Duration::from_mins(5),
            // Holds the log of hours, and does not fill a disk.
            output_limit: 64 << 20,
            retries: Retries::default(),
            network: Network::Private,
            path: Vec::new(),
            user: None,
            css_embed: Vec::new(),
            css_urls: Vec::new(),
            markdowns: Vec::new(),
            bindings: Vec::new(),
            bindings_incomplete: false,
            languages: Vec::new(),
            template: None,
            classes: Vec::new(),
        }
    }
}

impl Metadata {
    /// Returns the files of `bindings`, as the document writes them.
    pub fn binding_files(&self) -> impl Iterator<Item = &str> {
        self.bindings.iter().map(|name| &*name.text)
    }

    /// Adds a language. Two keys may name the same one (`template: python` and `functions`).
    fn add_language(&mut self, language: Language) {
        match self.languages.iter_mut().find(|known| known.name.text == language.name.text) {
            Some(known) => known.files.extend(language.files),
            None => self.languages.push(language),
        }
    }
}

/// The kind of value that a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Text.
    Text,
    /// One name or a list of names.
    Names,
    /// Languages, each with a list of files.
    Languages,
    /// A duration: `500ms`, `1.5s`, `2m`.
    Duration,
    /// A size: `500k`, `64M`.
    Size,
    /// A number, or a mapping of labels to numbers.
    Retries,
    /// `private` or `host`.
    Network,
    /// The name of an account.
    Account,
    /// Anything; it is ignored.
    Ignored,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Names => "a name or a list of names",
            Self::Languages => "a mapping of languages to lists of files",
            Self::Duration => "a duration: `500ms`, `1.5s`, `2m`, `1h`",
            Self::Size => "a size: `500k`, `64M`, `1G`",
            Self::Retries => "a number, or a mapping of labels to numbers: `2`, `{network: 2}`",
            Self::Network => "`private` or `host`",
            Self::Account => "the name of an account of this machine",
            Self::Ignored => "anything",
        })
    }
}

/// A metadata key.
pub struct Key {
    /// Its name, in lower case; documents may write it in any case.
    pub name: &'static str,
    /// Another name for it.
    pub alias: Option<&'static str>,
    /// The kind of value that it takes.
    pub value: ValueKind,
    /// The value that counts when the key is missing, as a document would write it.
    pub default: Option<&'static str>,
    /// What it does, in one line.
    pub help: &'static str,
    read: fn(&mut Entry<'_>, &mut Metadata),
}

impl Key {
    /// Returns the key of this name or alias, in any case.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.names().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Returns its name, then its alias.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.alias)
    }

    /// Reads the value of an entry into its field.
    pub(crate) fn read(&self, entry: &mut Entry<'_>, metadata: &mut Metadata) {
        (self.read)(entry, metadata);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All metadata keys, in the order in which documentation lists them.
pub const KEYS: &[Key] = &[
    Key {
        name: "title",
        alias: None,
        value: ValueKind::Text,
        default: None,
        help: "The title of the document. Required.",
        read: |entry, metadata| {
            metadata.title = entry.text().map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
        },
    },
    Key {
        name: "bindings",
        alias: None,
        value: ValueKind::Names,
        default: None,
        help: "Bindings files, relative to the document or built in: `lib/daemon.yaml`.",
        read: |entry, metadata| {
            let before = entry.diagnostics.len();
            metadata.bindings = entry.names();
            metadata.bindings_incomplete = entry.diagnostics.len() > before;
        },
    },
    Key {
        name: "impls",
        alias: None,
        value: ValueKind::Languages,
        default: None,
        help: "Files with step functions, by language: `python: [steps.py]`.",
        read: |entry, metadata| entry.languages().into_iter().for_each(|language| metadata.add_language(language)),
    },
    Key {
        name: "markdowns",
        alias: Some("markdown"),
        value: ValueKind::Names,
        default: None,
        help: "The Markdown files of a `.subplot` file. Required there.",
        read: |entry, metadata| {
            let names = entry.names();
            metadata.markdowns.extend(names);
        },
    },
    Key {
        name: "scenario_timeout",
        alias: None,
        value: ValueKind::Duration,
        default: Some("15m"),
        help: "The time limit of one scenario, cleanups included.",
        read: |entry, metadata| metadata.scenario_timeout = entry.duration().unwrap_or(metadata.scenario_timeout),
    },
    Key {
        name: "step_timeout",
        alias: None,
        value: ValueKind::Duration,
        default: Some("5m"),
        help: "The time limit of one step.",
        read: |entry, metadata| metadata.step_timeout = entry.duration().unwrap_or(metadata.step_timeout),
    },
    Key {
        name: "output_limit",
        alias: None,
        value: ValueKind::Size,
        default: Some("64M"),
        help: "How much one process may write to stdout or stderr.",
        read: |entry, metadata| metadata.output_limit = entry.size().unwrap_or(metadata.output_limit),
    },
    Key {
        name: "retries",
        alias: None,
        value: ValueKind::Retries,
        default: Some("0"),
        help: "How many more attempts a failed scenario has, for all of them or by label: `{network: 2}`.",
        read: |entry, metadata| metadata.retries = entry.retries().unwrap_or_default(),
    },
    Key {
        name: "network",
        alias: None,
        value: ValueKind::Network,
        default: Some("private"),
        help: "The network of scenarios: `private` is a loopback of their own, `host` is the machine's network.",
        read: |entry, metadata| metadata.network = entry.network().unwrap_or(metadata.network),
    },
    Key {
        name: "path",
        alias: None,
        value: ValueKind::Names,
        default: None,
        help: "Directories to put in front of PATH, relative to where greenroom is started, or `cargo:NAME`.",
        read: |entry, metadata| {
            metadata.path = entry.names().into_iter().map(|name| (name.text, name.span)).collect();
        },
    },
    Key {
        name: "user",
        alias: None,
        value: ValueKind::Account,
        default: None,
        help: "The account that scenarios run as and that owns their directory. Root can switch to any.",
        read: |entry, metadata| metadata.user = entry.text().map(|name| (name, entry.value.span)),
    },
    Key {
        name: "classes",
        alias: None,
        value: ValueKind::Names,
        default: None,
        help: "Classes of fenced blocks that are intended and not a misspelled `scenario`.",
        read: |entry, metadata| metadata.classes = entry.words(),
    },
    Key {
        name: "subtitle",
        alias: None,
        value: ValueKind::Text,
        default: None,
        help: "A second line for the title page.",
        read: |entry, metadata| metadata.subtitle = entry.text(),
    },
    Key {
        name: "authors",
        alias: Some("author"),
        value: ValueKind::Names,
        default: None,
        help: "The authors of the document.",
        read: |entry, metadata| {
            let words = entry.words();
            metadata.authors.extend(words);
        },
    },
    Key {
        name: "date",
        alias: None,
        value: ValueKind::Text,
        default: None,
        help: "The date of the document, as it is to be shown.",
        read: |entry, metadata| metadata.date = entry.text(),
    },
    Key {
        name: "css_embed",
        alias: None,
        value: ValueKind::Names,
        default: None,
        help: "Style sheets to copy into the typeset document.",
        read: |entry, metadata| metadata.css_embed = entry.words(),
    },
    Key {
        name: "css_urls",
        alias: None,
        value: ValueKind::Names,
        default: None,
        help: "Style sheets to link from the typeset document.",
        read: |entry, metadata| metadata.css_urls = entry.words(),
    },
    Key {
        name: "template",
        alias: None,
        value: ValueKind::Text,
        default: None,
        help: "From old Subplot documents: the language of the step functions.",
        read: |entry, metadata| {
            if let Some(text) = entry.text() {
                let name = Name { text, span: entry.value.span };
                metadata.template = Some(name.clone());
                metadata.add_language(Language { name, files: Vec::new() });
            }
        },
    },
    Key {
        name: "functions",
        alias: None,
        value: ValueKind::Names,
        default: None,
        help: "From old Subplot documents: files with step functions, in Python or the language of `template`.",
        read: |entry, metadata| {
            let python = Name { text: "python".to_owned(), span: entry.span };
            let (in_python, others): (Vec<Name>, Vec<Name>) = entry.names().into_iter().partition(|file| {
                Path::new(&file.text).extension().is_some_and(|extension| extension == "py")
                    || metadata.template.as_ref().is_none_or(|template| template.text == "python")
            });
            if !in_python.is_empty() || others.is_empty() {
                metadata.add_language(Language { name: python, files: in_python });
            }
            if let Some(name) = metadata.template.clone().filter(|_| !others.is_empty()) {
                metadata.add_language(Language { name, files: others });
            }
        },
    },
    Key {
        name: "documentclass",
        alias: None,
        value: ValueKind::Ignored,
        default: None,
        help: "From old Subplot documents. Ignored.",
        read: |_, _| {},
    },
    Key {
        name: "bibliography",
        alias: None,
        value: ValueKind::Ignored,
        default: None,
        help: "From old Subplot documents. Ignored.",
        read: |_, _| {},
    },
];

/// Whether typesetting programs know this key. Old documents have some of them.
pub(crate) fn is_typesetting(name: &str) -> bool {
    TYPESETTING.contains(&name.to_lowercase().as_str())
}

const TYPESETTING: &[&str] = &[
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
