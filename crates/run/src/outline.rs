//! The first event of a run: which scenarios there are, and how they are kept apart.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use greenroom_doc::{Loaded, MatchedStep, Plan, PlannedScenario, Sources, Span};
use greenroom_event::{
    CaptureMarkup, DocumentOutline, DocumentText, Held, Isolation, Location, Outline, PropertyName, ScenarioOutline,
    StepKind, StepList, StepMarkup, StepOutline, StepSource, TextPart, User,
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
        title: Arc::clone(&scenario.title),
        location: locations.location(scenario.span),
        labels: scenario.labels.clone(),
        steps: scenario
            .steps
            .iter()
            .map(|step| StepOutline { text: step.text.clone(), location: locations.location(step.span) })
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
pub fn texts(loaded: &Arc<Loaded>) -> Vec<DocumentText> {
    let (plan, sources) = (&loaded.plan, &loaded.sources);
    let mut locations = Locations::new(sources);
    let part = |body: Span| sources.file(body.source).text.substr(body.start as usize..body.end as usize);
    let texts = plan.documents.iter().enumerate().map(|(index, document)| DocumentText {
        subtitle: document.metadata.subtitle.clone(),
        authors: document.metadata.authors.clone(),
        date: document.metadata.date.clone(),
        parts: document
            .bodies
            .iter()
            .map(|&body| TextPart { location: locations.location(body), text: part(body) })
            .collect(),
        steps: StepList::Source(Arc::new(PlannedSteps::new(loaded, index))),
        css_embed: document.metadata.css_embed.clone(),
        css_urls: document.metadata.css_urls.clone(),
        ..DocumentText::default()
    });
    texts.collect()
}

/// The steps of a document in its plan.
struct PlannedSteps {
    loaded: Arc<Loaded>,
    /// The first scenario of the document.
    first: usize,
    /// How many steps come before each of its scenarios, and before the end.
    before: Vec<u32>,
}

impl PlannedSteps {
    fn new(loaded: &Arc<Loaded>, document: usize) -> Self {
        // Scenarios are in reading order.
        let first = loaded.plan.scenarios.partition_point(|scenario| scenario.document < document);
        let own = loaded.plan.scenarios[first..].iter().take_while(|scenario| scenario.document == document);
        let mut before = vec![0];
        let mut count = 0;
        for scenario in own {
            count += u32::try_from(scenario.steps.len()).unwrap_or(u32::MAX);
            before.push(count);
        }
        Self { loaded: Arc::clone(loaded), first, before }
    }

    fn planned(&self, index: usize) -> &MatchedStep {
        let scenario = self.before.partition_point(|&before| before as usize <= index).saturating_sub(1);
        let step = index - self.before[scenario] as usize;
        &self.loaded.plan.scenarios[self.first + scenario].steps[step]
    }
}

impl fmt::Debug for PlannedSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedSteps").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl StepSource for PlannedSteps {
    fn count(&self) -> usize {
        self.before.last().map_or(0, |&count| count as usize)
    }

    fn step(&self, index: usize) -> StepMarkup {
        markup(&mut Locations::new(&self.loaded.sources), self.planned(index))
    }

    fn location(&self, index: usize) -> Location {
        Locations::new(&self.loaded.sources).location(self.planned(index).span)
    }
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
