//! The steps of a scenario.

use greenroom_event::{StepKind, StepMarkup};
use maud::{Markup, PreEscaped, html};

use crate::page::files::anchor_link;
use crate::page::layout::{Block, Layout};
use crate::page::markup::{Escaped, escape};
use crate::page::results;
use crate::page::step_lines::StepLine;
use crate::page::view::View;

/// Returns a block of steps. `block` is missing if they belong to no scenario.
pub(crate) fn steps(
    lines: &[StepLine<'_>],
    block: Option<Block>,
    layout: &Layout,
    run: Option<(&View<'_>, usize)>,
) -> Markup {
    let lines = numbered(lines, block, layout);
    let first = lines.first().map_or(1, |line| line.number.max(1));
    html! {
        ol.steps start=[(first > 1).then_some(first)] {
            @for Numbered { line, number, anchor, index } in &lines {
                li id=(anchor) {
                    div.step-line {
                        span { (text(line, layout)) }
                        @if !layout.is_long() { (anchor_link(anchor, &format!("step {number}"))) }
                        @if let Some(((view, run), step)) = run.zip(*index) {
                            (results::step_state(view, run, step, layout.is_long()))
                        }
                    }
                    @if let Some(((view, run), step)) = run.zip(*index) {
                        (results::step_details(view, run, step))
                    }
                }
            }
        }
    }
}

/// A line with its place in the scenario.
struct Numbered<'a> {
    line: &'a StepLine<'a>,
    /// Its number in the scenario, from 1.
    number: u32,
    anchor: String,
    /// Its index in the scenario of the outline, if it is a step.
    index: Option<usize>,
}

fn numbered<'a>(lines: &'a [StepLine<'a>], block: Option<Block>, layout: &Layout) -> Vec<Numbered<'a>> {
    let Some(Block { scenario, lines_before, steps_before }) = block else {
        let line = |line| Numbered { line, number: 0, anchor: String::new(), index: None };
        return lines.iter().map(line).collect();
    };
    let mut index = steps_before as usize;
    let line = |(number, line): (u32, &'a StepLine<'a>)| {
        let of_step = line.step.is_some().then_some(index);
        index += usize::from(of_step.is_some());
        Numbered { line, number, anchor: layout.line_anchor(scenario, number), index: of_step }
    };
    (lines_before + 1..).zip(lines).map(line).collect()
}

/// Returns the text of a step with its keyword and its captures.
fn text(line: &StepLine<'_>, layout: &Layout) -> Markup {
    let text = line.text();
    let mut out = String::with_capacity(text.len() + 100);
    let keyword = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let kind = line.step.as_ref().filter(|_| !layout.is_long()).map_or("", |step| match step.kind {
        StepKind::Given => " class=\"given\"",
        StepKind::When => " class=\"when\"",
        StepKind::Then => " class=\"then\"",
    });
    out.push_str(&format!("<b{kind}>{}</b>", Escaped(&text[..keyword])));
    match &line.step {
        Some(step) => captures(&mut out, step, keyword, layout),
        None => escape(&mut out, &text[keyword..]),
    }
    PreEscaped(out)
}

/// Adds the rest of a step, with its captures marked by their type.
fn captures(out: &mut String, step: &StepMarkup, from: usize, layout: &Layout) {
    let mut at = from;
    for capture in &step.captures {
        // A recording may hold anything.
        let (Some(before), Some(text)) = (step.text.get(at..capture.start), step.text.get(capture.start..capture.end))
        else {
            continue;
        };
        escape(out, before);
        // What separates a capture from the next belongs to neither.
        let (whole, text) = (text, text.trim());
        let blanks = whole.len() - whole.trim_start().len();
        escape(out, &whole[..blanks]);
        let (name, kind, shown) = (Escaped(&capture.name), Escaped(&capture.kind), Escaped(text));
        let file = layout.file(text).filter(|_| capture.kind == "file");
        match file {
            Some(file) => {
                let anchor = Escaped(&file.anchor);
                out.push_str(&format!("<a class=\"file\" href=\"#{anchor}\">{shown}</a>"));
            }
            None if text.is_empty() => {}
            None if layout.is_long() => out.push_str(&format!("<var>{shown}</var>")),
            None => out.push_str(&format!("<var title=\"{name}: {kind}\">{shown}</var>")),
        }
        escape(out, &whole[blanks + text.len()..]);
        at = capture.end;
    }
    escape(out, step.text.get(at..).unwrap_or_default());
}
