//! The order of a step that starts a daemon: name, command line, directory, environment and port.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use super::limit::{self, limit_of};
use super::options::Options;
use super::port::port_of;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::{Context, leaves};
use crate::library::command::{self, QUOTING_HELP};
use crate::library::environment;
use crate::library::invocation::Invocation;
use crate::library::literal::taken_literally;
use crate::library::user;
use crate::step::{Captures, Failure, names_value};

/// What a step starts.
#[derive(Debug, Clone)]
pub(super) struct StartOrder {
    pub(super) name: String,
    /// The command line as the document writes it.
    pub(super) line: String,
    pub(super) words: Vec<String>,
    /// The scenario's working directory when the step ran, for the output files.
    pub(super) outputs: PathBuf,
    /// Where it runs.
    pub(super) directory: PathBuf,
    /// The scenario's environment when the step ran, and the step's own variables.
    pub(super) environment: Vec<(OsString, Option<OsString>)>,
    /// PATH of the step's own variables.
    pub(super) own_path: Option<OsString>,
    pub(super) port: Option<u16>,
    /// How long it may take to listen on its port.
    pub(super) limit: Duration,
    pub(super) options: Options,
}

impl StartOrder {
    /// Reads the captures of a step. `options` are those of the daemon.
    pub(super) fn from_captures(context: &mut Context, captures: &Captures, options: Options) -> Result<Self, Failure> {
        let name = captures.text("name")?.to_owned();
        if let Err(problem) = check_name(&name) {
            return Err(Failure::new(problem).help(NAME_HELP));
        }
        let line = command_line(captures)?;
        let words = split(&line).map_err(Failure::new)?;
        let own = environment::of(captures)?;
        // What the scenario and the step set comes later, and wins.
        let mut environment = match options.account() {
            Some(account) => user::environment(context, account)?,
            None => Vec::new(),
        };
        environment.extend(context.environment().changes());
        let own_path = own.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.into());
        environment.extend(own.into_iter().map(|(name, value)| (name.into(), Some(value.into()))));
        let port = captures.get("port").map(|_| port_of(captures)).transpose()?;
        let outputs = context.working_directory()?.to_owned();
        let directory = match &options.directory {
            Some(directory) => outputs.join(directory),
            None => outputs.clone(),
        };
        if let Some(shown) = options.directory.as_ref().filter(|_| !directory.is_dir()) {
            let here = context.here();
            return Err(Failure::new(format!(
                "directory {shown}, where daemon {name} should run, does not exist in {here}"
            ))
            .help(format!("write `given a directory {shown}` before this step")));
        }
        let limit = limit_of(captures)?;
        Ok(Self { name, line, words, outputs, directory, environment, own_path, port, limit, options })
    }
}

impl StartOrder {
    /// Returns where its program is looked for, if the scenario has this PATH.
    pub(super) fn search_path(&self, path: &OsStr) -> OsString {
        search_path(&self.own_path.as_ref().map_or_else(|| path.to_owned(), |own| before(own, path)))
    }

    /// Returns its command line, with where its programs are found. `path` is that of the scenario.
    pub(super) fn invocation(&self, path: &OsStr) -> Invocation {
        Invocation {
            words: self.words.clone(),
            path: self.search_path(path),
            directory: self.directory.clone(),
            daemon: Some(self.name.clone()),
            user: self.options.restrictions.user.clone(),
        }
    }
}

/// Returns PATH with that of the step's own variables in front of it, where its program is looked for first.
pub(super) fn path_of(captures: &Captures, path: &OsStr) -> OsString {
    let own = environment::known(captures)
        .into_iter()
        .rev()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| OsString::from(value));
    own.map_or_else(|| path.to_owned(), |own| before(&own, path))
}

/// Puts the entries of one PATH before those of another.
pub(super) fn before(first: &OsStr, then: &OsStr) -> OsString {
    let entries = std::env::split_paths(first).chain(std::env::split_paths(then));
    std::env::join_paths(entries).unwrap_or_else(|_| then.to_owned())
}

/// Returns PATH with the directories where daemons are installed.
pub(super) fn search_path(path: &OsStr) -> OsString {
    let mut longer = path.to_owned();
    longer.push(":/usr/sbin:/sbin");
    longer
}

/// Checks everything of an order except the port and whether its program exists. Notes its name.
pub(super) fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(name) = captures.get("name") {
        state.starts_daemon(name);
        problems.extend(absent_paths(name, state));
    }
    problems.extend(limit::check(captures, state));
    if let Some(Err(problem)) = captures.get("name").map(check_name) {
        problems.push(Problem::new("name", ProblemKind::InvalidDaemonName, problem).help(NAME_HELP));
    }
    if let Some(Err(problem)) = command_line(captures).ok().map(|line| split(&line)) {
        let capture = if captures.get("args").is_some_and(|args| !args.is_empty()) { "args" } else { "path" };
        problems.push(Problem::new(capture, ProblemKind::InvalidCommand, problem).help(QUOTING_HELP));
    }
    if let (Ok(line), Some(name)) = (command_line(captures), captures.get("name")) {
        problems.extend(split(&line).ok().and_then(|words| user::switches(&words, name)));
        let program = captures.get("path").unwrap_or_default();
        problems
            .extend(taken_literally(["path", "args"], program.len(), &line, state).filter(|_| split(&line).is_ok()));
    }
    problems.extend(environment::check(captures, state));
    problems
}

/// Finds files and directories of a daemon's options that no step before its start can create.
fn absent_paths(name: &str, state: &PreflightState) -> Vec<Problem> {
    let options = state.daemon_options.iter().filter(|option| option.daemon == name);
    let paths = options.filter_map(|option| option.path.as_deref());
    let absent = paths.filter(|path| !names_value(path) && !leaves(path) && !state.may_exist(path));
    let problem = |path: &str| {
        let message = format!("{path}, which daemon {name} needs, does not exist: no earlier step can create it");
        Problem::new("name", ProblemKind::NeverCreated, message)
    };
    absent.map(problem).collect()
}

const NAME_HELP: &str = "output files have the name of their daemon: use letters, digits, `-`, `_` and `.`";

/// Checks that a name can be a part of a file name.
fn check_name(name: &str) -> Result<(), String> {
    let is_invalid = name.is_empty() || name.len() > 200 || name.starts_with('.') || name.contains(['/', '\0', '\n']);
    if is_invalid { Err(format!("`{}` is not a valid daemon name", name.escape_debug())) } else { Ok(()) }
}

/// Joins the command line of a step, whose first word and rest are two captures.
pub(super) fn command_line(captures: &Captures) -> Result<String, Failure> {
    Ok(format!("{}{}", captures.text("path")?, captures.get("args").unwrap_or_default()))
}

/// Splits a command line into words as a shell does.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    match command::split(line) {
        Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
        Ok(_) => Err("the command line has no program".to_owned()),
        Err(unfinished) => Err(format!("{unfinished} in {line}")),
    }
}
