//! Parts of texts that are not ours: output of processes and the two sides of a comparison.
//!
//! Each line gets a bar before it, so that nothing a process wrote looks like a line of the report.
//! Of a long text the end is shown, with how much comes before it.

use greenroom_event::{Output, OutputSource};

use super::page::Page;
use crate::excerpt::{LINE, LONG_TAIL, extent, is_empty, last_lines, when};
use crate::style::Role;
use crate::words;

/// Lines of the output of a daemon that did not crash.
pub(super) const SHORT_TAIL: usize = 10;

/// Shows the end of an output: `stderr of daemon web (last 20 lines, 1.2 kB before):` and the
/// lines.
pub(super) fn output(page: &mut Page, indent: usize, output: &Output, tail: usize) {
    let source = output.source.to_string();
    let of = format!("{}{}", words::escape(&source), when(output));
    if is_empty(output) {
        page.line(indent, &format!("{of}: (empty)"));
        return;
    }
    // Of a response, a failure has only the beginning.
    let is_response = matches!(output.source, OutputSource::Response { .. });
    let tail = if is_response { tail.max(LONG_TAIL) } else { tail };
    let (shown, before) = last_lines(&output.text, tail);
    let before = output.omitted.saturating_add(before as u64);
    page.line(indent, &format!("{of}{}:", extent(shown.len(), before, tail)));
    lines(page, indent, &shown);
}

/// Shows lines behind a bar.
pub(super) fn lines<S: AsRef<str>>(page: &mut Page, indent: usize, lines: &[S]) {
    let bar = page.paint(Role::Dim, "│");
    for line in lines {
        let line = words::output_line(line.as_ref(), LINE);
        let blank = if line.is_empty() { "" } else { " " };
        page.line(indent + 2, &format!("{bar}{blank}{line}"));
    }
}
