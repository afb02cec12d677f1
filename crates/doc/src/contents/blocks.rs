//! From headings and blocks to scenarios and embedded files, with what is wrong in any of them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::code::Code;
use crate::contents::raw::{Contents, EmbeddedFile, Heading, Named, RawFile, RawScenario};
use crate::contents::step_line::{Continued, nearest_keyword, step_line};
use crate::contents::suspects;
use crate::diagnostic::{Diagnostic, Severity};
use crate::network::Network;
use crate::read::attributes::Attributes;
use crate::read::hidden::Reason;
use crate::read::markdown::{self, Block, Content, Item};
use crate::source::{SourceId, Span};
use crate::suggest;

/// The titles of the scenarios of a document in lower case, each with its heading.
pub(crate) type Titles = HashMap<String, Span>;

/// Reads the Markdown of one file, of which `text` is all, and adds what it contains.
///
/// `classes` are those that the metadata declares.
pub(crate) fn add(
    contents: &mut Contents,
    titles: &mut Titles,
    (body, text): (Span, &str),
    classes: &[String],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let source = body.source;
    let mut file = Adder { contents, titles, source, text, classes, diagnostics, has_heading: false, open: None };
    markdown::read(text, body.start as usize..body.end as usize, |item| match item {
        Item::Heading(heading) => file.heading(heading.level, &heading.title, heading.range),
        Item::Block(block) => file.block(&block),
        Item::Hidden(hidden) => {
            let span = file.span(hidden.range.clone());
            file.contents.has_hidden |= !hidden.is_scenario || hidden.reason == Reason::UnclosedComment;
            file.diagnostics.push(suspects::hidden(&hidden, span));
        }
    });
    file.close();
}

/// Adds one Markdown file.
struct Adder<'a> {
    contents: &'a mut Contents,
    titles: &'a mut Titles,
    source: SourceId,
    text: &'a str,
    classes: &'a [String],
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Whether this file has a heading so far: the last of `contents.headings`.
    has_heading: bool,
    open: Option<RawScenario>,
}

