//! A stage from inside: first process and worker.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, set_child_subreaper, set_parent_process_death_signal, wait,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use serde::{Deserialize, Serialize};

use crate::channel::Pipe;
use crate::isolation::{self, Isolation, Property, Room};
use crate::process::{Watch, table};
use crate::run_directory;
use crate::sys::{self, Side};

/// What runs inside stages. The launcher prepares it once; every stage's worker plays it once, in a copy of the launcher's memory.
pub trait Agent {
    /// What all stages of the run share.
    type Prologue;

    /// Reads what the runner sent for all stages.
    fn prepare(&self, prologue: &[u8]) -> Self::Prologue;

    /// Called in the launcher before a stage with a hint is made, where stages have process namespaces: what many stages share can
    /// be started here. `in_use` are the hints of the stages there are. It must not wait for anything, since every stage would; and what the prologue holds is dropped in the launcher alone, when all stages are gone.
    fn make_ready(&self, prologue: &mut Self::Prologue, hint: u32, in_use: &[u32]) {
        let _ = (prologue, hint, in_use);
    }

    /// Carries out one stage's work. The worker's process ends when it returns.
    fn play(&self, prologue: &Self::Prologue, stage: Stage);
}

/// Call this first thing in `main`: it returns at once unless this process was started as a launcher, and then never.
///
/// It also takes everything out of the signal mask, so that a careless parent cannot keep signals from the runner, and has writes beyond
/// the limit on the size of files fail.
pub fn enter<A: Agent>(agent: &A) {
    sys::unblock_signals();
    sys::survive_limit_on_files();
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == crate::launcher::LAUNCHER_WORD) && arguments.next().is_none() {
        crate::service::serve(agent);
    }
}

/// How a stage is made, as it travels in front of the payload.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StageOrder {
    /// The stage's data directory; its parent is made too and belongs to the stage alone.
    pub(crate) directory: PathBuf,
    /// Variables for the worker and all it starts.
    pub(crate) environment: Vec<(String, Option<String>)>,
    /// Its namespaces.
    pub(crate) room: Room,
}

/// The worker's side of a stage.
#[derive(Debug)]
pub struct Stage {
    pipe: Pipe,
    directory: PathBuf,
    payload: Vec<u8>,
}

impl Stage {
    /// Its data directory, which is the working directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the runner sent for this stage.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Tells the runner something. An error means that the runner is gone, and with it, in a moment, this process.
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        send(&mut self.pipe, FROM_AGENT, message)
    }

    /// A watch whose waits end when the runner says [`crate::RunnerEnd::interrupt`].
    pub fn watch(&self) -> io::Result<Watch> {
        Ok(Watch::new().interrupted_by(self.pipe.stream().try_clone()?.into()))
    }

    /// Another handle to tell the runner something with.
    pub fn sender(&self) -> io::Result<Sender> {
        Ok(Sender(Pipe::new(self.pipe.stream().try_clone()?)))
    }
}

/// Tells the runner something.
#[derive(Debug)]
pub struct Sender(Pipe);

impl Sender {
    /// See [`Stage::send`].
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        send(&mut self.0, FROM_AGENT, message)
    }
}

/// First byte of a frame of the agent's.
pub(crate) const FROM_AGENT: u8 = b'a';
/// The frame by which the runner lets a worker begin.
pub(crate) const BEGIN: &[u8] = b"begin";
/// First byte of the first process's only frame, sent when there will be no worker.
pub(crate) const NOT_SET_UP: u8 = b'!';

fn send(pipe: &mut Pipe, from: u8, message: &[u8]) -> io::Result<()> {
    pipe.send(&[&[from], message].concat())
}

/// Facts about this process's stage, set once by its first process.
#[derive(Debug, Clone, Copy)]
struct Facts {
    first_process: i32,
    view: View,
    private_network: bool,
    /// The namespaces of its own, as flags of the system call.
    namespaces: i32,
}

/// What `/proc` shows to the processes of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The stage, and nothing else.
    Own,
    /// The whole machine, under the numbers by which the stage knows its processes too.
    Machine,
    /// The whole machine, under other numbers: the stage has a process namespace, but not a `/proc` of its own.
    Foreign,
}

static FACTS: OnceLock<Facts> = OnceLock::new();

/// Where the first process notes for how long the stage has been paused in all, for its worker to read: nanoseconds.
static PAUSES: OnceLock<File> = OnceLock::new();

/// For how long this stage has been paused in all.
pub(crate) fn paused() -> Duration {
    let mut nanoseconds = [0; 8];
    let read = PAUSES.get().and_then(|file| file.read_exact_at(&mut nanoseconds, 0).ok());
    read.map_or(Duration::ZERO, |()| Duration::from_nanos(u64::from_ne_bytes(nanoseconds)))
}

/// The namespaces that this stage has of its own, for a process from outside to enter in this order; an error when `/proc` does
/// not have them.
pub fn namespaces() -> io::Result<Vec<OwnedFd>> {
    let own = FACTS.get().map_or(0, |facts| facts.namespaces);
    sys::namespace_files(own).map(|name| Ok(File::open(format!("/proc/self/ns/{name}"))?.into())).collect()
}

