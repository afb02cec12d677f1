//! Removing directories that scenarios have written in.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a directory with all that is in it; one that is not there is fine.
///
/// Links are removed, not followed (the standard library walks by descriptors). Directories that their owner may not
/// write in, which a scenario can make, are opened up and tried again.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path);
            fs::remove_dir_all(path)
        }
        Err(error) => Err(error),
    }
}

/// Gives the owner all rights on every directory below, itself included; what cannot be changed is left to the error of the second try.
fn open_up(root: &Path) {
    let mut next = vec![root.to_owned()];
    while let Some(directory) = next.pop() {
        let is_directory = fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir());
        if !is_directory || fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).is_err() {
            continue;
        }
        if let Ok(entries) = fs::read_dir(&directory) {
            let below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            next.extend(below.map(|entry| entry.path()));
        }
    }
}
