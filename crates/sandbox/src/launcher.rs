//! The launcher, as the runner has it.
//!
//! The process behind it is `service`. Between the two go `Request`s and `Answer`s, with a stage's channel and order as
//! descriptors beside them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::channel::{Control, Pipe, Received};
use crate::child;
use crate::isolation::{Isolation, Refusal, Room, SandboxChoice};
use crate::process::{Cut, Status, Watch};
use crate::run_directory;
use crate::stage::{self, StageOrder};

/// The hidden command that makes this executable a launcher.
pub(crate) const LAUNCHER_WORD: &str = "__launcher";

/// Names a stage; chosen by the runner, unique in its run.
pub type StageId = u32;

/// What the launcher needs to know for the whole run.
#[derive(Debug, Clone, Default)]
pub struct LauncherOptions {
    /// Which sandbox is wanted.
    pub choice: SandboxChoice,
    /// Where the run's directory is made.
    pub temporary_directory: PathBuf,
    /// Directories that must stay visible to the stages also when they lie below /tmp.
    pub keep: Vec<PathBuf>,
    /// What the agent gets once for all stages.
    pub prologue: Vec<u8>,
}

/// How one stage is made.
#[derive(Debug, Default)]
pub struct StageSpec {
    /// Its data directory. It does not exist yet, and neither does its parent, which belongs to this stage alone; the parent's
    /// parent is [`Launcher::run_directory`].
    pub directory: PathBuf,
    /// Variables for everything in the stage, over those of the runner; no value unsets.
    pub environment: Vec<(String, Option<String>)>,
    /// Whether it has the machine's network.
    pub host_network: bool,
    /// What [`crate::Agent::make_ready`] is to know before.
    pub hint: Option<u32>,
    /// What it holds until its last process is gone: its turns at ports.
    pub holds: Vec<OwnedFd>,
}

/// Why the sandbox cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The launcher could not be started.
    #[error("failed to start the launcher: {0}")]
    Start(#[source] io::Error),
    /// There is no `/proc`, by which this executable finds itself and its processes.
    #[error("there is no /proc: mount it (`mount -t proc proc /proc`)")]
    NoProc,
    /// There is no `/dev/null`.
    #[error("there is no /dev/null: make it (`mknod -m 666 /dev/null c 1 3`)")]
    NoNull,
    /// Processes cannot be held by descriptor.
    #[error("this kernel, or a filter, refuses pidfd_open; greenroom needs it, and so Linux 5.3 or newer")]
    NoPidfd,
    /// The launcher says nothing: somebody has stopped it, or the machine is too busy.
    #[error("the launcher does not answer")]
    Silent,
    /// Somebody wants it to stop before it has begun.
    #[error("interrupted")]
    Interrupted,
    /// The launcher is gone.
    #[error("the launcher has died; somebody killed it, or the machine is out of memory")]
    LauncherDied,
    /// The user insists on sealed stages and the machine does not allow them.
    #[error("this machine does not allow sealed scenarios")]
    NotSealed(Vec<Refusal>),
    /// The run's directory could not be made.
    #[error("failed to create a directory in {directory}: {reason}", directory = directory.display())]
    Directory {
        /// Where.
        directory: PathBuf,
        /// Why.
        reason: String,
        /// What stages would have had.
        isolation: Box<Isolation>,
    },
    /// Something about one stage.
    #[error("failed to launch a stage: {0}")]
    Launch(#[source] io::Error),
}

impl SandboxError {
    /// Whether the launcher only has to catch up: it can be asked again once [`Launcher::fd`] is writable.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Launch(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the lack of something that other stages use keeps this one from being made: it can be asked again once one
    /// of them has ended.
    pub fn is_scarcity(&self) -> bool {
        let scarce = [libc::EMFILE, libc::ENFILE, libc::ETOOMANYREFS, libc::ENOMEM, libc::ENOBUFS];
        matches!(self, Self::Launch(error) if error.raw_os_error().is_some_and(|number| scarce.contains(&number)))
    }
}

/// News of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which.
    pub stage: StageId,
    /// Its first process has ended, and with it, when sealed, everything in it: how. An error when it never began.
    pub gone: Result<Status, String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Begin the run; the prologue is in a descriptor beside it.
    Begin { choice: SandboxChoice, temporary_directory: PathBuf },
    /// Make a stage; its channel, its order and what it holds are beside it.
    Launch { stage: StageId, hint: Option<u32> },
    /// End a stage with all that is in it, whatever state its first process is in.
    End { stage: StageId },
    /// Stop the processes of all stages, as Ctrl-Z does.
    Pause,
    /// Let them go on.
    Resume,
    /// The run is over; what is in its directory is to stay or not.
    Dismiss { keep: bool },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Ready { isolation: Isolation, run_directory: Result<PathBuf, String> },
    Gone { stage: StageId, status: Option<i32>, signal: Option<i32>, error: Option<String> },
}

