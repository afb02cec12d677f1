//! Expected and actual on a terminal, with marks below the difference of two lines.

use greenroom_event::Comparison;

use super::excerpt;
use super::page::Page;
use crate::comparison::{self, Block, DiffLine, LineOrigin, Side};
use crate::style::Role;
use crate::words;

/// Shows both sides, below the message. `named` says whether the message names what is compared.
pub(super) fn comparison(page: &mut Page, comparison: &Comparison, named: bool, tail: usize) {
    let columns = page.style().width.saturating_sub(4 + "expected: ".len());
    let sides = comparison.sides();
    for block in comparison::blocks(comparison, named, columns, tail) {
        match block {
            Block::Title(title) => page.line(2, &title),
            Block::Legend(what) => legend(page, &what, sides),
            Block::Remark(remark) => page.line(4, &remark),
            Block::Pair(expected, actual) => pair(page, &expected, &actual, columns, sides),
            Block::Line(line) => diff_line(page, &line),
            Block::Gap(line) => {
                page.line(4, &page.paint(Role::Dim, &format!("… from line {line} of {}:", sides.1)));
            }
            Block::Text(lines) => excerpt::lines(page, 2, &lines),
        }
    }
}

fn legend(page: &mut Page, what: &str, (old, new): (&str, &str)) {
    let (old, new) = (format!("- {old}"), format!("+ {new}"));
    let legend = format!("({}, {}):", page.paint(Role::Expected, &old), page.paint(Role::Actual, &new));
    page.line(2, &if what.is_empty() { legend } else { format!("{what} {legend}") });
}

/// Shows two lines with marks below the difference. Marks that do not fit are left out.
fn pair(page: &mut Page, old: &Side, new: &Side, columns: usize, (first, second): (&str, &str)) {
    let indent = first.len().max(second.len()) + ": ".len();
    let label = |name: &str| format!("{:indent$}", format!("{name}:"));
    page.line(4, &format!("{}{}", label(first), side(page, old, Role::Expected, Role::ExpectedPart)));
    page.line(4, &format!("{}{}", label(second), side(page, new, Role::Actual, Role::ActualPart)));
    let blanks = words::width(&new.before);
    let marks = words::width(&old.part).max(words::width(&new.part));
    if marks > 0 && blanks + marks <= columns && !old.is_empty() && !new.is_empty() {
        page.line(4, &format!("{}{}", " ".repeat(blanks + indent), "^".repeat(marks)));
    }
}

fn side(page: &Page, side: &Side, role: Role, part: Role) -> String {
    if side.is_empty() {
        return page.paint(role, "(empty)");
    }
    let parts = [(role, &side.before), (part, &side.part), (role, &side.after)];
    parts.into_iter().map(|(role, text)| page.paint(role, text)).collect()
}

fn diff_line(page: &mut Page, line: &DiffLine) {
    let (sign, role, part) = match line.origin {
        LineOrigin::Both => (" ", Role::Dim, Role::Dim),
        LineOrigin::Expected => ("-", Role::Expected, Role::ExpectedPart),
        LineOrigin::Actual => ("+", Role::Actual, Role::ActualPart),
    };
    let mut shown = String::from(if line.is_empty { "" } else { " " });
    for (differs, text) in &line.parts {
        shown.push_str(&page.paint(if *differs { part } else { role }, text));
    }
    shown.push_str(if line.is_cut { "… (cut)" } else { "" });
    page.line(4, &format!("{}{shown}", page.paint(role, sign)));
}
