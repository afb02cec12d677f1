//! Names of values in steps: those that are kept too late, and those that are likely misspelled.
//!
//! A name that no step keeps is not a mistake by itself: it may be for a shell. It is one where `${NAME}` cannot stay
//! as it is: in a URL, in a regex, and in JSON outside of quotes.

use greenroom_doc::{Code, Diagnostic, MatchedStep, Span};
use greenroom_steps::values::{names_in, open_quote};
use greenroom_steps::{PreflightState, Reading, Registry};

use crate::script;

/// Variables that shells and programs read, which are not misspelled names of values.
const VARIABLES: [&str; 10] = ["HOME", "HOSTNAME", "IFS", "LANG", "OLDPWD", "PATH", "PWD", "SHELL", "TERM", "USER"];

/// The names in the steps of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// Names that no step before keeps.
    open: Vec<Open>,
    diagnostics: Vec<Diagnostic>,
}

/// A name that no step before keeps.
#[derive(Debug)]
struct Open {
    name: String,
    span: Span,
    /// A kept name that is like it.
    near: Option<String>,
    /// Whether the step fails if it stays as it is.
    must_be_kept: bool,
}

impl Mentions {
    /// Notes the names in a step, before what the step itself keeps.
    pub(crate) fn note(&mut self, step: &MatchedStep, registry: &Registry, state: &PreflightState) {
        for capture in &step.captures {
            let function = &step.implementation.function;
            let reading = script::form(capture.kind()).reading(registry, function, capture.name());
            for (name, place) in names_in(&capture.text) {
                let (start, end) = capture.range;
                let is_as_written = (end - start) as usize == capture.text.len();
                let part = |at: usize| start + u32::try_from(at).unwrap_or_default();
                let (start, end) = if is_as_written { (part(place.start), part(place.end)) } else { (start, end) };
                let span = Span { source: step.span.source, start, end };
                let is_assigned = reading == Reading::CommandLine && assigns(&capture.text, name);
                let before = &capture.text[..place.start];
                let must_be_kept = match reading {
                    Reading::Json => open_quote(before, reading).is_none(),
                    Reading::Regex => !before.ends_with('\\'),
                    Reading::Url => true,
                    _ => false,
                };
                if state.kept.contains(name) {
                    if is_assigned {
                        self.diagnostics.push(replaced_before(name, span));
                    }
                } else if !is_assigned && !state.own_code {
                    self.open.push(Open { name: name.to_owned(), span, near: near(name, state), must_be_kept });
                }
            }
        }
    }

    /// Returns what is known at the end of the scenario.
    pub(crate) fn finish(mut self, state: &PreflightState) -> Vec<Diagnostic> {
        for Open { name, span, near, must_be_kept } in self.open {
            let later = state.kept_by.get(&name);
            match near {
                Some(near) if !must_be_kept => self.diagnostics.push(misspelled(&name, &near, span)),
                near if must_be_kept && later.is_none() => {
                    self.diagnostics.push(never_kept(&name, near.as_deref(), span));
                }
                _ => {}
            }
            if let Some(step) = later {
                let message = format!("no step before this one keeps a value as {name}");
                let error = Diagnostic::error(Code::Step("kept-later"), message).at(span, "");
                let error = error.note(format!("a later step does: `{step}`"));
                self.diagnostics.push(error.help("move that step before this one"));
            }
        }
        self.diagnostics
    }
}

/// Returns whether a command line sets a variable.
fn assigns(line: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(&format!("{name}=")).any(|(at, _)| !line[..at].ends_with(is_part))
}

fn replaced_before(name: &str, span: Span) -> Diagnostic {
    let message = format!("`${{{name}}}` is the kept value, not the variable that this command sets");
    Diagnostic::warning(Code::Step("kept-value"), message)
        .at(span, "")
        .help(format!("for the variable, write `${name}` or `$${{{name}}}`"))
}

/// Returns an error about a name that is nowhere kept, where only a value can stand.
fn never_kept(name: &str, near: Option<&str>, span: Span) -> Diagnostic {
    let error = Diagnostic::error(Code::Step("unknown-name"), format!("no step keeps a value as {name}")).at(span, "");
    error.help(match near {
        Some(near) => format!("did you mean `${{{near}}}`?"),
        None => format!(
            "keep one before this step, by `given a free port kept as {name}`, `given \"TEXT\" kept as {name}` or \
             another step that `greenroom steps kept` lists"
        ),
    })
}

/// Returns a warning about a name that is like a kept one.
fn misspelled(name: &str, near: &str, span: Span) -> Diagnostic {
    let message = format!("no step keeps a value as {name}, so `${{{name}}}` stays as it is");
    let warning = Diagnostic::warning(Code::Step("unknown-name"), message).at(span, "");
    warning.help(format!("did you mean `${{{near}}}`?"))
}

/// Returns a kept name that differs from one by letter case or one letter.
fn near(name: &str, state: &PreflightState) -> Option<String> {
    if VARIABLES.contains(&name) {
        return None;
    }
    let is_near = |kept: &&String| {
        kept.eq_ignore_ascii_case(name)
            || (name.len() > 3 && is_one_letter_off(&kept.to_lowercase(), &name.to_lowercase()))
    };
    state.kept.iter().find(is_near).cloned()
}

/// Returns whether one letter is added, left out, changed or exchanged with its neighbour.
fn is_one_letter_off(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[before..], &b[before..]);
    let (skip_a, skip_b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
    let is_exchanged = a.len() > 1 && b.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..];
    skip_a == b || a == skip_b || (!a.is_empty() && !b.is_empty() && skip_a == skip_b) || is_exchanged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_one_letter_off() {
        for (a, b, want) in [
            ("token", "tokn", true),
            ("token", "tokens", true),
            ("token", "tokem", true),
            ("token", "toekn", true),
            ("token", "tkn", false),
            ("token", "order", false),
        ] {
            assert_eq!(is_one_letter_off(a, b), want, "{a} {b}");
        }
    }

    #[test]
    fn commands_that_set_a_variable() {
        assert!(assigns("sh -c 'N=1; echo ${N}'", "N"));
        assert!(assigns("env N=1 x", "N"));
        assert!(!assigns("x --MAN=1 ${N}", "N"));
    }
}
