//! The command line as a whole. Each subcommand has its arguments in its own file in `commands`.

use std::io::Write;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{ColorChoice, Parser};
use greenroom_report::words;

use crate::commands::Command;
use crate::error::CommandError;
use crate::exit::{self, ExitCode};
use crate::output;
use crate::targets;

/// Run acceptance tests written in Markdown
#[derive(Debug, Parser)]
#[command(name = "greenroom", version, after_help = exit::help(), disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Suggests `greenroom run` when an unknown subcommand is the name of a document.
pub(crate) fn with_tip(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let path = Path::new(targets::split_line(word).map_or(&**word, |(path, _)| path));
    let is_document = path.extension().is_some_and(|extension| extension == "md" || extension == "subplot");
    if is_document || path.exists() {
        let tip = format!("to run documents: `greenroom run {}`", words::shell_quote(word));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Prints what clap has instead of a command: an error, the help text or the version.
pub(crate) fn no_command(error: clap::Error) -> Result<ExitCode, CommandError> {
    if error.use_stderr() {
        let _ = with_tip(error).print();
        return Ok(ExitCode::Usage);
    }
    output::printed(error.print().and_then(|()| std::io::stdout().flush()))
}
