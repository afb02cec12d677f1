//! The steps of the daemon library: what the command prints when each of them passes and fails.
//!
//! The failure of a step must say all that is needed to fix it, without a second run.

use crate::support::{Project, Ran, scenario, with_programs};

/// Runs steps that must pass, with the embedded programs.
fn holds(steps: &str) {
    Project::anywhere().file("x.md", with_programs(scenario(steps))).run(["run", "x.md"]).passes();
}

/// Runs steps of which the last must fail.
fn fails(steps: &str) -> Ran {
    Project::anywhere().file("x.md", with_programs(scenario(steps))).run(["run", "x.md"]).code(1).stderr("")
}

/// Compares the screen of steps of which the last must fail.
macro_rules! fails {
    ($steps:expr, $screen:expr) => {
        fails($steps).stdout($screen)
    };
}

/// Compares the screen of steps of which the last must fail, if scenarios are isolated; the screen
/// differs otherwise.
macro_rules! fails_sealed {
    ($steps:expr, $screen:expr) => {
        if Project::sealed().is_some() {
            fails!($steps, $screen);
        }
    };
}

/// A daemon `up`, which says `ready` and lives until it is stopped.
const UP: &str = "given a daemon helper shell script up.py
when I start \"./up.py\" as a background process as up
when I wait for daemon up to write \"ready\" to stdout
";

/// A daemon `gone`, which has written to both streams and failed.
const GONE: &str = r#"when I start "sh -c 'echo working; echo no config >&2; exit 3'" as a background process as gone
when I wait for daemon gone to end
"#;

fn up(steps: &str) -> String {
    format!("{UP}{steps}")
}

fn gone(steps: &str) -> String {
    format!("{GONE}{steps}")
}

mod again;
mod buffering;
mod crashes;
mod leftovers;
mod options;
mod output;
mod ports;
mod processes;
mod report;
mod signals;
mod start;
mod stop;
mod terminal;
mod wait;
