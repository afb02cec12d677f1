//! Excerpts of foreign text: how much of an output is shown, and the bar before it.

use super::page::Page;
use crate::style::Role;
use crate::words;

/// Lines of an output that are shown with `-v`.
pub(super) const LONG_TAIL: usize = 200;
/// Characters of an output line that are shown.
pub(super) const LINE: usize = 400;

/// Returns a hint at `-v`, unless as many lines are shown as with it.
pub(super) fn more(tail: usize) -> &'static str {
    if tail < LONG_TAIL { "; -v shows more" } else { "" }
}

/// Returns the last lines of a text, and the number of bytes before them.
pub(super) fn last_lines(text: &str, most: usize) -> (Vec<&str>, usize) {
    let mut lines: Vec<&str> = text.rsplit_terminator('\n').take(most).collect();
    lines.reverse();
    let before = lines.first().map_or(0, |first| first.as_ptr() as usize - text.as_ptr() as usize);
    (lines, before)
}

/// Writes lines of foreign text behind a bar, which distinguishes them from ours.
pub(super) fn boxed(page: &mut Page, indent: usize, lines: &[&str]) {
    let bar = page.paint(Role::Dim, "│");
    for line in lines {
        let line = words::output_line(line, LINE);
        let blank = if line.is_empty() { "" } else { " " };
        page.line(indent + 2, &format!("{bar}{blank}{line}"));
    }
}
