//! The index of several pages: which documents there are, and how their scenarios ended, by label.

use std::collections::{BTreeMap, BTreeSet};

use greenroom_event::{Outline, ScenarioOutline};
use maud::{Markup, html};

use crate::page::frame;
use crate::run_record::{RunRecord, ScenarioState};
use crate::words;

/// What an index is made from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The documents.
    pub outline: &'a Outline,
    /// The run to show, if there was one.
    pub run: Option<&'a RunRecord>,
    /// The addresses of their pages, in order.
    pub pages: &'a [&'a str],
    /// The version of greenroom.
    pub version: &'a str,
}

/// Returns the index.
pub fn index(request: &Request<'_>) -> String {
    let outline = request.outline;
    let labels: BTreeSet<&str> =
        outline.scenarios.iter().flat_map(|scenario| scenario.labels.iter().map(String::as_str)).collect();
    let cell = |document: usize, page: &str, has: &dyn Fn(&ScenarioOutline) -> bool| {
        let scenarios = outline.scenarios.iter().enumerate();
        let chosen = scenarios.filter(|(_, scenario)| scenario.document == document && has(scenario));
        counts(chosen.map(|(at, _)| at), request.run, page)
    };
    let count = words::count(outline.scenarios.len(), "scenario");
    let body = html! {
        main #gr-main {
            header.title {
                h1.document-title { "Documents" }
                p.subtitle { (words::count(outline.documents.len(), "document")) ", " (count) }
            }
            div.table tabindex="0" role="group" aria-label="Documents and labels" {
                table.matrix {
                    thead {
                        tr {
                            th scope="col" { "Document" }
                            th scope="col" { "Scenarios" }
                            @for label in &labels { th scope="col" { (label) } }
                        }
                    }
                    tbody {
                        @for (at, (document, page)) in outline.documents.iter().zip(request.pages).enumerate() {
                            tr {
                                th scope="row" {
                                    a href=(page) { (frame::title(document)) }
                                    " " span.path { (document.path) }
                                }
                                td { (cell(at, page, &|_| true)) }
                                @for label in &labels {
                                    td { (cell(at, page, &|scenario| scenario.labels.iter().any(|own| own == label))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    frame::page(&frame::Frame { title: "Documents", version: request.version, styles: &[], linked: &[] }, &body)
}

/// Returns how scenarios ended, or how many there are.
fn counts(scenarios: impl Iterator<Item = usize>, run: Option<&RunRecord>, page: &str) -> Markup {
    let Some(run) = run else {
        let count = scenarios.count();
        return html! { @if count > 0 { (count) } @else { "–" } };
    };
    let mut counts: BTreeMap<ScenarioState, usize> = BTreeMap::new();
    for scenario in scenarios {
        *counts.entry(run.state(scenario)).or_default() += 1;
    }
    html! {
        @if counts.is_empty() { "–" }
        @for (state, count) in &counts {
            a.count.(class(*state)) href=(page) { (count) " " (class(*state)) }
            " "
        }
    }
}

/// Returns the word and class of a state.
fn class(state: ScenarioState) -> &'static str {
    match state {
        ScenarioState::Failed => "failed",
        ScenarioState::Broken => "broken",
        ScenarioState::Unfinished => "unfinished",
        ScenarioState::Flaky => "flaky",
        ScenarioState::Passed => "passed",
        ScenarioState::Skipped => "skipped",
    }
}
