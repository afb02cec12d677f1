//! The effect of a daemon that writes very much on other scenarios.

use super::measure::{self, Measured, Peaks, Spread, say};
use super::scenarios::sleep_document;
use super::setup::Bench;

const ROUNDS: usize = 3;

/// Measures 200 ordinary scenarios with and without 500 MB of output beside them.
pub(super) fn flood(bench: &Bench) -> Result<(), String> {
    let count = 200;
    let flood = "\n# Flood\n\n~~~scenario\n\
         when I start \"sh -c 'yes | head -c 500000000'\" as a background process as flood\n\
         when I wait for daemon flood to end, for at most 120 seconds\n\
         then daemon flood has ended with exit status 0\n~~~\n";
    // Keep the whole output, if the program has an option for that.
    let unlimited: &[&str] = if bench.output(&["run", "--help"], "".as_ref())?.contains("--output-limit") {
        &["--output-limit", "1G"]
    } else {
        &[]
    };
    let arguments = [&["run", "-q"], unlimited].concat();
    let cases = [
        ("without", sleep_document(bench, count, "")?),
        ("with", sleep_document(bench, count, flood)?),
        ("alone", sleep_document(bench, 0, flood)?),
    ];
    let mut measured: [Vec<Measured>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (at, (_, document)) in cases.iter().enumerate() {
            measured[at].push(measure::once(&mut bench.greenroom(&arguments, document), Peaks::Below)?);
        }
    }
    say(&format!(
        "flood: {count} scenarios with one `sleep` each, without and with a daemon that writes 500 MB, and that daemon \
         alone; default -j, {ROUNDS} rounds in turns"
    ));
    for ((name, _), measured) in cases.iter().zip(&measured) {
        let wall = Spread::of(measured.iter().map(|one| one.wall.as_secs_f64()));
        let runner = measured.iter().map(|one| one.peak_mib).fold(0.0, f64::max);
        let below = measured.iter().map(|one| one.peak_below_mib).fold(0.0, f64::max);
        let Spread { middle, least, most } = wall;
        say(&format!(
            "  {name:<8} {middle:7.3} s ({least:.3} to {most:.3}), peak memory: runner {runner:.1} MiB, largest of \
             launcher and stages {below:.1} MiB"
        ));
    }
    Ok(())
}
