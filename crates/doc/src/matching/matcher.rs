//! Steps against bindings: which one binding a step means, and what it captures.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arcstr::{ArcStr, Substr};

use crate::capture::{Capture, CaptureDefinition, CaptureType, unescape};
use crate::code::Code;
use crate::contents::raw::Contents;
use crate::contents::step_line::StepLine;
use crate::diagnostic::Diagnostic;
use crate::keyword::StepKind;
use crate::matching::choose::Languages;
use crate::matching::hints::{Hints, Mistyped};
use crate::matching::index::{Index, Scratch};
use crate::matching::look_alikes;
use crate::matching::prefix::{self, Prefix};
use crate::matching::repeats::Repeats;
use crate::matching::spaces::{COMMAND_LINES, warn_collapsed};
use crate::matching::step_text::StepText;
use crate::plan::{MatchedStep, Repetition, UnboundStep};
use crate::read::binding::{CompiledBinding, Implementation};
use crate::source::{SourceId, Sources, Span, offset, shared};

/// An ambiguous step shows at most so many candidates.
const MAX_CANDIDATES: usize = 8;

/// A binding that fits a step.
struct Hit {
    binding: usize,
    /// The range of each capture in the step's text. `None` for a group that took no part.
    captures: Vec<Option<Range<usize>>>,
}

/// A step in its source.
#[derive(Clone, Copy)]
struct Place<'a> {
    line: StepLine,
    span: Span,
    /// The text of its file.
    file: &'a ArcStr,
}

/// Matches the steps of one document.
pub(crate) struct Matcher<'a> {
    sources: &'a Sources,
    bindings: &'a [CompiledBinding],
    /// How many of them come first.
    first: usize,
    index: &'a Index,
    contents: &'a Contents,
    languages: &'a Languages<'a>,
    hints: Hints<'a>,
    scratch: Scratch,
    choices: Vec<Option<Choice>>,
    /// Whether to report unknown steps: not when other mistakes hide bindings.
    report_unknown: bool,
    files_used: Vec<bool>,
    left_out: Vec<Span>,
    unbound: Vec<UnboundStep>,
    /// Whether nothing can run some step, whatever its language.
    cannot_run: bool,
    /// The diagnostic about each language that has no step host.
    no_host: HashMap<String, usize>,
    /// Pairs of bindings of which the first, the document's own, was used.
    shadowed: BTreeSet<(usize, usize)>,
    diagnostics: Repeats,
}

/// What runs the steps of a binding, decided at its first step.
enum Choice {
    Run(Arc<Implementation>),
    /// Nothing can: the index of the diagnostic.
    CannotRun(usize),
}

/// What is known after all steps of a document.
pub(crate) struct Matched {
    /// Whether captures name each embedded file.
    pub(crate) files_used: Vec<bool>,
    /// The steps that are missing from the plan.
    pub(crate) left_out: Vec<Span>,
    /// The steps that need bindings.
    pub(crate) unbound: Vec<UnboundStep>,
    /// Whether steps are missing from the plan because nothing can run them, whatever their language.
    pub(crate) cannot_run: bool,
    /// The languages of steps that have no step host. An error says so.
    pub(crate) without_host: BTreeSet<String>,
}

