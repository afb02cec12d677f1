//! The time until the end of a daemon is noticed.

use super::measure::{Spread, against, say};
use super::setup::{Bench, HEAD};

const ROUNDS: usize = 20;

/// Measures a daemon that dies before it opens its port, and one that ignores SIGTERM.
pub(super) fn death(bench: &Bench) -> Result<(), String> {
    let dying = format!(
        "{HEAD}\n# Dying\n\n~~~scenario\n\
         when I start \"sh -c 'sleep 0.05; exit 3'\" as a background process as d, on port 8080\n~~~\n"
    );
    let document = bench.write("dying.md", &dying)?;
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        let said = bench.output(&["run", "-v"], &document)?;
        late.push(step_time(&said)? - 50.0);
    }
    let Spread { middle, least, most } = Spread::of(late);
    say(&format!(
        "death: a daemon dies 50 ms after its start instead of listening; time until its step fails, as reported, \
         median of {ROUNDS}: {} ({least:.0} to {most:.0} ms)",
        against(middle, " ms", 100.0)
    ));
    // Times of seconds are reported with too few digits, so compare whole runs.
    let deaf = bench.write("deaf.md", &stopping("trap '' TERM"))?;
    let polite = bench.write("polite.md", &stopping(":"))?;
    let mut extra = Vec::new();
    for _ in 0..5 {
        let polite = timed(bench, &polite)?;
        extra.push((timed(bench, &deaf)? - polite) * 1000.0 - 5000.0);
    }
    let Spread { middle, least, most } = Spread::of(extra);
    say(&format!(
        "death: a daemon ignores SIGTERM; time to stop it, beyond the 5 s limit and the time of one that ends, \
         median of 5: {middle:.1} ms ({least:.1} to {most:.1} ms)"
    ));
    Ok(())
}

/// Returns the milliseconds of the failed step in a verbose report.
fn step_time(said: &str) -> Result<f64, String> {
    let words = || said.lines().find_map(|line| line.trim_start().strip_prefix("FAILED "));
    let number = words().and_then(|rest| rest.trim_start().split_once(" ms  ")).and_then(|(ms, _)| ms.parse().ok());
    number.ok_or_else(|| format!("no failed step and its milliseconds in:\n{said}"))
}

/// Creates a scenario that stops a daemon whose script begins with this.
fn stopping(first: &str) -> String {
    format!(
        "{HEAD}\n# Stopping\n\n~~~scenario\ngiven file d.sh\nwhen I start \"sh d.sh\" as a background process as d\n\
         when I wait for daemon d to write \"up\" to stdout\nwhen I stop background process d\n~~~\n\n\
         ~~~{{#d.sh .file}}\n{first}\necho up\nwhile :; do sleep 1000; done\n~~~\n"
    )
}

/// Returns the seconds that a run takes, whether it passes or not.
fn timed(bench: &Bench, document: &std::path::Path) -> Result<f64, String> {
    let begun = std::time::Instant::now();
    let said = bench.output(&["run", "-v"], document)?;
    let took = begun.elapsed().as_secs_f64();
    if said.contains("when I stop background process d") { Ok(took) } else { Err(said) }
}
