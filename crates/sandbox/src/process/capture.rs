//! Reads what processes wrote, a little at a time: a log may be larger than memory.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The end of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    /// The last bytes.
    pub bytes: Vec<u8>,
    /// How many bytes came before them.
    pub omitted: u64,
}

/// Has everything that this process prints go to a file.
///
/// # Errors
///
/// When there is no descriptor left.
pub fn redirect_output(file: &File) -> std::io::Result<()> {
    rustix::stdio::dup2_stdout(file)?;
    rustix::stdio::dup2_stderr(file)?;
    Ok(())
}

/// Converts bytes to text without losing any.
///
/// A byte that is not UTF-8 becomes the private character U+10FF00 plus its value.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|&byte| char::from_u32(0x10_FF00 + u32::from(byte))));
    }
    text
}

/// Reads the last `most` bytes of a file, from the beginning of a line where possible.
///
/// # Errors
///
/// When the file cannot be read, or is not a regular file.
pub fn tail(path: &Path, most: u64) -> std::io::Result<Tail> {
    tail_of(&open(path)?, most)
}

/// Reads the end of an open file, whose position does not change.
///
/// # Errors
///
/// When the file cannot be read.
pub fn tail_of(file: &File, most: u64) -> std::io::Result<Tail> {
    end_of_part(file, 0..file.metadata()?.len(), most)
}

/// Reads the end of a part of an open file.
///
/// # Errors
///
/// When the file cannot be read, or `most` does not fit into memory.
pub fn end_of_part(file: &File, part: Range<u64>, most: u64) -> std::io::Result<Tail> {
    let length = part.end.saturating_sub(part.start);
    let mut omitted = length.saturating_sub(most);
    let mut bytes = vec![0; usize::try_from(length - omitted).map_err(|_| std::io::ErrorKind::FileTooLarge)?];
    let read = read_at(file, &mut bytes, part.start + omitted)?;
    bytes.truncate(read);
    if omitted > 0
        && let Some(newline) = bytes.iter().position(|&b| b == b'\n')
        && newline + 1 < bytes.len()
    {
        bytes.drain(..=newline);
        omitted += newline as u64 + 1;
    }
    Ok(Tail { bytes, omitted })
}

/// Reads the first `most` bytes of a file.
///
/// # Errors
///
/// When the file cannot be read, or is not a regular file.
pub fn head(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Searches for bytes in a file that grows; reads each part of it once, in pieces.
#[derive(Debug)]
pub struct Seeker {
    needle: Vec<u8>,
    /// How many times they must be in the file, without overlap.
    times: u64,
    /// How many times they were found.
    seen: u64,
    /// The position behind the place where they were found last.
    end: Option<u64>,
    /// How much of the file has been read.
    read: u64,
    /// The end of what has been read; the needle may begin in it.
    kept: Vec<u8>,
}

impl Seeker {
    /// Creates a search for these bytes.
    pub fn new(needle: &[u8]) -> Self {
        Self { needle: needle.to_owned(), times: 1, seen: 0, end: None, read: 0, kept: Vec::new() }
    }

    /// Begins the search at this position.
    #[must_use]
    pub fn behind(mut self, position: u64) -> Self {
        self.read = position;
        self
    }

    /// Searches until the bytes were found this many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Returns how many times they were found.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns the position behind the place where they were found last.
    pub fn end(&self) -> Option<u64> {
        self.end
    }

    /// Whether the file contains them by now. A file that has become shorter is read again.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is not a regular file.
    pub fn look(&mut self, path: &Path) -> std::io::Result<bool> {
        self.look_in(&open(path)?)
    }

    /// Whether an open file contains them by now; its position does not change.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn look_in(&mut self, file: &File) -> std::io::Result<bool> {
        if self.needle.is_empty() || self.seen >= self.times {
            return Ok(true);
        }
        let length = file.metadata()?.len();
        if length < self.read {
            self.read = 0;
            self.seen = 0;
            self.kept.clear();
        }
        loop {
            // Not beyond the present end: a process may write faster than this reads.
            let most = usize::try_from(length - self.read).unwrap_or(usize::MAX).min(64 * 1024);
            let before = self.kept.len();
            self.kept.resize(before + most, 0);
            let read = read_at(file, &mut self.kept[before..], self.read)?;
            self.kept.truncate(before + read);
            self.read += read as u64;
            while let Some(at) = find(&self.kept, &self.needle) {
                self.kept.drain(..at + self.needle.len());
                self.end = Some(self.read - self.kept.len() as u64);
                self.seen += 1;
                if self.seen >= self.times {
                    return Ok(true);
                }
            }
            if read == 0 {
                return Ok(false);
            }
            let keep = self.needle.len() - 1;
            self.kept.drain(..self.kept.len().saturating_sub(keep));
        }
    }
}

/// Reads at an offset until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> std::io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], from + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Returns the offset of the first `needle` in `haystack`.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((&first, _)) = needle.split_first() else {
        return Some(0);
    };
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&b| b == first) {
        let at = from + at;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Opens a file that a process may have replaced: follows no link, does not block on a fifo.
///
/// # Errors
///
/// When the file cannot be opened, or is not a regular file.
pub fn open(path: &Path) -> std::io::Result<File> {
    let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a file"))
    }
}
