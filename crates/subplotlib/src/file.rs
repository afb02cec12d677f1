//! Files that a document embeds.

use std::path::Path;
use std::sync::Arc;

use crate::utils;

/// A file that a document embeds. Clones share its data.
#[derive(Debug, Clone)]
pub struct SubplotDataFile {
    name: Arc<Path>,
    data: Arc<[u8]>,
}

impl Default for SubplotDataFile {
    fn default() -> Self {
        Self { name: Path::new("").into(), data: Arc::default() }
    }
}

impl SubplotDataFile {
    /// Creates a file from its name and its data, each in base64.
    ///
    /// # Panics
    /// If one of them is not base64.
    pub fn new(name: &str, data: &str) -> Self {
        Self { name: Path::new(&utils::base64_decode(name)).into(), data: utils::bytes(data).into() }
    }

    /// Creates a file from its name and its data.
    #[doc(hidden)]
    pub fn embedded(name: &str, data: &[u8]) -> Self {
        Self { name: Path::new(name).into(), data: data.into() }
    }

    /// Returns its name, as the document writes it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Returns its data.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_code_writes_files_in_base64() {
        let file = SubplotDataFile::new("ZmlsZQ==", "AP8=");
        assert_eq!((file.name(), file.data()), (Path::new("file"), &[0, 255][..]));
    }
}
