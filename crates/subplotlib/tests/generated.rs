//! Code as `subplot-build` generated it, of 0.11, of 0.12 and of 0.14.

#![allow(
    missing_docs,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "written as it was generated"
)]

/// Expected outputs have escapes.
mod oldest {
    include!("documents/generated_0_11.rs");
}

mod old {
    include!("documents/generated_0_12.rs");
}

/// No step function is beside the scenario.
mod old_libraries {
    include!("documents/generated_0_12_libraries.rs");
}

mod new {
    include!("documents/generated_0_14.rs");
}
