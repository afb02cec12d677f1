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

/// Lists the steps of bindings files: keyword, pattern, typed captures, documentation, example.
pub fn steps(listings: &[Listing<'_>], style: Style) -> String {
    const INDENT: usize = 8;
    let width = style.width.saturating_sub(INDENT).max(30);
    let mut out = String::new();
    for (index, Listing { file, bindings, total }) in listings.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let number = words::count(*total, "step");
        let number = if bindings.len() == *total { number } else { format!("{} of {number}", bindings.len()) };
        line(&mut out, 0, &format!("{} ({number})", style.paint(Role::Title, &words::escape(file))));
        let documented = bindings.iter().any(|binding| binding.doc.is_some());
        for (index, binding) in bindings.iter().enumerate() {
            if documented && index > 0 {
                out.push('\n');
            }
            let keyword = style.paint(Role::Dim, &format!("{:5}", binding.kind.word()));
            line(&mut out, 2, &format!("{keyword} {}", words::escape(&readable(&binding.pattern))));
            let captures: Vec<_> = binding.captures.iter().map(|(name, kind)| capture(name, *kind)).collect();
            if !captures.is_empty() {
                for text in words::wrap(&captures.join(", "), width) {
                    line(&mut out, INDENT, &style.paint(Role::Dim, &text));
                }
            }
            if let Some(doc) = &binding.doc {
                for text in words::wrap(doc, width) {
                    line(&mut out, INDENT, &text);
                }
            }
            if let Some(example) = &binding.example {
                let step = format!("{} {}", binding.kind.word(), words::escape(example));
                line(&mut out, INDENT, &format!("{} {step}", style.paint(Role::Dim, "example:")));
            }
        }
    }
    out
}

/// Lists functions under their titles, each with its parameters and what it does.
pub fn functions(sections: &[(&str, &[(String, String)])], style: Style) -> String {
    const INDENT: usize = 8;
    let width = style.width.saturating_sub(INDENT).max(30);
    let mut out = String::new();
    for (index, (title, functions)) in sections.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let number = words::count(functions.len(), "function");
        line(&mut out, 0, &format!("{} ({number})", style.paint(Role::Title, &words::escape(title))));
        for (signature, doc) in *functions {
            line(&mut out, 2, &words::escape(signature));
            for text in words::wrap(doc, width) {
                line(&mut out, INDENT, &words::escape(&text));
            }
        }
    }
    out
}

/// Returns whether a step has all of these words in its pattern, description or example, ignoring case.
pub fn has_words(binding: &Binding, words: &[String]) -> bool {
    let parts = [Some(readable(&binding.pattern)), binding.doc.clone(), binding.example.clone()];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let text = format!("{} {text}", binding.kind.word()).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

/// Says what may stand in front of a `then` step of any library, as far as it has all of these words.
pub fn prefixes(words: &[String], style: Style) -> String {
    const INDENT: usize = 8;
    const TEXTS: [[&str; 3]; 2] = [
        [
            "within {seconds} seconds {step}",
            "Repeats the step until it holds, and fails as its last try failed if it does not hold in time. Only the \
             look is repeated: a step about a command runs it again, one about a command that has ended cannot be \
             repeated.",
            "then within 5 seconds file report.txt exists",
        ],
        [
            "for {seconds} seconds {step}",
            "Repeats the step for this time, and fails at the first try that does not hold.",
            "then for 2 seconds daemon web is running",
        ],
    ];
    let has_words = |texts: &&[&str; 3]| {
        let text = format!("then {}", texts.join("\n")).to_lowercase();
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    };
    let mut out = String::new();
    for [pattern, doc, example] in TEXTS.iter().filter(has_words) {
        out.push_str(if out.is_empty() { "" } else { "\n" });
        if out.is_empty() {
            line(&mut out, 0, &format!("{} (of any library)", style.paint(Role::Title, "in front of a then step")));
        }
        line(&mut out, 2, &format!("{} {pattern}", style.paint(Role::Dim, "then ")));
        for text in words::wrap(doc, style.width.saturating_sub(INDENT).max(30)) {
            line(&mut out, INDENT, &text);
        }
        line(&mut out, INDENT, &format!("{} {example}", style.paint(Role::Dim, "example:")));
    }
    out
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
