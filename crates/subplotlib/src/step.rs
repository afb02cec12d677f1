//! Steps of scenarios.

pub use crate::scenario::{EscapedBuilder, ScenarioStep, StepBuilder, UnnumberedBuilder};
