//! The pages of documents and their files, written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use greenroom_event::Outline;
use greenroom_report::RunRecord;
use greenroom_report::page::{self, Drawings};

use super::{PageOptions, tools};
use crate::error::CommandError;
use crate::replace::{Replacement, resolve};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::spool;

/// The pages of documents and their files.
#[derive(Debug)]
pub(crate) struct Pages {
    options: PageOptions,
    /// As the user wrote it.
    out: PathBuf,
    /// The index, if there are several documents.
    index: Option<Replacement>,
    /// For each document its page, and the address of that from the index.
    documents: Vec<(Replacement, String)>,
}

impl Pages {
    /// Finds out where pages go, and checks that they can be written.
    ///
    /// `documents` are the paths of the documents.
    pub(crate) fn at(
        out: &Path,
        documents: &[&str],
        options: PageOptions,
        settings: &Settings,
    ) -> Result<Self, CommandError> {
        if out == Path::new("-") {
            let message = "a page cannot go to standard output; name a file or a directory";
            return Err(CommandError::Usage(vec![message.to_owned()]));
        }
        let failed = |path: &Path, error| CommandError::system(format!("write {}", path.display()), &error);
        let is_file = is_page(out) && !settings.directory.join(out).is_dir();
        let directory = if is_file { out.with_extension("") } else { out.to_owned() };
        let main = if is_file { out.to_owned() } else { out.join("index.html") };
        let check = |path: &Path| check(&settings.directory.join(path)).map_err(|error| failed(path, error));
        let index = check(&main)?;
        if documents.len() == 1 {
            let address = main.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return Ok(Self { options, out: out.to_owned(), index: None, documents: vec![(index, address)] });
        }
        let prefix = match directory.file_name() {
            Some(name) if is_file => format!("{}/", name.to_string_lossy()),
            _ => String::new(),
        };
        let pages = names(documents)
            .into_iter()
            .map(|name| Ok((check(&directory.join(&name))?, format!("{prefix}{name}"))))
            .collect::<Result<_, CommandError>>()?;
        Ok(Self { options, out: out.to_owned(), index: Some(index), documents: pages })
    }

    /// Checks that no page would overwrite one of these files, each with what it is.
    pub(crate) fn spare(
        &self,
        option: &str,
        inputs: &[(PathBuf, String)],
        settings: &Settings,
    ) -> Result<(), CommandError> {
        let mut files: HashMap<PathBuf, &Path> = HashMap::new();
        for file in self.files() {
            files.entry(resolve(file)).or_insert(file);
        }
        let overwrites = |(path, what): &(PathBuf, String)| {
            let file = *files.get(&resolve(&settings.directory.join(path)))?;
            let file = file.strip_prefix(&settings.directory).unwrap_or(file).display();
            Some(format!("{option} {} would overwrite {what}: {file}", self.out.display()))
        };
        let conflicts: Vec<String> = inputs.iter().filter_map(overwrites).collect();
        if conflicts.is_empty() { Ok(()) } else { Err(CommandError::Usage(conflicts)) }
    }

