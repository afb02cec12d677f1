//! Library `datadir`: requirements on the directory of a scenario.

use rustix::fs::statvfs;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult, names_value};

/// One M, in bytes.
const MEGABYTE: u64 = 1 << 20;

/// Returns the library.
pub fn library() -> Library {
    Library::new("datadir", include_str!("datadir.yaml"))
        .serves("lib/datadir.py")
        .step("datadir_has_bytes_of_space", has_space, Check::With(check))
        .step("datadir_has_megabytes_of_space", has_space, Check::With(check))
}

/// Returns the space that a step requires, in bytes and in words. A number too large to count is
/// the largest one.
fn wanted(captures: &Captures) -> Result<(u64, String), Failure> {
    if captures.get("megabytes").is_some() {
        let megabytes: u64 = captures.number("megabytes")?;
        return Ok((megabytes.saturating_mul(MEGABYTE), format!("{megabytes} M")));
    }
    let bytes: u64 = captures.number("bytes")?;
    Ok((bytes, format!("{bytes} bytes")))
}

fn check(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    let unknown = captures.iter().any(|(_, text)| names_value(text));
    let error = wanted(captures).err().filter(|_| !unknown);
    let capture = if captures.get("megabytes").is_some() { "megabytes" } else { "bytes" };
    error.map(|error| Problem::new(capture, ProblemKind::InvalidNumber, error.message)).into_iter().collect()
}

fn has_space(context: &mut Context, captures: &Captures) -> StepResult {
    let (wanted, words) = wanted(captures)?;
    let directory = context.directory();
    let system = statvfs(directory).map_err(|error| {
        Failure::new(format!("cannot determine the free space of {}: {error}", directory.display()))
    })?;
    // The free space includes some that only root may use.
    let available = system.f_bavail.saturating_mul(system.f_frsize);
    if available >= wanted {
        return Ok(());
    }
    let (bytes, megabytes) = (available, available / MEGABYTE);
    Err(Failure::new(format!("the scenario's directory has less than {words} of free space"))
        .note(format!("{bytes} bytes ({megabytes} M) are free in {}", directory.display()))
        .help("free some space, or set TMPDIR to a directory on a larger file system"))
}
