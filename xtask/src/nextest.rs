//! The example with step functions in Rust, run by cargo-nextest: each scenario in a process of its own, and
//! built without the features of greenroom.

use std::process::{Command, Stdio};

use crate::workspace::{cargo, cargo_program, is_ci, root};

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
    lacks_pages()
}

/// Checks that the example, which has none of greenroom's features, says so when one is needed.
fn lacks_pages() -> Result<(), String> {
    let mut command = Command::new(cargo_program());
    command.args(["test", "--package", PACKAGE, "--test", "acceptance", "--", "--html", "report.html"]);
    let output = command.current_dir(root()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let expected = "this program was built without pages; add the feature `pages` of greenroom in Cargo.toml";
    if !output.status.success() && errors.contains(expected) { Ok(()) } else { Err(format!("{command:?}\n{errors}")) }
}

fn installed() -> bool {
    let mut command = Command::new("cargo");
    command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
