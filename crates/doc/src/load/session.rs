//! One load: the parts of each document in the order in which they depend on one another.

use std::collections::HashSet;

use crate::code::Code;
use crate::contents::blocks::{self, Titles};
use crate::contents::raw::Contents;
use crate::diagnostic::{Diagnostic, Severity};
use crate::load::lookup;
use crate::load::sources::{BindingSet, Need, SourceReader};
use crate::load::unused::unused_files;
use crate::matching::choose::Languages;
use crate::matching::hints::{Builtins, Hints, MAX_EXPLAINED};
use crate::matching::index::Index;
use crate::matching::matcher::{Matched, Matcher};
use crate::plan::{Plan, PlannedDocument, PlannedScenario};
use crate::read::binding::{self, Binding};
use crate::read::metadata::block::{self, Parts};
use crate::read::metadata::document::{self as front, FileKind, Front};
use crate::read::metadata::keys::Metadata;
use crate::read::metadata::value::Name;
use crate::source::{BuiltinFile, Loader, SourceFile, SourceId, Sources, Span};
use crate::suggest;

/// What to load, and from where.
pub struct Request<'a> {
    /// The documents as the user named them: `.md`, or `.subplot`.
    pub documents: &'a [String],
    /// Where files come from.
    pub loader: &'a dyn Loader,
    /// Files that come with the runner. Files beside the document take precedence.
    pub builtin: &'a [BuiltinFile],
    /// Whether a step function can run: its language (the key under `impl:` in bindings) and its
    /// name.
    pub can_run: &'a dyn Fn(&str, &str) -> bool,
    /// Whether this document may be without scenarios. Then it is skipped, and its mistakes with it,
    /// except for blocks that look like scenarios: these are warnings.
    pub may_be_empty: &'a dyn Fn(&str) -> bool,
    /// Whether a document that is not skipped must have scenarios. To be typeset it needs none.
    pub needs_scenarios: bool,
}

/// The outcome of a load.
#[derive(Debug)]
pub struct Loaded {
    /// All texts, for positions and excerpts.
    pub sources: Sources,
    /// The plan, complete for everything without errors. It must not run if there are any.
    pub plan: Plan,
    /// All diagnostics, in order of document and position.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether an error forbids running the plan.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Reads documents and matches their steps.
///
/// This never fails as a whole: every mistake is one of the diagnostics.
pub fn load(request: &Request<'_>) -> Loaded {
    let mut session = Session {
        request,
        files: SourceReader::new(request.loader, request.builtin),
        plan: Plan::default(),
        diagnostics: Vec::new(),
        builtins: Builtins::default(),
        explanations: MAX_EXPLAINED,
    };
    let mut seen = HashSet::new();
    for path in request.documents {
        if seen.insert(lookup::key(path)) {
            let before = session.diagnostics.len();
            session.document(path);
            // By position. A diagnostic without one explains why there are no others, and comes
            // first.
            session.diagnostics[before..]
                .sort_by_key(|d| d.primary.as_ref().map(|label| (label.span.source, label.span.start)));
        }
    }
    Loaded { sources: session.files.sources, plan: session.plan, diagnostics: session.diagnostics }
}

/// Reads the bindings of one bindings file without a document, to list the steps of a library.
pub fn bindings_of(file: SourceFile) -> (Sources, Vec<Binding>, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    if u32::try_from(file.text.len()).is_err() {
        diagnostics.push(lookup::too_big(&file.name));
        return (sources, Vec::new(), diagnostics);
    }
    let id = sources.add(file);
    let file = binding::read(id, &sources, &mut diagnostics);
    (sources, file.bindings.into_iter().map(|compiled| compiled.binding).collect(), diagnostics)
}

struct Session<'a> {
    request: &'a Request<'a>,
    files: SourceReader<'a>,
    plan: Plan,
    diagnostics: Vec<Diagnostic>,
    builtins: Builtins,
    /// How many more steps get hints in this load.
    explanations: usize,
}

