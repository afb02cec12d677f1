//! Mistakes in documents as errors of the compiler.

use greenroom_doc::{Code, Diagnostic, Label, Severity, Sources};

/// Returns the message for each error. Warnings do not stop a compilation.
pub(crate) fn messages(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<String> {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    diagnostics.iter().filter(is_error).map(|diagnostic| message(diagnostic, sources)).collect()
}

/// Libraries of greenroom without functions in Rust.
const OTHER_LIBRARIES: [&str; 4] = ["daemon.yaml", "http.yaml", "json.yaml", "values.yaml"];

fn message(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
        lines.extend(place(label, sources));
    }
    let (mut notes, mut helps) = (diagnostic.notes.clone(), diagnostic.help.clone());
    match diagnostic.code {
        // The advice of greenroom is about the languages that it runs.
        Code::CannotRun if !helps.iter().any(|help| help.contains("`rust:`")) => {
            lines[0] = String::from("no function in Rust is bound to this step");
            for note in &mut notes {
                if let Some(bound) = note.strip_suffix(", which greenroom does not have") {
                    *note = bound.to_owned();
                }
            }
            helps = vec!["add `rust: {function: NAME}` under `impl` of the binding".to_owned()];
        }
        Code::NotFound if OTHER_LIBRARIES.iter().any(|name| diagnostic.message.ends_with(name)) => {
            notes = vec!["the steps of this library have no functions in Rust".to_owned()];
            helps = vec!["run the document with `greenroom::acceptance_tests!`, which has them".to_owned()];
        }
        Code::NotFound if diagnostic.primary.is_none() => {
            notes.push("paths begin in the directory of the package".to_owned());
        }
        _ => {}
    }
    lines.extend(notes.iter().map(|note| format!("  = note: {note}")));
    lines.extend(helps.iter().map(|help| format!("  = help: {help}")));
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
