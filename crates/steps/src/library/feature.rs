//! What steps say that need a feature which this program was built without.

use crate::check::{Problem, ProblemKind};
use crate::step::Failure;

/// A feature of the crate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feature {
    /// What it is about, as text.
    what: &'static str,
    /// Its name in Cargo.toml.
    name: &'static str,
}

/// JSON Schema.
#[cfg(not(feature = "schema"))]
pub(crate) const SCHEMA: Feature = Feature { what: "JSON Schema", name: "schema" };
/// HTTPS, and waiting for TLS.
#[cfg(not(feature = "tls"))]
pub(crate) const TLS: Feature = Feature { what: "TLS", name: "tls" };
/// WebSockets.
#[cfg(not(feature = "websocket"))]
pub(crate) const WEB_SOCKETS: Feature = Feature { what: "WebSockets", name: "websocket" };

impl Feature {
    /// Returns why the step cannot run.
    pub(crate) fn message(self) -> String {
        format!("this program was built without {}", self.what)
    }

    /// Returns what to do about it.
    pub(crate) fn help(self) -> String {
        format!("add the feature `{}` of greenroom in Cargo.toml", self.name)
    }

    /// Returns the failure of a step.
    pub(crate) fn failure(self) -> Failure {
        Failure::new(self.message()).help(self.help())
    }

    /// Returns the problem of a step before the run, at a capture.
    pub(crate) fn problem(self, capture: &str) -> Problem {
        Problem::new(capture, ProblemKind::Other("missing-feature"), self.message()).help(self.help())
    }
}
