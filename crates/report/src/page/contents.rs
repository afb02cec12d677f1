//! The table of contents.

use maud::{Markup, PreEscaped, html};

use crate::page::layout::Layout;
use crate::page::markup::escape;

/// Returns the table of contents. `state` returns the mark of a scenario of the outline.
///
/// The script of the page marks the entry at which the reader is.
pub(crate) fn contents(layout: &Layout<'_>, without: Option<usize>, state: &dyn Fn(usize) -> Markup) -> Markup {
    let headings: Vec<_> = layout.headings.iter().enumerate().filter(|(at, _)| Some(*at) != without).collect();
    if headings.len() < 2 {
        return Markup::default();
    }
    let mut list = String::new();
    // The levels of the lists that are open.
    let mut open: Vec<u8> = Vec::new();
    for (_, heading) in headings {
        while open.last().is_some_and(|&level| level > heading.level) {
            // A heading of a level between two others belongs to the inner list.
            if open.len() > 1 && open[open.len() - 2] < heading.level {
                break;
            }
            if open.len() == 1 {
                break;
            }
            open.pop();
            list.push_str("</li></ol>");
        }
        if open.last().is_none_or(|&level| level < heading.level) {
            list.push_str("<ol>");
            open.push(heading.level);
        } else {
            list.push_str("</li>");
        }
        list.push_str("<li><a href=\"#");
        escape(&mut list, &heading.anchor);
        list.push_str("\">");
        let title = if heading.title.is_empty() { "(no title)" } else { &heading.title };
        escape(&mut list, title);
        list.push_str("</a>");
        let run = heading.scenario.and_then(|scenario| layout.scenarios[scenario].runs.first());
        if let Some(&run) = run {
            list.push_str(&state(run).into_string());
        }
    }
    list.push_str(&"</li></ol>".repeat(open.len()));
    html! {
        nav.contents aria-label="Contents" {
            details open {
                summary { "Contents" }
                (PreEscaped(list))
            }
        }
    }
}
