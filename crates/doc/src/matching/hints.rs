//! Hints for a step that no binding matches: the mistake that it most likely has.

use std::cell::OnceCell;
use std::ops::Range;

use crate::capture::{CaptureDefinition, CaptureType};
use crate::diagnostic::Diagnostic;
use crate::keyword::StepKind;
use crate::matching::index::{Index, Scratch};
use crate::read::binding::{self, CompiledBinding, InvalidBinding};
use crate::read::pattern::SimplePattern;
use crate::source::{BuiltinFile, SourceFile, Sources};
use crate::suggest;

/// At most so many steps of a load get hints. If more are wrong, one mistake explains them all.
pub(crate) const MAX_EXPLAINED: usize = 50;

/// At most so many similar bindings are shown.
const MAX_SHOWN: usize = 3;

/// At most so many bindings are compared with a step, and file names with a name.
const MAX_COMPARED: usize = 5_000;

/// A missing comma is looked for after at most so many words.
const MAX_COMMAS: usize = 48;

/// Quotes that people and editors write instead of a straight double quote.
const QUOTES: &[char] = &['"', '\'', '`', '´', '‘', '’', '‚', '“', '”', '„', '«', '»'];

/// A likeness (of 1000) below this is not similar.
const SIMILAR: u32 = 450;

/// A capture of a regex whose text does not fit its type.
pub(crate) struct Mistyped {
    pub(crate) binding: usize,
    /// The index of the capture.
    pub(crate) capture: usize,
    /// Its text.
    pub(crate) written: String,
}

/// The built-in libraries, for documents that use their steps without listing them. Read when first
/// needed.
#[derive(Default)]
pub(crate) struct Builtins {
    libraries: OnceCell<Libraries>,
}

struct Libraries {
    /// The name of each library, and where its bindings end.
    ends: Vec<(String, usize)>,
    bindings: Vec<CompiledBinding>,
    index: Index,
}

impl Builtins {
    /// Returns the names of the libraries that have a matching binding.
    fn with_step(&self, builtin: &[BuiltinFile], kind: StepKind, text: &str) -> Vec<String> {
        let Libraries { ends, bindings, index } = self.libraries.get_or_init(|| {
            let mut bindings = Vec::new();
            let mut ends = Vec::new();
            for file in builtin {
                let Some(text) = file.text.as_ref().filter(|_| file.is_bindings()) else {
                    continue;
                };
                let mut sources = Sources::default();
                let id = sources.add(SourceFile::new(&*file.name, &**text));
                bindings.extend(binding::read(id, &sources, &mut Vec::new()).bindings);
                ends.push((file.name.clone(), bindings.len()));
            }
            let index = Index::new(&bindings);
            Libraries { ends, bindings, index }
        });
        let mut scratch = Scratch::default();
        index.candidates(text, &mut scratch);
        let mut names: Vec<String> = scratch
            .found
            .iter()
            .map(|&at| at as usize)
            .filter(|&at| bindings[at].binding.kind == kind && is_match(&bindings[at], text))
            .filter_map(|at| ends.iter().find(|(_, end)| at < *end).map(|(name, _)| name.clone()))
            .collect();
        names.dedup();
        names
    }
}

fn is_match(compiled: &CompiledBinding, text: &str) -> bool {
    compiled.pattern.regex().is_some_and(|regex| regex.is_match(text))
}

/// Whether a binding matches with valid captures, none of which contains this place.
fn is_match_outside_captures(compiled: &CompiledBinding, text: &str, place: Option<usize>) -> bool {
    let Some(found) = compiled.pattern.regex().and_then(|regex| regex.captures(text)) else {
        return false;
    };
    let mut captures = compiled.pattern.groups.iter().zip(&compiled.binding.captures);
    captures.all(|(&group, capture)| {
        found.get(group).is_none_or(|part| {
            capture.kind.accepts(part.as_str()) && place.is_none_or(|place| !part.range().contains(&place))
        })
    })
}

