//! `greenroom list`: the scenarios of documents, in reading order.

use clap::Args;
use greenroom_doc::Plan;
use greenroom_report::{catalogue, words};
use greenroom_steps::Registry;

use crate::documents::Documents;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::filter::Filter;
use crate::output::print;
use crate::settings::Settings;

/// List the scenarios of documents
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    documents: Documents,
    /// Show their steps too
    #[arg(short, long)]
    verbose: bool,
}

impl List {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let (mut loaded, named) = self.documents.survey(settings, registry)?;
        let mut selected = self.filter.select(&loaded, &named)?;
        if let Some(assignment) = self.filter.partition {
            let (part, partition) = assignment.take(&loaded, &settings.directory, &selected);
            if part.is_empty() {
                let code = print(&format!("{}\n", words::empty_partition(&partition)))?;
                return Ok(code.unless_invalid(&loaded));
            }
            selected = part;
        }
        let Plan { documents, scenarios, skipped } = std::mem::take(&mut loaded.plan);
        let mut at = 0..;
        let scenarios =
            scenarios.into_iter().filter(|_| at.next().is_some_and(|at| selected.binary_search(&at).is_ok())).collect();
        let style = settings.stdout.style();
        let plan = Plan { documents, scenarios, skipped };
        let code = print(&catalogue::scenarios(&plan, &loaded.sources, self.verbose, style))?;
        Ok(code.unless_invalid(&loaded))
    }
}
