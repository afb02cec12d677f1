//! Expected and actual as a diff.

use std::borrow::Cow;

use greenroom_event::Comparison;
use maud::{Markup, html};

use crate::comparison::{self, Block, DiffLine, LineOrigin, Side};
use crate::excerpt::LONG_TAIL;
use crate::page::text::{self, Screen};

/// Characters of a line after which it is cut around the difference.
const COLUMNS: usize = 400;
/// Characters of a line of a text that are shown.
const MOST_OF_LINE: usize = 4000;

/// Returns both sides. `named` says whether the text above names what is compared.
pub(super) fn comparison(of: &Comparison, named: bool) -> Markup {
    let blocks = comparison::blocks(of, named, COLUMNS, LONG_TAIL);
    // Lines of a diff share a block, which scrolls as a whole.
    let groups = blocks.chunk_by(|one, other| is_diff(one) && is_diff(other));
    html! {
        div.comparison {
            @for group in groups {
                @if is_diff(&group[0]) { (diff(group)) } @else { (block(&group[0])) }
            }
        }
    }
}

fn is_diff(block: &Block<'_>) -> bool {
    matches!(block, Block::Line(_) | Block::Gap(_))
}

fn block(block: &Block<'_>) -> Markup {
    match block {
        Block::Title(title) => html! { p.what { (text::line(title)) } },
        Block::Legend(what) => html! {
            p.what {
                @if !what.is_empty() { (text::line(what)) " " }
                "(" span.expected { "- expected" } ", " span.actual { "+ actual" } "):"
            }
        },
        Block::Remark(remark) => html! { p.remark { (text::line(remark)) } },
        Block::Pair(expected, actual) => html! {
            pre.pair tabindex="0" role="group" aria-label="Expected and actual" {
                span.expected { "expected: " (side(expected)) } "\n"
                span.actual { "actual:   " (side(actual)) } "\n"
            }
        },
        Block::Text(lines) => excerpt(lines),
        Block::Line(_) | Block::Gap(_) => diff(std::slice::from_ref(block)),
    }
}

fn side(side: &Side) -> Markup {
    if side.is_empty() {
        return html! { i { "(empty)" } };
    }
    html! {
        (text::line(&side.before))
        @if !side.part.is_empty() { mark { (text::line(&side.part)) } }
        (text::line(&side.after))
    }
}

fn diff(lines: &[Block<'_>]) -> Markup {
    html! {
        pre.diff tabindex="0" role="group" aria-label="Difference" {
            @for line in lines {
                @match line {
                    Block::Line(line) => (diff_line(line)),
                    Block::Gap(number) => { span.gap { "… from line " (number) " of actual:" } "\n" }
                    _ => {}
                }
            }
        }
    }
}

fn diff_line(line: &DiffLine) -> Markup {
    let parts = html! {
        @for (differs, part) in &line.parts {
            @if *differs && line.origin != LineOrigin::Both && !part.is_empty() {
                mark { (text::line(part)) }
            } @else {
                (text::line(part))
            }
        }
        @if line.is_cut { "… (cut)" }
    };
    match line.origin {
        LineOrigin::Both => html! { span.both { "  " (parts) } "\n" },
        LineOrigin::Expected => html! { span.expected { "- " (parts) } "\n" },
        LineOrigin::Actual => html! { span.actual { "+ " (parts) } "\n" },
    }
}

fn excerpt(lines: &[Cow<'_, str>]) -> Markup {
    let mut screen = Screen::default();
    html! {
        pre.excerpt tabindex="0" role="group" aria-label="Text" {
            @for line in lines { (screen.line(line, MOST_OF_LINE)) "\n" }
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_event::{Failure, Relation};

    use super::*;

    fn shown(relation: Relation, expected: &str, actual: &str) -> String {
        let failure = Failure::comparison("stdout of the command", relation, expected, actual);
        comparison(&failure.comparison.unwrap(), true).into_string()
    }

    #[test]
    fn two_lines_are_marked_where_they_differ() {
        assert_eq!(
            shown(Relation::Is, "a <b> c\n", "a <i> c\n"),
            "<div class=\"comparison\">\
             <pre class=\"pair\" tabindex=\"0\" role=\"group\" aria-label=\"Expected and actual\">\
             <span class=\"expected\">expected: a &lt;<mark>b</mark>&gt; c\\n</span>\n\
             <span class=\"actual\">actual:   a &lt;<mark>i</mark>&gt; c\\n</span>\n</pre></div>"
        );
    }

    #[test]
    fn lines_of_a_diff_share_a_block() {
        let html = shown(Relation::Is, "one\ntwo words\nthree\n", "one\ntwo swords\nthree\n");
        assert_eq!(html.matches("<pre").count(), 1);
        assert!(html.contains("<span class=\"both\">  one</span>"), "{html}");
        assert!(html.contains("<span class=\"expected\">- two <mark>words</mark></span>"), "{html}");
        assert!(html.contains("<span class=\"actual\">+ two <mark>swords</mark></span>"), "{html}");
    }

    #[test]
    fn every_relation_shows_what_was_expected_and_what_came() {
        for relation in Relation::ALL {
            let html = shown(relation, "wanted & <so>", "wanted & <so> or not");
            assert!(html.contains("wanted &amp; &lt;so&gt;"), "{relation:?}: {html}");
            assert!(html.contains("or not"), "{relation:?}: {html}");
        }
    }
}
