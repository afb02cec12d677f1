//! The step host for Python: lints, types and tests of the package in `crates/steps/python-host`.
//!
//! `pip` installs the tools, in the versions of its `requirements.txt`, into a virtual environment under `target`.
//! The tests run with the oldest and the newest supported Python of this machine. Ruff and pyright always check for the
//! oldest one that is supported, whichever Python they run with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace::{is_ci, root, run, target};

const PACKAGE: &str = "crates/steps/python-host";

/// The oldest supported version 3.x; `pyproject.toml` and the README say it, too.
const OLDEST: u32 = 8;

/// An interpreter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Python {
    /// The number x of version 3.x.
    minor: u32,
    path: PathBuf,
}

/// Checks and tests the package. Where the tools cannot be installed, only CI insists on them.
pub(crate) fn check() -> Result<(), String> {
    let pythons = pythons();
    let (Some(oldest), Some(newest)) = (pythons.first(), pythons.last()) else {
        return Err(format!("there is no Python 3.{OLDEST} or newer on this machine"));
    };
    let tools = match environment(newest) {
        Ok(tools) => tools,
        Err(problem) if !is_ci() => {
            eprintln!("skipped the checks of the Python host: {problem}");
            return Ok(());
        }
        Err(problem) => return Err(problem),
    };
    run(tool(&tools, "ruff").args(["check", "."]))?;
    run(tool(&tools, "ruff").args(["format", "--check", "."]))?;
    run(&mut tool(&tools, "pyright"))?;
    for python in if oldest == newest { vec![oldest] } else { vec![oldest, newest] } {
        eprintln!("tests of the Python host with Python 3.{}:", python.minor);
        run(tool(&environment(python)?, "python").args(["-m", "pytest", "--quiet"]))?;
    }
    Ok(())
}

/// A program of an environment, started in the package's directory.
fn tool(environment: &Path, name: &str) -> Command {
    let mut command = Command::new(environment.join("bin").join(name));
    command.current_dir(root().join(PACKAGE));
    // Everything that tools keep goes to target/, and nothing into the package.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYRIGHT_PYTHON_CACHE_DIR", target().join("python-host/pyright"));
    command.env("PYRIGHT_PYTHON_IGNORE_WARNINGS", "1");
    command
}

/// The environment with the tools for this Python, which is made when it is missing or out of date.
fn environment(python: &Python) -> Result<PathBuf, String> {
    let environment = target().join(format!("python-host/3.{}", python.minor));
    let wanted = root().join(PACKAGE).join("requirements.txt");
    let installed = environment.join("requirements.txt");
    let read = |path: &Path| std::fs::read(path).ok();
    if read(&installed).is_some() && read(&installed) == read(&wanted) {
        return Ok(environment);
    }
    run(Command::new(&python.path).args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut install = tool(&environment, "pip");
    install.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
    run(&mut install)?;
    std::fs::copy(&wanted, &installed).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(environment)
}

/// The supported interpreters on PATH and of pyenv, one of each version, the oldest first.
fn pythons() -> Vec<Python> {
    let mut directories: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    if let Some(versions) = pyenv.and_then(|pyenv| std::fs::read_dir(pyenv.join("versions")).ok()) {
        directories.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let mut pythons = Vec::new();
    for directory in directories {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(version) = name.strip_prefix("python3.") else { continue };
            let Ok(minor) = version.parse() else { continue };
            pythons.push(Python { minor, path: entry.path() });
        }
    }
    // The first on PATH of each version that runs: pyenv puts scripts on PATH that refuse to.
    pythons.sort_by_key(|python| python.minor);
    pythons.retain(|python| python.minor >= OLDEST && python.runs());
    pythons.dedup_by_key(|python| python.minor);
    pythons
}

impl Python {
    fn runs(&self) -> bool {
        let mut command = Command::new(&self.path);
        command.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
