//! Which step functions there are.

use std::collections::HashMap;

use crate::check::{Outlook, Problem};
use crate::context::Context;
use crate::step::{Captures, Ending, StepResult};

/// Carries out a step or a cleanup.
pub type StepFunction = Box<dyn Fn(&mut Context, &Captures) -> StepResult + Send + Sync>;
/// Looks at a step before anything runs.
pub type CheckFunction = fn(&Captures, &mut Outlook) -> Vec<Problem>;
/// Runs when a scenario ends, however it ended, after its cleanups.
pub type EndFunction = fn(&mut Context, &mut Ending);

/// Step functions under their names, with the bindings that lead to them.
pub struct Library {
    name: String,
    bindings: String,
    serves: Vec<String>,
    functions: Vec<(String, StepFunction)>,
    checks: Vec<(String, CheckFunction)>,
    end: Option<EndFunction>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("name", &self.name)
            .field("functions", &self.functions.len())
            .finish_non_exhaustive()
    }
}

impl Library {
    /// A library without functions. Documents bind it as `lib/NAME.yaml`, whose text is `bindings`;
    /// implementations there are under `native`.
    pub fn new(name: impl Into<String>, bindings: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bindings: bindings.into(),
            serves: Vec::new(),
            functions: Vec::new(),
            checks: Vec::new(),
            end: None,
        }
    }

    /// Adds a step function or a cleanup.
    #[must_use]
    pub fn step(
        mut self,
        name: &str,
        function: impl Fn(&mut Context, &Captures) -> StepResult + Send + Sync + 'static,
    ) -> Self {
        self.functions.push((name.to_owned(), Box::new(function)));
        self
    }

    /// Adds a look at the steps of one function before anything runs.
    #[must_use]
    pub fn check(mut self, function: &str, check: CheckFunction) -> Self {
        self.checks.push((function.to_owned(), check));
        self
    }

    /// Names an implementation file (`lib/files.py`) that documents may list although this library needs none.
    #[must_use]
    pub fn serves(mut self, file: &str) -> Self {
        self.serves.push(file.to_owned());
        self
    }

    /// Sets what runs when a scenario ends.
    #[must_use]
    pub fn at_end(mut self, end: EndFunction) -> Self {
        self.end = Some(end);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of its bindings file.
    pub fn bindings(&self) -> &str {
        &self.bindings
    }

    /// The implementation files it stands for.
    pub fn served(&self) -> &[String] {
        &self.serves
    }
}

/// All libraries of a runner.
#[derive(Debug, Default)]
pub struct Registry {
    libraries: Vec<Library>,
    /// Where each function is: library, index. A name that is registered twice belongs to the later library.
    functions: HashMap<String, (usize, usize)>,
    checks: HashMap<String, CheckFunction>,
}

impl Registry {
    /// No libraries.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The libraries that come with greenroom: daemon, files, runcmd, datadir.
    pub fn builtin() -> Self {
        let mut registry = Self::empty();
        for library in crate::library::all() {
            registry = registry.with(library);
        }
        registry
    }

    /// Adds a library. Of two functions of one name the later one counts.
    #[must_use]
    pub fn with(mut self, library: Library) -> Self {
        let at = self.libraries.len();
        for (index, (name, _)) in library.functions.iter().enumerate() {
            self.functions.insert(name.clone(), (at, index));
        }
        self.checks.extend(library.checks.iter().cloned());
        self.libraries.push(library);
        self
    }

    /// All libraries.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// A function by its name.
    pub fn function(&self, name: &str) -> Option<&StepFunction> {
        let &(library, index) = self.functions.get(name)?;
        self.libraries.get(library)?.functions.get(index).map(|(_, function)| function)
    }

    /// Looks at a step before anything runs. A function without a check may do anything.
    pub fn check(&self, function: &str, captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
        if let Some(check) = self.checks.get(function) {
            check(captures, outlook)
        } else {
            outlook.anything_goes = true;
            Vec::new()
        }
    }

    /// Ends a scenario: every library's end function, latest library first.
    pub fn end(&self, context: &mut Context, ending: &mut Ending) {
        for end in self.libraries.iter().rev().filter_map(|library| library.end) {
            end(context, ending);
        }
    }
}
