//! The launcher process: creates stages, reports their ends, and owns the run's directory.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, kill_process, set_child_subreaper, waitpid};

use super::channel::{Control, Received};
use super::messages::{Answer, DirectoryFate, FAREWELL, MappedStage, Request, SetupFailure, StageId};
use super::run_directory::{self, RunDirectory};
use crate::callers;
use crate::isolation::id_maps::{self, reclaim, reclaim_stale};
use crate::isolation::patience::patiently;
use crate::isolation::probe::probe;
use crate::isolation::{Ids, Isolation, Property, SystemError};
use crate::process::wait::plain;
use crate::process::{Child, ExitStatus, Signal, table};
use crate::stage::Agent;
use crate::stage::first_process::{self, Arguments};
use crate::surroundings::this_process;
use crate::sys::{self, Side};

/// How long a first process without a process namespace may take to kill its descendants.
const TENDED_END: Duration = Duration::from_secs(2);

/// Before it creates a stage of this number, the launcher makes its copies cheaper.
///
/// That takes 3 ms, as much as it saves with ten stages.
const MANY_STAGES: u32 = 16;

/// A stage that the launcher has created.
struct LiveStage {
    id: StageId,
    hint: Option<u32>,
    /// Its directory, if another user than the present one owns what is in it.
    foreign: Option<PathBuf>,
    first: Child,
    /// Since when it has been asked to end.
    ending: Option<Instant>,
}

/// Everything that the launcher holds.
///
/// A new first process closes it as a whole, so that no stage has access to another.
struct Holdings {
    control: Control,
    stages: Vec<LiveStage>,
}

/// What is the same for all stages.
struct Run<'a, A: Agent> {
    agent: &'a A,
    prologue: A::Prologue,
    isolation: Isolation,
    ids: Ids,
    /// Removes what earlier runs have left behind.
    sweeper: Option<Child>,
    /// How many stages were asked for.
    stages: u32,
}

/// Runs the launcher to its end.
pub(crate) fn serve<A: Agent>(agent: &A) -> ! {
    let code = match begin() {
        Some(Beginning { control, isolation, ids, directory, prologue, stale }) => {
            let (control, directory, sweeper) = sweep(control, directory, stale);
            let mut run = Run { agent, prologue: agent.prepare(&prologue), isolation, ids, sweeper, stages: 0 };
            // The directory's lock stays open in every stage: it is in use until the last of them
            // has ended.
            let fate = run.serve(Holdings { control, stages: Vec::new() });
            // What stages share ends before the run's directory is removed.
            drop(run);
            match fate {
                DirectoryFate::Keep => directory.keep(),
                DirectoryFate::Remove => {
                    let _ = directory.remove();
                }
            }
            0
        }
        None => 1,
    };
    sys::exit_now(code)
}

/// What the launcher begins with.
struct Beginning {
    control: Control,
    isolation: Isolation,
    ids: Ids,
    directory: RunDirectory,
    prologue: Vec<u8>,
    stale: Vec<RunDirectory>,
}

fn begin() -> Option<Beginning> {
    let _ = rustix::process::setsid();
    sys::reset_signals();
    sys::survive_failed_writes();
    sys::detect_processor_features();
    callers::outside();
    // The control socket came as standard input; programs of the stages must not find it there.
    let control = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3).ok()?;
    let null = File::open("/dev/null").ok()?;
    rustix::stdio::dup2_stdin(&null).ok()?;
    // Stages must not inherit descriptors that the runner's parent left open.
    close_others_on_exec(&[&control]);
    let control = Control::new(control);
    let Ok(Some((Request::Begin { choice, temporary_directory }, fds))) = control.receive() else {
        return None;
    };
    let mut prologue = Vec::new();
    if let Some(fd) = fds.into_iter().next() {
        let _ = File::from(fd).read_to_end(&mut prologue);
    }
    let ids = Ids::own();
    let isolation = probe(choice, ids);
    if !isolation.has(Property::Kill) {
        // If a first process is killed, its descendants become our children.
        let _ = set_child_subreaper(Pid::from_raw(1));
    }
    // If the runner has died by now, the loop notices it and removes the run's directory.
    let directory = run_directory::with_open_umask(|| RunDirectory::create(&temporary_directory));
    let stale = RunDirectory::stale(&temporary_directory);
    let path: Result<PathBuf, String> = match &directory {
        Ok(directory) => Ok(directory.path().to_owned()),
        Err(error) => Err(in_words(error)),
    };
    let _ = control.send(&Answer::Ready { isolation: isolation.clone(), run_directory: path }, &[]);
    Some(Beginning { control, isolation, ids, directory: directory.ok()?, prologue, stale })
}

