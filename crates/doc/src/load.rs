//! Puts it together: documents, their metadata, bindings and Markdown, in the order in which they depend on one another.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use aho_corasick::AhoCorasickBuilder;

use crate::binding::{self, Bound, Broken, Library};
use crate::diagnostic::{Diagnostic, Severity};
use crate::document::Contents;
use crate::hints::{Builtins, Hints, MAX_EXPLAINED};
use crate::index::Index;
use crate::lookup;
use crate::markdown;
use crate::matching::{Languages, Matcher};
use crate::metadata::{self, Home, Metadata, Name};
use crate::plan::{Binding, ImplementationFile, Loaded, Plan, PlannedDocument, PlannedScenario, Request};
use crate::source::{LoadError, SourceFile, SourceId, Sources, Span};
use crate::suggest;
use crate::yaml;

/// Reads documents and matches their steps. Never fails as a whole: what could not be understood is among the diagnostics.
pub fn load(request: &Request<'_>) -> Loaded {
    let mut session = Session {
        request,
        sources: Sources::default(),
        plan: Plan::default(),
        diagnostics: Vec::new(),
        libraries: HashMap::new(),
        builtins: Builtins::default(),
        explanations: MAX_EXPLAINED,
    };
    let mut seen = HashSet::new();
    for path in request.documents {
        if seen.insert(lookup::key(path)) {
            let before = session.diagnostics.len();
            session.document(path);
            // By position; what has no position says why there is nothing else to say.
            session.diagnostics[before..]
                .sort_by_key(|d| d.primary.as_ref().map(|label| (label.span.source, label.span.start)));
        }
    }
    Loaded { sources: session.sources, plan: session.plan, diagnostics: session.diagnostics }
}

/// The bindings of one bindings file, without a document: to list the steps of a library.
pub fn bindings_of(name: &str, text: &str) -> (Sources, Vec<Binding>, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    if u32::try_from(text.len()).is_err() {
        diagnostics.push(lookup::too_big(name));
        return (sources, Vec::new(), diagnostics);
    }
    let id = sources.add(SourceFile::new(name, text));
    let library = binding::read(id, &sources, &mut diagnostics);
    (sources, library.bindings.into_iter().map(|bound| bound.binding).collect(), diagnostics)
}

/// The bindings of a document.
struct Found {
    all: Vec<Bound>,
    broken: Vec<Broken>,
    /// Whether there are no others that mistakes keep from being known.
    complete: bool,
}

struct Session<'a> {
    request: &'a Request<'a>,
    sources: Sources,
    plan: Plan,
    diagnostics: Vec<Diagnostic>,
    /// Bindings files read so far, by path: documents share them.
    libraries: HashMap<String, Rc<Library>>,
    builtins: Builtins,
    explanations: usize,
}

