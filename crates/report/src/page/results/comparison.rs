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
    let sides = of.sides();
    // Lines of a diff share a block, which scrolls as a whole.
    let groups = blocks.chunk_by(|one, other| is_diff(one) && is_diff(other));
    html! {
        div.comparison {
            @for group in groups {
                @if is_diff(&group[0]) { (diff(group, sides)) } @else { (block(&group[0], sides)) }
            }
        }
    }
}

fn is_diff(block: &Block<'_>) -> bool {
    matches!(block, Block::Line(_) | Block::Gap(_))
}

/// Shows a block. `sides` are the names of both sides.
fn block(block: &Block<'_>, sides: (&str, &str)) -> Markup {
    match block {
        Block::Title(title) => html! { p.what { (text::line(title)) } },
        Block::Legend(what) => html! {
            p.what {
                @if !what.is_empty() { (text::line(what)) " " }
                "(" span.expected { "- " (sides.0) } ", " span.actual { "+ " (sides.1) } "):"
            }
        },
        Block::Remark(remark) => html! { p.remark { (text::line(remark)) } },
        Block::Pair(expected, actual) => html! {
            pre.pair tabindex="0" role="group" aria-label=(format!("{} and {}", sides.0, sides.1)) {
                span.expected { (label(sides.0, sides)) (side(expected)) } "\n"
                span.actual { (label(sides.1, sides)) (side(actual)) } "\n"
            }
        },
        Block::Text(lines) => excerpt(lines),
        Block::Line(_) | Block::Gap(_) => diff(std::slice::from_ref(block), sides),
    }
}

/// Returns the name of a side in front of its text, as wide as that of the other.
fn label(name: &str, (first, second): (&str, &str)) -> String {
    format!("{:width$}", format!("{name}:"), width = first.len().max(second.len()) + ": ".len())
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

fn diff(lines: &[Block<'_>], sides: (&str, &str)) -> Markup {
    html! {
        pre.diff tabindex="0" role="group" aria-label="Difference" {
            @for line in lines {
                @match line {
                    Block::Line(line) => (diff_line(line)),
                    Block::Gap(number) => { span.gap { "… from line " (number) " of " (sides.1) ":" } "\n" }
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
             <pre class=\"pair\" tabindex=\"0\" role=\"group\" aria-label=\"expected and actual\">\
             <span class=\"expected\">expected: a &lt;<mark>b</mark>&gt; c\\n</span>\n\
             <span class=\"actual\">actual:   a &lt;<mark>i</mark>&gt; c\\n</span>\n</pre></div>"
        );
    }

    #[test]
    fn sides_of_which_either_may_be_expected_are_left_and_right() {
        let shown = |left: &str, right: &str| {
            let mut failure = Failure::comparison("a == b", Relation::Is, left, right);
            failure.comparison.as_mut().unwrap().unordered = true;
            comparison(&failure.comparison.unwrap(), true).into_string()
        };
        let pair = shown("one", "two");
        assert!(pair.contains("<span class=\"expected\">left:  <mark>one</mark></span>"), "{pair}");
        assert!(pair.contains("<span class=\"actual\">right: <mark>two</mark></span>"), "{pair}");
        let diff = shown("a\nb\nc\nd\ne", "a\nb\nc\nd\nf\n");
        assert!(diff.contains("- left</span>, <span class=\"actual\">+ right</span>):"), "{diff}");
        assert!(diff.contains("of right:") && diff.contains("(right ends with a newline, left does not)"), "{diff}");
        assert!(!format!("{pair}{diff}").contains("actual:"), "{pair}{diff}");
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
