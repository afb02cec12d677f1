//! Manifests of Cargo, as far as they are read. Whatever else is wrong with one, Cargo says.

use std::fs;
use std::path::{Path, PathBuf};

/// Reads the manifest in a directory.
pub(crate) fn read(directory: &Path) -> Option<toml::Table> {
    fs::read_to_string(directory.join("Cargo.toml")).ok()?.parse().ok()
}

/// Returns the workspace around a package, from its directory upwards: its root, and its dependencies.
pub(crate) fn dependencies_of_workspace(directory: &Path) -> Option<(PathBuf, toml::Table)> {
    directory.ancestors().find_map(|root| {
        let workspace = read(root)?.remove("workspace")?;
        let dependencies = workspace.get("dependencies").and_then(toml::Value::as_table);
        Some((root.to_owned(), dependencies.cloned().unwrap_or_default()))
    })
}
