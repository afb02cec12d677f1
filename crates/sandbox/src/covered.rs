//! The directories that stages have of their own, and what of the host they hide.

use std::fs;
use std::path::{Path, PathBuf};

/// The directories that stages have of their own.
pub(crate) const COVERED: [&str; 2] = ["/dev/shm", "/tmp"];

/// Returns the directory in which stages do not see this path of the host: `/tmp` or `/dev/shm`.
///
/// Neither `path` nor the paths in `keep`, which stay visible, have symbolic links.
pub fn hidden_below(path: &Path, keep: &[PathBuf]) -> Option<&'static str> {
    COVERED.into_iter().find(|directory| {
        let is_hidden = |directory: &PathBuf| path.starts_with(directory) && !keep.contains(directory);
        fs::canonicalize(directory).is_ok_and(|directory| is_hidden(&directory))
            && !keep.iter().any(|visible| path.starts_with(visible))
    })
}
