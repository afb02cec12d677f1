//! One line of a scenario: its keyword and the kind of step that follows from it.

use std::ops::Range;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::keyword::{KEYWORDS, StepKind, is_keyword};
use crate::look_alike::{self, Kind};
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

/// What a following `and` or `but` continues.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Continued {
    Nothing,
    /// A line with a mistake, of unknown kind. Lines that continue it are not reported again.
    Unclear,
    Kind(StepKind),
}

/// The length limit of a step, in bytes. Every pattern is tried on every step.
const MAX_STEP: usize = 64 << 10;

/// Returns the keyword that a word is, or was probably meant to be.
pub(crate) fn nearest_keyword(word: &str) -> Option<&'static str> {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    suggest::nearest(bare, KEYWORDS)
}

/// Describes a line whose keyword is hidden by a character that looks like another.
///
/// Also returns what a following `and` continues.
fn look_alike(words: &str, source: SourceId, start: usize) -> Option<(Continued, Diagnostic)> {
    let (like, range) = look_alike::first(words)?;
    let plain = look_alike::plain(&words[..words.floor_char_boundary(200)]);
    let word = plain.split(' ').next().unwrap_or_default();
    if !word.is_empty() && !is_keyword(word) {
        return None;
    }
    let at = Span::new(source, start + range.start..start + range.end);
    let error = Diagnostic::error(Code::LookAlike, format!("this step contains {}", like.name()));
    let after = match word.to_ascii_lowercase().as_str() {
        "given" => Continued::Kind(StepKind::Given),
        "when" => Continued::Kind(StepKind::When),
        "then" => Continued::Kind(StepKind::Then),
        _ => Continued::Unclear,
    };
    let is_before_step = range.start == 0 && like.kind == Kind::Space;
    let help = if is_before_step { "remove it".to_owned() } else { like.help() };
    Some((after, error.at(at, "").help(help)))
}

/// Reads the keyword of a line.
///
/// On failure, returns what a following `and` continues, and a diagnostic unless an earlier one
/// covers it.
pub(crate) fn step_line(
    text: &str,
    source: SourceId,
    line: Range<usize>,
    before: Continued,
) -> Result<StepLine, (Continued, Option<Box<Diagnostic>>)> {
    let words = &text[line.clone()];
    if words.len() > MAX_STEP {
        let span = Span::new(source, line.start..line.start);
        let error = Diagnostic::error(
            Code::StepTooLong,
            format!("this step has {} bytes; the limit is {MAX_STEP}", words.len()),
        );
        return Err((Continued::Unclear, Some(Box::new(error.at(span, "").help("move the text to an embedded file")))));
    }
    if let Some(at) = words.find('\0') {
        let span = Span::new(source, line.start + at..line.start + at + 1);
        let error = Diagnostic::error(Code::NulCharacter, "this step contains a NUL character").at(span, "");
        let help = "remove it: command lines and file names cannot contain one";
        return Err((Continued::Unclear, Some(Box::new(error.help(help)))));
    }
    let length = words.find(|c: char| c.is_ascii_whitespace()).unwrap_or(words.len());
    let word = &words[..length];
    let kind = match () {
        () if word.eq_ignore_ascii_case("given") => Some(StepKind::Given),
        () if word.eq_ignore_ascii_case("when") => Some(StepKind::When),
        () if word.eq_ignore_ascii_case("then") => Some(StepKind::Then),
        () if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("but") => match before {
            Continued::Kind(kind) => Some(kind),
            Continued::Unclear => return Err((before, None)),
            Continued::Nothing => {
                let span = Span::new(source, line.start..line.start + length);
                let error =
                    Diagnostic::error(Code::NoStepBefore, format!("`{word}` has no step before it to continue"))
                        .at(span, "")
                        .help("begin the scenario with `given`, `when` or `then`");
                return Err((Continued::Unclear, Some(Box::new(error))));
            }
        },
        () => None,
    };
    if let Some(kind) = kind {
        return Ok(StepLine { kind, start: offset(line.start), end: offset(line.end), keyword: offset(length) });
    }
    if let Some((after, error)) = look_alike(words, source, line.start) {
        return Err((after, Some(Box::new(error))));
    }
    let span = Span::new(source, line.start..line.start + length);
    let guess = nearest_keyword(word);
    let shown = if word.chars().count() > 40 {
        format!("{}…", word.chars().take(40).collect::<String>())
    } else {
        word.to_owned()
    };
    let error = Diagnostic::error(Code::UnknownKeyword, format!("a step cannot begin with `{shown}`")).at(span, "");
    let error = match guess {
        Some(guess) => error.help(format!("did you mean `{guess}`?")),
        None if word.starts_with('#') || word.starts_with("//") => {
            error.help("scenarios cannot have comments: move it out of the block")
        }
        None => error.help("begin each line with `given`, `when`, `then`, `and` or `but`; a step cannot span lines"),
    };
    let after = match guess {
        Some("given") => Continued::Kind(StepKind::Given),
        Some("when") => Continued::Kind(StepKind::When),
        Some("then") => Continued::Kind(StepKind::Then),
        _ if matches!(before, Continued::Nothing) => Continued::Unclear,
        _ => before,
    };
    Err((after, Some(Box::new(error))))
}
