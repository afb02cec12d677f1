//! Source text and positions in it.
//!
//! Every text that a message may point at is a [`SourceFile`] in one [`Sources`] table; a [`Span`] is a byte range in one
//! of them. The [`Loader`] is the only way text comes in.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Which file of a [`Sources`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A byte range in one source file; `start <= end`, both on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets.
    pub fn new(source: SourceId, range: std::ops::Range<usize>) -> Self {
        Self { source, start: offset(range.start), end: offset(range.end) }
    }
}

/// One text, under the name that the user knows it by.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// As the user wrote it on the command line or as a document names it; for files that come with greenroom, `built-in lib/daemon.yaml`.
    pub name: String,
    /// The whole text, valid UTF-8, as it is in the file (byte order mark and CRLF included, so that offsets are the file's own).
    pub text: Arc<str>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// Takes a text in.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| offset(at + 1))).collect();
        Self { name: name.into(), text, line_starts }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub fn line_column(&self, at: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|&start| start <= at).max(1);
        let start = self.line_starts[line - 1] as usize;
        let column = self.text.get(start..at as usize).map_or(0, |before| before.chars().count());
        (offset(line), offset(column + 1))
    }

    /// The byte range of a line (from 1), without its line end.
    pub fn line_range(&self, line: u32) -> std::ops::Range<usize> {
        let index = (line.max(1) as usize - 1).min(self.line_starts.len() - 1);
        let start = self.line_starts[index] as usize;
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        let line = self.text[start..end].trim_end_matches(['\n', '\r']);
        start..start + line.len()
    }
}

/// All texts of one load.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, file: SourceFile) -> SourceId {
        self.files.push(file);
        SourceId(offset(self.files.len() - 1))
    }

    /// The file with this id.
    ///
    /// # Panics
    /// When the id is of another table.
    pub fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.source).text[span.start as usize..span.end as usize]
    }

    /// `name` and line (from 1) of a span's start.
    pub fn location(&self, span: Span) -> (&str, u32) {
        let file = self.file(span.source);
        (&file.name, file.line_column(span.start).0)
    }
}

/// An offset as it is stored. Loading refuses files of 4 GiB and more, so nothing is lost.
#[expect(clippy::cast_possible_truncation, reason = "files of 4 GiB and more are refused when they are loaded")]
pub(crate) fn offset(at: usize) -> u32 {
    at as u32
}

/// Why a file could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// There is nothing of that name. Another place may be tried.
    NotFound,
    /// It is a directory.
    Directory,
    /// It is no plain file: a device, a fifo, a socket.
    NotAFile,
    /// Anything else, in the system's words.
    Other(String),
}

/// Where files come from: the disk in the binary, memory in tests, an overlay in an editor.
pub trait Loader {
    /// The bytes of a file. Paths are `/`-separated; relative ones are relative to the user's working directory.
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError>;
}

/// Files that exist only in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryLoader {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryLoader {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), bytes.into());
        self
    }
}

impl Loader for MemoryLoader {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.files.get(path).cloned().ok_or(LoadError::NotFound)
    }
}
