//! Scenarios: their contexts, their steps, and the loop that runs them.
//!
//! A step adds contexts to its scenario, and the scenario calls its steps, so both are here.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::context::Values;
use crate::escapes;
use crate::failure::{self, Failure};
use crate::types::{StepError, StepResult};

/// What steps of a scenario share, and what happens to it at the ends of steps and of the scenario.
///
/// A scenario has one value of each type that its steps name, made by [`Default`]. All functions do nothing unless
/// a type has its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a context",
    label = "a step function uses it as its context",
    note = "write `impl ContextElement for {Self} {{}}`, and `#[derive(Debug, Default)]` above the type"
)]
pub trait ContextElement: Debug + Default + Send + 'static {
    /// Follows the creation of the value, when a step that uses it is added to a scenario.
    ///
    /// Here it may add other contexts that it needs.
    #[allow(unused_variables, reason = "the name is for types that have their own")]
    fn created(&mut self, scenario: &Scenario) {}

    /// Precedes the first step.
    ///
    /// # Errors
    /// If the scenario cannot run. Contexts that have started are stopped.
    fn scenario_starts(&mut self) -> StepResult {
        Ok(())
    }

    /// Follows the last cleanup, whether or not a step failed.
    ///
    /// # Errors
    /// If the scenario fails, unless it already has.
    fn scenario_stops(&mut self) -> StepResult {
        Ok(())
    }

    /// Precedes a step.
    ///
    /// # Errors
    /// If the step cannot run.
    #[allow(unused_variables, reason = "the name is for types that have their own")]
    fn step_starts(&mut self, step_title: &str) -> StepResult {
        Ok(())
    }

    /// Follows a step that completed.
    ///
    /// # Errors
    /// If the step fails after all.
    fn step_stops(&mut self) -> StepResult {
        Ok(())
    }
}

/// The functions of a [`ContextElement`], called with the one of a scenario.
trait Hooks {
    fn scenario_starts(&self, contexts: &ScenarioContext) -> StepResult;
    fn scenario_stops(&self, contexts: &ScenarioContext) -> StepResult;
    fn step_starts(&self, contexts: &ScenarioContext, step_title: &str) -> StepResult;
    fn step_stops(&self, contexts: &ScenarioContext) -> StepResult;
    fn show(&self, contexts: &ScenarioContext, list: &mut fmt::DebugList<'_, '_>);
    /// Returns the type of the context, with its module.
    fn context(&self) -> &'static str;
}

struct HooksOf<C>(PhantomData<C>);

impl<C: ContextElement> Hooks for HooksOf<C> {
    fn scenario_starts(&self, contexts: &ScenarioContext) -> StepResult {
        contexts.with_mut(C::scenario_starts, false)
    }

    fn scenario_stops(&self, contexts: &ScenarioContext) -> StepResult {
        contexts.with_mut(C::scenario_stops, true)
    }

    fn step_starts(&self, contexts: &ScenarioContext, step_title: &str) -> StepResult {
        contexts.with_mut(|context: &mut C| context.step_starts(step_title), false)
    }

    fn step_stops(&self, contexts: &ScenarioContext) -> StepResult {
        contexts.with_mut(C::step_stops, true)
    }

    fn show(&self, contexts: &ScenarioContext, list: &mut fmt::DebugList<'_, '_>) {
        let shown = contexts.with(
            |context: &C| {
                list.entry(context);
                Ok(())
            },
            true,
        );
        if shown.is_err() {
            list.entry(&format_args!("{} (in use)", self.context()));
        }
    }

    fn context(&self) -> &'static str {
        std::any::type_name::<C>()
    }
}

/// All contexts of a scenario.
pub struct ScenarioContext {
    title: String,
    location: &'static str,
    values: Values,
    hooks: RefCell<Vec<Box<dyn Hooks>>>,
}

