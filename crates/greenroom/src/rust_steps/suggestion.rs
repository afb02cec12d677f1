//! Step functions in Rust to write for steps that no binding matches.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};

use greenroom_doc::UnboundStep;

/// Returns the functions to write for some steps, with a heading.
///
/// Steps with one pattern have one function, and each function has a name of its own.
pub(super) fn suggestions<'a>(steps: impl Iterator<Item = &'a UnboundStep>) -> Option<String> {
    let mut functions: Vec<Suggestion> = Vec::new();
    let mut attributes = HashSet::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for step in steps {
        let mut function = Suggestion::of(step.kind.word(), step.text.trim());
        if !attributes.insert(function.attribute.clone()) {
            continue;
        }
        let count = names.entry(function.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let _ = write!(function.name, "_{count}");
        }
        functions.push(function);
    }
    let heading = match functions.len() {
        0 => return None,
        1 => "a function for the step, to be filled in:",
        _ => "functions for the steps, to be filled in:",
    };
    let functions: Vec<String> = functions.iter().map(Suggestion::to_string).collect();
    Some(format!("{heading}\n\n{}\n", functions.join("\n\n")))
}

/// A function for a step.
struct Suggestion {
    attribute: String,
    name: String,
    parameters: Vec<String>,
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nfn {}({}) {{\n    todo!()\n}}", self.attribute, self.name, self.parameters.join(", "))
    }
}

impl Suggestion {
    /// Returns one whose parameters are the texts in quotes and the numbers of a step.
    fn of(keyword: &str, text: &str) -> Self {
        let (mut pattern, mut parameters) = (String::new(), Vec::new());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if next == '"'
                && let Some(end) = rest[1..].find('"')
            {
                let name = format!("text{}", parameters.len() + 1);
                let _ = write!(pattern, "\\\"{{{name}:text}}\\\"");
                parameters.push(format!("{name}: &str"));
                rest = &rest[end + 2..];
            } else if next.is_ascii_digit() && !pattern.ends_with(|last: char| last.is_alphanumeric() || last == '.') {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let name = format!("number{}", parameters.len() + 1);
                let _ = write!(pattern, "{{{name}}}");
                parameters.push(format!("{name}: u64"));
                rest = &rest[end..];
            } else {
                if matches!(next, '\\' | '"') {
                    pattern.push('\\');
                }
                pattern.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())).take(6);
        let name = words.map(str::to_lowercase).collect::<Vec<_>>().join("_");
        // A single word may be one of Rust's.
        let name = if name.contains('_') { name } else { format!("{keyword}_{name}") };
        Self { attribute: format!("#[{keyword}(\"{pattern}\")]"), name, parameters }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_doc::{SourceFile, Sources, Span, StepKind};

    use super::*;

    fn written(keyword: &str, text: &str) -> String {
        Suggestion::of(keyword, text).to_string()
    }

    #[test]
    fn a_function_is_suggested() {
        assert_eq!(
            written("when", "I buy \"green tea\" for 3 euros"),
            "#[when(\"I buy \\\"{text1:text}\\\" for {number2} euros\")]\nfn i_buy_green_tea_for_euros(\
             text1: &str, number2: u64) {\n    todo!()\n}"
        );
        assert_eq!(written("then", "it"), "#[then(\"it\")]\nfn then_it() {\n    todo!()\n}");
        assert_eq!(written("then", "5"), "#[then(\"{number1}\")]\nfn then_(number1: u64) {\n    todo!()\n}");
    }

    #[test]
    fn functions_differ_in_name_and_pattern() {
        let span = Span { source: Sources::default().add(SourceFile::new("x.md", "")), start: 0, end: 0 };
        let step = |kind, text: &str| UnboundStep { kind, text: text.to_owned(), span };
        let steps = [
            step(StepKind::When, "I buy 3 euros"),
            step(StepKind::When, "I buy 4 euros"),
            step(StepKind::When, "I buy \"all\" euros"),
            step(StepKind::Then, "I buy 5 euros"),
        ];
        let shown = suggestions(steps.iter()).unwrap();
        let lines: Vec<&str> = shown.lines().filter(|line| line.starts_with(['#', 'f'])).collect();
        assert_eq!(
            lines,
            [
                "functions for the steps, to be filled in:",
                "#[when(\"I buy {number1} euros\")]",
                "fn i_buy_euros(number1: u64) {",
                "#[when(\"I buy \\\"{text1:text}\\\" euros\")]",
                "fn i_buy_all_euros(text1: &str) {",
                "#[then(\"I buy {number1} euros\")]",
                "fn i_buy_euros_2(number1: u64) {",
            ]
        );
        assert_eq!(suggestions([].iter()), None);
    }
}
