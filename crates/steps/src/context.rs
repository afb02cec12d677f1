//! The context of a scenario: its directory, environment, files, kept values, and the state of
//! libraries.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use greenroom_sandbox::process::Watch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::{DAEMON_OUTPUT, Evidence};
use crate::step::{Captures, Failure, Output, StepResult};
use crate::values::{Reading, Values};

/// Where programs are looked for if PATH is not set.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A file embedded in the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddedFile {
    /// Its name as the document writes it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// The context of one scenario, which its step functions get.
#[derive(Debug)]
pub struct Context {
    directory: PathBuf,
    working_directory: PathBuf,
    source_directory: PathBuf,
    files: Rc<[EmbeddedFile]>,
    environment: Environment,
    values: Values,
    states: HashMap<TypeId, Box<dyn Any>>,
    /// The states that step functions of the user's own have as parameters and whose end runs code, in the order of
    /// their first use, with the names of their types.
    kept: Vec<(TypeId, &'static str)>,
    watch: Watch,
    /// The number of the present step, from 1.
    step: u64,
    evidence: Evidence,
    /// What the present step wrote, besides its command.
    written: Vec<Output>,
    /// The command line of the latest command.
    command: Option<String>,
    /// Whether the present step is repeated until it holds.
    is_repeated: bool,
}

impl Context {
    /// Creates the context of a new scenario.
    ///
    /// `directory` is its data directory, which is also its first working directory.
    /// `source_directory` is where greenroom was started.
    pub fn new(directory: PathBuf, source_directory: PathBuf, files: Rc<[EmbeddedFile]>, watch: Watch) -> Self {
        Self {
            working_directory: directory.clone(),
            directory,
            source_directory,
            files,
            environment: Environment::default(),
            values: Values::default(),
            states: HashMap::new(),
            kept: Vec::new(),
            watch,
            step: 0,
            evidence: Evidence::default(),
            written: Vec::new(),
            command: None,
            is_repeated: false,
        }
    }

    /// Returns the scenario's data directory, which is empty at first. It is HOME and TMPDIR of all
    /// that the scenario starts.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the working directory. It is the data directory, unless a step changed to another
    /// one.
    ///
    /// # Errors
    ///
    /// If a step changed to another directory, and it no longer exists.
    pub fn working_directory(&self) -> Result<&Path, Failure> {
        if self.working_directory == self.directory || self.working_directory.is_dir() {
            return Ok(&self.working_directory);
        }
        Err(Failure::new(format!("{} no longer exists", self.here())).note("an earlier step changed to it"))
    }

    /// Changes the working directory of later steps. HOME and TMPDIR stay the same.
    pub fn enter(&mut self, directory: &Path) {
        let is_plain =
            directory.components().all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
        if directory == self.working_directory || !is_plain || !directory.is_absolute() {
            return;
        }
        // The system reports directories with symbolic links resolved.
        let below = directory.strip_prefix(&self.directory).map(Path::to_owned).ok().or_else(|| {
            let real = self.directory.canonicalize().ok()?;
            directory.strip_prefix(real).map(Path::to_owned).ok()
        });
        self.working_directory = match below {
            Some(below) if below.as_os_str().is_empty() => self.directory.clone(),
            Some(below) => self.directory.join(below),
            None => directory.to_owned(),
        };
    }

    /// Returns the working directory as messages name it.
    pub(crate) fn here(&self) -> String {
        if self.working_directory == self.directory {
            return "the scenario's directory".to_owned();
        }
        let shown = self.working_directory.strip_prefix(&self.directory).unwrap_or(&self.working_directory);
        format!("the working directory {}", shown.display())
    }

    /// Returns a directory for files that the scenario's steps must not see. It is beside the data
    /// directory.
    pub fn backstage(&self) -> &Path {
        self.directory.parent().unwrap_or(&self.directory)
    }

