//! The host for Python, which comes with greenroom: a package of Python modules in this crate's folder `python-host`.
//!
//! The binary carries the package, and hands it to the interpreter in a file in memory, so that nothing has to be
//! installed. `python-host/loader.py` says how the interpreter imports it from there.

use std::fs::File;
use std::io::{Error, ErrorKind, Seek, Write};
use std::os::fd::OwnedFd;

use rustix::fs::MemfdFlags;

/// Joins the loader and the modules, with their paths, into one text. Python source has no NUL bytes.
macro_rules! program {
    ($($module:literal)*) => {
        concat!(
            include_str!("../../python-host/loader.py"),
            $("\0greenroom_host/", $module, "\n", include_str!(concat!("../../python-host/greenroom_host/", $module))),*
        )
    };
}

const PROGRAM: &str = program!(
    "__init__.py"
    "__main__.py"
    "assertions.py"
    "check.py"
    "comparison.py"
    "context.py"
    "effects.py"
    "engine.py"
    "failures.py"
    "forks.py"
    "helpers/__init__.py"
    "helpers/basics.py"
    "helpers/daemon.py"
    "helpers/files.py"
    "helpers/runcmd.py"
    "host.py"
    "live.py"
    "messages.py"
    "namespace.py"
    "reference.py"
    "results.py"
    "source.py"
    "system.py"
    "text.py"
    "untyped.py"
    "values.py"
);

/// A file in memory with the program, to be read from its beginning.
pub(super) fn program() -> std::io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("greenroom-host", MemfdFlags::CLOEXEC)?);
    file.write_all(PROGRAM.as_bytes()).map_err(|error| match error.kind() {
        kind @ ErrorKind::FileTooLarge => {
            Error::new(kind, "greenroom's own host is larger than the limit on file sizes (`ulimit -f`)")
        }
        _ => error,
    })?;
    file.rewind()?;
    Ok(file.into())
}

/// A module that is missing in the list above would only be missed where it is imported.
#[cfg(test)]
#[test]
fn the_program_has_every_module() {
    fn modules(directory: &std::path::Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                modules(&path, names);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                names.push(path.display().to_string());
            }
        }
    }
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/python-host/");
    let mut expected = Vec::new();
    modules(&std::path::Path::new(package).join("greenroom_host"), &mut expected);
    expected.sort();
    let mut carried: Vec<String> =
        PROGRAM.split('\0').skip(1).map(|part| format!("{package}{}", part.split_once('\n').unwrap().0)).collect();
    carried.sort();
    assert_eq!(carried, expected);
}
