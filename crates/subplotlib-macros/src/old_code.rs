//! Code that `subplot-build` 0.11 and 0.12 generated.
//!
//! Builders of steps had `build(text, location)` then, and have `build(number, text, location)` since. The older one
//! is a method of a trait, and wins where the trait is imported. Generated files contain the step functions, so the
//! attribute `step` imports it in older files.

use proc_macro2::TokenStream;
use quote::quote;

/// Returns the import that the file of this text needs.
pub(crate) fn import(file: &str) -> Option<TokenStream> {
    is_old(file).then(|| {
        quote! {
            #[allow(unused_imports, reason = "a module may have no tests")]
            use ::subplotlib::step::UnnumberedBuilder as _;
        }
    })
}

/// Whether a text has steps that were built without their number.
fn is_old(text: &str) -> bool {
    text.split(".build(").skip(1).any(|arguments| arguments.trim_start().starts_with("format!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_steps_have_no_number() {
        assert!(is_old(r#"x.build(1, format!("{}", 1), "unknown"); x.build( format!("{}", 1), "unknown")"#));
        assert!(!is_old(r#"x.build(1, format!("{}", 1), "unknown"); x.build(text)"#));
    }
}
