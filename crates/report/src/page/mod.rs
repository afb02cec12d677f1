//! Pages: documents as HTML, each one file that needs no other, with what happened in a run beside
//! the steps.
//!
//! ```text
//! DocumentText --layout--> headings, scenarios, steps, files, with their anchors
//!              \--prose--> HTML of the Markdown
//!                            |-- scenario, files, diagram: fenced blocks
//!                            \-- raw: the author's HTML, cleaned
//! RunRecord ------------------> results: what happened, beside headings and steps
//! ```
//!
//! Nothing leaves a page: style, script and pictures are in it, and its Content-Security-Policy
//! allows nothing else (`policy`). What documents and processes wrote never becomes markup, except
//! for the elements that `raw` allows to authors.
//!
//! # Classes and attributes
//!
//! `style.css` and `script.js` find the parts of a page by these:
//!
//! | element | what it is |
//! |---|---|
//! | `nav.contents li > a` | an entry of the table of contents |
//! | `main#gr-main` | the document; `header.title` in it is the title block |
//! | `section.scenario` | a scenario, from its heading to the next one; `data-labels`, `data-state` |
//! | `div.stretch` | some scenarios of a long document, and what is between them |
//! | `div.heading` | a heading, its link `a.anchor`, and the state of its scenario |
//! | `ol.steps > li` | the steps; `.step-line` has text and state (`.ok`: passed, in long documents) |
//! | `.step-line > :first-child > b.given`, `var[title]`, `a.file` | keyword, captures, captured files of a step |
//! | `figure.file`, `figure.example`, `figure.diagram` | blocks with a `figcaption`; `.uses` links back to the steps |
//! | `code.numbered > .line`, `.hl-*` | code with line numbers; what `highlight` marks |
//! | `.note` | what could not be shown, and why |
//! | `.gr-align-left`, `-center`, `-right` | alignment in tables and in the author's HTML |

#![expect(clippy::format_push_string, reason = "the alternative, `write!`, has a result to ignore each time")]

mod anchors;
mod contents;
pub mod diagram;
mod files;
mod frame;
mod highlight;
pub mod index;
mod layout;
mod markdown;
mod markup;
mod out;
mod pictures;
mod policy;
mod prose;
mod raw;
pub(crate) mod results;
mod scenario;
mod step_lines;
pub mod text;
mod view;

use std::collections::HashMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greenroom_event::{Asset, DocumentText, Outline};
use maud::{Markup, html};

pub use diagram::{DiagramKind, Drawings, diagrams};
pub use pictures::{NamedPicture, media_type};
pub use prose::pictures;
pub use view::View;

use crate::page::layout::Layout;
use crate::page::prose::Document;
use crate::run_record::{RunRecord, ScenarioState};

/// What a page is made from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The documents.
    pub outline: &'a Outline,
    /// Which of them.
    pub document: usize,
    /// The run to show, if there was one.
    pub run: Option<&'a RunRecord>,
    /// The diagrams that were drawn.
    pub drawings: &'a Drawings,
    /// Whether the page links the style sheets that the document names by their addresses.
    pub links_styles: bool,
    /// Where the pages of the other documents are, if there are several.
    pub site: Option<Site<'a>>,
    /// The version of greenroom.
    pub version: &'a str,
}

/// Several pages in a directory, and their index.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The address of each document's page from the others.
    pub pages: &'a [String],
    /// The address of the index from a page.
    pub index: &'a str,
}

/// Returns the page of a document.
pub fn page(request: &Request<'_>) -> String {
    written(|to| write(request, to))
}

/// Returns what is written to a writer that never fails.
fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).map_or_else(|_| String::new(), |()| String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes the page of a document, piece by piece.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(request: &Request<'_>, to: &mut dyn Write) -> io::Result<()> {
    let empty = DocumentText::default();
    let document = &request.outline.documents[request.document];
    let text = document.text.as_deref().unwrap_or(&empty);
    let mut layout = Layout::read(text, request.outline, request.document);
    let mut anchors = std::mem::take(&mut layout.anchors);
    let without_heading = shown_as_title(&layout, text, &document.title);
    let view = request.run.map(|run| View::new(run, request.document, &layout));
    let view = view.as_ref();
    let others = request.site.map_or_else(HashMap::new, |site| prose::addresses(request.outline, site.pages));
    let parts = Document { text, layout: &layout, drawings: request.drawings, view, others: &others, without_heading };
    let mark = |run: usize| {
        let state = view.map(|view| view.run.state(run));
        // In a long document only those that need a look.
        let state = state.filter(|state| !layout.is_long() || *state != ScenarioState::Passed);
        state.map_or_else(Markup::default, results::state_mark)
    };
    let embedded = embedded_styles(text);
    let has_top_heading = layout.headings.iter().enumerate().any(|(at, h)| h.level == 1 && Some(at) != without_heading);
    let title_anchor = without_heading.map(|at| &*layout.headings[at].anchor);
    let title = frame::title(document);
    let shown = markup::text(title);
    let before = html! {
        @if let Some(site) = request.site { p.up { a href=(site.index) { "All documents" } } }
        header.title {
            @if has_top_heading {
                p.document-title { (shown) }
            } @else {
                h1.document-title id=[title_anchor] { (shown) }
            }
            @if let Some(subtitle) = &text.subtitle { p.subtitle { (markup::text(subtitle)) } }
            @if !text.authors.is_empty() { p.authors { (markup::text(&text.authors.join(", "))) } }
            @if let Some(date) = &text.date { p.date { (markup::text(date)) } }
        }
        @if let Some(view) = view { (results::failures_list(view)) }
        @if document.text.is_none() { p.note { "The recording does not have the text of this document." } }
    };
    let linked: &[String] = if request.links_styles { &text.css_urls } else { &[] };
    let frame = frame::Frame { title, version: request.version, styles: &embedded, linked };
    frame::write(&frame, to, |page| {
        if let Some(view) = view {
            page.push_str(&results::summary(view).into_string());
        }
        page.push_str("<div class=\"page\">");
        contents::write(page, &layout, without_heading, &mark);
        page.push_str("<main id=\"gr-main\">");
        page.push_str(&before.into_string());
        page.push_str("<article>");
        prose::write(page, &parts, &mut anchors);
        page.push_str("</article></main></div>");
    })
}

/// Returns the first heading if it only repeats the title of the document.
fn shown_as_title(layout: &Layout, text: &DocumentText, title: &str) -> Option<usize> {
    let first = layout.headings.first()?;
    let others = layout.headings.iter().skip(1).any(|heading| heading.level == 1);
    let begins = text.parts.first().is_some_and(|part| part.text.trim_start().starts_with("# "));
    (first.level == 1 && !others && begins && first.scenario.is_none() && *first.title == *title.trim()).then_some(0)
}

/// Returns the style sheets that are copied into the page.
fn embedded_styles(text: &DocumentText) -> Vec<String> {
    let asset = |name: &String| text.assets.iter().find(|asset| asset.name == *name);
    let decoded = |asset: &Asset| STANDARD.decode(&asset.base64).ok();
    let bytes = text.css_embed.iter().filter_map(|name| decoded(asset(name)?));
    bytes.map(|bytes| markup::style(&String::from_utf8_lossy(&bytes))).collect()
}
