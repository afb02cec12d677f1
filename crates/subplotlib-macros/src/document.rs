//! Reads a document from the directory of the package.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use greenroom_doc::{BuiltinFile, LoadError, Loaded, Loader, Reach, Request, load};

/// The key of Rust under `impl` and `impls`.
const RUST: &str = "rust";

/// The bindings of the step libraries that have functions in Rust.
const LIBRARIES: [(&str, &str); 3] = [
    ("lib/datadir.yaml", include_str!("../lib/datadir.yaml")),
    ("lib/files.yaml", include_str!("../lib/files.yaml")),
    ("lib/runcmd.yaml", include_str!("../lib/runcmd.yaml")),
];

/// The files of a package.
pub(crate) struct Package {
    directory: PathBuf,
}

impl Package {
    /// Creates the files of the package in this directory.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Returns the path of a file by its name in messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        // Errors and panics show the path, so without `..` where that changes nothing.
        let short = without_parents(&path);
        match (fs::canonicalize(&path), fs::canonicalize(&short)) {
            (Ok(one), Ok(other)) if one == other => short,
            _ => path,
        }
    }
}

/// Returns a path in which `..` removes the part before it.
fn without_parents(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            component => short.push(component),
        }
    }
    short
}

impl Loader for Package {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let path = self.path(path);
        // Before opening: to open a named pipe would block.
        let metadata = fs::metadata(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => LoadError::NotFound,
            _ => LoadError::Other(error.to_string()),
        })?;
        match () {
            () if metadata.is_dir() => Err(LoadError::Directory),
            () if !metadata.is_file() => Err(LoadError::NotAFile),
            () => fs::read(path).map_err(|error| LoadError::Other(error.to_string())),
        }
    }
}

/// Reads a document and matches its steps.
pub(crate) fn read(package: &Package, path: &str) -> Loaded {
    let library = |(name, text): (&str, &'static str)| BuiltinFile {
        name: name.to_owned(),
        text: Some(text.into()),
        reach: Reach::Listed,
        places: Vec::new(),
    };
    load(&Request {
        documents: &[path.to_owned()],
        loader: package,
        builtin: &LIBRARIES.map(library),
        can_run: &|language, _| language == RUST,
        may_be_empty: &|_| false,
        needs_scenarios: true,
    })
}

/// Whether a language is Rust.
pub(crate) fn is_rust(language: &str) -> bool {
    language == RUST
}
