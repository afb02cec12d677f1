//! What is said of a feature of greenroom which this program was built without.

use crate::check::{Problem, ProblemKind};
use crate::step::Failure;

/// A feature of greenroom.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// What it is about, as text.
    what: &'static str,
    /// Its name in Cargo.toml.
    name: &'static str,
}

/// JSON Schema.
#[cfg(not(feature = "schema"))]
pub(crate) const SCHEMA: Feature = Feature::new("JSON Schema", "schema");
/// HTTPS, and waiting for TLS.
#[cfg(not(feature = "tls"))]
pub(crate) const TLS: Feature = Feature::new("TLS", "tls");
/// WebSockets.
#[cfg(not(feature = "websocket"))]
pub(crate) const WEB_SOCKETS: Feature = Feature::new("WebSockets", "websocket");

impl Feature {
    /// Describes a feature: what it is about, as text, and its name in Cargo.toml.
    pub const fn new(what: &'static str, name: &'static str) -> Self {
        Self { what, name }
    }

    /// Returns what the program lacks.
    pub fn message(self) -> String {
        format!("this program was built without {}", self.what)
    }

    /// Returns what to do about it.
    pub fn help(self) -> String {
        format!("add the feature `{}` of greenroom in Cargo.toml", self.name)
    }

    /// Returns the failure of a step.
    pub fn failure(self) -> Failure {
        Failure::new(self.message()).help(self.help())
    }

    /// Returns the problem of a step before the run, at a capture.
    pub fn problem(self, capture: &str) -> Problem {
        Problem::new(capture, ProblemKind::Other("missing-feature"), self.message()).help(self.help())
    }
}
