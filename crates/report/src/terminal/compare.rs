//! Shows expected and actual, in the form in which the difference is easiest to see.

use std::time::Duration;

use greenroom_event::{Comparison, Relation};
use similar::{ChangeTag, TextDiff};

use super::excerpt::{self, LINE, last_lines};
use super::page::Page;
use crate::style::Role;
use crate::words;

/// Differing lines that are shown.
const DIFF_LINES: usize = 60;
/// Lines of each side that are compared, from the first difference on. More would be too many to
/// read.
const COMPARED: usize = 2000;
/// A diff that takes longer is finished coarsely.
const PATIENCE: Duration = Duration::from_millis(200);
/// Characters before and after the difference in lines too long for the screen.
const LEAD: usize = 30;

/// The legend of trailing spaces, which are invisible otherwise.
const TRAILING: &str = "(· is a trailing space)";

/// Shows both sides, below the message. `named` says whether the message names what is compared.
pub(super) fn comparison(page: &mut Page, comparison: &Comparison, named: bool, tail: usize) {
    let what = words::escape(&comparison.what).into_owned();
    // Named in the line above, it need not be named again.
    let it = if named { String::new() } else { format!("{what} ") };
    let Comparison { expected, actual, .. } = comparison;
    match comparison.relation {
        Relation::Is if one_line(expected) && one_line(actual) => {
            if !named {
                page.line(2, &format!("{what}:"));
            }
            aligned(page, expected, actual, comparison.part.after);
        }
        Relation::Is => diff(page, if named { "" } else { &what }, comparison),
        Relation::IsNot => {
            page.line(2, &format!("expected {it}not to be:"));
            excerpt::end_of_text(page, actual, comparison.part.before, tail);
        }
        Relation::Contains => missing(page, &format!("expected {it}to contain:"), comparison, tail),
        Relation::Matches => missing(page, &format!("expected {it}to match the regex:"), comparison, tail),
        Relation::DoesNotContain => {
            page.line(2, &format!("expected {it}not to contain:"));
            excerpt::text(page, expected, tail);
            let place = actual.find(expected.as_str()).map(|at| (at, at + expected.len()));
            found(page, comparison, place, tail);
        }
        Relation::DoesNotMatch => {
            page.line(2, &format!("expected {it}not to match the regex:"));
            excerpt::text(page, expected, tail);
            found(page, comparison, None, tail);
        }
    }
}

/// Returns whether the end of the actual text is shown.
pub(super) fn shows_end(comparison: &Comparison) -> bool {
    let Comparison { actual, part, .. } = comparison;
    match comparison.relation {
        Relation::Contains | Relation::Matches => true,
        _ => part.before == 0 && part.after == 0 && actual.lines().count() <= 1,
    }
}

fn one_line(text: &str) -> bool {
    text.strip_suffix('\n').unwrap_or(text).chars().all(|c| c != '\n')
}

/// Returns whether backslashes are doubled: only where one could be read as the escape of a
/// `hidden` character.
fn doubles_backslashes(expected: &str, actual: &str, hidden: impl Fn(char) -> bool) -> bool {
    [expected, actual].iter().any(|text| text.contains('\\'))
        && [expected, actual].iter().any(|text| text.contains(&hidden))
}

