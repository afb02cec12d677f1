//! From headings and blocks to scenarios and embedded files: which block belongs to which scenario, what the step lines are,
//! and what is wrong with any of it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::attributes::Attributes;
use crate::diagnostic::Diagnostic;
use crate::markdown::{self, Block, Content, Heading, Item};
use crate::plan::{EmbeddedFile, StepKind};
use crate::source::{SourceId, Span, offset};
use crate::suggest;

/// A step line before it is matched. Its text stays in the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepLine {
    pub(crate) kind: StepKind,
    /// From the keyword to the last character.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Length of the keyword.
    pub(crate) keyword: u32,
}

/// A scenario before its steps are matched.
#[derive(Debug)]
pub(crate) struct RawScenario {
    pub(crate) source: SourceId,
    pub(crate) title: String,
    pub(crate) span: Span,
    pub(crate) labels: Vec<String>,
    /// What its labels say of the network: the machine's (true), or one of its own.
    pub(crate) network_host: Option<bool>,
    pub(crate) steps: Vec<StepLine>,
    /// Level of its heading.
    level: u8,
    /// The kind that `and` continues.
    before: Before,
}

#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    /// Only lines that could not be understood; what follows them is not complained about again.
    Unclear,
    Kind(StepKind),
}

/// An embedded file and where it stands.
#[derive(Debug)]
pub(crate) struct RawFile {
    pub(crate) file: EmbeddedFile,
    pub(crate) span: Span,
}

/// What the Markdown files of a document have in them.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) scenarios: Vec<RawScenario>,
    pub(crate) files: Vec<RawFile>,
    /// Index in `files` by name in lower case.
    pub(crate) files_by_name: HashMap<String, usize>,
    /// The first heading's text.
    pub(crate) first_heading: Option<String>,
    /// The first scenario block, whether it could be used or not.
    pub(crate) first_block: Option<Span>,
    /// Whether a block that is not closed has others in it, so that nobody knows what else there would be.
    pub(crate) swallowed: bool,
    /// Blocks that have a name but are no files, by name in lower case.
    named: HashMap<String, Named>,
    titles: HashMap<String, Span>,
}

/// A block that has a name but is no file.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) span: Span,
    /// Which of its classes stands in the place of `.file`.
    pub(crate) class: Option<String>,
}

impl Contents {
    /// Takes in the items of one file. `classes` are those that the metadata declares.
    pub(crate) fn add(
        &mut self,
        source: SourceId,
        text: &str,
        items: Vec<Item>,
        classes: &[String],
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let mut file = File { contents: self, source, text, classes, diagnostics, heading: None, open: None };
        for item in items {
            match item {
                Item::Heading(heading) => file.heading(heading),
                Item::Block(block) => file.block(block),
            }
        }
        file.close();
    }

    /// The block of this name, in any case, that is no file.
    pub(crate) fn named(&self, name: &str) -> Option<&Named> {
        self.named.get(&name.to_lowercase())
    }

    /// The embedded file of this name, in any case.
    pub(crate) fn file(&self, name: &str) -> Option<usize> {
        self.files_by_name.get(&name.to_lowercase()).copied()
    }
}

/// One Markdown file while it is being taken in.
struct File<'a> {
    contents: &'a mut Contents,
    source: SourceId,
    text: &'a str,
    classes: &'a [String],
    diagnostics: &'a mut Vec<Diagnostic>,
    heading: Option<Heading>,
    open: Option<RawScenario>,
}

/// A longer step is a slip, and would cost every pattern dear.
const MAX_STEP: usize = 64 << 10;

/// Classes of blocks that are drawn.
const DIAGRAMS: &[&str] = &["dot", "pikchr", "plantuml", "roadmap"];

