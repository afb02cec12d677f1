//! Parts of texts that are not ours: output of processes and the two sides of a comparison.
//!
//! Each line gets a bar before it, so that nothing a process wrote looks like a line of the report.
//! Of a long text the end is shown, with how much comes before it.

use greenroom_event::Output;

use super::page::Page;
use crate::style::Role;
use crate::words;

/// Lines of an output that are shown.
pub(super) const TAIL: usize = 20;
/// The same with `-v`.
pub(super) const LONG_TAIL: usize = 200;
/// The same for a daemon that did not crash.
pub(super) const SHORT_TAIL: usize = 10;
/// Characters of a line that are shown.
pub(super) const LINE: usize = 400;

/// Shows the end of an output: `stderr of daemon web (last 20 lines, 1.2 kB before):` and the
/// lines.
pub(super) fn output(page: &mut Page, indent: usize, output: &Output, tail: usize) {
    let source = output.source.to_string();
    let of = words::escape(&source);
    let of = if output.after_stop { format!("{of}, after it was asked to end") } else { of.into_owned() };
    if is_empty(output) {
        page.line(indent, &format!("{of}: (empty)"));
        return;
    }
    let (shown, before) = last_lines(&output.text, tail);
    let before = output.omitted.saturating_add(before as u64);
    page.line(indent, &format!("{of}{}:", extent(shown.len(), before, tail)));
    lines(page, indent, &shown);
}

/// Returns whether a process wrote nothing.
pub(super) fn is_empty(output: &Output) -> bool {
    output.text.is_empty() && output.omitted == 0
}

/// Shows the end of a text.
pub(super) fn text(page: &mut Page, text: &str, tail: usize) {
    end_of_text(page, text, 0, tail);
}

/// Shows the end of a text that more bytes come before.
pub(super) fn end_of_text(page: &mut Page, text: &str, more_before: u64, tail: usize) {
    if text.is_empty() {
        page.line(4, "(empty)");
        return;
    }
    let (shown, before) = last_lines(text, tail);
    let before = more_before.saturating_add(before as u64);
    if before > 0 {
        page.line(4, &format!("… {} before{}", words::size(before), advice(tail)));
    }
    lines(page, 2, &shown);
}

/// Returns which part of a text is shown: ` (last 20 lines, 1.2 kB before; -v shows more)`; empty
/// for all of it.
pub(super) fn extent(lines: usize, before: u64, tail: usize) -> String {
    if before == 0 {
        return String::new();
    }
    format!(" (last {}, {} before{})", words::count(lines, "line"), words::size(before), advice(tail))
}

/// Returns how to see more than the shown lines.
fn advice(tail: usize) -> &'static str {
    if tail < LONG_TAIL { "; -v shows more" } else { "" }
}

/// Returns the last lines of a text, and how many bytes come before them.
pub(super) fn last_lines(text: &str, most: usize) -> (Vec<&str>, usize) {
    let mut lines: Vec<&str> = text.rsplit_terminator('\n').take(most).collect();
    lines.reverse();
    let before = lines.first().map_or(0, |first| first.as_ptr() as usize - text.as_ptr() as usize);
    (lines, before)
}

/// Shows lines behind a bar.
pub(super) fn lines(page: &mut Page, indent: usize, lines: &[&str]) {
    let bar = page.paint(Role::Dim, "│");
    for line in lines {
        let line = words::output_line(line, LINE);
        let blank = if line.is_empty() { "" } else { " " };
        page.line(indent + 2, &format!("{bar}{blank}{line}"));
    }
}
