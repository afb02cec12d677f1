//! Test programs of Cargo's, and how their sources name documents.
//!
//! A program with greenroom's harness names them in `acceptance_tests!` or by `Harness::document`. One with
//! Rust's own harness names one in `codegen!` of subplotlib, or includes the tests that its build script makes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A test program of Cargo's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CargoTest {
    /// The directory of its package.
    pub(crate) directory: PathBuf,
    /// What Cargo builds it from.
    pub(crate) target: TestTarget,
    /// Who runs its scenarios.
    pub(crate) kind: HarnessKind,
    /// Its source.
    pub(crate) source: PathBuf,
    /// The features of its package that it needs.
    pub(crate) features: Vec<String>,
    /// The document as the test program names it, or the one below what it names.
    pub(crate) document: String,
}

/// What Cargo builds a test program from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestTarget {
    /// The test of this name.
    Test(String),
    /// The library of the package, with its unit tests.
    Library,
    /// The programs of the package, with theirs.
    Programs,
}

/// Who runs the scenarios of a test program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HarnessKind {
    /// The harness of greenroom.
    Greenroom,
    /// That of Rust, for which each scenario became a test when the program was built.
    Standard(Contents),
}

/// What a program with Rust's own harness has besides the scenarios of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Nothing.
    DocumentOnly,
    /// Other tests. Those of the document are in no module.
    More,
    /// Other tests. Those of the document are in a module.
    MoreInModules,
}

/// A test program that may name documents.
#[derive(Debug)]
pub(super) struct Harness {
    pub(super) target: TestTarget,
    pub(super) kind: HarnessKind,
    pub(super) source: PathBuf,
    /// The text that names the documents.
    pub(super) text: String,
    /// The name that documents must have, whatever their extension; for programs whose tests a build script makes.
    pub(super) stem: Option<String>,
    pub(super) features: Vec<String>,
}

impl Harness {
    /// Returns how it names a document, if it does.
    pub(super) fn names(&self, directory: &Path, document: &Path) -> Option<String> {
        let has_stem = |stem: &String| document.file_stem() == Some(OsStr::new(stem));
        if !self.stem.as_ref().is_none_or(has_stem) {
            return None;
        }
        named_in(&self.text, directory, document, self.kind)
    }
}

/// Returns how the source of a harness names a document: by its path, or for ours by that of a directory above.
fn named_in(source: &str, directory: &Path, document: &Path, kind: HarnessKind) -> Option<String> {
    // Every second part is between quotes, unless a comment has one alone.
    let mut texts = source.split('"').filter(|text| !text.is_empty() && !text.contains('\n'));
    texts.find_map(|text| {
        let named = fs::canonicalize(directory.join(text)).ok()?;
        // All documents are below the directory of the package, which no harness means.
        let rest = document.strip_prefix(&named).ok().filter(|_| !directory.starts_with(&named))?;
        let is_whole = rest.as_os_str().is_empty();
        if !is_whole && kind != HarnessKind::Greenroom {
            return None;
        }
        let whole = if is_whole { PathBuf::from(text) } else { Path::new(text).join(rest) };
        Some(whole.to_str()?.trim_start_matches("./").to_owned())
    })
}
