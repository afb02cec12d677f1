//! What a run is about to do: enough to report on it without the documents.

use std::sync::Arc;

use arcstr::Substr;
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::DocumentText;
use crate::location::Location;

/// Everything that is to run, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Outline {
    /// Documents in the order given.
    pub documents: Vec<DocumentOutline>,
    /// Scenarios that were selected, in reading order.
    pub scenarios: Vec<ScenarioOutline>,
    /// How many scenarios the filters left out.
    pub left_out: usize,
    /// How many scenarios a rerun of what failed left out because they passed in their last run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passed_earlier: usize,
    /// How many Markdown files without scenarios were found in directories and skipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_scenarios: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_no_retry(retries: &u32) -> bool {
    *retries == 0
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct DocumentOutline {
    /// As the user named it.
    pub path: String,
    /// Its title.
    pub title: String,
    /// Its text, if a report asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<DocumentText>>,
}

/// A scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ScenarioOutline {
    /// Index in [`Outline::documents`].
    pub document: usize,
    /// Its title.
    pub title: Arc<str>,
    /// Its name as a test, if the run is that of a test program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Which run of it this is, from 1, if it is to run several times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<u32>,
    /// How many attempts may follow the first if that fails.
    #[serde(default, skip_serializing_if = "is_no_retry")]
    pub retries: u32,
    /// Where its heading is.
    pub location: Location,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its steps.
    pub steps: Vec<StepOutline>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct StepOutline {
    /// As written, keyword included.
    #[cfg_attr(test, schemars(with = "String"))]
    pub text: Substr,
    /// Where it is.
    pub location: Location,
}

#[cfg(test)]
mod tests {
    use arcstr::ArcStr;

    use super::*;

    #[test]
    fn the_text_of_a_step_shares_the_memory_of_its_document_and_is_a_text_in_json() {
        let whole = ArcStr::from("given file é.txt");
        let part = whole.substr(11..17);
        assert_eq!(part, "é.txt");
        assert!(ArcStr::ptr_eq(part.parent(), &whole));
        let json = serde_json::to_string(&part).unwrap();
        assert_eq!(json, "\"é.txt\"");
        assert_eq!(serde_json::from_str::<Substr>(&json).unwrap(), part);
    }
}
