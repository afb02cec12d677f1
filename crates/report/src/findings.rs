//! Diagnostics of documents for programs: as JSON, as annotations of GitHub, and as SARIF.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use greenroom_doc::{Diagnostic, Label, Severity, Sources};
use greenroom_event::Origin;
use serde_json::{Value, json};

use crate::case;
use crate::github::{self, Annotation};
use crate::words;

/// Diagnostics with what is needed to write them.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// The diagnostics, in order.
    pub diagnostics: &'a [Diagnostic],
    /// The texts that they point at.
    pub sources: &'a Sources,
    /// Where the root of the repository is. Paths begin there.
    pub origin: &'a Origin,
    /// The version of greenroom.
    pub version: &'a str,
    /// How many scenarios the documents have.
    pub scenarios: usize,
    /// How many steps.
    pub steps: usize,
}

/// A place in a file that the user has.
struct Place {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    /// The column after the last character.
    end_column: u32,
}

impl Findings<'_> {
    /// Returns all as one JSON object.
    pub fn json(&self) -> String {
        let diagnostics: Vec<Value> = self.diagnostics.iter().map(|diagnostic| self.diagnostic(diagnostic)).collect();
        let errors = self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        let value = json!({
            "version": self.version,
            "scenarios": self.scenarios,
            "steps": self.steps,
            "errors": errors,
            "warnings": self.diagnostics.len() - errors,
            "diagnostics": diagnostics,
        });
        format!("{value:#}\n")
    }

    fn diagnostic(&self, diagnostic: &Diagnostic) -> Value {
        let place = diagnostic.primary.as_ref().and_then(|label| self.place(label));
        let related = diagnostic.secondary.iter().filter_map(|label| self.related(label));
        let mut value = json!({
            "severity": severity(diagnostic),
            "code": diagnostic.code.word(),
            "message": diagnostic.message,
            "label": diagnostic.primary.as_ref().map_or("", |label| &label.text),
            "related": related.collect::<Vec<_>>(),
            "notes": diagnostic.notes,
            "help": diagnostic.help,
        });
        if let (Some(place), Some(object)) = (place, value.as_object_mut()) {
            object.extend(place.fields());
        }
        value
    }

    /// Returns another place of a diagnostic, with its text.
    fn related(&self, label: &Label) -> Option<Value> {
        let mut value = json!({ "label": label.text });
        let fields = self.place(label)?.fields();
        value.as_object_mut()?.extend(fields);
        Some(value)
    }

    /// Returns the diagnostics as annotations: errors, then warnings.
    pub fn annotations(&self) -> String {
        let mut text = String::new();
        for (kind, severity) in [("error", Severity::Error), ("warning", Severity::Warning)] {
            let of_kind = self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity);
            let all: Vec<&Diagnostic> = of_kind.collect();
            let shown = github::shown(all.len());
            for diagnostic in &all[..shown] {
                let place = self.best_place(diagnostic);
                let place = place.as_ref().map(|place| (&*place.file, place.line));
                let message = text_of(diagnostic);
                let title = format!("greenroom: {}", diagnostic.code.word());
                let annotation = Annotation { kind, place, title: &title, message: words::cut(&message, github::TEXT) };
                let _ = writeln!(text, "{annotation}");
            }
            if shown < all.len() {
                let more = all.len() - shown;
                let _ = writeln!(text, "{}", github::left_out(kind, more, kind, "the log has"));
            }
        }
        text
    }

    /// Returns the diagnostics in version 2.1.0 of SARIF.
    pub fn sarif(&self) -> String {
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for diagnostic in self.diagnostics {
            rules.insert(diagnostic.code.word(), 0);
        }
        rules.values_mut().enumerate().for_each(|(at, index)| *index = at);
        let results: Vec<Value> = self.diagnostics.iter().map(|diagnostic| self.result(diagnostic, &rules)).collect();
        let described: Vec<Value> = rules.keys().map(|word| rule(word)).collect();
        let value = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "greenroom", "version": self.version, "rules": described } },
                "automationDetails": { "id": "greenroom/" },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        });
        format!("{value:#}\n")
    }

    fn result(&self, diagnostic: &Diagnostic, rules: &BTreeMap<&str, usize>) -> Value {
        let word = diagnostic.code.word();
        let locations: Vec<Value> = self.best_place(diagnostic).iter().map(|place| location(place, None)).collect();
        let others = diagnostic.secondary.iter().enumerate();
        let related: Vec<Value> = others
            .filter_map(|(at, label)| {
                let mut value = location(&self.place(label)?, Some(&label.text));
                value["id"] = (at + 1).into();
                Some(value)
            })
            .collect();
        let mut result = json!({
            "ruleId": word,
            "ruleIndex": rules.get(word),
            "level": severity(diagnostic),
            "message": { "text": text_of(diagnostic) },
            "locations": locations,
        });
        if !related.is_empty() {
            result["relatedLocations"] = related.into();
        }
        result
    }

    /// Returns the place of a diagnostic, or another one that it names if that is not the user's.
    fn best_place(&self, diagnostic: &Diagnostic) -> Option<Place> {
        diagnostic.primary.iter().chain(&diagnostic.secondary).find_map(|label| self.place(label))
    }

    /// Returns the place of a label; none for one in a file that comes with greenroom.
    fn place(&self, label: &Label) -> Option<Place> {
        let file = self.sources.file(label.span.source);
        let ((line, column), (end_line, end_column)) =
            (file.line_column(label.span.start), file.line_column(label.span.end));
        let name = case::path(Some(self.origin), &file.name);
        (!file.is_builtin).then_some(Place { file: name, line, column, end_line, end_column })
    }
}

impl Place {
    fn fields(self) -> serde_json::Map<String, Value> {
        let numbers = [
            ("line", self.line),
            ("column", self.column),
            ("end_line", self.end_line),
            ("end_column", self.end_column),
        ];
        let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.into()));
        std::iter::once(("file".to_owned(), self.file.into())).chain(numbers).collect()
    }
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Returns the message of a diagnostic with all that explains it.
fn text_of(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    let label = diagnostic.primary.as_ref().map(|label| &label.text).filter(|label| !label.is_empty());
    if let Some(line) = label {
        let _ = write!(text, "\n{line}");
    }
    for note in &diagnostic.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    for help in &diagnostic.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    text
}

fn rule(word: &str) -> Value {
    let words = word.replace('-', " ");
    json!({
        "id": word,
        "shortDescription": { "text": words },
        "fullDescription": { "text": format!("greenroom reports this mistake as `{word}`.") },
        "help": { "text": "Run `greenroom check` to see the place, the reason and what to do." },
    })
}

fn location(place: &Place, message: Option<&str>) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&place.file) },
            "region": {
                "startLine": place.line,
                "startColumn": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column,
            },
        },
    });
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        location["message"] = json!({ "text": message });
    }
    location
}

/// Returns a path as an address: relative, or with `file:` if it is absolute.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_percent_encoded() {
        assert_eq!(uri("docs/my file#1 é.md"), "docs/my%20file%231%20%C3%A9.md");
        assert_eq!(uri("/tmp/a.md"), "file:///tmp/a.md");
    }
}
