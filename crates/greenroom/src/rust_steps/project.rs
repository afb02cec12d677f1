//! Finds the test program of Cargo's that names a document.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A test program of Cargo's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CargoTest {
    /// The directory of its package.
    pub(crate) directory: PathBuf,
    /// The package, if its manifest says.
    pub(crate) package: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// Its source.
    pub(crate) source: PathBuf,
    /// The document as the test program names it, or the one below what it names.
    pub(crate) document: String,
}

/// What a manifest says of a package and its tests.
#[derive(Debug, Default, PartialEq, Eq)]
struct Manifest {
    package: Option<String>,
    /// Tests with a path of their own: name and path.
    tests: Vec<(Option<String>, String)>,
}

/// Returns the test program that names a document, in the package that the document is in.
pub(super) fn test_of(document: &Path) -> Option<CargoTest> {
    let document = fs::canonicalize(document).ok()?;
    document.ancestors().skip(1).find_map(|directory| {
        let manifest = fs::read_to_string(directory.join("Cargo.toml")).ok()?;
        let manifest = read(&manifest);
        let named = document.strip_prefix(directory).ok()?.to_str()?.to_owned();
        sources(directory, &manifest).into_iter().find_map(|(name, source)| {
            let text = fs::read_to_string(&source).ok()?;
            names(&text, &named).then(|| CargoTest {
                directory: directory.to_owned(),
                package: manifest.package.clone(),
                name,
                source,
                document: named.clone(),
            })
        })
    })
}

/// Whether a source names a document, or a directory above it, for greenroom's harness.
fn names(source: &str, document: &str) -> bool {
    let is_harness = source.contains("acceptance_tests!") || source.contains("Harness::new");
    let has = |path: &str| source.contains(&format!("\"{path}\"")) || source.contains(&format!("\"./{path}\""));
    let mut above = Path::new(document).ancestors().filter_map(Path::to_str).filter(|path| !path.is_empty());
    is_harness && above.any(has)
}

/// Returns the names and sources of the tests of a package.
fn sources(directory: &Path, manifest: &Manifest) -> BTreeSet<(String, PathBuf)> {
    let stem = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let mut found = BTreeSet::new();
    for (name, path) in &manifest.tests {
        let source = directory.join(path);
        if let Some(name) = name.clone().or_else(|| stem(&source)) {
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
    let package = text(table.get("package").and_then(|package| package.get("name")));
    let tests = table.get("test").and_then(toml::Value::as_array).into_iter().flatten();
    let tests = tests.filter_map(|test| Some((text(test.get("name")), text(test.get("path"))?))).collect();
    Manifest { package, tests }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_by_what_the_harness_names() {
        let source = "greenroom::acceptance_tests!(\"tests/shop.md\", \"docs\");";
        for (document, expected) in
            [("tests/shop.md", true), ("docs/deep/other.md", true), ("tests/other.md", false), ("shop.md", false)]
        {
            assert_eq!(names(source, document), expected, "{document}");
        }
        assert!(!names("const FILE: &str = \"tests/shop.md\";", "tests/shop.md"));
    }

    #[test]
    fn manifests_say_where_tests_are() {
        let text =
            "[package]\nname = \"shop\"\n[[test]]\nname = \"a\"\npath = \"checks/a.rs\"\n[[test]]\nname = \"b\"\n";
        let expected = Manifest {
            package: Some("shop".to_owned()),
            tests: vec![(Some("a".to_owned()), "checks/a.rs".to_owned())],
        };
        assert_eq!(read(text), expected);
        assert_eq!(read("nonsense ["), Manifest::default());
    }
}
