//! Runs acceptance documents: Markdown prose with given/when/then scenarios in it, which may start real background
//! processes.
//!
//! This crate is the `greenroom` command and the facade for programs that bring step functions of their own:
//!
//! ```no_run
//! use greenroom::{Captures, Context, Library, Registry, StepResult};
//!
//! fn brew(_: &mut Context, captures: &Captures) -> StepResult {
//!     let cups: u32 = captures.number("cups")?;
//!     assert!(cups < 10, "nobody drinks {cups} cups");
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let bindings = "- when: I brew {cups:uint} cups\n  impl: {native: {function: brew}}\n";
//!     let kitchen = Library::new("kitchen", bindings).step("brew", brew);
//!     greenroom::main(Registry::builtin().with(kitchen))
//! }
//! ```
//!
//! Documents then bind `lib/kitchen.yaml`, and the program has all the commands and options that `greenroom` has.

#![forbid(unsafe_code)]

mod arguments;
mod commands;
pub mod exit;
mod loader;
mod screen;
mod settings;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use greenroom_run::StepAgent;

pub use greenroom_steps::{Captures, Context, Ending, Library, Outlook, Problem, Registry, StepError, StepResult};

use arguments::{Arguments, Command};
use settings::Settings;

/// The whole command. Call it first thing in `main`: for every run the executable is started once more, as the process that
/// makes sandboxes, and that must not do anything else before.
pub fn main(registry: Registry) -> ExitCode {
    let agent = StepAgent::new(registry);
    greenroom_sandbox::enter(&agent);
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            if error.use_stderr() {
                let _ = arguments::with_tip(error).print();
                return ExitCode::from(exit::USAGE);
            }
            return ExitCode::from(settings::written(error.print().and_then(|()| std::io::stdout().flush())));
        }
    };
    let registry = agent.registry();
    let settings = match Settings::read(arguments.color) {
        Ok(settings) => settings,
        Err(message) => {
            settings::complain(&message);
            return ExitCode::from(exit::CANNOT);
        }
    };
    let code = match &arguments.command {
        Command::Run(options) => commands::run::run(options, &settings, registry),
        Command::Check(options) => commands::check::check(options, &settings, registry),
        Command::List(options) => commands::list::list(options, &settings, registry),
        Command::Steps(options) => commands::steps::steps(options, &settings, registry),
        Command::Doctor => commands::doctor::doctor(&settings),
        Command::Init(options) => commands::init::init(options, &settings),
        Command::Completions(options) => commands::generate::completions(options, &settings),
        Command::Man(options) => commands::generate::man(options, &settings),
    };
    ExitCode::from(code)
}
