//! The launcher, as the runner sees it.
//!
//! `process` is the launcher process itself, `messages` what goes between the two, `channel` how,
//! `run_directory` the directory that the launcher owns, and `spare` what the runner keeps of it for
//! further stages.

pub(crate) mod channel;
pub(crate) mod messages;
pub(crate) mod process;
pub(crate) mod run_directory;
mod spare;

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
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use channel::{Control, Pipe};
use messages::{Answer, FAREWELL, LAUNCHER_WORD, MappedStage, Request, StageOrder};
use spare::SpareDirectories;

use crate::isolation::{IdMaps, Isolation, Property, Refusal, Room, SandboxChoice};
use crate::process::wait::plain;
use crate::process::{self as processes, Account, ExitStatus, Signal, WaitError, Watch};
use crate::stage::outside;
use crate::surroundings::Network;
use crate::tree;

pub use channel::{Received, try_send_with_fds};
pub use messages::{DirectoryFate, SetupFailure, StageId, StageMessage};

/// How long the launcher may take to find out what the machine supports.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// An ending that takes longer than this means that something is wrong with the kernel.
pub const COLLAPSE_LIMIT: Duration = Duration::from_secs(30);

/// What the launcher needs to know for the whole run.
#[derive(Debug, Clone, Default)]
pub struct LauncherOptions {
    /// Which isolation the user asks for.
    pub choice: SandboxChoice,
    /// Where the run's directory is created.
    pub temporary_directory: PathBuf,
    /// Directories that stay visible to the stages even if they are below `/tmp`.
    pub keep: Vec<PathBuf>,
    /// What the agent is given once for all stages.
    pub prologue: Vec<u8>,
    /// The names of files that stages create beside their data directories, and that the next stage can use
    /// once they are empty.
    pub files: &'static [&'static str],
}

/// How one stage is created.
#[derive(Debug, Default)]
pub struct StageSpec {
    /// Its data directory. Neither it nor its parent, which belongs to this stage alone, exists
    /// yet; the parent's parent is [`Launcher::run_directory`].
    pub directory: PathBuf,
    /// Changes to the runner's environment; a variable without a value is unset.
    pub environment: Vec<(String, Option<String>)>,
    /// The user that its worker runs as, and owns the directory, if that is not the present one.
    pub user: Option<Account>,
    /// What its user namespace needs for that user: see [`Isolation::id_maps`].
    pub id_maps: Option<IdMaps>,
    /// The network that it uses.
    pub network: Network,
    /// The size of the disk that holds its directory, in bytes, if it has one of its own: see
    /// [`Isolation::has_disks`].
    pub disk: Option<u64>,
    /// What [`crate::Agent::make_ready`] is given first.
    pub hint: Option<u32>,
    /// What it keeps open until its last process has ended: its turns at ports.
    pub holds: Vec<OwnedFd>,
    /// Whether [`Notice::Created`] comes, so that its processes can be looked at.
    pub is_observed: bool,
}

