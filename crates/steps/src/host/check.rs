//! What Python files define, without running them: whether they parse, and their functions with their parameters; and
//! what they can call.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenroom_sandbox::process::{Input, Program, Watch, capture, find_program};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::FdFlags;
use serde_json::Value;

use super::python;
use super::step_file::StepFile;

/// How long checking all files may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What a set of files that are loaded together defines.
#[derive(Debug, Clone, Default)]
pub struct PythonSymbols {
    /// Files that do not parse: file, line and column from 1, and message.
    pub errors: Vec<(PathBuf, usize, usize, String)>,
    /// Warnings of Python: file, line from 1, and message.
    pub warnings: Vec<(PathBuf, usize, String)>,
    /// Functions in the order of their definition; the last one with a name counts.
    pub functions: Vec<Function>,
    /// Other names, and those that greenroom provides.
    pub names: Vec<String>,
    /// Names that certainly stand for texts or numbers, and where each is assigned.
    pub constants: Vec<(String, (PathBuf, usize))>,
    /// Whether there may be more names.
    pub more: bool,
}

/// A function at the top level of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its file, and its line from 1.
    pub place: (PathBuf, usize),
    /// The name of its first parameter, which gets the context, if it has one.
    pub context: Option<String>,
    /// The parameters after the context: name, and source of the default if any.
    pub parameters: Vec<(String, Option<String>)>,
    /// Whether it takes, or may take, captures for which it has no parameter.
    pub takes_any: bool,
    /// Whether a call runs nothing of it, because it contains `yield`.
    pub never_runs: bool,
}

impl Function {
    /// The first of these names that is a parameter without a default.
    pub fn wants<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let wanted = |name: &str| self.parameters.iter().any(|(known, default)| known == name && default.is_none());
        names.iter().copied().find(|name| !self.takes_any && wanted(name))
    }
}

/// What to do where this Python is not found.
pub fn help_for_missing(python: &str) -> String {
    match python {
        "python3" => "install Python, or set its path with `--python PATH`".to_owned(),
        _ => format!("`--python {python}` must be a program on PATH, or the path of one"),
    }
}

/// Why files could not be checked.
#[derive(Debug)]
pub enum PythonCheckError {
    /// The program was not found.
    NotFound,
    /// The program is not a usable Python: the reason.
    Python(String),
    /// This machine lacks something that any program needs.
    Here(io::Error),
}

impl From<io::Error> for PythonCheckError {
    fn from(error: io::Error) -> Self {
        Self::Here(error)
    }
}

/// Checks files with this Python.
///
/// # Errors
///
/// If there is no such Python, or it cannot check files on this machine.
pub fn files(python: &str, path: &OsStr, files: &[StepFile]) -> Result<PythonSymbols, PythonCheckError> {
    let names = files.iter().map(|file| file.path.clone().into_os_string());
    let arguments: Vec<OsString> = [OsString::from("--check")].into_iter().chain(names).collect();
    // Their content comes on standard input: what is checked is what will run.
    let contents: Vec<Option<&str>> = files.iter().map(|file| file.content_base64.as_deref()).collect();
    let contents = serde_json::to_value(contents).map_err(io::Error::from)?;
    Ok(known(&ask(python, path, arguments, &contents)?))
}

/// Functions that step files can call, under a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSection {
    /// The library that they belong to, or what else they have in common.
    pub title: String,
    /// Each with its parameters, and the first line of its documentation, which may be empty.
    pub functions: Vec<(String, String)>,
}

/// Returns the functions that Python step files can call.
///
/// # Errors
///
/// If there is no such Python, or it does not run on this machine.
pub fn provided_functions(python: &str, path: &OsStr) -> Result<Vec<FunctionSection>, PythonCheckError> {
    let told = ask(python, path, vec!["--functions".into()], &Value::Null)?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let sections = list(&told, "sections").into_iter().map(|section| FunctionSection {
        title: text(&section, "title"),
        functions: list(&section, "functions").iter().map(|one| (text(one, "signature"), text(one, "doc"))).collect(),
    });
    Ok(sections.collect())
}