impl<'a> Matcher<'a> {
    /// Creates one. The first bindings, of which the number is given, come before the others.
    pub(crate) fn new(
        sources: &'a Sources,
        (bindings, first): (&'a [CompiledBinding], usize),
        index: &'a Index,
        contents: &'a Contents,
        languages: &'a Languages<'a>,
        hints: Hints<'a>,
        report_unknown: bool,
    ) -> Self {
        Self {
            sources,
            bindings,
            first,
            index,
            contents,
            languages,
            hints,
            scratch: Scratch::default(),
            choices: bindings.iter().map(|_| None).collect(),
            report_unknown,
            files_used: vec![false; contents.files.len()],
            left_out: Vec::new(),
            unbound: Vec::new(),
            cannot_run: false,
            no_host: HashMap::new(),
            shadowed: BTreeSet::new(),
            diagnostics: Repeats::default(),
        }
    }

    /// Matches one step. Returns `None` if it cannot be in the plan. A diagnostic says why.
    pub(crate) fn step(&mut self, source: SourceId, line: StepLine) -> Option<MatchedStep> {
        let step = self.planned(source, line);
        if step.is_none() {
            self.left_out.push(Span { source, start: line.start, end: line.end });
        }
        step
    }

    fn planned(&mut self, source: SourceId, line: StepLine) -> Option<MatchedStep> {
        // The table outlives the borrow of the matcher.
        let sources = self.sources;
        let file = &sources.file(source).text;
        let whole = &file[line.start as usize..line.end as usize];
        let span = Span { source, start: line.start, end: line.end };
        let after = &whole[line.keyword as usize..];
        let raw = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let start = line.start as usize + whole.len() - raw.len();
        let text = StepText::new(raw, start);
        let (hits, mistyped) = self.valid_hits(line.kind, &text.text);
        let place = Place { line, span, file };
        if hits.is_empty()
            && let Some(prefix) = Prefix::of(raw)
        {
            let repetition = Repetition {
                kind: prefix.kind,
                seconds: raw[prefix.seconds.clone()].to_owned(),
                range: (offset(start + prefix.seconds.start), offset(start + prefix.seconds.end)),
            };
            let rest = StepText::new(&raw[prefix.rest..], start + prefix.rest);
            return self.repeated(place, &text, &rest, repetition);
        }
        let mut hits = hits.into_iter();
        match (hits.next(), hits.len()) {
            (None, _) => self.unknown(line.kind, span, &text, &mistyped),
            (Some(hit), 0) => return self.matched(place, &text, &text, &hit),
            (Some(first), _) => {
                let all: Vec<usize> = std::iter::once(first.binding).chain(hits.map(|hit| hit.binding)).collect();
                self.ambiguous(line.kind, span, &text.text, &all);
            }
        }
        None
    }

    /// Matches a step behind the words that repeat it. `written` is the step with those words.
    fn repeated(
        &mut self,
        place: Place<'_>,
        written: &StepText<'_>,
        step: &StepText<'_>,
        repetition: Repetition,
    ) -> Option<MatchedStep> {
        let Place { line, span, .. } = place;
        let (hits, mistyped) = self.valid_hits(line.kind, &step.text);
        match &hits[..] {
            [] if line.kind == StepKind::Then && Prefix::of(&step.text).is_some() => {
                let mistake = (Code::UnknownStep, line.kind, written.text.clone().into_owned());
                let error =
                    Diagnostic::error(Code::UnknownStep, "this step says twice how it is repeated").at(span, "");
                let help =
                    "write `within` if it must hold once, `for` if it must hold all the time; for both, two steps";
                self.diagnostics.push_mistake(mistake, error.help(help));
            }
            [] if line.kind != StepKind::Then && !self.hits(StepKind::Then, &step.text).0.is_empty() => {
                let word = repetition.kind.word();
                let message = format!("`{word} {} seconds` needs a `then` step", repetition.seconds);
                let error = Diagnostic::error(Code::RepeatedAct, message).at(span, "");
                self.diagnostics.push(error.help("begin the line with `then`"));
            }
            [] if line.kind == StepKind::Then => self.unknown(line.kind, span, step, &mistyped),
            [] => self.unknown(line.kind, span, written, &mistyped),
            _ if line.kind != StepKind::Then => {
                let message = format!("a `{}` step is not repeated", line.kind.word());
                let error = Diagnostic::error(Code::RepeatedAct, message).at(span, "");
                let help = format!(
                    "write the step without `{} {} seconds`; a `then` step behind it can be repeated",
                    repetition.kind.word(),
                    repetition.seconds
                );
                self.diagnostics.push(error.help(help));
            }
            [hit] => {
                let matched = self.matched(place, written, step, hit)?;
                return Some(MatchedStep { repetition: Some(Box::new(repetition)), ..matched });
            }
            several => {
                let all: Vec<usize> = several.iter().map(|hit| hit.binding).collect();
                self.ambiguous(line.kind, span, &step.text, &all);
            }
        }
        None
    }

    /// Returns the bindings that match a text. One with invalid escapes does not if another can take the
    /// text as it is, nor does a built-in one that yields to the document's own.
    fn valid_hits(&mut self, kind: StepKind, text: &str) -> (Vec<Hit>, Vec<Mistyped>) {
        let (mut hits, mistyped) = self.hits(kind, text);
        if hits.len() > 1 && hits.iter().any(|hit| self.is_own(hit.binding)) {
            self.warn_of_shadowed(&hits);
            hits.retain(|hit| !self.bindings[hit.binding].binding.yields);
        }
        if hits.len() > 1 {
            let is_valid = |hit: &Hit| self.has_valid_escapes(hit, text);
            if hits.iter().any(is_valid) {
                let keep: Vec<bool> = hits.iter().map(is_valid).collect();
                let mut keep = keep.iter();
                hits.retain(|_| keep.next() != Some(&false));
            }
        }
        (hits, mistyped)
    }

    /// Returns whether a binding is one of the document's own, or of a function of the user's own.
    fn is_own(&self, binding: usize) -> bool {
        let file = self.sources.file(self.bindings[binding].binding.span.source);
        !file.is_builtin || file.is_generated()
    }

    /// Warns, once for each pair, that a binding of the document is used and not a built-in one.
    fn warn_of_shadowed(&mut self, hits: &[Hit]) {
        let Some(own) = hits.iter().map(|hit| hit.binding).find(|&binding| self.is_own(binding)) else { return };
        let yielding = hits.iter().map(|hit| hit.binding).filter(|&binding| self.bindings[binding].binding.yields);
        for other in yielding {
            if !self.shadowed.insert((own, other)) {
                continue;
            }
            let (own, other) = (&self.bindings[own].binding, &self.bindings[other].binding);
            let message = format!("`{}` is used for steps that also match a built-in step", own.pattern);
            self.diagnostics.push(
                Diagnostic::warning(Code::ShadowedStep, message)
                    .at(own.span, "")
                    .note(format!("the built-in step is `{}` in {}", other.pattern, self.sources.cite(other.span)))
                    .help("to use the built-in step, make this pattern narrower"),
            );
        }
    }

    fn hits(&mut self, kind: StepKind, text: &str) -> (Vec<Hit>, Vec<Mistyped>) {
        let mut hits = Vec::new();
        let mut mistyped = Vec::new();
        self.index.candidates(text, &mut self.scratch);
        for &candidate in &self.scratch.found {
            let binding = candidate as usize;
            let compiled = &self.bindings[binding];
            if compiled.binding.kind != kind {
                continue;
            }
            let Some(found) = compiled.pattern.regex_for(text).and_then(|regex| regex.captures(text)) else {
                continue;
            };
            let captures: Vec<Option<Range<usize>>> =
                compiled.pattern.groups.iter().map(|&group| found.get(group).map(|m| m.range())).collect();
            if compiled.pattern.check_types {
                let wrong = captures.iter().zip(&compiled.binding.captures).position(|(range, capture)| {
                    range.as_ref().is_some_and(|range| !capture.kind.accepts(&text[range.clone()]))
                });
                if let Some(capture) = wrong {
                    let range = captures[capture].clone().unwrap_or(0..0);
                    mistyped.push(Mistyped { binding, capture, written: text[range].to_owned() });
                    continue;
                }
            }
            hits.push(Hit { binding, captures });
        }
        if hits.iter().any(|hit| hit.binding < self.first) {
            hits.retain(|hit| hit.binding < self.first);
        }
        (hits, mistyped)
    }

    fn has_valid_escapes(&self, hit: &Hit, text: &str) -> bool {
        let captures = hit.captures.iter().zip(&self.bindings[hit.binding].binding.captures);
        captures.into_iter().all(|(range, capture)| {
            !capture.kind.is_escaped() || range.as_ref().is_none_or(|range| unescape(&text[range.clone()]).is_ok())
        })
    }

    /// Reads the captures of a step. `written` is its text with the words that repeat it, if it has any.
    fn matched(
        &mut self,
        Place { line, span, file }: Place<'_>,
        written: &StepText<'_>,
        text: &StepText<'_>,
        hit: &Hit,
    ) -> Option<MatchedStep> {
        let binding = &self.bindings[hit.binding].binding;
        let mut captures = Vec::with_capacity(hit.captures.len());
        let mut is_valid = true;
        let implementation = self.implementation(hit.binding, span);
        let is_native = implementation.as_ref().is_none_or(|implementation| implementation.is_native());
        for (range, definition) in hit.captures.iter().zip(&binding.captures) {
            let definition = Arc::clone(definition);
            let Some(range) = range.clone() else {
                // A group that took no part is left out, so that a parameter has its default.
                // Native functions read it by name.
                if is_native {
                    let end = offset(text.place(text.text.len()..text.text.len()).start);
                    captures.push(Capture { definition, text: Substr::default(), range: (end, end) });
                }
                continue;
            };
            let CaptureDefinition { name, kind } = &*definition;
            let place = text.place(range.clone());
            let warning = warn_collapsed(text, name, *kind, range.clone(), span.source);
            let is_command = COMMAND_LINES.contains(&name.as_str());
            let look_alike = look_alikes::warn(text, range.clone(), span.source, is_command);
            for warning in warning.into_iter().chain(look_alike) {
                self.diagnostics.push(warning);
            }
            let value = if kind.is_escaped() {
                self.unescaped(name, &text.captured(range), &place, file, span.source)
            } else if *kind == CaptureType::File {
                let name = self.file(line.kind, &text.text[range], Span::new(span.source, place.clone()), is_native);
                name.map(|name| shared(file, place.clone(), name))
            } else {
                Some(shared(file, place.clone(), &text.captured(range)))
            };
            is_valid &= value.is_some();
            captures.push(Capture {
                definition,
                text: value.unwrap_or_default(),
                range: (offset(place.start), offset(place.end)),
            });
        }
        captures.sort_by_key(|capture| capture.range.0);
        let implementation = implementation?;
        if !is_valid {
            return None;
        }
        let whole = &file[line.start as usize..line.end as usize];
        let rest = &written.captured(0..written.text.len());
        // A tab after the keyword is not part of the rest.
        let is_as_written =
            written.is_as_written() && whole.len() == line.keyword as usize + 1 + rest.len() && !whole.contains('\t');
        let text = if is_as_written {
            shared(file, line.start as usize..line.end as usize, whole)
        } else {
            let keyword = &whole[..line.keyword as usize];
            if rest.is_empty() { keyword.into() } else { format!("{keyword} {rest}").into() }
        };
        let (kind, binding, captures) = (line.kind, hit.binding, captures.into());
        Some(MatchedStep { kind, text, span, binding, implementation, captures, repetition: None })
    }

    /// Resolves the escapes of a capture. `text` is its text, `place` is where it is in `file`.
    fn unescaped(
        &mut self,
        name: &str,
        text: &str,
        place: &Range<usize>,
        file: &ArcStr,
        source: SourceId,
    ) -> Option<Substr> {
        match unescape(text) {
            Ok(plain) => Some(shared(file, place.clone(), &plain)),
            Err(bad) => {
                let escape = &text[bad.range.clone()];
                let message = format!("invalid escape `{escape}` in `{name}`: {}", bad.reason);
                // With collapsed spaces, it is somewhere in the capture.
                let is_as_written = place.len() == text.len();
                let start = place.start + bad.range.start;
                let at = if is_as_written { start..start + escape.len() } else { place.clone() };
                self.diagnostics.push(
                    Diagnostic::error(Code::BadEscape, message)
                        .at(Span::new(source, at), "")
                        .help(r#"escapes are \n \t \r \0 \\ \" \' \x41 \u{e9}; for a backslash, write `\\`"#),
                );
                None
            }
        }
    }

    /// Returns the name of the embedded file that a capture means.
    fn file<'t>(&mut self, kind: StepKind, written: &'t str, span: Span, is_native: bool) -> Option<&'t str>
    where
        'a: 't,
    {
        let Some(index) = self.contents.file(written) else {
            self.missing_file(kind, written, span);
            return None;
        };
        self.files_used[index] = true;
        // Functions of the document get what the step says, as with Subplot.
        Some(if is_native { &self.contents.files[index].file.name } else { written })
    }

    fn missing_file(&mut self, kind: StepKind, name: &str, span: Span) {
        let is_reported = self.contents.named(name).is_some_and(|block| block.is_reported);
        if self.contents.has_swallowed || self.contents.has_hidden || is_reported {
            return;
        }
        let mistake = (Code::MissingFile, kind, name.to_owned());
        if self.diagnostics.is_known(&mistake) {
            return;
        }
        let block = self.contents.named(name).map(|block| {
            let line = self.sources.location(block.span).1;
            let change = match &block.class {
                Some(class) => format!("replace `.{class}` with `.file`"),
                None => "add `.file`".to_owned(),
            };
            format!("the block at line {line} has this name: {change}")
        });
        let names = self.contents.files.iter().map(|file| file.file.name.as_str());
        let help = block
            .or_else(|| self.hints.file(name, names))
            .unwrap_or_else(|| format!("embed it in a fenced block with `{{#{name} .file}}` after the fence"));
        let error = Diagnostic::error(Code::MissingFile, format!("this document has no embedded file `{name}`"));
        self.diagnostics.push_mistake(mistake, error.at(span, "").help(help));
    }

    fn implementation(&mut self, binding: usize, span: Span) -> Option<Arc<Implementation>> {
        match &self.choices[binding] {
            Some(Choice::Run(implementation)) => Some(Arc::clone(implementation)),
            Some(Choice::CannotRun(at)) => {
                self.diagnostics.count(*at);
                None
            }
            None => {
                let chosen = self.languages.choose(&self.bindings[binding].binding).map(Arc::new);
                let choice = if let Some(chosen) = &chosen {
                    Choice::Run(Arc::clone(chosen))
                } else {
                    Choice::CannotRun(self.cannot_run(binding, span))
                };
                self.choices[binding] = Some(choice);
                chosen
            }
        }
    }

    /// Reports that nothing can run the steps of a binding, and returns the index of the diagnostic.
    ///
    /// If a language has no step host, that is one mistake, however many bindings need it.
    fn cannot_run(&mut self, binding: usize, span: Span) -> usize {
        let binding = &self.bindings[binding].binding;
        let Some(language) = self.languages.without_host(binding) else {
            let error = self.languages.explain(binding, span);
            self.cannot_run |= error.code == Code::CannotRun;
            return self.diagnostics.push(error);
        };
        if let Some(&known) = self.no_host.get(language) {
            self.diagnostics.count(known);
            return known;
        }
        let at = self.diagnostics.push(self.languages.explain(binding, span));
        self.no_host.insert(language.to_owned(), at);
        at
    }

    fn unknown(&mut self, kind: StepKind, span: Span, step: &StepText<'_>, mistyped: &[Mistyped]) {
        let text = &*step.text;
        if !self.report_unknown || self.hints.is_meant_for_invalid(kind, text) {
            return;
        }
        let mistake = (Code::UnknownStep, kind, text.to_owned());
        if self.diagnostics.is_known(&mistake) {
            return;
        }
        if let Some((plain, like, at)) = look_alikes::suspect(step)
            && !self.hits(kind, &plain).0.is_empty()
        {
            self.diagnostics.push_mistake(mistake, look_alikes::unmatched(like, at, span.source));
            return;
        }
        let error = Diagnostic::error(Code::UnknownStep, "no binding matches this step").at(span, "");
        let advice = if kind == StepKind::Then { prefix::advice(text) } else { None };
        let (error, is_explained) = match advice {
            Some(advice) => (error.help(advice), true),
            None => self.hints.explain(error, kind, text, mistyped),
        };
        if !is_explained {
            self.unbound.push(UnboundStep { kind, text: text.to_owned(), span });
        }
        self.diagnostics.push_mistake(mistake, error);
    }

    fn ambiguous(&mut self, kind: StepKind, span: Span, text: &str, candidates: &[usize]) {
        let mistake = (Code::AmbiguousStep, kind, text.to_owned());
        if self.diagnostics.is_known(&mistake) {
            return;
        }
        let message = format!("{} bindings match this step", candidates.len());
        let mut error = Diagnostic::error(Code::AmbiguousStep, message).at(span, "");
        for &candidate in candidates.iter().take(MAX_CANDIDATES) {
            let binding = &self.bindings[candidate].binding;
            error = error.and_at(binding.span, format!("`{}`", binding.pattern));
        }
        if candidates.len() > MAX_CANDIDATES {
            error = error.note(format!("and {} more", candidates.len() - MAX_CANDIDATES));
        }
        let error = error.help("reword the step, or make all but one of the patterns narrower");
        self.diagnostics.push_mistake(mistake, error);
    }

    /// Returns all diagnostics, and what is known after all steps.
    pub(crate) fn finish(self) -> (Vec<Diagnostic>, Matched) {
        let without_host = self.no_host.into_keys().collect();
        let matched = Matched {
            files_used: self.files_used,
            left_out: self.left_out,
            unbound: self.unbound,
            cannot_run: self.cannot_run,
            without_host,
        };
        (self.diagnostics.finish(), matched)
    }
}
