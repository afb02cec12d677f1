//! The parts of a plan that a stage needs: of a document and of a scenario.

use std::path::{Path, PathBuf};

use greenroom_doc::{Capture, CaptureType, MatchedStep, PlannedDocument, PlannedScenario};
use greenroom_steps::{EmbeddedFile, Repetition, RepetitionKind};

use greenroom_steps::host::StepFile;

use crate::options::RunOptions;
use crate::predefined::Predefined;
use crate::wire::{CaptureForm, DocumentPart, HostPart, Script, ScriptCapture, ScriptStep};

/// Whether a step host runs any of its steps.
pub(crate) fn needs_host(scenario: &PlannedScenario) -> bool {
    scenario.steps.iter().any(|step| !step.implementation.is_native())
}

/// Returns what stages need to know about a document.
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
            Some((path, _)) => StepFile::new(options.source_directory.join(path), &listed.bytes),
            None => StepFile::library(library_name(&listed.name)),
        });
    }
    let embedded = document.files.iter();
    let files = embedded.map(|file| EmbeddedFile { name: file.name.clone(), text: file.text.as_ref().to_owned() });
    DocumentPart {
        directory: document.directory.clone(),
        path: document.metadata.path.iter().map(|(directory, _)| directory.into()).collect(),
        files: files.collect(),
        hosts,
    }
}

/// Returns the name by which hosts know a library file. Documents may use several.
fn library_name(name: &str) -> PathBuf {
    Path::new("lib").join(Path::new(name).file_name().unwrap_or_default())
}

/// Returns what a stage needs to know about its scenario.
pub(crate) fn script(
    scenario: &PlannedScenario,
    document: &PlannedDocument,
    switches_user: bool,
    options: &RunOptions,
) -> Script {
    Script {
        document: scenario.document,
        steps: scenario.steps.iter().map(script_step).collect(),
        predefined: Predefined::of(scenario),
        switches_user,
        keeps_disk: options.keep,
        scenario_limit: options.timeout.unwrap_or(document.metadata.scenario_timeout),
        step_limit: document.metadata.step_timeout,
        strictness: options.strictness,
        evidence: options.evidence,
        output_limit: options.output_limit.unwrap_or(document.metadata.output_limit),
    }
}

fn script_step(step: &MatchedStep) -> ScriptStep {
    let language = (!step.implementation.is_native()).then_some(&*step.implementation.language);
    // Only hosts need it.
    let text = language.and(step.text.split_once(' ')).map_or_else(String::new, |(_, text)| text.to_owned());
    ScriptStep {
        language: language.map(str::to_owned),
        function: step.implementation.function.as_ref().to_owned(),
        cleanup: step.implementation.cleanup.as_deref().map(str::to_owned),
        kind: step.kind.word().to_owned(),
        text,
        captures: step.captures.iter().map(script_capture).collect(),
        repetition: step.repetition.as_deref().map(repetition),
    }
}

fn script_capture(capture: &Capture) -> ScriptCapture {
    ScriptCapture { name: capture.name().to_owned(), text: capture.text.to_string(), form: form(capture.kind()) }
}

/// Returns what a type of captures says about how their text is read.
pub(crate) fn form(kind: CaptureType) -> CaptureForm {
    match kind {
        CaptureType::Json => CaptureForm::Json,
        CaptureType::JsonPath => CaptureForm::JsonPath,
        kind if kind.is_escaped() => CaptureForm::Unescaped,
        _ => CaptureForm::Text,
    }
}

/// Returns how a step is repeated.
pub(crate) fn repetition(repetition: &greenroom_doc::Repetition) -> Repetition {
    let kind = match repetition.kind {
        greenroom_doc::RepetitionKind::Within => RepetitionKind::Within,
        greenroom_doc::RepetitionKind::For => RepetitionKind::For,
    };
    Repetition { kind, seconds: repetition.seconds.clone() }
}