impl Session<'_> {
    fn document(&mut self, path: &str) {
        let begin = self.diagnostics.len();
        let id = match self.files.document(path) {
            Ok(id) => id,
            Err(error) => {
                self.diagnostics.push(*error);
                return;
            }
        };
        let directory = lookup::directory(path).to_owned();
        let text = self.files.sources.file(id).text.clone();
        let (kind, parts) = if lookup::has_extension(path, &["subplot", "yaml", "yml"]) {
            (FileKind::Subplot, Parts::only_metadata(&text))
        } else {
            (FileKind::Markdown, block::split(&text))
        };
        let front = front::read(id, &text, &parts, kind, &mut self.diagnostics);
        let is_missing = matches!(front, Front::Missing);
        let is_readable = !matches!(front, Front::Unreadable);
        let metadata = match front {
            Front::Metadata(metadata) => *metadata,
            Front::Missing | Front::Unreadable => Metadata::default(),
        };

        let mut bodies = Vec::new();
        if kind == FileKind::Subplot {
            for name in &metadata.markdowns {
                bodies.extend(self.files.markdown(&directory, name, &mut self.diagnostics));
            }
        } else {
            bodies.push(Span::new(id, parts.body));
        }
        let is_complete = kind == FileKind::Markdown || bodies.len() == metadata.markdowns.len();
        let before = self.diagnostics.len();
        let mut contents = self.contents(&bodies, &metadata);
        let looks_empty = contents.first_block.is_none() && !self.diagnostics[before..].iter().any(is_near_scenario);
        if looks_empty && is_complete && (self.request.may_be_empty)(path) {
            let about_blocks = self.diagnostics.split_off(before);
            self.diagnostics.truncate(begin);
            self.diagnostics.extend(about_blocks.into_iter().filter(may_hide_scenario).map(as_warning));
            self.plan.skipped.push(path.to_owned());
            return;
        }
        let is_explained = self.diagnostics[before..].iter().any(|d| d.severity == Severity::Error);
        // Nothing to run is an error, unless another error explains it.
        if self.request.needs_scenarios && contents.scenarios.is_empty() && is_readable && is_complete && !is_explained
        {
            self.diagnostics.push(no_scenario(path, id));
        }
        let before = self.diagnostics.len();
        let set = if is_missing {
            self.files.builtin_bindings(path, &mut self.diagnostics)
        } else {
            self.files.bindings(path, &metadata, &mut self.diagnostics)
        };
        let is_sure = is_readable && set.is_complete;
        let has_mistakes = self.diagnostics[before..].iter().any(|it| it.severity == Severity::Error);
        let has_none = is_sure && set.bindings.is_empty() && set.invalid.is_empty() && !has_mistakes;
        if let Some(block) = contents.first_block.filter(|_| has_none) {
            self.diagnostics.push(no_bindings(block, is_missing, &metadata, &contents));
        }
        let before = self.diagnostics.len();
        let (scenarios, matched) = self.scenarios(&metadata, &mut contents, &set, is_sure);
        let has_own_functions = set.first < set.bindings.len();
        if is_missing
            && !has_own_functions
            && let Some(unknown) = self.diagnostics[before..].iter_mut().find(|d| d.code == Code::UnknownStep)
        {
            let about = "this document has no metadata, so it has only the built-in steps; to use others,";
            unknown.help.extend(how_to_name_bindings(about, &contents));
        }
        if is_complete {
            self.diagnostics.extend(unknown_labels(&metadata, &scenarios));
        }
        // With steps missing from the plan, any language may be needed.
        let any = !set.is_complete || matched.cannot_run;
        let implementations = self.files.implementations(
            &directory,
            &metadata,
            |language| {
                let mut steps = scenarios.iter().flat_map(|scenario: &PlannedScenario| &scenario.steps);
                match () {
                    // That a step host is missing is one mistake.
                    () if matched.without_host.contains(language) => Need::OfHost,
                    () if any || steps.any(|step| &*step.implementation.language == language) => Need::OfSteps,
                    () => Need::None,
                }
            },
            &mut self.diagnostics,
        );
        if is_sure && !contents.has_swallowed {
            let planned = scenarios.iter().flat_map(|scenario| &scenario.steps).map(|step| step.span);
            let steps = planned.chain(matched.left_out.iter().copied());
            let unused = unused_files(&self.files.sources, &contents, matched.files_used, &steps, &implementations);
            self.diagnostics.extend(unused);
        }
        self.plan.scenarios.extend(scenarios);
        self.plan.documents.push(PlannedDocument {
            path: path.to_owned(),
            title: metadata.title.as_deref().or(contents.first_heading()).unwrap_or_default().to_owned(),
            bindings: set.bindings.into_iter().map(|compiled| compiled.binding).collect(),
            files: contents.files.into_iter().map(|file| file.file).collect(),
            implementations,
            metadata,
            directory,
            bodies,
            headings: contents.headings,
            unbound: matched.unbound,
        });
    }

    /// Reads what the Markdown files of a document contain.
    fn contents(&mut self, bodies: &[Span], metadata: &Metadata) -> Contents {
        let (mut contents, mut titles) = (Contents::default(), Titles::default());
        for &body in bodies {
            let text = self.files.sources.file(body.source).text.clone();
            blocks::add(&mut contents, &mut titles, (body, &text), &metadata.classes, &mut self.diagnostics);
        }
        contents
    }

    /// Matches the steps of all scenarios, which it takes from the contents. `is_sure`: all bindings of the
    /// document are known.
    fn scenarios(
        &mut self,
        metadata: &Metadata,
        contents: &mut Contents,
        set: &BindingSet,
        is_sure: bool,
    ) -> (Vec<PlannedScenario>, Matched) {
        let raw_scenarios = std::mem::take(&mut contents.scenarios);
        let bindings = set.bindings.as_slice();
        let index = Index::new(bindings);
        let languages = Languages {
            listed: metadata.languages.iter().map(|language| language.name.text.clone()).collect(),
            can_run: self.request.can_run,
        };
        let hints = Hints {
            sources: &self.files.sources,
            bindings,
            invalid: &set.invalid,
            index: &index,
            builtin: self.request.builtin,
            builtins: &self.builtins,
            left: &mut self.explanations,
            words: Vec::new(),
        };
        let report_unknown = is_sure && !bindings.is_empty();
        let mut matcher = Matcher::new(
            &self.files.sources,
            (bindings, set.first),
            &index,
            contents,
            &languages,
            hints,
            report_unknown,
        );
        let mut scenarios = Vec::with_capacity(raw_scenarios.len());
        for raw in raw_scenarios {
            let mut steps = Vec::with_capacity(raw.steps.len());
            let mut complete_until = None;
            for line in &raw.steps {
                match matcher.step(raw.source, *line) {
                    Some(step) => steps.push(step),
                    None => complete_until = complete_until.or(Some(steps.len())),
                }
            }
            scenarios.push(PlannedScenario {
                document: self.plan.documents.len(),
                title: raw.title,
                span: raw.span,
                labels: raw.labels,
                network: raw.network.unwrap_or(metadata.network),
                steps,
                complete_until,
            });
        }
        let (diagnostics, outcome) = matcher.finish();
        self.diagnostics.extend(diagnostics);
        (scenarios, outcome)
    }
}