/// Finds hints for the steps of one document.
pub(crate) struct Hints<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) bindings: &'a [CompiledBinding],
    pub(crate) invalid: &'a [InvalidBinding],
    pub(crate) index: &'a Index,
    pub(crate) builtin: &'a [BuiltinFile],
    pub(crate) builtins: &'a Builtins,
    /// How many steps may still be explained in this load.
    pub(crate) left: &'a mut usize,
    /// The words of each pattern, computed when first needed.
    pub(crate) words: Vec<Vec<Option<String>>>,
}

impl Hints<'_> {
    /// Whether a step is probably meant for a binding that has a mistake of its own.
    pub(crate) fn is_meant_for_invalid(&self, kind: StepKind, text: &str) -> bool {
        // With so many invalid bindings nothing is certain, and comparing would be slow.
        if self.invalid.len() > MAX_SHOWN * 10 {
            return true;
        }
        let step = suggest::step_words(text);
        self.invalid.iter().any(|invalid| invalid.kind == kind && suggest::likeness(&step, &invalid.words) >= SIMILAR)
    }

    /// Suggests the embedded file that a name was probably meant to be.
    pub(crate) fn file<'n>(&mut self, name: &str, files: impl Iterator<Item = &'n str>) -> Option<String> {
        *self.left = self.left.checked_sub(1)?;
        suggest::did_you_mean(name, files.take(MAX_COMPARED))
    }

    /// Adds notes and help to the diagnostic of an unknown step.
    ///
    /// Also returns whether they say what is wrong with it: otherwise it needs a binding.
    pub(crate) fn explain(
        &mut self,
        mut error: Diagnostic,
        kind: StepKind,
        text: &str,
        mistyped: &[Mistyped],
    ) -> (Diagnostic, bool) {
        if *self.left == 0 {
            return (error, false);
        }
        *self.left -= 1;
        if text.is_empty() {
            return (error.help(format!("write the step after `{}`", kind.word())), true);
        }
        if let Some(help) = self.punctuation(kind, text) {
            return (error.help(help), true);
        }
        for Mistyped { binding, capture, written } in mistyped.iter().take(MAX_SHOWN) {
            error = self.wrong_type(error, *binding, *capture, written);
        }
        let (after, found) = self.other_keyword(error, kind, text);
        error = after;
        if found || !mistyped.is_empty() {
            return (error, true);
        }
        let libraries = self.builtins.with_step(self.builtin, kind, text);
        if !libraries.is_empty() {
            let help = libraries.iter().map(|name| format!("add `{name}` to `bindings`: it has this step"));
            return (help.fold(error, Diagnostic::help), true);
        }
        let similar = self.similar(kind, text);
        if similar.is_empty() {
            return (error.help("add a binding for it, or reword it to match one"), false);
        }
        for &at in &similar {
            if let Some((capture, written)) = relaxed(&self.bindings[at], text) {
                return (self.wrong_type(error, at, capture, &written), true);
            }
        }
        for at in similar.into_iter().take(MAX_SHOWN) {
            error = error.help(format!("similar: {}", self.shown(at)));
        }
        (error, false)
    }

    fn shown(&self, at: usize) -> String {
        let binding = &self.bindings[at].binding;
        format!("`{} {}` in {}", binding.kind.word(), binding.pattern, self.sources.cite(binding.span))
    }

    fn wrong_type(&self, error: Diagnostic, at: usize, capture: usize, written: &str) -> Diagnostic {
        let CaptureDefinition { name, kind } = &*self.bindings[at].binding.captures[capture];
        error.note(format!("{} would match except for `{name}`", self.shown(at))).help(format!(
            "`{name}` must be {} ({}), not `{written}`",
            kind.wants(),
            kind.name()
        ))
    }

    /// Suggests a missing comma or straight quotes, if a binding would then match.
    fn punctuation(&self, kind: StepKind, text: &str) -> Option<String> {
        let mut scratch = Scratch::default();
        // `comma`: the place of one that must belong to the pattern.
        let mut fits = |text: &str, comma: Option<usize>| {
            self.index.candidates(text, &mut scratch);
            let mut bindings = scratch.found.iter().map(|&at| &self.bindings[at as usize]);
            bindings.any(|compiled| compiled.binding.kind == kind && is_match_outside_captures(compiled, text, comma))
        };
        if let Some((changed, quoted)) = straightened(text).filter(|(changed, _)| fits(changed, None)) {
            return Some(format!("use straight double quotes: `{}`", &changed[quoted]));
        }
        for (at, _) in text.match_indices(' ').take(MAX_COMMAS) {
            let (before, after) = text.split_at(at);
            if !before.ends_with(',') && fits(&format!("{before},{after}"), Some(at)) {
                return Some(format!("a comma is missing: `{} {before},{after}`", kind.word()));
            }
        }
        None
    }

    fn other_keyword(&self, mut error: Diagnostic, kind: StepKind, text: &str) -> (Diagnostic, bool) {
        let mut scratch = Scratch::default();
        self.index.candidates(text, &mut scratch);
        let mut found = false;
        for at in scratch.found.into_iter().map(|at| at as usize) {
            let compiled = &self.bindings[at];
            if compiled.binding.kind != kind && is_match(compiled, text) {
                let word = compiled.binding.kind.word();
                error = error.help(format!("this is a `{word}` step: write `{word}` instead"));
                error = error.note(format!("it matches {}", self.shown(at)));
                found = true;
                break;
            }
        }
        (error, found)
    }

    /// Returns bindings with similar words, the most similar first.
    fn similar(&mut self, kind: StepKind, text: &str) -> Vec<usize> {
        if self.words.is_empty() {
            self.words = self
                .bindings
                .iter()
                .take(MAX_COMPARED)
                .map(|compiled| suggest::pattern_words(&compiled.binding.pattern))
                .collect();
        }
        let step = suggest::step_words(text);
        let mut scored: Vec<(u32, usize)> = (0..self.words.len())
            .filter(|&at| self.bindings[at].binding.kind == kind)
            .map(|at| (suggest::likeness(&step, &self.words[at]), at))
            .filter(|&(score, _)| score >= SIMILAR)
            .collect();
        scored.sort_by_key(|&(score, at)| (std::cmp::Reverse(score), at));
        scored.truncate(5);
        scored.into_iter().map(|(_, at)| at).collect()
    }
}

