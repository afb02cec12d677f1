//! Checks every step before anything runs, with the checks of the step libraries.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use greenroom_doc::{Code, Diagnostic, MatchedStep, Plan, PlannedScenario, Span};
use greenroom_steps::{Captures, EmbeddedFile, PathOrigin, PreflightState, Problem, ProblemKind, Registry};

use crate::mentions::Mentions;
use crate::predefined::Predefined;
use crate::script;
use crate::users::account_of;

/// What scenarios will see of the host.
#[derive(Debug)]
pub struct HostView<'a> {
    /// PATH.
    pub path: &'a OsStr,
    /// Where PATH comes from.
    pub path_origin: PathOrigin,
    /// Where greenroom was started.
    pub source_directory: &'a Path,
    /// What scenarios see of `/tmp` and `/dev/shm`, without symbolic links; `None` for all of it.
    pub visible: Option<Vec<PathBuf>>,
}

/// Finds steps that cannot work: invalid ports, malformed JSON, missing programs.
pub fn preflight(plan: &Plan, registry: &Registry, host: HostView<'_>) -> Vec<Diagnostic> {
    let visible: Option<Arc<[PathBuf]>> = host.visible.map(Arc::from);
    let file = |file: &greenroom_doc::EmbeddedFile| EmbeddedFile {
        name: file.name.clone(),
        text: file.text.as_ref().to_owned(),
    };
    let states = plan.documents.iter().map(|document| PreflightState {
        embedded: document.files.iter().map(file).collect(),
        path_origin: host.path_origin.clone(),
        path_prefix: document.metadata.path.iter().map(|(directory, _)| directory.into()).collect(),
        user: account_of(document).map(|account| account.name),
        lacks_path: document.metadata.path.iter().any(|(directory, _)| !Path::new(directory).is_dir()),
        visible: visible.clone(),
        ..PreflightState::new(host.path.to_owned(), host.source_directory.to_owned())
    });
    let states: Vec<PreflightState> = states.collect();
    let of = |scenario: &PlannedScenario| states.get(scenario.document).cloned();
    let mut found = Found::default();
    for scenario in &plan.scenarios {
        if let (Some(mut state), Some(document)) = (of(scenario), plan.documents.get(scenario.document)) {
            for predefined in Predefined::of(scenario) {
                state.kept.insert(predefined.name().to_owned());
                let value = predefined.value(host.source_directory, &document.directory);
                state.known.extend(value.map(|value| (predefined.name().to_owned(), value)));
            }
            let metadata = &document.metadata;
            state.limits =
                vec![("step_timeout", metadata.step_timeout), ("scenario_timeout", metadata.scenario_timeout)];
            check(scenario, registry, state, &mut found);
        }
    }
    found.finish()
}

/// Diagnostics. A missing or hidden program is reported once, with a count of the other places.
#[derive(Default)]
struct Found {
    diagnostics: Vec<Diagnostic>,
    /// The index of the diagnostic of each of these programs, and the number of other places.
    missing: BTreeMap<String, (usize, usize)>,
    /// Names of values that are reported as mistakes.
    names: Vec<Span>,
}

impl Found {
    fn add(&mut self, step: &MatchedStep, problem: Problem) {
        if matches!(problem.kind, ProblemKind::MissingProgram | ProblemKind::HiddenProgram) {
            if let Some((_, more)) = self.missing.get_mut(&problem.message) {
                *more += 1;
                return;
            }
            self.missing.insert(problem.message.clone(), (self.diagnostics.len(), 0));
        }
        self.diagnostics.push(diagnostic(place(step, &problem), problem));
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        for (at, more) in std::mem::take(&mut self.missing).into_values().filter(|(_, more)| *more > 0) {
            let places = if more == 1 { "place" } else { "places" };
            self.diagnostics[at].notes.push(format!("and in {more} more {places}"));
        }
        // A mistake in a name says more than that no shell replaces it.
        let Self { mut diagnostics, names, .. } = self;
        let is_of_name =
            |at: Span| names.iter().any(|it| it.source == at.source && it.start < at.end && at.start < it.end);
        diagnostics.retain(|known| {
            let place = known.primary.as_ref().map(|label| label.span);
            known.code != Code::Step(ProblemKind::NoShell.word()) || !place.is_some_and(is_of_name)
        });
        diagnostics
    }
}

fn check(scenario: &PlannedScenario, registry: &Registry, mut state: PreflightState, found: &mut Found) {
    let mut mentions = Mentions::default();
    for (at, step) in scenario.steps.iter().enumerate() {
        step.text.as_str().clone_into(&mut state.step_text);
        if scenario.complete_until.is_some_and(|complete| at >= complete) {
            // A step that is left out could do anything.
            state.runs_own_code();
        }
        if let Some(repetition) = &step.repetition
            && let Some(problem) = script::repetition(repetition).check(&state)
        {
            let (start, end) = repetition.range;
            found.diagnostics.push(diagnostic(Span { source: step.span.source, start, end }, problem));
        }
        state.step = at;
        if !step.implementation.is_native() {
            // Code of the document, which may do anything.
            state.runs_own_code();
            continue;
        }
        let captures = step.captures.iter().map(|capture| (capture.name().to_owned(), state.expand(&capture.text)));
        let captures: Vec<(String, String)> = captures.collect();
        let escaped = step.captures.iter().filter(|capture| capture.kind().is_escaped());
        let captures = Captures::new(captures).with_escapes(escaped.map(|capture| capture.name().to_owned()));
        if let Some(repetition) = &step.repetition {
            let waits = repetition.kind == greenroom_doc::RepetitionKind::Within;
            if let Some(problem) = registry.check_look(waits, &step.implementation.function, &captures, &state) {
                found.add(step, problem);
            }
        }
        mentions.note(step, registry, &state);
        let before = state.anything_goes;
        let problems = registry.check(&step.implementation.function, &captures, &mut state);
        if problems.iter().any(|problem| problem.kind == ProblemKind::MissingProgram) {
            // That is the one mistake: what it would have created is unknown, and other programs are
            // looked up as before.
            state.anything_goes = before;
            state.lacks_program = true;
            state.ran = true;
        }
        for problem in problems {
            found.add(step, problem);
        }
    }
    for (at, problem) in registry.check_end(&state) {
        if let Some(step) = scenario.steps.get(at) {
            found.add(step, problem);
        }
    }
    let mistakes = mentions.finish(&state);
    found.names.extend(mistakes.iter().filter_map(|mistake| Some(mistake.primary.as_ref()?.span)));
    found.diagnostics.extend(mistakes);
}

/// Converts a problem to a diagnostic.
fn diagnostic(span: Span, problem: Problem) -> Diagnostic {
    let code = Code::Step(problem.kind.word());
    let diagnostic = if problem.warning {
        Diagnostic::warning(code, problem.message)
    } else {
        Diagnostic::error(code, problem.message)
    };
    problem.help.into_iter().fold(diagnostic.at(span, problem.label), Diagnostic::help)
}

/// Returns the place of a problem.
fn place(step: &MatchedStep, problem: &Problem) -> Span {
    let Some(capture) = step.captures.iter().find(|capture| Some(capture.name()) == problem.capture.as_deref()) else {
        return step.span;
    };
    let (start, end) = part(step, capture.range.0, problem.part.as_ref()).unwrap_or(capture.range);
    Span { source: step.span.source, start, end }
}

/// Returns the place of a part of a capture that begins at `from`. The part may go on into the
/// captures that follow.
///
/// `None` if the source has the text in another form: with escapes, or with collapsed spaces.
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
