//! What runner and agent say to one another. Both are of one executable, so this is no published format.

use std::path::PathBuf;
use std::time::Duration;

use greenroom_doc::EmbeddedFile;
use greenroom_event::{Daemon, Failure, LeftOver, PrivateNetwork};
use serde::{Deserialize, Serialize};

/// Variables that every scenario has of its own.
pub(crate) const OWN_VARIABLES: [&str; 3] = ["HOME", "TMPDIR", "SHELL"];

/// What all stages of a run share; read once, by the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prologue {
    /// Where greenroom was started.
    pub(crate) source_directory: PathBuf,
    /// The user's variables for all that runs.
    pub(crate) environment: Vec<(String, String)>,
    /// What belongs to each document.
    pub(crate) documents: Vec<DocumentPart>,
}

/// What the scenarios of a document share.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DocumentPart {
    /// Its embedded files.
    pub(crate) files: Vec<EmbeddedFile>,
    /// The step hosts that its functions need.
    pub(crate) hosts: Vec<HostPart>,
}

/// A step host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HostPart {
    /// The key under `impls` and in bindings.
    pub(crate) language: String,
    /// The program.
    pub(crate) program: String,
    /// Whether that is an interpreter of greenroom's own host for the language.
    pub(crate) own: bool,
    /// The files with the functions, in order, with absolute paths.
    pub(crate) files: Vec<PathBuf>,
}

/// One scenario for a stage.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    /// Which document's files.
    pub(crate) document: usize,
    /// Its steps.
    pub(crate) steps: Vec<ScriptStep>,
    /// How long the scenario may take.
    pub(crate) scenario_limit: Duration,
    /// How long a step may take.
    pub(crate) step_limit: Duration,
    /// How many bytes a process may write to one of its outputs.
    pub(crate) output_limit: u64,
    /// Whether processes that are left over make the scenario fail.
    pub(crate) leftovers_fail: bool,
}

/// One step.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScriptStep {
    /// The host of its function; none for a native one.
    pub(crate) language: Option<String>,
    /// Its function.
    pub(crate) function: String,
    /// Its cleanup.
    pub(crate) cleanup: Option<String>,
    /// `given`, `when` or `then`, for a host.
    pub(crate) kind: String,
    /// The step without its keyword, for a host.
    pub(crate) text: String,
    /// Names and texts of its captures.
    pub(crate) captures: Vec<(String, String)>,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The present step has been waiting for a while.
    Waiting { what: String, limit: Duration },
    /// The present step is done, and the next one, if any and if it passed, begins.
    Step(Done),
    /// A cleanup is done.
    Cleanup { step: usize, done: Done },
    /// The scenario is over; the worker is about to end.
    Ended {
        daemons: Vec<Daemon>,
        left_over: Vec<LeftOver>,
        network: Option<PrivateNetwork>,
        /// What went wrong at the end itself.
        failure: Option<Failure>,
    },
}

/// How a step or cleanup went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) took: Duration,
    /// None when it passed.
    pub(crate) failure: Option<Failure>,
    /// It did not come to an end of its own because the run is being stopped.
    pub(crate) interrupted: bool,
}
