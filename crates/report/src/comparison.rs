//! Expected and actual, in the form in which the difference is easiest to see.
//!
//! [`blocks`] decides what is shown of a comparison, from top to bottom. How it looks is the
//! business of each report.

use std::borrow::Cow;
use std::time::Duration;

use greenroom_event::{Closest, Comparison, Relation};
use similar::{ChangeTag, TextDiff};

use crate::excerpt::{self, LINE, last_lines};
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

/// A part of a comparison as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block<'a> {
    /// What the lines below it are.
    Title(String),
    /// The name of what is compared, above a diff, where the sides are named; empty if it is named elsewhere.
    Legend(String),
    /// A remark on the lines above or below it.
    Remark(String),
    /// Two lines, one under the other: expected and actual.
    Pair(Side, Side),
    /// A line of a diff.
    Line(DiffLine),
    /// Equal lines were left out; the next line has this number in the actual text.
    Gap(usize),
    /// Lines of a text that is not ours.
    Text(Vec<Cow<'a, str>>),
}

/// A line of a diff, with hidden characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiffLine {
    /// Which side has it.
    pub(crate) origin: LineOrigin,
    /// Its parts, and whether each differs from the other side.
    pub(crate) parts: Vec<(bool, String)>,
    /// Whether the line is empty.
    pub(crate) is_empty: bool,
    /// Whether more follows than is shown.
    pub(crate) is_cut: bool,
}

/// Which side of a comparison has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineOrigin {
    /// Both.
    Both,
    /// The expected text only.
    Expected,
    /// The actual text only.
    Actual,
}

/// One side of a one-line comparison: the text before the difference, the difference, and the text
/// after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) before: String,
    pub(crate) part: String,
    pub(crate) after: String,
}

/// Returns what to show of a comparison.
///
/// `named` says whether the text above names what is compared, `columns` how many columns a line of
/// either side may have, `tail` how many lines of a long text are shown.
pub(crate) fn blocks(comparison: &Comparison, named: bool, columns: usize, tail: usize) -> Vec<Block<'_>> {
    let what = words::escape(&comparison.what).into_owned();
    // Named in the line above, it need not be named again.
    let it = if named { String::new() } else { format!("{what} ") };
    let Comparison { expected, actual, .. } = comparison;
    let mut blocks = Vec::new();
    match comparison.relation {
        Relation::Is if one_line(expected) && one_line(actual) => {
            if !named {
                blocks.push(Block::Title(format!("{what}:")));
            }
            pair(&mut blocks, expected, actual, columns, comparison.part.after);
        }
        Relation::Is => diff(&mut blocks, if named { String::new() } else { what }, comparison),
        Relation::IsNot => {
            blocks.push(Block::Title(format!("expected {it}not to be:")));
            end_of_text(&mut blocks, actual, comparison.part.before, tail);
        }
        Relation::Contains => {
            missing(&mut blocks, format!("expected {it}to contain:"), comparison, columns, tail);
        }
        Relation::Matches => {
            missing(&mut blocks, format!("expected {it}to match the regex:"), comparison, columns, tail);
        }
        Relation::DoesNotContain => {
            blocks.push(Block::Title(format!("expected {it}not to contain:")));
            end_of_text(&mut blocks, expected, 0, tail);
            let place = actual.find(expected.as_str()).map(|at| (at, at + expected.len()));
            found(&mut blocks, comparison, place, tail);
        }
        Relation::DoesNotMatch => {
            blocks.push(Block::Title(format!("expected {it}not to match the regex:")));
            end_of_text(&mut blocks, expected, 0, tail);
            found(&mut blocks, comparison, None, tail);
        }
    }
    blocks
}

