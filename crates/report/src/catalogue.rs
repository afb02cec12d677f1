//! The scenarios of documents and the steps of libraries, as text for `greenroom list` and
//! `greenroom steps`.

use greenroom_doc::{Binding, CaptureType, Plan, PlannedScenario, Sources};

use crate::style::{Role, Style};
use crate::words;

/// Lists the scenarios of a plan: place, title and labels. With `steps`, also their steps.
pub fn scenarios(plan: &Plan, sources: &Sources, steps: bool, style: Style) -> String {
    let place = |scenario: &PlannedScenario| {
        let (file, line) = sources.location(scenario.span);
        format!("{}:{line}", words::escape(file))
    };
    let widest = plan.scenarios.iter().map(|scenario| words::width(&place(scenario))).max().unwrap_or(0);
    let mut out = String::new();
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        if steps && index > 0 {
            out.push('\n');
        }
        let place = place(scenario);
        let blanks = " ".repeat(widest - words::width(&place));
        let title = style.paint(Role::Title, &words::escape(&scenario.title));
        let labels = if scenario.labels.is_empty() {
            String::new()
        } else {
            let labels: Vec<_> = scenario.labels.iter().map(|label| words::escape(label)).collect();
            format!("  [{}]", labels.join(", "))
        };
        line(&mut out, 0, &format!("{place}{blanks}  {title}{labels}"));
        for step in scenario.steps.iter().filter(|_| steps) {
            line(&mut out, 4, &words::escape(&step.text));
        }
    }
    if plan.scenarios.is_empty() {
        let paths: Vec<_> = plan.documents.iter().map(|document| words::escape(&document.path)).collect();
        let place = if paths.is_empty() { String::new() } else { format!(" in {}", words::list(&paths)) };
        line(&mut out, 0, &format!("no scenarios{place}"));
    }
    if steps && !plan.skipped.is_empty() {
        out.push('\n');
        line(&mut out, 0, &words::skipped_documents(plan.skipped.len()));
    }
    out
}

/// The steps of a bindings file that are listed.
#[derive(Debug)]
pub struct Listing<'a> {
    /// The name of the file.
    pub file: &'a str,
    /// The listed steps.
    pub bindings: Vec<&'a Binding>,
    /// How many steps the file has.
    pub total: usize,
}

/// The indentation of what describes an entry.
const INDENT: usize = 8;

/// Lists the steps of bindings files: keyword, pattern, typed captures, documentation, example. With
/// `calls`, also how functions in Rust call built-in steps.
pub fn steps(listings: &[Listing<'_>], calls: bool, style: Style) -> String {
    let mut out = String::new();
    for Listing { file, bindings, total } in listings {
        let number = words::count(*total, "step");
        let number = if bindings.len() == *total { number } else { format!("{} of {number}", bindings.len()) };
        heading(&mut out, file, &number, style);
        let documented = bindings.iter().any(|binding| binding.doc.is_some());
        for (index, binding) in bindings.iter().enumerate() {
            if documented && index > 0 {
                out.push('\n');
            }
            let captures: Vec<_> = binding.captures.iter().map(|it| capture(&it.name, it.kind)).collect();
            let step = Step {
                keyword: binding.kind.word(),
                pattern: &readable(&binding.pattern),
                captures: &captures.join(", "),
                doc: binding.doc.as_deref().unwrap_or_default(),
                example: binding.example.as_deref(),
            };
            step.write(&mut out, style);
            if calls && let Some(call) = call(binding) {
                line(&mut out, INDENT, &format!("{} {call}", style.paint(Role::Dim, "in Rust:")));
            }
        }
    }
    out
}

/// Returns how a function in Rust calls a built-in step: all of its captures, as variables of their names.
fn call(binding: &Binding) -> Option<String> {
    let function = &binding.implementations.iter().find(|implementation| implementation.is_native())?.function;
    let captures: Vec<_> = binding.captures.iter().map(|it| format!("({:?}, {})", it.name, it.name)).collect();
    Some(words::escape(&format!("context.native({function:?}, &[{}])?", captures.join(", "))).into_owned())
}

/// Lists functions under their titles, each with its parameters and what it does.
pub fn functions(sections: &[(&str, &[(String, String)])], style: Style) -> String {
    let mut out = String::new();
    for (title, functions) in sections {
        heading(&mut out, title, &words::count(functions.len(), "function"), style);
        for (signature, doc) in *functions {
            line(&mut out, 2, &words::escape(signature));
            paragraph(&mut out, &words::escape(doc), style);
        }
    }
    out
}

/// Returns whether a step has all of these words in its pattern, description or example, ignoring case.
pub fn has_words(binding: &Binding, words: &[String]) -> bool {
    let doc = binding.doc.as_deref().unwrap_or_default();
    let example = binding.example.as_deref().unwrap_or_default();
    contains_all(&[binding.kind.word(), &readable(&binding.pattern), doc, example], words)
}

/// What may stand in front of a `then` step of any library.
const PREFIXES: [Step<'_>; 2] = [
    Step {
        keyword: "then",
        pattern: "within {seconds} seconds {step}",
        captures: "",
        doc: "Repeats the step until it holds, and fails as its last try failed if it does not hold in time. Only the \
              look is repeated: a step about a command runs it again, one about a command that has ended cannot be \
              repeated.",
        example: Some("within 5 seconds file report.txt exists"),
    },
    Step {
        keyword: "then",
        pattern: "for {seconds} seconds {step}",
        captures: "",
        doc: "Repeats the step for this time, and fails at the first try that does not hold.",
        example: Some("for 2 seconds daemon web is running"),
    },
];

/// Lists what may stand in front of a `then` step of any library, as far as it has all of these words.
pub fn prefixes(words: &[String], style: Style) -> String {
    let mut out = String::new();
    for prefix in &PREFIXES {
        if !contains_all(&[prefix.keyword, prefix.pattern, prefix.doc, prefix.example.unwrap_or_default()], words) {
            continue;
        }
        if out.is_empty() {
            heading(&mut out, "in front of a then step", "of any library", style);
        } else {
            out.push('\n');
        }
        prefix.write(&mut out, style);
    }
    out
}

/// A step as it is listed.
struct Step<'a> {
    keyword: &'a str,
    pattern: &'a str,
    captures: &'a str,
    doc: &'a str,
    example: Option<&'a str>,
}

