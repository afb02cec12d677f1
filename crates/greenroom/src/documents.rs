//! The arguments that name documents, shared by the commands that read them, and how documents are
//! loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use greenroom_doc::{BuiltinFile, Code, Diagnostic, Loaded, Reach, Request, Severity};
use greenroom_report::{diagnostics, words};
use greenroom_run::{HostView, OwnPrograms};
use greenroom_steps::{Availability, Library, PathOrigin, Registry};

use crate::error::CommandError;
use crate::lines;
use crate::loader::Disk;
use crate::rust_steps;
use crate::settings::{Settings, below_tmp};
use crate::targets::Targets;
use crate::values;

/// The documents of a command, and the programs that run their steps.
#[derive(Debug, Args)]
pub(crate) struct Documents {
    /// Documents: Markdown or .subplot files, directories of them, or a file and a line: guide.md:18
    ///
    /// With a line, only the scenario at that line is selected. A directory stands for all documents
    /// below it, without hidden directories, `target` and `node_modules`; Markdown files without
    /// scenarios are skipped. A Markdown file without metadata is run by the .subplot file beside it
    /// that names it; without one, it has its first heading as title and all built-in steps.
    #[arg(required = true, value_name = "DOCUMENT", value_parser = NonEmptyStringValueParser::new())]
    paths: Vec<String>,
    /// Python interpreter for Python steps: a name on PATH or a path, such as that of a virtual
    /// environment
    #[arg(long, value_name = "PATH", default_value = "python3", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) python: String,
    /// Step host for another language: a program that speaks greenroom's step protocol. May be
    /// repeated
    #[arg(long = "host", value_name = "LANGUAGE=PROGRAM", value_parser = values::host)]
    pub(crate) hosts: Vec<(String, String)>,
}

/// What the checks of documents depend on.
#[derive(Debug)]
pub(crate) struct Checks<'a> {
    /// The variables that the user sets for the scenarios.
    pub(crate) environment: &'a [(String, String)],
    /// Whether warnings are errors.
    pub(crate) strict: bool,
    /// Whether scenarios share the host's /tmp.
    pub(crate) shares_tmp: bool,
}

/// The scenarios that the user named, as indices into the plan, or what is wrong with the names.
pub(crate) type NamedScenarios = Result<Vec<usize>, Vec<String>>;

/// What documents are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Run,
    List,
    /// Whether they have scenarios makes no difference.
    Typeset,
}