/// Sends a few bytes over a Unix socket in one message, with descriptors, which the other side gets copies of. Does not wait until
/// there is room for it: then it fails.
pub fn send_with(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    crate::channel::send_with(socket, bytes, fds, rustix::net::SendFlags::DONTWAIT)
}

fn note_pauses(total: Duration) {
    let nanoseconds = u64::try_from(total.as_nanos()).unwrap_or(u64::MAX);
    let _ = PAUSES.get().map(|file| file.write_all_at(&nanoseconds.to_ne_bytes(), 0));
}

/// The stage's first process; outside of a stage, this process.
pub(crate) fn first_process() -> i32 {
    FACTS.get().map_or_else(|| i32::try_from(std::process::id()).unwrap_or(-1), |facts| facts.first_process)
}

/// What `/proc` shows.
pub(crate) fn view() -> View {
    FACTS.get().map_or(View::Machine, |facts| facts.view)
}

/// Whether nothing outside of this stage can listen on its ports.
pub(crate) fn has_private_network() -> bool {
    FACTS.get().is_some_and(|facts| facts.private_network)
}

/// Exit statuses of first processes that are not their worker's: the stage could not be set up.
pub(crate) const SETUP_FAILED: i32 = 120;

/// With what a first process begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) channel: OwnedFd,
    pub(crate) order: File,
    /// Stays open until the stage is gone.
    pub(crate) holds: Vec<OwnedFd>,
}

/// Becomes the first process of a stage. The caller has closed everything of the launcher's.
pub(crate) fn first_process_main<A: Agent>(
    agent: &A,
    prologue: &A::Prologue,
    isolation: &Isolation,
    ids: (u32, u32),
    beginning: Beginning,
) -> ! {
    let Beginning { channel, order, holds } = beginning;
    let mut pipe = Pipe::new(UnixStream::from(channel));
    let worker = match run_directory::whatever_the_umask(|| set_up(isolation, ids, order)) {
        Ok((order, payload, signals)) => match isolation::patiently(sys::fork) {
            Ok(Side::Child) => worker_main(agent, prologue, isolation, pipe, order, payload),
            Ok(Side::Parent(worker)) => Ok((worker, signals)),
            Err(error) => Err(format!("start the worker: {}", isolation::in_words(&error))),
        },
        Err(error) => Err(error),
    };
    match worker {
        Ok((worker, signals)) => tend(worker, &pipe, &signals, isolation, &holds),
        // Reasons follow "failed to".
        Err(reason) => {
            let _ = send(&mut pipe, NOT_SET_UP, reason.as_bytes());
            sys::exit_now(SETUP_FAILED)
        }
    }
}

fn set_up(isolation: &Isolation, ids: (u32, u32), mut order: File) -> Result<(StageOrder, Vec<u8>, OwnedFd), String> {
    let own_processes = isolation.has(Property::Kill);
    let death = if own_processes {
        Signal::KILL
    } else {
        set_child_subreaper(Pid::from_raw(1)).map_err(|error| format!("become a subreaper: {error}"))?;
        // Not SIGKILL: this process must outlive the launcher long enough to kill what descends from it.
        Signal::TERM
    };
    // Set after the clone's change of credentials, which would clear it. Should the launcher have died before, the runner
    // notices that and closes our channel.
    set_parent_process_death_signal(Some(death)).map_err(|error| error.to_string())?;
    let _ = rustix::process::setsid();
    let signals = sys::signals_of_first_process().map_err(|error| format!("open a signal descriptor: {error}"))?;
    let mut bytes = Vec::new();
    order.read_to_end(&mut bytes).map_err(|error| format!("read the order: {error}"))?;
    drop(order);
    let (order, payload) = decode(&bytes).ok_or("read the order: it is malformed")?;
    let view = match (isolation.has(Property::Proc), own_processes) {
        (true, _) => View::Own,
        (false, true) => View::Foreign,
        (false, false) => View::Machine,
    };
    let private_network = isolation.has(Property::Network) && !order.room.host_network;
    let first_process = i32::try_from(std::process::id()).unwrap_or(1);
    let namespaces = isolation.clone_flags() | isolation.unshare_flags(&order.room);
    let _ = FACTS.set(Facts { first_process, view, private_network, namespaces });
    if let Ok(file) = memfd_create("greenroom-pauses", MemfdFlags::CLOEXEC) {
        let _ = PAUSES.set(file.into());
        note_pauses(Duration::ZERO);
    }
    if let Some(own) = order.directory.parent() {
        // The parent first: it is bound into the new /tmp when it lies there.
        let made = std::fs::DirBuilder::new().mode(0o700).create(own);
        let made = made.and_then(|()| std::fs::DirBuilder::new().mode(0o755).create(&order.directory));
        made.map_err(|error| format!("create {}: {}", order.directory.display(), isolation::in_words(&error)))?;
    }
    isolation::enter(isolation, &order.room, ids).map_err(|refused| format!("set its sandbox up: {refused}"))?;
    Ok((order, payload, signals))
}