/// Runs the program for Python, and returns the JSON that it prints.
fn ask(python: &str, path: &OsStr, arguments: Vec<OsString>, input: &Value) -> Result<Value, PythonCheckError> {
    let program = find_program(python.as_ref(), path, Path::new("/")).map_err(|_| PythonCheckError::NotFound)?;
    let code = python::program()?;
    // In memory, so that a check needs no directory for temporary files.
    let written = || Ok::<_, io::Error>(File::from(memfd_create("greenroom-check", MemfdFlags::CLOEXEC)?));
    let (output, errors) = (written()?, written()?);
    let mut argv: Vec<OsString> = vec![python.into(), "-c".into(), crate::interpreter::START.into()];
    argv.extend(arguments);
    let mut stdin = written()?;
    serde_json::to_writer(&mut stdin, input).map_err(io::Error::from)?;
    stdin.rewind()?;
    rustix::io::fcntl_setfd(code.as_fd(), FdFlags::empty()).map_err(io::Error::from)?;
    let started = Program {
        path: program,
        argv,
        directory: "/".into(),
        environment: vec![("GREENROOM_CODE".into(), Some(code.as_raw_fd().to_string().into()))],
        stdin: Input::File(stdin),
        stdout: output.try_clone()?,
        stderr: errors.try_clone()?,
    }
    .start();
    drop(code);
    let mut process = started.map_err(|error| match error {
        error if error.is_scarcity() => PythonCheckError::Here(error.source),
        error => PythonCheckError::Python(error.source.to_string()),
    })?;
    let ended =
        process.wait(&mut Watch::new(), "Python", LIMIT).map_err(|cut| PythonCheckError::Python(cut.to_string()))?;
    let text = capture::tail_of(&output, 64 << 20)?.bytes;
    // The last line: a `sitecustomize` may print something before.
    let line = text.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
    match serde_json::from_slice(line) {
        Ok(told) if ended.is_some_and(|ended| ended.status.success()) => Ok(told),
        _ => {
            let text = [text, capture::tail_of(&errors, 1 << 16)?.bytes].concat();
            let text = String::from_utf8_lossy(&text);
            Err(PythonCheckError::Python(text.lines().last().unwrap_or("it printed nothing").to_owned()))
        }
    }
}

fn known(told: &Value) -> PythonSymbols {
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is = |value: &Value, name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
    let number = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(1)
    };
    let mut known = PythonSymbols {
        names: list(told, "provided").iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        ..PythonSymbols::default()
    };
    for file in list(told, "files") {
        let path = PathBuf::from(text(&file, "file"));
        if let Some(error) = file.get("error").filter(|error| !error.is_null()) {
            known.errors.push((path.clone(), number(error, "line"), number(error, "column"), text(error, "message")));
            known.more = true;
        }
        for warning in list(&file, "warnings") {
            known.warnings.push((path.clone(), number(&warning, "line"), text(&warning, "message")));
        }
        known.more |= !list(&file, "star_imports").is_empty();
        for name in list(&file, "names") {
            known.names.push(text(&name, "name"));
            if is(&name, "is_constant") {
                known.constants.push((text(&name, "name"), (path.clone(), number(&name, "line"))));
            }
        }
        for function in list(&file, "functions") {
            let parameters = list(&function, "parameters");
            let open = is(&function, "takes_any_positional") || is(&function, "decorated");
            let first = parameters.first().filter(|first| text(first, "kind") != "keyword");
            // Without a parameter of its own, the context may go to `*args`.
            let context = first.map(|one| text(one, "name")).or_else(|| open.then(String::new));
            let default = |one: &Value| one.get("default").and_then(Value::as_str).map(str::to_owned);
            let parameters = parameters.iter().skip(usize::from(first.is_some()));
            let parameters = parameters.map(|one| (text(one, "name"), default(one)));
            known.functions.push(Function {
                name: text(&function, "name"),
                context,
                place: (path.clone(), number(&function, "line")),
                parameters: parameters.collect(),
                takes_any: is(&function, "takes_any_keyword") || is(&function, "decorated"),
                never_runs: is(&function, "never_runs"),
            });
        }
    }
    // A name that is assigned again may stand for anything.
    let is_bound_once = |name: &String| {
        let functions = known.functions.iter().map(|function| &function.name);
        known.names.iter().chain(functions).filter(|other| *other == name).count() == 1
    };
    let constants = std::mem::take(&mut known.constants);
    known.constants = constants.into_iter().filter(|(name, _)| is_bound_once(name)).collect();
    known
}
