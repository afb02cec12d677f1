//! The first event of a run: which scenarios there are, and how they are kept apart.

use greenroom_doc::{Plan, PlannedScenario, Sources, Span};
use greenroom_event::{
    DocumentOutline, Held, Isolation, Location, Outline, PropertyName, ScenarioOutline, StepOutline, User,
};
use greenroom_sandbox::{Property, StageUser};

/// Creates the outline of the selected scenarios.
pub(crate) fn outline(plan: &Plan, sources: &Sources, chosen: &[usize]) -> Outline {
    let location = |span: Span| {
        let (file, line) = sources.location(span);
        Location { file: file.to_owned(), line }
    };
    let documents = plan
        .documents
        .iter()
        .map(|document| DocumentOutline { path: document.path.clone(), title: document.title.clone() });
    let scenario = |scenario: &PlannedScenario| ScenarioOutline {
        document: scenario.document,
        title: scenario.title.clone(),
        location: location(scenario.span),
        labels: scenario.labels.clone(),
        steps: scenario
            .steps
            .iter()
            .map(|step| StepOutline { text: step.text.clone(), location: location(step.span) })
            .collect(),
    };
    Outline {
        documents: documents.collect(),
        scenarios: chosen.iter().map(|&index| scenario(&plan.scenarios[index])).collect(),
        left_out: plan.scenarios.len() - chosen.len(),
        without_scenarios: plan.skipped.len(),
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
