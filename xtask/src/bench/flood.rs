//! What a daemon that writes without end does to the others.

use super::measure::{self, Measured, Peaks, Spread, say};
use super::scenarios::sleep_document;
use super::setup::Bench;

const ROUNDS: usize = 3;

/// 500 MB of output beside 200 ordinary scenarios, and those without it.
pub(super) fn flood(bench: &Bench) -> Result<(), String> {
    let count = 200;
    let flood = "\n# Flood\n\n~~~scenario\n\
         when I start \"sh -c 'yes | head -c 500000000'\" as a background process as flood\n\
         when I wait for daemon flood to end, for at most 120 seconds\n\
         then daemon flood has ended with exit status 0\n~~~\n";
    // Nothing of the output is to be cut off, where that can be chosen.
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
        "flood: {count} scenarios with one `sleep` each, without and with one more whose daemon writes 500 MB, and \
            that one \
         alone; default -j, {ROUNDS} rounds in turns"
    ));
    for ((name, _), measured) in cases.iter().zip(&measured) {
        let wall = Spread::of(measured.iter().map(|one| one.wall.as_secs_f64()));
        let runner = measured.iter().map(|one| one.peak_mib).fold(0.0, f64::max);
        let below = measured.iter().map(|one| one.peak_below_mib).fold(0.0, f64::max);
        let Spread { middle, least, most } = wall;
        say(&format!(
            "  {name:<8} {middle:7.3} s ({least:.3} to {most:.3}), peak memory: runner {runner:.1} MiB, largest of \
                launcher \
             and stages {below:.1} MiB"
        ));
    }
    Ok(())
}