/// Why there is no sandbox, or no stage.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The launcher could not be started.
    #[error("failed to start the launcher: {0}")]
    Start(#[source] io::Error),
    /// `/proc` is missing; this executable finds itself and its processes in it.
    #[error("/proc is missing: mount it (`mount -t proc proc /proc`)")]
    NoProc,
    /// `/dev/null` is missing.
    #[error("/dev/null is missing: create it (`mknod -m 666 /dev/null c 1 3`)")]
    NoNull,
    /// Processes cannot be held by descriptors.
    #[error("this kernel or a seccomp filter refuses pidfd_open; greenroom needs Linux 5.3 or newer")]
    NoPidfd,
    /// The launcher was stopped, or the machine is too busy.
    #[error("the launcher does not answer")]
    Silent,
    /// The run was interrupted before it began.
    #[error("interrupted")]
    Interrupted,
    /// The launcher has died.
    #[error("the launcher has died: it was killed, or the machine is out of memory")]
    LauncherDied,
    /// The user asks for sealed stages, and the machine does not support them.
    #[error("this machine does not support sealed scenarios")]
    NotSealed(Vec<Refusal>),
    /// Scenarios need disks of their own, and the machine does not support them.
    #[error("this machine does not support the disk of scenario `{scenario}`, which needs a sealed scenario")]
    NoDisk {
        /// The first scenario with a disk.
        scenario: String,
        /// Why scenarios are not sealed.
        refusals: Vec<Refusal>,
    },
    /// Scenarios must have a network of their own, and cannot: what the machine refuses, which is nothing if no sealed
    /// stages were asked for.
    #[error("scenarios cannot have a network of their own here, for which `--network private` asks")]
    NoNetwork(Vec<Refusal>),
    /// Scenarios run as another user, and the machine does not support that.
    #[error("scenarios cannot run as user {user} here: {reason}")]
    NoUser {
        /// The user.
        user: String,
        /// The reason.
        reason: String,
        /// What this machine refuses.
        refusals: Vec<Refusal>,
    },
    /// The run's directory could not be created.
    #[error("failed to create a directory in {directory}: {reason}", directory = directory.display())]
    Directory {
        /// The directory that was to contain it.
        directory: PathBuf,
        /// The reason.
        reason: String,
        /// What stages would have of their own.
        isolation: Box<Isolation>,
    },
    /// One stage could not be created.
    #[error("failed to launch a stage: {0}")]
    Launch(#[source] io::Error),
}

impl SandboxError {
    /// Whether the launcher is only busy: try again once [`Launcher::fd`] is writable.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Launch(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether other stages use up what this one needs: try again once one of them has ended.
    pub fn is_scarcity(&self) -> bool {
        let scarce = [libc::EMFILE, libc::ENFILE, libc::ETOOMANYREFS, libc::ENOMEM, libc::ENOBUFS];
        matches!(self, Self::Launch(error) if error.raw_os_error().is_some_and(|number| scarce.contains(&number)))
    }
}

/// What the launcher says without being waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A stage has ended.
    Gone {
        /// The stage.
        stage: StageId,
        /// How its first process ended; an error says why it never began.
        ///
        /// Everything in a sealed stage has ended too.
        status: Result<ExitStatus, SetupFailure>,
    },
    /// A stage with [`StageSpec::is_observed`] has its first process.
    Created {
        /// The stage.
        stage: StageId,
        /// The process, as the runner sees it.
        process: i32,
    },
}

/// The runner's handle of its launcher. Dropping it ends every stage and waits for that.
#[derive(Debug)]
pub struct Launcher {
    control: Option<Control>,
    child: Child,
    isolation: Isolation,
    run_directory: PathBuf,
    directory_fate: DirectoryFate,
    keep: Vec<PathBuf>,
    /// Directories of stages that have ended.
    spares: SpareDirectories,
    /// Requests for which the socket had no room.
    unsent: RefCell<VecDeque<Request>>,
}

