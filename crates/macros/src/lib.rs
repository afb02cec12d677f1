//! The attributes by which functions become steps of acceptance documents.
//!
//! The crate `greenroom` has them, with their documentation. `attribute` reads what is written in them,
//! `pattern` finds the captures of a pattern, `parameter` says where each parameter of a function
//! comes from, and `expand` writes the code that registers the function. `associated` recognizes functions of
//! `impl` blocks, which cannot be steps.

#![forbid(unsafe_code)]

mod associated;
mod attribute;
mod expand;
mod parameter;
mod pattern;

use proc_macro::TokenStream;

use attribute::Keyword;

/// Makes a function the step function of `given` steps with a pattern.
#[proc_macro_attribute]
pub fn given(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand(Some(Keyword::Given), attribute, function)
}

/// Makes a function the step function of `when` steps with a pattern.
#[proc_macro_attribute]
pub fn when(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand(Some(Keyword::When), attribute, function)
}

/// Makes a function the step function of `then` steps with a pattern.
#[proc_macro_attribute]
pub fn then(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand(Some(Keyword::Then), attribute, function)
}

/// Makes a function a step function that bindings files name, or a cleanup.
#[proc_macro_attribute]
pub fn step(attribute: TokenStream, function: TokenStream) -> TokenStream {
    expand(None, attribute, function)
}

/// Writes what an attribute stands for.
fn expand(keyword: Option<Keyword>, attribute: TokenStream, function: TokenStream) -> TokenStream {
    let function = function.into();
    let is_associated = associated::is_associated(&function, proc_macro::Span::call_site().column() > 1, || {
        let path = proc_macro::Span::call_site().local_file()?;
        std::fs::read_to_string(path).ok()
    });
    expand::step(keyword, attribute.into(), &function, is_associated).into()
}
