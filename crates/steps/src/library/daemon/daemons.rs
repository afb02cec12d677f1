//! All daemons of a scenario: finding them by name, stopping them, and free ports for them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use greenroom_sandbox::process::{Signal, StopOutcome, Watch, ports, ports::Listeners, table, table::Entry};
use greenroom_sandbox::turn::{Take, Turn};

use super::instance::Daemon;
use super::limit::SETTLE;
use super::options::Options;
use crate::library::invocation::Invocation;
use crate::step::Failure;

/// All daemons of a scenario.
#[derive(Debug, Default)]
pub struct Daemons {
    pub(super) started: Vec<Daemon>,
    /// The options that steps have given to daemons of these names.
    pub(super) options: BTreeMap<String, Options>,
    /// Daemons that crashed unnoticed, and in whose place others of their name were started.
    pub(super) crashed: Vec<greenroom_event::Daemon>,
    /// The result of the latest step that tried to start one.
    pub(super) tried: Option<Result<(), FailedStart>>,
    listeners: Option<Listeners>,
    /// The latest free port that a step got.
    last_port: u16,
    /// Turns at the ports that steps got.
    turns: Vec<Turn>,
    /// The number of the latest step that started a daemon, or of the latest wait that followed it.
    latest_start: u64,
    /// The number of the first of the starts between which there are only waits.
    first_start: u64,
}

/// Why a daemon did not start, for steps that look at it later.
#[derive(Debug, Clone)]
pub(super) struct FailedStart {
    pub(super) failure: Failure,
    /// Whether it did not open its port.
    pub(super) is_port_closed: bool,
}

impl FailedStart {
    /// Returns the reason that documents expect. Those with a closed port name the error of clients.
    pub(super) fn reason(&self) -> String {
        let error = if self.is_port_closed { ": ConnectionRefusedError" } else { "" };
        format!("{}{error}", self.failure.message)
    }
}

/// A daemon that a step had to kill, itself or others of its process group.
pub(super) struct KilledDaemon<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) stopped: StopOutcome,
    /// Its processes when the time limit passed.
    pub(super) running: Vec<Entry>,
}

impl Daemons {
    /// Returns the daemon of this name: the latest that was started under it.
    ///
    /// # Errors
    ///
    /// If no step of the scenario started a daemon of this name.
    pub fn get(&mut self, name: &str) -> Result<&mut Daemon, Failure> {
        let known = self.names();
        self.started.iter_mut().rev().find(|daemon| daemon.order.name == name).ok_or_else(|| {
            let error = Failure::new(format!("no step of this scenario has started a daemon {name}"));
            match known.as_slice() {
                [] => error,
                [only] => error.help(format!("did you mean {only}?")),
                _ => error.help(format!("the daemons of this scenario are {}", known.join(", "))),
            }
        })
    }

    /// Notes that a step starts a daemon.
    pub(super) fn note_start(&mut self, step: u64) {
        if step > self.latest_start + 1 {
            self.first_start = step;
        }
        self.latest_start = step;
    }

    /// Returns whether only starts and waits are between the latest start and a step.
    pub(super) fn is_after_start(&self, step: u64) -> bool {
        step <= self.latest_start + 1
    }

    /// Notes that a step found a daemon ready. `follows` says whether only starts and waits are
    /// between the latest start and this step.
    pub(super) fn note_ready(&mut self, watch: &mut Watch, name: &str, follows: bool) {
        let (at, first) = (watch.time_of(Instant::now()), self.first_start);
        if let Ok(daemon) = self.get(name) {
            let is_right_after_start = follows && daemon.start_step >= first;
            daemon.note_ready(at, is_right_after_start);
        }
    }

    /// Returns whether only starts and waits are between the latest start and a step that waits.
    pub(super) fn follows_start(&mut self, step: u64) -> bool {
        let follows = self.is_after_start(step);
        if follows {
            self.latest_start = step;
        }
        follows
    }

    /// Returns the name of the daemon that listens on a port.
    pub(super) fn name_on_port(&mut self, port: u16) -> Option<String> {
        let members = table::members();
        let listeners = self.listeners().on_port(port);
        let mut holders = listeners.iter().filter_map(|listener| table::holder_of_socket(listener.inode));
        holders.find_map(|holder| self.of_process(&members, holder.pid).map(|daemon| daemon.order.name.clone()))
    }

    /// Finds the daemon of a process: the daemon itself, its group, or a process below it.
    pub(super) fn of_process(&self, members: &[Entry], pid: i32) -> Option<&Daemon> {
        let is_of = |daemon: &&Daemon| daemon.process().is_some_and(|process| process.owns(members, pid));
        self.iter().find(is_of)
    }