impl Session<'_> {
    fn document(&mut self, path: &str) {
        let Some(id) = self.open_document(path) else {
            return;
        };
        let directory = lookup::directory(path).to_owned();
        let subplot = has_extension(path, &["subplot", "yaml", "yml"]);
        let text = Arc::clone(&self.sources.file(id).text);
        let parts = if subplot {
            let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
            metadata::Parts { yaml: Some(start..text.len()), body: text.len()..text.len() }
        } else {
            metadata::split(&text)
        };
        let home = if subplot { Home::Subplot } else { Home::Markdown };
        let (metadata, readable) = self.metadata(id, &text, &parts, home);
        let known = metadata.is_some();
        let metadata = metadata.unwrap_or_default();

        let mut bodies = Vec::new();
        let mut complete = true;
        if subplot {
            for name in &metadata.markdowns {
                match self.open_markdown(&directory, name) {
                    Some(body) => bodies.push(body),
                    None => complete = false,
                }
            }
        } else {
            bodies.push(Span::new(id, parts.body));
        }
        let mut contents = Contents::default();
        let before = self.diagnostics.len();
        for body in &bodies {
            let text = Arc::clone(&self.sources.file(body.source).text);
            let items = markdown::read(&text, body.start as usize..body.end as usize);
            contents.add(body.source, &text, items, &metadata.classes, &mut self.diagnostics);
        }
        let explained = self.diagnostics[before..].iter().any(|d| d.severity == Severity::Error);
        if !known && readable {
            self.no_metadata(path, &contents);
        }
        // Nothing to run is an error, unless another error says already why it is so.
        let nothing = if known { contents.scenarios.is_empty() } else { contents.first_block.is_none() };
        if nothing && readable && complete && !explained {
            self.diagnostics.push(no_scenario(path, id));
        }
        let found = self.bindings(&directory, &metadata);
        let before = self.diagnostics.len();
        let (scenarios, used) = self.scenarios(&metadata, &contents, &found, known);
        let lost = !found.complete || self.diagnostics[before..].iter().any(|d| d.code.0 == "cannot-run");
        let implementations = self.implementations(&directory, &metadata, |language| {
            let steps = scenarios.iter().flat_map(|scenario: &PlannedScenario| &scenario.steps);
            lost || steps.into_iter().any(|step| &*step.implementation.language == language)
        });
        if let Some(used) = used.filter(|_| !contents.swallowed) {
            self.unused_files(&contents, used, &implementations);
        }
        self.plan.scenarios.extend(scenarios);
        self.plan.documents.push(PlannedDocument {
            path: path.to_owned(),
            title: metadata.title.or(contents.first_heading).unwrap_or_default(),
            bindings: found.all.into_iter().map(|bound| bound.binding).collect(),
            files: contents.files.into_iter().map(|file| file.file).collect(),
            implementations,
            limits: metadata.limits,
            network_host: metadata.network_host,
            directory,
            bodies,
            front: metadata.front,
        });
    }

    fn open_document(&mut self, path: &str) -> Option<SourceId> {
        let loader = self.request.loader;
        let error = match loader.load(path) {
            Ok(bytes) => match lookup::decode(path, bytes) {
                Ok(text) => return Some(self.sources.add(SourceFile::new(path, text))),
                Err(error) => *error,
            },
            Err(reason) => {
                let mut error = lookup::failure("document", path, &reason);
                if matches!(reason, LoadError::NotFound | LoadError::Directory) {
                    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
                    let mut tries = [
                        format!("{path}.md"),
                        format!("{path}.subplot"),
                        format!("{stem}.md"),
                        format!("{stem}.subplot"),
                    ]
                    .into_iter();
                    let near = tries.find(|near| near != path && lookup::exists(loader, near));
                    error.help.extend(near.map(|near| format!("did you mean {near}?")));
                }
                error
            }
        };
        self.diagnostics.push(error);
        None
    }

    /// The metadata, and whether what there is could be read.
    fn metadata(&mut self, id: SourceId, text: &str, parts: &metadata::Parts, home: Home) -> (Option<Metadata>, bool) {
        let Some(range) = parts.yaml.clone() else {
            let unclosed = metadata::unclosed(text).map(|unclosed| unclosed_metadata(id, text, unclosed));
            let readable = unclosed.is_none();
            self.diagnostics.extend(unclosed);
            return (None, readable);
        };
        let has_fence = text[range.clone()].lines().any(|line| markdown::fence_mark(line).is_some());
        let first = text[range.clone()].lines().next().unwrap_or_default().trim_end().len();
        let place = Span::new(id, range.start..range.start + first);
        match yaml::parse(id, text, range, &mut self.diagnostics) {
            Ok(Some(node)) => (Some(metadata::read(&node, home, place, &mut self.diagnostics)), true),
            Ok(None) if home == Home::Subplot => {
                let error = Diagnostic::error("missing-key", "this file is empty").at(place, "");
                self.diagnostics.push(error.help("write `title:` and `markdowns:` into it"));
                (None, false)
            }
            Ok(None) => (None, true),
            Err(error) => {
                // A rule further down is not the end that was meant.
                let unclosed = if has_fence && home == Home::Markdown { metadata::unclosed(text) } else { None };
                let unclosed = unclosed.map(|unclosed| unclosed_metadata(id, text, unclosed));
                self.diagnostics.push(unclosed.unwrap_or(*error));
                (None, false)
            }
        }
    }

    fn no_metadata(&mut self, path: &str, contents: &Contents) {
        let Some(block) = contents.first_block else {
            return;
        };
        let mut error =
            Diagnostic::error("no-metadata", "this document has scenarios, but no metadata that says how to run them")
                .at(block, "");
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let subplot = format!("{stem}.subplot");
        if lookup::exists(self.request.loader, &subplot) {
            error = error.help(format!("did you mean {subplot}?"));
        }
        let title = contents.first_heading.as_deref().unwrap_or("What this is about");
        let example = ["---", &format!("title: {title}"), "bindings:", "- lib/runcmd.yaml", "- lib/files.yaml", "---"]
            .map(str::to_owned);
        error = error.help("put lines such as these at the very beginning:");
        self.diagnostics.push(example.into_iter().fold(error, |error, line| error.help(format!("    {line}"))));
    }

    fn open_markdown(&mut self, directory: &str, name: &Name) -> Option<Span> {
        let path = lookup::join(directory, &name.text);
        let error = match self.request.loader.load(&path) {
            Ok(bytes) => match lookup::decode(&path, bytes) {
                Ok(text) => {
                    let parts = metadata::split(&text);
                    let id = self.sources.add(SourceFile::new(path, text));
                    if let Some(yaml) = parts.yaml {
                        let warning = Diagnostic::warning(
                            "ignored-metadata",
                            "this metadata is ignored: that of the `.subplot` file counts",
                        );
                        self.diagnostics
                            .push(warning.at(Span::new(id, yaml.start..yaml.start), "").help("remove it here"));
                    }
                    return Some(Span::new(id, parts.body));
                }
                Err(error) => *error,
            },
            Err(reason) => lookup::failure("Markdown file", &path, &reason),
        };
        self.diagnostics.push(error.at(name.span, ""));
        None
    }

    /// All bindings of a document.
    fn bindings(&mut self, directory: &str, metadata: &Metadata) -> Found {
        let mut found = Found { all: Vec::new(), broken: Vec::new(), complete: !metadata.bindings_unclear };
        let mut seen: HashMap<String, Span> = HashMap::new();
        let languages: Vec<&str> = metadata.impls.iter().map(|(language, _)| language.text.as_str()).collect();
        for name in &metadata.bindings {
            let Some((path, library)) = self.library(directory, name, &languages) else {
                found.complete = false;
                continue;
            };
            if let Some(&first) = seen.get(&path) {
                self.diagnostics.push(
                    Diagnostic::warning("duplicate-bindings", format!("`{}` is listed twice", name.text))
                        .at(name.span, "again here")
                        .and_at(first, "first here")
                        .help("remove one of them"),
                );
                continue;
            }
            seen.insert(path, name.span);
            found.complete &= !library.unreadable;
            found.broken.extend(library.broken.iter().cloned());
            found.all.extend(library.bindings.iter().cloned());
        }
        found
    }

    /// The bindings file of this name, and under what it is known.
    fn library(&mut self, directory: &str, name: &Name, languages: &[&str]) -> Option<(String, Rc<Library>)> {
        let path = lookup::join(directory, &name.text);
        let mut key = lookup::key(&path);
        if let Some(library) = self.libraries.get(&key) {
            return Some((key, Rc::clone(library)));
        }
        let (shown, text) = match self.request.loader.load(&path) {
            Ok(bytes) => (path.clone(), lookup::decode(&path, bytes)),
            Err(LoadError::NotFound) => {
                let found = lookup::builtin(self.request.builtin, &name.text, languages);
                let Some((file, text)) = found.and_then(|file| Some((file, file.text.as_ref()?))) else {
                    self.diagnostics.push(self.missing("bindings file", name, lookup::is_bindings));
                    return None;
                };
                key = format!("built-in {}", file.name);
                if let Some(library) = self.libraries.get(&key) {
                    return Some((key, Rc::clone(library)));
                }
                (key.clone(), Ok(Arc::clone(text)))
            }
            Err(reason) => {
                self.diagnostics.push(lookup::failure("bindings file", &path, &reason).at(name.span, ""));
                return None;
            }
        };
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                self.diagnostics.push((*error).at(name.span, ""));
                return None;
            }
        };
        let id = self.sources.add(SourceFile::new(shown, text));
        let library = Rc::new(binding::read(id, &self.sources, &mut self.diagnostics));
        self.libraries.insert(key.clone(), Rc::clone(&library));
        Some((key, library))
    }

    fn missing(&self, what: &str, name: &Name, fits: impl Fn(&str) -> bool) -> Diagnostic {
        let error = Diagnostic::error("not-found", format!("no {what} {}", name.text))
            .at(name.span, "")
            .note("it is neither beside the document nor built in");
        let names: Vec<&str> =
            self.request.builtin.iter().map(|file| file.name.as_str()).filter(|name| fits(name)).collect();
        let help = suggest::did_you_mean(&name.text, names.iter().copied())
            .or_else(|| (!names.is_empty()).then(|| format!("these are built in: {}", names.join(", "))));
        help.into_iter().fold(error, Diagnostic::help)
    }

    /// The files under `impls`, each checked to be there. One that is not is an error only where its language is needed.
    fn implementations(
        &mut self,
        directory: &str,
        metadata: &Metadata,
        needed: impl Fn(&str) -> bool,
    ) -> Vec<ImplementationFile> {
        let languages: Vec<&str> = metadata.impls.iter().map(|(language, _)| language.text.as_str()).collect();
        let mut all = Vec::new();
        for (language, files) in &metadata.impls {
            for name in files {
                let path = lookup::join(directory, &name.text);
                let mut listed = ImplementationFile {
                    language: language.text.clone(),
                    name: name.text.clone(),
                    span: name.span,
                    file: None,
                    missing: false,
                };
                let mut complaint = match self.request.loader.load(&path) {
                    Ok(bytes) if u32::try_from(bytes.len()).is_ok() => {
                        // Its language knows its encoding; here it is only shown.
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let id = self.sources.add(SourceFile::new(path.clone(), text));
                        listed.file = Some((path, id));
                        all.push(listed);
                        continue;
                    }
                    Ok(_) => lookup::too_big(&path).at(name.span, ""),
                    Err(LoadError::NotFound) => {
                        if lookup::builtin(self.request.builtin, &name.text, &languages).is_some() {
                            all.push(listed);
                            continue;
                        }
                        let what = format!("{} file", language.text);
                        self.missing(&what, name, |name| !lookup::is_bindings(name))
                    }
                    Err(reason) => lookup::failure("file", &path, &reason).at(name.span, ""),
                };
                listed.missing = true;
                all.push(listed);
                if !needed(&language.text) {
                    complaint.severity = Severity::Warning;
                    complaint = complaint.note("no step needs it");
                }
                self.diagnostics.push(complaint);
            }
        }
        all
    }

    /// The scenarios, and which embedded files their captures name, if that is known of all.
    fn scenarios(
        &mut self,
        metadata: &Metadata,
        contents: &Contents,
        found: &Found,
        known: bool,
    ) -> (Vec<PlannedScenario>, Option<Vec<bool>>) {
        let bindings = found.all.as_slice();
        let complete = known && found.complete;
        let none = complete && bindings.is_empty() && found.broken.is_empty();
        if let Some(block) = contents.first_block.filter(|_| none) {
            self.diagnostics.push(
                Diagnostic::error("no-bindings", "there are steps, but the document names no bindings for them")
                    .at(block, "")
                    .help("add `bindings:` to the metadata, with a list of files such as `lib/runcmd.yaml`"),
            );
        }
        let index = Index::new(bindings);
        let languages = Languages {
            listed: metadata.impls.iter().map(|(language, _)| language.text.clone()).collect(),
            can_run: self.request.can_run,
        };
        let hints = Hints {
            sources: &self.sources,
            bindings,
            broken: &found.broken,
            index: &index,
            builtin: self.request.builtin,
            builtins: &self.builtins,
            left: &mut self.explanations,
            words: Vec::new(),
        };
        let tell_unknown = complete && !bindings.is_empty();
        let mut matcher = Matcher::new(&self.sources, bindings, &index, contents, &languages, hints, tell_unknown);
        let mut scenarios = Vec::with_capacity(contents.scenarios.len());
        for raw in &contents.scenarios {
            let mut steps = Vec::with_capacity(raw.steps.len());
            steps.extend(raw.steps.iter().filter_map(|line| matcher.step(raw.source, *line)));
            scenarios.push(PlannedScenario {
                document: self.plan.documents.len(),
                title: raw.title.clone(),
                span: raw.span,
                labels: raw.labels.clone(),
                network_host: raw.network_host.unwrap_or(metadata.network_host),
                steps,
            });
        }
        let (diagnostics, used) = matcher.finish();
        self.diagnostics.extend(diagnostics);
        (scenarios, complete.then_some(used))
    }

    /// A file that no capture names may still be meant by a step that mentions it, or by step functions.
    fn unused_files(&mut self, contents: &Contents, mut used: Vec<bool>, functions: &[ImplementationFile]) {
        let files = functions.iter().filter_map(|listed| listed.file.as_ref());
        let texts: Vec<Arc<str>> = files.map(|(_, source)| Arc::clone(&self.sources.file(*source).text)).collect();
        if texts.iter().any(|text| gets_any_file(text)) {
            return;
        }
        let open: Vec<usize> = (0..used.len()).filter(|&file| !used[file]).collect();
        if open.is_empty() {
            return;
        }
        // Building a finder costs the square of the number of names, so many are looked for in several passes.
        for some in open.chunks(512) {
            let names = some.iter().map(|&file| contents.files[file].file.name.as_str());
            let Ok(finder) = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(names) else { continue };
            for scenario in &contents.scenarios {
                let text = &self.sources.file(scenario.source).text;
                for step in &scenario.steps {
                    for found in finder.find_overlapping_iter(&text[step.start as usize..step.end as usize]) {
                        used[some[found.pattern().as_usize()]] = true;
                    }
                }
            }
            for found in texts.iter().flat_map(|text| finder.find_overlapping_iter(&**text)) {
                used[some[found.pattern().as_usize()]] = true;
            }
        }
        for file in open.into_iter().filter(|&file| !used[file]).map(|file| &contents.files[file]) {
            self.diagnostics.push(
                Diagnostic::warning("unused-file", format!("no step uses the embedded file `{}`", file.file.name))
                    .at(file.span, "")
                    .help("remove it, or make it an `.example`"),
            );
        }
    }
}

/// Whether step functions in this text ask for an embedded file whose name nobody can read there.
fn gets_any_file(text: &str) -> bool {
    let mut asked = text.match_indices("get_file(").map(|(at, call)| &text[at + call.len()..]);
    asked.any(|name| !name.trim_start().starts_with(['"', '\'']))
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(_, have)| extensions.iter().any(|want| have.eq_ignore_ascii_case(want)))
}

fn unclosed_metadata(id: SourceId, text: &str, unclosed: metadata::Unclosed) -> Diagnostic {
    let error = Diagnostic::error("unclosed-metadata", "the metadata that begins here has no end")
        .at(Span::new(id, unclosed.open), "");
    error.help(match unclosed.behind {
        Some(line) => format!("put a line `---` or `...` behind it, before `{}`", &text[line]),
        None => "put a line `---` or `...` behind it".to_owned(),
    })
}

fn no_scenario(path: &str, id: SourceId) -> Diagnostic {
    Diagnostic::error("no-scenario", format!("there is no scenario in {path}"))
        .at(Span::new(id, 0..0), "")
        .help("a scenario is a fenced block of steps under a heading: ```` ```scenario ````")
}
