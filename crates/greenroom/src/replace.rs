//! Replaces files as a whole: a reader finds the old text or the new one, never a part.
//!
//! The text goes into a new file beside the old one, which is renamed when it is complete. If anything
//! goes wrong before, the new file is removed and the old one stays. Devices, pipes and files whose
//! directory cannot be written are written in place.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Gid, Uid, access, fchown};
use rustix::io::Errno;

/// A file that can be written.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    /// The file itself, even if the user named a link to it.
    target: PathBuf,
}

impl Replacement {
    /// Checks that a file can be written, without changing it.
    pub(crate) fn check(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().ends_with(b"/") {
            return Err(io::Error::from(Errno::ISDIR));
        }
        let target = resolve(path);
        match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => return Err(io::Error::from(Errno::ISDIR)),
            Ok(metadata) if metadata.is_file() => drop(OpenOptions::new().append(true).open(&target)?),
            Ok(_) => access(&target, Access::WRITE_OK)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => check_directory(&target)?,
            Err(error) => return Err(error),
        }
        Ok(Self { target })
    }

    /// Creates one for a file in a directory that does not exist yet.
    #[cfg(feature = "pages")]
    pub(crate) fn new(path: &Path) -> Self {
        Self { target: path.to_owned() }
    }

    /// Returns the file itself.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Returns whether it is a device or a pipe, which is written in place.
    pub(crate) fn is_special(&self) -> bool {
        fs::metadata(&self.target).is_ok_and(|metadata| !metadata.is_file())
    }

    /// Writes the file.
    pub(crate) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let old = fs::metadata(&self.target).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return write(&mut OpenOptions::new().write(true).open(&self.target)?);
        }
        let directory = directory_of(&self.target);
        let new = tempfile::Builder::new()
            .prefix(".greenroom-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory);
        let mut new = match (new, &old) {
            (Ok(new), _) => new,
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::PermissionDenied => {
                return write(&mut File::create(&self.target)?);
            }
            (Err(error), _) => return Err(without_path(&error)),
        };
        let mut buffered = io::BufWriter::new(new.as_file_mut());
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        new.as_file().sync_all()?;
        if let Some(old) = &old {
            keep_rights(new.as_file(), old)?;
        }
        match new.persist(&self.target) {
            Ok(_) => Ok(()),
            // The file is a mount point, as in a container.
            Err(error) if error.error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {
                let mut new = error.file.into_file();
                new.rewind()?;
                io::copy(&mut new, &mut File::create(&self.target)?).map(drop)
            }
            Err(error) => Err(error.error),
        }
    }
}

/// Removes the path of the new file from an error: the user knows only the old one.
fn without_path(error: &io::Error) -> io::Error {
    let reason = error.get_ref().and_then(|inner| inner.source()).map(ToString::to_string);
    reason.map_or_else(|| io::Error::from(error.kind()), |reason| io::Error::new(error.kind(), reason))
}

/// Gives a new file the mode of the old one, and its owner if that is allowed.
fn keep_rights(new: &File, old: &Metadata) -> io::Result<()> {
    let _ = fchown(new, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())));
    new.set_permissions(old.permissions())
}

/// Follows links, also to a file that is not there yet.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    match path.canonicalize() {
        Ok(resolved) => resolved,
        // A link to a pipe, or to an open file that has no name any more.
        Err(_) if path.exists() => path.to_owned(),
        Err(_) => match path.read_link() {
            Ok(link) => resolve_directory(&directory_of(path).join(link)),
            Err(_) => resolve_directory(path),
        },
    }
}

/// Follows the links of a path's directory.
fn resolve_directory(path: &Path) -> PathBuf {
    let resolved = directory_of(path).canonicalize().ok().zip(path.file_name());
    resolved.map_or_else(|| path.to_owned(), |(directory, name)| directory.join(name))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
        Some(directory) => directory,
        None => Path::new("/"),
    }
}

/// Checks that a file can be created.
fn check_directory(path: &Path) -> io::Result<()> {
    let directory = directory_of(path);
    match access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        Err(Errno::NOENT) => Err(io::Error::new(io::ErrorKind::NotFound, "its directory does not exist")),
        Err(Errno::NOTDIR) => Err(io::Error::from(Errno::NOTDIR)),
        Err(error) => Err(error.into()),
        Ok(()) if directory.is_dir() => Ok(()),
        Ok(()) => Err(io::Error::from(Errno::NOTDIR)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        Replacement::check(path)?.write(|to| to.write_all(text.as_bytes()))
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_file_is_created_and_replaced_with_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        write(&path, "old").unwrap();
        assert_ne!(fs::metadata(&path).unwrap().mode() & 0o044, 0, "others may read it");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        write(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), ["report"]);
    }

    #[test]
    fn a_failure_keeps_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        write(&path, "old").unwrap();
        let failed = Replacement::check(&path).unwrap().write(|to| {
            to.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(directory.path()), ["report"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let inside = |name: &str| directory.path().join(name);
        symlink("report", inside("link")).unwrap();
        write(&inside("link"), "one").unwrap();
        write(&inside("link"), "two").unwrap();
        assert_eq!(fs::read_to_string(inside("report")).unwrap(), "two");
        assert_eq!(names(directory.path()), ["link", "report"]);
    }

    #[test]
    fn a_check_changes_nothing_and_finds_what_cannot_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let inside = |name: &str| directory.path().join(name);
        Replacement::check(&inside("report")).unwrap();
        assert!(names(directory.path()).is_empty());
        let message = |path: &Path| Replacement::check(path).unwrap_err().to_string();
        assert_eq!(message(&inside("missing/report")), "its directory does not exist");
        assert!(message(directory.path()).contains("Is a directory"));
        write(&inside("file"), "").unwrap();
        assert!(message(&inside("file/report")).contains("Not a directory"));
        assert!(message(&inside("missing/")).contains("Is a directory"));
        let unwritable = Path::new("/proc/greenroom-report");
        let error = Replacement::check(unwritable).and_then(|file| file.write(|_| Ok(()))).unwrap_err();
        assert!(!error.to_string().contains('/'), "{error}");
    }

    #[test]
    fn a_device_is_written_in_place() {
        let full = Replacement::check(Path::new("/dev/full")).unwrap();
        assert!(full.is_special());
        assert!(full.write(|to| to.write_all(b"x").and_then(|()| to.flush())).is_err());
        write(Path::new("/dev/null"), "x").unwrap();
    }
}