    /// Returns the directory in which greenroom was started (srcdir).
    pub fn source_directory(&self) -> &Path {
        &self.source_directory
    }

    /// Returns a path inside the working directory.
    ///
    /// # Errors
    ///
    /// If the path is absolute, or leaves the directory by `..`.
    pub fn inside(&self, path: &str) -> Result<PathBuf, Failure> {
        if let Some(below) = self.below(path) {
            return Ok(self.directory.join(below));
        }
        if leaves(path) {
            return Err(Failure::new(format!("{path} is outside of the scenario's directory"))
                .help("write a path inside the scenario's directory, without a leading `/` or `..`"));
        }
        Ok(self.working_directory.join(path))
    }

    /// Returns what follows the data directory in an absolute path, such as `${DATADIR}/x`.
    pub(crate) fn below<'a>(&self, path: &'a str) -> Option<&'a Path> {
        let below = Path::new(path).strip_prefix(&self.directory).ok()?;
        below.to_str().is_some_and(|below| !leaves(below)).then_some(below)
    }

    /// Returns the embedded file of this name. Letter case does not matter.
    ///
    /// # Errors
    ///
    /// If the document has no embedded file of this name.
    pub fn embedded_file(&self, name: &str) -> Result<&EmbeddedFile, Failure> {
        let lower = name.to_lowercase();
        self.files
            .iter()
            .find(|file| file.name == name || file.name.to_lowercase() == lower)
            .ok_or_else(|| Failure::new(format!("the document has no embedded file {name}")))
    }

    /// Returns all embedded files of the document.
    pub(crate) fn embedded_files(&self) -> &[EmbeddedFile] {
        &self.files
    }

    /// Returns the environment of the processes that the scenario starts.
    pub fn environment(&mut self) -> &mut Environment {
        &mut self.environment
    }

    /// Returns the state of a library in this scenario, by its type. Creates it by `Default` at
    /// first.
    #[track_caller]
    pub fn state<T: Default + 'static>(&mut self) -> &mut T {
        self.state_and_watch().0
    }

    /// Takes a state out of the scenario for a step function that has it as a parameter, until it is
    /// returned.
    ///
    /// # Errors
    ///
    /// If another function of the same step has it.
    pub(crate) fn lend<T: Default + 'static>(&mut self) -> Result<Box<T>, Failure> {
        let lent = self.states.insert(TypeId::of::<T>(), Box::new(Lent));
        match lent.map(<Box<dyn Any>>::downcast::<T>) {
            None => {
                if std::mem::needs_drop::<T>() {
                    self.kept.push((TypeId::of::<T>(), std::any::type_name::<T>()));
                }
                Ok(Box::default())
            }
            Some(Ok(state)) => Ok(state),
            Some(Err(_)) => Err(Failure::new(lent_message::<T>())),
        }
    }

    /// Takes a state back.
    pub(crate) fn take_back<T: 'static>(&mut self, state: Box<T>) {
        self.states.insert(TypeId::of::<T>(), state);
    }

    /// Takes the last of the states out of the scenario that step functions have as parameters, with the name of
    /// its type.
    pub(crate) fn take_kept(&mut self) -> Option<(Box<dyn Any>, &'static str)> {
        let (id, name) = self.kept.pop()?;
        Some((self.states.remove(&id)?, name))
    }

    /// Takes the state of a library, and leaves the default.
    pub fn take_state<T: Default + 'static>(&mut self) -> T {
        std::mem::take(self.state())
    }

    /// Keeps a value under a name: later steps write it as `${name}`.
    pub fn keep(&mut self, name: &str, value: impl Into<String>) {
        self.keep_data(name, Value::String(value.into()));
    }

    /// Keeps a value that has a type, which counts where a step writes JSON.
    pub fn keep_data(&mut self, name: &str, value: Value) {
        self.values.keep(name, value, self.step);
    }

    /// Keeps a value under a name that no other value has.
    ///
    /// # Errors
    ///
    /// If another step keeps a value under this name.
    pub(crate) fn keep_new(&mut self, name: &str, value: Value) -> StepResult {
        if let Some(kept) = self.values.get(name) {
            let by = match kept.step {
                0 => "it is predefined".to_owned(),
                step => format!("step {step} of the scenario keeps it"),
            };
            let error = Failure::new(format!("a value is already kept as {name}")).note(by);
            return Err(error.help("keep this one under another name"));
        }
        self.keep_data(name, value);
        Ok(())
    }

    /// Returns the value kept under a name.
    pub fn kept(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|kept| kept.text.as_str())
    }

    /// Returns the value kept under a name, with its type.
    pub fn kept_data(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|kept| &kept.value)
    }

    /// Returns the names of all kept values.
    pub(crate) fn kept_names(&self) -> Vec<String> {
        self.values.names().map(str::to_owned).collect()
    }

    /// Replaces every `${name}` of a kept value; `None` if there is nothing to replace.
    ///
    /// Other names stay as they are, because they may be for a shell.
    pub fn expand(&self, text: &str) -> Option<String> {
        self.values.expand(text, Reading::Text, &mut None)
    }

    /// Replaces every `${name}` of a kept value in the captures of a step, in the form that the step
    /// reads.
    pub fn expand_captures(&self, captures: &mut Captures, reading: impl Fn(&str) -> Reading) {
        if !captures.iter().any(|(_, text)| text.contains("${")) {
            return;
        }
        // Quotes of a command line may begin in one capture and end in the next.
        let mut quote = None;
        captures.map(|name, text| match reading(name) {
            Reading::CommandLine => self.values.expand(text, Reading::CommandLine, &mut quote),
            other => self.values.expand(text, other, &mut None),
        });
    }

    /// Sets how much is recorded, before anything is started.
    pub fn record(&mut self, evidence: Evidence) {
        self.evidence = evidence;
        if evidence == Evidence::Full {
            self.watch.record_growth(DAEMON_OUTPUT);
        }
    }

    /// Returns how much is recorded.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Notes that the next step begins.
    pub fn begin_step(&mut self) {
        self.step += 1;
        self.written.clear();
    }

    /// Notes that a command runs.
    pub(crate) fn note_command(&mut self, line: &str) {
        self.command = Some(line.to_owned());
    }

    /// Returns the command line of the latest command.
    pub(crate) fn latest_command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// Adds to what the present step wrote.
    pub(crate) fn note_written(&mut self, output: Output) {
        self.written.push(output);
    }

    /// Notes whether the present step is repeated until it holds.
    pub(crate) fn repeats(&mut self, is_repeated: bool) {
        self.is_repeated = is_repeated;
    }

    /// Returns whether the present step is repeated until it holds: a look needs no patience then.
    pub(crate) fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// Forgets what the present step wrote, before it is repeated.
    pub(crate) fn forget_written(&mut self) {
        self.written.clear();
    }

    /// Takes what the functions of the present step wrote.
    pub fn take_written(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.written)
    }

    /// Returns the number of the present step, from 1.
    pub(crate) fn step_number(&self) -> u64 {
        self.step
    }

    /// Returns the watch that all waiting goes through.
    pub fn watch(&mut self) -> &mut Watch {
        &mut self.watch
    }

    /// Returns the state of a library and the watch at the same time.
    ///
    /// # Panics
    ///
    /// If a step function has the state as a parameter, and asks for it once more.
    #[track_caller]
    pub fn state_and_watch<T: Default + 'static>(&mut self) -> (&mut T, &mut Watch) {
        let state = self.states.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        #[expect(clippy::panic, reason = "the mistake of a step function, which becomes its failure")]
        let Some(state) = state.downcast_mut() else { panic!("{}", lent_message::<T>()) };
        (state, &mut self.watch)
    }
}

