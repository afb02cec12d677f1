//! Steps against bindings: which one binding a step means, what it captures, and what carries it out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::binding::Bound;
use crate::capture::unescape;
use crate::diagnostic::Diagnostic;
use crate::document::{Contents, StepLine};
use crate::hints::Hints;
use crate::index::{Index, Scratch};
use crate::plan::{Capture, CaptureType, Implementation, MatchedStep, StepKind};
use crate::source::{SourceId, Sources, Span, offset};
use crate::suggest;

/// Places of an ambiguous step's candidates beyond this many are only counted.
const MAX_CANDIDATES: usize = 8;

/// The language of functions that are greenroom's own.
const NATIVE: &str = "native";

/// What decides whether a binding can be carried out.
pub(crate) struct Languages<'a> {
    /// Under `impls` of the document, in order.
    pub(crate) listed: Vec<String>,
    pub(crate) can_run: &'a dyn Fn(&str, &str) -> bool,
}

/// A step without its keyword, as bindings see it.
struct Wording<'a> {
    /// As it stands in the source.
    raw: &'a str,
    /// Where that begins in the source.
    start: usize,
    /// With blanks collapsed.
    text: Cow<'a, str>,
}

impl Wording<'_> {
    /// The place in the source of a range of `text`.
    fn place(&self, range: Range<usize>) -> Range<usize> {
        if matches!(self.text, Cow::Borrowed(_)) {
            return self.start + range.start..self.start + range.end;
        }
        let start = self.raw_offset(range.start, false);
        let end = if range.is_empty() { start } else { self.raw_offset(range.end, true) };
        self.start + start..self.start + end
    }

    /// Walks both texts side by side; `end`: where the character before ends rather than where this one begins.
    fn raw_offset(&self, at: usize, end: bool) -> usize {
        let raw = self.raw.as_bytes();
        let (mut from, mut to) = (0, 0);
        while to < at {
            from += 1;
            if raw[from - 1].is_ascii_whitespace() {
                while raw.get(from).is_some_and(u8::is_ascii_whitespace) && !(end && to + 1 == at) {
                    from += 1;
                }
            }
            to += 1;
        }
        from
    }
}

