//! How a run is to be done, as whoever starts it says.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use greenroom_sandbox::SandboxChoice;

/// How to run a plan.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The scenarios to run, as indices into the plan, in reading order.
    pub chosen: Vec<usize>,
    /// How many at a time; none: [`RunOptions::DEFAULT_JOBS`], of those that share the machine's network one.
    pub jobs: Option<usize>,
    /// Which sandbox.
    pub sandbox: SandboxChoice,
    /// Limit for a scenario, over the document's and the default.
    pub timeout: Option<Duration>,
    /// Variables for all that runs.
    pub environment: Vec<(String, String)>,
    /// Start nothing more once a scenario has not passed.
    pub fail_fast: bool,
    /// Keep the directories of scenarios that did not pass.
    pub keep: bool,
    /// A process that no step has stopped makes its scenario fail.
    pub leftovers_fail: bool,
    /// How many bytes a process may write to one of its outputs, over what documents say and the default.
    pub output_limit: Option<u64>,
    /// Run in an order made from this seed.
    pub shuffle: Option<u64>,
    /// Where greenroom was started.
    pub source_directory: PathBuf,
    /// Where the run's directory is made.
    pub temporary_directory: PathBuf,
    /// Directories that scenarios must be able to see also when they lie below /tmp, beside the source directory and the documents'.
    pub visible: Vec<PathBuf>,
    /// Whether scenarios have the machine's network, over what their documents say.
    pub network: Option<bool>,
    /// The Python that carries out steps in it.
    pub python: String,
    /// Programs that are step hosts of other languages, or of Python instead of greenroom's own.
    pub hosts: BTreeMap<String, String>,
}

impl RunOptions {
    /// Waiting is not work: most scenarios wait for a process most of their time, so far more of them than the machine has
    /// cores go side by side. More than this gains little and makes a slow machine miss the documents' own limits.
    pub const DEFAULT_JOBS: usize = 32;
    /// Limit for one step, unless the document sets another: enough for a build, little enough to be noticed the same hour.
    pub const DEFAULT_STEP_LIMIT: Duration = Duration::from_mins(5);
    /// Limit for one scenario, unless the document or the command line set another.
    pub const DEFAULT_SCENARIO_LIMIT: Duration = Duration::from_mins(15);
    /// Bytes that a process may write to one of its outputs, unless the document or the command line say otherwise: a log of
    /// hours, and no disk is full of it.
    pub const DEFAULT_OUTPUT_LIMIT: u64 = 64 << 20;
}

/// Descriptors by which the user orders what is to become of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders<'a> {
    /// Every byte that can be read from it is an order to stop: the first asks politely, the second does not, and after the
    /// third nothing is waited for.
    pub stop: Option<BorrowedFd<'a>>,
    /// Readable when everything is to stand still, this process included, until somebody continues it.
    pub pause: Option<BorrowedFd<'a>>,
}
