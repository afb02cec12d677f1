//! Library `runcmd`: running commands, and checking how they ended and what they wrote.
//!
//! Steps are in `setup`, `options`, `execute`, `outcome`, `output` and `probe`, each with a table
//! of its steps first. The latest command of a scenario is in its [`Runcmd`] state:
//! `context.state::<Runcmd>()`. Other libraries may read it, and [`run`] or [`try_to_run`]
//! commands, so that the steps of this library then check those.

mod captured_output;
mod command;
mod execute;
mod options;
mod outcome;
mod output;
mod probe;
mod program;
mod run;
mod setup;
mod start;
mod state;

use crate::registry::Library;

pub use captured_output::CapturedOutput;
pub use command::Command;
pub(crate) use outcome::{needs_command, no_command};
pub use run::{run, run_words, set_latest, try_to_run};
pub(crate) use state::explain_since;
pub use state::{CommandRun, Runcmd, written_since};

/// Returns the library.
pub fn library() -> Library {
    let library =
        Library::new("runcmd", include_str!("runcmd.yaml")).serves("lib/runcmd.py").at_check_end(outcome::check_end);
    [setup::steps, execute::steps, outcome::steps, probe::steps, output::steps, options::steps]
        .into_iter()
        .fold(library, |library, steps| steps(library))
        .seeks("text", &["runcmd_stdout_contains", "runcmd_stderr_contains", "runcmd_running_prints"])
}
