//! Finding and reading files: beside the document, then among those that come with the runner.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::plan::BuiltinFile;
use crate::source::{LoadError, Loader};

/// The directory part of a path, empty for the working directory.
pub(crate) fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => "",
    }
}

/// A name relative to a directory, as a path.
pub(crate) fn join(directory: &str, name: &str) -> String {
    let name = name.strip_prefix("./").unwrap_or(name);
    match directory {
        _ if name.starts_with('/') => name.to_owned(),
        "" => name.to_owned(),
        directory if directory.ends_with('/') => format!("{directory}{name}"),
        directory => format!("{directory}/{name}"),
    }
}

/// The same path for paths that differ only in `./` and doubled slashes.
pub(crate) fn key(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, parts.join("/"))
}

/// A built-in file by the name a document writes. Old documents write them with the directory of a language, or with none.
pub(crate) fn builtin<'a>(builtin: &'a [BuiltinFile], name: &str, languages: &[&str]) -> Option<&'a BuiltinFile> {
    let find = |name: &str| builtin.iter().find(|file| file.name == name);
    let name = name.strip_prefix("./").unwrap_or(name);
    let short = name
        .split_once('/')
        .filter(|(first, _)| *first == "common" || *first == "python" || *first == "rust" || languages.contains(first))
        .map_or(name, |(_, rest)| rest);
    find(name)
        .or_else(|| find(short))
        .or_else(|| find(&format!("common/{short}")))
        .or_else(|| languages.iter().find_map(|language| find(&format!("{language}/{short}"))))
        .or_else(|| (!short.contains('/')).then(|| find(&format!("lib/{short}")))?)
}

/// Bytes as text, or why not. `name` is what the user calls the file.
pub(crate) fn decode(name: &str, bytes: Vec<u8>) -> Result<Arc<str>, Box<Diagnostic>> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Box::new(too_big(name)));
    }
    String::from_utf8(bytes).map(Arc::from).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].split(|&byte| byte == b'\n').count();
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let message =
            format!("{name} is not UTF-8: byte {:#04x} at offset {at}, in line {line}", bytes.get(at).unwrap_or(&0));
        let help = if utf16 { "it looks like UTF-16; save it as UTF-8" } else { "save it as UTF-8" };
        Box::new(Diagnostic::error("not-utf8", message).help(help))
    })
}

/// A file too big for the offsets of spans.
pub(crate) fn too_big(name: &str) -> Diagnostic {
    Diagnostic::error("too-big", format!("{name} is too big: 4 GiB is the most that can be read"))
}

/// Whether a built-in file is one of bindings rather than of step functions.
pub(crate) fn is_bindings(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("yaml"))
}

/// Why a file could not be had, in words. `what` is "document", "Markdown file" or the like.
pub(crate) fn failure(what: &str, name: &str, error: &LoadError) -> Diagnostic {
    match error {
        LoadError::NotFound => Diagnostic::error("not-found", format!("no {what} {name}")),
        LoadError::Directory => Diagnostic::error("not-a-file", format!("{name} is a directory")),
        LoadError::NotAFile => Diagnostic::error("not-a-file", format!("{name} is not a plain file")),
        LoadError::Other(reason) => Diagnostic::error("unreadable", format!("cannot read {name}: {reason}")),
    }
}

/// Whether a file is there and readable.
pub(crate) fn exists(loader: &dyn Loader, path: &str) -> bool {
    loader.load(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(directory("a/b.md"), "a");
        assert_eq!(directory("/b.md"), "/");
        assert_eq!(directory("b.md"), "");
        assert_eq!(join("a", "./b"), "a/b");
        assert_eq!(join("/", "b"), "/b");
        assert_eq!(join("a", "/b"), "/b");
        assert_eq!(key("./a//b/./c"), "a/b/c");
        assert_eq!(key("/a/"), "/a");
    }

    #[test]
    fn old_names_of_built_in_files() {
        let files = [BuiltinFile { name: "lib/daemon.yaml".to_owned(), text: None }];
        for name in
            ["lib/daemon.yaml", "./lib/daemon.yaml", "daemon.yaml", "common/lib/daemon.yaml", "python/lib/daemon.yaml"]
        {
            assert!(builtin(&files, name, &["python"]).is_some(), "{name}");
        }
        for name in ["", "x.yaml", "sub/daemon.yaml", "lib/Daemon.yaml", "/lib/daemon.yaml"] {
            assert!(builtin(&files, name, &["python"]).is_none(), "{name}");
        }
    }
}