impl Adder<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.source, range)
    }

    fn heading(&mut self, level: u8, title: &str, range: Range<usize>) {
        // A lower heading inside a scenario does not end it.
        if self.open.as_ref().is_some_and(|open| level <= open.level) {
            self.close();
        }
        let span = self.span(range);
        self.contents.headings.push(Heading { level, title: Arc::from(title), span });
        self.has_heading = true;
    }

    /// Ends the scenario. One without steps is left out: running it would prove nothing. A warning
    /// says so.
    fn close(&mut self) {
        self.contents.scenarios.extend(self.open.take().filter(|open| !open.steps.is_empty()));
    }

    fn block(&mut self, block: &Block) {
        let span = self.span(block.fence.clone());
        for mistake in &block.attributes.mistakes {
            self.diagnostics.push(Diagnostic::warning(Code::BadAttribute, mistake).at(span, ""));
        }
        self.check_keys(&block.attributes, span);
        let lost = self.lost(block);
        self.unclosed(block, span, lost.clone());
        match &block.content {
            Content::Lines(lines) => {
                let mut lines = lines.clone();
                if let Some(lost) = lost {
                    lines.retain(|line| line.start < lost.start);
                }
                self.scenario(&block.attributes, span, lines);
            }
            Content::Text(text) if block.attributes.is("file") => {
                self.file(&block.attributes, span, text.clone());
            }
            _ => self.other(block, span),
        }
    }

    /// Finds the first line that is in a block only because its closing fence is missing.
    ///
    /// Such a line cannot be a step, or it begins a block that is a scenario or a file.
    fn lost(&self, block: &Block) -> Option<Range<usize>> {
        let fence = |line: &Range<usize>| markdown::fence_mark(&self.text[line.clone()]);
        if let Content::Lines(lines) = &block.content {
            let mistaken = !block.closed || block.inside.iter().any(|line| fence(line).is_some());
            return lines.iter().filter(|_| mistaken).find(|line| !self.may_be_step(line)).cloned();
        }
        let (mark, length) = fence(&block.fence)?;
        let begins_another = |line: &&Range<usize>| {
            let Some((inner, inner_length)) = fence(line) else { return false };
            // A block shown inside another has a shorter fence or one of the other kind. It is
            // plain text.
            if block.closed && (inner != mark || inner_length < length) {
                return false;
            }
            let attributes = Attributes::parse(&self.text[line.start + inner_length..line.end]);
            attributes.is("scenario") || (attributes.is("file") && attributes.id.is_some())
        };
        block.inside.iter().find(begins_another).cloned()
    }

    /// Whether a line of a scenario is a step, perhaps with a misspelled keyword.
    fn may_be_step(&self, line: &Range<usize>) -> bool {
        let words = &self.text[line.clone()];
        let word = words.split_ascii_whitespace().next().unwrap_or_default();
        let before = &self.text[..line.start];
        let begins_paragraph = before[before.trim_end().len()..].matches('\n').count() > 1;
        match nearest_keyword(word) {
            Some(keyword) => !begins_paragraph || word.eq_ignore_ascii_case(keyword),
            None => false,
        }
    }

    fn unclosed(&mut self, block: &Block, span: Span, lost: Option<Range<usize>>) {
        let Some((mark, length)) = markdown::fence_mark(&self.text[block.fence.clone()]) else {
            return;
        };
        if block.closed && lost.is_none() {
            return;
        }
        self.contents.has_swallowed |= lost.is_some();
        let message = if block.closed {
            "this block is closed too late: it contains what should follow it"
        } else {
            "this block is never closed: it runs to the end of the document"
        };
        let mut diagnostic = match lost {
            Some(_) => Diagnostic::error(Code::UnclosedBlock, message),
            None => Diagnostic::warning(Code::UnclosedBlock, message),
        }
        .at(span, "");
        let whole = self.text[..block.end].trim_end();
        let end = whole.trim_end_matches(mark).len()..whole.len();
        if block.closed && !end.is_empty() {
            diagnostic = diagnostic.and_at(self.span(end), "this closes it");
        }
        let before_lost = |line: &&Range<usize>| lost.as_ref().is_none_or(|lost| line.start <= lost.start);
        let bare = |line: &&Range<usize>| self.text[(*line).clone()].trim_matches(['~', '`']).is_empty();
        let bare_fence = block.inside.iter().filter(before_lost).find(bare).cloned();
        if let Some(bare_fence) = bare_fence.clone() {
            diagnostic = diagnostic.and_at(self.span(bare_fence), "this does not close it");
        }
        if let Some(lost) = lost.filter(|lost| bare_fence.as_ref() != Some(lost)) {
            diagnostic = diagnostic.and_at(self.span(lost), "this is inside it");
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
                let message = format!("unknown attribute `{key}`");
                self.diagnostics.push(
                    Diagnostic::warning(Code::BadAttribute, message)
                        .at(span, "")
                        .help(format!("did you mean `{known}`?")),
                );
            }
        }
    }

    /// Adds a scenario block to its scenario.
    fn scenario(&mut self, attributes: &Attributes, span: Span, lines: Vec<Range<usize>>) {
        self.contents.first_block.get_or_insert(span);
        if self.open.is_none() {
            let Some(heading) = self.contents.headings.last().filter(|_| self.has_heading) else {
                self.diagnostics.push(
                    Diagnostic::error(Code::NoHeading, "this scenario has no heading")
                        .at(span, "")
                        .help("add a heading above it: it is the scenario's title"),
                );
                return;
            };
            let Heading { level, title, span: place } = heading.clone();
            if title.is_empty() {
                let error = Diagnostic::error(Code::NoHeading, "the heading of this scenario is empty");
                self.diagnostics.push(error.at(place, "").help("add the scenario's title to it"));
            } else if let Some(&first) = self.titles.get(&title.to_lowercase()) {
                self.diagnostics.push(
                    Diagnostic::error(Code::DuplicateScenario, format!("two scenarios have the title `{title}`"))
                        .at(place, "second")
                        .and_at(first, "first")
                        .help("change one of them; upper and lower case make no difference"),
                );
            } else {
                self.titles.insert(title.to_lowercase(), place);
            }
            let (labels, steps) = (Vec::new(), Vec::new());
            self.open = Some(RawScenario {
                source: self.source,
                title,
                span: place,
                labels,
                network: None,
                steps,
                level,
                before: Continued::Nothing,
            });
        }
        let Some(open) = &mut self.open else { return };
        for label in attributes.values("label") {
            if !open.labels.iter().any(|known| known == label) {
                open.labels.push(label.to_owned());
            }
            let Some(network) = Network::from_label(label) else { continue };
            if *open.network.get_or_insert(network) != network {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::Contradiction,
                        "this scenario has both labels `network-host` and `network-private`",
                    )
                    .at(span, "")
                    .help("remove one of them"),
                );
            }
        }
        if lines.is_empty() {
            self.diagnostics
                .push(Diagnostic::warning(Code::EmptyScenario, "this scenario block has no steps").at(span, ""));
        }
        open.steps.reserve_exact(lines.len());
        for line in lines {
            let before = open.before;
            match step_line(self.text, self.source, line, before) {
                Ok(step) => {
                    open.before = Continued::Kind(step.kind);
                    open.steps.push(step);
                }
                Err((after, error)) => {
                    open.before = after;
                    self.diagnostics.extend(error.map(|error| *error));
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
                        Diagnostic::error(Code::BadAttribute, format!("`add-newline` cannot be `{newline}`"))
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
                Diagnostic::error(Code::DuplicateFile, format!("two embedded files have the name `{name}`"))
                    .at(span, "second")
                    .and_at(self.contents.files[first].span, "first")
                    .help("rename one of them; upper and lower case make no difference"),
            );
            return;
        }
        self.contents.files_by_name.insert(key, self.contents.files.len());
        self.contents.files.push(RawFile { file: EmbeddedFile { name, text: Arc::from(text) }, span });
    }

    /// Checks whether a block that is neither scenario nor file was meant to be one.
    fn other(&mut self, block: &Block, span: Span) {
        let attributes = &block.attributes;
        let mark = markdown::fence_mark(&self.text[block.fence.clone()]).map(|(mark, _)| mark);
        let content = suspects::content(self.text, block.fence.end..block.end.max(block.fence.end), mark);
        let diagnostic = suspects::block(attributes, self.classes, content, span);
        if let Some(id) = &attributes.id {
            let is_reported = diagnostic.as_ref().is_some_and(|diagnostic| diagnostic.severity == Severity::Error);
            let class = suspects::near(attributes).map(|(class, _)| class.to_owned());
            self.contents.named.entry(id.to_lowercase()).or_insert(Named { span, is_reported, class });
        }
        self.diagnostics.extend(diagnostic);
    }
}
