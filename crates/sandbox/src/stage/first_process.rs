//! The first process of a stage: sets the stage up, reaps, and ends it when its channel closes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, set_child_subreaper, set_parent_process_death_signal, wait,
};

use super::agent::Agent;
use super::worker;
use crate::isolation::disk::mount_disk;
use crate::isolation::id_maps::MapWait;
use crate::isolation::patience::patiently;
use crate::isolation::{Ids, Isolation, Property, SystemError, setup};
use crate::launcher::channel::Pipe;
use crate::launcher::messages::{SETUP_FAILED, SetupFailure, StageMessage, StageOrder};
use crate::launcher::run_directory;
use crate::process::table;
use crate::surroundings::{self, Facts, Network, ProcView, this_process};
use crate::sys::{self, Side};

/// Arguments of a first process.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The stage's end of its channel.
    pub(crate) channel: OwnedFd,
    /// The file with the order and the payload.
    pub(crate) order: File,
    /// What it waits for first, if its user namespace has another user.
    pub(crate) map_wait: Option<MapWait>,
    /// Descriptors that stay open until the stage has ended.
    pub(crate) holds: Vec<OwnedFd>,
}

/// Runs the first process to its end. The caller has closed everything of the launcher's.
pub(crate) fn run<A: Agent>(
    agent: &A,
    prologue: &A::Prologue,
    isolation: &Isolation,
    ids: Ids,
    arguments: Arguments,
) -> ! {
    let Arguments { channel, order, map_wait, holds } = arguments;
    let mut pipe = Pipe::new(UnixStream::from(channel));
    let worker = match run_directory::with_passable_umask(|| set_up(isolation, ids, order, map_wait)) {
        Ok((order, payload, signals)) => match patiently(sys::fork) {
            Ok(Side::Child) => worker::run(agent, prologue, isolation, pipe, order, payload),
            Ok(Side::Parent(worker)) => Ok((worker, signals)),
            Err(error) => {
                Err(SetupFailure::of(error.raw_os_error(), format!("start the worker: {}", SystemError::from(&error))))
            }
        },
        Err(error) => Err(error),
    };
    match worker {
        Ok((worker, signals)) => tend(worker, &pipe, &signals, isolation, &holds),
        Err(failure) => {
            let _ = pipe.send(&StageMessage::encode_not_set_up(&failure));
            sys::exit_now(SETUP_FAILED)
        }
    }
}

/// Sets the stage up. A reason for a failure follows "failed to".
fn set_up(
    isolation: &Isolation,
    ids: Ids,
    mut order: File,
    map_wait: Option<MapWait>,
) -> Result<(StageOrder, Vec<u8>, OwnedFd), SetupFailure> {
    let own_processes = isolation.has(Property::Kill);
    let death = if own_processes {
        Signal::KILL
    } else {
        set_child_subreaper(Pid::from_raw(1))
            .map_err(|error| SetupFailure::lasting(format!("become a subreaper: {error}")))?;
        // Not SIGKILL: this process must outlive the launcher long enough to kill its descendants.
        Signal::TERM
    };
    // After the clone's change of credentials, which would clear it. If the launcher has died
    // before this, the runner notices that and closes our channel.
    set_parent_process_death_signal(Some(death)).map_err(|error| SetupFailure::lasting(error.to_string()))?;
    let _ = rustix::process::setsid();
    let signals = sys::signals_of_first_process()
        .map_err(|error| SetupFailure::of(error.raw_os_error(), format!("open a signal descriptor: {error}")))?;
    let mut bytes = Vec::new();
    order.read_to_end(&mut bytes).map_err(|error| SetupFailure::lasting(format!("read the order: {error}")))?;
    drop(order);
    let (order, payload) =
        StageOrder::decode(&bytes).ok_or_else(|| SetupFailure::lasting("read the order: it is malformed"))?;
    let proc_view = match (isolation.has(Property::Proc), own_processes) {
        (true, _) => ProcView::Stage,
        (false, true) => ProcView::MachineRenumbered,
        (false, false) => ProcView::Machine,
    };
    let network = if isolation.has(Property::Network) { order.room.network } else { Network::Host };
    let namespaces = isolation.clone_namespaces() | isolation.unshare_namespaces(&order.room);
    surroundings::record(Facts {
        first_process: this_process(),
        proc_view,
        network,
        namespaces,
        visible: isolation.has(Property::Tmp).then(|| order.room.keep.clone()),
    });
    let is_mapped = map_wait.is_some();
    if let Some(wait) = map_wait {
        wait.wait().map_err(|reason| SetupFailure::lasting(format!("map the users of the scenario: {reason}")))?;
    }
    if let Some(own) = order.directory.parent() {
        let made = run_directory::create_stage(own, &order.directory, order.spare.as_deref());
        let owned = made.and_then(|()| match &order.user {
            Some(account) => run_directory::open_to_users(own).and_then(|()| {
                let mut directories = [own, &order.directory].into_iter();
                directories.try_for_each(|directory| chown(directory, Some(account.user), Some(account.group)))
            }),
            None => Ok(()),
        });
        owned.map_err(|error| {
            SetupFailure::lasting(format!("create {}: {}", order.directory.display(), SystemError::from(&error)))
        })?;
    }
    setup::set_up(isolation, &order.room, ids, is_mapped)
        .map_err(|failed| SetupFailure::of(failed.error.errno, format!("set up the sandbox: {failed}")))?;
    if let Some(bytes) = order.room.disk {
        mount_disk(&order.directory, bytes)
            .map_err(|failed| SetupFailure::of(failed.error.errno, format!("mount the scenario's disk: {failed}")))?;
        if let Some(account) = &order.user {
            chown(&order.directory, Some(account.user), Some(account.group))
                .map_err(|error| SetupFailure::lasting(format!("mount the scenario's disk: {error}")))?;
        }
    }
    Ok((order, payload, signals))
}

