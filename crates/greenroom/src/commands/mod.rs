//! The subcommands. Each has a file with its arguments, its help text and its body.
//!
//! A test program has only the arguments and the body of `run`.

mod run;

pub(crate) use run::Run;

#[cfg(feature = "command")]
mod check;
#[cfg(feature = "command")]
mod doctor;
#[cfg(feature = "command")]
mod extract;
#[cfg(feature = "command")]
mod generate;
#[cfg(feature = "command")]
mod html;
#[cfg(feature = "command")]
mod init;
#[cfg(feature = "command")]
mod list;
#[cfg(feature = "command")]
mod metadata;
#[cfg(feature = "command")]
mod report;
#[cfg(feature = "command")]
mod steps;

/// A subcommand and its arguments.
#[cfg(feature = "command")]
#[derive(Debug, clap::Subcommand)]
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
    Completions(generate::Completions),
    Man(generate::Man),
}

#[cfg(feature = "command")]
impl Command {
    /// Runs the subcommand. `definition` is the whole command line, from which documentation is
    /// generated.
    pub(crate) fn execute(
        &self,
        settings: &crate::settings::Settings,
        registry: &greenroom_steps::Registry,
        definition: clap::Command,
    ) -> Result<crate::exit::ExitCode, crate::error::CommandError> {
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
            Self::Completions(command) => command.execute(definition),
            Self::Man(command) => command.execute(definition),
        }
    }
}