/// The runner's hold on its launcher. Dropping it ends every stage, and returns when all are gone.
#[derive(Debug)]
pub struct Launcher {
    control: Option<Control>,
    child: Child,
    isolation: Isolation,
    run_directory: PathBuf,
    /// Whether the run's directory is to stay.
    keeps: bool,
    keep: Vec<PathBuf>,
    /// What the launcher has had no room for.
    unsaid: RefCell<VecDeque<Request>>,
}

impl Launcher {
    /// Starts this executable again as a launcher. Its `main` must call [`crate::enter`]. Gives up when `interrupt` is readable.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is where processes are started")]
    pub fn start(options: LauncherOptions, interrupt: Option<BorrowedFd<'_>>) -> Result<Self, SandboxError> {
        if let Err(Errno::NOSYS | Errno::PERM) = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()) {
            return Err(SandboxError::NoPidfd);
        }
        let (control, theirs) = Control::pair().map_err(SandboxError::Start)?;
        let child = Command::new("/proc/self/exe")
            .arg0("greenroom")
            .arg(LAUNCHER_WORD)
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of the runner's process group, so that a Ctrl-C reaches the runner alone; it becomes a session of its own later.
            .process_group(0)
            .spawn()
            .map_err(|error| match error {
                _ if !has_proc() => SandboxError::NoProc,
                _ if !Path::new("/dev/null").exists() => SandboxError::NoNull,
                error => SandboxError::Start(error),
            })?;
        let prologue = sealed_file(&options.prologue).map_err(SandboxError::Start)?;
        // What is not there need not be kept.
        let keep = options.keep.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let (isolation, run_directory) = (Isolation::default(), PathBuf::new());
        let unsaid = RefCell::default();
        let mut launcher = Self { control: Some(control), child, isolation, run_directory, keeps: false, keep, unsaid };
        let directory = options.temporary_directory;
        let begin = Request::Begin { choice: options.choice, temporary_directory: directory.clone() };
        launcher.control()?.send(&begin, &[prologue.as_fd()], true).map_err(|_| SandboxError::LauncherDied)?;
        let mut watch = Watch::new();
        if let Some(interrupt) = interrupt {
            watch = watch.interrupted_by(interrupt.try_clone_to_owned().map_err(SandboxError::Start)?);
        }
        match watch.readable(&[launcher.fd()?], Instant::now() + ANSWER_LIMIT) {
            Ok(true) => {}
            // It ends as soon as it sees that nobody is there, with what it has made by then.
            Err(Cut::Interrupted) => return Err(SandboxError::Interrupted),
            _ => {
                let _ = launcher.child.kill();
                return Err(SandboxError::Silent);
            }
        }
        match launcher.control()?.receive(true) {
            Ok(Some((Answer::Ready { isolation, run_directory }, _))) => {
                launcher.isolation = isolation;
                launcher.run_directory = run_directory.map_err(|reason| {
                    let isolation = Box::new(launcher.isolation.clone());
                    SandboxError::Directory { directory, reason, isolation }
                })?;
            }
            _ => return Err(SandboxError::LauncherDied),
        }
        if options.choice == SandboxChoice::Sealed && !launcher.isolation.is_sealed() {
            return Err(SandboxError::NotSealed(launcher.isolation.refusals.clone()));
        }
        Ok(launcher)
    }

    fn control(&self) -> Result<&Control, SandboxError> {
        self.control.as_ref().ok_or(SandboxError::LauncherDied)
    }

    /// How stages are kept apart.
    pub fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// The run's directory, in which stages have theirs. It is the launcher's: gone when the launcher is, whatever becomes of
    /// this process, unless it is dismissed otherwise.
    pub fn run_directory(&self) -> &Path {
        &self.run_directory
    }

    /// Readable when there is a [`Notice`].
    pub fn fd(&self) -> Result<BorrowedFd<'_>, SandboxError> {
        Ok(self.control()?.fd())
    }

    /// Makes a stage. Its work begins with [`RunnerEnd::begin`], so that stages can be made ahead of their turn.
    pub fn launch(&self, stage: StageId, spec: StageSpec, payload: &[u8]) -> Result<RunnerEnd, SandboxError> {
        let (ours, theirs) = UnixStream::pair().map_err(SandboxError::Launch)?;
        ours.set_nonblocking(true).map_err(SandboxError::Launch)?;
        let mut keep = self.keep.clone();
        keep.extend(spec.directory.parent().map(PathBuf::from));
        let room = Room { host_network: spec.host_network, keep };
        let order = StageOrder { directory: spec.directory, environment: spec.environment, room };
        let order =
            stage::encode(&order, payload).and_then(|bytes| sealed_file(&bytes)).map_err(SandboxError::Launch)?;
        // Without waiting: the launcher may be waiting for its news to be read, and then each would wait for the other.
        let holds = spec.holds.iter().map(AsFd::as_fd);
        let fds: Vec<BorrowedFd<'_>> = [theirs.as_fd(), order.as_fd()].into_iter().chain(holds).collect();
        let sent = self.control()?.send(&Request::Launch { stage, hint: spec.hint }, &fds, false);
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => SandboxError::LauncherDied,
            _ => SandboxError::Launch(error),
        })?;
        Ok(RunnerEnd { pipe: Pipe::new(ours), closed: false })
    }

    /// The next piece of news, without waiting.
    pub fn notice(&self) -> Result<Option<Notice>, SandboxError> {
        match self.control()?.receive(false) {
            Ok(Some((Answer::Gone { stage, status, signal, error }, _))) => {
                let gone = match (status, signal, error) {
                    (Some(code), _, None) => Ok(Status::Exit(code)),
                    (None, Some(signal), None) => Ok(Status::Signal(signal)),
                    (_, _, error) => Err(error.unwrap_or_default()),
                };
                Ok(Some(Notice { stage, gone }))
            }
            Ok(Some((Answer::Ready { .. }, _))) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Ok(None) | Err(_) => Err(SandboxError::LauncherDied),
        }
    }

    /// Ends a stage with everything in it, also one whose first process somebody has stopped. Its [`Notice`] still comes.
    pub fn end(&self, stage: StageId) {
        self.tell(Request::End { stage });
    }

    /// Stops the processes of all stages, as Ctrl-Z does.
    pub fn pause(&self) {
        self.tell(Request::Pause);
    }

    /// Lets the processes of all stages go on.
    pub fn resume(&self) {
        self.tell(Request::Resume);
    }

    /// Says something as soon as the launcher has room for it. One that does not listen any more need not hear it.
    fn tell(&self, request: Request) {
        self.unsaid.borrow_mut().push_back(request);
        self.catch_up();
    }

    /// Says what it had no room for yet; whether there is more. Then [`Launcher::fd`] should be watched for room.
    pub fn catch_up(&self) -> bool {
        let Some(control) = &self.control else { return false };
        let mut unsaid = self.unsaid.borrow_mut();
        while let Some(request) = unsaid.front() {
            // Without waiting, for the reason given in `launch`.
            if control.send(request, &[], false).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return true;
            }
            unsaid.pop_front();
        }
        false
    }

    /// Leaves the run's directory to the user from now on, whatever happens. [`Launcher::dismiss`] still has to be told.
    pub fn leave_directory(&self) {
        run_directory::leave(&self.run_directory);
    }

    /// Ends the launcher; the run's directory stays if `keep`. Stages that still are end too.
    pub fn dismiss(mut self, keep: bool) {
        self.keeps = keep;
        if let Some(control) = &self.control {
            let _ = control.send(&Request::Dismiss { keep }, &[], true);
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.control = None;
        if let Ok(launcher) = child::Child::hold(Pid::from_child(&self.child)) {
            // It ends when its stages have; unless somebody has stopped it, or one of them hangs in the kernel.
            if Watch::new().end_of("the launcher", launcher.pidfd(), FAREWELL) == Ok(false) {
                let _ = launcher.signal(Signal::KILL);
                let _ = Watch::new().end_of("the launcher", launcher.pidfd(), FAREWELL / 5);
            }
        }
        let done = matches!(self.child.try_wait(), Ok(Some(status)) if status.success());
        if !done && !self.keeps && !self.run_directory.as_os_str().is_empty() {
            // It was killed, and could not see to the directory. Its stages are going, by their parent's death.
            run_directory::remove_orphaned(&self.run_directory, FAREWELL);
        }
    }
}