#[expect(clippy::missing_fields_in_debug, reason = "the functions of the contexts show the values")]
impl Debug for ScenarioContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Contexts<'a>(&'a ScenarioContext);
        impl Debug for Contexts<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut list = f.debug_list();
                for hooks in self.0.hooks.borrow().iter() {
                    hooks.show(self.0, &mut list);
                }
                list.finish()
            }
        }
        f.debug_struct("ScenarioContext")
            .field("title", &self.title)
            .field("location", &self.location)
            .field("contexts", &Contexts(self))
            .finish()
    }
}

impl ScenarioContext {
    /// Calls a function with a context.
    ///
    /// # Errors
    /// If the function returns one; if no step of the scenario names this context; if it is in use; or if a step
    /// panicked while it used it and `defuse_poison` is false.
    pub fn with<C, F, R>(&self, func: F, defuse_poison: bool) -> Result<R, StepError>
    where
        F: FnOnce(&C) -> Result<R, StepError>,
        C: ContextElement,
    {
        self.values.with(|context: &mut C| func(context), defuse_poison)
    }

    /// Calls a function with a context that it may change.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn with_mut<C, F, R>(&self, func: F, defuse_poison: bool) -> Result<R, StepError>
    where
        F: FnOnce(&mut C) -> Result<R, StepError>,
        C: ContextElement,
    {
        self.values.with(func, defuse_poison)
    }

    /// Calls the function of this name of contexts, backwards from the first `count`. Returns the first error.
    fn backwards(&self, count: usize, name: &str, call: impl Fn(&dyn Hooks) -> StepResult) -> StepResult {
        let mut result = Ok(());
        for hooks in self.hooks.borrow()[..count].iter().rev() {
            let ended = called(name, &**hooks, &call);
            result = result.and(ended);
        }
        result
    }

    /// Calls the function of this name of contexts until one fails. Returns how many did not.
    fn forwards(&self, name: &str, call: impl Fn(&dyn Hooks) -> StepResult) -> (usize, StepResult) {
        for (at, hooks) in self.hooks.borrow().iter().enumerate() {
            let started = called(name, &**hooks, &call);
            if started.is_err() {
                return (at, started);
            }
        }
        (self.hooks.borrow().len(), Ok(()))
    }
}

/// A scenario: steps with their cleanups.
#[derive(Debug)]
pub struct Scenario {
    contexts: ScenarioContext,
    steps: Vec<(ScenarioStep, Option<ScenarioStep>)>,
}

impl Scenario {
    /// Creates a scenario without steps.
    pub fn new(title: &str, location: &'static str) -> Self {
        let contexts =
            ScenarioContext { title: title.to_owned(), location, values: Values::default(), hooks: RefCell::default() };
        Self { contexts, steps: Vec::new() }
    }

    /// Returns its title.
    pub fn title(&self) -> &str {
        &self.contexts.title
    }

    /// Adds a step, and the contexts that it and its cleanup use.
    pub fn add_step(&mut self, mut step: ScenarioStep, mut cleanup: Option<ScenarioStep>) {
        let number = self.steps.len() + 1;
        step.register_contexts(self);
        step.number_if_none(number);
        if let Some(cleanup) = &mut cleanup {
            cleanup.register_contexts(self);
            cleanup.number_if_none(number);
            cleanup.source = cleanup.source.map(|source| failure::Function { is_cleanup: true, ..source });
        }
        self.steps.push((step, cleanup));
    }

    /// Adds a context, unless it has one of this type.
    ///
    /// # Panics
    /// If [`ContextElement::created`] panics.
    pub fn register_context_type<C: ContextElement>(&self) {
        if self.contexts.values.add::<C>() {
            self.contexts.hooks.borrow_mut().push(Box::new(HooksOf::<C>(PhantomData)));
            let created = self.contexts.with_mut(
                |context: &mut C| {
                    context.created(self);
                    Ok(())
                },
                false,
            );
            assert!(created.is_ok(), "a context that was just created is in use");
        }
    }

