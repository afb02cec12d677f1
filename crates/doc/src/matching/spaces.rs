//! Warns about text in which collapsing spaces changes what a step says.

use std::ops::Range;

use crate::capture::CaptureType;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::matching::step_text::StepText;
use crate::source::{SourceId, Span};

/// Captures of command lines. Their words are split at spaces, so that the number does not matter.
pub(crate) const COMMAND_LINES: &[&str] = &["args", "argv", "argv0", "command", "cmd"];

/// Warns about consecutive spaces in a text that is not quoted.
///
/// `name` and `kind` are those of the capture, `range` is where it is in the text of the step.
pub(crate) fn warn_collapsed(
    text: &StepText<'_>,
    name: &str,
    kind: CaptureType,
    range: Range<usize>,
    source: SourceId,
) -> Option<Diagnostic> {
    if !matches!(kind, CaptureType::Text | CaptureType::EscapedText) || COMMAND_LINES.contains(&name) {
        return None;
    }
    let run = text.collapsed(range)?;
    let message = match text.written(run.clone()) {
        "\t" => "a tab in a step is read as a space",
        _ => "consecutive spaces in a step are collapsed",
    };
    let warning = Diagnostic::warning(Code::CollapsedSpaces, message).at(Span::new(source, run), "");
    Some(match name {
        "regex" => warning.help("to match any number of them, write `\\s+`"),
        _ => warning.help("spaces are kept only between double quotes"),
    })
}