impl Launcher {
    /// Starts this executable again as a launcher. Its `main` must call [`crate::enter`].
    ///
    /// Stops waiting when `interrupt` is readable.
    ///
    /// # Errors
    ///
    /// When the launcher cannot be started, does not answer in time or cannot create the run's
    /// directory, or when the user asks for sealed stages that the machine does not support.
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
            // Out of the runner's process group, so that a Ctrl-C reaches only the runner. It
            // creates its own session later.
            .process_group(0)
            .spawn()
            .map_err(|error| match error {
                _ if !has_proc() => SandboxError::NoProc,
                _ if !Path::new("/dev/null").exists() => SandboxError::NoNull,
                error => SandboxError::Start(error),
            })?;
        let prologue = sealed_file(&options.prologue).map_err(SandboxError::Start)?;
        // What does not exist need not stay visible.
        let keep = options.keep.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let (isolation, run_directory) = (Isolation::default(), PathBuf::new());
        let (directory_fate, spares, unsent) =
            (DirectoryFate::Remove, SpareDirectories::new(options.files), RefCell::default());
        let mut launcher =
            Self { control: Some(control), child, isolation, run_directory, directory_fate, keep, spares, unsent };
        let directory = options.temporary_directory;
        let begin = Request::Begin { choice: options.choice, temporary_directory: directory.clone() };
        launcher.control()?.send(&begin, &[prologue.as_fd()]).map_err(|_| SandboxError::LauncherDied)?;
        let mut watch = Watch::new();
        if let Some(interrupt) = interrupt {
            watch = watch.interrupted_by(interrupt.try_clone_to_owned().map_err(SandboxError::Start)?);
        }
        match watch.readable(&[launcher.fd()?], Instant::now() + ANSWER_LIMIT) {
            Ok(true) => {}
            // The launcher ends once it sees that the runner is gone, and cleans up.
            Err(WaitError::Interrupted) => return Err(SandboxError::Interrupted),
            _ => {
                let _ = launcher.child.kill();
                return Err(SandboxError::Silent);
            }
        }
        match launcher.control()?.receive() {
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

    /// Returns the number of its process.
    pub fn process(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    /// Returns what stages have of their own.
    pub fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// Returns the run's directory, which contains those of the stages.
    ///
    /// The launcher owns it and removes it when it ends, whatever happens to this process, unless
    /// [`Launcher::dismiss`] says otherwise.
    pub fn run_directory(&self) -> &Path {
        &self.run_directory
    }

    /// Returns a descriptor that is readable when there is a [`Notice`].
    ///
    /// # Errors
    ///
    /// When the launcher has died.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, SandboxError> {
        Ok(self.control()?.fd())
    }

    /// Creates a stage. Its work begins with [`RunnerEnd::begin`], so stages can be created in
    /// advance.
    ///
    /// # Errors
    ///
    /// When the launcher has died, or the stage cannot be created now: see
    /// [`SandboxError::is_busy`] and [`SandboxError::is_scarcity`].
    pub fn launch(&self, stage: StageId, spec: StageSpec, payload: &[u8]) -> Result<RunnerEnd, SandboxError> {
        // Another user would own it.
        let spare = if spec.user.is_none() { self.spares.take() } else { None };
        let launched = self.launch_in(spare.clone(), stage, spec, payload);
        if let (Err(_), Some(spare)) = (&launched, spare) {
            self.spares.put_back(spare);
        }
        launched
    }

    fn launch_in(
        &self,
        spare: Option<PathBuf>,
        stage: StageId,
        spec: StageSpec,
        payload: &[u8],
    ) -> Result<RunnerEnd, SandboxError> {
        let (ours, theirs) = UnixStream::pair().map_err(SandboxError::Launch)?;
        ours.set_nonblocking(true).map_err(SandboxError::Launch)?;
        let mut keep = self.keep.clone();
        keep.extend(spec.directory.parent().map(PathBuf::from));
        let room = Room { network: spec.network, disk: spec.disk, keep };
        let directory = spec.directory.parent().map(PathBuf::from);
        let mapped = spec.id_maps.zip(directory).map(|(maps, directory)| MappedStage { maps, directory });
        let StageSpec { directory, environment, user, .. } = spec;
        let order = StageOrder { directory, spare, environment, user, room };
        let order = order.encode(payload).and_then(|bytes| sealed_file(&bytes)).map_err(SandboxError::Launch)?;
        // Without waiting: the launcher may be waiting until its answers are read, and each would
        // wait for the other.
        let holds = spec.holds.iter().map(AsFd::as_fd);
        let fds: Vec<BorrowedFd<'_>> = [theirs.as_fd(), order.as_fd()].into_iter().chain(holds).collect();
        let request = Request::Launch { stage, hint: spec.hint, mapped, is_observed: spec.is_observed };
        let sent = self.control()?.try_send(&request, &fds);
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => SandboxError::LauncherDied,
            _ => SandboxError::Launch(error),
        })?;
        Ok(RunnerEnd { pipe: Pipe::new(ours), closed: false, questions: 0 })
    }

    /// Takes the next notice, without waiting.
    ///
    /// # Errors
    ///
    /// When the launcher has died.
    pub fn notice(&self) -> Result<Option<Notice>, SandboxError> {
        match self.control()?.try_receive() {
            Ok(Received::Message((Answer::Gone { stage, status }, _))) => Ok(Some(Notice::Gone { stage, status })),
            Ok(Received::Message((Answer::Created { stage, process }, _))) => {
                Ok(Some(Notice::Created { stage, process }))
            }
            Ok(Received::Message((Answer::Ready { .. }, _)) | Received::Nothing) => Ok(None),
            Ok(Received::End) | Err(_) => Err(SandboxError::LauncherDied),
        }
    }

    /// Ends a stage with everything in it, even if its first process was stopped. Its [`Notice`]
    /// still comes.
    pub fn end(&self, stage: StageId) {
        self.request(Request::End { stage });
    }

    /// Stops the processes of all stages, as Ctrl-Z does.
    pub fn pause(&self) {
        self.request(Request::Pause);
    }

    /// Continues the processes of all stages.
    pub fn resume(&self) {
        self.request(Request::Resume);
    }

    /// Sends a request as soon as the socket has room. A launcher that has died does not need it.
    fn request(&self, request: Request) {
        self.unsent.borrow_mut().push_back(request);
        self.catch_up();
    }

    /// Sends requests that had to wait; `true` when some still wait.
    ///
    /// Then poll [`Launcher::fd`] for room.
    pub fn catch_up(&self) -> bool {
        let Some(control) = &self.control else { return false };
        let mut unsent = self.unsent.borrow_mut();
        while let Some(request) = unsent.front() {
            // Without waiting, for the reason given in `launch`.
            if control.try_send(request, &[]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return true;
            }
            unsent.pop_front();
        }
        false
    }

    /// Removes the data directory of a stage that has ended, and its parent.
    ///
    /// # Errors
    ///
    /// When something in it cannot be removed.
    pub fn remove_directory(&self, data: &Path) -> io::Result<()> {
        let own = data.parent().unwrap_or(data);
        // Processes outlive other stages, and may still write to it.
        if self.isolation.has(Property::Kill) { self.spares.reclaim(own, data) } else { tree::remove(own) }
    }

    /// Leaves the run's directory to the user from now on, whatever happens.
    ///
    /// [`Launcher::dismiss`] still needs [`DirectoryFate::Keep`].
    pub fn leave_directory(&self) {
        run_directory::leave(&self.run_directory);
    }

    /// Ends the launcher, with all stages that are left.
    pub fn dismiss(mut self, directory: DirectoryFate) {
        self.directory_fate = directory;
        self.spares.remove();
        if let Some(control) = &self.control {
            let _ = control.send(&Request::Dismiss { directory }, &[]);
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.control = None;
        if let Ok(launcher) = processes::Child::hold(Pid::from_child(&self.child)) {
            // It ends when its stages have, unless it was stopped or one of them is stuck in the
            // kernel.
            if !plain::end_of(launcher.pidfd(), FAREWELL) {
                let _ = launcher.signal(Signal::KILL);
                plain::end_of(launcher.pidfd(), FAREWELL / 5);
            }
        }
        let done = matches!(self.child.try_wait(), Ok(Some(status)) if status.success());
        let removes = self.directory_fate == DirectoryFate::Remove && !self.run_directory.as_os_str().is_empty();
        if !done && removes {
            // It was killed and could not remove the directory. Its stages are ending by their
            // parent-death signal.
            run_directory::remove_orphaned(&self.run_directory, FAREWELL);
        }
    }
}