    /// Returns the name of the only daemon that is running, if there is just one.
    pub(super) fn only_running(&mut self) -> Option<String> {
        let running = |daemon: &mut Daemon| daemon.try_wait().is_none().then(|| daemon.order.name.clone());
        let mut running = self.started.iter_mut().filter_map(running);
        running.next().filter(|_| running.next().is_none())
    }

    /// Returns the command lines of daemons that have ended, or that a failure is about.
    ///
    /// One that succeeded has no words: only what it wrote can say more.
    pub(crate) fn invocations(&mut self, path: &OsStr, is_about: impl Fn(&str) -> bool) -> Vec<Invocation> {
        let latest = self.started.iter_mut().filter(|daemon| daemon.former.is_none());
        let invocations = latest.filter_map(|daemon| {
            let ended = daemon.try_wait();
            let whole = daemon.order.invocation(path);
            match ended {
                _ if is_about(&daemon.order.name) => Some(whole),
                Some(ended) if ended.status.success() => Some(Invocation { words: Vec::new(), ..whole }),
                Some(_) => Some(whole),
                None => None,
            }
        });
        invocations.collect()
    }

    /// Returns the names, in the order in which the latest daemon of each was started.
    pub fn names(&self) -> Vec<String> {
        let latest = self.started.iter().filter(|daemon| daemon.former.is_none());
        latest.map(|daemon| daemon.order.name.clone()).collect()
    }

    /// Stops all daemons of a name, former ones too, at the same time. Returns those that had to be
    /// killed, or whose process groups had to.
    pub(super) fn stop(
        &mut self,
        watch: &mut Watch,
        name: &str,
        signal: Option<Signal>,
        grace: Duration,
    ) -> Result<Vec<KilledDaemon<'_>>, Failure> {
        let addresses = self.addresses_of(name);
        self.get(name)?.addresses.extend(addresses);
        let has_name = |daemon: &Daemon| daemon.order.name == name && daemon.stopped.is_none();
        let clock = watch.stopwatch();
        let mut before = Vec::new();
        for daemon in self.started.iter_mut().filter(|daemon| has_name(daemon)) {
            daemon.process.settle(watch, SETTLE)?;
            before.push(daemon.ask_to_end(signal));
        }
        let mut killed = Vec::new();
        for (daemon, before) in self.started.iter_mut().filter(|daemon| has_name(daemon)).zip(before) {
            let what = format!("daemon {} to end", daemon.label());
            let left = grace.saturating_sub(clock.elapsed(watch));
            let pid = daemon.process.pid();
            let stopped = daemon.process.finish_stop(watch, &what, before, left)?;
            let mut running = watch.take_running();
            let family = table::family(&running, pid);
            running.retain(|entry| family.contains(&entry.pid));
            daemon.stopped = Some(stopped);
            if matches!(stopped, StopOutcome::Killed(_)) || !daemon.process.stragglers().is_empty() {
                killed.push(KilledDaemon { daemon, stopped, running });
            }
        }
        Ok(killed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Daemon> {
        self.started.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Daemon> {
        self.started.iter_mut()
    }

    pub(super) fn listeners(&mut self) -> &Listeners {
        self.listeners.get_or_insert_with(Listeners::new)
    }

    /// Returns the result of the latest step that tried to start a daemon.
    pub(super) fn tried(&self) -> Result<Result<(), &FailedStart>, Failure> {
        let none = || {
            Failure::new("no earlier step tried to start a daemon")
                .help("write `when I try to start \"PROGRAM\" as NAME, on port PORT` before this step")
        };
        self.tried.as_ref().map(|tried| tried.as_ref().copied()).ok_or_else(none)
    }

    /// Returns a port that nothing listens on and that no step got before.
    ///
    /// It is below the range from which the kernel takes ports for outgoing connections. In a
    /// network that others use too it comes with a turn, so that no other scenario of any run gets
    /// the same port.
    pub(super) fn free_port(&mut self) -> Result<u16, Failure> {
        const FIRST: u16 = 20_000;
        const LAST: u16 = 32_000;
        let shared = !ports::are_private();
        for port in self.last_port.max(FIRST - 1) + 1..LAST {
            let turn = if shared {
                match Turn::take(port) {
                    Ok(Take::Mine(turn)) => Some(turn),
                    Ok(Take::Others(_)) => continue,
                    Err(_) => None,
                }
            } else {
                None
            };
            if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
                self.last_port = port;
                self.turns.extend(turn);
                return Ok(port);
            }
        }
        Err(Failure::new(format!("no port from {FIRST} to {LAST} is free")))
    }
}
