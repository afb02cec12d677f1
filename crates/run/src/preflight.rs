//! Looks at every step before anything runs, with the checks of the step libraries.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;

use greenroom_doc::{Diagnostic, MatchedStep, Plan, PlannedScenario, Span};
use greenroom_steps::{Captures, Outlook, Problem, Registry};

use crate::script::NATIVE;

/// The code of a problem with a program that nobody has.
const NOT_FOUND: &str = "program-not-found";

/// What cannot work, as far as it can be known without running: ports that are no ports, JSON that is none, programs
/// that nobody has. `path` is PATH, `source_directory` where greenroom was started.
pub fn preflight(plan: &Plan, registry: &Registry, path: &OsStr, source_directory: &Path) -> Vec<Diagnostic> {
    let outlook = Outlook::new(path.to_owned(), source_directory.to_owned());
    plan.scenarios.iter().flat_map(|scenario| look(scenario, registry, outlook.clone())).collect()
}

fn look(scenario: &PlannedScenario, registry: &Registry, mut outlook: Outlook) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // One program is missed once.
    let mut missing = BTreeSet::new();
    for step in &scenario.steps {
        if &*step.implementation.language != NATIVE {
            // Somebody's own code, which may do anything.
            outlook.anything_goes = true;
            continue;
        }
        let captures = step.captures.iter().map(|capture| (capture.name.clone(), capture.text.clone()));
        let captures = Captures::new(captures);
        let before = outlook.anything_goes;
        let problems = registry.check(&step.implementation.function, &captures, &mut outlook);
        if problems.iter().any(|problem| problem.code == NOT_FOUND) {
            // Such a program makes no file that a later step could be missing.
            outlook.anything_goes = before;
            outlook.ran = true;
        }
        for problem in problems {
            if problem.code == NOT_FOUND && !missing.insert(problem.message.clone()) {
                continue;
            }
            let span = place(step, &problem);
            let diagnostic = if problem.warning {
                Diagnostic::warning(problem.code, problem.message)
            } else {
                Diagnostic::error(problem.code, problem.message)
            };
            let mut diagnostic = diagnostic.at(span, problem.label);
            diagnostic.help = problem.help;
            found.push(diagnostic);
        }
    }
    found
}

/// Where a problem of a step stands.
fn place(step: &MatchedStep, problem: &Problem) -> Span {
    let Some(capture) = step.captures.iter().find(|capture| Some(&capture.name) == problem.capture.as_ref()) else {
        return step.span;
    };
    let (start, end) = part(step, capture.range.0, problem.part.as_ref()).unwrap_or(capture.range);
    Span { source: step.span.source, start, end }
}

/// A part of what begins at `from` with a capture, if the source has it as the captures do: without escapes or more blanks.
fn part(step: &MatchedStep, from: u32, part: Option<&Range<usize>>) -> Option<(u32, u32)> {
    let part = part?;
    let (start, end) = (from + u32::try_from(part.start).ok()?, from + u32::try_from(part.end).ok()?);
    let mut reached = from;
    for capture in step.captures.iter().filter(|capture| capture.range.0 >= from) {
        if reached >= end {
            break;
        }
        let (begin, until) = capture.range;
        if begin != reached || (until - begin) as usize != capture.text.len() {
            return None;
        }
        reached = until;
    }
    (reached >= end).then_some((start, end))
}
