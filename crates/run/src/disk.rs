//! Disks of scenarios: which scenarios have one, and what is left of it.

use std::fs;
use std::io;
use std::path::Path;

use greenroom_doc::{Plan, PlannedScenario};
use greenroom_sandbox::{Isolation, SandboxError};
use greenroom_steps::Captures;
use greenroom_steps::library::files::{DISK, KEPT, disk_size};

/// Returns the size of the disk that a scenario asks for, in bytes.
pub(crate) fn size(scenario: &PlannedScenario) -> Option<u64> {
    let is_disk =
        |step: &&greenroom_doc::MatchedStep| step.implementation.is_native() && &*step.implementation.function == DISK;
    let step = scenario.steps.iter().find(is_disk)?;
    let captures = step.captures.iter().map(|capture| (capture.name().to_owned(), capture.text.to_string()));
    disk_size(&Captures::new(captures.collect::<Vec<_>>()))
}

/// Checks that scenarios with a disk can have one.
pub(crate) fn require(plan: &Plan, chosen: &[usize], isolation: &Isolation) -> Result<(), SandboxError> {
    let lacking = chosen.iter().map(|&index| &plan.scenarios[index]).find(|scenario| size(scenario).is_some());
    match lacking {
        Some(scenario) if !isolation.has_disks() => {
            Err(SandboxError::NoDisk { scenario: scenario.title.to_string(), refusals: isolation.refusals.clone() })
        }
        _ => Ok(()),
    }
}

/// Puts what was on a disk in the place of a scenario's directory, which is kept.
///
/// # Errors
///
/// When the scenario ended before it could be copied, or it cannot be moved.
pub(crate) fn restore(directory: &Path) -> io::Result<()> {
    let kept = directory.with_file_name(KEPT);
    fs::metadata(&kept)?;
    fs::remove_dir(directory)?;
    fs::rename(kept, directory)
}
