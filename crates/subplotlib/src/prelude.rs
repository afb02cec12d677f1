//! All that step files use. Generated code imports it.

pub use greenroom_subplotlib_macros::{lazy_static, step, throws};

pub use crate::file::SubplotDataFile;
pub use crate::scenario::{ContextElement, Scenario, ScenarioContext};
pub use crate::step::ScenarioStep;
pub use crate::throw;
pub use crate::types::{StepError, StepResult};
pub use crate::utils::base64_decode;

/// Returns an error from a step, or from a function with the attribute [`throws`].
///
/// The error is anything that converts to the error of the function. Without one, the function returns the
/// default of its type, as `None`.
#[macro_export]
macro_rules! throw {
    () => {
        return ::core::default::Default::default()
    };
    ($error:expr $(,)?) => {
        return ::core::result::Result::Err(::core::convert::From::from($error))
    };
}
