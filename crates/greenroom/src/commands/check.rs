//! `greenroom check`: shows all diagnostics and runs nothing.

use clap::{Args, ValueEnum};
use greenroom_doc::Loaded;
use greenroom_report::{Findings, diagnostics, github, words};
use greenroom_steps::Registry;

use crate::documents::{Checks, Documents};
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::format;
use crate::origin;
use crate::output::print;
use crate::settings::Settings;
use crate::values;

/// Check documents and show all errors, without running anything
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    documents: Documents,
    /// Treat warnings about documents as errors
    #[arg(long)]
    strict: bool,
    /// Set an environment variable as `greenroom run` will: programs are looked up on its PATH. May
    /// be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = values::variable)]
    environment: Vec<(String, String)>,
    /// Format of standard output [default: human; under GitHub Actions: github]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

/// A format of standard output.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people; the diagnostics are on standard error
    Human,
    /// For people, with annotations for GitHub Actions
    Github,
    /// A JSON object with all diagnostics
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Check {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let checks = Checks { environment: &self.environment, strict: self.strict, shares_tmp: false };
        let format = self.format.unwrap_or(if settings.is_github { Format::Github } else { Format::Human });
        if let Format::Human = format {
            let (loaded, named) = self.documents.load(settings, registry, &checks)?;
            return print(&totals(&loaded, &named));
        }
        let (loaded, named) = self.documents.examine(settings, registry, &checks)?;
        let named = if loaded.has_errors() { named.unwrap_or_default() } else { named.map_err(CommandError::Usage)? };
        let findings = Findings {
            diagnostics: &loaded.diagnostics,
            sources: &loaded.sources,
            origin: &origin::of_paths(settings),
            version: env!("CARGO_PKG_VERSION"),
            scenarios: named.len(),
            steps: steps(&loaded, &named),
        };
        let code = print(&match format {
            Format::Json => findings.json(),
            Format::Sarif => findings.sarif(),
            Format::Human | Format::Github => {
                let style = settings.stdout.style();
                let shown = diagnostics::render(&loaded.diagnostics, &loaded.sources, style);
                let ending = if loaded.has_errors() { String::new() } else { totals(&loaded, &named) };
                github::without_commands(&format!("{shown}{ending}"), &format::token()) + &findings.annotations()
            }
        })?;
        Ok(code.unless_invalid(&loaded))
    }
}

fn steps(loaded: &Loaded, named: &[usize]) -> usize {
    named.iter().map(|&at| loaded.plan.scenarios[at].steps.len()).sum()
}

/// Returns the line that says that documents can run.
fn totals(loaded: &Loaded, named: &[usize]) -> String {
    let (scenarios, steps) = (words::count(named.len(), "scenario"), words::count(steps(loaded, named), "step"));
    let verdict = if loaded.diagnostics.is_empty() { "OK" } else { "OK, with warnings" };
    format!("{scenarios} with {steps}: {verdict}\n")
}
