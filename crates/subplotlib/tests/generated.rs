//! Code as `subplot-build` generated it, of 0.12 and of 0.14.

#![allow(
    missing_docs,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "written as it was generated"
)]

mod old {
    include!("documents/generated_0_12.rs");
}

mod new {
    include!("documents/generated_0_14.rs");
}
