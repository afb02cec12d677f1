//! Looks at every step before anything runs, with the checks of the step libraries.

use std::ffi::OsStr;
use std::path::Path;

use greenroom_doc::{Diagnostic, Plan, PlannedScenario, Span};
use greenroom_steps::{Captures, Outlook, Registry};

use crate::script::NATIVE;

/// What cannot work, as far as it can be known without running: ports that are no ports, JSON that is none, programs
/// that nobody has. `path` is PATH, `source_directory` where greenroom was started.
pub fn preflight(plan: &Plan, registry: &Registry, path: &OsStr, source_directory: &Path) -> Vec<Diagnostic> {
    let outlook = Outlook::new(path.to_owned(), source_directory.to_owned());
    plan.scenarios.iter().flat_map(|scenario| look(scenario, registry, outlook.clone())).collect()
}

fn look(scenario: &PlannedScenario, registry: &Registry, mut outlook: Outlook) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &scenario.steps {
        if &*step.implementation.language != NATIVE {
            // Somebody's own code, which may do anything.
            outlook.anything_goes = true;
            continue;
        }
        let captures = step.captures.iter().map(|capture| (capture.name.clone(), capture.text.clone()));
        let captures = Captures::new(captures);
        for problem in registry.check(&step.implementation.function, &captures, &mut outlook) {
            let place = step.captures.iter().find(|capture| Some(&capture.name) == problem.capture.as_ref());
            let span = place.map_or(step.span, |capture| Span {
                source: step.span.source,
                start: capture.range.0,
                end: capture.range.1,
            });
            let mut diagnostic = Diagnostic::error(problem.code, problem.message).at(span, problem.label);
            diagnostic.help = problem.help;
            found.push(diagnostic);
        }
    }
    found
}
