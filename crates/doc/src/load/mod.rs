//! Loads documents: opens files, reads them, matches their steps and collects the diagnostics.

pub(crate) mod lookup;
pub(crate) mod session;
pub(crate) mod sources;
pub(crate) mod survey;
pub(crate) mod unused;
