//! Library `datadir`: what a scenario needs of its directory.

use rustix::fs::statvfs;

use crate::check::{Outlook, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::Library;
use crate::step::{Captures, Failure, StepResult};

/// The bytes that one M stands for.
const MEGABYTE: u64 = 1 << 20;

/// The library.
pub fn library() -> Library {
    Library::new("datadir", include_str!("datadir.yaml"))
        .serves("lib/datadir.py")
        .step("datadir_has_bytes_of_space", has_space)
        .check("datadir_has_bytes_of_space", check)
        .step("datadir_has_megabytes_of_space", has_space)
        .check("datadir_has_megabytes_of_space", check)
}

/// What a step asks for, in bytes. More than can be counted is more than there can be.
fn wanted(captures: &Captures) -> Result<(u64, String), Failure> {
    if captures.get("megabytes").is_some() {
        let megabytes: u64 = captures.number("megabytes")?;
        return Ok((megabytes.saturating_mul(MEGABYTE), format!("{megabytes} M")));
    }
    let bytes: u64 = captures.number("bytes")?;
    Ok((bytes, format!("{bytes} bytes")))
}

fn check(captures: &Captures, _: &mut Outlook) -> Vec<Problem> {
    let unknown = captures.iter().any(|(_, text)| text.contains("${"));
    let error = wanted(captures).err().filter(|_| !unknown);
    let capture = if captures.get("megabytes").is_some() { "megabytes" } else { "bytes" };
    error.map(|error| Problem::new(capture, ProblemKind::InvalidNumber, error.message)).into_iter().collect()
}

fn has_space(context: &mut Context, captures: &Captures) -> StepResult {
    let (wanted, words) = wanted(captures)?;
    let directory = context.directory();
    let system = statvfs(directory)
        .map_err(|error| Failure::new(format!("cannot ask for the free space of {}: {error}", directory.display())))?;
    // Not all that is free may be used by everybody.
    let available = system.f_bavail.saturating_mul(system.f_frsize);
    if available >= wanted {
        return Ok(());
    }
    let (bytes, megabytes) = (available, available / MEGABYTE);
    Err(Failure::new(format!("the scenario's directory has less than {words} of space"))
        .note(format!("it has {bytes} bytes ({megabytes} M), in {}", directory.display()))
        .help("free some, or set TMPDIR to a directory on a larger file system"))
}
