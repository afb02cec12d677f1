//! Real input to begin with: files of the workspace, and the corpus.

use std::io;
use std::path::{Path, PathBuf};

use crate::target::Target;

/// The contents of all files that a target begins with, in a fixed order.
pub(crate) fn of(target: &Target) -> Result<Vec<Vec<u8>>, String> {
    let mut files = Vec::new();
    for place in target.seeds {
        let path = root().join(place);
        if path.is_dir() {
            let wanted = |file: &PathBuf| {
                file.extension().is_some_and(|extension| target.extensions.iter().any(|wanted| extension == *wanted))
            };
            files.extend(entries(&path)?.into_iter().filter(wanted));
        } else {
            files.push(path);
        }
    }
    files.extend(entries(&root().join("fuzz/corpus").join(target.name))?);
    files.iter().map(|file| std::fs::read(file).map_err(|error| failed(file, &error))).collect()
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn failed(path: &Path, error: &io::Error) -> String {
    format!("failed to read {}: {error}", path.display())
}

/// The workspace's directory.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
