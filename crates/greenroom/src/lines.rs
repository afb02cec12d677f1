//! From the lines that users name to the scenarios at them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use greenroom_doc::{Loaded, PlannedDocument, SourceId};
use greenroom_report::words;

use crate::sections::{self, Section};
use crate::targets::{Part, Target};

/// How many scenarios an error lists: those nearest to the line.
const LISTED: usize = 20;

/// Returns the scenarios that these targets name, as indices into the plan, or what is wrong with
/// the lines at which there is none.
pub(crate) fn scenarios(loaded: &Loaded, targets: &[Target]) -> Result<Vec<usize>, Vec<String>> {
    let scenarios = &loaded.plan.scenarios;
    let parts: BTreeMap<&str, &Vec<Part>> =
        targets.iter().filter_map(|target| Some((target.path.as_str(), target.parts.as_ref()?))).collect();
    if parts.is_empty() {
        return Ok((0..scenarios.len()).collect());
    }
    let sections = sections::of_scenarios(loaded);
    let mut named = Vec::new();
    let mut mistakes = Vec::new();
    let mut from = 0;
    for (index, document) in loaded.plan.documents.iter().enumerate() {
        let length = scenarios[from..].iter().take_while(|scenario| scenario.document == index).count();
        let scope = Scope { loaded, document, sections: &sections, from, length };
        match parts.get(document.path.as_str()) {
            None => named.extend(from..from + length),
            Some(parts) => match scope.scenarios(parts) {
                Ok(found) => named.extend(found),
                Err(mistake) => mistakes.push(mistake),
            },
        }
        from += length;
    }
    named.sort_unstable();
    named.dedup();
    if mistakes.is_empty() { Ok(named) } else { Err(mistakes) }
}

/// A document and its scenarios: `length` of them, from `from` in the plan.
struct Scope<'a> {
    loaded: &'a Loaded,
    document: &'a PlannedDocument,
    sections: &'a [Section<'a>],
    from: usize,
    length: usize,
}

impl Scope<'_> {
    /// Returns the scenarios of all these parts, or what is wrong with some, followed by a list of
    /// scenarios.
    fn scenarios(&self, parts: &[Part]) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        let mut problems = Vec::new();
        let mut lines = Vec::new();
        for part in parts {
            match self.part(part) {
                Ok(scenarios) => found.extend(scenarios),
                Err(problem) => {
                    problems.push(problem);
                    lines.push(part.line.unwrap_or(0));
                }
            }
        }
        if problems.is_empty() { Ok(found) } else { Err(self.listing(&problems.join("\ngreenroom: "), &lines)) }
    }

    /// Returns the scenarios of one part, or why there are none.
    fn part(&self, part: &Part) -> Result<Vec<usize>, String> {
        let Part { file, line, written } = part;
        let source = self.source(file);
        let is_inside = |at: &usize| Some(self.sections[*at].span.source) == source;
        let inside: Vec<usize> = (self.from..self.from + self.length).filter(is_inside).collect();
        let Some(line) = *line else {
            return if inside.is_empty() { Err(format!("{file} has no scenario of its own")) } else { Ok(inside) };
        };
        if line == 0 {
            return Err(format!("{written}: lines count from 1"));
        }
        let Some(source) = source else { return Err(format!("{written} is not in a scenario")) };
        let text = self.loaded.sources.file(source);
        let last = text.text.lines().count();
        if line as usize > last {
            return Err(format!("{written} is beyond the end: {file} has {}", words::count(last, "line")));
        }
        let line_of = |at: u32| text.line_column(at).0;
        let is_at = |at: &&usize| {
            let span = self.sections[**at].span;
            line_of(span.start) <= line && line <= line_of(span.end.saturating_sub(1))
        };
        if let Some(&at) = inside.iter().find(is_at) {
            return Ok(vec![at]);
        }
        let is_before = inside.first().is_some_and(|&first| line < line_of(self.sections[first].span.start));
        Err(format!("{written} is {}", if is_before { "before the first scenario" } else { "not in a scenario" }))
    }

    /// Finds the text of a Markdown file of the document.
    fn source(&self, path: &str) -> Option<SourceId> {
        let real = |path: &str| fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
        let wanted = real(path);
        let mut sources = self.document.bodies.iter().map(|body| body.source);
        sources.find(|source| real(&self.loaded.sources.file(*source).name) == wanted)
    }

    /// Adds the scenarios near some lines to a problem.
    fn listing(&self, problem: &str, lines: &[u32]) -> String {
        let place = |at: usize| self.loaded.sources.location(self.loaded.plan.scenarios[at].span);
        let distance = |at: usize| lines.iter().map(|line| place(at).1.abs_diff(*line)).min();
        let mut near: Vec<usize> = (self.from..self.from + self.length).collect();
        near.sort_by_key(|&at| distance(at));
        near.truncate(LISTED);
        near.sort_unstable();
        let places: Vec<String> = near
            .iter()
            .map(|&at| {
                let (file, line) = place(at);
                words::escape(&format!("{file}:{line}")).into_owned()
            })
            .collect();
        let widest = places.iter().map(|place| words::width(place)).max().unwrap_or(0);
        let mut text = format!("{problem}; the scenarios of {} are:", self.document.path);
        for (place, &at) in places.iter().zip(&near) {
            let blanks = " ".repeat(widest - words::width(place));
            let title = words::escape(&self.loaded.plan.scenarios[at].title);
            let _ = write!(text, "\n  {place}{blanks}  {title}");
        }
        if self.length > near.len() {
            let _ = write!(text, "\n  and {} more; `greenroom list` shows all", self.length - near.len());
        }
        text
    }
}
