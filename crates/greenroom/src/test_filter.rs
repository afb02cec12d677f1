//! Scenarios as tests: their names, and which of them the command line selects.

use std::collections::HashMap;

use greenroom_doc::Loaded;
use greenroom_report::words;

/// The label of scenarios that run only on request.
const IGNORED: &str = "ignored";

/// Returns the name of each scenario as a test: its title. Where several have one title, the document or
/// the place tells them apart.
pub(crate) fn names(loaded: &Loaded) -> Vec<String> {
    let scenarios = &loaded.plan.scenarios;
    let title = |index: usize| words::escape(scenarios[index].title.trim()).into_owned();
    let document = |index: usize| &loaded.plan.documents[scenarios[index].document].path;
    let mut by_title: HashMap<String, usize> = HashMap::new();
    let mut by_document: HashMap<(String, &str), usize> = HashMap::new();
    for index in 0..scenarios.len() {
        *by_title.entry(title(index)).or_default() += 1;
        *by_document.entry((title(index), document(index))).or_default() += 1;
    }
    (0..scenarios.len())
        .map(|index| {
            let title = title(index);
            if by_title[&title] == 1 {
                return title;
            }
            match by_document[&(title.clone(), document(index).as_str())] {
                1 => format!("{title} ({})", words::escape(document(index))),
                _ => format!("{title} ({})", words::escape(&loaded.sources.cite(scenarios[index].span))),
            }
        })
        .collect()
}

/// Which tests the command line selects, by their names.
#[derive(Debug, Default)]
pub(crate) struct TestFilter {
    /// Texts of which a name must have one, if there are any.
    pub(crate) filters: Vec<String>,
    /// Texts of which a name must have none.
    pub(crate) skip: Vec<String>,
    /// Whether these texts are whole names.
    pub(crate) is_exact: bool,
    /// Which of the ignored tests run.
    pub(crate) ignored: Ignored,
    /// The command by which Cargo runs the tests.
    pub(crate) command: String,
}

/// Which of the ignored tests run: scenarios with the label `ignored`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// None.
    #[default]
    Skip,
    /// These alone.
    Only,
    /// All, beside the others.
    Include,
}

impl TestFilter {
    /// Returns the selected ones of these scenarios.
    pub(crate) fn select(&self, loaded: &Loaded, among: &[usize], names: &[String]) -> Vec<usize> {
        let has = |name: &str, text: &String| if self.is_exact { name == text } else { name.contains(text.as_str()) };
        let is_selected = |&&index: &&usize| {
            let name = names[index].as_str();
            let is_ignored = loaded.plan.scenarios[index].labels.iter().any(|label| label == IGNORED);
            let fits = match self.ignored {
                Ignored::Skip => !is_ignored,
                Ignored::Only => is_ignored,
                Ignored::Include => true,
            };
            // As in the standard harness, the full name of an ignored test does not run it.
            fits && (self.filters.is_empty() || self.filters.iter().any(|text| has(name, text)))
                && !self.skip.iter().any(|text| has(name, text))
        };
        among.iter().filter(is_selected).copied().collect()
    }
}
