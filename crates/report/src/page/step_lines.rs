//! The lines of scenarios, with the steps in them: read once for the layout, and once for the page.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use greenroom_event::{StepList, StepMarkup, TextPart};

/// A line of a fenced block, as it stands in the document.
#[derive(Debug)]
pub(crate) struct WrittenLine<'a> {
    number: u32,
    /// Without what Markdown puts before it.
    text: &'a str,
}

/// A line of a scenario.
#[derive(Debug)]
pub(crate) struct StepLine<'a> {
    /// As written, unless it is a step.
    written: &'a str,
    /// The step. `None` for a line that is not a step, or one that nothing matches.
    pub(crate) step: Option<Cow<'a, StepMarkup>>,
}

impl StepLine<'_> {
    /// Returns its text.
    pub(crate) fn text(&self) -> &str {
        self.step.as_ref().map_or(self.written, |step| &step.text)
    }
}

/// Finds the steps in lines. Empty lines are left out.
pub(crate) fn step_lines<'a>(written: Vec<WrittenLine<'a>>, finder: &mut StepFinder<'a>) -> Vec<StepLine<'a>> {
    let lines = written.into_iter().map(|line| StepLine { written: line.text, step: finder.find(line.number) });
    lines.filter(|line| !line.text().is_empty()).collect()
}

/// Counts lines of a part up to places in it, which mostly come in order.
#[derive(Debug)]
pub(crate) struct LineNumbers<'a> {
    text: &'a str,
    /// The line that the part begins in.
    first: u32,
    /// A place, and the number of its line.
    last: (usize, u32),
}

impl<'a> LineNumbers<'a> {
    pub(crate) fn of(part: &'a TextPart) -> Self {
        let first = part.location.line;
        Self { text: &part.text, first, last: (0, first) }
    }

    /// Returns the line number of a place.
    pub(crate) fn at(&mut self, place: usize) -> u32 {
        if place < self.last.0 {
            self.last = (0, self.first);
        }
        let (from, number) = self.last;
        let lines = self.text[from..place].matches('\n').count();
        self.last = (place, number.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX)));
        self.last.1
    }

    /// Adds the lines of a piece of text, except for one that is there already.
    pub(crate) fn add(&mut self, lines: &mut Vec<WrittenLine<'a>>, range: Range<usize>) {
        let mut number = self.at(range.start);
        let mut start = self.text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        loop {
            let line = self.text[start..].lines().next().unwrap_or_default();
            let text = line.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '>').trim_end();
            if lines.last().is_none_or(|last| last.number != number) {
                lines.push(WrittenLine { number, text });
            }
            match self.text[start..].find('\n').map(|at| start + at + 1) {
                Some(next) if next < range.end => (start, number) = (next, number.saturating_add(1)),
                _ => return,
            }
        }
    }
}

/// Finds the steps of a document by their lines.
#[derive(Debug)]
pub(crate) struct StepFinder<'a> {
    steps: &'a StepList,
    way: Way,
}

/// How steps are found.
#[derive(Debug)]
enum Way {
    /// They are in the order of lines: the next one, and where the steps of each file are.
    InOrder { next: usize, end: usize, files: Vec<(Arc<str>, Range<usize>)> },
    /// In a damaged recording they may be in any order: the steps of each file by line.
    ByLine { file: Arc<str>, files: HashMap<Arc<str>, HashMap<u32, usize>> },
}

impl<'a> StepFinder<'a> {
    pub(crate) fn new(steps: &'a StepList) -> Self {
        let mut files: Vec<(Arc<str>, Range<usize>)> = Vec::new();
        let (mut last, mut is_in_order) = (0, true);
        for at in 0..steps.len() {
            let Some(location) = steps.location(at) else { continue };
            match files.last_mut() {
                Some((file, range)) if *file == location.file => {
                    is_in_order &= location.line > last;
                    range.end = at + 1;
                }
                _ => {
                    is_in_order &= files.iter().all(|(file, _)| *file != location.file);
                    files.push((location.file, at..at + 1));
                }
            }
            last = location.line;
            if !is_in_order {
                return Self { steps, way: by_line(steps) };
            }
        }
        Self { steps, way: Way::InOrder { next: 0, end: 0, files } }
    }

    /// Begins a file.
    pub(crate) fn begin(&mut self, name: &str) {
        match &mut self.way {
            Way::InOrder { next, end, files } => {
                let own = files.iter().find(|(file, _)| **file == *name);
                let own = own.map_or(0..0, |(_, range)| range.clone());
                (*next, *end) = (own.start, own.end);
            }
            Way::ByLine { file, .. } => *file = name.into(),
        }
    }

    /// Returns the step in a line of the file. Lines come in order.
    fn find(&mut self, line: u32) -> Option<Cow<'a, StepMarkup>> {
        match &mut self.way {
            Way::InOrder { next, end, .. } => {
                while *next < *end {
                    let at = self.steps.location(*next)?.line;
                    if at > line {
                        break;
                    }
                    *next += 1;
                    if at == line {
                        return self.steps.get(*next - 1);
                    }
                }
                None
            }
            Way::ByLine { file, files } => self.steps.get(*files.get(file)?.get(&line)?),
        }
    }
}

fn by_line(steps: &StepList) -> Way {
    let mut files: HashMap<Arc<str>, HashMap<u32, usize>> = HashMap::new();
    for at in 0..steps.len() {
        if let Some(location) = steps.location(at) {
            files.entry(location.file).or_default().insert(location.line, at);
        }
    }
    Way::ByLine { file: "".into(), files }
}

#[cfg(test)]
mod tests {
    use greenroom_event::{Location, StepKind};

    use super::*;

    fn step(file: &str, line: u32) -> StepMarkup {
        StepMarkup {
            location: Location { file: file.into(), line },
            text: format!("given {line}"),
            kind: StepKind::Given,
            captures: Vec::new(),
        }
    }

    #[test]
    fn steps_are_found_in_any_order() {
        for places in [[("a", 2), ("a", 3), ("b", 1)], [("a", 3), ("a", 2), ("b", 1)], [("a", 2), ("b", 1), ("a", 3)]] {
            let steps = places.map(|(file, line)| step(file, line)).to_vec().into();
            let mut finder = StepFinder::new(&steps);
            let mut of = |file: &str| {
                finder.begin(file);
                (1..5)
                    .filter(|&line| finder.find(line).is_some_and(|step| step.location.line == line))
                    .collect::<Vec<_>>()
            };
            assert_eq!([of("b"), of("a"), of("c"), of("a")], [vec![1], vec![2, 3], vec![], vec![2, 3]]);
        }
    }

    #[test]
    fn lines_lose_what_markdown_puts_before_them() {
        let text = "intro\n> ~~~scenario\n> given a\n>\n>   and b  \n> ~~~\n";
        let part = TextPart { location: Location { file: "a".into(), line: 10 }, text: text.into() };
        let mut numbers = LineNumbers::of(&part);
        let mut lines = Vec::new();
        let start = text.find("given").unwrap();
        numbers.add(&mut lines, start..start + 8);
        let and = text.find("and").unwrap();
        numbers.add(&mut lines, and - 2..and + 8);
        let found: Vec<_> = lines.iter().map(|line| (line.number, line.text)).collect();
        assert_eq!(found, [(12, "given a"), (14, "and b")]);
        assert_eq!(numbers.at(0), 10);
    }
}
