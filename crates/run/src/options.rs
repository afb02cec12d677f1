//! Options of a run.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use greenroom_doc::Network;
use greenroom_event::{DocumentText, Origin, Partition};
use greenroom_sandbox::SandboxChoice;
use greenroom_steps::Evidence;
use serde::{Deserialize, Serialize};

/// What fails a scenario whose steps passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Strictness {
    /// Whether leftover processes do.
    pub leftovers: bool,
    /// Whether daemons that crash unnoticed do.
    pub crashes: bool,
    /// Whether failed attempts before the one that passed do.
    pub flaky: bool,
}

/// When a run that takes too long is stopped, since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimit {
    /// Processes are stopped with SIGTERM, and nothing more starts.
    pub stop: Duration,
    /// What still runs is killed.
    pub kill: Duration,
}

/// How to run a plan.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The scenarios to run, as indices into the plan, in reading order.
    pub chosen: Vec<usize>,
    /// How many run at a time. `None`: as many as the machine can carry, or one of those that share the
    /// machine's network.
    pub jobs: Option<usize>,
    /// The sandbox to use.
    pub sandbox: SandboxChoice,
    /// The time limit of a scenario, instead of the document's.
    pub timeout: Option<Duration>,
    /// The time limit of the whole run.
    pub time_limit: Option<TimeLimit>,
    /// Environment variables for everything that runs.
    pub environment: Vec<(String, String)>,
    /// Whether to start nothing more after a scenario that did not pass.
    pub fail_fast: bool,
    /// How many attempts may follow a failed one, instead of what the documents say.
    pub retries: Option<u32>,
    /// How often each scenario runs, if not once.
    pub repeat: Option<u32>,
    /// Whether to start nothing more after a scenario of any round that did not pass.
    pub until_failure: bool,
    /// How long each chosen scenario took in earlier runs, as far as known; empty if nothing is
    /// known. The slowest start first.
    pub durations: Vec<Option<Duration>>,
    /// How many scenarios are not chosen because they passed earlier, for reports.
    pub passed_earlier: usize,
    /// Whether to keep the directories of scenarios that did not pass.
    pub keep: bool,
    /// What fails a scenario whose steps passed.
    pub strictness: Strictness,
    /// How much is recorded of what scenarios do.
    pub evidence: Evidence,
    /// The most bytes that a process may write to an output. It replaces the document's limit.
    pub output_limit: Option<u64>,
    /// The seed of a random order.
    pub shuffle: Option<u64>,
    /// The directory in which greenroom was started.
    pub source_directory: PathBuf,
    /// The directory in which the run's directory is created.
    pub temporary_directory: PathBuf,
    /// Directories below /tmp that scenarios must see.
    ///
    /// They see the source directory and those of documents in any case.
    pub visible: Vec<PathBuf>,
    /// The network of scenarios, instead of what their documents say.
    pub network: Option<Network>,
    /// The Python that runs steps in Python.
    pub python: String,
    /// Step hosts by language. One for `python` replaces greenroom's own.
    pub hosts: BTreeMap<String, String>,
    /// Where the run comes from, for reports.
    pub origin: Option<Origin>,
    /// Which part of the scenarios is chosen, for reports.
    pub partition: Option<Partition>,
    /// The names of all scenarios of the plan as tests, for a test program; empty for others.
    pub test_names: Vec<String>,
    /// The texts of all documents, for reports; empty when no report needs them.
    pub texts: Vec<Arc<DocumentText>>,
}

/// Descriptors through which the user stops or pauses a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders<'a> {
    /// Every byte is a request to stop.
    ///
    /// The first stops processes with SIGTERM, the second kills them, and after the third the run
    /// waits for nothing.
    pub stop: Option<BorrowedFd<'a>>,
    /// Readable when everything must pause, including this process.
    pub pause: Option<BorrowedFd<'a>>,
}