/// Shows two lines, one under the other, with hidden characters escaped and marks below the
/// difference.
///
/// Lines too long for the screen are cut around the difference. Marks that do not fit are left out.
fn aligned(page: &mut Page, expected: &str, actual: &str, after: u64) {
    let double = doubles_backslashes(expected, actual, words::is_hidden);
    let (mut old, mut new): (Vec<char>, Vec<char>) = (expected.chars().collect(), actual.chars().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let room = page.style().width.saturating_sub(4 + "expected: ".len());
    let whole = old.len().max(new.len()) <= room;
    let dots = blanks_at_end(&old) != blanks_at_end(&new);
    if dots {
        dot_blanks_at_end(&mut old);
        dot_blanks_at_end(&mut new);
    }
    let side = |chars: &[char]| Side::new(chars, start, end, whole, double, after);
    let (old, new) = (side(&old), side(&new));
    page.line(4, &format!("expected: {}", old.shown(page, Role::Expected, Role::ExpectedPart)));
    page.line(4, &format!("actual:   {}", new.shown(page, Role::Actual, Role::ActualPart)));
    let blanks = words::width(&new.before);
    let marks = words::width(&old.part).max(words::width(&new.part));
    if marks > 0 && blanks + marks <= room && !expected.is_empty() && !actual.is_empty() {
        page.line(4, &format!("{}{}", " ".repeat(blanks + "expected: ".len()), "^".repeat(marks)));
    }
    if dots {
        page.line(4, TRAILING);
    }
}

/// Returns how many spaces are at the end of a line.
fn blanks_at_end(line: &[char]) -> usize {
    let line = line.strip_suffix(&['\n']).unwrap_or(line);
    line.iter().rev().take_while(|c| **c == ' ').count()
}

fn dot_blanks_at_end(line: &mut [char]) {
    let end = line.strip_suffix(&['\n']).unwrap_or(line).len();
    let blanks = blanks_at_end(line);
    line[end - blanks..end].fill('·');
}

/// One side of a one-line comparison: the text before the difference, the difference, and the text
/// after it.
struct Side {
    before: String,
    part: String,
    after: String,
}

impl Side {
    fn new(chars: &[char], start: usize, end: usize, whole: bool, double: bool, beyond: u64) -> Self {
        let text = |chars: &[char]| {
            let text: String = chars.iter().collect();
            if double { text.replace('\\', r"\\") } else { text }
        };
        let show = |chars: &[char]| words::escape(&text(chars)).into_owned();
        let show_part = |chars: &[char]| words::escape_difference(&text(chars)).into_owned();
        let (before, rest) = chars.split_at(start);
        let (part, after) = rest.split_at(rest.len() - end);
        let before = match before.len().checked_sub(LEAD) {
            Some(more) if more > 1 && !whole => format!("…{}", show(&before[more..])),
            _ => show(before),
        };
        let part = if part.len() > LINE {
            let more = match beyond {
                0 => words::count(part.len() - LINE, "character"),
                // One of the texts is longer than what is here of it.
                beyond => words::size(beyond.saturating_add((part.len() - LINE) as u64)),
            };
            format!("{}… ({more} more)", show_part(&part[..LINE]))
        } else {
            show_part(part)
        };
        let after = if after.len() > LEAD && !whole { format!("{}…", show(&after[..LEAD])) } else { show(after) };
        Self { before, part, after }
    }

    fn shown(&self, page: &Page, role: Role, part: Role) -> String {
        let parts = [(role, &self.before), (part, &self.part), (role, &self.after)];
        let shown: String = parts.into_iter().map(|(role, text)| page.paint(role, text)).collect();
        if shown.is_empty() { page.paint(role, "(empty)") } else { shown }
    }
}

/// Shows the lines that differ, with a few around them.
fn diff(page: &mut Page, what: &str, comparison: &Comparison) {
    let Comparison { expected, actual, part: beyond, .. } = comparison;
    let lines_before = usize::try_from(beyond.lines_before).unwrap_or(usize::MAX);
    let legend = format!("({}, {}):", page.paint(Role::Expected, "- expected"), page.paint(Role::Actual, "+ actual"));
    let legend = if what.is_empty() { legend } else { format!("{what} {legend}") };
    page.line(2, &legend);
    if actual.is_empty() {
        page.line(4, "(actual is empty)");
    }
    let skip = same_lines(expected, actual);
    let (old, old_cut) = part(expected, skip);
    let (new, new_cut) = part(actual, skip);
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let double = doubles_backslashes(old, new, |c| c != '\n' && words::is_hidden(c));
    let mut marks = Marks { double, trailing_blanks: false };
    let mut shown = 0;
    let mut left = 0;
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if let Some(first) = group.first()
            && shown < DIFF_LINES
            && (index > 0 || lines_before + skip + first.new_range().start > 0)
        {
            let line = lines_before + skip + first.new_range().start + 1;
            page.line(4, &page.paint(Role::Dim, &format!("… from line {line} of actual:")));
        }
        for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            if shown >= DIFF_LINES {
                left += usize::from(change.tag() != ChangeTag::Equal);
                continue;
            }
            shown += 1;
            let (sign, role, part) = match change.tag() {
                ChangeTag::Equal => (" ", Role::Dim, Role::Dim),
                ChangeTag::Delete => ("-", Role::Expected, Role::ExpectedPart),
                ChangeTag::Insert => ("+", Role::Actual, Role::ActualPart),
            };
            let line = marks.line(page, change.tag(), change.values(), role, part);
            page.line(4, &format!("{}{line}", page.paint(role, sign)));
        }
    }
    let is_cut = old_cut || new_cut || beyond.after > 0;
    if left > 0 || is_cut {
        let more = if is_cut { "more".to_owned() } else { format!("{} more", words::count(left, "differing line")) };
        page.line(4, &format!("… {more} not shown"));
    }
    if marks.trailing_blanks {
        page.line(4, TRAILING);
    }
    match (expected.ends_with('\n'), actual.ends_with('\n')) {
        _ if beyond.after > 0 => {}
        (true, false) if !actual.is_empty() => {
            page.line(4, "(actual does not end with a newline)");
        }
        (false, true) if !expected.is_empty() => {
            page.line(4, "(actual ends with a newline, expected does not)");
        }
        _ => {}
    }
}

/// The marks in the lines of a diff.
struct Marks {
    double: bool,
    trailing_blanks: bool,
}

