//! What processes wrote: lines with their times, as far as there is room.

use std::time::Duration;

use greenroom_event::{Mark, Output, raw_byte};
use maud::{Markup, PreEscaped, html};

use super::room::{MOST_LINES, MOST_OF_PROCESS};
use crate::excerpt;
use crate::page::text::{self, Screen};
use crate::words;

/// Characters of a line that are shown.
const MOST_OF_LINE: usize = 4000;

/// Returns what a command wrote, folded.
pub(super) fn folded(outputs: &[Output], has_room: bool) -> Markup {
    let written: Vec<&Output> = outputs.iter().filter(|output| !excerpt::is_empty(output)).collect();
    if written.is_empty() {
        return html! {};
    }
    let lines: usize = written.iter().map(|output| output.text.lines().count()).sum();
    let title = if written.iter().any(|output| output.omitted > 0) {
        "output".to_owned()
    } else {
        format!("output, {}", words::count(lines, "line"))
    };
    html! {
        details.output {
            summary { (title) }
            @for output in written { (block(output, has_room)) }
        }
    }
}

/// Returns an output under the name of who wrote it.
pub(super) fn block(output: &Output, has_room: bool) -> Markup {
    excerpt_of(output, has_room, MOST_LINES, "")
}

/// Returns the last lines of an output that is shown nowhere else.
pub(super) fn long_end(output: &Output, has_room: bool) -> Markup {
    excerpt_of(output, has_room, excerpt::LONG_TAIL, "")
}

/// Returns the last lines of an output of which more is shown below.
pub(super) fn end(output: &Output, has_room: bool) -> Markup {
    excerpt_of(output, has_room, excerpt::TAIL, "; more below")
}

fn excerpt_of(output: &Output, has_room: bool, most_lines: usize, more: &str) -> Markup {
    let source = output.source.to_string();
    let asked = excerpt::when(output);
    let label = format!("{}{asked}", words::escape(&source));
    if excerpt::is_empty(output) {
        return html! { p.output-name { (text::line(&source)) (asked) ": (empty)" } };
    }
    if !has_room {
        let size = words::size(output.omitted.saturating_add(output.text.len() as u64));
        return html! {
            p.output-name { (text::line(&source)) (asked) ": " (size) ", left out because the page is full" }
        };
    }
    let part = Tail::of(&output.text, most_lines);
    let before = output.omitted.saturating_add(bytes(&output.text[..part.start]));
    let extent = match before {
        0 => String::new(),
        before => {
            format!(" (last {}, {} before{more})", words::count(part.lines, "line"), words::size(before))
        }
    };
    html! {
        figure.output {
            figcaption { (text::line(&source)) (asked) (extent) }
            pre tabindex="0" role="group" aria-label=(label) {
                (lines(&output.text[part.start..], before, &output.marks))
            }
        }
    }
}

/// The part of a text that a page has room for: its end, from the start of a line on.
struct Tail {
    start: usize,
    lines: usize,
}

impl Tail {
    fn of(text: &str, most_lines: usize) -> Self {
        let earliest = text.ceil_char_boundary(text.len().saturating_sub(MOST_OF_PROCESS));
        let is_cut = earliest > 0 && !text[..earliest].ends_with('\n');
        // A line that does not fit is shown in part only if it is the only one.
        let whole = text[earliest..].find('\n').map(|at| earliest + at + 1).filter(|&at| is_cut && at < text.len());
        let earliest = whole.unwrap_or(earliest);
        let (shown, before) = excerpt::last_lines(&text[earliest..], most_lines);
        Self { start: earliest + before, lines: shown.len() }
    }
}

/// Returns lines, each with its time if that is known and differs from that of the line before.
///
/// `before` is how many bytes come before the text in the whole output.
fn lines(text: &str, before: u64, marks: &[Mark]) -> Markup {
    let mut screen = Screen::default();
    let mut html = String::with_capacity(text.len() + 64);
    let mut at = before;
    let mut last = None;
    for line in text.split_inclusive('\n') {
        if !marks.is_empty() {
            let time = time_of(at, marks);
            let shown = time.filter(|_| time != last).map_or_else(String::new, offset);
            last = time;
            html.push_str(&html! { span.t { (shown) } }.into_string());
        }
        at += bytes(line);
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        html.push_str(&screen.line(content, MOST_OF_LINE).into_string());
        html.push_str(end);
    }
    PreEscaped(html)
}

/// Returns when the byte at this place was seen.
fn time_of(place: u64, marks: &[Mark]) -> Option<Duration> {
    let first = marks.partition_point(|mark| mark.length <= place);
    marks.get(first).map(|mark| mark.at)
}

/// Returns a time since the start of the scenario for a column: `0.123 s`, `83.4 s`.
fn offset(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{}.{:03} s", time.as_secs(), time.subsec_millis()),
        60..3600 => format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100),
        _ => words::duration(time),
    }
}

/// Returns how many bytes a text had when it was written.
fn bytes(text: &str) -> u64 {
    text.chars().map(|c| if raw_byte(c).is_some() { 1 } else { c.len_utf8() as u64 }).sum()
}

#[cfg(test)]
mod tests {
    use greenroom_event::{OutputSource, Stream, text_of};

    use super::*;

    fn output(text: &str, omitted: u64, marks: &[(u64, u64)]) -> Output {
        let marks = marks.iter().map(|&(length, ms)| Mark { length, at: Duration::from_millis(ms) }).collect();
        let source = OutputSource::Daemon { name: "web".to_owned(), stream: Stream::Stderr };
        Output { source, text: text.to_owned(), omitted, after_stop: false, marks }
    }

    #[test]
    fn each_line_has_the_time_at_which_it_began_to_appear() {
        // The line with a byte outside of UTF-8 has 2 bytes, as it was written.
        let raw = text_of(b"b\nc\n\xff\ne\n");
        let html = block(&output(&raw, 2, &[(3, 10), (8, 20), (10, 40)]), true).into_string();
        let times = html.split("<span class=\"t\">").skip(1);
        let times: Vec<&str> = times.filter_map(|part| part.split('<').next()).collect();
        assert_eq!(times, ["0.010 s", "0.020 s", "", "0.040 s"], "{html}");
    }

    #[test]
    fn an_output_without_marks_has_no_column_of_times() {
        assert!(!block(&output("a\n", 0, &[]), true).into_string().contains("class=\"t\""));
    }

    #[test]
    fn the_end_of_a_long_output_is_shown_with_how_much_is_missing() {
        let text = (0..20_000).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n") + "\n";
        let html = block(&output(&text, 1000, &[]), true).into_string();
        assert!(html.contains("(last 2000 lines, 187.9 kB before)"), "{}", &html[..300]);
        assert!(html.contains(">line 18000\n") && html.contains("line 19999\n"));
        let one = "x".repeat(1_000_000);
        let html = block(&output(&one, 0, &[]), true).into_string();
        assert!(html.contains("(last 1 line, 934.5 kB before)"), "{}", &html[..300]);
        assert!(html.len() < 5000);
    }

    #[test]
    fn an_output_without_room_says_so() {
        let html = block(&output("a\n", 0, &[]), false).into_string();
        assert_eq!(
            html,
            "<p class=\"output-name\">stderr of daemon web: 2 bytes, left out because the page is full</p>"
        );
    }
}
