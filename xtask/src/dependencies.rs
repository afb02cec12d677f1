//! What we depend on: licences, versions and sources, by the rules of `deny.toml`.

use std::process::{Command, Stdio};

use crate::workspace::{cargo, is_ci};

/// Runs cargo-deny over all dependencies. Where it is not installed, only CI insists on it.
pub(crate) fn check() -> Result<(), String> {
    if !installed() {
        let how = "cargo deny is not installed: `pip install --requirement .ci/requirements.txt` has it as a program, \
                   `cargo install --locked cargo-deny` builds it";
        if is_ci() {
            return Err(how.to_owned());
        }
        eprintln!("skipped the check of dependencies: {how}");
        return Ok(());
    }
    // It looks at the crates of all systems, and a new machine has none of them.
    cargo(&["fetch", "--locked"], &[])?;
    // Advisories need a database from the network; RELEASE.md has them checked before a release.
    cargo(&["deny", "--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"], &[])
}

fn installed() -> bool {
    let mut command = Command::new("cargo");
    command.args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
