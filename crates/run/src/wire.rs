//! The messages between runner and agent. Both are the same executable, so the format is private.

use std::path::PathBuf;
use std::time::Duration;

use crate::options::Strictness;
use crate::predefined::Predefined;
use greenroom_event::{Daemon, Failure, LeftOver, Output, PrivateNetwork};
use greenroom_steps::host::StepFile;
use greenroom_steps::{EmbeddedFile, Evidence, Reading, Registry, Repetition};
use serde::{Deserialize, Serialize};

/// Environment variables that each scenario has a value of its own for.
pub(crate) const OWN_VARIABLES: [&str; 3] = ["HOME", "TMPDIR", "SHELL"];

/// What all stages of a run share. The launcher reads it once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prologue {
    /// Where greenroom was started.
    pub(crate) source_directory: PathBuf,
    /// Variables that the user set with `--env`.
    pub(crate) environment: Vec<(String, String)>,
    /// What belongs to each document.
    pub(crate) documents: Vec<DocumentPart>,
}

/// What the scenarios of a document share.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DocumentPart {
    /// Its directory.
    pub(crate) directory: String,
    /// Directories that are put in front of PATH.
    pub(crate) path: Vec<PathBuf>,
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
    pub(crate) files: Vec<StepFile>,
}

/// One scenario for a stage.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    /// Index of its document in the prologue.
    pub(crate) document: usize,
    /// Its steps.
    pub(crate) steps: Vec<ScriptStep>,
    /// The predefined values that it has.
    pub(crate) predefined: Vec<Predefined>,
    /// Whether it runs as another user than the launcher.
    pub(crate) switches_user: bool,
    /// Whether what is on its disk is kept when it does not pass.
    pub(crate) keeps_disk: bool,
    /// How long the scenario may take.
    pub(crate) scenario_limit: Duration,
    /// How long a step may take.
    pub(crate) step_limit: Duration,
    /// The most bytes that a process may write to one of its outputs.
    pub(crate) output_limit: u64,
    /// What fails it even if its steps pass.
    pub(crate) strictness: Strictness,
    /// How much is recorded of it.
    pub(crate) evidence: Evidence,
}

/// One step.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScriptStep {
    /// The language of its function; `None` for a native one.
    pub(crate) language: Option<String>,
    /// Its function.
    pub(crate) function: String,
    /// Its cleanup.
    pub(crate) cleanup: Option<String>,
    /// `given`, `when` or `then`, for a host.
    pub(crate) kind: String,
    /// The step without its keyword, for a host.
    pub(crate) text: String,
    /// Its captures.
    pub(crate) captures: Vec<ScriptCapture>,
    /// How it is repeated.
    pub(crate) repetition: Option<Repetition>,
}

/// A capture of a step.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScriptCapture {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) form: CaptureForm,
}

/// What the type of a capture says about how its text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CaptureForm {
    /// As its step reads it.
    Text,
    /// As text whose escapes have been replaced.
    Unescaped,
    Json,
    JsonPath,
}

impl CaptureForm {
    /// Returns how a step of a library reads a capture.
    pub(crate) fn reading(self, registry: &Registry, function: &str, capture: &str) -> Reading {
        match self {
            Self::Json => Reading::Json,
            Self::JsonPath => Reading::JsonPath,
            Self::Text => registry.reading(function, capture),
            Self::Unescaped => Reading::Text,
        }
    }
}

/// A message from a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WorkerMessage {
    /// The current step has been waiting for a while.
    Waiting { what: String, limit: Duration },
    /// The current step is done. If it passed, the next one begins.
    Step { step: usize, reply: StepReply },
    /// A cleanup is done.
    Cleanup { step: usize, reply: StepReply },
    /// The scenario is over; the worker is about to end.
    Ended {
        daemons: Vec<Daemon>,
        left_over: Vec<LeftOver>,
        network: Option<PrivateNetwork>,
        /// What went wrong during the end.
        failure: Option<Failure>,
    },
}

/// How a step or cleanup went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StepReply {
    /// When it began, since the start of the scenario.
    pub(crate) began: Option<Duration>,
    pub(crate) took: Duration,
    /// What it wrote, if it passed.
    pub(crate) output: Vec<Output>,
    /// Why it did not pass.
    pub(crate) failure: Option<Failure>,
    /// Whether it was cut short because the run is stopping.
    pub(crate) interrupted: bool,
}
