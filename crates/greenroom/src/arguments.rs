//! The command as a whole: its command line, and what runs it. Each subcommand has its arguments in its own file in
//! `commands`.

use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{ColorChoice, CommandFactory, Parser};
use greenroom_report::words;
use greenroom_run::StepAgent;
use greenroom_steps::Registry;

use crate::commands::Command;
use crate::error::CommandError;
use crate::exit::{self, ExitCode};
use crate::output;
use crate::settings::Settings;
use crate::targets;

/// Run acceptance tests written in Markdown
#[derive(Debug, Parser)]
#[command(name = "greenroom", version, after_help = exit::help(), disable_help_subcommand = true)]
struct Arguments {
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

/// Runs the whole command, with the step libraries of a registry. It needs the feature `command`, which is on by
/// default.
///
/// Call it first in `main`: each run starts the executable once more, as the process that makes
/// sandboxes, and that process must not do anything else before.
pub fn main(registry: Registry) -> std::process::ExitCode {
    let agent = StepAgent::new(registry);
    greenroom_sandbox::enter(&agent);
    let result = match Arguments::try_parse() {
        Ok(arguments) => execute(&arguments, agent.registry()),
        Err(error) => output::no_command(&with_tip(error)),
    };
    let exit_code = result.unwrap_or_else(|error| {
        error.report();
        error.exit_code()
    });
    exit_code.into()
}

/// Reads the settings and runs the subcommand.
fn execute(arguments: &Arguments, registry: &Registry) -> Result<ExitCode, CommandError> {
    let settings = Settings::read(arguments.color)?;
    arguments.command.execute(&settings, registry, Arguments::command())
}

/// Suggests `greenroom run` when an unknown subcommand is the name of a document.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    if word == "help" {
        let tip = "for help: `greenroom --help`, or `greenroom COMMAND --help`".to_owned();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return error;
    }
    let path = Path::new(targets::split_line(word).map_or(&**word, |(path, _)| path));
    let is_document = path.extension().is_some_and(|extension| extension == "md" || extension == "subplot");
    if is_document || path.exists() {
        let tip = format!("to run documents: `greenroom run {}`", words::shell_quote(word));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}
