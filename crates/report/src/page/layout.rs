//! What a document consists of: headings, scenarios, steps, embedded files, with their anchors.
//!
//! This is a first pass over the Markdown. The second one, in `prose`, writes headings and fenced
//! blocks in the same order, and finds here what it needs to know in advance: which heading names a
//! scenario, where a step links to, which steps use a file.

use std::collections::HashMap;

use greenroom_doc::Attributes;
use greenroom_event::{DocumentText, Outline, StepMarkup, TextPart};
use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use crate::page::anchors::{Anchors, file_anchor, slug};
use crate::page::diagram::DiagramKind;
use crate::page::markdown::events;

/// More scenarios than this make a very long document.
const MANY_SCENARIOS: usize = 2000;

/// How many scenarios are in one stretch, and from how many on a document has stretches.
const STRETCH: usize = 50;
const STRETCHED: usize = 100;

/// What a document consists of.
#[derive(Debug, Default)]
pub(crate) struct Layout<'a> {
    /// All headings, in order.
    pub(crate) headings: Vec<Heading>,
    /// All fenced blocks, in order.
    pub(crate) fences: Vec<Fence<'a>>,
    /// All scenarios, in order.
    pub(crate) scenarios: Vec<Scenario>,
    /// All embedded files, in order.
    pub(crate) files: Vec<File>,
    files_by_name: HashMap<String, usize>,
    /// Which scenario of the document has a scenario of the outline.
    by_outline: HashMap<usize, usize>,
    pub(crate) anchors: Anchors,
}

/// A heading.
#[derive(Debug)]
pub(crate) struct Heading {
    /// 1 to 6.
    pub(crate) level: u8,
    /// Its text without markup.
    pub(crate) title: String,
    pub(crate) anchor: String,
    /// The scenario that it names.
    pub(crate) scenario: Option<usize>,
    /// Whether it is in no list and no quotation.
    pub(crate) is_outermost: bool,
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Fence<'a> {
    pub(crate) attributes: Attributes,
    pub(crate) content: Content<'a>,
}

/// The content of a fenced block.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// Steps of a scenario.
    Steps { scenario: Option<usize>, lines: Vec<StepLine<'a>> },
    /// An embedded file.
    File { file: usize, text: String },
    /// A diagram.
    Diagram { kind: DiagramKind, text: String },
    /// Anything else.
    Code(String),
}

/// A line of a scenario.
#[derive(Debug)]
pub(crate) struct StepLine<'a> {
    /// As written.
    pub(crate) text: String,
    /// The step. `None` for a line that is not a step, or one that nothing matches.
    pub(crate) step: Option<&'a StepMarkup>,
    /// Its number in the scenario, from 1.
    pub(crate) number: usize,
    /// Its index in the scenario of the outline, if it is a step.
    pub(crate) index: Option<usize>,
    pub(crate) anchor: String,
}

/// A scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its heading.
    pub(crate) heading: usize,
    pub(crate) labels: Vec<String>,
    /// Its fenced blocks.
    pub(crate) fences: Vec<usize>,
    /// Its indices in the outline, one for each repetition; empty if it was not selected.
    pub(crate) runs: Vec<usize>,
    /// How many steps it has.
    pub(crate) steps: usize,
    /// The anchors of its steps in the outline.
    step_anchors: Vec<String>,
}

/// An embedded file.
#[derive(Debug)]
pub(crate) struct File {
    /// As written.
    pub(crate) name: String,
    pub(crate) anchor: String,
    /// The steps that use it: the scenario, and the step's number and anchor.
    pub(crate) uses: Vec<(usize, usize, String)>,
}

impl<'a> Layout<'a> {
    /// Reads a document, the one at `index` of the outline.
    pub(crate) fn read(text: &'a DocumentText, outline: &Outline, index: usize) -> Self {
        let mut layout = Self::default();
        let mut reader = Reader {
            steps: text.steps.iter().map(|step| ((&*step.location.file, step.location.line), step)).collect(),
            runs: HashMap::new(),
            open: None,
            layout: &mut layout,
        };
        for (at, scenario) in outline.scenarios.iter().enumerate().filter(|(_, scenario)| scenario.document == index) {
            let place = (&*scenario.location.file, scenario.location.line);
            reader.runs.entry(place).or_default().push(at);
        }
        for part in &text.parts {
            reader.part(part);
        }
        layout.name_steps();
        layout.find_uses();
        layout
    }

