//! The error and the result of a step.

/// The error of a step: anything that `?` turns into a box.
pub type StepError = Box<dyn std::error::Error>;

/// The result of a step.
pub type StepResult = Result<(), StepError>;
