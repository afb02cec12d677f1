//! `greenroom metadata`: what a document says about itself, and what it consists of.

use std::fmt::Write as _;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use greenroom_doc::{Loaded, PlannedDocument};
use greenroom_report::words;
use greenroom_steps::Registry;
use serde_json::{Value, json};

use crate::documents::Documents;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output::print;
use crate::settings::Settings;

/// Show the metadata of a document, its files and its scenarios
#[derive(Debug, Args)]
pub(crate) struct Metadata {
    /// Document: a Markdown or .subplot file
    #[arg(value_name = "DOCUMENT", value_parser = NonEmptyStringValueParser::new())]
    document: String,
    /// Format of standard output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// A format of the metadata.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// A JSON object
    Json,
}

/// What is shown, in order.
struct Facts {
    title: String,
    subtitle: Option<String>,
    authors: Vec<String>,
    date: Option<String>,
    sources: Vec<String>,
    bindings: Vec<String>,
    implementations: Vec<(String, Vec<String>)>,
    files: Vec<String>,
    scenarios: Vec<Scenario>,
}

struct Scenario {
    title: String,
    file: String,
    line: u32,
    labels: Vec<String>,
    steps: usize,
}

impl Metadata {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let (loaded, document) = Documents::single(&self.document, settings, registry)?;
        let facts = Facts::of(&loaded, document);
        let code = print(&match self.format {
            Format::Human => facts.human(),
            Format::Json => format!("{:#}\n", facts.json()),
        })?;
        Ok(code.unless_invalid(&loaded))
    }
}

impl Facts {
    fn of(loaded: &Loaded, index: usize) -> Self {
        let document: &PlannedDocument = &loaded.plan.documents[index];
        let metadata = &document.metadata;
        let mut implementations: Vec<(String, Vec<String>)> = Vec::new();
        for file in &document.implementations {
            match implementations.iter_mut().find(|(language, _)| *language == file.language) {
                Some((_, names)) => names.push(file.name.clone()),
                None => implementations.push((file.language.clone(), vec![file.name.clone()])),
            }
        }
        let mut sources: Vec<String> = Vec::new();
        for body in &document.bodies {
            let name = &loaded.sources.file(body.source).name;
            if !sources.contains(name) {
                sources.push(name.clone());
            }
        }
        let scenarios = loaded.plan.scenarios.iter().filter(|scenario| scenario.document == index).map(|scenario| {
            let (file, line) = loaded.sources.location(scenario.span);
            Scenario {
                title: scenario.title.to_string(),
                file: file.to_owned(),
                line,
                labels: scenario.labels.clone(),
                steps: scenario.steps.len(),
            }
        });
        Self {
            title: document.title.clone(),
            subtitle: metadata.subtitle.clone(),
            authors: metadata.authors.clone(),
            date: metadata.date.clone(),
            sources,
            bindings: metadata.binding_files().map(str::to_owned).collect(),
            implementations,
            files: document.files.iter().map(|file| file.name.clone()).collect(),
            scenarios: scenarios.collect(),
        }
    }

    fn json(&self) -> Value {
        let implementations = self.implementations.iter().map(|(language, files)| (language.clone(), json!(files)));
        let scenarios = self.scenarios.iter().map(|scenario| {
            json!({
                "title": scenario.title,
                "file": scenario.file,
                "line": scenario.line,
                "labels": scenario.labels,
                "steps": scenario.steps,
            })
        });
        json!({
            "title": self.title,
            "subtitle": self.subtitle,
            "authors": self.authors,
            "date": self.date,
            "sources": self.sources,
            "binding_files": self.bindings,
            "impls": implementations.collect::<serde_json::Map<_, _>>(),
            "files": self.files,
            "scenarios": scenarios.collect::<Vec<_>>(),
        })
    }

    fn human(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}: {}", words::escape(value));
        };
        line("title", &self.title);
        self.subtitle.iter().for_each(|subtitle| line("subtitle", subtitle));
        self.authors.iter().for_each(|author| line("author", author));
        self.date.iter().for_each(|date| line("date", date));
        self.sources.iter().for_each(|source| line("source", source));
        self.bindings.iter().for_each(|file| line("bindings", file));
        for (language, files) in &self.implementations {
            for file in files {
                line(&format!("functions ({})", words::escape(language)), file);
            }
        }
        self.files.iter().for_each(|file| line("file", file));
        for scenario in &self.scenarios {
            let labels = scenario.labels.iter().fold(String::new(), |labels, label| labels + " #" + label);
            let steps = words::count(scenario.steps, "step");
            let place = format!("{}:{}", scenario.file, scenario.line);
            line("scenario", &format!("{} ({place}, {steps}){labels}", scenario.title));
        }
        text
    }
}
