//! What all pages have around their content: head, policy, style, script.

use std::io::{self, Write};

use greenroom_event::DocumentOutline;
use maud::{DOCTYPE, PreEscaped, html};

use crate::page::out::Out;
use crate::page::{markup, policy};

/// The style of all pages.
const STYLE: &str = include_str!("style.css");
/// The script of all pages.
const SCRIPT: &str = include_str!("script.js");

/// The head of a page.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// The version of greenroom.
    pub(crate) version: &'a str,
    /// More styles that are copied into the page.
    pub(crate) styles: &'a [String],
    /// The addresses of style sheets that the page links.
    pub(crate) linked: &'a [String],
}

/// Writes a whole page. `body` writes its content, which can be long.
pub(crate) fn write(frame: &Frame<'_>, to: &mut dyn Write, body: impl FnOnce(&mut Out<'_>)) -> io::Result<()> {
    let (begin, end) = around(frame);
    let mut out = Out::new(to);
    out.push_str(&begin);
    body(&mut out);
    out.push_str(&end);
    out.finish()
}

/// Returns what is before and after the content of a page.
fn around(frame: &Frame<'_>) -> (String, String) {
    let styles: Vec<&str> = std::iter::once(STYLE).chain(frame.styles.iter().map(String::as_str)).collect();
    // An address that the policy cannot name would not load.
    let linked = || frame.linked.iter().filter_map(|url| Some((url, policy::source(url)?)));
    let sources: Vec<&str> = linked().map(|(_, source)| source).collect();
    let head = html! {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy::policy(&styles, Some(SCRIPT), &sources));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "greenroom " (frame.version) };
                title { (markup::text(frame.title)) }
                @for style in &styles { style { (PreEscaped(style)) } }
                @for (url, _) in linked() { link rel="stylesheet" href=(url); }
            }
    };
    let begin = html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        (head)
        (PreEscaped("<body>"))
        a.skip href="#gr-main" { "Skip to the document" }
    };
    let end = html! {
        script { (PreEscaped(SCRIPT)) }
        (PreEscaped("</body></html>"))
    };
    (begin.into_string(), end.into_string())
}

/// Returns the title of a document, or its path if it has none.
pub(crate) fn title(document: &DocumentOutline) -> &str {
    if document.title.is_empty() { &document.path } else { &document.title }
}
