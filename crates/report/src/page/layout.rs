//! What a document consists of: headings, scenarios, steps, embedded files, with their anchors.
//!
//! This is a first pass over the Markdown. The second one, in `prose`, writes headings and fenced
//! blocks in the same order, and finds here what it needs to know in advance: which heading names a
//! scenario, where a step links to, which steps use a file.

use std::collections::HashMap;
use std::ops::Range;

use greenroom_doc::Attributes;
use greenroom_event::{DocumentText, Outline, TextPart};
use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use crate::page::anchors::{Anchors, file_anchor, slug};
use crate::page::markdown::events;
use crate::page::step_lines::{LineNumbers, StepFinder, WrittenLine, step_lines};

/// More scenarios than this make a very long document.
const MANY_SCENARIOS: usize = 2000;

/// How many scenarios are in one stretch, and from how many on a document has stretches.
const STRETCH: usize = 50;
const STRETCHED: usize = 100;

/// The most steps that are listed for a file.
const LISTED_USES: usize = 500;

/// What a document consists of.
///
/// A document can have 100,000 scenarios, so this has no texts of their steps.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// All headings, in order.
    pub(crate) headings: Vec<Heading>,
    /// All fenced blocks, in order.
    pub(crate) fences: Vec<Fence>,
    /// All scenarios, in order.
    pub(crate) scenarios: Vec<Scenario>,
    /// All embedded files, in order.
    pub(crate) files: Vec<File>,
    files_by_name: HashMap<String, usize>,
    /// The scenarios of the outline that are in the document, by place.
    runs: Vec<usize>,
    /// Which scenario of the document has a scenario of the outline.
    by_outline: HashMap<usize, u32>,
    /// Lines of scenarios that are not steps: the scenario, and the number of the line.
    without_step: Vec<(u32, u32)>,
    /// Anchors of lines that another part of the document has the usual name of.
    unusual_anchors: HashMap<(u32, u32), String>,
    pub(crate) anchors: Anchors,
}

/// A heading.
#[derive(Debug)]
pub(crate) struct Heading {
    /// 1 to 6.
    pub(crate) level: u8,
    /// Its text without markup.
    pub(crate) title: Box<str>,
    pub(crate) anchor: Box<str>,
    /// The scenario that it names.
    pub(crate) scenario: Option<u32>,
    /// Whether it is in no list and no quotation.
    pub(crate) is_outermost: bool,
}

/// A fenced block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fence {
    /// Steps.
    Steps(Option<Block>),
    /// An embedded file.
    File(u32),
    /// Anything else.
    Other,
}

/// A block of a scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) scenario: u32,
    /// How many lines and how many steps of the scenario come before.
    pub(crate) lines_before: u32,
    pub(crate) steps_before: u32,
}

/// A scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its heading.
    pub(crate) heading: u32,
    /// Its last fenced block.
    pub(crate) last_fence: u32,
    pub(crate) labels: Vec<String>,
    /// Its indices in the outline, in [`Layout::runs`].
    runs: Range<u32>,
    /// How many lines and how many steps it has.
    lines: u32,
    steps: u32,
}

/// An embedded file.
#[derive(Debug)]
pub(crate) struct File {
    /// As written.
    pub(crate) name: String,
    pub(crate) anchor: String,
    /// The first steps that use it: the scenario, and the number of the line.
    pub(crate) uses: Vec<(u32, u32)>,
    /// How many use it.
    pub(crate) all_uses: usize,
}

