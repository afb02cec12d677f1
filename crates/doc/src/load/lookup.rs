//! Paths and names of files, and what is wrong with a file that cannot be read.

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::source::{BuiltinFile, LoadError, Loader};

/// Returns the directory part of a path, empty for the working directory.
pub(crate) fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => "",
    }
}

/// Joins the directory of a document and a name relative to it.
///
/// A name may begin with `${DOCDIR}`, which is that directory, or with `${SRCDIR}`, the working directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if let Some(name) = name.strip_prefix("${SRCDIR}/") {
        return join("", name);
    }
    let name = name.strip_prefix("${DOCDIR}/").unwrap_or(name);
    let name = name.strip_prefix("./").unwrap_or(name);
    match directory {
        _ if name.starts_with('/') => name.to_owned(),
        "" => name.to_owned(),
        directory if directory.ends_with('/') => format!("{directory}{name}"),
        directory => format!("{directory}/{name}"),
    }
}

/// Normalizes a path: the same key for paths that differ only in `./` and doubled slashes.
pub(crate) fn key(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, parts.join("/"))
}

/// Finds a built-in file by the name that a document writes.
///
/// Old documents put the directory of a language before it, or no directory at all.
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

/// Decodes a file. `name` is what the user calls it.
pub(crate) fn decode(name: &str, bytes: Vec<u8>) -> Result<String, Box<Diagnostic>> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Box::new(too_big(name)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].split(|&byte| byte == b'\n').count();
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let message = format!(
            "{name} is not UTF-8: invalid byte {:#04x} in line {line} (offset {at})",
            bytes.get(at).unwrap_or(&0)
        );
        let help = if utf16 { "it looks like UTF-16: save it as UTF-8" } else { "save it as UTF-8" };
        Box::new(Diagnostic::error(Code::NotUtf8, message).help(help))
    })
}

/// Describes a file that is too large for the offsets of spans.
pub(crate) fn too_big(name: &str) -> Diagnostic {
    Diagnostic::error(Code::TooBig, format!("{name} is too large: the limit is 4 GiB"))
}

/// Describes why a file could not be loaded. `what` is "document", "Markdown file" or the like.
pub(crate) fn failure(what: &str, name: &str, error: &LoadError) -> Diagnostic {
    match error {
        LoadError::NotFound => Diagnostic::error(Code::NotFound, format!("{what} not found: {name}")),
        LoadError::Directory => Diagnostic::error(Code::NotAFile, format!("{name} is a directory")),
        LoadError::NotAFile => Diagnostic::error(Code::NotAFile, format!("{name} is not a regular file")),
        LoadError::Other(reason) => Diagnostic::error(Code::Unreadable, format!("cannot read {name}: {reason}")),
    }
}

/// Whether a file exists and can be read.
pub(crate) fn exists(loader: &dyn Loader, path: &str) -> bool {
    loader.load(path).is_ok()
}

/// Whether a path ends in one of these extensions, in any case.
pub(crate) fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(_, have)| extensions.iter().any(|want| have.eq_ignore_ascii_case(want)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Reach;

    #[test]
    fn paths() {
        assert_eq!(directory("a/b.md"), "a");
        assert_eq!(directory("/b.md"), "/");
        assert_eq!(directory("b.md"), "");
        assert_eq!(join("a", "./b"), "a/b");
        assert_eq!(join("/", "b"), "/b");
        assert_eq!(join("a", "/b"), "/b");
        assert_eq!(join("a", "${DOCDIR}/b"), "a/b");
        assert_eq!(join("a", "${SRCDIR}/./b"), "b");
        assert_eq!(join("a", "${OTHER}/b"), "a/${OTHER}/b");
        assert_eq!(key("./a//b/./c"), "a/b/c");
        assert_eq!(key("/a/"), "/a");
    }

    #[test]
    fn old_names_of_built_in_files() {
        let files =
            [BuiltinFile { name: "lib/daemon.yaml".to_owned(), text: None, reach: Reach::Listed, places: Vec::new() }];
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