impl Step<'_> {
    fn write(&self, out: &mut String, style: Style) {
        let keyword = style.paint(Role::Dim, &format!("{:5}", self.keyword));
        line(out, 2, &format!("{keyword} {}", words::escape(self.pattern)));
        if !self.captures.is_empty() {
            for text in words::wrap(self.captures, width(style)) {
                line(out, INDENT, &style.paint(Role::Dim, &text));
            }
        }
        paragraph(out, self.doc, style);
        if let Some(example) = self.example {
            let step = format!("{} {}", self.keyword, words::escape(example));
            line(out, INDENT, &format!("{} {step}", style.paint(Role::Dim, "example:")));
        }
    }
}

/// Writes a title with what is below it in parentheses, after an empty line if it is not the first.
fn heading(out: &mut String, title: &str, number: &str, style: Style) {
    if !out.is_empty() {
        out.push('\n');
    }
    line(out, 0, &format!("{} ({number})", style.paint(Role::Title, &words::escape(title))));
}

fn paragraph(out: &mut String, text: &str, style: Style) {
    if text.is_empty() {
        return;
    }
    for text in words::wrap(text, width(style)) {
        line(out, INDENT, &text);
    }
}

fn width(style: Style) -> usize {
    style.width.saturating_sub(INDENT).max(30)
}

/// Returns whether texts contain all of these words, ignoring case and line breaks.
fn contains_all(texts: &[&str], words: &[String]) -> bool {
    let text = texts.join(" ").to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

fn capture(name: &str, kind: CaptureType) -> String {
    let kind = match kind {
        CaptureType::Word => "a word",
        CaptureType::EscapedWord => "a word with \\ escapes",
        CaptureType::Text => "any text",
        CaptureType::EscapedText => "any text with \\ escapes",
        CaptureType::Int => "an integer",
        CaptureType::Uint => "a non-negative integer",
        CaptureType::Number => "a number",
        CaptureType::File => "an embedded file",
        CaptureType::Path => "a path",
        CaptureType::Json => "a JSON value",
        CaptureType::JsonPath => "a JSONPath",
    };
    format!("{name}: {kind}")
}

/// Returns a pattern as the step is written: `{name}` for captures, no anchors, no escapes.
fn readable(pattern: &str) -> String {
    let regex = pattern.contains("(?P<") || pattern.contains("(?<");
    let mut out = String::new();
    let mut rest = if regex {
        let rest = pattern.strip_prefix('^').unwrap_or(pattern);
        rest.strip_suffix('$').unwrap_or(rest)
    } else {
        pattern
    };
    while let Some(c) = rest.chars().next() {
        if regex && let Some((name, after)) = group(rest) {
            out.extend(["{", name, "}"]);
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '{' if !regex => {
                // `{name:type}` and `{name}`.
                let end = rest.find('}').unwrap_or(rest.len());
                let name = rest[..end].split(':').next().unwrap_or_default();
                out.extend(["{", name, "}"]);
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            '\\' if regex => match rest.chars().next() {
                Some(escaped) if !escaped.is_alphanumeric() => {
                    out.push(escaped);
                    rest = &rest[escaped.len_utf8()..];
                }
                _ => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

/// Returns the name of the named group at the start of a regex, and the text after the group.
fn group(regex: &str) -> Option<(&str, &str)> {
    let inner = regex.strip_prefix("(?P<").or_else(|| regex.strip_prefix("(?<"))?;
    let (name, body) = inner.split_once('>')?;
    if name.starts_with(['=', '!']) {
        return None;
    }
    let (mut depth, mut escaped, mut class) = (1, false, false);
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((name, &body[at + 1..]));
        }
    }
    None
}

fn line(out: &mut String, indent: usize, text: &str) {
    if !text.is_empty() {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push_str(text);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn patterns_are_shown_as_steps_are_written() {
        assert_eq!(readable(r"file {name:file}"), "file {name}");
        assert_eq!(readable(r"file {name"), "file {name}");
        assert_eq!(
            readable(r#"^I run "(?P<command>[^")(]+(x|y))", \S+ (it)? ends\.$"#),
            r#"I run "{command}", \S+ (it)? ends."#
        );
        assert_eq!(readable(r"a (?P<open>x"), "a (?P<open>x");
        assert_eq!(readable(r"exit code is {code} (see \d)"), r"exit code is {code} (see \d)");
    }
}
