//! The text of a document and what greenroom reads in it: enough to show it without its files.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub steps: Vec<StepMarkup>,
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
    pub text: String,
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