/// Reaps, pauses and resumes the stage, and ends it when the worker has ended or the runner has
/// died.
fn tend(worker: Pid, pipe: &Pipe, signals: &OwnedFd, isolation: &Isolation, _holds: &[OwnedFd]) -> ! {
    let mut status = None;
    let mut paused = Vec::new();
    let (mut since, mut total) = (None, Duration::ZERO);
    loop {
        let lifeline = PollFlags::RDHUP;
        let mut fds = [PollFd::new(signals, PollFlags::IN), PollFd::from_borrowed_fd(pipe.fd(), lifeline)];
        let _ = poll(&mut fds, None);
        let mut ends = !fds[1].revents().is_empty();
        // Records of 128 bytes, the signal's number first. One read takes all: signals of a kind
        // merge.
        let mut records = [0u8; 8 * 128];
        let length = rustix::io::read(signals, &mut records).unwrap_or(0);
        let numbers = records[..length].chunks(128).filter_map(|record| record.first_chunk::<4>());
        for number in numbers.map(|number| i32::from_ne_bytes(*number)) {
            if number == Signal::TERM.as_raw() {
                ends = true;
            } else if number == Signal::TSTP.as_raw() {
                since.get_or_insert_with(Instant::now);
                pause(&mut paused);
            } else if number == Signal::CONT.as_raw() {
                if let Some(since) = since.take() {
                    total += Instant::now().saturating_duration_since(since);
                    surroundings::record_pauses(total);
                }
                for process in paused.drain(..).rev() {
                    let _ = kill_process(process, Signal::CONT);
                }
            }
        }
        while let Ok(Some((pid, ended))) = wait(WaitOptions::NOHANG) {
            if pid == worker {
                status = ended.exit_status().or_else(|| ended.terminating_signal().map(|signal| 128 + signal));
            } else if let Some(returncode) =
                ended.exit_status().or_else(|| ended.terminating_signal().map(|signal| -signal))
            {
                surroundings::record_end(pid.as_raw_nonzero().get(), returncode);
            }
        }
        if status.is_some() || ends {
            if !isolation.has(Property::Kill) {
                kill_descendants();
            }
            // In a process namespace the kernel now kills the rest. This process counts as ended
            // only when all of it is gone.
            sys::exit_now(status.unwrap_or(128 + Signal::KILL.as_raw()));
        }
    }
}

/// Stops every process of the stage except this one.
///
/// Processes that were stopped before are left alone, now and at the end of the pause.
fn pause(paused: &mut Vec<Pid>) {
    let mut seen = BTreeSet::new();
    loop {
        // Again until there is nothing new: running processes can fork meanwhile.
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

/// Kills all descendants of this process.
///
/// What one look misses becomes a child of this subreaper, and the next look finds it. A process
/// that forks faster than we look, and so takes its parent's children along, loses the race because
/// its own number is killed in each round.
fn kill_descendants() {
    loop {
        for pid in table::descendants(this_process()).into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        // Blocks until one of them can be reaped; ECHILD means that none is left.
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        // All that have ended by now, so that the next look is not at as many again.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}