    /// Returns the files that are written.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.index.iter().chain(self.documents.iter().map(|(page, _)| page)).map(Replacement::target)
    }

    /// Writes all pages. With a run, they show what happened.
    ///
    /// `stop` becomes readable with the signals that stop greenroom, if it catches them already.
    pub(crate) fn write(
        &self,
        outline: &Outline,
        run: Option<&RunRecord>,
        stop: Option<BorrowedFd<'_>>,
        settings: &Settings,
    ) -> Result<(), CommandError> {
        let texts = outline.documents.iter().filter_map(|document| document.text.as_deref());
        // Who stops a run does not wait for tools.
        let is_interrupted = run.is_some_and(|run| run.summary.interrupted);
        let diagrams: BTreeSet<_> = texts.flat_map(page::diagrams).filter(|_| !is_interrupted).collect();
        // While a tool runs, a signal must not leave its directory behind.
        let is_caught = stop.is_some() || diagrams.is_empty();
        let own = if is_caught { None } else { Some(Signals::listen()?) };
        let stop = own.as_ref().map(Signals::stop).or(stop).filter(|_| !diagrams.is_empty());
        let drawings = stop.map_or_else(Drawings::new, |stop| tools::draw(diagrams, stop, settings));
        let is_stopped = || stop.is_some_and(tools::is_readable);
        // What happened in a run is worth more than its diagrams.
        if run.is_none() && is_stopped() {
            return Err(CommandError::Interrupted);
        }
        let addresses: Vec<String> = self.documents.iter().map(|(_, address)| encode(address)).collect();
        let (names, index) = self.between_pages();
        let version = env!("CARGO_PKG_VERSION");
        let mut error = None;
        let mut write = |file: &Replacement, page: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let checked = |to: &mut dyn Write| {
                page(to)?;
                run.map_or(Ok(()), spool::check)
            };
            error = error.take().or(replace(file, checked).err());
        };
        for (document, (file, _)) in self.documents.iter().enumerate().take(outline.documents.len()) {
            let request = page::Request {
                outline,
                document,
                run,
                drawings: &drawings,
                links_styles: self.options.allow_css_urls,
                site: self.index.is_some().then_some(page::Site { pages: &names, index: &index }),
                version,
            };
            write(file, &|to| page::write(&request, to));
        }
        if let Some(file) = &self.index {
            let pages: Vec<&str> = addresses.iter().map(String::as_str).collect();
            let request = page::index::Request { outline, run, pages: &pages, version };
            write(file, &|to| page::index::write(&request, to));
        }
        let failed = |error| CommandError::system(format!("write {}", self.out.display()), &error);
        match error {
            Some(error) => Err(failed(error)),
            None if is_stopped() => Err(CommandError::Interrupted),
            None => Ok(()),
        }
    }

    /// Returns the addresses of all pages and of the index, from a page.
    fn between_pages(&self) -> (Vec<String>, String) {
        let name = |path: &str| encode(path.rsplit('/').next().unwrap_or(path));
        let names = self.documents.iter().map(|(_, address)| name(address)).collect();
        let is_below = self.documents.iter().any(|(_, address)| address.contains('/'));
        let index = self.index.iter().find_map(|index| index.target().file_name()).unwrap_or_default();
        (names, format!("{}{}", if is_below { "../" } else { "" }, encode(&index.to_string_lossy())))
    }
}

/// Whether a path has the name of a page.
fn is_page(path: &Path) -> bool {
    let is_named =
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"));
    is_named && !path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// Checks that a file can be written, perhaps in directories that do not exist yet.
fn check(path: &Path) -> io::Result<Replacement> {
    let missing = path.ancestors().skip(1).take_while(|directory| !directory.exists()).last();
    match missing {
        None => Replacement::check(path),
        Some(first) => {
            // The first directory that is made; its parent must allow that.
            Replacement::check(first)?;
            Ok(Replacement::new(path))
        }
    }
}

fn replace(file: &Replacement, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if let Some(directory) = file.target().parent() {
        fs::create_dir_all(directory)?;
    }
    file.write(write)
}

/// Encodes a path as an address: what has a meaning in one becomes `%23` and the like.
fn encode(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let encoded = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(encoded).collect()
}

/// Returns a name of a page for each document: that of its file, with a number where it is taken.
fn names(documents: &[&str]) -> Vec<String> {
    let mut taken = BTreeMap::from([("index".to_owned(), 1_usize)]);
    let mut name = |path: &&str| {
        let stem = Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut name = stem.clone();
        while taken.contains_key(&name.to_lowercase()) {
            let count = taken.entry(stem.to_lowercase()).or_default();
            *count += 1;
            name = format!("{stem}-{count}");
        }
        taken.insert(name.to_lowercase(), 1);
        format!("{name}.html")
    };
    documents.iter().map(&mut name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_has_a_page_of_its_own() {
        assert_eq!(
            names(&["a.md", "b/a.md", "A.subplot", "index.md", "a-2.md"]),
            ["a.html", "a-2.html", "A-3.html", "index-2.html", "a-2-2.html"]
        );
    }

    #[test]
    fn pages_are_recognized_by_their_ending() {
        assert!(is_page(Path::new("a.html")) && is_page(Path::new("b/a.HTM")));
        assert!(!is_page(Path::new("out")) && !is_page(Path::new("a.html/")) && !is_page(Path::new("html")));
    }
}
