//! All that step files use. Generated code imports it.

#[doc(no_inline)]
pub use culpa::{throw, throws};
pub use greenroom_subplotlib_macros::step;
#[doc(hidden)]
pub use lazy_static::lazy_static;

pub use crate::file::SubplotDataFile;
pub use crate::scenario::{ContextElement, Scenario, ScenarioContext};
pub use crate::step::ScenarioStep;
pub use crate::types::{StepError, StepResult};
pub use crate::utils::base64_decode;
