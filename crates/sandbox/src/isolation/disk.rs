//! The disk of a stage: a file system of limited size in place of its directory.
//!
//! It is in memory, and ends with the mount namespace of the stage.

use std::path::Path;

use rustix::mount::{MountFlags, mount};

use super::failure::{Call, FailedCall};

/// Mounts an empty disk of this many bytes over a directory.
///
/// The mount namespace must be the stage's own.
pub(crate) fn mount_disk(directory: &Path, bytes: u64) -> Result<(), FailedCall> {
    let options = std::ffi::CString::new(format!("size={bytes},mode=0755")).unwrap_or_default();
    mount("tmpfs", directory, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(FailedCall::of(Call::MountTmpfs(directory.to_owned())))
}