    /// Runs the steps until one fails, then the cleanups of those that completed, the last one first.
    ///
    /// # Errors
    /// The first one: of a context, of a step, or of a cleanup.
    #[expect(clippy::print_stdout, reason = "the harness shows it with a failure, and tools read it")]
    pub fn run(self) -> Result<(), StepError> {
        let contexts = &self.contexts;
        let location = contexts.location;
        println!("{location}: scenario: {}", self.title());
        let place = |result: StepResult| {
            result.map_err(|error| StepError::from(Failure::error(format!("{location}: {}", self.title()), error)))
        };
        let (started, result) = contexts.forwards("scenario_starts", |hooks| hooks.scenario_starts(contexts));
        let mut result = place(result);
        if result.is_ok() {
            let mut completed = 0;
            while result.is_ok() && completed < self.steps.len() {
                result = self.step(&self.steps[completed].0);
                completed += usize::from(result.is_ok());
            }
            for cleanup in self.steps[..completed].iter().rev().filter_map(|(_, cleanup)| cleanup.as_ref()) {
                println!("  cleanup {}: {}", cleanup.nr(), cleanup.step_text());
                let ended = cleanup.call(contexts, true);
                result = result.and(ended);
            }
        }
        let stopped = contexts.backwards(started, "scenario_stops", |hooks| hooks.scenario_stops(contexts));
        result = result.and(place(stopped));
        println!("  return: {}", if result.is_ok() { "OK" } else { "Failure" });
        result
    }

    /// Runs one step, between the functions of the contexts.
    #[expect(clippy::print_stdout, reason = "the harness shows it with a failure, and tools read it")]
    fn step(&self, step: &ScenarioStep) -> StepResult {
        let contexts = &self.contexts;
        println!("{}:   step {}: {}", step.location(), step.nr(), step.step_text());
        let (started, result) = contexts.forwards("step_starts", |hooks| hooks.step_starts(contexts, step.step_text()));
        let end = || contexts.backwards(started, "step_stops", |hooks| hooks.step_stops(contexts));
        match result {
            Ok(()) => {
                step.call(contexts, false)?;
                end().map_err(|error| step.failed(error))
            }
            Err(error) => {
                // The error that came first is the one to show.
                let _ = end();
                Err(step.failed(error))
            }
        }
    }
}

type Function = Box<dyn Fn(&ScenarioContext, bool) -> StepResult>;

/// A step: its text, its function, and the contexts that it uses.
///
/// The attribute [`step`](crate::prelude::step) writes a `Builder` for each step function, which makes them.
pub struct ScenarioStep {
    number: usize,
    text: String,
    location: &'static str,
    function: Function,
    register: Box<dyn Fn(&Scenario)>,
    has_escapes: bool,
    source: Option<failure::Function>,
}

impl ScenarioStep {
    /// Creates a step.
    ///
    /// `func` is called with the contexts, and whether the step is a cleanup; `reg` adds the contexts to a scenario.
    pub fn new<F, R>(nr: usize, step_text: String, func: F, reg: R, location: &'static str) -> Self
    where
        F: Fn(&ScenarioContext, bool) -> StepResult + 'static,
        R: Fn(&Scenario) + 'static,
    {
        let (function, register) = (Box::new(func), Box::new(reg));
        Self { number: nr, text: step_text, location, function, register, has_escapes: false, source: None }
    }

    /// Adds the name and the place of its function, for messages. Those of the step libraries need none.
    #[doc(hidden)]
    #[must_use]
    pub fn at(mut self, name: &'static str, module: &str, file: &'static str, line: u32) -> Self {
        let is_library = module.starts_with("subplotlib::steplibrary::");
        self.source = (!is_library).then_some(failure::Function { name, file, line, is_cleanup: false });
        self
    }

    /// Calls its function. A panic becomes an error.
    ///
    /// # Errors
    /// If the function returns one or panics.
    pub fn call(&self, context: &ScenarioContext, defuse_poison: bool) -> StepResult {
        let function = AssertUnwindSafe(|| (self.function)(context, defuse_poison));
        match escapes::with(self.has_escapes, || catch_unwind(function)) {
            Ok(result) => result.map_err(|error| Failure::error(self.place(), error)),
            Err(payload) => Err(Failure::panic(self.place(), &*payload)),
        }
        .map_err(|failure| failure.of(self.source).into())
    }

    /// Returns its text, with its keyword.
    pub fn step_text(&self) -> &str {
        &self.text
    }

    /// Adds the contexts that it uses to a scenario.
    pub(crate) fn register_contexts(&self, scenario: &Scenario) {
        (self.register)(scenario);
    }

    /// Returns its place in the document.
    pub(crate) fn location(&self) -> &'static str {
        self.location
    }