    /// Whether the document is so long that its page leaves out the links beside headings and steps, the
    /// names of captures, and other things that would be a third of it.
    pub(crate) fn is_long(&self) -> bool {
        self.scenarios.len() > MANY_SCENARIOS
    }

    /// Whether a stretch begins at a scenario.
    ///
    /// In Chromium a filter costs time for each box that the browser knows. It knows none in a stretch that is
    /// far away.
    pub(crate) fn begins_stretch(&self, scenario: usize) -> bool {
        self.scenarios.len() >= STRETCHED && scenario.is_multiple_of(STRETCH)
    }

    /// Returns the embedded file of this name, in any case.
    pub(crate) fn file(&self, name: &str) -> Option<&File> {
        self.files_by_name.get(&name.to_lowercase()).map(|&at| &self.files[at])
    }

    /// Returns the anchor of a scenario of the outline.
    pub(crate) fn scenario_anchor(&self, outline: usize) -> Option<&str> {
        let scenario = &self.scenarios[*self.by_outline.get(&outline)?];
        Some(&self.headings[scenario.heading].anchor)
    }

    /// Returns the anchor of a step of a scenario of the outline.
    pub(crate) fn step_anchor(&self, outline: usize, step: usize) -> Option<&str> {
        let scenario = &self.scenarios[*self.by_outline.get(&outline)?];
        scenario.step_anchors.get(step).map(String::as_str)
    }

    /// Gives anchors to steps, after all headings have theirs.
    fn name_steps(&mut self) {
        for (at, scenario) in self.scenarios.iter_mut().enumerate() {
            let anchor = &self.headings[scenario.heading].anchor;
            for &fence in &scenario.fences {
                let Content::Steps { lines, .. } = &mut self.fences[fence].content else { continue };
                for line in lines {
                    scenario.steps += 1;
                    line.number = scenario.steps;
                    line.anchor = self.anchors.add(&format!("{anchor}-step-{}", line.number));
                    if line.step.is_some() {
                        line.index = Some(scenario.step_anchors.len());
                        scenario.step_anchors.push(line.anchor.clone());
                    }
                }
            }
            self.by_outline.extend(scenario.runs.iter().map(|&run| (run, at)));
        }
    }

    fn find_uses(&mut self) {
        for fence in &self.fences {
            let Content::Steps { scenario: Some(scenario), lines } = &fence.content else { continue };
            for line in lines {
                let Some(step) = line.step else { continue };
                for capture in step.captures.iter().filter(|capture| capture.kind == "file") {
                    let name = step.text.get(capture.start..capture.end).unwrap_or_default().to_lowercase();
                    if let Some(&file) = self.files_by_name.get(&name) {
                        self.files[file].uses.push((*scenario, line.number, line.anchor.clone()));
                    }
                }
            }
        }
    }
}