/// Whether a diagnostic is about a block that was probably meant to be a scenario.
fn is_near_scenario(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error && matches!(diagnostic.code, Code::UnknownClass | Code::HiddenBlock)
}

/// Whether a diagnostic is about a block that may hold steps, in a document without a scenario.
fn may_hide_scenario(diagnostic: &Diagnostic) -> bool {
    match diagnostic.code {
        Code::UnknownClass => true,
        Code::UnclosedBlock => diagnostic.severity == Severity::Error,
        _ => false,
    }
}

/// Returns a warning for each label that has retries and no scenario.
fn unknown_labels(metadata: &Metadata, scenarios: &[PlannedScenario]) -> Vec<Diagnostic> {
    let known = || scenarios.iter().flat_map(|scenario| &scenario.labels).map(String::as_str);
    let unknown = metadata.retries.labels().filter(|name| known().all(|label| label != name.text));
    let warning = |name: &Name| {
        let message = format!("no scenario of this document has the label `{}`, so it has no retries", name.text);
        let help = suggest::did_you_mean(&name.text, known());
        let warning = Diagnostic::warning(Code::UnknownLabel, message).at(name.span, "");
        help.into_iter().fold(warning, Diagnostic::help)
    };
    unknown.map(warning).collect()
}

/// Makes a diagnostic a warning.
fn as_warning(diagnostic: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..diagnostic }
}

fn no_bindings(block: Span, is_missing: bool, metadata: &Metadata, contents: &Contents) -> Diagnostic {
    if is_missing {
        let error = Diagnostic::error(Code::NoMetadata, "this document has steps, but no metadata that lists bindings");
        return how_to_name_bindings("to list them,", contents).into_iter().fold(error.at(block, ""), Diagnostic::help);
    }
    if let Some(file) = metadata.bindings.first() {
        let names: Vec<String> = metadata.bindings.iter().map(|file| format!("`{}`", file.text)).collect();
        let (has, write) = if names.len() == 1 { ("has", "it") } else { ("have", "one of them") };
        let message = format!("this document has steps, but {} {has} no bindings", names.join(" and "));
        return Diagnostic::error(Code::NoBindings, message)
            .at(file.span, "")
            .help(format!("write bindings into {write}, such as:"))
            .help("    - given: a shop")
            .help("      impl: {python: {function: open_shop}}");
    }
    Diagnostic::error(Code::NoBindings, "this document has steps, but its metadata lists no bindings")
        .at(block, "")
        .help("add `bindings:` to the metadata, with a list of files such as `lib/runcmd.yaml`")
}

/// Returns advice on naming bindings, for a document without metadata.
fn how_to_name_bindings(about: &str, contents: &Contents) -> Vec<String> {
    let title = contents.first_heading().unwrap_or("Login works");
    let title = format!("    title: {title}");
    let lines = ["    ---", &title, "    bindings:", "    - lib/runcmd.yaml", "    - my-steps.yaml", "    ---"];
    let first = format!("{about} begin the document with lines such as these:");
    std::iter::once(first).chain(lines.map(str::to_owned)).collect()
}

fn no_scenario(path: &str, id: SourceId) -> Diagnostic {
    Diagnostic::error(Code::NoScenario, format!("{path} has no scenario"))
        .at(Span::new(id, 0..0), "")
        .help("a scenario is a fenced block of steps under a heading: ```` ```scenario ````")
}