    /// Returns its number in the scenario, from 1.
    pub(crate) fn nr(&self) -> usize {
        self.number
    }

    /// Gives it a number, unless it has one.
    pub(crate) fn number_if_none(&mut self, number: usize) {
        if self.number == 0 {
            self.number = number;
        }
    }

    /// Adds its place to an error.
    pub(crate) fn failed(&self, error: StepError) -> StepError {
        Failure::error(self.place(), error).into()
    }

    fn place(&self) -> String {
        format!("{}: {}", self.location, self.text)
    }
}

/// What makes a step: the `Builder` of a step function.
#[doc(hidden)]
pub trait StepBuilder {
    /// Creates a step.
    fn step(&self, number: usize, text: String, location: &'static str) -> ScenarioStep;
}

/// What code needs that `subplot-build` 0.12 generated: steps without their number.
///
/// All builders have it. Where it is imported, its method wins over that with a number, which takes a reference.
#[doc(hidden)]
pub trait UnnumberedBuilder {
    /// Creates a step.
    fn build(self, text: String, location: &'static str) -> ScenarioStep;
}

impl<B: StepBuilder> UnnumberedBuilder for B {
    fn build(self, text: String, location: &'static str) -> ScenarioStep {
        self.step(0, text, location)
    }
}

/// The same for code that `subplot-build` 0.11 generated: expected outputs have escapes.
#[doc(hidden)]
pub trait EscapedBuilder {
    /// Creates a step.
    fn build(self, text: String, location: &'static str) -> ScenarioStep;
}

impl<B: StepBuilder> EscapedBuilder for B {
    fn build(self, text: String, location: &'static str) -> ScenarioStep {
        ScenarioStep { has_escapes: true, ..self.step(0, text, location) }
    }
}

impl Debug for ScenarioStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScenarioStep")
            .field("number", &self.number)
            .field("text", &self.text)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// Calls the function of this name of a context. Its error says so, also that of a panic, so that others are called.
fn called(name: &str, hooks: &dyn Hooks, call: impl Fn(&dyn Hooks) -> StepResult) -> StepResult {
    let place = || format!("`{name}` of the context `{}`", hooks.context());
    match catch_unwind(AssertUnwindSafe(|| call(hooks))) {
        Ok(result) => result.map_err(|error| Failure::error(place(), error).into()),
        Err(payload) => Err(Failure::panic(place(), &*payload).into()),
    }
}

/// What the tests of `codegen!` call.
pub mod generated {
    use std::fmt::Display;
    use std::str::FromStr;

    use super::Scenario;
    use crate::failure::Failure;

    /// Runs a scenario. Its error is what the harness shows.
    ///
    /// # Errors
    /// As [`Scenario::run`].
    pub fn run(scenario: Scenario) -> Result<(), Failure> {
        scenario.run().map_err(|error| match error.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(error) => Failure::error("scenario".to_owned(), error),
        })
    }

    /// Converts a captured number to the type of the parameter.
    ///
    /// # Errors
    /// If it is not a value of that type.
    pub fn number<T: FromStr<Err: Display>>(
        text: &str,
        capture: &str,
        location: &str,
        step: &str,
        function: &str,
    ) -> Result<T, Failure> {
        text.parse().map_err(|error| {
            let name = std::any::type_name::<T>();
            let message = format!("`{text}` is not a valid {name}, the type of `{capture}` in `{function}`: {error}");
            Failure::error(format!("{location}: {step}"), message.into())
        })
    }
}