fn has_proc() -> bool {
    Path::new("/proc/self/exe").exists()
}

/// How long the launcher may take to find out what the machine allows.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long runner and launcher wait at the end for what does not end.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// How long an ending may take at most before something is wrong with the kernel.
pub const COLLAPSE_LIMIT: Duration = Duration::from_secs(30);

/// What a stage says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// A message of the agent's.
    Message(Vec<u8>),
    /// The stage could not be set up, in words that follow "failed to"; nothing else will come.
    NotSetUp(String),
    /// Nothing at present.
    Nothing,
    /// Nothing more, ever.
    End,
}

/// The runner's end of a stage's channel. Dropping it ends the stage.
#[derive(Debug)]
pub struct RunnerEnd {
    pipe: Pipe,
    closed: bool,
}

impl RunnerEnd {
    /// Readable when the stage has said something.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.fd()
    }

    /// What the stage says next, without waiting.
    pub fn receive(&mut self) -> Said {
        match self.pipe.receive() {
            Received::Frame(mut frame) => match frame.first() {
                Some(&stage::FROM_AGENT) => {
                    frame.remove(0);
                    Said::Message(frame)
                }
                _ => Said::NotSetUp(String::from_utf8_lossy(frame.get(1..).unwrap_or_default()).into_owned()),
            },
            Received::Nothing => Said::Nothing,
            Received::End => Said::End,
        }
    }

    /// Lets the worker begin. It need not be ready for it yet.
    pub fn begin(&mut self) {
        let _ = self.pipe.send(stage::BEGIN);
    }

    /// Asks the worker to come to an end: what it waits for ends at once, and it stops its processes politely.
    pub fn interrupt(&mut self) {
        let _ = self.pipe.send(b"interrupt");
    }

    /// Ends the stage at once, with everything in it. What it has said can still be received.
    pub fn collapse(&mut self) {
        if !self.closed {
            self.closed = true;
            let _ = self.pipe.stream().shutdown(std::net::Shutdown::Write);
        }
    }
}

/// A file in memory with these bytes, to be read from its start.
fn sealed_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("greenroom", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}
