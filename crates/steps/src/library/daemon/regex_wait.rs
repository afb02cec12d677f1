//! Waits until a regex matches what a daemon has written.

use std::path::PathBuf;

use greenroom_sandbox::process::capture;
use regex::bytes::Regex;

use crate::library::bytes::Bytes;

/// How much of what earlier looks have seen is looked at again: a match may begin in it, in bytes.
const OVERLAP: u64 = 64 * 1024;

/// Looks for a match in a file that grows. What has grown is read, and a part of what was before.
#[derive(Debug)]
pub(super) struct RegexWait {
    regex: Regex,
    file: PathBuf,
    /// How much was read.
    read: u64,
    /// The position behind the first match.
    end: Option<u64>,
}

impl RegexWait {
    pub(super) fn new(regex: Regex, file: PathBuf) -> Self {
        Self { regex, file, read: 0, end: None }
    }

    /// Returns the position behind the first match.
    pub(super) fn end(&self) -> Option<u64> {
        self.end
    }

    /// Looks once.
    pub(super) fn look(&mut self) -> std::io::Result<bool> {
        let Ok(file) = capture::open(&self.file) else { return Ok(false) };
        let bytes = Bytes::of(&file)?;
        if bytes.len() < self.read {
            self.read = 0;
        }
        if bytes.len() == self.read && self.read > 0 {
            return Ok(false);
        }
        let start = self.read.saturating_sub(OVERLAP);
        let text = bytes.part(start, u64::MAX)?;
        // Behind the first byte of a part, `^` does not match where only the part begins.
        let from = usize::from(start > 0).min(text.len());
        // As in other steps, `$` also matches before a newline at the end.
        let shorter = text.strip_suffix(b"\n").unwrap_or(&text);
        let found = self.regex.find_at(&text, from).or_else(|| self.regex.find_at(shorter, from.min(shorter.len())));
        self.end = found.map(|found| start + found.end() as u64);
        self.read = start + text.len() as u64;
        Ok(self.end.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn matches_are_found_as_the_file_grows_and_anchors_mean_the_whole_text() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let wait = |regex: &str| RegexWait::new(Regex::new(regex).unwrap(), file.path().to_owned());
        let (mut word, mut start, mut line, mut end) = (wait(r"port \d+!"), wait("^x"), wait("(?m)^bb$"), wait("b$"));
        assert!(!word.look().unwrap() && !start.look().unwrap());
        write!(file, "aport 8").unwrap();
        assert!(!word.look().unwrap() && !start.look().unwrap());
        write!(file, "0!{}", "x".repeat(100_000)).unwrap();
        assert!(word.look().unwrap());
        assert_eq!(word.end(), Some(9));
        assert!(!start.look().unwrap());
        write!(file, "x\nbb\n").unwrap();
        assert!(!start.look().unwrap() && line.look().unwrap() && end.look().unwrap());
    }
}
