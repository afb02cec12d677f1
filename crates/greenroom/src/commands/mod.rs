//! The subcommands. Each has a file with its arguments, its help text and its body.

use clap::Subcommand;
use greenroom_steps::Registry;

use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::settings::Settings;

mod check;
mod doctor;
mod extract;
#[cfg(feature = "command")]
mod generate;
mod html;
mod init;
mod list;
mod metadata;
mod report;
mod run;
mod steps;

pub(crate) use run::Run;

/// A subcommand and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<Run>),
    Report(report::Report),
    Html(html::Html),
    Check(check::Check),
    List(list::List),
    Metadata(metadata::Metadata),
    Extract(extract::Extract),
    Steps(steps::Steps),
    Doctor(doctor::Doctor),
    Init(init::Init),
    #[cfg(feature = "command")]
    Completions(generate::Completions),
    #[cfg(feature = "command")]
    Man(generate::Man),
}

impl Command {
    /// Runs the subcommand. `definition` is the whole command line, from which documentation is
    /// generated.
    #[cfg_attr(
        not(feature = "command"),
        expect(unused_variables, clippy::needless_pass_by_value, reason = "only documentation needs the definition")
    )]
    pub(crate) fn execute(
        &self,
        settings: &Settings,
        registry: &Registry,
        definition: clap::Command,
    ) -> Result<ExitCode, CommandError> {
        match self {
            Self::Run(command) => command.execute(settings, registry),
            Self::Report(command) => command.execute(settings),
            Self::Html(command) => command.execute(settings, registry),
            Self::Check(command) => command.execute(settings, registry),
            Self::List(command) => command.execute(settings, registry),
            Self::Metadata(command) => command.execute(settings, registry),
            Self::Extract(command) => command.execute(settings, registry),
            Self::Steps(command) => command.execute(settings, registry),
            Self::Doctor(command) => command.execute(settings),
            Self::Init(command) => command.execute(settings),
            #[cfg(feature = "command")]
            Self::Completions(command) => command.execute(definition),
            #[cfg(feature = "command")]
            Self::Man(command) => command.execute(definition),
        }
    }
}