impl Layout {
    /// Reads a document, the one at `index` of the outline.
    pub(crate) fn read(text: &DocumentText, outline: &Outline, index: usize) -> Self {
        let mut layout = Self::default();
        let place = |at: usize| {
            let location = &outline.scenarios[at].location;
            (&*location.file, location.line)
        };
        layout.runs = (0..outline.scenarios.len()).filter(|&at| outline.scenarios[at].document == index).collect();
        layout.runs.sort_by_key(|&at| place(at));
        let runs = |layout: &Self, file: &str, line: u32| {
            let start = layout.runs.partition_point(|&at| place(at) < (file, line));
            let end = layout.runs.partition_point(|&at| place(at) <= (file, line));
            // A file that is twice in a document has its scenarios once.
            if layout.runs.get(start).is_some_and(|run| layout.by_outline.contains_key(run)) {
                return 0..0;
            }
            small(start)..small(end)
        };
        let mut reader = Reader {
            finder: StepFinder::new(&text.steps),
            runs: &runs,
            open: None,
            uses: Uses::new(),
            layout: &mut layout,
        };
        for part in &text.parts {
            reader.part(part);
        }
        let uses = reader.uses;
        layout.name_steps();
        layout.find_uses(uses);
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
    pub(crate) fn begins_stretch(&self, scenario: u32) -> bool {
        self.scenarios.len() >= STRETCHED && (scenario as usize).is_multiple_of(STRETCH)
    }

    /// Returns a scenario.
    pub(crate) fn scenario(&self, scenario: u32) -> &Scenario {
        &self.scenarios[scenario as usize]
    }

    /// Returns the heading of a scenario.
    pub(crate) fn heading_of(&self, scenario: u32) -> &Heading {
        &self.headings[self.scenario(scenario).heading as usize]
    }

    /// Returns the indices of a scenario in the outline, one for each repetition; none if it was not selected.
    pub(crate) fn runs(&self, scenario: &Scenario) -> &[usize] {
        &self.runs[scenario.runs.start as usize..scenario.runs.end as usize]
    }

    /// Returns the embedded file of this name, in any case.
    pub(crate) fn file(&self, name: &str) -> Option<&File> {
        self.files_by_name.get(&name.to_lowercase()).map(|&at| &self.files[at])
    }

    /// Returns the anchor of a scenario of the outline.
    pub(crate) fn scenario_anchor(&self, outline: usize) -> Option<&str> {
        Some(&self.heading_of(*self.by_outline.get(&outline)?).anchor)
    }

    /// Returns the anchor of a step of a scenario of the outline.
    pub(crate) fn step_anchor(&self, outline: usize, step: usize) -> Option<String> {
        let scenario = *self.by_outline.get(&outline)?;
        let mut number = u32::try_from(step).ok().filter(|&step| step < self.scenario(scenario).steps)? + 1;
        let first = self.without_step.partition_point(|&(of, _)| of < scenario);
        for &(_, line) in self.without_step[first..].iter().take_while(|(of, _)| *of == scenario) {
            if line <= number {
                number += 1;
            }
        }
        Some(self.line_anchor(scenario, number))
    }

    /// Returns the anchor of a line of a scenario, by its number from 1.
    pub(crate) fn line_anchor(&self, scenario: u32, number: u32) -> String {
        let unusual = self.unusual_anchors.get(&(scenario, number));
        unusual.cloned().unwrap_or_else(|| usual_anchor(&self.heading_of(scenario).anchor, number))
    }

    /// Gives anchors to the lines of scenarios, after all headings have theirs.
    fn name_steps(&mut self) {
        for (at, scenario) in (0..).zip(&self.scenarios) {
            let anchor = &self.headings[scenario.heading as usize].anchor;
            for number in 1..=scenario.lines {
                let usual = usual_anchor(anchor, number);
                let added = self.anchors.add(&usual);
                if added != usual {
                    self.unusual_anchors.insert((at, number), added);
                }
            }
        }
    }

    fn find_uses(&mut self, mut uses: Uses) {
        for file in &mut self.files {
            // Of several files of one name, links lead to the first.
            (file.all_uses, file.uses) = uses.remove(&file.name.to_lowercase()).unwrap_or_default();
        }
    }
}

fn usual_anchor(heading: &str, number: u32) -> String {
    format!("{heading}-step-{number}")
}

/// Returns an index of something that a document has fewer than 2³² of, since each takes a byte.
fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The lines that name files, by the names in lower case: how many there are, and the first of them.
type Uses = HashMap<String, (usize, Vec<(u32, u32)>)>;

/// Reads the parts of a document one after the other.
struct Reader<'a, 'b> {
    finder: StepFinder<'a>,
    runs: &'b dyn Fn(&Layout, &str, u32) -> Range<u32>,
    /// The scenario that further blocks belong to, and the level of its heading.
    open: Option<(u32, u8)>,
    uses: Uses,
    layout: &'b mut Layout,
}

/// A heading that is read.
struct OpenHeading {
    level: u8,
    title: String,
    id: Option<String>,
    line: u32,
    is_outermost: bool,
}

impl<'a> Reader<'a, '_> {
    fn part(&mut self, part: &'a TextPart) {
        // A scenario ends with its file.
        self.open = None;
        self.finder.begin(&part.location.file);
        let mut numbers = LineNumbers::of(part);
        let mut last_heading: Option<(u32, u32)> = None;
        let mut heading: Option<OpenHeading> = None;
        let mut fence: Option<(Attributes, Vec<WrittenLine<'a>>)> = None;
        let mut depth = 0;
        for (event, range) in events(part) {
            match event {
                Event::Start(Tag::Heading { level, id, .. }) => {
                    heading = Some(OpenHeading {
                        level: level as u8,
                        title: String::new(),
                        id: id.map(|id| id.to_string()),
                        line: numbers.at(range.start),
                        is_outermost: depth == 0,
                    });
                }
                Event::End(TagEnd::Heading(_)) => {
                    let Some(OpenHeading { level, title, id, line, is_outermost }) = heading.take() else { continue };
                    let title = title.trim();
                    let own = id.filter(|id| self.layout.anchors.claim(id));
                    let anchor = own.unwrap_or_else(|| self.layout.anchors.add(&slug(title)));
                    if self.open.is_some_and(|(_, open)| level <= open) {
                        self.open = None;
                    }
                    last_heading = Some((small(self.layout.headings.len()), line));
                    self.layout.headings.push(Heading {
                        level,
                        title: title.into(),
                        anchor: anchor.into(),
                        scenario: None,
                        is_outermost,
                    });
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    fence = Some((Attributes::parse(&info), Vec::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    let Some((attributes, lines)) = fence.take() else { continue };
                    let content = if attributes.is("scenario") {
                        Fence::Steps(self.scenario(&attributes, part, lines, last_heading))
                    } else {
                        self.other(&attributes)
                    };
                    self.layout.fences.push(content);
                }
                Event::Text(text) => {
                    if let Some((attributes, lines)) = &mut fence {
                        if attributes.is("scenario") {
                            numbers.add(lines, range);
                        }
                    } else if let Some(heading) = &mut heading {
                        heading.title.push_str(&text);
                    }
                }
                Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.title.push_str(&text);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
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
        part: &TextPart,
        written: Vec<WrittenLine<'a>>,
        last_heading: Option<(u32, u32)>,
    ) -> Option<Block> {
        if self.open.is_none()
            && let Some((heading, line)) = last_heading
        {
            let at = small(self.layout.scenarios.len());
            let of = &mut self.layout.headings[heading as usize];
            of.scenario = Some(at);
            self.open = Some((at, of.level));
            let runs = (self.runs)(self.layout, &part.location.file, line);
            let outlines = self.layout.runs[runs.start as usize..runs.end as usize].iter();
            self.layout.by_outline.extend(outlines.map(|&run| (run, at)));
            self.layout.scenarios.push(Scenario {
                heading,
                last_fence: 0,
                labels: Vec::new(),
                runs,
                lines: 0,
                steps: 0,
            });
        }
        let lines = step_lines(written, &mut self.finder);
        let (at, _) = self.open?;
        let scenario = &mut self.layout.scenarios[at as usize];
        let block = Block { scenario: at, lines_before: scenario.lines, steps_before: scenario.steps };
        scenario.last_fence = small(self.layout.fences.len());
        for label in attributes.values("label") {
            if !scenario.labels.iter().any(|known| known == label) {
                scenario.labels.push(label.to_owned());
            }
        }
        for line in lines {
            scenario.lines += 1;
            let Some(step) = line.step else {
                self.layout.without_step.push((at, scenario.lines));
                continue;
            };
            scenario.steps += 1;
            for capture in step.captures.iter().filter(|capture| capture.kind == "file") {
                let name = step.text.get(capture.start..capture.end).unwrap_or_default().to_lowercase();
                let (count, first) = self.uses.entry(name).or_default();
                *count += 1;
                if first.len() < LISTED_USES {
                    first.push((at, scenario.lines));
                }
            }
        }
        Some(block)
    }

    fn other(&mut self, attributes: &Attributes) -> Fence {
        let Some(name) = attributes.id.as_ref().filter(|_| attributes.is("file")) else { return Fence::Other };
        let file = self.layout.files.len();
        self.layout.files_by_name.entry(name.to_lowercase()).or_insert(file);
        let anchor = self.layout.anchors.add(&file_anchor(name));
        self.layout.files.push(File { name: name.clone(), anchor, uses: Vec::new(), all_uses: 0 });
        Fence::File(small(file))
    }
}
