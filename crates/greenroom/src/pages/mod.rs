//! Pages of documents: where they go, and what they need from this machine.
//!
//! One document makes one file. Several make an index and a page each, in a directory. Pictures and
//! style sheets are read here ([`assets`]), before a run, so that a recording has them too; diagrams
//! are drawn here ([`tools`]), when the page is written. A test program may be built without the
//! feature `pages`; its command line has the same options, and says so ([`absent`]).

#[cfg(not(feature = "pages"))]
mod absent;
#[cfg(feature = "pages")]
mod assets;
#[cfg(feature = "pages")]
mod site;
#[cfg(feature = "pages")]
mod tools;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use greenroom_doc::Loaded;
use greenroom_event::DocumentText;

#[cfg(not(feature = "pages"))]
pub(crate) use absent::Pages;
#[cfg(feature = "pages")]
pub(crate) use site::Pages;

use crate::bazel::Bazel;
#[cfg(feature = "pages")]
use crate::documents;
use crate::error::CommandError;
use crate::settings::Settings;

/// How pages are made.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PageOptions {
    /// Link the style sheets of `css_urls` from pages, which then need the network
    #[arg(long)]
    pub(crate) allow_css_urls: bool,
}

/// The pages that the command line asks for.
#[derive(Debug, Args)]
pub(crate) struct PageOutput {
    /// Write the documents as HTML pages that show what happened beside every step: to a file ending in
    /// .html, or into a directory
    ///
    /// Several documents make a page each and an index. The index of OUT.html has its pages in the
    /// directory OUT beside it; a directory gets an index.html.
    #[arg(long = "html", value_name = "OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    options: PageOptions,
}

impl PageOutput {
    /// Returns whether no pages are asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_none()
    }

    /// Adds the page that goes to the outputs of a test under Bazel, unless the command line has one.
    pub(crate) fn for_bazel(&self, bazel: &Bazel) -> Self {
        let of_bazel = || {
            let directory = bazel.outputs.as_ref()?;
            // An error shows when the page is written.
            let _ = fs::create_dir_all(directory);
            Some(directory.join("report.html"))
        };
        Self { out: self.out.clone().or_else(of_bazel), options: self.options }
    }

    /// Checks that the pages can be written, before anything runs, and adds them to the files that
    /// must not be overwritten.
    pub(crate) fn check(
        &self,
        documents: &[&str],
        inputs: &mut Vec<(PathBuf, String)>,
        settings: &Settings,
    ) -> Result<Option<Pages>, CommandError> {
        let Some(out) = &self.out else { return Ok(None) };
        let pages = Pages::at(out, documents, self.options, settings)?;
        pages.spare("--html", inputs, settings)?;
        let what = format!("a page of --html {}", out.display());
        inputs.extend(pages.files().map(|file| (file.to_owned(), what.clone())));
        Ok(Some(pages))
    }
}

/// Returns the texts of all documents, with the pictures and style sheets that they name. Warns about
/// those that are missing.
#[cfg_attr(not(feature = "pages"), expect(unused_mut, unused_variables, reason = "pages alone show pictures"))]
pub(crate) fn texts(loaded: &Arc<Loaded>, settings: &Settings) -> Vec<Arc<DocumentText>> {
    let mut texts = greenroom_run::texts(loaded);
    #[cfg(feature = "pages")]
    documents::show(&assets::read(&mut texts, loaded, settings), loaded, settings);
    texts.into_iter().map(Arc::new).collect()
}