impl Marks {
    fn line(&mut self, page: &Page, tag: ChangeTag, values: &[(bool, &str)], role: Role, part: Role) -> String {
        let whole: String = values.iter().map(|(_, text)| *text).collect();
        let whole = whole.strip_suffix('\n').unwrap_or(&whole);
        let kept = if tag == ChangeTag::Equal { whole.len() } else { whole.trim_end_matches(' ').len() };
        self.trailing_blanks |= kept < whole.len();
        let mut line = String::from(if whole.is_empty() { "" } else { " " });
        let mut at = 0;
        for (differs, text) in values {
            let mut piece = String::new();
            for (offset, c) in text.char_indices() {
                let offset = at + offset;
                if offset >= whole.len() || offset > 4 * LINE {
                    break;
                }
                match c {
                    ' ' if offset >= kept => piece.push('·'),
                    '\\' if self.double => piece.push_str(r"\\"),
                    c if *differs => piece.push_str(&words::escape_difference(c.encode_utf8(&mut [0; 4]))),
                    c => piece.push_str(&words::escape(c.encode_utf8(&mut [0; 4]))),
                }
            }
            at += text.len();
            line.push_str(&page.paint(if *differs { part } else { role }, &piece));
        }
        if whole.len() > 4 * LINE {
            line.push_str("… (cut)");
        }
        line
    }
}

/// Returns how many lines at the start of both texts are equal, less a few for context; 0 unless
/// there are many.
fn same_lines(one: &str, other: &str) -> usize {
    let same = one.lines().zip(other.lines()).take_while(|(a, b)| a == b).count();
    if same > COMPARED / 2 { same - 3 } else { 0 }
}

/// Returns a limited number of lines after the skipped ones, and whether there are more.
fn part(text: &str, skip: usize) -> (&str, bool) {
    let start = text.split_inclusive('\n').take(skip).map(str::len).sum::<usize>();
    let length = text[start..].split_inclusive('\n').take(COMPARED).map(str::len).sum::<usize>();
    (&text[start..start + length], start + length < text.len())
}

/// Shows the expected text, and the actual text without it.
fn missing(page: &mut Page, title: &str, comparison: &Comparison, tail: usize) {
    let Comparison { expected, actual, part, .. } = comparison;
    page.line(2, title);
    excerpt::text(page, expected, tail);
    if actual.is_empty() {
        page.line(2, "actual: (empty)");
        return;
    }
    let (lines, before) = last_lines(actual, tail);
    if let Some(closest) = &comparison.closest {
        let first = part.lines_before + actual[..before].matches('\n').count() as u64 + 1;
        let shown = closest.line.checked_sub(first).and_then(|at| lines.get(usize::try_from(at).ok()?));
        if shown.is_none_or(|line| line.chars().count() > LINE) {
            page.line(2, &format!("the closest text is in line {}:", closest.line));
            match expected.trim() {
                expected if one_line(expected) => aligned(page, expected, &closest.text, 0),
                _ => excerpt::text(page, &closest.text, tail),
            }
        }
    }
    let extent = excerpt::extent(lines.len(), before as u64 + part.before, tail);
    page.line(2, &format!("actual{extent}:"));
    excerpt::lines(page, 2, &lines);
}

/// Shows the lines around unexpected text, or the end of the actual text if the place is not known.
fn found(page: &mut Page, comparison: &Comparison, place: Option<(usize, usize)>, tail: usize) {
    let Comparison { actual, part, .. } = comparison;
    let Some((start, end)) = part.found.or(place) else {
        page.line(2, "actual:");
        excerpt::end_of_text(page, actual, part.before, tail);
        return;
    };
    // A regex may match in the middle of a character.
    let (start, end) = (actual.floor_char_boundary(start), actual.floor_char_boundary(end));
    let line = actual[..start].matches('\n').count();
    let first = line.saturating_sub(2);
    let mut around: Vec<String> = actual.lines().skip(first).take(5).map(str::to_owned).collect();
    let is_whole = part.before == 0 && part.after == 0 && actual.lines().count() <= around.len();
    // A line too long to be shown as a whole is shown around what was found.
    let line_start = actual[..start].rfind('\n').map_or(0, |at| at + 1);
    if let Some(long) = around.get_mut(line - first).filter(|line| line.chars().count() > LINE) {
        *long = part_of_line(long, start - line_start, end - line_start);
    }
    if is_whole {
        page.line(2, "actual:");
    } else {
        let number = |line: usize| part.lines_before + line as u64 + 1;
        page.line(2, &format!("actual (line {} has it; shown from line {}):", number(line), number(first)));
    }
    let around: Vec<&str> = around.iter().map(String::as_str).collect();
    excerpt::lines(page, 2, &around);
}

/// Returns a part of a line with a little of the text around it.
fn part_of_line(line: &str, start: usize, end: usize) -> String {
    let (start, end) = (start.min(line.len()), end.min(line.len()));
    let back = |at: usize, count: usize| line[..at].char_indices().rev().nth(count).map_or(0, |(at, _)| at);
    let ahead =
        |at: usize, count: usize| line[at..].char_indices().nth(count).map_or(line.len(), |(more, _)| at + more);
    let from = back(start, LEAD);
    let to = ahead(end.min(ahead(start, LINE / 2)), LEAD);
    let dots = |cut: bool| if cut { "…" } else { "" };
    format!("{}{}{}", dots(from > 0), &line[from..to], dots(to < line.len()))
}
