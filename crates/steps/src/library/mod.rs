//! The libraries that come with greenroom.
//!
//! A step of a library is a binding in its `.yaml` file and a row in its table, `.step(name,
//! function, check)`. The bindings stay one YAML file per library, because users read them:
//! documents cite `lib/daemon.yaml`, and `greenroom steps` shows its patterns in their order. A
//! test checks that each binding has a row and each row a binding, and a row without a check does
//! not compile.

use crate::registry::{Library, Registry};

pub(crate) mod bytes;
mod closest;
pub(crate) mod command;
pub mod daemon;
pub mod datadir;
mod difference;
mod environment;
mod expansion;
mod explain;
pub mod feature;
pub mod files;
pub mod http;
mod invocation;
pub mod json;
pub(crate) mod limit;
mod literal;
mod ownership;
pub(crate) mod place;
mod rights;
pub mod runcmd;
pub mod user;
pub mod values;

/// Splits a command line into words, as steps do; `None` if a quote is not closed.
pub fn split_words(line: &str) -> Option<Vec<String>> {
    command::split(line).ok()
}

pub use explain::explain;
pub use limit::advice_on_time;

/// Returns all of them.
pub fn all() -> Vec<Library> {
    vec![
        daemon::library(),
        files::library(),
        runcmd::library(),
        datadir::library(),
        http::library(),
        json::library(),
        values::library(),
    ]
}

/// Returns whether a capture of a built-in step is a command line or the start of one.
///
/// `all` are the names of all captures of the step.
pub fn is_command_line(name: &str, all: &[String]) -> bool {
    matches!(name, "argv0" | "argv" | "args" | "command" | "cmd")
        || (name == "path" && all.iter().any(|other| other == "args"))
}

impl Registry {
    /// Creates a registry of the built-in libraries: daemon, files, runcmd, datadir, http, json, values.
    pub fn builtin() -> Self {
        all().into_iter().fold(Self::empty(), Self::with)
    }
}
