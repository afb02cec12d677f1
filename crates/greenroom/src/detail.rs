//! The arguments that choose how much of a run is shown, shared by `run` and `report`.

use clap::Args;
use greenroom_report::Verbosity;

/// How much of a run is shown.
#[derive(Debug, Args)]
pub(crate) struct Detail {
    /// Show every step with its time, and more output of failed steps
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// Show only failures and the last line
    #[arg(short, long)]
    quiet: bool,
}

impl Detail {
    /// Shows more, unless the user asked for less.
    pub(crate) fn show_more(&mut self) {
        self.verbose |= !self.quiet;
    }

    /// Shows less, unless the user asked for more.
    pub(crate) fn show_less(&mut self) {
        self.quiet |= !self.verbose;
    }

    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.verbose, self.quiet) {
            (true, _) => Verbosity::Verbose,
            (_, true) => Verbosity::Quiet,
            _ => Verbosity::Normal,
        }
    }
}
