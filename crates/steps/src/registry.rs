//! Step libraries, and the registry that holds them.
//!
//! A step is one row of a library: [`Library::step`] takes the name of its function, the function,
//! and its [`Check`]. The check has no default: a row without one does not compile.

use std::collections::HashMap;
use std::sync::Arc;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::look::Look;
use crate::step::{Captures, ScenarioEnd, StepResult};
use crate::values::Reading;

/// Runs a step or a cleanup.
pub type StepFunction = Box<dyn Fn(&mut Context, &Captures) -> StepResult + Send + Sync>;
/// Finds the problems of a step before any scenario starts. It also notes what the step changes.
pub type CheckFunction = fn(&Captures, &mut PreflightState) -> Vec<Problem>;
/// Finds the problems of a scenario after the checks of all its steps. Each has the number of its step.
pub type CheckEndFunction = fn(&PreflightState) -> Vec<(usize, Problem)>;
/// Runs when a scenario ends, passed or failed, after its cleanups.
pub type EndFunction = fn(&mut Context, &mut ScenarioEnd);

/// What can be checked of a step before any scenario starts.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Nothing. The step creates no files, runs no programs and does not change PATH.
    Nothing,
    /// Nothing, and the step may do anything, so checks of the steps after it assume that any file
    /// or program may be there.
    AnythingGoes,
    /// What this function checks.
    With(CheckFunction),
}

/// A step function or a cleanup, with its name and its check.
struct Row {
    name: String,
    function: StepFunction,
    check: Check,
    look: Option<Look>,
    /// The capture whose text it looks for.
    seeks: Option<&'static str>,
}

/// How steps read a capture, in another way than its name says.
struct DeclaredReading {
    /// The functions of these steps; none for all of the library.
    functions: Vec<String>,
    capture: String,
    reading: Reading,
}

/// Which documents have the steps of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// Those that list its bindings.
    Listed,
    /// Those that list a built-in library.
    WithBuiltin,
    /// Those of these paths.
    Of(Vec<String>),
    /// All.
    All,
}

/// Step functions by name, with the bindings that lead to them.
pub struct Library {
    name: String,
    bindings: String,
    /// Where the user wrote each line of the bindings, if they are generated.
    places: Vec<(String, u32)>,
    serves: Vec<String>,
    availability: Availability,
    /// Captures that its steps read in another way than their names say.
    readings: Vec<DeclaredReading>,
    rows: Vec<Row>,
    end: Option<EndFunction>,
    check_end: Option<CheckEndFunction>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("name", &self.name).field("steps", &self.rows.len()).finish_non_exhaustive()
    }
}