/// Replaces the outermost single or typographic quotes of a step by straight double ones.
///
/// Returns the changed step and the range of the quoted text in it, quotes included.
fn straightened(text: &str) -> Option<(String, Range<usize>)> {
    let mut quotes = text.match_indices(QUOTES);
    let (open, first) = quotes.find(|(at, _)| text[..*at].ends_with(' '))?;
    let ends = |at: usize| text[at..].is_empty() || text[at..].starts_with([' ', ',']);
    let (close, last) = quotes.rfind(|(at, quote)| ends(at + quote.len()))?;
    let inner = &text[open + first.len()..close];
    let changed = format!("{}\"{inner}\"{}", &text[..open], &text[close + last.len()..]);
    Some((changed, open..open + inner.len() + 2))
}

/// Finds the capture whose type keeps a simple pattern from matching, and its text.
///
/// A capture that is the only one in the way is preferred to the first of several.
fn relaxed(compiled: &CompiledBinding, text: &str) -> Option<(usize, String)> {
    if compiled.pattern.check_types {
        return None;
    }
    let simple = SimplePattern::parse(&compiled.binding.pattern, true);
    let types: Vec<CaptureType> = compiled.binding.captures.iter().map(|capture| capture.kind).collect();
    let wrong = |relaxed: &[CaptureType]| {
        let pattern = simple.pattern(relaxed, false);
        let found = pattern.regex()?.captures(text)?;
        types.iter().zip(&pattern.groups).enumerate().find_map(|(capture, (kind, &group))| {
            let written = found.get(group)?.as_str();
            (!kind.accepts(written)).then(|| (capture, written.to_owned()))
        })
    };
    let alone = (0..types.len()).find_map(|capture| {
        let mut relaxed = types.clone();
        relaxed[capture] = CaptureType::Text;
        wrong(&relaxed)
    });
    alone.or_else(|| wrong(&vec![CaptureType::Text; types.len()]))
}
