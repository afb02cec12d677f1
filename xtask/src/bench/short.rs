//! The short form, which CI runs: ratios that no scheduler changes, with generous bounds.
//!
//! It compares page faults, and processor times that were measured in turns, of a build without
//! optimisation. So it finds what makes a scenario cost several times as much, and costs that grow
//! with the number of scenarios.

use std::path::{Path, PathBuf};

use super::floor::{Bare, Copies};
use super::measure::{Measured, Spread, all_in_turns, say};
use super::python;
use super::row::{Bound, Row};
use super::scenarios::{port_document, sleep_document};
use super::setup::Bench;
use crate::workspace::is_ci;

const ROUNDS: usize = 3;

/// Compares, and fails if a ratio is beyond its bound.
///
/// Where there are no namespaces, only CI insists on it.
pub(super) fn check(bench: &Bench) -> Result<(), String> {
    let place = bench.directory.join("place");
    std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    if let Err(problem) = Bare::compile(bench)?.time(1, 1, &place)
        && !is_ci()
    {
        say(&format!("skipped the comparison of costs: {problem}"));
        return Ok(());
    }
    let rows = compare(bench, &place)?;
    for row in &rows {
        say(&row.to_string());
    }
    let missed = rows.iter().filter(|row| !row.is_reached()).count();
    if missed == 0 { Ok(()) } else { Err(format!("{missed} of these costs are higher than they may be")) }
}

fn compare(bench: &Bench, place: &Path) -> Result<Vec<Row>, String> {
    let [few, many, waiting, in_python] = [50, 200, 20, 20];
    let (bare, copies) = (Bare::compile(bench)?, Copies::compile(bench)?);
    let [short, long]: [PathBuf; 2] = [sleep_document(bench, few, "")?, sleep_document(bench, many, "")?];
    let (port, steps) = (port_document(bench, waiting)?, python::document(bench, in_python)?);
    let run = |document: &Path| bench.time(&["run", "-q", "-j2"], document, place);
    let measured = all_in_turns(
        ROUNDS,
        &[
            &|| bare.time(many, 2, place),
            &|| run(&short),
            &|| run(&long),
            &|| run(&port),
            &|| copies.time(in_python, 2, place),
            &|| run(&steps),
        ],
    )?;
    let counts = [many, few, many, waiting, in_python, in_python];
    let of = |at: usize, figure: fn(&Measured) -> f64| {
        #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
        let count = counts[at] as f64;
        Spread::of(measured[at].iter().map(figure)).middle / count
    };
    let processor = |at: usize| of(at, |one| one.processor.as_secs_f64() * 1000.0);
    #[expect(clippy::cast_precision_loss, reason = "page faults are few")]
    let faults = |at: usize| of(at, |one| one.faults as f64);
    let times = |most: f64, floor: f64| Bound::Times { most, floor };
    Ok(vec![
        Row::new("page faults of a `sleep` scenario", faults(2), "", times(15.0, faults(0))),
        Row::new("cpu of a `sleep` scenario", processor(2), "ms", times(8.0, processor(0))),
        Row::new("cpu of one of 200, against one of 50", processor(2), "ms", times(2.0, processor(1))),
        Row::new("cpu of a `port` scenario, against `sleep`", processor(3), "ms", times(5.0, processor(2))),
        Row::new("page faults of ten steps in Python", faults(5), "", times(4.0, faults(4))),
        Row::new("cpu of ten steps in Python", processor(5), "ms", times(4.0, processor(4))),
    ])
}
