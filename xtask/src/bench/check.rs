//! The cost of reading documents.

use std::fmt::Write as _;

use super::measure::report;
use super::setup::{Bench, HEAD};

/// Measures `greenroom check` on growing documents with the library bindings.
pub(super) fn check(bench: &Bench) -> Result<(), String> {
    for scenarios in [200, 2_000, 10_000, 20_000] {
        let mut text = HEAD.to_owned();
        for at in 0..scenarios {
            let _ = write!(
                text,
                "\n# Scenario {at}\n\nSome prose about it,\non two lines.\n\n~~~scenario\n\
                 given a directory d{at}\nwhen I start \"sleep {at}\" as a background process as d\n\
                 then a process \"sleep {at}\" is running\nwhen I stop background process d\n\
                 then there is no \"sleep {at}\" process\n~~~\n"
            );
        }
        let document = bench.write("check.md", &text)?;
        let what = format!("check: {scenarios} scenarios, {} steps", scenarios * 5);
        report(&what, &bench.measure(&["check"], &document)?, None);
    }
    Ok(())
}

/// Measures `greenroom check` of steps against 1000 bindings of the document's own.
///
/// All are bound to the same existing function: only the matching matters.
pub(super) fn bindings(bench: &Bench) -> Result<(), String> {
    let mut text = String::new();
    for at in 0..1000 {
        let _ = write!(
            text,
            "- when: I do thing number {at} with {{what}} and {{how:text}}\n  impl: {{native: {{function: \
                daemon_start_succeeds}}}}\n"
        );
    }
    bench.write("own.yaml", &text)?;
    for steps in [1_000, 10_000, 100_000] {
        let mut text = "---\ntitle: Benchmark\nbindings: [own.yaml]\n...\n".to_owned();
        for scenario in 0..steps / 10 {
            let _ = write!(text, "\n# Scenario {scenario}\n\n~~~scenario\n");
            for at in 0..10 {
                let _ = writeln!(
                    text,
                    "when I do thing number {} with this and that {at}",
                    (scenario * 7 + at * 131) % 1000
                );
            }
            text.push_str("~~~\n");
        }
        let document = bench.write("bindings.md", &text)?;
        report(&format!("bindings: {steps} steps against 1000 bindings"), &bench.measure(&["check"], &document)?, None);
    }
    Ok(())
}