impl File<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.source, range)
    }

    fn heading(&mut self, heading: Heading) {
        if self.contents.first_heading.is_none() {
            self.contents.first_heading = Some(heading.title.clone());
        }
        // A lower heading inside a scenario does not end it.
        if self.open.as_ref().is_some_and(|open| heading.level <= open.level) {
            self.close();
        }
        self.heading = Some(heading);
    }

    /// A scenario without steps is left out: running it would prove nothing. It has been warned of.
    fn close(&mut self) {
        self.contents.scenarios.extend(self.open.take().filter(|open| !open.steps.is_empty()));
    }

    fn block(&mut self, block: Block) {
        let span = self.span(block.fence.clone());
        for fault in &block.attributes.faults {
            self.diagnostics
                .push(Diagnostic::warning("bad-attribute", format!("in these attributes: {fault}")).at(span, ""));
        }
        self.check_keys(&block.attributes, span);
        let lost = self.lost(&block);
        self.unclosed(&block, span, lost.clone());
        match block.content {
            Content::Lines(mut lines) => {
                if let Some(lost) = lost {
                    lines.retain(|line| line.start < lost.start);
                }
                self.scenario(&block.attributes, span, lines);
            }
            Content::Text(text) if block.attributes.is("file") => {
                self.file(&block.attributes, span, text);
            }
            _ => self.other(&block.attributes, span),
        }
    }

    /// The first line of a block that was not meant to be in it, since its closing fence is missing: what can be no step, or
    /// begins a block that is a scenario or a file.
    fn lost(&self, block: &Block) -> Option<Range<usize>> {
        let fence = |line: &Range<usize>| markdown::fence_mark(&self.text[line.clone()]);
        if let Content::Lines(lines) = &block.content {
            let mistaken = !block.closed || block.inside.iter().any(|line| fence(line).is_some());
            return lines.iter().filter(|_| mistaken).find(|line| self.is_no_step(line)).cloned();
        }
        let (mark, length) = fence(&block.fence)?;
        let begins_another = |line: &&Range<usize>| {
            let Some((inner, inner_length)) = fence(line) else { return false };
            // A block within another has a shorter fence or one of the other kind, and is a text like any other.
            if block.closed && (inner != mark || inner_length < length) {
                return false;
            }
            let attributes = Attributes::parse(&self.text[line.start + inner_length..line.end]);
            attributes.is("scenario") || (attributes.is("file") && attributes.id.is_some())
        };
        block.inside.iter().find(begins_another).cloned()
    }

    /// Whether a line of a scenario is no step, and no misspelt one either.
    fn is_no_step(&self, line: &Range<usize>) -> bool {
        let words = &self.text[line.clone()];
        let word = words.split_ascii_whitespace().next().unwrap_or_default();
        let before = &self.text[..line.start];
        let begins_paragraph = before[before.trim_end().len()..].matches('\n').count() > 1;
        match nearest_keyword(word) {
            Some(keyword) => begins_paragraph && !word.eq_ignore_ascii_case(keyword),
            None => true,
        }
    }

    fn unclosed(&mut self, block: &Block, span: Span, lost: Option<Range<usize>>) {
        let Some((mark, length)) = markdown::fence_mark(&self.text[block.fence.clone()]) else {
            return;
        };
        if block.closed && lost.is_none() {
            return;
        }
        self.contents.swallowed |= lost.is_some();
        let message = if block.closed {
            "this block is closed too late: it has taken in what follows it"
        } else {
            "this block is never closed: it goes on to the end of the document"
        };
        let mut diagnostic = match lost {
            Some(_) => Diagnostic::error("unclosed-block", message),
            None => Diagnostic::warning("unclosed-block", message),
        }
        .at(span, "");
        let whole = self.text[..block.end].trim_end();
        let end = whole.trim_end_matches(mark).len()..whole.len();
        if block.closed && !end.is_empty() {
            diagnostic = diagnostic.and_at(self.span(end), "this closes it");
        }
        let before_lost = |line: &&Range<usize>| lost.as_ref().is_none_or(|lost| line.start <= lost.start);
        let bare = |line: &&Range<usize>| self.text[(*line).clone()].trim_matches(['~', '`']).is_empty();
        let slip = block.inside.iter().filter(before_lost).find(bare).cloned();
        if let Some(slip) = slip.clone() {
            diagnostic = diagnostic.and_at(self.span(slip), "this does not close it");
        }
        if let Some(lost) = lost.filter(|lost| slip.as_ref() != Some(lost)) {
            diagnostic = diagnostic.and_at(self.span(lost), "this is inside of it");
        }
        let fence = mark.to_string().repeat(length);
        self.diagnostics.push(diagnostic.help(format!("close it with a line `{fence}`")));
    }

    fn check_keys(&mut self, attributes: &Attributes, span: Span) {
        const KNOWN: [&str; 2] = ["add-newline", "label"];
        if !attributes.is("scenario") && !attributes.is("file") {
            return;
        }
        for (key, _) in &attributes.pairs {
            if let Some(known) = suggest::nearest(key, KNOWN).filter(|known| known != key) {
                let message = format!("`{key}` means nothing here");
                self.diagnostics.push(
                    Diagnostic::warning("bad-attribute", message).at(span, "").help(format!("did you mean `{known}`?")),
                );
            }
        }
    }

    /// The scenario that a block belongs to.
    fn scenario(&mut self, attributes: &Attributes, span: Span, lines: Vec<Range<usize>>) {
        self.contents.first_block.get_or_insert(span);
        if self.open.is_none() {
            let Some(heading) = &self.heading else {
                self.diagnostics.push(
                    Diagnostic::error("no-heading", "this scenario stands under no heading")
                        .at(span, "")
                        .help("write a heading above it; it gives the scenario its name"),
                );
                return;
            };
            let place = Span::new(self.source, heading.range.clone());
            let (title, level) = (heading.title.clone(), heading.level);
            if title.is_empty() {
                let error = Diagnostic::error("no-heading", "the heading of this scenario is empty");
                self.diagnostics.push(error.at(place, "").help("write the scenario's name into it"));
            } else if let Some(&first) = self.contents.titles.get(&title.to_lowercase()) {
                self.diagnostics.push(
                    Diagnostic::error("duplicate-scenario", format!("there are two scenarios called `{title}`"))
                        .at(place, "second")
                        .and_at(first, "first")
                        .help("give each its own heading; upper and lower case make no difference"),
                );
            } else {
                self.contents.titles.insert(title.to_lowercase(), place);
            }
            let (labels, steps) = (Vec::new(), Vec::new());
            self.open = Some(RawScenario {
                source: self.source,
                title,
                span: place,
                labels,
                network_host: None,
                steps,
                level,
                before: Before::Nothing,
            });
        }
        let Some(open) = &mut self.open else { return };
        for label in attributes.values("label") {
            if !open.labels.iter().any(|known| known == label) {
                open.labels.push(label.to_owned());
            }
            let network_host = match label {
                "network-host" => true,
                "network-private" => false,
                _ => continue,
            };
            if *open.network_host.get_or_insert(network_host) != network_host {
                self.diagnostics.push(
                    Diagnostic::error(
                        "contradiction",
                        "this scenario is labelled `network-host` and `network-private`",
                    )
                    .at(span, "")
                    .help("leave one of them"),
                );
            }
        }
        if lines.is_empty() {
            self.diagnostics
                .push(Diagnostic::warning("empty-scenario", "there are no steps in this scenario block").at(span, ""));
        }
        open.steps.reserve_exact(lines.len());
        for line in lines {
            let before = open.before;
            match step_line(self.text, self.source, line, before) {
                Ok(step) => {
                    open.before = Before::Kind(step.kind);
                    open.steps.push(step);
                }
                Err((after, complaint)) => {
                    open.before = after;
                    self.diagnostics.extend(complaint.map(|complaint| *complaint));
                }
            }
        }
    }

    fn file(&mut self, attributes: &Attributes, span: Span, mut text: String) {
        let Some(name) = attributes.id.clone() else {
            return;
        };
        let newline = attributes.values("add-newline").last().unwrap_or("auto");
        // The last line end belongs to the fence.
        if text.ends_with('\n') {
            text.pop();
        }
        match newline.to_lowercase().as_str() {
            "yes" => text.push('\n'),
            "no" => {}
            other => {
                if other != "auto" {
                    self.diagnostics.push(
                        Diagnostic::error("bad-attribute", format!("`add-newline` cannot be `{newline}`"))
                            .at(span, "")
                            .help("write `yes`, `no` or `auto`"),
                    );
                }
                if !text.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
        let key = name.to_lowercase();
        if let Some(&first) = self.contents.files_by_name.get(&key) {
            self.diagnostics.push(
                Diagnostic::error("duplicate-file", format!("there are two embedded files called `{name}`"))
                    .at(span, "second")
                    .and_at(self.contents.files[first].span, "first")
                    .help("give each its own name; upper and lower case make no difference"),
            );
            return;
        }
        self.contents.files_by_name.insert(key, self.contents.files.len());
        self.contents.files.push(RawFile { file: EmbeddedFile { name, text: Arc::from(text) }, span });
    }

    /// A block that is neither: is it meant to be one?
    fn other(&mut self, attributes: &Attributes, span: Span) {
        if let Some(id) = &attributes.id {
            let near = |class: &&String| suggest::nearest(class, ["file", "example"]).is_some();
            let class = attributes.classes.iter().find(near).cloned();
            self.contents.named.entry(id.to_lowercase()).or_insert(Named { span, class });
        }
        if attributes.is("example") {
            return;
        }
        if attributes.is("file") {
            let warning = Diagnostic::warning("file-without-name", "this embedded file has no name");
            self.diagnostics.push(warning.at(span, "").help("write the name behind a `#`: `{#name.txt .file}`"));
            return;
        }
        let mut declared = attributes.classes.iter().filter(|class| !self.classes.contains(class));
        if let Some(class) = declared.find(|class| near_scenario(class)) {
            self.diagnostics.push(
                Diagnostic::warning(
                    "unknown-class",
                    format!("a block of class `{class}` is no scenario and will not run"),
                )
                .at(span, "")
                .help("did you mean `scenario`?"),
            );
        }
        if let Some(id) =
            attributes.id.as_ref().filter(|_| !attributes.classes.iter().any(|c| DIAGRAMS.contains(&c.as_str())))
        {
            let class = attributes.classes.iter().find(|class| suggest::nearest(class, ["file", "example"]).is_some());
            let help = match class {
                Some(class) => format!(
                    "did you mean `.{}` instead of `.{class}`?",
                    suggest::nearest(class, ["file", "example"]).unwrap_or("file")
                ),
                None => "add `.file` to embed it, or `.example` if it only shows something".to_owned(),
            };
            let warning = Diagnostic::warning("unused-name", format!("the block `{id}` has a name but is no file"));
            self.diagnostics.push(warning.at(span, "").help(help));
        }
    }
}

fn near_scenario(class: &str) -> bool {
    let class = class.to_lowercase();
    class.len() <= 16 && class.is_char_boundary(1) && strsim::damerau_levenshtein(&class, "scenario") <= 2
}

/// The keyword that a word is, or was probably meant to be.
fn nearest_keyword(word: &str) -> Option<&'static str> {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    suggest::nearest(bare, ["given", "when", "then", "and", "but"])
}

