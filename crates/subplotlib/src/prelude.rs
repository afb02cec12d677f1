//! All that step files use. Generated code imports it.

#[doc(hidden)]
pub use greenroom_subplotlib_macros::lazy_static;

// The macro above takes the place of that in here: a name of its own comes before one of `*`.
#[doc(inline)]
pub use crate::__private::prelude::*;
