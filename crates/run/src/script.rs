//! What of a plan a stage needs to know, of a document or of a scenario.

use std::path::{Path, PathBuf};

use greenroom_doc::{MatchedStep, PlannedDocument, PlannedScenario};

use crate::options::RunOptions;
use crate::wire::{DocumentPart, HostPart, Script, ScriptStep};

/// The language of functions that need no step host.
pub(crate) const NATIVE: &str = "native";

/// Whether any of its steps is carried out by a step host.
pub(crate) fn needs_host(scenario: &PlannedScenario) -> bool {
    scenario.steps.iter().any(|step| &*step.implementation.language != NATIVE)
}

/// What the stages need to know of a document.
pub(crate) fn document_part(document: &PlannedDocument, options: &RunOptions) -> DocumentPart {
    let mut hosts: Vec<HostPart> = Vec::new();
    for listed in &document.implementations {
        let language = &listed.language;
        let at = hosts.iter().position(|host| host.language == *language).unwrap_or_else(|| {
            let program = options.hosts.get(language);
            hosts.push(HostPart {
                language: language.clone(),
                program: program.cloned().unwrap_or_else(|| options.python.clone()),
                own: program.is_none(),
                files: Vec::new(),
            });
            hosts.len() - 1
        });
        hosts[at].files.push(match &listed.file {
            Some((path, _)) => options.source_directory.join(path),
            None => library_name(&listed.name),
        });
    }
    DocumentPart { files: document.files.clone(), hosts }
}

/// The name of a library file as hosts know it, of the several by which documents may.
fn library_name(name: &str) -> PathBuf {
    Path::new("lib").join(Path::new(name).file_name().unwrap_or_default())
}

/// A scenario for its stage.
pub(crate) fn script(scenario: &PlannedScenario, document: &PlannedDocument, options: &RunOptions) -> Script {
    Script {
        document: scenario.document,
        steps: scenario.steps.iter().map(script_step).collect(),
        scenario_limit: options.timeout.or(document.limits.scenario).unwrap_or(RunOptions::DEFAULT_SCENARIO_LIMIT),
        step_limit: document.limits.step.unwrap_or(RunOptions::DEFAULT_STEP_LIMIT),
        leftovers_fail: options.leftovers_fail,
        output_limit: options.output_limit.or(document.limits.output).unwrap_or(RunOptions::DEFAULT_OUTPUT_LIMIT),
    }
}

fn script_step(step: &MatchedStep) -> ScriptStep {
    let language = Some(&*step.implementation.language).filter(|language| *language != NATIVE);
    // Only hosts want it.
    let text = language.and(step.text.split_once(' ')).map_or_else(String::new, |(_, text)| text.to_owned());
    ScriptStep {
        language: language.map(str::to_owned),
        function: step.implementation.function.as_ref().to_owned(),
        cleanup: step.implementation.cleanup.as_deref().map(str::to_owned),
        kind: step.kind.word().to_owned(),
        text,
        captures: step.captures.iter().map(|capture| (capture.name.clone(), capture.text.clone())).collect(),
    }
}
