//! Finds the test program of Cargo's that names a document.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A test program of Cargo's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CargoTest {
    /// The directory of its package.
    pub(crate) directory: PathBuf,
    /// Its name.
    pub(crate) name: String,
    /// Its source.
    pub(crate) source: PathBuf,
    /// The features of its package that it needs.
    pub(crate) features: Vec<String>,
    /// The document as the test program names it, or the one below what it names.
    pub(crate) document: String,
}

/// What a manifest says of a package and its tests, or of a workspace.
#[derive(Debug, Default, PartialEq, Eq)]
struct Manifest {
    tests: Vec<ManifestTest>,
    /// The members of the workspace, as it writes them.
    members: Vec<String>,
}

/// A test with a section of its own.
#[derive(Debug, PartialEq, Eq)]
struct ManifestTest {
    name: Option<String>,
    path: Option<String>,
    features: Vec<String>,
}

/// Looks for test programs, in each package once.
#[derive(Debug, Default)]
pub(super) struct Search {
    packages: HashMap<PathBuf, Rc<Package>>,
}

/// What a directory with a manifest has: a package, a workspace, or both.
#[derive(Debug, Default)]
struct Package {
    harnesses: Vec<Harness>,
    /// The directories of the members of the workspace.
    members: BTreeSet<PathBuf>,
}

/// A test program that uses greenroom's harness.
#[derive(Debug)]
struct Harness {
    name: String,
    source: PathBuf,
    text: String,
    features: Vec<String>,
}

impl Search {
    /// Returns the test programs that name a document: those of the package that the document is in, or else
    /// of the workspace.
    pub(super) fn tests_of(&mut self, document: &Path) -> Vec<CargoTest> {
        let Ok(document) = fs::canonicalize(document) else { return Vec::new() };
        for directory in document.ancestors().skip(1) {
            let package = self.package(directory);
            let mut tests = package.tests_of(directory, &document);
            if tests.is_empty() {
                tests = package.members.iter().flat_map(|at| self.package(at).tests_of(at, &document)).collect();
            }
            if !tests.is_empty() {
                return tests;
            }
        }
        Vec::new()
    }

    fn package(&mut self, directory: &Path) -> Rc<Package> {
        if let Some(known) = self.packages.get(directory) {
            return Rc::clone(known);
        }
        let package = Rc::new(Package::read(directory).unwrap_or_default());
        self.packages.insert(directory.to_owned(), Rc::clone(&package));
        package
    }
}

impl Package {
    /// Reads the package of a directory, if it has a manifest.
    fn read(directory: &Path) -> Option<Self> {
        let manifest = read(&fs::read_to_string(directory.join("Cargo.toml")).ok()?);
        let harness = |(name, source): (String, PathBuf)| {
            let text = fs::read_to_string(&source).ok()?;
            let is_harness = text.contains("acceptance_tests!") || text.contains("Harness::new");
            let section = manifest.tests.iter().find(|test| test.name.as_ref() == Some(&name));
            let features = section.map_or_else(Vec::new, |test| test.features.clone());
            is_harness.then_some(Harness { name, source, text, features })
        };
        let harnesses = sources(directory, &manifest).into_iter().filter_map(harness).collect();
        let members = manifest.members.iter().flat_map(|member| expand(directory, member)).collect();
        Some(Self { harnesses, members })
    }

    /// Returns the tests that name a document.
    fn tests_of(&self, directory: &Path, document: &Path) -> Vec<CargoTest> {
        let test = |harness: &Harness| {
            Some(CargoTest {
                document: named_in(&harness.text, directory, document)?,
                directory: directory.to_owned(),
                name: harness.name.clone(),
                source: harness.source.clone(),
                features: harness.features.clone(),
            })
        };
        self.harnesses.iter().filter_map(test).collect()
    }
}

/// Returns the directories that a member of a workspace stands for, which may have a `*` as a whole part.
fn expand(workspace: &Path, member: &str) -> Vec<PathBuf> {
    Path::new(member).components().fold(vec![workspace.to_owned()], |directories, part| {
        if part.as_os_str() != "*" {
            return directories.into_iter().map(|directory| directory.join(part)).collect();
        }
        let entries = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").is_file()).collect()
    })
}

