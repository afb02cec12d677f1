//! A file without a name, for what reports need only at the end of a run.
//!
//! It is beside a report, and must not take the space that the report needs: when the disk is full, what it
//! holds moves into memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use greenroom_report::{Details, RunRecord, Spool};

/// A file that nothing but its descriptor leads to, so that it is gone with the process.
#[derive(Debug)]
struct SpoolFile {
    /// Missing once its content is in memory.
    file: Option<File>,
    /// The length of its content.
    end: u64,
    memory: Vec<u8>,
}

/// Returns where the details of attempts go: into a file in the first of these directories that takes
/// one, or else into memory.
pub(crate) fn details<'a>(directories: impl IntoIterator<Item = &'a Path>) -> Details {
    let file = directories.into_iter().find_map(|directory| tempfile::tempfile_in(directory).ok());
    let spool = |file| SpoolFile { file: Some(file), end: 0, memory: Vec::new() };
    file.map_or(Details::InMemory, |file| Details::Spooled(Box::new(spool(file))))
}

/// Says that details of attempts, which were in a file, could not be read back.
pub(crate) fn check(record: &RunRecord) -> io::Result<()> {
    let explain = |error: io::Error| {
        let message = format!("the details of scenarios cannot be read back from their temporary file: {error}");
        Err(io::Error::new(error.kind(), message))
    };
    record.take_error().map_or(Ok(()), explain)
}

impl Spool for SpoolFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let place = self.end;
        if let Some(file) = &self.file
            && let Err(error) = file.write_all_at(bytes, place)
            && !self.leave_disk()
        {
            return Err(error);
        }
        if self.file.is_none() {
            self.memory.extend_from_slice(bytes);
        }
        self.end += bytes.len() as u64;
        Ok(place)
    }

    fn read(&self, place: u64, length: usize) -> io::Result<Vec<u8>> {
        let Some(file) = &self.file else {
            let start = usize::try_from(place).unwrap_or(usize::MAX);
            let bytes = self.memory.get(start..start.saturating_add(length));
            return bytes.map(Vec::from).ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, place)?;
        Ok(bytes)
    }

    fn leave_disk(&mut self) -> bool {
        let Some(file) = &self.file else { return false };
        let Ok(length) = usize::try_from(self.end) else { return false };
        let mut memory = vec![0; length];
        if file.read_exact_at(&mut memory, 0).is_err() {
            return false;
        }
        self.memory = memory;
        self.file = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_can_be_read_from_the_file_and_from_memory() {
        let file = Some(tempfile::tempfile().unwrap());
        let mut spool = SpoolFile { file, end: 0, memory: Vec::new() };
        let one = spool.append(b"one").unwrap();
        let two = spool.append(b"two").unwrap();
        assert_eq!((spool.read(one, 3).unwrap(), spool.read(two, 3).unwrap()), (b"one".to_vec(), b"two".to_vec()));
        assert!(spool.leave_disk() && !spool.leave_disk());
        let three = spool.append(b"three").unwrap();
        assert_eq!((spool.read(two, 3).unwrap(), spool.read(three, 5).unwrap()), (b"two".to_vec(), b"three".to_vec()));
        assert!(spool.read(three, 6).is_err());
    }

    #[test]
    fn a_full_disk_is_left() {
        let file = Some(File::options().read(true).write(true).open("/dev/full").unwrap());
        let mut spool = SpoolFile { file, end: 0, memory: Vec::new() };
        let place = spool.append(b"one").unwrap();
        assert_eq!(spool.read(place, 3).unwrap(), b"one");
        assert!(spool.file.is_none());
    }
}
