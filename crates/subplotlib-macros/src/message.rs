//! Mistakes in documents as errors of the compiler.

use greenroom_doc::{Diagnostic, Label, Severity, Sources};

/// Returns the message for each error. Warnings do not stop a compilation.
pub(crate) fn messages(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<String> {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    diagnostics.iter().filter(is_error).map(|diagnostic| message(diagnostic, sources)).collect()
}

fn message(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
        lines.extend(place(label, sources));
    }
    lines.extend(diagnostic.notes.iter().map(|note| format!("  = note: {note}")));
    lines.extend(diagnostic.help.iter().map(|help| format!("  = help: {help}")));
    lines.join("\n")
}

/// Shows a place: the file and the line, and what is written there.
fn place(label: &Label, sources: &Sources) -> [String; 2] {
    let file = sources.file(label.span.source);
    let (line, column) = file.line_column(label.span.start);
    let text = &file.text[file.line_range(line)];
    let place = if file.is_builtin {
        format!("  --> {} (built in)", file.name)
    } else {
        format!("  --> {}:{line}:{column}", file.name)
    };
    let number = line.to_string();
    let note = if label.text.is_empty() { String::new() } else { format!("  <- {}", label.text) };
    [place, format!("  {number} | {}{note}", text.trim_end())]
}
