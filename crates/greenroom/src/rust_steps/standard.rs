//! Test programs with Rust's own harness, whose tests `codegen!` of subplotlib or a build script makes of documents.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::test_program::{Contents, Harness, HarnessKind, TestTarget};

/// The macro that makes tests of a document.
const MACRO: &str = "codegen!";

/// The variable that names the directory of what a build script makes.
const OUTPUT: &str = "OUT_DIR";

/// How deep directories of sources are searched.
const DEEPEST: usize = 8;

/// Returns the test programs of a package that have tests of documents. `sources` are those of its tests.
pub(super) fn harnesses(directory: &Path, manifest: &Manifest, sources: &BTreeSet<(String, PathBuf)>) -> Vec<Harness> {
    let script = fs::read_to_string(directory.join("build.rs")).unwrap_or_default();
    let mut found = Vec::new();
    for (name, source) in sources {
        let files = match source.file_name() {
            // The modules of other tests are tests themselves.
            Some(name) if name == "main.rs" => files(source.parent().unwrap_or(directory), 0),
            _ => vec![source.clone()],
        };
        let target = TestTarget::Test(name.clone());
        found.extend(
            files
                .iter()
                .flat_map(|file| of_file(file, file == source, &target, &script))
                .map(|harness| Harness { features: manifest.features_of(name), ..harness }),
        );
    }
    let library = directory.join("src/lib.rs");
    let target = if library.is_file() { TestTarget::Library } else { TestTarget::Programs };
    let files = files(&directory.join("src"), 0);
    // Unit tests are seldom alone.
    found.extend(files.iter().flat_map(|file| of_file(file, false, &target, &script)));
    found
}

/// Returns what a file names: the documents of `codegen!`, and those of the build script whose tests it includes.
fn of_file(file: &Path, is_root: bool, target: &TestTarget, script: &str) -> Vec<Harness> {
    let Ok(text) = fs::read_to_string(file) else { return Vec::new() };
    let (macros, included) = (text.matches(MACRO).count(), included(&text));
    let contents = match macros + included.len() {
        1 if is_root && !text.contains("#[test]") => Contents::DocumentOnly,
        _ if is_root && !text.lines().any(|line| line.trim_start() != line && is_call(line)) => Contents::More,
        _ => Contents::MoreInModules,
    };
    let harness = |text: String, stem: Option<String>| Harness {
        target: target.clone(),
        kind: HarnessKind::Standard(contents),
        source: file.to_owned(),
        text,
        stem,
        features: Vec::new(),
    };
    let of_macro = (macros > 0).then(|| harness(text.clone(), None));
    let of_script = included.into_iter().map(|stem| harness(script.to_owned(), Some(stem)));
    of_macro.into_iter().chain(of_script).collect()
}

/// Whether a line makes tests.
fn is_call(line: &str) -> bool {
    line.contains(MACRO) || line.contains(OUTPUT)
}

/// Returns the names, without `.rs`, of the files that a source includes of what the build script made.
fn included(text: &str) -> Vec<String> {
    let parts = text.split(OUTPUT).skip(1);
    let stem = |part: &str| {
        let (_, rest) = part.split_once("\"/")?;
        let (name, _) = rest.split_once(".rs\"")?;
        (!name.contains(['\n', '"'])).then(|| name.to_owned())
    };
    parts.filter_map(stem).collect()
}

/// Returns the Rust files of a directory and those below it, in the order of their names.
fn files(directory: &Path, depth: usize) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let below = |path: PathBuf| match path.extension() {
        Some(extension) if extension == OsStr::new("rs") => vec![path],
        None if depth < DEEPEST && path.is_dir() => files(&path, depth + 1),
        _ => Vec::new(),
    };
    paths.into_iter().flat_map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_documents_are_found_in_sources() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            fs::write(root.path().join(path), text).unwrap();
        };
        write("build.rs", "fn main() { subplot_build::codegen(\"doc/old.subplot\").unwrap(); }");
        write("tests/one.rs", "codegen!(\"doc/shop.subplot\");");
        write("tests/two.rs", "codegen!(\"a.subplot\");\ncodegen!(\"b.subplot\");");
        write("tests/all/main.rs", "mod deep;");
        write("tests/all/deep/mod.rs", "mod x {\n    subplotlib::codegen!(\"c.subplot\");\n}");
        write("tests/old.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/old.rs\"));");
        write("tests/other.rs", "#[test] fn other() {}");
        write("src/lib.rs", "#[cfg(test)] mod tests { subplotlib::codegen!(\"d.subplot\"); }");
        for document in ["doc/shop.subplot", "a.subplot", "b.subplot", "c.subplot", "d.subplot", "doc/old.subplot"] {
            write(document, "");
        }
        write("doc/other.subplot", "");
        let root = fs::canonicalize(root.path()).unwrap();
        let test = |name: &str, path: &str| (name.to_owned(), root.join(path));
        let sources = [
            test("all", "tests/all/main.rs"),
            test("old", "tests/old.rs"),
            test("one", "tests/one.rs"),
            test("other", "tests/other.rs"),
            test("two", "tests/two.rs"),
        ];
        let all = harnesses(&root, &Manifest::default(), &sources.into());
        let of = |document: &str| -> Vec<(TestTarget, HarnessKind)> {
            let path = root.join(document);
            let names = |it: &&Harness| it.names(&root, &path).is_some_and(|name| name == document);
            all.iter().filter(names).map(|it| (it.target.clone(), it.kind)).collect()
        };
        let test = |name: &str, contents| vec![(TestTarget::Test(name.to_owned()), HarnessKind::Standard(contents))];
        assert_eq!(of("doc/shop.subplot"), test("one", Contents::DocumentOnly));
        assert_eq!(of("b.subplot"), test("two", Contents::More));
        assert_eq!(of("c.subplot"), test("all", Contents::MoreInModules));
        assert_eq!(of("doc/old.subplot"), test("old", Contents::DocumentOnly));
        assert_eq!(of("d.subplot"), [(TestTarget::Library, HarnessKind::Standard(Contents::MoreInModules))]);
        assert_eq!(of("doc/other.subplot"), []);
    }
}