/// Marks all descriptors except 0 to 2 and these to be closed in started programs.
fn close_others_on_exec(own: &[&OwnedFd]) {
    let own: Vec<i32> = own.iter().map(|fd| fd.as_raw_fd()).collect();
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !own.contains(fd)) {
        sys::close_on_exec(fd);
    }
}

/// Removes what earlier runs have left behind, in a process of its own beside the run.
///
/// There is something to remove only if all processes of a run were killed.
fn sweep(
    control: Control,
    directory: RunDirectory,
    stale: Vec<RunDirectory>,
) -> (Control, RunDirectory, Option<Child>) {
    if stale.is_empty() {
        return (control, directory, None);
    }
    match sys::fork() {
        Ok(Side::Child) => {
            drop((control, directory));
            for directory in stale {
                reclaim_stale(directory.path());
                let _ = directory.remove();
            }
            sys::exit_now(0)
        }
        Ok(Side::Parent(pid)) => (control, directory, Child::hold(pid).ok()),
        Err(_) => (control, directory, None),
    }
}

impl<A: Agent> Run<'_, A> {
    /// Creates stages and reports their ends until the run is over or the runner has died.
    ///
    /// Returns what is to happen to the run's directory.
    fn serve(&mut self, mut holdings: Holdings) -> DirectoryFate {
        let fate = loop {
            let mut fds = vec![PollFd::from_borrowed_fd(holdings.control.fd(), PollFlags::IN)];
            fds.extend(
                holdings.stages.iter().map(|stage| PollFd::from_borrowed_fd(stage.first.pidfd(), PollFlags::IN)),
            );
            let overdue =
                holdings.stages.iter().filter_map(|stage| stage.ending).min().map(|ending| ending + TENDED_END);
            let timeout = overdue.map(|at| at.saturating_duration_since(Instant::now()));
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            if poll(&mut fds, timeout.as_ref()).is_err() {
                continue;
            }
            let requested = !fds[0].revents().is_empty();
            let ended: Vec<bool> = fds[1..].iter().map(|fd| !fd.revents().is_empty()).collect();
            drop(fds);
            let mut ended = ended.into_iter();
            let (gone, live): (Vec<LiveStage>, Vec<LiveStage>) =
                holdings.stages.into_iter().partition(|_| ended.next().unwrap_or(false));
            holdings.stages = live;
            if self.report(&holdings, &gone).is_err() {
                break DirectoryFate::Remove;
            }
            // A stage that is launched now would have copies of their descriptors.
            drop(gone);
            for stage in &mut holdings.stages {
                if stage.ending.is_some_and(|since| since.elapsed() >= TENDED_END) {
                    stage.ending = None;
                    let _ = stage.first.signal(Signal::KILL);
                }
            }
            if !requested {
                continue;
            }
            match holdings.control.try_receive() {
                Ok(Received::Message((Request::Launch { stage, hint, mapped, is_observed }, fds))) => {
                    if let Some(hint) = hint
                        && self.isolation.has(Property::Kill)
                    {
                        let in_use: Vec<u32> = holdings.stages.iter().filter_map(|stage| stage.hint).collect();
                        self.agent.make_ready(&mut self.prologue, hint, &in_use);
                    }
                    self.stages = self.stages.saturating_add(1);
                    if self.stages == MANY_STAGES {
                        sys::prepare_for_many_copies();
                    }
                    holdings = self.launch(holdings, (stage, hint, mapped), fds);
                    let created = holdings.stages.last().filter(|latest| is_observed && latest.id == stage);
                    if let Some(process) = created.map(|latest| latest.first.pid().as_raw_nonzero().get())
                        && holdings.control.send(&Answer::Created { stage, process }, &[]).is_err()
                    {
                        break DirectoryFate::Remove;
                    }
                }
                Ok(Received::Message((Request::End { stage }, _))) => {
                    if let Some(stage) = holdings.stages.iter_mut().find(|known| known.id == stage) {
                        self.end(stage);
                    }
                }
                Ok(Received::Message((Request::Pause, _))) => signal_all(&holdings.stages, Signal::TSTP),
                Ok(Received::Message((Request::Resume, _))) => signal_all(&holdings.stages, Signal::CONT),
                Ok(Received::Message((Request::Dismiss { directory }, _))) => break directory,
                Ok(Received::Message((Request::Begin { .. }, _)) | Received::Nothing) => {}
                Ok(Received::End) | Err(_) => break DirectoryFate::Remove,
            }
        };
        for stage in &mut holdings.stages {
            self.end(stage);
        }
        let until = Instant::now() + FAREWELL / 2;
        for stage in &holdings.stages {
            if !plain::readable(&[stage.first.pidfd()], until) {
                let _ = stage.first.signal(Signal::KILL);
            }
        }
        self.kill_orphans(&[]);
        for directory in holdings.stages.iter().filter_map(|stage| stage.foreign.as_ref()) {
            reclaim(directory);
        }
        fate
    }

    /// Ends a stage.
    fn end(&self, stage: &mut LiveStage) {
        if self.isolation.has(Property::Kill) {
            // The kernel kills everything in it.
            let _ = stage.first.signal(Signal::KILL);
        } else {
            // It must kill its descendants before it ends, and must not be stopped while it does.
            let _ = stage.first.signal(Signal::TERM);
            let _ = stage.first.signal(Signal::CONT);
            stage.ending.get_or_insert_with(Instant::now);
        }
    }

    /// Reaps first processes that have ended, and reports them.
    fn report(&self, holdings: &Holdings, gone: &[LiveStage]) -> io::Result<()> {
        // All of them first: a child that is then not a known first process was left behind by one.
        let ended: Vec<_> = gone.iter().map(|stage| (stage.id, stage.first.reap())).collect();
        if !gone.is_empty() {
            self.kill_orphans(&holdings.stages);
        }
        for directory in gone.iter().filter_map(|stage| stage.foreign.as_ref()) {
            reclaim(directory);
        }
        for (stage, ended) in ended {
            let status = ended.ok().flatten().unwrap_or(ExitStatus::Signal(Signal::KILL));
            holdings.control.send(&Answer::Gone { stage, status: Ok(status) }, &[])?;
        }
        Ok(())
    }

    /// Kills what first processes left to us because they were killed themselves.
    ///
    /// That happens only without process namespaces.
    fn kill_orphans(&self, stages: &[LiveStage]) {
        if self.isolation.has(Property::Kill) {
            return;
        }
        let until = Instant::now() + TENDED_END;
        while Instant::now() < until {
            let sweeper = self.sweeper.as_ref().map(Child::pid);
            let known = |pid: &i32| {
                stages
                    .iter()
                    .map(|stage| stage.first.pid())
                    .chain(sweeper)
                    .any(|known| known.as_raw_nonzero().get() == *pid)
            };
            let orphans: Vec<Pid> = table::children(this_process())
                .into_iter()
                .filter(|pid| !known(pid))
                .filter_map(Pid::from_raw)
                .collect();
            if orphans.is_empty() {
                return;
            }
            for orphan in orphans {
                let below = table::descendants(orphan.as_raw_nonzero().get());
                // The worker before what it has started, so that it does not report ends that no
                // step caused.
                let _ = kill_process(orphan, Signal::KILL.raw());
                for below in below.into_iter().filter_map(Pid::from_raw) {
                    let _ = kill_process(below, Signal::KILL.raw());
                }
                if let Ok(orphan) = Child::hold(orphan) {
                    plain::readable(&[orphan.pidfd()], until);
                }
                let _ = waitpid(Some(orphan), WaitOptions::NOHANG);
            }
        }
    }

    /// Creates a stage.
    fn launch(
        &self,
        mut holdings: Holdings,
        (id, hint, users): (StageId, Option<u32>, Option<MappedStage>),
        fds: Vec<OwnedFd>,
    ) -> Holdings {
        let mut fds = fds.into_iter();
        let (Some(channel), Some(order)) = (fds.next(), fds.next()) else {
            return holdings;
        };
        let holds: Vec<OwnedFd> = fds.collect();
        let (mapper, map_wait) = match users.as_ref().map(|_| id_maps::pair()).transpose() {
            Ok(ends) => ends.unzip(),
            Err(error) => {
                let status = Err(SetupFailure::of(error.raw_os_error(), format!("map users: {}", in_words(&error))));
                let _ = holdings.control.send(&Answer::Gone { stage: id, status }, &[]);
                return holdings;
            }
        };
        // Blocked until the first process has a descriptor for them. The launcher does not use
        // them.
        sys::block_signals_of_first_process();
        let cloned = clone_patiently(self.isolation.clone_namespaces(), &holdings.stages);
        let first = cloned.and_then(|side| match side {
            Side::Child => Ok(None),
            Side::Parent(pid) => Child::hold(pid).map(Some).inspect_err(|_| {
                // Not reaped yet, so the number is still its own.
                let _ = kill_process(pid, Signal::KILL.raw());
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }),
        });
        if !matches!(first, Ok(None)) {
            sys::unblock_signals();
        }
        match first {
            Ok(None) => {
                let Holdings { control, stages } = holdings;
                control.close_in_copy();
                drop((stages, mapper));
                let arguments = Arguments { channel, order: File::from(order), map_wait, holds };
                first_process::run(self.agent, &self.prologue, &self.isolation, self.ids, arguments)
            }
            Ok(Some(first)) => {
                drop(map_wait);
                if let (Some(mapper), Some(stage)) = (mapper, &users) {
                    mapper.map(&stage.maps, first.pid());
                }
                let foreign = users.map(|stage| stage.directory);
                holdings.stages.push(LiveStage { id, hint, foreign, first, ending: None });
            }
            Err(error) => {
                let reason = format!("failed to create a process: {}", in_words(&error));
                let status = Err(SetupFailure::of(error.raw_os_error(), reason));
                let _ = holdings.control.send(&Answer::Gone { stage: id, status }, &[]);
            }
        }
        holdings
    }
}

fn signal_all(stages: &[LiveStage], signal: Signal) {
    for stage in stages {
        let _ = stage.first.signal(signal);
    }
}

/// Clones this process; retries for two seconds while there are no namespaces or process numbers
/// left.
///
/// The kernel releases them a moment after their users have ended. While other stages live, the
/// runner decides when to try again, and the launcher must not keep it waiting for their ends.
fn clone_patiently(namespaces: i32, stages: &[LiveStage]) -> io::Result<Side> {
    if stages.is_empty() { patiently(|| sys::clone(namespaces)) } else { sys::clone(namespaces) }
}

/// Formats an error with its symbolic name.
fn in_words(error: &io::Error) -> String {
    SystemError::from(error).to_string()
}