/// Reads the keyword of a line. On failure, what a following `and` continues, and the complaint unless it was made before.
fn step_line(
    text: &str,
    source: SourceId,
    line: Range<usize>,
    before: Before,
) -> Result<StepLine, (Before, Option<Box<Diagnostic>>)> {
    let words = &text[line.clone()];
    if words.len() > MAX_STEP {
        let span = Span::new(source, line.start..line.start);
        let error =
            Diagnostic::error("step-too-long", format!("this step has {} bytes; {MAX_STEP} are allowed", words.len()));
        return Err((Before::Unclear, Some(Box::new(error.at(span, "").help("put the text into an embedded file")))));
    }
    if let Some(at) = words.find('\0') {
        let span = Span::new(source, line.start + at..line.start + at + 1);
        let error = Diagnostic::error("nul-character", "there is a NUL character in this step").at(span, "");
        let help = "remove it; no command line or file name can have one";
        return Err((Before::Unclear, Some(Box::new(error.help(help)))));
    }
    let length = words.find(|c: char| c.is_ascii_whitespace()).unwrap_or(words.len());
    let word = &words[..length];
    let kind = match () {
        () if word.eq_ignore_ascii_case("given") => Some(StepKind::Given),
        () if word.eq_ignore_ascii_case("when") => Some(StepKind::When),
        () if word.eq_ignore_ascii_case("then") => Some(StepKind::Then),
        () if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("but") => match before {
            Before::Kind(kind) => Some(kind),
            Before::Unclear => return Err((before, None)),
            Before::Nothing => {
                let span = Span::new(source, line.start..line.start + length);
                let error = Diagnostic::error("no-step-before", format!("`{word}` has no step before it to continue"))
                    .at(span, "")
                    .help("begin with `given`, `when` or `then`");
                return Err((Before::Unclear, Some(Box::new(error))));
            }
        },
        () => None,
    };
    if let Some(kind) = kind {
        return Ok(StepLine { kind, start: offset(line.start), end: offset(line.end), keyword: offset(length) });
    }
    let span = Span::new(source, line.start..line.start + length);
    let guess = nearest_keyword(word);
    let shown = if word.chars().count() > 40 {
        format!("{}…", word.chars().take(40).collect::<String>())
    } else {
        word.to_owned()
    };
    let error = Diagnostic::error("unknown-keyword", format!("a step cannot begin with `{shown}`")).at(span, "");
    let error = match guess {
        Some(guess) => error.help(format!("did you mean `{guess}`?")),
        None if word.starts_with('#') || word.starts_with("//") => {
            error.help("scenarios have no comments: write it as prose, above or below the block")
        }
        None => error.help("begin each line with `given`, `when`, `then`, `and` or `but`; a step cannot span lines"),
    };
    let after = match guess {
        Some("given") => Before::Kind(StepKind::Given),
        Some("when") => Before::Kind(StepKind::When),
        Some("then") => Before::Kind(StepKind::Then),
        _ if matches!(before, Before::Nothing) => Before::Unclear,
        _ => before,
    };
    Err((after, Some(Box::new(error))))
}
