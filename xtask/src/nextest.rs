//! The example with step functions in Rust, run by cargo-nextest: each scenario in a process of its own.

use std::process::{Command, Stdio};

use crate::workspace::{cargo, is_ci};

/// The package of the example.
const PACKAGE: &str = "greenroom-example-tally";

/// Runs the example in two parts, with retries. Where cargo-nextest is not installed, only CI insists on it.
pub(crate) fn check() -> Result<(), String> {
    if !installed() {
        let how = "cargo nextest is not installed: `pip install --requirement .ci/requirements.txt` has it as a \
                   program, `cargo install --locked cargo-nextest` builds it";
        if is_ci() {
            return Err(how.to_owned());
        }
        eprintln!("skipped the example under nextest: {how}");
        return Ok(());
    }
    for part in ["count:1/2", "count:2/2"] {
        cargo(&["nextest", "run", "--package", PACKAGE, "--partition", part, "--retries", "1"], &[])?;
    }
    Ok(())
}

fn installed() -> bool {
    let mut command = Command::new("cargo");
    command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
