//! The steps of a scenario.

use greenroom_event::{StepKind, StepMarkup};
use maud::{Markup, PreEscaped, html};

use crate::page::files::anchor_link;
use crate::page::layout::{Layout, StepLine};
use crate::page::markup::{Escaped, escape};
use crate::page::results;
use crate::page::view::View;

/// Returns a block of steps.
pub(crate) fn steps(lines: &[StepLine<'_>], layout: &Layout<'_>, run: Option<(&View<'_>, usize)>) -> Markup {
    let first = lines.first().map_or(1, |line| line.number.max(1));
    html! {
        ol.steps start=[(first > 1).then_some(first)] {
            @for line in lines {
                li id=(line.anchor) {
                    div.step-line {
                        span { (text(line, layout)) }
                        @if !layout.is_long() { (anchor_link(&line.anchor, &format!("step {}", line.number))) }
                        @if let Some((view, run, step)) = step_of_run(line, run) {
                            (results::step_state(view, run, step, layout.is_long()))
                        }
                    }
                    @if let Some((view, run, step)) = step_of_run(line, run) {
                        (results::step_details(view, run, step))
                    }
                }
            }
        }
    }
}

/// Returns the run, the scenario and the step in it that a line stands for.
fn step_of_run<'a>(line: &StepLine<'_>, run: Option<(&'a View<'a>, usize)>) -> Option<(&'a View<'a>, usize, usize)> {
    let (view, scenario) = run?;
    Some((view, scenario, line.index?))
}

/// Returns the text of a step with its keyword and its captures.
fn text(line: &StepLine<'_>, layout: &Layout<'_>) -> Markup {
    let mut out = String::with_capacity(line.text.len() + 100);
    let keyword = line.text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(line.text.len());
    let kind = line.step.filter(|_| !layout.is_long()).map_or("", |step| match step.kind {
        StepKind::Given => " class=\"given\"",
        StepKind::When => " class=\"when\"",
        StepKind::Then => " class=\"then\"",
    });
    out.push_str(&format!("<b{kind}>{}</b>", Escaped(&line.text[..keyword])));
    match line.step {
        Some(step) => captures(&mut out, step, keyword, layout),
        None => escape(&mut out, &line.text[keyword..]),
    }
    PreEscaped(out)
}

/// Adds the rest of a step, with its captures marked by their type.
fn captures(out: &mut String, step: &StepMarkup, from: usize, layout: &Layout<'_>) {
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