fn has_proc() -> bool {
    Path::new("/proc/self/exe").exists()
}

/// The runner's end of a stage's channel. Dropping it ends the stage.
#[derive(Debug)]
pub struct RunnerEnd {
    pipe: Pipe,
    closed: bool,
    /// How many questions of the stage were answered.
    questions: usize,
}

impl RunnerEnd {
    /// Returns a descriptor that is readable when there is a message.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.fd()
    }

    /// Takes the stage's next message, without waiting. Answers its questions.
    pub fn receive(&mut self) -> Received<StageMessage> {
        loop {
            match self.pipe.receive() {
                Received::Message(frame) => match messages::decode_question(&frame) {
                    Some(inodes) if self.questions < messages::MOST_QUESTIONS => {
                        self.questions += 1;
                        outside::answer(&mut self.pipe, &inodes);
                    }
                    _ => return Received::Message(StageMessage::decode(frame)),
                },
                Received::Nothing => return Received::Nothing,
                Received::End => return Received::End,
            }
        }
    }

    /// Lets the worker begin as soon as it is ready.
    pub fn begin(&mut self) {
        let _ = self.pipe.send(messages::BEGIN);
    }

    /// Asks the worker to end: its waits end at once, and it stops its processes politely.
    pub fn interrupt(&mut self) {
        let _ = self.pipe.send(messages::INTERRUPT);
    }

    /// Ends the stage at once, with everything in it. Its messages can still be received.
    pub fn collapse(&mut self) {
        if !self.closed {
            self.closed = true;
            let _ = self.pipe.stream().shutdown(std::net::Shutdown::Write);
        }
    }
}

/// Creates a file in memory with these bytes.
fn sealed_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("greenroom", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}
