//! Source text and positions in it.
//!
//! Every text that a message may point at is a [`SourceFile`] in one [`Sources`] table. A [`Span`]
//! is a byte range in one of them. All texts come in through a [`Loader`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arcstr::{ArcStr, Substr};

/// The id of a file in a [`Sources`] table.
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
    /// Creates a span from byte offsets.
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        Self { source, start: offset(range.start), end: offset(range.end) }
    }
}

/// One text, under the name by which the user knows it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The name on the command line or in a document: `daemon.md`, `lib/daemon.yaml`.
    pub name: String,
    /// The whole text of the file, with its byte order mark and CRLF, so that offsets fit.
    pub text: ArcStr,
    /// Whether it comes with the runner. Its lines mean nothing to the user, who cannot open it.
    pub is_builtin: bool,
    line_starts: Vec<u32>,
    /// What each line stands for, if the file was generated: files of the user and lines in them.
    places: Vec<(String, u32)>,
}

impl SourceFile {
    /// Creates a source file.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| offset(at + 1))).collect();
        Self { name: name.into(), text: text.into(), is_builtin: false, line_starts, places: Vec::new() }
    }

    /// Creates a source file that comes with the runner.
    pub fn builtin(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { is_builtin: true, ..Self::new(name, text) }
    }

    /// Says for which files and lines the lines of this file stand, the first one first.
    #[must_use]
    pub fn standing_for(self, places: Vec<(String, u32)>) -> Self {
        Self { places, ..self }
    }

    /// Whether its lines stand for those of other files.
    pub fn is_generated(&self) -> bool {
        !self.places.is_empty()
    }

    /// Returns the file and the line that an offset stands for, if the file was generated.
    pub fn stands_for(&self, at: u32) -> Option<(&str, u32)> {
        let (line, _) = self.line_column(at);
        self.places.get(line as usize - 1).map(|(file, line)| (file.as_str(), *line))
    }

    /// Returns line and column of a byte offset, both from 1. The column counts characters.
    pub fn line_column(&self, at: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|&start| start <= at).max(1);
        let start = self.line_starts[line - 1] as usize;
        let column = self.text.get(start..at as usize).map_or(0, |before| before.chars().count());
        (offset(line), offset(column + 1))
    }

    /// Returns the byte range of a line (from 1), without its line end.
    pub fn line_range(&self, line: u32) -> Range<usize> {
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
    /// Adds a file and returns its id.
    pub fn add(&mut self, file: SourceFile) -> SourceId {
        self.files.push(file);
        SourceId(offset(self.files.len() - 1))
    }

    /// Returns all files, in the order in which they were read.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Returns the file with this id.
    ///
    /// # Panics
    /// If the id belongs to another table.
    pub fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Returns the text under a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.source).text[span.start as usize..span.end as usize]
    }

    /// Returns the file name and the line (from 1) of a span's start.
    pub fn location(&self, span: Span) -> (&str, u32) {
        let file = self.file(span.source);
        file.stands_for(span.start).unwrap_or_else(|| (&file.name, file.line_column(span.start).0))
    }

    /// Names the place of a span in one phrase: `daemon.md:12`, `lib/daemon.yaml (built in)`.
    pub fn cite(&self, span: Span) -> String {
        let (name, line) = self.location(span);
        let file = self.file(span.source);
        if file.is_builtin && file.stands_for(span.start).is_none() {
            format!("{name} (built in)")
        } else {
            format!("{name}:{line}")
        }
    }
}

/// Returns where a text begins: after its byte order mark, if it has one.
pub(crate) fn text_start(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// Returns `text`, as a part of `whole` if this range of it has the same text: nearly all texts of a plan stand in
/// the document as they are.
pub(crate) fn shared(whole: &ArcStr, range: Range<usize>, text: &str) -> Substr {
    if whole.get(range.clone()) == Some(text) { whole.substr(range) } else { text.into() }
}

/// Converts an offset to how it is stored.
#[expect(clippy::cast_possible_truncation, reason = "files of 4 GiB and more are refused when they are loaded")]
pub(crate) fn offset(at: usize) -> u32 {
    at as u32
}

/// Why a file could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// The file does not exist. Another place may be tried.
    NotFound,
    /// It is a directory.
    Directory,
    /// It is not a regular file: a device, a fifo, a socket.
    NotAFile,
    /// Any other reason, in the system's words.
    Other(String),
}

/// A file that comes with the runner.
#[derive(Debug, Clone)]
pub struct BuiltinFile {
    /// Its name as documents write it: `lib/daemon.yaml`, `lib/daemon.py`.
    pub name: String,
    /// Its text. `None` for a file that documents may list under `impls`, but whose steps run
    /// natively.
    pub text: Option<Arc<str>>,
    /// Which documents have its bindings.
    pub reach: Reach,
    /// The files and lines of the user for which its lines stand, if it was generated.
    pub places: Vec<(String, u32)>,
}

/// Which documents have the bindings of a file that comes with the runner.
///
/// The bindings that a document lists come first: a step that matches one is not a step of a file that
/// it does not list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those that list it.
    #[default]
    Listed,
    /// Those that list any file that comes with the runner.
    WithBuiltin,
    /// Those of these paths.
    Of(Vec<String>),
    /// All.
    All,
}

impl BuiltinFile {
    /// Whether it is a bindings file that documents may list, rather than one of step functions.
    pub(crate) fn is_bindings(&self) -> bool {
        self.places.is_empty()
            && self.name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("yaml"))
    }
}

/// Loads files: from disk in the binary, from memory in tests, from an overlay in an editor.
pub trait Loader {
    /// Returns the bytes of a file. Relative paths are relative to the user's working directory.
    ///
    /// # Errors
    /// If the file does not exist or cannot be read.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_shared_and_another_is_not() {
        let whole = ArcStr::from("given file é.txt");
        let part = shared(&whole, 11..17, "é.txt");
        assert_eq!(part, "é.txt");
        assert!(ArcStr::ptr_eq(part.parent(), &whole));
        for (range, text) in [(11..17, "e.txt"), (11..13, "é.txt"), (12..17, "é.txt"), (11..99, "é.txt")] {
            let own = shared(&whole, range, text);
            assert_eq!(own, text);
            assert!(!ArcStr::ptr_eq(own.parent(), &whole));
        }
    }
}
