//! What the first event of a run says: which scenarios there are, and how they are kept apart.

use greenroom_doc::{Plan, PlannedScenario, Sources, Span};
use greenroom_event::{DocumentOutline, Isolation, Location, Outline, ScenarioOutline, StepOutline};
use greenroom_sandbox::Property;

/// The outline of the chosen scenarios.
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
    }
}

/// How scenarios are kept apart, as events say it.
pub(crate) fn isolation(isolation: &greenroom_sandbox::Isolation) -> Isolation {
    let property = |property: Property| {
        let (own, shared) = property.values();
        let has = isolation.has(property);
        let refused = isolation.refusals.iter().find(|refusal| refusal.property == property);
        greenroom_event::Property {
            name: property.name().to_owned(),
            value: if has { own } else { shared }.to_owned(),
            refused: refused.filter(|_| !has).map(ToString::to_string),
        }
    };
    let mut properties: Vec<greenroom_event::Property> = Property::ALL.into_iter().map(property).collect();
    let user = isolation.user().to_owned();
    properties.push(greenroom_event::Property { name: "user".to_owned(), value: user, refused: None });
    Isolation { sealed: isolation.is_sealed(), properties }
}
