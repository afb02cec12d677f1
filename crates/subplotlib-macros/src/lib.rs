//! The macros of `greenroom-subplotlib`.
//!
//! | module | writes |
//! |---|---|
//! | `throws` | functions that return errors which their source does not mention |
//! | `step` | the module of a step function: its builder, its function, and a function to call it |
//! | `old_code` | what code that was generated for subplotlib 0.11 and 0.12 needs |
//! | `step_files` | the files with step functions, as parts of a test |
//! | `codegen` | the tests of a document |
//!
//! For `codegen`, `arguments`, `filter` and `document` read what is written, `identifier` makes identifiers,
//! `functions` looks for step functions that no file has, and `message` makes the errors.

#![forbid(unsafe_code)]

mod arguments;
mod codegen;
mod document;
mod filter;
mod functions;
mod identifier;
mod message;
mod old_code;
mod step;
mod step_files;
#[cfg(test)]
mod tests;
mod throws;

use proc_macro::TokenStream;

/// Makes a function a step function, which bindings name.
///
/// Its first parameter is a context, `&Context` or `&mut Context`, or all of them, `&ScenarioContext`; then
/// `#[context(Context)]` names those that it uses. The others are captures: `&str`, `&Path`, numbers, or
/// `SubplotDataFile`. The function returns nothing; `?` and `throw!` return errors from it.
///
/// The attribute makes a module of the function's name, with `call` to call the step from another one.
#[proc_macro_attribute]
pub fn step(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    step::expand(&item.into(), source_file().as_deref()).into()
}

/// Makes statics that are initialized when they are first used, as the macro of the crate `lazy_static` does.
///
/// Generated code without step functions has nothing else that could tell its version.
#[proc_macro]
pub fn lazy_static(input: TokenStream) -> TokenStream {
    old_code::statics(&input.into(), source_file().as_deref()).into()
}

/// Makes a test of each scenario of a document.
#[proc_macro]
pub fn codegen(input: TokenStream) -> TokenStream {
    codegen::expand(input.into(), source_file().as_deref()).into()
}

/// Returns the text of the file that uses the macro.
fn source_file() -> Option<String> {
    let path = proc_macro::Span::call_site().local_file()?;
    std::fs::read_to_string(path).ok()
}
