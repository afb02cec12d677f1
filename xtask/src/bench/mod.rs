//! The benchmarks: the release binary on generated documents, figures as medians of several runs.
//!
//! `table` has what matters, with targets; the others look closer, `short` is for CI.
//!
//! Benchmarks do not fail on a busy machine, they get slower. Compare ratios, on one machine, in
//! one run. Commands that are compared are measured in turns, so that other load affects all of
//! them.

mod check;
mod cost;
mod death;
mod flood;
mod floor;
mod group;
mod measure;
mod python;
mod row;
mod scenarios;
mod setup;
mod short;
mod side_by_side;
mod table;

use crate::workspace::cargo;
use setup::Bench;

pub(crate) use scenarios::serve;

/// Measures something and prints the figures.
type Benchmark = fn(&Bench) -> Result<(), String>;

const ALL: [(&str, Benchmark); 9] = [
    ("check", check::check),
    ("bindings", check::bindings),
    ("sleep", scenarios::sleep),
    ("port", scenarios::port),
    ("cost", cost::cost),
    ("scale", cost::scale),
    ("flood", flood::flood),
    ("death", death::death),
    ("python", python::python),
];

/// Prints the table of what scenarios cost.
pub(crate) fn table() -> Result<(), String> {
    in_release(table::table)
}

/// Compares ratios of the development build.
pub(crate) fn short() -> Result<(), String> {
    cargo(&["build", "--package", "greenroom", "--package", "xtask"], &[])?;
    let bench = Bench::new("debug")?;
    bench.finish(short::check(&bench))
}

/// Runs the benchmarks with `filter` in their name.
pub(crate) fn run(filter: &str) -> Result<(), String> {
    let chosen: Vec<Benchmark> = ALL.iter().filter(|(name, _)| name.contains(filter)).map(|(_, it)| *it).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        return Err(format!("no benchmark {filter}; the benchmarks are {}", names.join(", ")));
    }
    in_release(|bench| chosen.iter().try_for_each(|benchmark| benchmark(bench)))
}

/// Measures programs of the release build.
fn in_release(measure: impl FnOnce(&Bench) -> Result<(), String>) -> Result<(), String> {
    cargo(&["build", "--release", "--package", "greenroom", "--package", "xtask"], &[])?;
    let bench = Bench::new("release")?;
    bench.finish(measure(&bench))
}