impl Documents {
    /// Returns the names of documents, as the user wrote them, each with its path.
    #[cfg(feature = "command")]
    pub(crate) fn written(&self) -> Vec<(&str, &str)> {
        let path = |written: &'_ str| match crate::targets::split_line(written) {
            Some((path, _)) if !Path::new(written).exists() => path.len(),
            _ => written.len(),
        };
        self.paths.iter().map(|written| (written.as_str(), &written[..path(written)])).collect()
    }

    /// Replaces the names of documents, and returns what was there.
    pub(crate) fn replace(&mut self, paths: Vec<String>) -> Vec<String> {
        std::mem::replace(&mut self.paths, paths)
    }

    /// Loads the documents and checks every step. Shows all diagnostics, and fails if there are
    /// errors among them.
    ///
    /// Returns also the scenarios that the user named, as indices into the plan: all of a document,
    /// or those at lines of it.
    pub(crate) fn load(
        &self,
        settings: &Settings,
        registry: &Registry,
        checks: &Checks<'_>,
    ) -> Result<(Loaded, Vec<usize>), CommandError> {
        let (loaded, named) = self.examine(settings, registry, checks)?;
        show(&loaded.diagnostics, &loaded, settings);
        if let Some(functions) = rust_steps::suggestions(&loaded, registry) {
            let _ = write!(std::io::stderr(), "\n{functions}");
        }
        if loaded.has_errors() {
            return Err(CommandError::InvalidDocument);
        }
        Ok((loaded, named.map_err(CommandError::Usage)?))
    }

    /// Loads the documents and checks every step, without showing the diagnostics.
    ///
    /// Returns also the scenarios that the user named, or why there are none.
    pub(crate) fn examine(
        &self,
        settings: &Settings,
        registry: &Registry,
        checks: &Checks<'_>,
    ) -> Result<(Loaded, NamedScenarios), CommandError> {
        let targets = Targets::resolve(&self.paths);
        let scanned = rust_steps::with_scanned(registry, &targets.paths(), &settings.directory);
        let registry = &*scanned.registry;
        let mut loaded = self.read(&targets, registry, Purpose::Run);
        scanned.advise(&mut loaded);
        let of_functions: Vec<Diagnostic> = scanned.diagnostics(&loaded).collect();
        loaded.diagnostics.splice(0..0, of_functions);
        self.check_steps(&mut loaded, settings, registry, checks)?;
        if checks.strict {
            loaded.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.severity = Severity::Error);
        }
        let named = lines::scenarios(&loaded, &targets.documents);
        Ok((loaded, named))
    }

    /// Loads the documents to list their scenarios, without a check of what their steps need.
    ///
    /// Shows all diagnostics. It is an error only if there is nothing to list.
    pub(crate) fn survey(
        &self,
        settings: &Settings,
        registry: &Registry,
    ) -> Result<(Loaded, Vec<usize>), CommandError> {
        let targets = Targets::resolve(&self.paths);
        let registry = &*rust_steps::with_scanned(registry, &targets.paths(), &settings.directory).registry;
        let loaded = self.read(&targets, registry, Purpose::List);
        show(&loaded.diagnostics, &loaded, settings);
        if loaded.plan.scenarios.is_empty() && loaded.has_errors() {
            return Err(CommandError::InvalidDocument);
        }
        let named = lines::scenarios(&loaded, &targets.documents).map_err(CommandError::Usage)?;
        Ok((loaded, named))
    }

    /// Loads one document to look at it. Returns its index in the plan.
    ///
    /// Shows all diagnostics. It is an error only if nothing can be read.
    #[cfg(feature = "command")]
    pub(crate) fn single(
        path: &str,
        settings: &Settings,
        registry: &Registry,
    ) -> Result<(Loaded, usize), CommandError> {
        let documents = Self { paths: vec![path.to_owned()], python: "python3".to_owned(), hosts: Vec::new() };
        let loaded = documents.typeset(settings, registry)?;
        match loaded.plan.documents.len() {
            1 => Ok((loaded, 0)),
            many => Err(CommandError::Usage(vec![format!("expected one document; {path} has {many}")])),
        }
    }

    /// Loads the documents to typeset them: whole, with or without scenarios.
    ///
    /// Shows all diagnostics. It is an error only if there is nothing to typeset.
    #[cfg(feature = "command")]
    pub(crate) fn typeset(&self, settings: &Settings, registry: &Registry) -> Result<Loaded, CommandError> {
        let targets = Targets::resolve(&self.paths);
        let registry = &*rust_steps::with_scanned(registry, &targets.paths(), &settings.directory).registry;
        let loaded = self.read(&targets, registry, Purpose::Typeset);
        show(&loaded.diagnostics, &loaded, settings);
        if loaded.plan.documents.is_empty() { Err(CommandError::InvalidDocument) } else { Ok(loaded) }
    }

    /// Reads the documents.
    fn read(&self, targets: &Targets, registry: &Registry, purpose: Purpose) -> Loaded {
        let builtin = builtin_files(registry);
        let hosts = self.other_hosts();
        let can_run = |language: &str, function: &str| match language {
            greenroom_doc::NATIVE => registry.function(function).is_some(),
            // Their functions are looked up in the step files, below.
            "python" => true,
            rust_steps::LANGUAGE if rust_steps::may_have(function, registry) => true,
            other => purpose != Purpose::Run || hosts.contains_key(other),
        };
        let documents: Vec<String> = targets.documents.iter().map(|target| target.path.clone()).collect();
        let found: BTreeSet<&str> = targets
            .documents
            .iter()
            .filter(|target| target.may_be_empty() && purpose != Purpose::Typeset)
            .map(|target| target.path.as_str())
            .collect();
        let may_be_empty = |path: &str| found.contains(path);
        let mut loaded = greenroom_doc::load(&Request {
            documents: &documents,
            loader: &Disk,
            builtin: &builtin,
            can_run: &can_run,
            may_be_empty: &may_be_empty,
            needs_scenarios: purpose != Purpose::Typeset,
        });
        let missing = rust_steps::adopt(&mut loaded, registry);
        if purpose == Purpose::Run && !hosts.contains_key(rust_steps::LANGUAGE) && !missing.is_empty() {
            loaded.diagnostics.extend(missing);
            loaded.diagnostics.sort_by_key(place);
        }
        let of_names = targets.diagnostics.iter().cloned().chain(empty_directories(targets, &loaded.plan.skipped));
        loaded.diagnostics.splice(0..0, of_names);
        loaded
    }

    /// Checks what the steps need: programs, files, functions.
    fn check_steps(
        &self,
        loaded: &mut Loaded,
        settings: &Settings,
        registry: &Registry,
        checks: &Checks<'_>,
    ) -> Result<(), CommandError> {
        let path = checks.environment.iter().rev().find(|(name, _)| name == "PATH");
        let path_origin = path.map_or(PathOrigin::Caller, |_| PathOrigin::Option);
        let path = path.map_or(&*settings.path, |(_, value)| value.as_ref());
        let real = |path: PathBuf| path.canonicalize().ok();
        let own = OwnPrograms { source_directory: &settings.directory, path, cargo: settings.cargo.clone() };
        let mut more = own.resolve(&mut loaded.plan);
        more.extend(greenroom_run::check_users(&loaded.plan, checks.shares_tmp));
        let visible = || self.visible(loaded, settings, checks.environment).into_iter().filter_map(real).collect();
        let host = HostView {
            path,
            path_origin,
            source_directory: &settings.directory,
            visible: (!checks.shares_tmp).then(visible),
        };
        more.extend(greenroom_run::preflight(&loaded.plan, registry, host));
        // A user's own host for Python may define functions in another way.
        if !self.other_hosts().contains_key("python") {
            let python = settings.absolute(&self.python);
            let found = greenroom_run::check_functions(loaded, &python, path, &settings.directory);
            more.extend(found.map_err(|error| CommandError::system("check Python files", &error))?);
        }
        if !more.is_empty() {
            loaded.diagnostics.extend(more);
            loaded.diagnostics.sort_by_key(place);
        }
        Ok(())
    }

    /// Returns the paths that scenarios must see even below /tmp, where each has a directory of its
    /// own.
    ///
    /// These are the directories of the documents, greenroom's own, and everything that the
    /// environment, `--env`, `--python` and `--host` name.
    pub(crate) fn visible(
        &self,
        loaded: &Loaded,
        settings: &Settings,
        environment: &[(String, String)],
    ) -> Vec<PathBuf> {
        let documents = loaded.plan.documents.iter().map(|document| settings.directory.join(&document.directory));
        let variables = environment.iter().flat_map(|(_, value)| below_tmp(value.as_ref()));
        // The directory of a program, and its parent: the virtual environment of a Python.
        let programs = self.hosts.iter().map(|(_, program)| program).chain([&self.python]);
        let programs = programs.filter(|program| program.contains('/')).flat_map(|program| {
            let path = PathBuf::from(settings.absolute(program));
            path.ancestors().skip(1).take(2).map(PathBuf::from).collect::<Vec<_>>()
        });
        let programs = programs.filter(|path| !is_shared(path));
        let own = [settings.directory.clone()];
        let named = loaded.plan.documents.iter().flat_map(|document| &document.metadata.path);
        let named = named.flat_map(|(directory, _)| below_tmp(directory.as_ref()));
        own.into_iter()
            .chain(documents)
            .chain(named)
            .chain(variables)
            .chain(programs)
            .chain(settings.mentioned.clone())
            .collect()
    }

    /// Returns the warnings about documents, each in a line with its place.
    pub(crate) fn warnings(loaded: &Loaded) -> Vec<String> {
        let warnings = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
        let line = |diagnostic: &Diagnostic| {
            let place = diagnostic.primary.as_ref().map(|label| format!("{}: ", loaded.sources.cite(label.span)));
            words::escape(&format!("{}{}", place.unwrap_or_default(), diagnostic.message)).into_owned()
        };
        warnings.map(line).collect()
    }

    /// Returns the step hosts that are not greenroom's own, by language.
    pub(crate) fn other_hosts(&self) -> BTreeMap<String, String> {
        self.hosts.iter().cloned().collect()
    }
}

