//! The launcher: the process that makes stages, from both of its sides.
//!
//! The runner's side is [`Launcher`]; `serve` is what the launcher process itself does. Between them go `Request`s and
//! `Answer`s, with a stage's channel and order as descriptors beside them.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use serde::{Deserialize, Serialize};

use crate::channel::{Control, Pipe, Received};
use crate::isolation::{self, Isolation, Room, Rung, SandboxChoice};
use crate::process::{Status, Watch};
use crate::stage::{self, Agent, StageOrder};
use crate::sys::{self, Side};
use crate::tree;

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
#[derive(Debug, Clone, Default)]
pub struct StageSpec {
    /// Its data directory. It does not exist yet, and neither does its parent, which belongs to this stage alone; the parent's
    /// parent is [`Launcher::run_directory`].
    pub directory: PathBuf,
    /// Variables for everything in the stage, over those of the runner; no value unsets.
    pub environment: Vec<(String, Option<String>)>,
    /// Whether it has the machine's network.
    pub host_network: bool,
}

/// Why the sandbox cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The launcher could not be started.
    #[error("failed to start the launcher: {0}")]
    Start(#[source] io::Error),
    /// The launcher is gone.
    #[error("the launcher has died; somebody killed it, or the machine is out of memory")]
    LauncherDied,
    /// The user insists on sealed stages and the machine does not allow them.
    #[error("this machine does not allow sealed scenarios: {0}")]
    NotSealed(String),
    /// The run's directory could not be made.
    #[error("failed to create a directory in {directory}: {reason}", directory = directory.display())]
    Directory {
        /// Where.
        directory: PathBuf,
        /// Why.
        reason: String,
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
enum Request {
    /// Begin the run; the prologue is in a descriptor beside it.
    Begin { choice: SandboxChoice, temporary_directory: PathBuf },
    /// Make a stage; its channel and its order are beside it.
    Launch { stage: StageId },
    /// The run is over; what is in its directory is to stay or not.
    Dismiss { keep: bool },
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
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
    keep: Vec<PathBuf>,
}

impl Launcher {
    /// Starts this executable again as a launcher. Its `main` must call [`crate::enter`].
    #[expect(clippy::disallowed_methods, reason = "the sandbox is where processes are started")]
    pub fn start(options: LauncherOptions) -> Result<Self, SandboxError> {
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
            .map_err(SandboxError::Start)?;
        let prologue = sealed_file(&options.prologue).map_err(SandboxError::Start)?;
        let isolation = Isolation { rung: Rung::Tended, reason: None };
        // What is not there need not be kept.
        let keep = options.keep.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut launcher = Self { control: Some(control), child, isolation, run_directory: PathBuf::new(), keep };
        let directory = options.temporary_directory;
        let begin = Request::Begin { choice: options.choice, temporary_directory: directory.clone() };
        launcher.control()?.send(&begin, &[prologue.as_fd()], true).map_err(|_| SandboxError::LauncherDied)?;
        match launcher.control()?.receive(true) {
            Ok(Some((Answer::Ready { isolation, run_directory }, _))) => {
                launcher.isolation = isolation;
                launcher.run_directory =
                    run_directory.map_err(|reason| SandboxError::Directory { directory, reason })?;
            }
            _ => return Err(SandboxError::LauncherDied),
        }
        if options.choice == SandboxChoice::Sealed && !launcher.isolation.sealed() {
            return Err(SandboxError::NotSealed(launcher.isolation.reason.clone().unwrap_or_default()));
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
        let sent = self.control()?.send(&Request::Launch { stage }, &[theirs.as_fd(), order.as_fd()], false);
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

    /// Ends the launcher; the run's directory stays if `keep`. Stages that still are end too.
    pub fn dismiss(self, keep: bool) {
        if let Some(control) = &self.control {
            let _ = control.send(&Request::Dismiss { keep }, &[], true);
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.control = None;
        // It ends when its stages have. Should one of them hang in the kernel, it is left to end by itself.
        if let Ok(pidfd) = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()) {
            let _ = Watch::new().end_of("the launcher", &pidfd, FAREWELL);
        }
        let _ = self.child.try_wait();
    }
}

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
        let _ = self.pipe.send(b"begin");
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

// ---- The launcher process -------------------------------------------------------------------------------------------

/// A stage that the launcher has made.
struct Made {
    stage: StageId,
    pidfd: OwnedFd,
}

/// Everything the launcher holds; dropped as a whole in a new first process, so that no stage has a hand on another.
struct Serving {
    control: Control,
    made: Vec<Made>,
}

/// The launcher's life.
pub(crate) fn serve<A: Agent>(agent: &A) -> ! {
    let code = match begin() {
        Some((control, rung, run_directory, prologue)) => {
            let prologue = agent.prepare(&prologue);
            let ids = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
            let keep = make_stages(Serving { control, made: Vec::new() }, rung, ids, agent, &prologue);
            if !keep {
                let _ = tree::remove(&run_directory);
            }
            0
        }
        None => 1,
    };
    sys::exit_now(code)
}

fn begin() -> Option<(Control, Rung, PathBuf, Vec<u8>)> {
    let _ = rustix::process::setsid();
    sys::reset_signals();
    sys::know_the_processor();
    // The control line came as standard input; programs of the stages must not find it there.
    let control = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3).ok()?;
    let null = File::open("/dev/null").ok()?;
    rustix::stdio::dup2_stdin(&null).ok()?;
    // Descriptors that the runner's parent left open are none of the stages' business.
    close_strangers(&[&control]);
    let control = Control::new(control);
    let Ok(Some((Request::Begin { choice, temporary_directory }, fds))) = control.receive(true) else {
        return None;
    };
    let mut prologue = Vec::new();
    if let Some(fd) = fds.into_iter().next() {
        let _ = io::Read::read_to_end(&mut File::from(fd), &mut prologue);
    }
    let isolation = probe(choice);
    let rung = isolation.rung;
    // Should the runner be gone by now, that is noticed in the loop, which then sees to the run's directory.
    let run_directory = make_run_directory(&temporary_directory).map_err(|error| error.to_string());
    let _ = control.send(&Answer::Ready { isolation, run_directory: run_directory.clone() }, &[], true);
    Some((control, rung, run_directory.ok()?, prologue))
}

/// Makes the run's directory. The launcher does it, since it is the one that outlives every accident of the runner's.
fn make_run_directory(parent: &Path) -> io::Result<PathBuf> {
    // Asked first: the error of making one would name a path that nobody has seen.
    std::fs::metadata(parent)?;
    let made = tempfile::Builder::new()
        .prefix("greenroom-")
        // Others may pass through, to what a scenario opens to them, but not look around.
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir_in(parent)
        .map_err(|error| io::Error::from(error.kind()))?;
    // Without links in its path, as mounts need it.
    made.keep().canonicalize()
}

/// Marks every descriptor but 0 to 2 and these to be closed in started programs.
fn close_strangers(own: &[&OwnedFd]) {
    use std::os::fd::AsRawFd;
    let own: Vec<i32> = own.iter().map(|fd| fd.as_raw_fd()).collect();
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !own.contains(fd)) {
        sys::close_on_exec(fd);
    }
}

/// Finds out what the machine allows by doing all of it in a throwaway process.
fn probe(choice: SandboxChoice) -> Isolation {
    if choice == SandboxChoice::Tended {
        return Isolation { rung: Rung::Tended, reason: Some("as asked for".to_owned()) };
    }
    let mut reason = None;
    let rungs = if rustix::process::geteuid().is_root() {
        [Rung::Sealed, Rung::SealedAsUser].as_slice()
    } else {
        [Rung::SealedAsUser].as_slice()
    };
    for &rung in rungs {
        match try_rung(rung) {
            Ok(()) => return Isolation { rung, reason: None },
            Err(why) => reason = reason.or(Some(why)),
        }
    }
    Isolation { rung: Rung::Tended, reason }
}

fn try_rung(rung: Rung) -> Result<(), String> {
    let failed = |error: io::Error| format!("failed to create a process namespace: {error}");
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let ids = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    match sys::clone(rung.clone_flags()).map_err(failed)? {
        Side::Child => {
            drop(ours);
            let as_user = (rung == Rung::SealedAsUser).then_some(ids);
            let said = isolation::enter(&Room::default(), as_user).map_err(|refused| refused.to_string());
            if let Err(reason) = said.and_then(|()| talk_to_self()) {
                let _ = Pipe::new(theirs).send(reason.as_bytes());
                sys::exit_now(1);
            }
            sys::exit_now(0)
        }
        Side::Parent(child) => {
            drop(theirs);
            let said = stage::first_frame(&mut Pipe::new(ours));
            let ended = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
            match (ended, said) {
                (Ok(Some((_, status))), _) if status.exit_status() == Some(0) => Ok(()),
                (_, Some(reason)) => Err(format!("failed to {}", String::from_utf8_lossy(&reason))),
                _ => Err("the probe died".to_owned()),
            }
        }
    }
}

/// A round trip over loopback: an interface that says it is up and carries nothing has been seen.
fn talk_to_self() -> Result<(), String> {
    let round_trip = || -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        listener.accept().map(|_| ())
    };
    round_trip().map_err(|error| format!("connect over the loopback interface: {error}"))
}

/// Makes stages and tells of their ends until the run is over or the runner is gone; whether the run's directory is to stay.
fn make_stages<A: Agent>(mut serving: Serving, rung: Rung, ids: (u32, u32), agent: &A, prologue: &A::Prologue) -> bool {
    let keep = loop {
        let mut fds = vec![PollFd::from_borrowed_fd(serving.control.fd(), PollFlags::IN)];
        fds.extend(serving.made.iter().map(|made| PollFd::new(&made.pidfd, PollFlags::IN)));
        if poll(&mut fds, None).is_err() {
            continue;
        }
        let asked = !fds[0].revents().is_empty();
        let ended: Vec<bool> = fds[1..].iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut ended = ended.into_iter();
        let (gone, made) = serving.made.into_iter().partition(|_| ended.next().unwrap_or(false));
        serving.made = made;
        if gone.into_iter().any(|made| tell(&serving.control, &made).is_err()) {
            break false;
        }
        if !asked {
            continue;
        }
        match serving.control.receive(false) {
            Ok(Some((Request::Launch { stage }, fds))) => {
                serving = make(serving, stage, fds, rung, ids, agent, prologue);
            }
            Ok(Some((Request::Dismiss { keep }, _))) => break keep,
            Ok(Some((Request::Begin { .. }, _))) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(None) | Err(_) => break false,
        }
    };
    for made in &serving.made {
        // A tended first process must kill what descends from it before it goes, and must not be stopped for that.
        let signal = if rung == Rung::Tended { Signal::TERM } else { Signal::KILL };
        let _ = pidfd_send_signal(&made.pidfd, signal);
        let _ = pidfd_send_signal(&made.pidfd, Signal::CONT);
    }
    let until = Instant::now() + FAREWELL / 2;
    for made in &serving.made {
        let gone = Watch::new().readable(&[made.pidfd.as_fd()], until);
        if !matches!(gone, Ok(true)) {
            // What descends from it is then beyond our reach, as it was beyond its own.
            let _ = pidfd_send_signal(&made.pidfd, Signal::KILL);
        }
    }
    keep
}

/// Reaps an ended first process and says so.
fn tell(control: &Control, made: &Made) -> io::Result<()> {
    let (status, signal) = match waitid(WaitId::PidFd(made.pidfd.as_fd()), WaitIdOptions::EXITED) {
        Ok(Some(ended)) => (ended.exit_status(), ended.terminating_signal()),
        _ => (None, None),
    };
    let signal = signal.or((status.is_none()).then_some(Signal::KILL.as_raw()));
    control.send(&Answer::Gone { stage: made.stage, status, signal, error: None }, &[], true)
}

fn make<A: Agent>(
    mut serving: Serving,
    stage: StageId,
    fds: Vec<OwnedFd>,
    rung: Rung,
    ids: (u32, u32),
    agent: &A,
    prologue: &A::Prologue,
) -> Serving {
    let mut fds = fds.into_iter();
    let (Some(channel), Some(order)) = (fds.next(), fds.next()) else {
        return serving;
    };
    let made = clone_patiently(rung, &serving.made).and_then(|side| match side {
        Side::Child => Ok(None),
        Side::Parent(pid) => pidfd_open(pid, PidfdFlags::empty()).map(Some).map_err(io::Error::from),
    });
    match made {
        Ok(None) => {
            drop(serving);
            stage::first_process_main(agent, prologue, rung, ids, channel, File::from(order))
        }
        Ok(Some(pidfd)) => serving.made.push(Made { stage, pidfd }),
        Err(error) => {
            let error = Some(format!("failed to create a process: {error}"));
            let _ = serving.control.send(&Answer::Gone { stage, status: None, signal: None, error }, &[], true);
        }
    }
    serving
}

/// Namespaces and process numbers are given back a moment after their users have ended, so "none left" is first met with
/// patience: until another stage ends, or a little later, for two seconds in all.
fn clone_patiently(rung: Rung, made: &[Made]) -> io::Result<Side> {
    let begun = Instant::now();
    loop {
        match sys::clone(rung.clone_flags()) {
            Err(error) if isolation::may_pass(&error) && begun.elapsed() < isolation::PATIENCE => {
                let mut fds: Vec<PollFd<'_>> =
                    made.iter().map(|made| PollFd::new(&made.pidfd, PollFlags::IN)).collect();
                let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
            }
            other => return other,
        }
    }
}

/// How long runner and launcher wait at the end for what does not end.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long an ending may take at most before something is wrong with the kernel.
pub const COLLAPSE_LIMIT: Duration = Duration::from_secs(30);
