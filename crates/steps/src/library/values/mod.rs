//! Library `values`: keeping values under names, for later steps.
//!
//! Every document that lists a built-in library has these steps too. Those of the document's own
//! bindings come first. Steps are in `given`, `keep` and `assertion`, each with a table of its steps
//! first; `validity` has what is checked before the run. How values are put into steps is in
//! [`crate::values`].

mod assertion;
mod given;
mod keep;
mod source;
mod validity;

use crate::registry::Library;

/// Returns the library.
pub fn library() -> Library {
    let library = Library::new("values", include_str!("values.yaml")).everywhere();
    let library =
        [given::steps, keep::steps, assertion::steps].into_iter().fold(library, |library, steps| steps(library));
    library.seeks("text", &["values_contains"])
}
