//! Fuzzing with the driver in `fuzz/`.

use crate::workspace::{cargo, target};

/// Passes everything on to the driver.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let command = ["run", "--quiet", "--package", "greenroom-fuzz", "--"];
    cargo(&[&command, arguments].concat(), &[]).map_err(|error| {
        let inputs = target().join("debug/fuzz-inputs");
        // A panic or a hang names its input. A stack overflow cannot.
        format!("{error}\nthe last input of each target is in {}", inputs.display())
    })
}

/// A short run that is the same every time.
pub(crate) fn check() -> Result<(), String> {
    run(&["--seconds", "2.5", "--seed", "1"])
}
