//! Code in a page: embedded files, examples, other code.

use greenroom_doc::Attributes;
use maud::{Markup, PreEscaped, html};

use crate::page::layout::{File, Layout};
use crate::page::{highlight, markup};
use crate::words;

/// More steps than this that use a file are folded.
const SHOWN_USES: usize = 6;

/// Classes that say what a block is rather than its language.
const ROLES: &[&str] = &["example", "file", "noNumberLines", "numberLines"];

/// Returns an embedded file: its name, its lines, and which steps use it.
pub(crate) fn file(file: &File, attributes: &Attributes, text: &str, layout: &Layout) -> Markup {
    let has_numbers = !attributes.is("noNumberLines");
    let label = format!("File {}", file.name);
    html! {
        figure.file id=(file.anchor) {
            figcaption {
                span.file-name { "File " code { (markup::text(&file.name)) } }
                (anchor_link(&file.anchor, &label))
            }
            (code(text, attributes, Some(&file.name), has_numbers, &label))
            @if !file.uses.is_empty() { (uses(file, layout)) }
        }
    }
}

/// Returns an example or other code.
pub(crate) fn block(attributes: &Attributes, text: &str) -> Markup {
    let label = match attributes.classes.iter().find(|class| !ROLES.contains(&class.as_str())) {
        Some(language) => format!("Code ({language})"),
        None => "Code".to_owned(),
    };
    let code = code(text, attributes, None, attributes.is("numberLines"), &label);
    html! {
        @if attributes.is("example") {
            figure.example {
                figcaption {
                    "Example"
                    @if let Some(name) = &attributes.id { " " code { (name) } }
                }
                (code)
            }
        } @else { (code) }
    }
}

/// Returns code without a fence.
pub(crate) fn indented(text: &str) -> Markup {
    code(text, &Attributes::default(), None, false, "Code")
}

/// Returns the link of something to itself.
pub(crate) fn anchor_link(anchor: &str, label: &str) -> Markup {
    html! { a.anchor href={ "#" (anchor) } aria-label={ "Link to " (label) } { "#" } }
}

fn code(text: &str, attributes: &Attributes, name: Option<&str>, has_numbers: bool, label: &str) -> Markup {
    let languages: Vec<String> =
        attributes.classes.iter().filter(|class| !ROLES.contains(&class.as_str())).cloned().collect();
    let lines = highlight::lines(text, &languages, name);
    let joined = if has_numbers {
        // Numbers come from a counter of the style, so that they are not copied with the code.
        lines.iter().fold(String::new(), |all, line| all + "<span class=\"line\">" + line + "\n</span>")
    } else {
        lines.join("\n")
    };
    html! {
        pre tabindex="0" role="group" aria-label=(label) {
            code.numbered[has_numbers] { (PreEscaped(joined)) }
        }
    }
}

fn uses(file: &File, layout: &Layout) -> Markup {
    let more = file.all_uses - file.uses.len();
    let list = html! {
        ul {
            @for &(scenario, number) in &file.uses {
                li {
                    a href={ "#" (layout.line_anchor(scenario, number)) } {
                        (layout.heading_of(scenario).title) ", step " (number)
                    }
                }
            }
            @if more > 0 { li { "and " (words::count(more, "other step")) } }
        }
    };
    let count = words::count(file.all_uses, "step");
    html! {
        @if file.all_uses > SHOWN_USES {
            details.uses { summary { "Used by " (count) } (list) }
        } @else {
            div.uses { p { "Used by" } (list) }
        }
    }
}