impl Library {
    /// Creates a library without steps.
    ///
    /// Documents bind it as `lib/NAME.yaml`. The text of that file is `bindings`; implementations
    /// in it are `native`.
    pub fn new(name: impl Into<String>, bindings: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bindings: bindings.into(),
            places: Vec::new(),
            serves: Vec::new(),
            availability: Availability::Listed,
            readings: Vec::new(),
            rows: Vec::new(),
            end: None,
            check_end: None,
        }
    }

    /// Adds a step function or a cleanup, with its check.
    #[must_use]
    pub fn step(
        mut self,
        name: &str,
        function: impl Fn(&mut Context, &Captures) -> StepResult + Send + Sync + 'static,
        check: Check,
    ) -> Self {
        self.rows.push(Row { name: name.to_owned(), function: Box::new(function), check, look: None, seeks: None });
        self
    }

    /// Says where the user wrote each line of the bindings: the file and the line in it.
    ///
    /// Messages name these places instead of the bindings file.
    #[must_use]
    pub fn written_at(mut self, places: Vec<(String, u32)>) -> Self {
        self.places = places;
        self
    }

    /// Declares what `then` steps look at, which were added before: how `within` and `for` repeat them.
    ///
    /// # Panics
    ///
    /// If the library has no function of one of these names.
    #[must_use]
    pub fn looks(mut self, look: Look, functions: &[&str]) -> Self {
        self.declare(functions, |row| row.look = Some(look));
        self
    }

    /// Declares that functions, which were added before, look for the text of a capture. Every text contains an
    /// empty one.
    ///
    /// # Panics
    ///
    /// If the library has no function of one of these names.
    #[must_use]
    pub fn seeks(mut self, capture: &'static str, functions: &[&str]) -> Self {
        self.declare(functions, |row| row.seeks = Some(capture));
        self
    }

    fn declare(&mut self, functions: &[&str], change: impl Fn(&mut Row)) {
        for name in functions {
            let row = self.rows.iter_mut().find(|row| row.name == *name);
            assert!(row.is_some(), "library {} has no function {name}", self.name);
            row.into_iter().for_each(&change);
        }
    }

    /// Adds an implementation file that documents may list, such as `lib/files.py`. This library
    /// does not need it.
    #[must_use]
    pub fn serves(mut self, file: &str) -> Self {
        self.serves.push(file.to_owned());
        self
    }

    /// Gives its steps to all documents that list a built-in library. Their own bindings come first.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.availability = Availability::WithBuiltin;
        self
    }

    /// Gives its steps to all documents. Their own bindings come first.
    #[must_use]
    pub fn in_all_documents(mut self) -> Self {
        self.availability = Availability::All;
        self
    }

    /// Gives its steps to the documents of these paths. Their own bindings come first.
    #[must_use]
    pub fn in_documents(mut self, paths: Vec<String>) -> Self {
        self.availability = Availability::Of(paths);
        self
    }

    /// Declares how these functions, or all if there are none, read the captures of a name, so that kept
    /// values are put into them accordingly.
    ///
    /// Without it, `args`, `argv`, `argv0`, `cmd` and `command` are parts of a command line, `regex`
    /// is a regular expression and `env` is JSON; others are text. Captures of the types `json` and
    /// `jsonpath` are what their types say.
    #[must_use]
    pub fn reads(mut self, functions: &[&str], capture: &str, reading: Reading) -> Self {
        let functions = functions.iter().map(|&name| name.to_owned()).collect();
        self.readings.push(DeclaredReading { functions, capture: capture.to_owned(), reading });
        self
    }

    /// Sets the function that runs when a scenario ends.
    #[must_use]
    pub fn at_end(mut self, end: EndFunction) -> Self {
        self.end = Some(end);
        self
    }

    /// Sets the function that finds problems after the checks of all steps of a scenario.
    #[must_use]
    pub fn at_check_end(mut self, check_end: CheckEndFunction) -> Self {
        self.check_end = Some(check_end);
        self
    }

    /// Returns the library's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text of the bindings file.
    pub fn bindings(&self) -> &str {
        &self.bindings
    }

    /// Returns where the user wrote each line of the bindings, if they are generated.
    pub fn places(&self) -> &[(String, u32)] {
        &self.places
    }

    /// Returns the names of all step functions, in the order in which they were added.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.name.as_str())
    }

    /// Returns the name under which documents bind it: `lib/daemon.yaml`.
    pub fn file(&self) -> String {
        format!("lib/{}.yaml", self.name)
    }

    /// Returns which documents have its steps.
    pub fn availability(&self) -> &Availability {
        &self.availability
    }

    /// Returns the implementation files that this library replaces.
    pub fn served(&self) -> &[String] {
        &self.serves
    }
}

/// All step libraries of a program.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    libraries: Vec<Arc<Library>>,
    /// The library and row of each function.
    functions: HashMap<String, (usize, usize)>,
}

impl Registry {
    /// Creates a registry without libraries.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a library. Its functions replace those of the same name in earlier libraries.
    #[must_use]
    pub fn with(mut self, library: Library) -> Self {
        let at = self.libraries.len();
        for (index, row) in library.rows.iter().enumerate() {
            self.functions.insert(row.name.clone(), (at, index));
        }
        self.libraries.push(Arc::new(library));
        self
    }