/// Returns how the source of a harness names a document: by its path, or by that of a directory above.
fn named_in(source: &str, directory: &Path, document: &Path) -> Option<String> {
    // Every second part is between quotes, unless a comment has one alone.
    let mut texts = source.split('"').filter(|text| !text.is_empty() && !text.contains('\n'));
    texts.find_map(|text| {
        let named = fs::canonicalize(directory.join(text)).ok()?;
        // All documents are below the directory of the package, which no harness means.
        let rest = document.strip_prefix(&named).ok().filter(|_| !directory.starts_with(&named))?;
        let whole = if rest.as_os_str().is_empty() { PathBuf::from(text) } else { Path::new(text).join(rest) };
        Some(whole.to_str()?.trim_start_matches("./").to_owned())
    })
}

/// Returns the names and sources of the tests of a package.
fn sources(directory: &Path, manifest: &Manifest) -> BTreeSet<(String, PathBuf)> {
    let stem = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let mut found = BTreeSet::new();
    for test in &manifest.tests {
        let Some(path) = &test.path else { continue };
        let source = directory.join(path);
        if let Some(name) = test.name.clone().or_else(|| stem(&source)) {
            found.insert((name, source));
        }
    }
    for entry in fs::read_dir(directory.join("tests")).into_iter().flatten().flatten() {
        let path = entry.path();
        let main = path.join("main.rs");
        if path.extension() == Some(OsStr::new("rs")) {
            found.extend(stem(&path).map(|name| (name, path)));
        } else if main.is_file() {
            found.extend(stem(&path).map(|name| (name, main)));
        }
    }
    found
}

/// Reads the parts of a manifest that matter here. Whatever else is wrong with it, Cargo says.
fn read(text: &str) -> Manifest {
    let Ok(table) = text.parse::<toml::Table>() else { return Manifest::default() };
    let text = |value: Option<&toml::Value>| value.and_then(toml::Value::as_str).map(str::to_owned);
    let list = |value: Option<&toml::Value>| -> Vec<String> {
        let values = value.and_then(toml::Value::as_array).into_iter().flatten();
        values.filter_map(toml::Value::as_str).map(str::to_owned).collect()
    };
    let tests = table.get("test").and_then(toml::Value::as_array).into_iter().flatten();
    let tests = tests.map(|test| ManifestTest {
        name: text(test.get("name")),
        path: text(test.get("path")),
        features: list(test.get("required-features")),
    });
    let tests = tests.collect();
    let members = list(table.get("workspace").and_then(|workspace| workspace.get("members")));
    Manifest { tests, members }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn documents_are_found_by_what_the_harness_names() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        let write = |path: &str, text: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        };
        write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
        for document in ["shared.md", "crates/a/tests/shop.md", "crates/a/docs/deep/other.md", "crates/a/tests/no.md"] {
            write(document, "# x\n");
        }
        let harness = "greenroom::acceptance_tests!(\"./tests/shop.md\", \"docs\", \"../../shared.md\");";
        write("crates/a/tests/acceptance.rs", harness);
        write("crates/a/tests/other.rs", "const FILE: &str = \"tests/no.md\";");
        write("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");
        write("crates/b/tests/more/main.rs", "greenroom::acceptance_tests!(\"../../shared.md\");");
        let section = "[[test]]\nname = \"more\"\nharness = false\nrequired-features = [\"slow\"]\n";
        write("crates/b/Cargo.toml", &format!("[package]\nname = \"b\"\n{section}"));
        let search = RefCell::new(Search::default());
        let found = |document: &str| {
            let tests = search.borrow_mut().tests_of(&root.join(document));
            let line = |test: &CargoTest| format!("{} {} {}", test.name, test.document, test.features.join(","));
            tests.iter().map(|test| line(test).trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("crates/a/tests/shop.md"), ["acceptance tests/shop.md"]);
        assert_eq!(found("crates/a/docs/deep/other.md"), ["acceptance docs/deep/other.md"]);
        assert_eq!(found("crates/a/tests/no.md"), Vec::<String>::new());
        assert_eq!(found("shared.md"), ["acceptance ../../shared.md", "more ../../shared.md slow"]);
    }

    #[test]
    fn manifests_say_where_tests_are() {
        let text =
            "[package]\nname = \"shop\"\n[[test]]\nname = \"a\"\npath = \"checks/a.rs\"\n[[test]]\nname = \"b\"\n";
        let section = |name: &str, path: Option<&str>| ManifestTest {
            name: Some(name.to_owned()),
            path: path.map(str::to_owned),
            features: Vec::new(),
        };
        let tests = vec![section("a", Some("checks/a.rs")), section("b", None)];
        assert_eq!(read(text), Manifest { tests, members: Vec::new() });
        assert_eq!(read("nonsense ["), Manifest::default());
    }
}
