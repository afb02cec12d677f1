//! `greenroom check`: shows all diagnostics and runs nothing.

use clap::Args;
use greenroom_report::words;
use greenroom_steps::Registry;

use crate::documents::{Checks, Documents};
use crate::error::CommandError;
use crate::exit::ExitCode;
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
}

impl Check {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let checks = Checks { environment: &self.environment, strict: self.strict, shares_tmp: false };
        let (loaded, named) = self.documents.load(settings, registry, &checks)?;
        let steps = named.iter().map(|&at| loaded.plan.scenarios[at].steps.len()).sum();
        let (scenarios, steps) = (words::count(named.len(), "scenario"), words::count(steps, "step"));
        let verdict = if loaded.diagnostics.is_empty() { "OK" } else { "OK, with warnings" };
        print(&format!("{scenarios} with {steps}: {verdict}\n"))
    }
}
