//! The files with the records: one for each document, named by a hash of its path.
//!
//! A file is replaced as a whole, under a lock that is held only while files are read and written, so
//! any number of runs can record at the same time. A file that cannot be understood is renamed, in
//! case someone needs it. Files of documents that have not run for long are removed.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::Hasher;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use siphasher::sip::SipHasher24;

use greenroom_event::history::DocumentRecord;

/// How many documents are remembered.
const MOST_DOCUMENTS: usize = 1000;

/// How long a document is remembered after its last run.
const AGE: Duration = Duration::from_hours(24 * 90);

/// How long to wait for the lock. Whoever has it needs it for milliseconds.
const LOCK_LIMIT: Duration = Duration::from_secs(1);

/// The directory with the records.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
}

/// Why records cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("cannot write {}: {error}", .path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("another greenroom has held the lock {} for {} s", .0.display(), LOCK_LIMIT.as_secs())]
    Locked(PathBuf),
}

impl Store {
    /// The records below greenroom's state directory.
    pub(super) fn new(state: &Path) -> Self {
        Self { directory: state.join("documents") }
    }

    /// Reads the records of documents; what is not there is empty.
    ///
    /// With `is_recorded`, a file that cannot be understood is set aside, so that a new one begins.
    pub(super) fn read(
        &self,
        documents: &[PathBuf],
        is_recorded: bool,
        warnings: &mut Vec<String>,
    ) -> Vec<DocumentRecord> {
        let mut lock = None;
        let mut record = |document: &PathBuf| {
            let file = self.file(document);
            match read(&file) {
                Ok(record) => record.unwrap_or_default(),
                Err(_) if is_recorded => match lock.get_or_insert_with(|| self.lock()) {
                    Ok(_) => read_or_set_aside(document, &file, warnings),
                    // The recorder says so.
                    Err(_) => DocumentRecord::default(),
                },
                Err(reason) => {
                    warnings.push(unusable(document, &file, &reason));
                    DocumentRecord::default()
                }
            }
        };
        documents.iter().map(&mut record).collect()
    }

    /// Changes the records of documents.
    pub(super) fn update<'a, F: FnOnce(&mut DocumentRecord)>(
        &self,
        changes: impl Iterator<Item = (&'a Path, F)>,
        warnings: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let mut is_new = false;
        for (document, change) in changes {
            let file = self.file(document);
            let mut record = read_or_set_aside(document, &file, warnings);
            is_new |= record == DocumentRecord::default();
            change(&mut record);
            self.write(&file, &record).map_err(|error| StoreError::Write { path: file, error })?;
        }
        if is_new {
            self.prune();
        }
        Ok(())
    }

    fn file(&self, document: &Path) -> PathBuf {
        let mut hasher = SipHasher24::new();
        hasher.write(document.as_os_str().as_bytes());
        self.directory.join(format!("{:016x}.json", hasher.finish()))
    }

    /// Replaces a file. Only the owner of the lock does, so one name for new files is enough.
    fn write(&self, file: &Path, record: &DocumentRecord) -> io::Result<()> {
        let new = self.directory.join("new");
        let created = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
        let written = created.and_then(usable).and_then(|to| {
            let mut to = BufWriter::new(to);
            record.write(&mut to)?;
            to.flush()?;
            fs::rename(&new, file)
        });
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    /// Waits for the lock. It is free again when the file is closed.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.directory.join("lock");
        let failed = |error| StoreError::Write { path: path.clone(), error };
        let open = || OpenOptions::new().create(true).append(true).mode(0o600).open(&path).and_then(usable);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let created = create_directory(&self.directory);
                created.map_err(|error| StoreError::Write { path: self.directory.clone(), error })?;
                open()
            }
            opened => opened,
        };
        let file = file.map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => return Err(failed(error.into())),
        }
        // The kernel has no limit for this wait, so another thread waits. It ends with the process.
        let (sender, receiver) = mpsc::channel();
        let wait = move || {
            let locked = flock(&file, FlockOperation::LockExclusive).map(|()| file);
            let _ = sender.send(locked);
        };
        thread::Builder::new().spawn(wait).map_err(failed)?;
        match receiver.recv_timeout(LOCK_LIMIT) {
            Ok(locked) => locked.map_err(|error| failed(error.into())),
            Err(_) => Err(StoreError::Locked(path)),
        }
    }

    /// Removes the records of documents that have not run for long, and what killed runs left.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let lock = OsStr::new("lock");
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| entry.file_name() != lock)
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort_unstable();
        let surplus = files.len().saturating_sub(MOST_DOCUMENTS);
        let is_old = |time: SystemTime| time.elapsed().is_ok_and(|age| age > AGE);
        for (at, (time, path)) in files.iter().enumerate() {
            if at < surplus || is_old(*time) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Creates a directory and its parents, which the user can use whatever the umask is.
fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_directory(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o700)),
        // Another run was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a file one that its owner can open again, whatever the umask was when it was created.
fn usable(file: File) -> io::Result<File> {
    let own = 0o600;
    if file.metadata()?.permissions().mode() & own != own {
        file.set_permissions(Permissions::from_mode(own))?;
    }
    Ok(file)
}

/// Reads a record. `None`: there is none.
fn read(file: &Path) -> Result<Option<DocumentRecord>, String> {
    let is_missing = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    match fs::metadata(file) {
        // Another kind of file might never end.
        Ok(metadata) if !metadata.is_file() => return Err("it is not a regular file".to_owned()),
        Err(error) if is_missing(&error) => return Ok(None),
        _ => {}
    }
    match fs::read(file) {
        Ok(text) => DocumentRecord::parse(&text).map(Some).map_err(|error| error.to_string()),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads a record, and renames its file if it cannot be used. For the owner of the lock.
fn read_or_set_aside(document: &Path, file: &Path, warnings: &mut Vec<String>) -> DocumentRecord {
    match read(file) {
        Ok(record) => record.unwrap_or_default(),
        Err(reason) => {
            let aside = file.with_extension("json.unusable");
            let message = unusable(document, file, &reason);
            warnings.push(match fs::rename(file, &aside) {
                Ok(()) => format!("{message}\n  note: it is now {}, and a new one begins", aside.display()),
                Err(error) => format!("{message}\n  note: it cannot be renamed: {error}"),
            });
            DocumentRecord::default()
        }
    }
}

fn unusable(document: &Path, file: &Path, reason: &str) -> String {
    format!("the record of earlier runs of {} cannot be used: {}: {reason}", document.display(), file.display())
}
