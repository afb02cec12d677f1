//! The text of a document and what greenroom reads in it: enough to show it without its files.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arcstr::Substr;
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::location::Location;

/// The text of a document, with what greenroom reads in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
pub struct DocumentText {
    /// Its subtitle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Its authors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// Its date, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The Markdown that it consists of, in order, without metadata.
    pub parts: Vec<TextPart>,
    /// The steps of all its scenarios, in order, whether they were selected or not.
    #[cfg_attr(test, schemars(with = "Vec<StepMarkup>"))]
    pub steps: StepList,
    /// Pictures and style sheets that its text names, as far as they were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<Asset>,
    /// Style sheets to copy into the typeset document, by their names in [`DocumentText::assets`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub css_embed: Vec<String>,
    /// Addresses of style sheets to link from the typeset document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub css_urls: Vec<String>,
}

/// Markdown from one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct TextPart {
    /// The file and the line that the text begins in.
    pub location: Location,
    /// The text.
    #[cfg_attr(test, schemars(with = "String"))]
    pub text: Substr,
}

/// The steps of a document: a list, or where each comes from when it is needed.
///
/// The list of a document with many steps is larger than the document.
#[derive(Clone)]
pub enum StepList {
    /// All of them.
    Listed(Vec<StepMarkup>),
    /// What makes each of them.
    Source(Arc<dyn StepSource>),
}

/// Makes the steps of a document, each when it is needed.
pub trait StepSource: fmt::Debug + Send + Sync {
    /// Returns how many steps there are.
    fn count(&self) -> usize;

    /// Returns one of them.
    fn step(&self, index: usize) -> StepMarkup;

    /// Returns where one of them is.
    fn location(&self, index: usize) -> Location;
}

impl StepList {
    /// Returns how many steps there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Listed(steps) => steps.len(),
            Self::Source(source) => source.count(),
        }
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a step.
    pub fn get(&self, index: usize) -> Option<Cow<'_, StepMarkup>> {
        match self {
            Self::Listed(steps) => steps.get(index).map(Cow::Borrowed),
            Self::Source(source) => (index < source.count()).then(|| Cow::Owned(source.step(index))),
        }
    }

    /// Returns where a step is.
    pub fn location(&self, index: usize) -> Option<Location> {
        match self {
            Self::Listed(steps) => steps.get(index).map(|step| step.location.clone()),
            Self::Source(source) => (index < source.count()).then(|| source.location(index)),
        }
    }

    /// Returns all steps, in order.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, StepMarkup>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl Default for StepList {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl From<Vec<StepMarkup>> for StepList {
    fn from(steps: Vec<StepMarkup>) -> Self {
        Self::Listed(steps)
    }
}

impl fmt::Debug for StepList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for StepList {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for StepList {}

impl Serialize for StepList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for StepList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Listed)
    }
}

/// A step and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StepMarkup {
    /// Where it is.
    pub location: Location,
    /// The step as written, keyword included.
    pub text: String,
    /// What `and` and `but` stand for.
    pub kind: StepKind,
    /// Its captures, in order of position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<CaptureMarkup>,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Prepares.
    Given,
    /// Acts.
    When,
    /// Checks.
    Then,
}

/// A captured part of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CaptureMarkup {
    /// Its name in the binding.
    pub name: String,
    /// Its type in the binding: `word`, `text`, `file`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins in [`StepMarkup::text`], in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// A file that a document's text names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Asset {
    /// Its name: for a style sheet as the document writes it, for a picture its path.
    pub name: String,
    /// Its bytes, in base64.
    pub base64: String,
}
