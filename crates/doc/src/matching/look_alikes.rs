//! Names the characters of a step that look like others.

use std::ops::Range;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::look_alike::{self, Kind, LookAlike};
use crate::matching::step_text::StepText;
use crate::source::{SourceId, Span};

/// Returns the step with plain characters, and the character that most likely keeps it from
/// matching. `None` if it has none that looks like another.
///
/// Between quotes such a character may be meant, so those outside come first.
pub(crate) fn suspect(text: &StepText<'_>) -> Option<(String, LookAlike, Range<usize>)> {
    if text.text.is_ascii() {
        return None;
    }
    let outside = in_parts(text, text.unquoted(0..text.text.len())).next();
    let (like, at) = outside.or_else(|| {
        let (like, range) = look_alike::first(&text.text)?;
        Some((like, text.place(range)))
    })?;
    Some((look_alike::plain(&text.text), like, at))
}

/// Describes a step that would match if it had plain characters.
pub(crate) fn unmatched(like: LookAlike, at: Range<usize>, source: SourceId) -> Diagnostic {
    Diagnostic::error(Code::LookAlike, format!("no binding matches this step, because of {}", like.name()))
        .at(Span::new(source, at), "")
        .help(like.help())
}

/// Warns about characters in a capture that are probably not meant. `is_command`: it is a command
/// line.
pub(crate) fn warn(text: &StepText<'_>, range: Range<usize>, source: SourceId, is_command: bool) -> Option<Diagnostic> {
    if text.text.is_ascii() {
        return None;
    }
    let place = text.place(range.clone());
    let begins_word = |at: usize| at == place.start || text.written(place.start..at).ends_with(' ');
    let ends_word = |at: usize| at == place.end || text.written(at..place.end).starts_with(' ');
    let is_suspect = |(like, at): &(LookAlike, Range<usize>)| match like.kind {
        Kind::Space | Kind::Invisible => true,
        Kind::Quote => is_command && (begins_word(at.start) || ends_word(at.end)),
        Kind::Dash => is_command && begins_word(at.start) && !ends_word(at.end),
        Kind::Other => false,
    };
    let (like, at) = in_parts(text, text.unquoted(range)).find(is_suspect)?;
    let message = match like.kind {
        Kind::Space => format!("{} does not separate words", like.name()),
        Kind::Quote => format!("{} is not a quote that groups words", like.name()),
        Kind::Dash => format!("{} does not begin an option", like.name()),
        Kind::Invisible | Kind::Other => format!("this step contains {}", like.name()),
    };
    let warning = Diagnostic::warning(Code::LookAlike, message).at(Span::new(source, at), "").help(like.help());
    Some(warning.help("if it is meant, put it between double quotes"))
}

fn in_parts(text: &StepText<'_>, parts: Vec<Range<usize>>) -> impl Iterator<Item = (LookAlike, Range<usize>)> {
    parts.into_iter().flat_map(|part| {
        let start = part.start;
        look_alike::all(text.written(part)).map(move |(like, at)| (like, start + at.start..start + at.end))
    })
}
