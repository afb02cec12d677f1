//! `greenroom html`: typesets documents.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use greenroom_steps::Registry;

use crate::documents::Documents;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output::print;
use crate::pages::{self, PageOptions, Pages};
use crate::reports;
use crate::settings::Settings;

/// Typeset documents as HTML pages, without running them
///
/// Each page is one file that needs no other. Documents need no scenarios. A document with mistakes is
/// typeset as far as it can be read; the exit code says so.
#[derive(Debug, Args)]
pub(crate) struct Html {
    #[command(flatten)]
    documents: Documents,
    /// Where to write: a file ending in .html, or a directory
    ///
    /// Several documents make a page each and an index. The index of OUT.html has its pages in the
    /// directory OUT beside it; a directory gets an index.html.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    options: PageOptions,
}

impl Html {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let loaded = Arc::new(self.documents.typeset(settings, registry)?);
        let documents: Vec<&str> = loaded.plan.documents.iter().map(|document| &*document.path).collect();
        let output = Pages::at(&self.output, &documents, self.options, settings)?;
        output.spare("--output", &reports::inputs(&loaded), settings)?;
        let texts = pages::texts(&loaded, settings);
        let all: Vec<usize> = (0..loaded.plan.scenarios.len()).collect();
        let outline = greenroom_run::outline(&loaded.plan, &loaded.sources, &all, &texts, &[]);
        output.write(&outline, None, None, settings)?;
        let code = print(&format!("wrote {}\n", self.output.display()))?;
        Ok(code.unless_invalid(&loaded))
    }
}
