//! A failure in one line, for reports that have no room for more: what is wrong, and why, as far as that is short.

use greenroom_event::{Failure, OutputSource, Relation, Stream};

use crate::words;

/// Said instead of a failure that has no message.
pub(crate) const NO_REASON: &str = "no reason was given";

/// Expected and actual texts up to this length are shown.
const SHORT: usize = 40;
/// Characters of a line of output that are shown.
const LINE: usize = 120;

/// Returns the first line of a failure, with expected and actual if both are short, or else with the reason.
pub(crate) fn in_short(failure: &Failure) -> String {
    let mut lines = failure.message.lines();
    let first = lines.next().unwrap_or(NO_REASON);
    // Such a line goes on in the next one.
    let (first, rest) = match first.strip_suffix(':') {
        Some(first) => (first, lines.map(str::trim).find(|line| !line.is_empty())),
        None => (first, None),
    };
    let side = |text: &str| if text.is_empty() { "(empty)".to_owned() } else { words::escape(text).into_owned() };
    let sides = failure.comparison.as_ref().filter(|of| of.relation == Relation::Is).map(|of| {
        let (expected, actual) = (&*of.expected, &*of.actual);
        // Nearly every output ends with a newline.
        (of.sides(), expected.strip_suffix('\n').zip(actual.strip_suffix('\n')).unwrap_or((expected, actual)))
    });
    match sides.map(|(names, (expected, actual))| (names, side(expected), side(actual))) {
        Some(((one, other), expected, actual)) if expected.len().max(actual.len()) <= SHORT => {
            format!("{first}: {one} {expected}, {other} {actual}")
        }
        _ if failure.comparison.is_some() => first.to_owned(),
        // What happened last says more than that something did not happen.
        _ => match rest.map(|line| words::escape(line).into_owned()).or_else(|| reason(failure)) {
            Some(reason) => format!("{first}: {reason}"),
            None => first.to_owned(),
        },
    }
}

/// Returns the first note of a failure, or else what was written last to stderr.
fn reason(failure: &Failure) -> Option<String> {
    let note = failure.notes.first().map(|note| words::escape(note).into_owned());
    note.or_else(|| {
        let errors = failure.output.iter().filter(|output| {
            matches!(
                output.source,
                OutputSource::Command { stream: Stream::Stderr } | OutputSource::Daemon { stream: Stream::Stderr, .. }
            )
        });
        errors.filter_map(|output| last_words(&output.text)).next_back().map(|line| words::output_line(line, LINE))
    })
}

/// Returns the last line of what a process wrote, or that of its last panic, without the backtrace.
fn last_words(text: &str) -> Option<&str> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let panic = lines.iter().rposition(|line| line.starts_with("thread '") && line.contains(" panicked at "));
    panic.and_then(|at| lines.get(at + 1)).or(lines.last()).copied()
}

#[cfg(test)]
mod tests {
    use greenroom_event::Output;

    use super::*;

    #[test]
    fn the_place_of_a_function_is_not_a_reason() {
        let failure = Failure::new("the daemon ended").returned_by("`start` (tests/shop.rs:7)");
        assert_eq!(in_short(&failure), "the daemon ended");
        let source = OutputSource::Command { stream: Stream::Stderr };
        let wrote = |text: &[u8]| failure.clone().output(Output::from_bytes(source.clone(), text, 0));
        assert_eq!(in_short(&wrote(b"starting\nno port\n\n")), "the daemon ended: no port");
        let panic = b"\nthread 'main' (4) panicked at src/main.rs:8:33:\nno port\nstack backtrace:\n   0: main\n";
        assert_eq!(in_short(&wrote(panic)), "the daemon ended: no port");
        assert_eq!(in_short(&failure.note("since noon")), "the daemon ended: since noon");
        let panic = Failure::new("the daemon ended").panicked_in("`start`", "tests/shop.rs:9:5");
        assert_eq!(in_short(&panic), "the daemon ended");
    }

    #[test]
    fn short_sides_of_a_comparison_are_shown_without_the_newline_that_both_have() {
        let of =
            |expected: &str, actual: &str| in_short(&Failure::comparison("stdout", Relation::Is, expected, actual));
        assert_eq!(of("open\n", "paid\n"), "stdout is not as expected: expected open, actual paid");
        assert_eq!(of("open", "open\n"), "stdout is not as expected: expected open, actual open\\n");
        let mut unordered = Failure::comparison("stdout", Relation::Is, "open", "paid");
        unordered.comparison.as_mut().unwrap().unordered = true;
        assert_eq!(in_short(&unordered), "stdout is not as expected: left open, right paid");
        assert_eq!(of("\n", ""), "stdout is not as expected: expected \\n, actual (empty)");
        assert_eq!(of("open", &"paid".repeat(20)), "stdout is not as expected");
    }

    #[test]
    fn a_message_that_goes_on_in_the_next_line_has_one_colon() {
        assert_eq!(in_short(&Failure::new("the shop is not open:\n\n  no door")), "the shop is not open: no door");
        assert_eq!(in_short(&Failure::new("the shop is not open:").note("no door")), "the shop is not open: no door");
        assert_eq!(in_short(&Failure::new("the shop is not open:")), "the shop is not open");
    }
}
