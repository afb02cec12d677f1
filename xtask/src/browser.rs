//! Opens pages in a browser: the tests in `crates/greenroom/tests/browser`.
//!
//! They need Chromium, Node and npm. The packages that they use are installed below `target`, once
//! for each state of the list of packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace::{cargo, greenroom, is_ci, root, run, target};

/// The directory of the tests.
const TESTS: &str = "crates/greenroom/tests/browser";

/// Runs the tests. Where a tool is missing, only CI insists on it.
pub(crate) fn check() -> Result<(), String> {
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| runs(name, "--version"));
    let missing: Vec<&str> =
        [("chromium", browser.is_some()), ("node", runs("node", "--version")), ("npm", runs("npm", "--version"))]
            .into_iter()
            .filter_map(|(name, is_there)| (!is_there).then_some(name))
            .collect();
    let Some(browser) = browser.filter(|_| missing.is_empty()) else {
        let how = format!("the tests of pages need {}: install chromium, nodejs and npm", missing.join(", "));
        if is_ci() {
            return Err(how);
        }
        eprintln!("skipped the tests of pages in a browser: {how}");
        return Ok(());
    };
    cargo(&["build", "--package", "greenroom"], &[])?;
    let place = install()?;
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-reporter=spec"]).current_dir(&place);
    tests.env("GREENROOM", greenroom()).env("CHROMIUM", path_of(browser)?);
    run(&mut tests)
}

/// Copies the tests below `target` and installs their packages there. Returns the directory.
fn install() -> Result<PathBuf, String> {
    let (from, place) = (root().join(TESTS), target().join("browser"));
    let failed = |error: std::io::Error| format!("{}: {error}", place.display());
    fs::create_dir_all(&place).map_err(failed)?;
    let lock = "package-lock.json";
    let is_installed = place.join("node_modules/.package-lock.json").exists()
        && fs::read(place.join(lock)).ok() == fs::read(from.join(lock)).ok();
    for name in ["package.json", lock, "pages.test.mjs"] {
        fs::copy(from.join(name), place.join(name)).map_err(failed)?;
    }
    if !is_installed {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&place))?;
    }
    Ok(place)
}

fn runs(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns where a program is.
fn path_of(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| Path::exists(file));
    found.ok_or_else(|| format!("{program} is not on PATH"))
}
