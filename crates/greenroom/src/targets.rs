//! What users name: documents, lines of documents, and directories of documents.
//!
//! A file of exactly that name comes first, then a directory, then a document and a line. A Markdown
//! file without metadata stands for the `.subplot` file beside it that names it. Documents in
//! directories are found here too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use greenroom_doc::{Code, Diagnostic, has_metadata, markdowns_of};
use greenroom_report::words;

/// Directories that are not searched, beside hidden ones. They belong to build tools.
const LEFT_OUT: &[&str] = &["target", "node_modules"];

/// The documents that the user named, each once, in the order of their first mention.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// The documents.
    pub(crate) documents: Vec<Target>,
    /// The directories that were searched, each with the documents found in it.
    pub(crate) directories: Vec<(String, Vec<String>)>,
    /// What is wrong with the names.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Index in `documents` by the file itself, whatever name it has.
    known: BTreeMap<PathBuf, usize>,
}

/// A document, as far as the user named it.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its path: as the user named it, or below the directory that the user named.
    pub(crate) path: String,
    /// Whether it was only found in a directory, and may be without scenarios.
    pub(crate) is_found: bool,
    /// The parts that the user named. `None` for all of it.
    pub(crate) parts: Option<Vec<Part>>,
}

/// A part of a document.
#[derive(Debug)]
pub(crate) struct Part {
    /// The Markdown file.
    pub(crate) file: String,
    /// The line in it. `None` for all its scenarios.
    pub(crate) line: Option<u32>,
    /// As the user wrote it.
    pub(crate) written: String,
}

impl Target {
    /// Whether the document may be without scenarios: Markdown that was only found.
    pub(crate) fn may_be_empty(&self) -> bool {
        self.is_found && extension(&self.path) == Some(Extension::Markdown)
    }
}

impl Targets {
    /// Finds out which documents these names stand for.
    pub(crate) fn resolve(names: &[String]) -> Self {
        let mut targets = Self::default();
        for name in names {
            targets.add(name);
        }
        targets
    }

    /// Returns the paths of the documents.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.documents.iter().map(|target| target.path.as_str()).collect()
    }

    fn add(&mut self, name: &str) {
        if exists(name) {
            return if Path::new(name).is_dir() { self.directory(name) } else { self.file(name, None, name) };
        }
        let Some((path, line)) = split_line(name) else { return self.file(name, None, name) };
        if Path::new(path).is_dir() {
            let error = Diagnostic::error(Code::NotAFile, format!("{name}: {path} is a directory and has no lines"));
            self.diagnostics.push(error.help(format!("name a document in it, such as {}", join(path, "guide.md:18"))));
            return;
        }
        self.file(path, Some(line), name);
    }

    /// Adds a file that the user named, or the `.subplot` file that names it.
    fn file(&mut self, path: &str, line: Option<u32>, written: &str) {
        let part = || vec![Part { file: path.to_owned(), line, written: written.to_owned() }];
        match &*subplots_of(path) {
            [] => self.document(path.to_owned(), false, line.map(|_| part())),
            [subplot] => self.document(subplot.clone(), false, Some(part())),
            several => {
                let message = format!("{path} belongs to {}", words::list(several));
                self.diagnostics.push(Diagnostic::error(Code::AmbiguousDocument, message).help("name one of these"));
            }
        }
    }

    fn document(&mut self, path: String, is_found: bool, parts: Option<Vec<Part>>) {
        let file = fs::canonicalize(&path).unwrap_or_else(|_| PathBuf::from(&path));
        let Some(&at) = self.known.get(&file) else {
            self.known.insert(file, self.documents.len());
            self.documents.push(Target { path, is_found, parts });
            return;
        };
        let known = &mut self.documents[at];
        known.is_found &= is_found;
        known.parts = match (known.parts.take(), parts) {
            (Some(known), Some(more)) => Some(known.into_iter().chain(more).collect()),
            _ => None,
        };
    }

    /// Adds all documents below a directory.
    fn directory(&mut self, name: &str) {
        let mut search = Search::default();
        search.directory(name);
        while let Some(link) = search.links.pop() {
            search.link(&link);
        }
        search.linked_files();
        let named: BTreeSet<PathBuf> = search.subplots.iter().flat_map(|subplot| markdowns(subplot)).collect();
        let is_document = |path: &String| fs::canonicalize(path).map_or(true, |file| !named.contains(&file));
        let mut documents: Vec<String> =
            search.markdowns.into_iter().filter(is_document).chain(search.subplots).collect();
        documents.sort_by(|one, other| Path::new(one).cmp(Path::new(other)));
        for path in &documents {
            self.document(path.clone(), true, None);
        }
        self.diagnostics.extend(search.diagnostics);
        self.directories.push((name.to_owned(), documents));
    }
}

/// A search for documents below a directory.
#[derive(Default)]
struct Search {
    markdowns: Vec<String>,
    subplots: Vec<String>,
    /// Links to directories, to follow last, so that a document has its own name if it can.
    links: Vec<String>,
    /// Links to files, likewise.
    linked_files: Vec<String>,
    /// The directories that were searched.
    seen: BTreeSet<PathBuf>,
    diagnostics: Vec<Diagnostic>,
}

impl Search {
    fn directory(&mut self, directory: &str) {
        let mut open = vec![directory.to_owned()];
        while let Some(directory) = open.pop() {
            let entries = fs::canonicalize(&directory).and_then(|real| {
                let is_new = self.seen.insert(real);
                if is_new { fs::read_dir(&directory)?.collect() } else { Ok(Vec::new()) }
            });
            match entries {
                Ok(entries) => open.extend(entries.iter().filter_map(|entry| self.entry(&directory, entry))),
                Err(error) => self.unreadable(&directory, &error),
            }
        }
    }

