//! The benchmarks: the release binary on generated documents, figures as medians of several runs.
//! Benchmarks do not fail on a busy machine, they get slower. Compare ratios, on one machine, in
//! one run. Commands that are compared are measured in turns, so that other load affects all of
//! them.

mod check;
mod cost;
mod death;
mod flood;
mod measure;
mod python;
mod scenarios;
mod setup;

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

/// Runs the benchmarks with `filter` in their name.
pub(crate) fn run(filter: &str) -> Result<(), String> {
    let chosen: Vec<Benchmark> = ALL.iter().filter(|(name, _)| name.contains(filter)).map(|(_, it)| *it).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        return Err(format!("no benchmark {filter}; the benchmarks are {}", names.join(", ")));
    }
    cargo(&["build", "--release", "--package", "greenroom", "--package", "xtask"], &[])?;
    let bench = Bench::new()?;
    let done = chosen.iter().try_for_each(|benchmark| benchmark(&bench));
    std::fs::remove_dir_all(&bench.directory).map_err(|error| error.to_string())?;
    done
}
