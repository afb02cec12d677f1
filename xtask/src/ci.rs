//! `cargo xtask ci`: everything that must hold before a change lands.

use crate::workspace::cargo;
use crate::{
    bench, blocks, browser, circles, dependencies, documents, faults, fuzz, lines, links, nextest, packages, python,
    screens, subplotlib,
};

/// Runs every check, the quickest first.
pub(crate) fn check() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    dependencies::check()?;
    packages::check()?;
    python::check()?;
    faults::check()?;
    links::check()?;
    blocks::check()?;
    circles::check()?;
    lines::check()?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    // As test programs in Rust have it, without its features.
    cargo(&["clippy", "--package", "greenroom", "--no-default-features", "--", "-D", "warnings"], &[])?;
    // The tests of the harness run a test program that is an example.
    cargo(&["build", "--workspace", "--examples"], &[])?;
    cargo(&["build", "--package", "greenroom", "--features", "tokio", "--example", "async_steps"], &[])?;
    cargo(&["test", "--workspace", "--all-targets"], &[])?;
    nextest::check()?;
    cargo(&["test", "--workspace", "--doc"], &[])?;
    cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    cargo(&["build", "--package", "greenroom"], &[])?;
    documents::check()?;
    bench::short()?;
    screens::check(screens::Mode::Check)?;
    subplotlib::check()?;
    browser::check()?;
    fuzz::check()
}