    /// Takes one entry of a directory. Returns it if it is a directory to search.
    fn entry(&mut self, directory: &str, entry: &fs::DirEntry) -> Option<String> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let path = entry.path();
            if extension(&path.to_string_lossy()).is_some() {
                let message = format!("the name of {} is not UTF-8", path.display());
                self.diagnostics.push(Diagnostic::error(Code::NotUtf8, message).help("rename it"));
            }
            return None;
        };
        if name.starts_with('.') {
            return None;
        }
        let path = join(directory, name);
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if Path::new(&path).is_dir() {
            if LEFT_OUT.contains(&name) {
                return None;
            }
            if is_link {
                self.links.push(path);
                return None;
            }
            return Some(path);
        }
        match extension(name) {
            Some(_) if is_link => self.linked_files.push(path),
            Some(Extension::Markdown) => self.markdowns.push(path),
            Some(Extension::Subplot) => self.subplots.push(path),
            None => {}
        }
        None
    }

    /// Follows a link to a directory, unless it leads to one that contains a searched one.
    fn link(&mut self, link: &str) {
        match fs::canonicalize(link) {
            Ok(to) if self.seen.iter().any(|seen| seen.starts_with(&to)) => {}
            Ok(_) => self.directory(link),
            Err(error) => self.unreadable(link, &error),
        }
    }

    /// Adds the files that were found only through links.
    fn linked_files(&mut self) {
        let real = |path: &String| fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
        let mut known: BTreeSet<PathBuf> = self.markdowns.iter().chain(&self.subplots).map(real).collect();
        for link in std::mem::take(&mut self.linked_files) {
            let list =
                if extension(&link) == Some(Extension::Subplot) { &mut self.subplots } else { &mut self.markdowns };
            if known.insert(real(&link)) {
                list.push(link);
            }
        }
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        self.diagnostics.push(Diagnostic::error(Code::Unreadable, format!("cannot read {path}: {error}")));
    }
}

/// A kind of file that can be a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extension {
    Markdown,
    Subplot,
}

fn extension(name: &str) -> Option<Extension> {
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "md" | "markdown" => Some(Extension::Markdown),
        "subplot" => Some(Extension::Subplot),
        _ => None,
    }
}

/// Returns the `.subplot` files that a Markdown file without metadata belongs to: those beside it
/// that name it. One of the same name is the only one.
fn subplots_of(path: &str) -> Vec<String> {
    let is_plain = extension(path) != Some(Extension::Subplot) && Path::new(path).is_file();
    let has_none = || fs::read_to_string(path).is_ok_and(|text| !has_metadata(&text));
    let mut subplots = if is_plain && has_none() { subplots_beside(path).unwrap_or_default() } else { Vec::new() };
    let is_namesake = |subplot: &String| Path::new(subplot).file_stem() == Path::new(path).file_stem();
    if subplots.iter().any(is_namesake) {
        subplots.retain(is_namesake);
    }
    subplots
}

fn subplots_beside(path: &str) -> Option<Vec<String>> {
    let file = fs::canonicalize(path).ok()?;
    let directory =
        path.rsplit_once('/').map_or(".", |(directory, _)| if directory.is_empty() { "/" } else { directory });
    let names = fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut subplots: Vec<String> = names
        .filter(|name| !name.starts_with('.') && extension(name) == Some(Extension::Subplot))
        .map(|name| join(directory, &name))
        .filter(|subplot| markdowns(subplot).contains(&file))
        .collect();
    subplots.sort();
    Some(subplots)
}

/// Returns the Markdown files that a `.subplot` file names, as far as they exist.
fn markdowns(subplot: &str) -> Vec<PathBuf> {
    let text = fs::read_to_string(subplot).unwrap_or_default();
    let directory = Path::new(subplot).parent().unwrap_or(Path::new(""));
    markdowns_of(&text).iter().filter_map(|name| fs::canonicalize(directory.join(name)).ok()).collect()
}

/// Splits `guide.md:18` into file and line. A column behind the line, as in diagnostics, is ignored.
pub(crate) fn split_line(name: &str) -> Option<(&str, u32)> {
    let split = |name: &str| {
        let (path, digits) = name.rsplit_once(':')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond all bounds is beyond the end of any document.
        (is_number && !path.is_empty()).then(|| (path.len(), digits.parse().unwrap_or(u32::MAX)))
    };
    let name = name.strip_suffix(':').unwrap_or(name);
    let (mut end, mut line) = split(name)?;
    if !exists(&name[..end])
        && let Some(before) = split(&name[..end])
    {
        (end, line) = before;
    }
    Some((&name[..end], line))
}

/// Whether there is a file of this name, even a link that leads nowhere.
fn exists(name: &str) -> bool {
    fs::symlink_metadata(name).is_ok()
}

fn join(directory: &str, name: &str) -> String {
    match directory.trim_end_matches('/') {
        "." => name.to_owned(),
        directory => format!("{directory}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_off() {
        assert_eq!(split_line("a.md:18"), Some(("a.md", 18)));
        assert_eq!(split_line("a.md:18:"), Some(("a.md", 18)));
        assert_eq!(split_line("b/a.md:18:5"), Some(("b/a.md", 18)));
        assert_eq!(split_line("a.md:0"), Some(("a.md", 0)));
        assert_eq!(split_line("a.md:99999999999999999999"), Some(("a.md", u32::MAX)));
        for name in ["a.md", "a.md:", ":3", "a.md:x", "a.md:-1", "a.md:1x", ":"] {
            assert_eq!(split_line(name), None, "{name}");
        }
    }
}
