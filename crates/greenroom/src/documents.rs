//! The arguments that name documents, shared by the commands that read them, and how documents are
//! loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Write;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use greenroom_doc::{BuiltinFile, Diagnostic, Loaded, Request};
use greenroom_report::diagnostics;
use greenroom_steps::{Library, Registry};

use crate::error::CommandError;
use crate::loader::Disk;
use crate::settings::Settings;
use crate::values;

/// The documents of a command, and the programs that run their steps.
#[derive(Debug, Args)]
pub(crate) struct Documents {
    /// Documents: Markdown files that contain their metadata, or .subplot files
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

impl Documents {
    /// Loads the documents and checks every step. Shows all diagnostics, and fails if there are
    /// errors among them.
    ///
    /// `environment` are the variables that the user sets for the scenarios.
    pub(crate) fn load(
        &self,
        settings: &Settings,
        registry: &Registry,
        environment: &[(String, String)],
    ) -> Result<Loaded, CommandError> {
        let path = environment.iter().rev().find(|(name, _)| name == "PATH");
        let path = path.map_or(&*settings.path, |(_, value)| value.as_ref());
        let loaded = self.read(settings, registry, path)?;
        if !loaded.diagnostics.is_empty() {
            let text = diagnostics::render(&loaded.diagnostics, &loaded.sources, settings.stderr);
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        if loaded.has_errors() { Err(CommandError::InvalidDocument) } else { Ok(loaded) }
    }

    fn read(&self, settings: &Settings, registry: &Registry, path: &OsStr) -> Result<Loaded, CommandError> {
        let builtin = builtin_files(registry);
        let hosts = self.other_hosts();
        let can_run = |language: &str, function: &str| match language {
            greenroom_doc::NATIVE => registry.function(function).is_some(),
            // Their functions are looked up in the step files, below.
            "python" => true,
            other => hosts.contains_key(other),
        };
        let documents = &without_repeats(&self.paths);
        let request =
            Request { documents, loader: &Disk, builtin: &builtin, can_run: &can_run, may_be_empty: &|_| false };
        let mut loaded = greenroom_doc::load(&request);
        let mut more = greenroom_run::preflight(&loaded.plan, registry, path, &settings.directory);
        // A user's own host for Python may define functions in another way.
        if !hosts.contains_key("python") {
            let python = settings.absolute(&self.python);
            let found = greenroom_run::check_functions(&loaded, &python, path, &settings.directory);
            more.extend(found.map_err(|error| CommandError::system("check Python files", &error))?);
        }
        if !more.is_empty() {
            loaded.diagnostics.extend(more);
            loaded.diagnostics.sort_by_key(place);
        }
        Ok(loaded)
    }

    /// Returns the step hosts that are not greenroom's own, by language.
    pub(crate) fn other_hosts(&self) -> BTreeMap<String, String> {
        self.hosts.iter().cloned().collect()
    }
}

/// Orders diagnostics by their place in the documents.
fn place(diagnostic: &Diagnostic) -> Option<(greenroom_doc::SourceId, u32)> {
    diagnostic.primary.as_ref().map(|label| (label.span.source, label.span.start))
}

/// Removes documents that are the same file as an earlier one.
fn without_repeats(documents: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let file = |name: &String| std::fs::canonicalize(name).unwrap_or_else(|_| name.into());
    documents.iter().filter(|name| seen.insert(file(name))).cloned().collect()
}

/// Returns the files of the step libraries, under the names that documents use.
fn builtin_files(registry: &Registry) -> Vec<BuiltinFile> {
    let of_library = |library: &Library| {
        let bindings =
            BuiltinFile { name: format!("lib/{}.yaml", library.name()), text: Some(library.bindings().into()) };
        let served = library.served().iter().map(|name| BuiltinFile { name: name.clone(), text: None });
        std::iter::once(bindings).chain(served).collect::<Vec<_>>()
    };
    registry.libraries().iter().flat_map(of_library).collect()
}
