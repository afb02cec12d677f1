//! Stands for pages in programs that were built without them.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use greenroom_event::Outline;
use greenroom_report::RunRecord;
use greenroom_steps::library::feature::Feature;

use super::PageOptions;
use crate::error::CommandError;
use crate::settings::Settings;

/// Pages, of which there are none.
#[derive(Debug)]
pub(crate) enum Pages {}

impl Pages {
    /// Says that this program cannot write pages.
    pub(crate) fn at(_: &Path, _: &[&str], _: PageOptions, _: &Settings) -> Result<Self, CommandError> {
        let pages = Feature::new("pages", "pages");
        Err(CommandError::Usage(vec![format!("{}; {}", pages.message(), pages.help())]))
    }

    pub(crate) fn spare(&self, _: &str, _: &[(PathBuf, String)], _: &Settings) -> Result<(), CommandError> {
        match *self {}
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        match *self {}
        #[expect(unreachable_code, reason = "the compiler wants a type")]
        std::iter::empty()
    }

    pub(crate) fn write(
        &self,
        _: &Outline,
        _: Option<&RunRecord>,
        _: Option<BorrowedFd<'_>>,
        _: &Settings,
    ) -> Result<(), CommandError> {
        match *self {}
    }
}