/// An order: the length of the description, the description, the payload.
pub(crate) fn encode(order: &StageOrder, payload: &[u8]) -> io::Result<Vec<u8>> {
    let description = serde_json::to_vec(order)?;
    let length = u32::try_from(description.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok([&length.to_ne_bytes(), description.as_slice(), payload].concat())
}

fn decode(bytes: &[u8]) -> Option<(StageOrder, Vec<u8>)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (description, payload) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
    Some((serde_json::from_slice(description).ok()?, payload.to_vec()))
}

/// The first process's whole life: reap, pause and go on when it is told to, and go when the worker or the runner has gone.
fn tend(worker: Pid, pipe: &Pipe, signals: &OwnedFd, isolation: &Isolation, _holds: &[OwnedFd]) -> ! {
    let mut status = None;
    let mut paused = Vec::new();
    let (mut since, mut total) = (None, Duration::ZERO);
    loop {
        let lifeline = PollFlags::RDHUP;
        let mut fds = [PollFd::new(signals, PollFlags::IN), PollFd::from_borrowed_fd(pipe.fd(), lifeline)];
        let _ = poll(&mut fds, None);
        let mut cut = !fds[1].revents().is_empty();
        // Records of 128 bytes each, the signal's number first. One look takes all that there can be: signals of a kind merge.
        let mut records = [0u8; 8 * 128];
        let length = rustix::io::read(signals, &mut records).unwrap_or(0);
        let numbers = records[..length].chunks(128).filter_map(|record| record.first_chunk::<4>());
        for number in numbers.map(|number| i32::from_ne_bytes(*number)) {
            if number == Signal::TERM.as_raw() {
                cut = true;
            } else if number == Signal::TSTP.as_raw() {
                since.get_or_insert_with(Instant::now);
                pause(&mut paused);
            } else if number == Signal::CONT.as_raw() {
                if let Some(since) = since.take() {
                    total += Instant::now().saturating_duration_since(since);
                    note_pauses(total);
                }
                for process in paused.drain(..).rev() {
                    let _ = kill_process(process, Signal::CONT);
                }
            }
        }
        while let Ok(Some((pid, ended))) = wait(WaitOptions::NOHANG) {
            if pid == worker {
                status = ended.exit_status().or_else(|| ended.terminating_signal().map(|signal| 128 + signal));
            }
        }
        if status.is_some() || cut {
            if !isolation.has(Property::Kill) {
                kill_descendants();
            }
            // In a process namespace of its own the kernel kills the rest now, and this process counts as ended only when all of it is gone.
            sys::exit_now(status.unwrap_or(128 + Signal::KILL.as_raw()));
        }
    }
}

/// Stops every process of the stage but this one. Those that somebody has stopped before are left alone, now and later.
fn pause(paused: &mut Vec<Pid>) {
    let mut seen = BTreeSet::new();
    loop {
        // Again until there is nothing new: what runs can fork meanwhile.
        let new: Vec<(i32, char)> = table::everything().into_iter().filter(|(pid, _)| seen.insert(*pid)).collect();
        if new.is_empty() {
            return;
        }
        for process in new.iter().filter(|(_, state)| *state != 'T').filter_map(|(pid, _)| Pid::from_raw(*pid)) {
            if kill_process(process, Signal::STOP).is_ok() {
                paused.push(process);
            }
        }
    }
}

/// Kills everything below this process, until nothing is left: what one look misses is reparented to this subreaper and
/// found by the next. A process that takes its parent's children along by forking faster than we look is outrun because
/// its own number is killed each round.
fn kill_descendants() {
    let own = i32::try_from(std::process::id()).unwrap_or(-1);
    loop {
        for pid in table::descendants(own).into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        // Blocks until one of them is there to be reaped; ECHILD means that none is left.
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn worker_main<A: Agent>(
    agent: &A,
    prologue: &A::Prologue,
    isolation: &Isolation,
    pipe: Pipe,
    order: StageOrder,
    payload: Vec<u8>,
) -> ! {
    sys::unblock_signals();
    if isolation.as_user {
        // The user namespace gave this process all capabilities; the user whose documents check permissions has none.
        let none = CapabilitySet::empty();
        let _ = set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none });
    }
    for (name, value) in &order.environment {
        sys::set_variable(name.as_ref(), value.as_ref().map(OsString::from).as_ref());
    }
    let entered = rustix::process::chdir(&order.directory);
    let mut pipe = pipe;
    let code = match entered {
        // All is made; the work begins when the runner says so.
        Ok(()) if pipe.wait_for_one().as_deref() == Some(BEGIN) => {
            let stage = Stage { pipe, directory: order.directory, payload };
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| agent.play(prologue, stage)));
            i32::from(played.is_err())
        }
        Ok(()) => 0,
        Err(error) => {
            let reason = format!("enter {}: {error}", order.directory.display());
            let _ = send(&mut pipe, NOT_SET_UP, reason.as_bytes());
            SETUP_FAILED
        }
    };
    sys::exit_now(code)
}