/// Reads the parts of a document one after the other.
struct Reader<'a, 'b> {
    steps: HashMap<(&'a str, u32), &'a StepMarkup>,
    runs: HashMap<(&'b str, u32), Vec<usize>>,
    /// The scenario that further blocks belong to, and the level of its heading.
    open: Option<(usize, u8)>,
    layout: &'b mut Layout<'a>,
}

impl<'a> Reader<'a, '_> {
    fn part(&mut self, part: &'a TextPart) {
        // A scenario ends with its file.
        self.open = None;
        let lines = Lines::of(part);
        let mut last_heading: Option<(usize, u32)> = None;
        let mut heading: Option<(Heading, Option<String>, u32)> = None;
        let mut fence: Option<(Attributes, String, Vec<u32>)> = None;
        let mut depth = 0;
        for (event, range) in events(part) {
            match event {
                Event::Start(Tag::Heading { level, id, .. }) => {
                    let found = Heading {
                        level: level as u8,
                        title: String::new(),
                        anchor: String::new(),
                        scenario: None,
                        is_outermost: depth == 0,
                    };
                    heading = Some((found, id.map(|id| id.to_string()), lines.at(range.start)));
                }
                Event::End(TagEnd::Heading(_)) => {
                    let Some((mut found, id, line)) = heading.take() else { continue };
                    found.title.truncate(found.title.trim_end().len());
                    found.title.drain(..found.title.len() - found.title.trim_start().len());
                    let own = id.filter(|id| self.layout.anchors.claim(id));
                    found.anchor = own.unwrap_or_else(|| self.layout.anchors.add(&slug(&found.title)));
                    if self.open.is_some_and(|(_, level)| found.level <= level) {
                        self.open = None;
                    }
                    last_heading = Some((self.layout.headings.len(), line));
                    self.layout.headings.push(found);
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    fence = Some((Attributes::parse(&info), String::new(), Vec::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    let Some((attributes, text, numbers)) = fence.take() else { continue };
                    let content = if attributes.is("scenario") {
                        self.scenario(&attributes, part, &lines, &numbers, last_heading)
                    } else {
                        self.other(&attributes, text)
                    };
                    self.layout.fences.push(Fence { attributes, content });
                }
                Event::Text(text) => {
                    if let Some((attributes, content, numbers)) = &mut fence {
                        if attributes.is("scenario") {
                            let last = range.end.saturating_sub(1).max(range.start);
                            for line in lines.at(range.start)..=lines.at(last) {
                                if numbers.last() != Some(&line) {
                                    numbers.push(line);
                                }
                            }
                        } else {
                            content.push_str(&text);
                        }
                    } else if let Some((heading, ..)) = &mut heading {
                        heading.title.push_str(&text);
                    }
                }
                Event::Code(text) => {
                    if let Some((heading, ..)) = &mut heading {
                        heading.title.push_str(&text);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some((heading, ..)) = &mut heading {
                        heading.title.push(' ');
                    }
                }
                Event::Start(Tag::BlockQuote(_) | Tag::List(_)) => depth += 1,
                Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_)) => depth -= 1,
                _ => {}
            }
        }
    }

    fn scenario(
        &mut self,
        attributes: &Attributes,
        part: &'a TextPart,
        lines: &Lines<'_>,
        numbers: &[u32],
        last_heading: Option<(usize, u32)>,
    ) -> Content<'a> {
        let file = &*part.location.file;
        if self.open.is_none()
            && let Some((heading, line)) = last_heading
        {
            let at = self.layout.scenarios.len();
            self.layout.headings[heading].scenario = Some(at);
            self.open = Some((at, self.layout.headings[heading].level));
            self.layout.scenarios.push(Scenario {
                heading,
                labels: Vec::new(),
                fences: Vec::new(),
                runs: self.runs.remove(&(file, line)).unwrap_or_default(),
                steps: 0,
                step_anchors: Vec::new(),
            });
        }
        let scenario = self.open.map(|(scenario, _)| scenario);
        if let Some(scenario) = scenario.map(|at| &mut self.layout.scenarios[at]) {
            scenario.fences.push(self.layout.fences.len());
            for label in attributes.values("label") {
                if !scenario.labels.iter().any(|known| known == label) {
                    scenario.labels.push(label.to_owned());
                }
            }
        }
        let line = |&number: &u32| {
            let step = self.steps.get(&(file, number)).copied();
            let text = step.map_or_else(|| lines.text(number), |step| step.text.clone());
            (!text.is_empty()).then_some(StepLine { text, step, number: 0, index: None, anchor: String::new() })
        };
        Content::Steps { scenario, lines: numbers.iter().filter_map(line).collect() }
    }

    fn other(&mut self, attributes: &Attributes, text: String) -> Content<'a> {
        if let Some(name) = attributes.id.as_ref().filter(|_| attributes.is("file")) {
            let file = self.layout.files.len();
            self.layout.files_by_name.entry(name.to_lowercase()).or_insert(file);
            let anchor = self.layout.anchors.add(&file_anchor(name));
            self.layout.files.push(File { name: name.clone(), anchor, uses: Vec::new() });
            return Content::File { file, text };
        }
        match DiagramKind::of_block(attributes) {
            Some(kind) => Content::Diagram { kind, text },
            None => Content::Code(text),
        }
    }
}

/// The lines of a part.
struct Lines<'a> {
    text: &'a str,
    /// The line that the part begins in.
    first: u32,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(part: &'a TextPart) -> Self {
        let text = part.text.as_str();
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, first: part.location.line, starts }
    }

    /// Returns the line number of a place.
    fn at(&self, place: usize) -> u32 {
        let index = self.starts.partition_point(|&start| start <= place).saturating_sub(1);
        self.first.saturating_add(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Returns a line of a block without what Markdown puts before it.
    fn text(&self, number: u32) -> String {
        let start = self.starts.get((number - self.first) as usize).copied().unwrap_or_default();
        let line = self.text[start..].lines().next().unwrap_or_default();
        line.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '>').trim_end().to_owned()
    }
}
