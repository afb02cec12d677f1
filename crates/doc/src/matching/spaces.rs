//! Warns about quoted texts in which collapsing changes what the step says.

use std::ops::Range;

use crate::capture::CaptureType;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::matching::step_text::collapsed_run;
use crate::read::binding::Binding;
use crate::source::{SourceId, Sources, Span};

/// Warns about consecutive spaces in a quoted text of a built-in step.
///
/// `name` and `kind` are those of the capture, `place` is where it is in the source.
pub(crate) fn warn_collapsed(
    sources: &Sources,
    binding: &Binding,
    name: &str,
    kind: CaptureType,
    source: SourceId,
    place: &Range<usize>,
) -> Option<Diagnostic> {
    let text = &sources.file(source).text;
    let written = &text[place.clone()];
    let is_quoted = text[..place.start].ends_with('"') && text[place.end..].starts_with('"');
    let is_text = matches!(kind, CaptureType::Text | CaptureType::EscapedText);
    let run = collapsed_run(written).filter(|_| is_quoted && is_text)?;
    if !sources.file(binding.span.source).is_builtin {
        return None;
    }
    let at = Span::new(source, place.start + run.start..place.start + run.end);
    let message = match &written[run] {
        "\t" => "a tab in a step is read as a space",
        _ => "consecutive spaces in a step are collapsed",
    };
    let warning = Diagnostic::warning(Code::CollapsedSpaces, message).at(at, "");
    Some(if kind.is_escaped() {
        warning.help(format!("to keep all of them, write `{}`", escaped(written)))
    } else if name == "regex" {
        warning.help("to match any number of them, write `\\s+`")
    } else {
        warning.help("to keep all of them, put the text into an embedded file")
    })
}

/// Writes each space that would be collapsed as an escape.
fn escaped(written: &str) -> String {
    let escape = |c: char| match c {
        '\t' => "\\t",
        _ => "\\x20",
    };
    let mut text = String::new();
    let mut rest = written;
    while let Some(run) = collapsed_run(rest) {
        text.push_str(&rest[..run.start]);
        text.extend(rest[run.clone()].chars().map(escape));
        rest = &rest[run.end..];
    }
    text + rest
}
