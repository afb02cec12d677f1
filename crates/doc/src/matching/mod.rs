//! Matches steps against bindings.
//!
//! `matcher` takes a step's text (`step_text`), asks the `index` which bindings may match, and lets
//! `choose` pick what runs it. When no binding matches, `hints` finds the likely mistake.

pub(crate) mod choose;
pub(crate) mod hints;
pub(crate) mod index;
mod look_alikes;
pub(crate) mod matcher;
mod prefix;
pub(crate) mod repeats;
pub(crate) mod spaces;
pub(crate) mod step_text;