/// Collapses each run of ASCII blanks to one blank. `text` has none at its ends.
pub(crate) fn collapse(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let clean = bytes
        .iter()
        .zip(&bytes[bytes.len().min(1)..])
        .all(|(a, b)| !a.is_ascii_whitespace() || (*a == b' ' && !b.is_ascii_whitespace()));
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// The first place where a step has more or other blanks than bindings see: several in a row, or a tab.
fn blank_run(text: &str) -> Option<Range<usize>> {
    let is_blank = |c: char| c.is_ascii_whitespace();
    let mut from = 0;
    while let Some(at) = text[from..].find(is_blank) {
        let start = from + at;
        let end = text[start..].find(|c| !is_blank(c)).map_or(text.len(), |length| start + length);
        if &text[start..end] != " " {
            return Some(start..end);
        }
        from = end;
    }
    None
}

/// A binding that fits, with the range of each capture in the collapsed text; `None` for a group that took no part.
struct Hit {
    binding: usize,
    captures: Vec<Option<Range<usize>>>,
}

/// A capture of a regex that is not of its type: (binding, capture, its text).
pub(crate) type Mistyped = (usize, usize, String);

/// Matches the steps of one document.
pub(crate) struct Matcher<'a> {
    sources: &'a Sources,
    bindings: &'a [Bound],
    index: &'a Index,
    contents: &'a Contents,
    languages: &'a Languages<'a>,
    hints: Hints<'a>,
    scratch: Scratch,
    choices: Vec<Option<Choice>>,
    /// Complaints about steps that were made already: where in `diagnostics`, and how often since.
    told: HashMap<(&'static str, StepKind, String), (usize, usize)>,
    /// Whether unknown steps are told: not when bindings are missing because of other mistakes.
    tell_unknown: bool,
    pub(crate) files_used: Vec<bool>,
    diagnostics: Vec<Diagnostic>,
}

/// What carries a binding out, decided when its first step comes.
enum Choice {
    Run(Implementation),
    /// Cannot be: the complaint, and how many further steps need it.
    Told(usize, usize),
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(
        sources: &'a Sources,
        bindings: &'a [Bound],
        index: &'a Index,
        contents: &'a Contents,
        languages: &'a Languages<'a>,
        hints: Hints<'a>,
        tell_unknown: bool,
    ) -> Self {
        Self {
            sources,
            bindings,
            index,
            contents,
            languages,
            hints,
            scratch: Scratch::default(),
            choices: bindings.iter().map(|_| None).collect(),
            told: HashMap::new(),
            tell_unknown,
            files_used: vec![false; contents.files.len()],
            diagnostics: Vec::new(),
        }
    }

    /// Matches one step. `None` after a complaint.
    pub(crate) fn step(&mut self, source: SourceId, line: StepLine) -> Option<MatchedStep> {
        let file = self.sources.file(source);
        let whole = &file.text[line.start as usize..line.end as usize];
        let span = Span { source, start: line.start, end: line.end };
        let after = &whole[line.keyword as usize..];
        let raw = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let start = line.start as usize + whole.len() - raw.len();
        let wording = Wording { raw, start, text: collapse(raw) };
        let (mut hits, mistyped) = self.hits(line.kind, &wording.text);
        if hits.len() > 1 {
            // A text that cannot be unescaped is no match where another binding can take it as it is.
            let sound = |hit: &Hit| self.escapes_are_good(hit, &wording.text);
            if hits.iter().any(sound) {
                let keep: Vec<bool> = hits.iter().map(sound).collect();
                let mut keep = keep.iter();
                hits.retain(|_| keep.next() != Some(&false));
            }
        }
        let mut hits = hits.into_iter();
        match (hits.next(), hits.len()) {
            (None, _) => self.unknown(line.kind, span, &wording.text, &mistyped),
            (Some(hit), 0) => return self.matched(line, span, whole, &wording, &hit),
            (Some(first), _) => {
                let all: Vec<usize> = std::iter::once(first.binding).chain(hits.map(|hit| hit.binding)).collect();
                self.ambiguous(line.kind, span, &wording.text, &all);
            }
        }
        None
    }

    fn hits(&mut self, kind: StepKind, text: &str) -> (Vec<Hit>, Vec<Mistyped>) {
        let mut hits = Vec::new();
        let mut mistyped = Vec::new();
        self.index.candidates(text, &mut self.scratch);
        for &candidate in &self.scratch.found {
            let binding = candidate as usize;
            let bound = &self.bindings[binding];
            if bound.binding.kind != kind {
                continue;
            }
            let Some(found) = bound.pattern.regex().and_then(|regex| regex.captures(text)) else {
                continue;
            };
            let captures: Vec<Option<Range<usize>>> =
                bound.pattern.groups.iter().map(|&group| found.get(group).map(|m| m.range())).collect();
            if bound.pattern.check_types {
                let wrong = captures.iter().zip(&bound.binding.captures).position(|(range, (_, kind))| {
                    range.as_ref().is_some_and(|range| !kind.accepts(&text[range.clone()]))
                });
                if let Some(capture) = wrong {
                    let range = captures[capture].clone().unwrap_or(0..0);
                    mistyped.push((binding, capture, text[range].to_owned()));
                    continue;
                }
            }
            hits.push(Hit { binding, captures });
        }
        (hits, mistyped)
    }

    fn escapes_are_good(&self, hit: &Hit, text: &str) -> bool {
        let captures = hit.captures.iter().zip(&self.bindings[hit.binding].binding.captures);
        captures.into_iter().all(|(range, (_, kind))| {
            !kind.is_escaped() || range.as_ref().is_none_or(|range| unescape(&text[range.clone()]).is_ok())
        })
    }

    fn matched(
        &mut self,
        line: StepLine,
        span: Span,
        whole: &str,
        wording: &Wording<'_>,
        hit: &Hit,
    ) -> Option<MatchedStep> {
        let bound = &self.bindings[hit.binding];
        let mut captures = Vec::with_capacity(hit.captures.len());
        let mut sound = true;
        let implementation = self.implementation(hit.binding, span);
        let is_native = implementation.as_ref().is_none_or(|chosen| &*chosen.language == NATIVE);
        for (range, (name, kind)) in hit.captures.iter().zip(&bound.binding.captures) {
            let Some(range) = range.clone() else {
                // A group that took no part is left out, so that a parameter has its default. Native functions ask for it by name.
                if is_native {
                    let end = offset(wording.place(wording.text.len()..wording.text.len()).start);
                    captures.push(Capture { name: name.clone(), kind: *kind, text: String::new(), range: (end, end) });
                }
                continue;
            };
            let written = &wording.text[range.clone()];
            let place = wording.place(range.clone());
            self.blanks(hit.binding, name, *kind, span.source, &place);
            let mut text = written.to_owned();
            if kind.is_escaped() {
                match unescape(written) {
                    Ok(plain) => text = plain.into_owned(),
                    Err(bad) => {
                        sound = false;
                        let at = wording.place(range.start + bad.range.start..range.start + bad.range.end);
                        let shown = &wording.text[range.start + bad.range.start..range.start + bad.range.end];
                        self.diagnostics.push(
                            Diagnostic::error("bad-escape", format!("`{shown}` in `{name}`: {}", bad.reason))
                                .at(Span::new(span.source, at), "")
                                .help(r#"these are known: \n \t \r \0 \\ \" \' \x41 \u{e9}; a backslash itself is written `\\`"#),
                        );
                    }
                }
            } else if *kind == CaptureType::File {
                if let Some(index) = self.contents.file(written) {
                    self.files_used[index] = true;
                    // Functions of the document get what the step says, as with Subplot.
                    if is_native {
                        text.clone_from(&self.contents.files[index].file.name);
                    }
                } else {
                    sound = false;
                    self.missing_file(line.kind, written, Span::new(span.source, place.clone()));
                }
            }
            captures.push(Capture {
                name: name.clone(),
                kind: *kind,
                text,
                range: (offset(place.start), offset(place.end)),
            });
        }
        captures.sort_by_key(|capture| capture.range.0);
        let implementation = implementation?;
        if !sound {
            return None;
        }
        let text = match &wording.text {
            // A tab after the keyword is not seen in the rest.
            Cow::Borrowed(text) if whole.len() == line.keyword as usize + 1 + text.len() && !whole.contains('\t') => {
                whole.to_owned()
            }
            text => {
                let keyword = &whole[..line.keyword as usize];
                if text.is_empty() { keyword.to_owned() } else { format!("{keyword} {text}") }
            }
        };
        Some(MatchedStep { kind: line.kind, text, span, binding: hit.binding, implementation, captures })
    }

    /// Warns of blanks in a text between quotes that a step of the libraries writes or looks for: it will have fewer of them.
    fn blanks(&mut self, binding: usize, name: &str, kind: CaptureType, source: SourceId, place: &Range<usize>) {
        let text = &self.sources.file(source).text;
        let written = &text[place.clone()];
        let is_quoted = text[..place.start].ends_with('"') && text[place.end..].starts_with('"');
        let is_text = matches!(kind, CaptureType::Text | CaptureType::EscapedText);
        let Some(run) = blank_run(written).filter(|_| is_quoted && is_text) else {
            return;
        };
        let binding = &self.bindings[binding].binding;
        if !self.sources.location(binding.span).0.starts_with("built-in ") {
            return;
        }
        let at = Span::new(source, place.start + run.start..place.start + run.end);
        let message = match &written[run] {
            "\t" => "a tab counts as a blank in a step",
            _ => "blanks in a row count as one in a step",
        };
        let warning = Diagnostic::warning("blanks", message).at(at, "");
        self.diagnostics.push(if kind.is_escaped() {
            let escaped = |c: char| match c {
                '\t' => "\\t",
                _ => "\\x20",
            };
            let mut help = String::new();
            let mut rest = written;
            while let Some(run) = blank_run(rest) {
                help.push_str(&rest[..run.start]);
                help.extend(rest[run.clone()].chars().map(escaped));
                rest = &rest[run.end..];
            }
            warning.help(format!("write `{help}{rest}` if all of them are meant"))
        } else if name == "regex" {
            warning.help("write `\\s+` for any number of them")
        } else {
            warning.help("put the text into an embedded file if all of them are meant")
        });
    }

    fn missing_file(&mut self, kind: StepKind, name: &str, span: Span) {
        if self.contents.swallowed {
            return;
        }
        let key = ("missing-file", kind, name.to_owned());
        if self.again(&key) {
            return;
        }
        let block = self.contents.named(name).map(|block| {
            let line = self.sources.location(block.span).1;
            let change = match &block.class {
                Some(class) => format!("write `.file` instead of `.{class}`"),
                None => "add `.file`".to_owned(),
            };
            format!("the block at line {line} has this name: {change}")
        });
        let names = self.contents.files.iter().map(|file| file.file.name.as_str());
        let help = block
            .or_else(|| self.hints.file(name, names))
            .unwrap_or_else(|| format!("embed it: a fenced block with `{{#{name} .file}}` behind the fence"));
        let error = Diagnostic::error("missing-file", format!("no file `{name}` is embedded in the document"));
        self.tell(key, error.at(span, "").help(help));
    }

    fn implementation(&mut self, binding: usize, span: Span) -> Option<Implementation> {
        if self.choices[binding].is_none() {
            let Some(chosen) = self.choose(binding) else {
                let error = self.cannot_run(binding, span);
                self.diagnostics.push(error);
                self.choices[binding] = Some(Choice::Told(self.diagnostics.len() - 1, 0));
                return None;
            };
            self.choices[binding] = Some(Choice::Run(chosen));
        }
        match self.choices[binding].as_mut()? {
            Choice::Run(implementation) => Some(implementation.clone()),
            Choice::Told(_, more) => {
                *more += 1;
                None
            }
        }
    }

    fn choose(&self, binding: usize) -> Option<Implementation> {
        let all = &self.bindings[binding].binding.implementations;
        let runs = |i: &&Implementation| (self.languages.can_run)(&i.language, &i.function);
        let of = |language: &str| all.iter().filter(|i| &*i.language == language).find(runs);
        let listed = || self.languages.listed.iter().find_map(|language| of(language));
        // A document that lists no language at all leaves the choice to the binding.
        let any = || {
            if self.languages.listed.is_empty() { all.iter().find(runs) } else { None }
        };
        of(NATIVE).or_else(listed).or_else(any).cloned()
    }

    fn cannot_run(&self, binding: usize, span: Span) -> Diagnostic {
        let binding = &self.bindings[binding].binding;
        let keyword = binding.kind.word();
        if binding.implementations.is_empty() {
            return Diagnostic::error(
                "no-implementation",
                format!("nothing carries out `{keyword} {}`", binding.pattern),
            )
            .at(span, "")
            .and_at(binding.span, "this binding has no `impl`")
            .help("add `impl:` to the binding, with a language and a `function:`");
        }
        let mut error =
            Diagnostic::error("cannot-run", format!("greenroom cannot carry out `{keyword} {}`", binding.pattern))
                .at(span, "")
                .and_at(binding.span, "bound here");
        for implementation in &binding.implementations {
            let (language, function) = (&implementation.language, &implementation.function);
            if (self.languages.can_run)(language, function) {
                error = error
                    .note(format!("{language} function `{function}` is there, but `impls` of the document does not list {language}"))
                    .help(format!("add `{language}:` under `impls` of the document, with the files that its functions are in"));
            } else {
                error = error.note(format!(
                    "it is bound to the {language} function `{function}`, which greenroom does not have"
                ));
            }
        }
        if error.help.is_empty() {
            let hosted = |implementation: &&Implementation| !matches!(&*implementation.language, NATIVE | "python");
            let known = [NATIVE, "python"].into_iter().chain(self.languages.listed.iter().map(String::as_str));
            let slip = binding.implementations.iter().filter(hosted).find_map(|other| {
                suggest::nearest(&other.language, known.clone()).filter(|near| *near != &*other.language)
            });
            error = error.help(match (slip, binding.implementations.iter().find(hosted)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(other)) => format!(
                    "python functions are carried out, and those of languages with a step host: `--host {}=PROGRAM`",
                    other.language
                ),
                (None, None) => "`greenroom steps` shows the functions that there are".to_owned(),
            });
        }
        error
    }

    /// Whether this was told before; then it is counted there.
    fn again(&mut self, key: &(&'static str, StepKind, String)) -> bool {
        match self.told.get_mut(key) {
            Some((_, more)) => {
                *more += 1;
                true
            }
            None => false,
        }
    }

    fn tell(&mut self, key: (&'static str, StepKind, String), diagnostic: Diagnostic) {
        self.told.insert(key, (self.diagnostics.len(), 0));
        self.diagnostics.push(diagnostic);
    }

    fn unknown(&mut self, kind: StepKind, span: Span, text: &str, mistyped: &[Mistyped]) {
        if !self.tell_unknown || self.hints.is_meant_for_broken(kind, text) {
            return;
        }
        let key = ("unknown-step", kind, text.to_owned());
        if self.again(&key) {
            return;
        }
        let error = Diagnostic::error("unknown-step", "no binding matches this step").at(span, "");
        let error = self.hints.explain(error, kind, text, mistyped);
        self.tell(key, error);
    }

    fn ambiguous(&mut self, kind: StepKind, span: Span, text: &str, candidates: &[usize]) {
        let key = ("ambiguous-step", kind, text.to_owned());
        if self.again(&key) {
            return;
        }
        let message = format!("{} bindings match this step", candidates.len());
        let mut error = Diagnostic::error("ambiguous-step", message).at(span, "");
        for &candidate in candidates.iter().take(MAX_CANDIDATES) {
            let binding = &self.bindings[candidate].binding;
            error = error.and_at(binding.span, format!("`{}`", binding.pattern));
        }
        if candidates.len() > MAX_CANDIDATES {
            error = error.note(format!("and {} more", candidates.len() - MAX_CANDIDATES));
        }
        self.tell(key, error.help("reword the step, or make all but one of the patterns narrower"));
    }

    /// All complaints, with what was counted since they were made; and which embedded files were used.
    pub(crate) fn finish(self) -> (Vec<Diagnostic>, Vec<bool>) {
        let mut diagnostics = self.diagnostics;
        let counted = self.choices.iter().filter_map(|choice| match choice {
            Some(Choice::Told(at, more)) => Some((*at, *more)),
            _ => None,
        });
        // Each complaint is counted once, so their order does not matter.
        #[expect(clippy::iter_over_hash_type, reason = "each entry belongs to a complaint of its own")]
        for &(at, more) in self.told.values() {
            add_count(&mut diagnostics[at], more);
        }
        for (at, more) in counted {
            add_count(&mut diagnostics[at], more);
        }
        (diagnostics, self.files_used)
    }
}

fn add_count(diagnostic: &mut Diagnostic, more: usize) {
    match more {
        0 => {}
        1 => diagnostic.notes.push("and in 1 more place".to_owned()),
        more => diagnostic.notes.push(format!("and in {more} more places")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_collapse() {
        assert!(matches!(collapse("a b c"), Cow::Borrowed(_)));
        assert!(matches!(collapse(""), Cow::Borrowed(_)));
        assert_eq!(collapse("a  b\tc"), "a b c");
        assert_eq!(collapse("a\tb"), "a b");
        assert_eq!(collapse("a\u{a0}\u{a0}b"), "a\u{a0}\u{a0}b");
    }

    #[test]
    fn places_survive_collapsing() {
        let raw = "say  \t hällo   wörld \t x";
        let wording = Wording { raw, start: 100, text: collapse(raw) };
        let place = |part: &str| {
            let at = wording.text.find(part).unwrap();
            let range = wording.place(at..at + part.len());
            raw[range.start - 100..range.end - 100].to_owned()
        };
        assert_eq!(place("hällo"), "hällo");
        assert_eq!(place("hällo wörld"), "hällo   wörld");
        assert_eq!(place("x"), "x");
        assert_eq!(place("wörld x"), "wörld \t x");
        assert_eq!(wording.place(0..3), 100..103);
        assert_eq!(wording.place(4..4), 107..107);
    }
}
