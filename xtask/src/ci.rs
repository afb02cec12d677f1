//! `cargo xtask ci`: everything that must hold before a change lands.

use std::time::{Duration, Instant};

use crate::workspace::cargo;
use crate::{
    bench, blocks, browser, circles, dependencies, documents, dynamic, faults, fuzz, lines, links, nextest, packages,
    python, screens, subplotlib,
};

type Check = (&'static str, fn() -> Result<(), String>);

/// Every check, the quickest first.
const CHECKS: &[Check] = &[
    ("format", || cargo(&["fmt", "--all", "--check"], &[])),
    ("dependencies", dependencies::check),
    ("metadata of packages", packages::check),
    ("Python", python::check),
    ("names of tests", faults::check),
    ("links", links::check),
    ("blocks", blocks::check),
    ("circles", circles::check),
    ("lines", lines::check),
    ("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])),
    // As test programs in Rust have it.
    ("clippy without features", || {
        cargo(&["clippy", "--package", "greenroom", "--no-default-features", "--", "-D", "warnings"], &[])
    }),
    // The tests of the harness run test programs that are examples.
    ("examples", || {
        cargo(&["build", "--workspace", "--examples"], &[])?;
        cargo(&["build", "--package", "greenroom", "--features", "tokio", "--example", "async_steps"], &[])
    }),
    ("build of tests", || cargo(&["test", "--workspace", "--all-targets", "--no-run"], &[])),
    ("tests", || cargo(&["test", "--workspace", "--all-targets"], &[])),
    ("nextest", nextest::check),
    ("tests in documentation", || cargo(&["test", "--workspace", "--doc"], &[])),
    ("documentation", || cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])),
    ("build of greenroom", || cargo(&["build", "--package", "greenroom"], &[])),
    ("acceptance documents", documents::check),
    ("short benchmark", bench::short),
    ("screens", || screens::check(screens::Mode::Check)),
    ("subplotlib", subplotlib::check),
    ("shared library", dynamic::check),
    ("pages in a browser", browser::check),
    ("fuzzing", fuzz::check),
];

/// Runs every check, and prints how long each took.
pub(crate) fn check() -> Result<(), String> {
    let mut took = Vec::new();
    for &(name, check) in CHECKS {
        let begun = Instant::now();
        let result = check();
        took.push((name, begun.elapsed()));
        if result.is_err() {
            print_times(&took);
            return result;
        }
    }
    print_times(&took);
    Ok(())
}

/// Prints what took a second or more, in the order in which it ran.
fn print_times(took: &[(&str, Duration)]) {
    let total: Duration = took.iter().map(|(_, took)| took).sum();
    let long = took.iter().filter(|(_, took)| took.as_secs() > 0);
    eprintln!("seconds:");
    for (name, took) in long.chain([&("all", total)]) {
        eprintln!("  {:>5}  {name}", took.as_secs());
    }
}
