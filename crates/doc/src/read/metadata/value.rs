//! Values of metadata keys, each read with the mistakes in it.

use std::time::Duration;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::measure::{parse_duration, parse_size};
use crate::network::Network;
use crate::read::yaml::{Node, Value};
use crate::source::Span;
use crate::suggest;

/// A name in the metadata and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// A language under `impls` and the files with its functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Language {
    pub(crate) name: Name,
    pub(crate) files: Vec<Name>,
}

/// The most attempts that may follow a failed one.
pub const MAX_RETRIES: u32 = 100;

/// How many attempts may follow a failed one, for all scenarios of a document or by label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retries {
    all: u32,
    by_label: Vec<(Name, u32)>,
}

impl Retries {
    /// Returns how many retries a scenario with these labels has: the most that one of them gives.
    pub fn of(&self, labels: &[String]) -> u32 {
        let of_labels = self.by_label.iter().filter(|(name, _)| labels.contains(&name.text));
        of_labels.map(|&(_, retries)| retries).max().unwrap_or(self.all)
    }

    /// Returns the labels that have retries.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Name> {
        self.by_label.iter().map(|(name, _)| name)
    }
}

/// One key of the metadata with its value, and where mistakes go.
pub(crate) struct Entry<'a> {
    /// The key as written.
    pub(crate) key: &'a str,
    /// The place of the key.
    pub(crate) span: Span,
    pub(crate) value: &'a Node,
    pub(crate) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Entry<'_> {
    fn error(&mut self, span: Span, message: String) {
        self.diagnostics.push(Diagnostic::error(Code::BadMetadata, message).at(span, ""));
    }

    /// Reads text that is not empty.
    pub(crate) fn text(&mut self) -> Option<String> {
        let message = match self.value.text() {
            Some(text) if !text.trim().is_empty() => return Some(text.trim().to_owned()),
            Some(_) => format!("`{}` is empty", self.key),
            None => format!("`{}` must be text, not {}", self.key, self.value.what()),
        };
        self.error(self.value.span, message);
        None
    }

    /// Reads one name or a list of names.
    pub(crate) fn names(&mut self) -> Vec<Name> {
        self.names_in(self.key, self.value)
    }

    fn names_in(&mut self, key: &str, value: &Node) -> Vec<Name> {
        let one = |node: &Node| node.text().map(|text| Name { text: text.trim().to_owned(), span: node.span });
        let mut names = Vec::new();
        match &value.value {
            Value::Null => {}
            Value::Text(_) => names.extend(one(value)),
            Value::List(items) => {
                for item in items {
                    let name = one(item).filter(|name| !name.text.is_empty());
                    if name.is_none() {
                        self.error(item.span, format!("an entry of `{key}` must be a name, not {}", item.what()));
                    }
                    names.extend(name);
                }
            }
            Value::Map(_) => self.error(value.span, format!("`{key}` must be a list of names, not a mapping")),
        }
        names
    }

    /// Reads one word or a list of words.
    pub(crate) fn words(&mut self) -> Vec<String> {
        self.names().into_iter().map(|name| name.text).collect()
    }

    /// Reads a duration.
    pub(crate) fn duration(&mut self) -> Option<Duration> {
        let text = self.text()?;
        parse_duration(&text).map_err(|reason| self.error(self.value.span, format!("`{}`: {reason}", self.key))).ok()
    }

    /// Reads a size in bytes.
    pub(crate) fn size(&mut self) -> Option<u64> {
        let text = self.text()?;
        parse_size(&text).map_err(|reason| self.error(self.value.span, format!("`{}`: {reason}", self.key))).ok()
    }

    /// Reads the name of a network.
    pub(crate) fn network(&mut self) -> Option<Network> {
        let text = self.text()?;
        let network = Network::from_name(&text);
        if network.is_none() {
            let help = suggest::did_you_mean(&text, Network::ALL.map(Network::name)).unwrap_or_else(|| {
                "write `private` for a loopback of its own, or `host` for the machine's network".to_owned()
            });
            self.diagnostics.push(
                Diagnostic::error(Code::BadMetadata, format!("`{}` cannot be `{text}`", self.key))
                    .at(self.value.span, "")
                    .help(help),
            );
        }
        network
    }

    /// Reads a number of retries, or a mapping of labels to numbers.
    pub(crate) fn retries(&mut self) -> Option<Retries> {
        match &self.value.value {
            Value::Text(_) => {
                Some(Retries { all: self.number_of_retries(self.key, self.value)?, by_label: Vec::new() })
            }
            Value::Map(entries) => {
                let mut by_label = Vec::new();
                for (key, value) in entries {
                    if let Some(label) = key.text() {
                        let name = Name { text: label.trim().to_owned(), span: key.span };
                        by_label.extend(self.number_of_retries(label, value).map(|number| (name, number)));
                    } else {
                        self.error(key.span, format!("a label must be a word, not {}", key.what()));
                    }
                }
                Some(Retries { all: 0, by_label })
            }
            Value::Null | Value::List(_) => {
                let message =
                    format!("`{}` must be a number or a mapping of labels, not {}", self.key, self.value.what());
                self.diagnostics.push(
                    Diagnostic::error(Code::BadMetadata, message).at(self.value.span, "").help(
                        "write `retries: 2` for all scenarios, or a number for each label: `retries: {network: 2}`",
                    ),
                );
                None
            }
        }
    }

    fn number_of_retries(&mut self, key: &str, node: &Node) -> Option<u32> {
        let number = node.text().and_then(|text| text.trim().parse().ok()).filter(|number| *number <= MAX_RETRIES);
        if number.is_none() {
            let actual = node.text().map_or_else(|| node.what().to_owned(), |text| format!("`{}`", text.trim()));
            self.error(node.span, format!("`{key}` must be a whole number from 0 to {MAX_RETRIES}, not {actual}"));
        }
        number
    }

    /// Reads languages, each with a list of files.
    pub(crate) fn languages(&mut self) -> Vec<Language> {
        let mut languages = Vec::new();
        match &self.value.value {
            Value::Null => {}
            Value::Map(entries) => {
                for (key, files) in entries {
                    if let Some(language) = key.text() {
                        let name = Name { text: language.to_owned(), span: key.span };
                        languages.push(Language { name, files: self.names_in(language, files) });
                    } else {
                        self.error(key.span, format!("a language must be a word, not {}", key.what()));
                    }
                }
            }
            _ => self.diagnostics.push(
                Diagnostic::error(Code::BadMetadata, format!("`impls` must be a mapping, not {}", self.value.what()))
                    .at(self.value.span, "")
                    .help("write the language, a colon, and below it the list of files: `python:` and `- steps.py`"),
            ),
        }
        languages
    }
}
