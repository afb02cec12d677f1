//! Links the installed program at fixed addresses, where that is safe to ask for.
//!
//! A program that can be loaded anywhere has to write each address that it contains at every start,
//! and every copy that the launcher makes of itself copies the tables of the pages that were written.

#![expect(clippy::disallowed_methods, reason = "Cargo describes the target in the environment")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |key: &str| std::env::var(format!("CARGO_CFG_{key}")).unwrap_or_default();
    let is_static = target("TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("TARGET_OS") == "linux" && target("TARGET_ENV") == "gnu" && !is_static {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
