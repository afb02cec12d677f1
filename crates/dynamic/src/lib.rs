//! greenroom as a shared library: test programs link in less time.
//!
//! ```toml
//! [dev-dependencies]
//! greenroom = { package = "greenroom-dynamic", version = "0.1" }
//! ```
//!
//! Everything is that of the crate [`greenroom`], and nothing but the dependency changes. The compiler links a crate of
//! this kind once, when it is built, and not into each test program.

#![forbid(unsafe_code)]

pub use greenroom::*;
