//! Fuzz targets, and a driver for them that needs nothing but a stable toolchain.
//!
//! A [`Target`] is a plain function that takes any bytes and must not panic, hang or die. The driver ([`campaign`])
//! feeds it with real input (`seeds`), with every beginning of that, and with mutations of it (`mutate`). All of it
//! follows from a number, so that every run can be repeated. README.md says how to use it and how to add a target.
//!
//! ```text
//! seeds --mutate--> campaign --bytes--> target --fingerprint--> campaign (keeps inputs that did something new)
//! ```

#![forbid(unsafe_code)]

pub mod campaign;
mod checks;
mod formats;
mod mutate;
mod seeds;
mod target;
mod targets;

pub use target::Target;

/// All targets.
pub const TARGETS: [Target; 7] = [
    targets::document::TARGET,
    targets::bindings::TARGET,
    targets::recording::TARGET,
    targets::reports::TARGET,
    targets::history::TARGET,
    targets::protocol::TARGET,
    targets::stage::TARGET,
];
