//! The sections of documents that scenarios occupy: from their heading to the next one that is not
//! below it, with the headings above and inside.

use greenroom_doc::{Heading, Loaded, Span};

/// The section of one scenario.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// From its heading to the end of its last line.
    pub(crate) span: Span,
    /// The titles of the headings above it, the highest first.
    pub(crate) above: Vec<&'a str>,
    /// The headings inside it. They begin no scenario.
    pub(crate) inside: &'a [Heading],
}

/// Returns the section of each scenario of the plan.
pub(crate) fn of_scenarios(loaded: &Loaded) -> Vec<Section<'_>> {
    let mut sections = Vec::with_capacity(loaded.plan.scenarios.len());
    let mut scenarios = loaded.plan.scenarios.iter().peekable();
    for (index, document) in loaded.plan.documents.iter().enumerate() {
        let mut above: Vec<&Heading> = Vec::new();
        for (at, heading) in document.headings.iter().enumerate() {
            above.retain(|higher| higher.level < heading.level && higher.span.source == heading.span.source);
            if scenarios.next_if(|next| next.document == index && next.span == heading.span).is_some() {
                let below = &document.headings[at + 1..];
                let is_outside =
                    |next: &Heading| next.level <= heading.level || next.span.source != heading.span.source;
                let inside = &below[..below.iter().position(is_outside).unwrap_or(below.len())];
                let next = below.get(inside.len()).filter(|next| next.span.source == heading.span.source);
                let body = document.bodies.iter().find(|body| body.source == heading.span.source);
                let end = next.map(|next| next.span.start).or(body.map(|body| body.end)).unwrap_or(heading.span.end);
                sections.push(Section {
                    span: Span { end, ..heading.span },
                    above: above.iter().map(|heading| &*heading.title).collect(),
                    inside,
                });
            }
            above.push(heading);
        }
    }
    sections
}
