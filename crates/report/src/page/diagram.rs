//! Diagrams: which there are in a document, and how a drawing or its source gets into the page.
//!
//! The tools that draw run elsewhere, before: [`diagrams`] says what to draw, and [`Drawings`] is
//! what came of it. A drawing is shown as an image from a `data:` address. In an image nothing runs
//! and nothing is loaded, whatever the tool wrote.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greenroom_doc::Attributes;
use greenroom_event::DocumentText;
use maud::{Markup, html};
use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use crate::page::markdown::events;

/// The language of a diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagramKind {
    /// Graphviz.
    Dot,
    /// `PlantUML`.
    Plantuml,
    /// Pikchr.
    Pikchr,
    /// Mermaid.
    Mermaid,
    /// Tasks that depend on one another, in YAML.
    Roadmap,
}

impl DiagramKind {
    /// Its class in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Plantuml => "plantuml",
            Self::Pikchr => "pikchr",
            Self::Mermaid => "mermaid",
            Self::Roadmap => "roadmap",
        }
    }

    /// Returns the kind of diagram in a fenced block: by its classes, unless it is a scenario or a file.
    pub(crate) fn of_block(block: &Attributes) -> Option<Self> {
        let all = [Self::Dot, Self::Plantuml, Self::Pikchr, Self::Mermaid, Self::Roadmap];
        let of_class = |class: &String| all.into_iter().find(|kind| kind.name() == class);
        let is_other = block.is("scenario") || (block.is("file") && block.id.is_some());
        if is_other { None } else { block.classes.iter().find_map(of_class) }
    }
}

/// What came of drawing: an SVG, or why there is none.
pub type Drawings = BTreeMap<(DiagramKind, String), Result<Vec<u8>, String>>;

/// Returns the diagrams of a document, each once, in order.
pub fn diagrams(text: &DocumentText) -> Vec<(DiagramKind, String)> {
    let mut found = Vec::new();
    let mut open: Option<(DiagramKind, String)> = None;
    for (event, _) in text.parts.iter().flat_map(events) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = DiagramKind::of_block(&Attributes::parse(&info)).map(|kind| (kind, String::new()));
            }
            Event::Text(text) => {
                if let Some((_, source)) = &mut open {
                    source.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some(diagram) = open.take().filter(|diagram| !found.contains(diagram)) {
                    found.push(diagram);
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns a diagram: the drawing with its source below, or the source with a note.
pub(crate) fn figure(kind: DiagramKind, source: &str, drawings: &Drawings) -> Markup {
    let name = kind.name();
    let code = |open: bool| {
        html! {
            details.diagram-source open[open] {
                summary { "Source (" (name) ")" }
                pre tabindex="0" role="group" aria-label={ "Source of a " (name) " diagram" } { code { (source) } }
            }
        }
    };
    match drawings.get(&(kind, source.to_owned())) {
        Some(Ok(svg)) => {
            let alt = format!("Diagram ({name}); its source is below");
            html! {
                figure.diagram {
                    img src={ "data:image/svg+xml;base64," (STANDARD.encode(svg)) } alt=(alt) width=[width(svg)];
                    (code(false))
                }
            }
        }
        other => {
            let reason = match other {
                Some(Err(reason)) => reason.as_str(),
                _ => "diagrams were not drawn",
            };
            html! {
                figure.diagram {
                    p.note { "Diagram as source: " (reason) }
                    (code(true))
                }
            }
        }
    }
}

/// Returns the width of a drawing that says only how wide its coordinates are.
///
/// Browsers show such a drawing as wide as the page.
fn width(svg: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(svg);
    let (_, root) = text.split_once("<svg")?;
    let root = root.split_once('>')?.0;
    let value = |name: &str| {
        let (_, rest) = root.split_once(name)?;
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        rest.get(1..)?.split_once(quote).map(|(value, _)| value)
    };
    if value(" width=").or_else(|| value("\nwidth=")).is_some_and(|width| !width.ends_with('%')) {
        return None;
    }
    let numbers: Vec<f64> = value("viewBox=")?
        .split(|between: char| between == ',' || between.is_whitespace())
        .filter_map(|number| number.parse().ok())
        .collect();
    let width = numbers.get(2).copied().filter(|width| (1.0..100_000.0).contains(width))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 100,000")]
    Some(width.ceil() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_without_a_size_is_as_wide_as_its_coordinates() {
        let pikchr = "<svg xmlns='http://www.w3.org/2000/svg' class=\"pikchr\" viewBox=\"0 0 256.32 76.32\">";
        let mermaid = "<svg id=\"m\" width=\"100%\" style=\"max-width: 205.969px;\" viewBox=\"0 0 205.96875 70\">";
        assert_eq!(width(pikchr.as_bytes()), Some(257));
        assert_eq!(width(mermaid.as_bytes()), Some(206));
        assert_eq!(width(b"<svg viewBox='-8,-8,40,20'>"), Some(40));
        let dot = "<?xml version=\"1.0\"?>\n<svg width=\"62pt\" height=\"116pt\"\n viewBox=\"0.00 0.00 62.00 116.00\">";
        for without in [dot, "<svg>", "<svg viewBox='0 0 -3 1'>", "<svg viewBox='0 0 NaN 1'>", "<svg viewBox=", "<svg"]
        {
            assert_eq!(width(without.as_bytes()), None, "{without}");
        }
    }
}
