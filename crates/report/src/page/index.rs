//! The index of several pages: which documents there are, and how their scenarios ended, by label.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use greenroom_event::{Outline, ScenarioOutline};
use maud::{Markup, html};

use crate::page::results::{about_run, run_notice, state_name};
use crate::page::{frame, markup};
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
    super::written(|to| write(request, to))
}

/// Writes the index.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(request: &Request<'_>, to: &mut dyn Write) -> io::Result<()> {
    let outline = request.outline;
    let labels: BTreeSet<&str> =
        outline.scenarios.iter().flat_map(|scenario| scenario.labels.iter().map(String::as_str)).collect();
    let mut of_documents = vec![Vec::new(); outline.documents.len()];
    for (at, scenario) in outline.scenarios.iter().enumerate() {
        // Only a damaged recording has a scenario of no document.
        if let Some(of_document) = of_documents.get_mut(scenario.document) {
            of_document.push(at);
        }
    }
    let all: Vec<usize> = (0..outline.scenarios.len()).collect();
    let cell = |page: Option<&str>, of: &[usize], has: &dyn Fn(&ScenarioOutline) -> bool| {
        let chosen = of.iter().copied().filter(|&at| has(&outline.scenarios[at]));
        counts(chosen, request.run, page)
    };
    let is_labelled = |scenario: &ScenarioOutline, label: &str| scenario.labels.iter().any(|own| own == label);
    let count = words::count(outline.scenarios.len(), "scenario");
    let body = html! {
        div.page {
            main.wide #gr-main {
                header.title {
                    h1.document-title { "Documents" }
                    p.subtitle { (words::count(outline.documents.len(), "document")) ", " (count) }
                }
                @if let Some(run) = request.run { (run_notice(run)) }
                div.table tabindex="0" role="group" aria-label="Documents and labels" {
                    table.matrix {
                        thead {
                            tr {
                                th scope="col" { "Document" }
                                th scope="col" { "Scenarios" }
                                @for label in &labels { th scope="col" { (markup::text(label)) } }
                            }
                        }
                        tbody {
                            @for (at, (document, page)) in outline.documents.iter().zip(request.pages).enumerate() {
                                tr {
                                    th scope="row" {
                                        a href=(page) { (markup::text(frame::title(document))) }
                                        " " span.path { (markup::text(&document.path)) }
                                    }
                                    td { (cell(Some(page), &of_documents[at], &|_| true)) }
                                    @for label in &labels {
                                        td {
                                            (cell(Some(page), &of_documents[at], &|scenario| {
                                                is_labelled(scenario, label)
                                            }))
                                        }
                                    }
                                }
                            }
                        }
                        tfoot {
                            tr {
                                th scope="row" { "All documents" }
                                td { (cell(None, &all, &|_| true)) }
                                @for label in &labels {
                                    td { (cell(None, &all, &|scenario| is_labelled(scenario, label))) }
                                }
                            }
                        }
                    }
                }
                @if let Some(run) = request.run { (about_run(run)) }
            }
        }
    };
    let frame = frame::Frame { title: "Documents", version: request.version, styles: &[], linked: &[] };
    frame::write(&frame, to, |page| page.push_str(&body.into_string()))
}

/// Returns how scenarios ended, or how many there are.
fn counts(scenarios: impl Iterator<Item = usize>, run: Option<&RunRecord>, page: Option<&str>) -> Markup {
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
            @let mark = html! { span class={ "state " (state_name(*state)) } { (count) " " (state_name(*state)) } };
            @match page {
                Some(page) => a.count href=(page) { (mark) },
                None => (mark),
            }
            " "
        }
    }
}