/// Returns whether a directory is one that scenarios get a replacement for.
fn is_shared(path: &Path) -> bool {
    ["/", "/tmp", "/dev/shm", "/dev"].iter().any(|shared| path == Path::new(shared))
}

/// Shows all diagnostics on standard error.
pub(crate) fn show(diagnostics: &[Diagnostic], loaded: &Loaded, settings: &Settings) {
    if !diagnostics.is_empty() {
        let text = diagnostics::render(diagnostics, &loaded.sources, settings.stderr.style());
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Orders diagnostics by their place in the documents.
fn place(diagnostic: &Diagnostic) -> Option<(greenroom_doc::SourceId, u32)> {
    diagnostic.primary.as_ref().map(|label| (label.span.source, label.span.start))
}

/// Returns an error for each directory in which there is nothing to run.
fn empty_directories(targets: &Targets, skipped: &[String]) -> Vec<Diagnostic> {
    let skipped: BTreeSet<&String> = skipped.iter().collect();
    let empty = targets.directories.iter().filter(|(_, documents)| documents.iter().all(|path| skipped.contains(path)));
    let error = |(directory, documents): &(String, Vec<String>)| {
        let error =
            Diagnostic::error(Code::NoScenario, format!("there are no documents with scenarios in {directory}"));
        match documents.len() {
            0 => error
                .note("no file below it ends in `.md`, `.markdown` or `.subplot`")
                .note("hidden directories, `target` and `node_modules` are not searched"),
            many => error.note(format!("{} without scenarios below it", words::count(many, "Markdown file"))),
        }
    };
    empty.map(error).collect()
}

/// Returns the files of the step libraries, under the names that documents use.
fn builtin_files(registry: &Registry) -> Vec<BuiltinFile> {
    let of_library = |library: &Library| {
        let bindings = BuiltinFile {
            name: library.file(),
            text: Some(library.bindings().into()),
            reach: match library.availability() {
                Availability::Listed => Reach::Listed,
                Availability::WithBuiltin => Reach::WithBuiltin,
                Availability::Of(documents) => Reach::Of(documents.clone()),
                Availability::All => Reach::All,
            },
            places: library.places().to_vec(),
        };
        let served = library.served().iter();
        let served =
            served.map(|name| BuiltinFile { name: name.clone(), text: None, reach: Reach::Listed, places: Vec::new() });
        std::iter::once(bindings).chain(served).collect::<Vec<_>>()
    };
    registry.libraries().flat_map(of_library).collect()
}