/// In place of a state that a step function has.
struct Lent;

fn lent_message<T>() -> String {
    format!("{} is a parameter of the step function that runs: use the parameter", std::any::type_name::<T>())
}

/// Returns whether a path leaves its directory, because it is absolute or by `..`.
pub(crate) fn leaves(path: &str) -> bool {
    let mut depth = 0usize;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

/// Changes to the environment that processes of the scenario inherit. They last until the scenario
/// ends.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    changes: BTreeMap<OsString, Option<OsString>>,
    path_prefix: Vec<PathBuf>,
    /// Names of variables that the user set for all scenarios.
    of_user: Vec<OsString>,
}

/// The variables that processes have in a clean environment too.
const BASIC: [&str; 4] = ["PATH", "HOME", "TMPDIR", "SHELL"];

impl Environment {
    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.changes.insert(name.into(), Some(value.into()));
    }

    /// Notes the names of variables that the user set for all scenarios.
    pub fn note_of_user(&mut self, names: impl IntoIterator<Item = OsString>) {
        self.of_user = names.into_iter().collect();
    }

    /// Returns changes for a program that inherits only basic variables and those of the user.
    pub(crate) fn without_inherited(&self) -> Vec<(OsString, Option<OsString>)> {
        let stays = |name: &OsString| BASIC.iter().any(|basic| name == basic) || self.of_user.contains(name);
        let inherited = std::env::vars_os().map(|(name, _)| name).filter(|name| !stays(name));
        inherited.map(|name| (name, None)).collect()
    }

    /// Unsets a variable.
    pub fn unset(&mut self, name: impl Into<OsString>) {
        self.changes.insert(name.into(), None);
    }

    /// Puts a directory in front of PATH, after those that are already there.
    pub fn prepend_to_path(&mut self, directory: impl Into<PathBuf>) {
        let directory = directory.into();
        if !self.path_prefix.contains(&directory) {
            self.path_prefix.push(directory);
        }
    }

    /// Sets the directories in front of PATH.
    pub fn set_path_prefix(&mut self, directories: Vec<PathBuf>) {
        self.path_prefix = directories;
    }

    /// Returns the directories in front of PATH.
    pub fn path_prefix(&self) -> &[PathBuf] {
        &self.path_prefix
    }

    /// Returns the value of a variable as a process will see it.
    pub fn get(&self, name: &OsStr) -> Option<OsString> {
        if name == "PATH" {
            return Some(self.path());
        }
        self.base(name)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a stage's worker is its own process, whose environment is the scenario's"
    )]
    fn base(&self, name: &OsStr) -> Option<OsString> {
        self.changes.get(name).map_or_else(|| std::env::var_os(name), Clone::clone)
    }

    /// Returns PATH with the directories in front of it.
    pub fn path(&self) -> OsString {
        let base = self.base(OsStr::new("PATH")).unwrap_or_else(|| DEFAULT_PATH.into());
        let entries = self.path_prefix.iter().cloned().chain(std::env::split_paths(&base));
        std::env::join_paths(entries).unwrap_or(base)
    }

    /// Returns what steps set and unset.
    pub(crate) fn set_by_steps(&self) -> Vec<(OsString, Option<OsString>)> {
        let mut changes: Vec<_> = self.changes.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if !self.path_prefix.is_empty() {
            changes.push(("PATH".into(), Some(self.path())));
        }
        changes
    }

    /// Returns all changes, as a program's environment takes them.
    pub fn changes(&self) -> Vec<(OsString, Option<OsString>)> {
        let mut changes = self.set_by_steps();
        // A worker has these only if the user set them for the scenario; programs get their own otherwise.
        for name in ["PWD", "OLDPWD"].map(OsStr::new).into_iter().filter(|name| !self.changes.contains_key(*name)) {
            changes.extend(self.base(name).map(|value| (name.to_owned(), Some(value))));
        }
        changes
    }
}
