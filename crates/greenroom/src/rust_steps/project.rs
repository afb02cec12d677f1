//! Finds the test program of Cargo's that names a document: in its package, or else in the workspace around it.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::manifest::{Manifest, expand, sources};
use super::standard;
use super::test_program::{CargoTest, Harness, HarnessKind, TestTarget};

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
            // The first one has the functions, as far as the source says.
            tests.sort_by_key(|test| test.kind != HarnessKind::Greenroom);
            if !tests.is_empty() {
                return tests;
            }
        }
        Vec::new()
    }

    /// Returns the source of a test with greenroom's harness in the package that a document is in.
    pub(super) fn test_beside(&mut self, document: &Path) -> Option<PathBuf> {
        let document = fs::canonicalize(document).ok()?;
        document.ancestors().skip(1).find_map(|directory| {
            let package = self.package(directory);
            let test = package.harnesses.iter().find(|harness| harness.kind == HarnessKind::Greenroom)?;
            Some(test.source.clone())
        })
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
        let manifest = Manifest::read(&fs::read_to_string(directory.join("Cargo.toml")).ok()?);
        let own = |(name, source): &(String, PathBuf)| {
            let text = fs::read_to_string(source).ok()?;
            let is_harness = text.contains("acceptance_tests!") || text.contains("Harness::new");
            is_harness.then(|| Harness {
                target: TestTarget::Test(name.clone()),
                kind: HarnessKind::Greenroom,
                source: source.clone(),
                text,
                stem: None,
                features: manifest.features_of(name),
            })
        };
        let sources = sources(directory, &manifest);
        let mut harnesses: Vec<Harness> = sources.iter().filter_map(own).collect();
        if manifest.has_subplotlib {
            harnesses.extend(standard::harnesses(directory, &manifest, &sources));
        }
        let members = manifest.members.iter().flat_map(|member| expand(directory, member)).collect();
        Some(Self { harnesses, members })
    }

    /// Returns the tests that name a document.
    fn tests_of(&self, directory: &Path, document: &Path) -> Vec<CargoTest> {
        let test = |harness: &Harness| {
            Some(CargoTest {
                document: harness.names(directory, document)?,
                directory: directory.to_owned(),
                target: harness.target.clone(),
                kind: harness.kind,
                source: harness.source.clone(),
                features: harness.features.clone(),
            })
        };
        self.harnesses.iter().filter_map(test).collect()
    }
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
            let line = |test: &CargoTest| {
                let TestTarget::Test(name) = &test.target else { panic!("{test:?}") };
                format!("{name} {} {}", test.document, test.features.join(","))
            };
            tests.iter().map(|test| line(test).trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("crates/a/tests/shop.md"), ["acceptance tests/shop.md"]);
        assert_eq!(found("crates/a/docs/deep/other.md"), ["acceptance docs/deep/other.md"]);
        assert_eq!(found("crates/a/tests/no.md"), Vec::<String>::new());
        assert_eq!(found("shared.md"), ["acceptance ../../shared.md", "more ../../shared.md slow"]);
    }
}
