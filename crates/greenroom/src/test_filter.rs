//! Scenarios as tests: their names, and which of them the command line selects.

use std::collections::HashMap;
use std::path::PathBuf;

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
    /// How the run is shown.
    pub(crate) report: TestReport,
}

/// How a run of tests is shown, where the standard harness has it and `greenroom run` does not.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestReport {
    /// Whether standard output is the JSON of the standard harness.
    pub(crate) is_json: bool,
    /// Whether tests in it have their time.
    pub(crate) reports_time: bool,
    /// Whether the output of passed tests is shown.
    pub(crate) shows_output: bool,
    /// The file for a line of each test.
    pub(crate) log: Option<PathBuf>,
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
        let is_selected = |&&index: &&usize| {
            let is_ignored = is_ignored(loaded, index);
            // As in the standard harness, the full name of an ignored test does not run it.
            self.fits(&names[index])
                && match self.ignored {
                    Ignored::Skip => !is_ignored,
                    Ignored::Only => is_ignored,
                    Ignored::Include => true,
                }
        };
        among.iter().filter(is_selected).copied().collect()
    }

    /// Returns those of these scenarios that only their label leaves out.
    pub(crate) fn ignored(&self, loaded: &Loaded, among: &[usize], names: &[String]) -> Vec<usize> {
        let is_left_out = |&&index: &&usize| self.fits(&names[index]) && is_ignored(loaded, index);
        match self.ignored {
            Ignored::Skip => among.iter().filter(is_left_out).copied().collect(),
            Ignored::Only | Ignored::Include => Vec::new(),
        }
    }

    fn fits(&self, name: &str) -> bool {
        let has = |text: &String| if self.is_exact { name == text } else { name.contains(text.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(has)) && !self.skip.iter().any(has)
    }
}

/// Whether a scenario runs only on request.
pub(crate) fn is_ignored(loaded: &Loaded, scenario: usize) -> bool {
    loaded.plan.scenarios[scenario].labels.iter().any(|label| label == IGNORED)
}
