//! The attributes by which functions become steps of acceptance documents.
//!
//! The crate `greenroom` has them, with their documentation. `attribute` reads what is written in them,
//! `pattern` finds the captures of a pattern, `parameter` says where each parameter of a function
//! comes from, and `expand` writes the code that registers the function.

#![forbid(unsafe_code)]

mod attribute;
mod expand;
mod parameter;
mod pattern;

use proc_macro::TokenStream;

use attribute::Keyword;

/// Makes a function the step function of `given` steps with a pattern.
#[proc_macro_attribute]
pub fn given(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand::step(Some(Keyword::Given), attribute.into(), &function.into()).into()
}

/// Makes a function the step function of `when` steps with a pattern.
#[proc_macro_attribute]
pub fn when(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand::step(Some(Keyword::When), attribute.into(), &function.into()).into()
}

/// Makes a function the step function of `then` steps with a pattern.
#[proc_macro_attribute]
pub fn then(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand::step(Some(Keyword::Then), attribute.into(), &function.into()).into()
}

/// Makes a function a step function that bindings files name, or a cleanup.
#[proc_macro_attribute]
pub fn step(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand::step(None, attribute.into(), &function.into()).into()
}
