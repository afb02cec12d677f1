//! The first event of a run: which scenarios there are, and how they are kept apart.

use std::collections::HashSet;
use std::sync::Arc;

use greenroom_doc::{MatchedStep, Plan, PlannedScenario, Sources, Span};
use greenroom_event::{
    CaptureMarkup, DocumentOutline, DocumentText, Held, Isolation, Location, Outline, PropertyName, ScenarioOutline,
    StepKind, StepMarkup, StepOutline, TextPart, User,
};
use greenroom_sandbox::{Property, StageUser};

/// Creates the outline of the selected scenarios. `texts` are those of all documents, or none; so are
/// `names`, those of all scenarios as tests.
pub fn outline(
    plan: &Plan,
    sources: &Sources,
    chosen: &[usize],
    texts: &[Arc<DocumentText>],
    names: &[String],
) -> Outline {
    let mut locations = Locations::new(sources);
    let documents = plan.documents.iter().enumerate().map(|(index, document)| DocumentOutline {
        path: document.path.clone(),
        title: document.title.clone(),
        text: texts.get(index).cloned(),
    });
    let mut scenario = |scenario: &PlannedScenario, test: Option<&String>| ScenarioOutline {
        document: scenario.document,
        test: test.cloned(),
        title: scenario.title.to_string(),
        location: locations.location(scenario.span),
        labels: scenario.labels.clone(),
        steps: scenario
            .steps
            .iter()
            .map(|step| StepOutline { text: step.text.to_string(), location: locations.location(step.span) })
            .collect(),
        ..ScenarioOutline::default()
    };
    Outline {
        documents: documents.collect(),
        scenarios: chosen.iter().map(|&index| scenario(&plan.scenarios[index], names.get(index))).collect(),
        left_out: plan.scenarios.len() - chosen.len(),
        without_scenarios: plan.skipped.len(),
        ..Outline::default()
    }
}

/// Returns the texts of all documents, without the files that they name.
pub fn texts(plan: &Plan, sources: &Sources) -> Vec<DocumentText> {
    let mut locations = Locations::new(sources);
    let mut texts: Vec<DocumentText> = plan
        .documents
        .iter()
        .map(|document| DocumentText {
            subtitle: document.metadata.subtitle.clone(),
            authors: document.metadata.authors.clone(),
            date: document.metadata.date.clone(),
            parts: document
                .bodies
                .iter()
                .map(|&body| TextPart { location: locations.location(body), text: sources.text(body).to_owned() })
                .collect(),
            css_embed: document.metadata.css_embed.clone(),
            css_urls: document.metadata.css_urls.clone(),
            ..DocumentText::default()
        })
        .collect();
    for scenario in &plan.scenarios {
        if let Some(text) = texts.get_mut(scenario.document) {
            text.steps.extend(scenario.steps.iter().map(|step| markup(&mut locations, step)));
        }
    }
    texts
}

/// Returns the text of a step as the document writes it, and its captures there.
fn markup(locations: &mut Locations<'_>, step: &MatchedStep) -> StepMarkup {
    let text = locations.sources.text(step.span).to_owned();
    let place = |at: u32| usize::try_from(at.saturating_sub(step.span.start)).unwrap_or_default().min(text.len());
    let captures = step.captures.iter().map(|capture| CaptureMarkup {
        name: capture.name().to_owned(),
        kind: capture.kind().name().to_owned(),
        start: place(capture.range.0),
        end: place(capture.range.1),
    });
    StepMarkup {
        location: locations.location(step.span),
        kind: match step.kind {
            greenroom_doc::StepKind::Given => StepKind::Given,
            greenroom_doc::StepKind::When => StepKind::When,
            greenroom_doc::StepKind::Then => StepKind::Then,
        },
        captures: captures.collect(),
        text,
    }
}

/// Locations in documents, which share the names of their files.
struct Locations<'a> {
    sources: &'a Sources,
    files: HashSet<Arc<str>>,
}

impl<'a> Locations<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self { sources, files: HashSet::new() }
    }

    fn location(&mut self, span: Span) -> Location {
        let (file, line) = self.sources.location(span);
        let known = self.files.get(file).cloned();
        let file = known.unwrap_or_else(|| {
            let file = Arc::from(file);
            self.files.insert(Arc::clone(&file));
            file
        });
        Location { file, line }
    }
}

/// Converts the isolation of the sandbox to that of events.
pub(crate) fn isolation(isolation: &greenroom_sandbox::Isolation) -> Isolation {
    let property = |property: Property| {
        let refusal = isolation.refusals.iter().find(|refusal| refusal.property == property);
        let held = match refusal {
            _ if isolation.has(property) => Held::Own,
            Some(refusal) => Held::Refused { call: refusal.call.to_string(), error: refusal.error.to_string() },
            None => Held::Shared,
        };
        greenroom_event::Property { name: property_name(property), held }
    };
    Isolation {
        sealed: isolation.is_sealed(),
        properties: Property::ALL.into_iter().map(property).collect(),
        user: match isolation.user() {
            StageUser::Root => User::Root,
            StageUser::Same => User::Same,
        },
    }
}

/// Returns the name of a property of the sandbox in events.
pub fn property_name(property: Property) -> PropertyName {
    match property {
        Property::Kill => PropertyName::Kill,
        Property::Network => PropertyName::Network,
        Property::Tmp => PropertyName::Tmp,
        Property::Proc => PropertyName::Proc,
        Property::Host => PropertyName::Host,
    }
}
