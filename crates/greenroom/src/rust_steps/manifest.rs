//! Reads from manifests which tests a package has, and which packages a workspace.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// What a manifest says of a package and its tests, or of a workspace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    tests: Vec<ManifestTest>,
    /// The members of the workspace, as it writes them.
    pub(super) members: Vec<String>,
    /// Whether the package is subplotlib or depends on it, by this name.
    pub(super) has_subplotlib: bool,
}

/// A test with a section of its own.
#[derive(Debug, PartialEq, Eq)]
struct ManifestTest {
    name: Option<String>,
    path: Option<String>,
    features: Vec<String>,
}

impl Manifest {
    /// Reads the parts of a manifest that matter here. Whatever else is wrong with it, Cargo says.
    pub(super) fn read(text: &str) -> Self {
        let Ok(table) = text.parse::<toml::Table>() else { return Self::default() };
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
        let depends = |section: &str| table.get(section).is_some_and(|section| section.get("subplotlib").is_some());
        let is_it = text(table.get("package").and_then(|package| package.get("name"))).as_deref() == Some("subplotlib");
        let has_subplotlib = is_it || ["dependencies", "dev-dependencies"].into_iter().any(depends);
        Self { tests, members, has_subplotlib }
    }

    /// Returns the features that a test needs.
    pub(super) fn features_of(&self, name: &str) -> Vec<String> {
        let section = self.tests.iter().find(|test| test.name.as_deref() == Some(name));
        section.map_or_else(Vec::new, |test| test.features.clone())
    }
}

/// Returns the directories that a member of a workspace stands for, which may have a `*` as a whole part.
pub(super) fn expand(workspace: &Path, member: &str) -> Vec<PathBuf> {
    Path::new(member).components().fold(vec![workspace.to_owned()], |directories, part| {
        if part.as_os_str() != "*" {
            return directories.into_iter().map(|directory| directory.join(part)).collect();
        }
        let entries = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").is_file()).collect()
    })
}

/// Returns the names and sources of the tests of a package.
pub(super) fn sources(directory: &Path, manifest: &Manifest) -> BTreeSet<(String, PathBuf)> {
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
        // A section may give it another name.
        if found.iter().any(|(_, source)| [&path, &main].contains(&source)) {
            continue;
        }
        if path.extension() == Some(OsStr::new("rs")) {
            found.extend(stem(&path).map(|name| (name, path)));
        } else if main.is_file() {
            found.extend(stem(&path).map(|name| (name, main)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(Manifest::read(text), Manifest { tests, ..Manifest::default() });
        assert_eq!(Manifest::read("nonsense ["), Manifest::default());
    }

    #[test]
    fn a_source_is_the_test_that_its_section_names() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tests")).unwrap();
        for file in ["tests/a.rs", "tests/b.rs"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let manifest = Manifest::read("[[test]]\nname = \"other\"\npath = \"tests/a.rs\"\n");
        let names: Vec<String> = sources(root.path(), &manifest).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "other"]);
    }
}