/// Returns whether the end of the actual text is shown.
pub(crate) fn shows_end(comparison: &Comparison, tail: usize) -> bool {
    let Comparison { actual, part, .. } = comparison;
    match comparison.relation {
        Relation::Contains | Relation::Matches => far_closest(comparison, tail).is_none(),
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

/// Adds two lines, one under the other, with hidden characters escaped.
///
/// Lines too long for the screen are cut around the difference.
fn pair(blocks: &mut Vec<Block<'_>>, expected: &str, actual: &str, columns: usize, after: u64) {
    let double = doubles_backslashes(expected, actual, words::is_hidden);
    let (mut old, mut new): (Vec<char>, Vec<char>) = (expected.chars().collect(), actual.chars().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let whole = old.len().max(new.len()) <= columns;
    let dots = blanks_at_end(&old) != blanks_at_end(&new);
    if dots {
        dot_blanks_at_end(&mut old);
        dot_blanks_at_end(&mut new);
    }
    let side = |chars: &[char]| Side::new(chars, start, end, whole, double, after);
    blocks.push(Block::Pair(side(&old), side(&new)));
    if dots {
        blocks.push(Block::Remark(TRAILING.to_owned()));
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

    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.part.is_empty() && self.after.is_empty()
    }
}

/// Adds the lines that differ, with a few around them.
fn diff(blocks: &mut Vec<Block<'_>>, what: String, comparison: &Comparison) {
    let Comparison { expected, actual, part: beyond, .. } = comparison;
    let (first, second) = comparison.sides();
    let lines_before = usize::try_from(beyond.lines_before).unwrap_or(usize::MAX);
    blocks.push(Block::Legend(what));
    if actual.is_empty() {
        blocks.push(Block::Remark(format!("({second} is empty)")));
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
            blocks.push(Block::Gap(line));
        }
        for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            if shown >= DIFF_LINES {
                left += usize::from(change.tag() != ChangeTag::Equal);
                continue;
            }
            shown += 1;
            let origin = match change.tag() {
                ChangeTag::Equal => LineOrigin::Both,
                ChangeTag::Delete => LineOrigin::Expected,
                ChangeTag::Insert => LineOrigin::Actual,
            };
            blocks.push(Block::Line(marks.line(origin, change.values())));
        }
    }
    let is_cut = old_cut || new_cut || beyond.after > 0;
    if left > 0 || is_cut {
        let more = if is_cut { "more".to_owned() } else { format!("{} more", words::count(left, "differing line")) };
        blocks.push(Block::Remark(format!("… {more} not shown")));
    }
    if marks.trailing_blanks {
        blocks.push(Block::Remark(TRAILING.to_owned()));
    }
    match (expected.ends_with('\n'), actual.ends_with('\n')) {
        _ if beyond.after > 0 => {}
        (true, false) if !actual.is_empty() => {
            blocks.push(Block::Remark(format!("({second} does not end with a newline)")));
        }
        (false, true) if !expected.is_empty() => {
            blocks.push(Block::Remark(format!("({second} ends with a newline, {first} does not)")));
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
    fn line(&mut self, origin: LineOrigin, values: &[(bool, &str)]) -> DiffLine {
        let whole: String = values.iter().map(|(_, text)| *text).collect();
        let whole = whole.strip_suffix('\n').unwrap_or(&whole);
        let kept = if origin == LineOrigin::Both { whole.len() } else { whole.trim_end_matches(' ').len() };
        self.trailing_blanks |= kept < whole.len();
        let mut parts = Vec::new();
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
            parts.push((*differs, piece));
        }
        DiffLine { origin, parts, is_empty: whole.is_empty(), is_cut: whole.len() > 4 * LINE }
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

/// Adds the end of a text that more bytes come before.
fn end_of_text<'a>(blocks: &mut Vec<Block<'a>>, text: &'a str, more_before: u64, tail: usize) {
    if text.is_empty() {
        blocks.push(Block::Remark("(empty)".to_owned()));
        return;
    }
    let (shown, before) = last_lines(text, tail);
    let before = more_before.saturating_add(before as u64);
    blocks.extend(excerpt::before(before, tail).map(Block::Remark));
    blocks.push(Block::Text(shown.into_iter().map(Cow::Borrowed).collect()));
}

/// Adds the expected text, and the actual text without it.
fn missing<'a>(blocks: &mut Vec<Block<'a>>, title: String, comparison: &'a Comparison, columns: usize, tail: usize) {
    let Comparison { expected, actual, part, .. } = comparison;
    blocks.push(Block::Title(title));
    end_of_text(blocks, expected, 0, tail);
    if actual.is_empty() {
        blocks.push(Block::Title("actual: (empty)".to_owned()));
        return;
    }
    if let Some(closest) = far_closest(comparison, tail) {
        blocks.push(Block::Title(format!("the closest text is in line {}:", closest.line)));
        let expected = expected.trim();
        if one_line(expected) {
            aligned(blocks, expected, closest, columns);
        }
        if !one_line(expected) || !closest.above.is_empty() || !closest.below.is_empty() {
            around(blocks, closest, tail);
        }
        return;
    }
    let (lines, before) = last_lines(actual, tail);
    let extent = excerpt::extent(lines.len(), before as u64 + part.before, tail);
    blocks.push(Block::Title(format!("actual{extent}:")));
    blocks.push(Block::Text(lines.into_iter().map(Cow::Borrowed).collect()));
}

/// Returns the closest text, unless the shown end of the actual text has it.
fn far_closest(comparison: &Comparison, tail: usize) -> Option<&Closest> {
    let Comparison { actual, part, .. } = comparison;
    let closest = comparison.closest.as_ref()?;
    let (lines, before) = last_lines(actual, tail);
    let first = part.lines_before + actual[..before].matches('\n').count() as u64 + 1;
    let shown = closest.line.checked_sub(first).and_then(|at| lines.get(usize::try_from(at).ok()?));
    shown.is_none_or(|line| line.chars().count() > LINE).then_some(closest)
}

/// Adds the expected text above the line that is most like it, aligned with the part that is.
///
/// The line is cut only if it is too long for the screen.
fn aligned(blocks: &mut Vec<Block<'_>>, expected: &str, closest: &Closest, columns: usize) {
    let is_wide = closest.whole_line().chars().count() > columns;
    pair(blocks, expected, &closest.text, columns, 0);
    let Some(Block::Pair(old, new)) = blocks.iter_mut().rev().find(|block| matches!(block, Block::Pair(..))) else {
        return;
    };
    let before = match closest.before.char_indices().rev().nth(LEAD - 1) {
        Some((at, _)) if at > 0 && is_wide => format!("…{}", words::escape(&closest.before[at..])),
        _ => words::escape(&closest.before).into_owned(),
    };
    let after = match closest.after.char_indices().nth(LEAD) {
        Some((at, _)) if is_wide => format!("{}…", words::escape(&closest.after[..at])),
        _ => words::escape(&closest.after).into_owned(),
    };
    if !before.is_empty() {
        old.before.insert_str(0, &" ".repeat(words::width(&before)));
        new.before.insert_str(0, &before);
    }
    new.after.push_str(&after);
}

/// Adds the line of the closest text and the lines around it, with their numbers.
fn around(blocks: &mut Vec<Block<'_>>, closest: &Closest, tail: usize) {
    let first = closest.line.saturating_sub(closest.above.len() as u64);
    let last = closest.line.saturating_add(closest.below.len() as u64);
    let which = if first == last { format!("line {last}") } else { format!("lines {first} to {last}") };
    blocks.push(Block::Title(format!("actual ({which}{}):", excerpt::advice(tail))));
    let digits = last.to_string().len();
    let whole = closest.whole_line();
    let lines = closest.above.iter().chain([&whole]).chain(&closest.below);
    let numbered = lines.zip(first..).map(|(line, number)| Cow::Owned(format!("{number:>digits$}  {line}")));
    blocks.push(Block::Text(numbered.collect()));
}

/// Adds the lines around unexpected text, or the end of the actual text if the place is not known.
fn found<'a>(blocks: &mut Vec<Block<'a>>, comparison: &'a Comparison, place: Option<(usize, usize)>, tail: usize) {
    let Comparison { actual, part, .. } = comparison;
    let Some((start, end)) = part.found.or(place) else {
        blocks.push(Block::Title("actual:".to_owned()));
        end_of_text(blocks, actual, part.before, tail);
        return;
    };
    // A regex may match in the middle of a character.
    let (start, end) = (actual.floor_char_boundary(start), actual.floor_char_boundary(end));
    let line = actual[..start].matches('\n').count();
    let first = line.saturating_sub(2);
    let mut around: Vec<Cow<'_, str>> = actual.lines().skip(first).take(5).map(Cow::Borrowed).collect();
    let is_whole = part.before == 0 && part.after == 0 && actual.lines().count() <= around.len();
    // A line too long to be shown as a whole is shown around what was found.
    let line_start = actual[..start].rfind('\n').map_or(0, |at| at + 1);
    if let Some(long) = around.get_mut(line - first).filter(|line| line.chars().count() > LINE) {
        *long = Cow::Owned(part_of_line(long, start - line_start, end - line_start));
    }
    if is_whole {
        blocks.push(Block::Title("actual:".to_owned()));
    } else {
        let number = |line: usize| part.lines_before + line as u64 + 1;
        let text = format!("actual (line {} has it; shown from line {}):", number(line), number(first));
        blocks.push(Block::Title(text));
    }
    blocks.push(Block::Text(around));
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
