//! Which part of a long text is shown, and how much is missing.

use greenroom_event::Output;

use crate::words;

/// Lines of an output that are shown.
pub(crate) const TAIL: usize = 20;
/// The same where there is room: with `-v`, and on pages.
pub(crate) const LONG_TAIL: usize = 200;
/// Characters of a line that are shown.
pub(crate) const LINE: usize = 400;

/// Returns whether a process wrote nothing.
pub(crate) fn is_empty(output: &Output) -> bool {
    output.text.is_empty() && output.omitted == 0
}

/// Says that an output was written after greenroom asked the process to end, if it was.
pub(crate) fn when(output: &Output) -> &'static str {
    if output.after_stop { ", after it was asked to end" } else { "" }
}

/// Returns which part of a text is shown: ` (last 20 lines, 1.2 kB before; -v shows more)`; empty
/// for all of it.
pub(crate) fn extent(lines: usize, before: u64, tail: usize) -> String {
    if before == 0 {
        return String::new();
    }
    format!(" (last {}, {} before{})", words::count(lines, "line"), words::size(before), advice(tail))
}

/// Says how much comes before the lines that are shown, if anything does.
pub(crate) fn before(bytes: u64, tail: usize) -> Option<String> {
    (bytes > 0).then(|| format!("… {} before{}", words::size(bytes), advice(tail)))
}

/// Returns how to see more than the shown lines.
pub(crate) fn advice(tail: usize) -> &'static str {
    if tail < LONG_TAIL { "; -v shows more" } else { "" }
}

/// Returns the last lines of a text, and how many bytes come before them.
pub(crate) fn last_lines(text: &str, most: usize) -> (Vec<&str>, usize) {
    let mut lines: Vec<&str> = text.rsplit_terminator('\n').take(most).collect();
    lines.reverse();
    let before = lines.first().map_or(0, |first| first.as_ptr() as usize - text.as_ptr() as usize);
    (lines, before)
}