    /// Returns all libraries, in the order in which they were added.
    pub fn libraries(&self) -> impl Iterator<Item = &Library> {
        self.libraries.iter().map(|library| &**library)
    }

    fn row(&self, name: &str) -> Option<&Row> {
        let &(library, index) = self.functions.get(name)?;
        self.libraries.get(library)?.rows.get(index)
    }

    /// Returns the function of this name.
    pub fn function(&self, name: &str) -> Option<&StepFunction> {
        self.row(name).map(|row| &row.function)
    }

    /// Returns how a step reads a capture.
    pub fn reading(&self, function: &str, capture: &str) -> Reading {
        let library = self.functions.get(function).and_then(|&(library, _)| self.libraries.get(library));
        let is_it = |it: &&DeclaredReading| {
            it.capture == capture && (it.functions.is_empty() || it.functions.iter().any(|name| name == function))
        };
        let declared = library.and_then(|library| library.readings.iter().find(is_it));
        declared.map_or_else(|| Reading::of(capture), |declared| declared.reading)
    }

    /// Returns what a step looks at, if its library declares it.
    pub fn declared_look(&self, function: &str, captures: &Captures) -> Option<Look> {
        self.row(function).and_then(|row| row.look).map(|look| look.of(captures))
    }

    /// Returns what a step looks at.
    pub fn look(&self, function: &str, captures: &Captures) -> Look {
        self.declared_look(function, captures).unwrap_or_default()
    }

    /// Finds what keeps a step from being repeated, before any scenario starts. `waits`: until it holds, and not for as
    /// long as it does.
    pub fn check_look(
        &self,
        waits: bool,
        function: &str,
        captures: &Captures,
        state: &PreflightState,
    ) -> Option<Problem> {
        match self.look(function, captures) {
            Look::Absence(stays) if waits => {
                let message = format!("waiting cannot make this true: {}", stays(captures));
                let warning = Problem { capture: None, ..Problem::warning("", ProblemKind::NeverChanges, message) };
                Some(warning.help("to check for a while that it does not come, write `for` instead of `within`"))
            }
            Look::Fixed(explain) => Some(explain(captures, state)),
            Look::Fetched(fetched) => (fetched.check)(captures, state),
            _ => None,
        }
    }

    /// Checks a step before any scenario starts. A function that no library has may do anything.
    pub fn check(&self, function: &str, captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
        let mut problems = match self.row(function).map_or(Check::AnythingGoes, |row| row.check) {
            Check::Nothing => Vec::new(),
            Check::AnythingGoes => {
                state.anything_goes = true;
                Vec::new()
            }
            Check::With(check) => check(captures, state),
        };
        problems.extend(self.seeks_nothing(function, captures).filter(|_| problems.is_empty()).map(|capture| {
            Problem::warning(capture, ProblemKind::EmptyPattern, "this text is empty, and every text contains it")
                .help("write what must be there, or leave the step out")
        }));
        problems
    }

    /// Returns the capture of a step that looks for its text, if that is empty.
    pub fn seeks_nothing(&self, function: &str, captures: &Captures) -> Option<&'static str> {
        let capture = self.row(function)?.seeks?;
        captures.get(capture).is_some_and(str::is_empty).then_some(capture)
    }

    /// Checks a scenario as a whole, after all of its steps. Each problem has the number of its step.
    pub fn check_end(&self, state: &PreflightState) -> Vec<(usize, Problem)> {
        self.libraries.iter().filter_map(|library| library.check_end).flat_map(|check_end| check_end(state)).collect()
    }

    /// Ends a scenario: calls the end function of every library, the latest first.
    pub fn end(&self, context: &mut Context, end: &mut ScenarioEnd) {
        for library_end in self.libraries.iter().rev().filter_map(|library| library.end) {
            library_end(context, end);
        }
    }
}
