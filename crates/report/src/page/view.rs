//! What the parts of a page that show results know: the run, the document, and its anchors.

use crate::page::layout::Layout;
use crate::page::results::Room;
use crate::run_record::RunRecord;

/// A document with the run that it is shown for.
#[derive(Debug)]
pub struct View<'a> {
    /// The run.
    pub run: &'a RunRecord,
    /// Index of the document in the outline.
    pub document: usize,
    pub(crate) layout: &'a Layout,
    pub(crate) room: Room,
}

impl<'a> View<'a> {
    /// Creates the view of a document.
    pub(crate) fn new(run: &'a RunRecord, document: usize, layout: &'a Layout) -> Self {
        Self { run, document, layout, room: Room::of(run, document) }
    }

    /// Returns how many scenarios of the document are not in the run.
    pub(crate) fn not_selected(&self) -> usize {
        self.layout.scenarios.iter().filter(|scenario| self.layout.runs(scenario).is_empty()).count()
    }

    /// Returns the anchor of a scenario, by its index in the outline. It is the anchor of its heading.
    pub fn scenario_anchor(&self, scenario: usize) -> Option<&str> {
        self.layout.scenario_anchor(scenario)
    }

    /// Returns the anchor of a step, by its index in a scenario.
    pub fn step_anchor(&self, scenario: usize, step: usize) -> Option<String> {
        self.layout.step_anchor(scenario, step)
    }
}
