//! Steps of scenarios.

pub use crate::scenario::{ScenarioStep, UnnumberedBuilder};
