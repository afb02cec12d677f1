//! The table of contents.

use maud::{Markup, PreEscaped, html};

use crate::page::layout::Layout;
use crate::page::markup::escape;
use crate::page::out::Out;

/// Writes the table of contents. `state` returns the mark of a scenario of the outline.
///
/// The script of the page marks the entry at which the reader is.
pub(crate) fn write(out: &mut Out<'_>, layout: &Layout, without: Option<usize>, state: &dyn Fn(usize) -> Markup) {
    let headings = || layout.headings.iter().enumerate().filter(|(at, _)| Some(*at) != without);
    if headings().nth(1).is_none() {
        return;
    }
    // The list can be long, so it is written entry by entry.
    let around = html! {
        nav.contents aria-label="Contents" {
            details open {
                summary { "Contents" }
                (PreEscaped(LIST))
            }
        }
    };
    let around = around.into_string();
    let (before, after) = around.split_once(LIST).unwrap_or((&around, ""));
    out.push_str(before);
    // The levels of the lists that are open.
    let mut open: Vec<u8> = Vec::new();
    for (_, heading) in headings() {
        out.flush_if_long();
        let list = &mut out.text;
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
        escape(list, &heading.anchor);
        list.push_str("\">");
        let title = if heading.title.is_empty() { "(no title)" } else { &*heading.title };
        escape(list, title);
        list.push_str("</a>");
        let run = heading.scenario.and_then(|scenario| layout.runs(layout.scenario(scenario)).first());
        if let Some(&run) = run {
            list.push_str(&state(run).into_string());
        }
    }
    out.push_str(&"</li></ol>".repeat(open.len()));
    out.push_str(after);
}

/// What stands for the list in what is around it.
const LIST: &str = "<ol></ol>";
