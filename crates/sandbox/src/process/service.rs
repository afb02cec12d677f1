//! A daemon: a program, and what it leaves when it goes into the background.
//!
//! A program goes into the background by starting another process and ending with status 0:
//! `redis-server --daemonize yes`, nginx, `pg_ctl start`. The daemon is then the process that it
//! leaves. A [`Service`] follows it there: every process that descends from the program has its
//! [`Mark`].

use std::collections::BTreeSet;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process, kill_process_group};

use super::mark::Mark;
use super::neighbour::Neighbour;
use super::ports::Listeners;
use super::program::{Program, SpawnError};
use super::restrictions::Restrictions;
use super::running::{KILL_LIMIT, Process};
use super::signal::Signal;
use super::status::{Exit, ExitStatus, StopOutcome};
use super::table::{self, Entry};
use super::wait::{WaitError, Watch, plain};
use crate::surroundings::{self, EndsSeen};

/// A program that ends with status 0 so soon after a request to end may not have heeded it.
const DETACH_LIMIT: Duration = Duration::from_secs(1);

/// A program ends within milliseconds of its last act, also on a busy machine.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);

/// The first process of a stage reaps within milliseconds.
const REAP_LIMIT: Duration = Duration::from_secs(1);

/// A daemon, in the foreground or in the background.
#[derive(Debug)]
pub struct Service {
    /// The program that was started.
    first: Process,
    mark: Option<Mark>,
    /// The process that the daemon is now, if it has gone into the background.
    main: Option<Main>,
    /// The process that is likely to be the daemon once the first has ended.
    heir: Option<Main>,
    /// How it ended, once that cannot change any more.
    exit: Option<Exit>,
    /// The ports that it is known to listen on, or should.
    ports: BTreeSet<u16>,
    /// Whether it was asked to end by a signal.
    asked: bool,
    /// Processes that were asked to end when it was stopped.
    told: BTreeSet<i32>,
    /// Others of it that did not end when it was stopped.
    stragglers: Vec<Entry>,
}

/// The leading process of a daemon in the background.
#[derive(Debug)]
struct Main {
    process: Neighbour,
    /// What had ended before it was known.
    before: EndsSeen,
}

impl Service {
    /// Starts a program. `port` is the one that it should listen on.
    ///
    /// # Errors
    ///
    /// When the program cannot be executed.
    pub fn start(program: Program, port: Option<u16>, restrictions: &Restrictions) -> Result<Self, SpawnError> {
        let (mark, first) = Mark::put_on(|| program.start_restricted(restrictions));
        Ok(Self {
            first: first?,
            mark,
            main: None,
            heir: None,
            exit: None,
            ports: port.into_iter().collect(),
            asked: false,
            told: BTreeSet::new(),
            stragglers: Vec::new(),
        })
    }

    /// Returns its process number: in the background, that of its leading process there.
    pub fn pid(&self) -> i32 {
        self.main.as_ref().map_or_else(|| self.first.pid(), |main| main.process.pid())
    }

    /// Returns when it was started.
    pub fn started(&self) -> Instant {
        self.first.started()
    }

    /// Returns a descriptor that is readable once the process of [`Service::pid`] has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.main.as_ref().map_or_else(|| self.first.pidfd(), |main| main.process.pidfd())
    }

    /// Returns the descriptor of the program that was started, to be kept.
    pub fn first_pidfd(&self) -> Arc<OwnedFd> {
        self.first.shared_pidfd()
    }

    /// Lets this watch record when the program ends, whatever it waits for.
    pub fn record_end_in(&self, watch: &mut Watch) {
        self.first.record_end_in(watch);
    }

    /// Whether it is known to be in the background.
    pub fn is_in_background(&self) -> bool {
        self.main.is_some()
    }

    /// Takes another process of it for its main one, if it is one that it says so of.
    pub fn follow(&mut self, pid: i32) {
        if self.exit.is_some() || self.pid() == pid || !self.living().iter().any(|entry| entry.pid == pid) {
            return;
        }
        if self.first.pid() == pid && self.first.try_wait().is_none() {
            self.main = None;
            return;
        }
        let before = surroundings::ends_seen();
        let Ok(process) = Neighbour::hold(pid) else { return };
        // Now its number cannot pass on any more; before, it could.
        if self.living().iter().any(|entry| entry.pid == pid) {
            self.main = Some(Main { process, before });
        }
    }

    /// Notes that it listens on a port: a process that does not is not the daemon.
    pub fn serves(&mut self, port: u16) {
        self.ports.insert(port);
        let living = self.living();
        if self.main.is_some() {
            self.main = self.find_main(&living).or(self.main.take());
        } else if self.first.try_wait().is_none() {
            // It may be about to go into the background, and end before the next look.
            let first = self.first.pid();
            let below: Vec<Entry> = living.into_iter().filter(|entry| entry.pid != first).collect();
            self.heir = self.find_main(&below);
        }
    }

    /// Notes that it does not listen on a port.
    pub fn forget_port(&mut self, port: u16) {
        self.ports.remove(&port);
    }

    /// Whether a process of this stage belongs to it.
    pub fn owns(&self, members: &[Entry], pid: i32) -> bool {
        let by_mark = || members.iter().any(|entry| entry.pid == pid) && self.mark.is_some_and(|mark| mark.is_on(pid));
        table::family(members, self.first.pid()).contains(&pid) || by_mark()
    }

    /// Returns the processes that belong to it and have not ended.
    pub fn living(&self) -> Vec<Entry> {
        let members = table::members();
        let by_descent = table::family(&members, self.first.pid());
        let is_marked = |pid: i32| self.mark.is_some_and(|mark| mark.is_on(pid));
        members.into_iter().filter(|entry| by_descent.contains(&entry.pid) || is_marked(entry.pid)).collect()
    }

    /// Whether any process that belongs to it has something to do.
    pub(super) fn is_busy(&self) -> bool {
        table::any_busy(self.living().into_iter().map(|entry| entry.pid))
    }

    /// Whether a process can be known to belong to it wherever it has gone.
    pub fn has_mark(&self) -> bool {
        self.mark.is_some()
    }

    /// Whether it may have ended when the latest wait of its watch was over, without asking the kernel.
    ///
    /// Needs [`Service::record_end_in`]. What ends later wakes the next wait.
    pub fn may_have_ended(&self) -> bool {
        self.main.is_some() || self.exit.is_some() || self.first.is_end_recorded()
    }

    /// Returns how the program ended that was started, if it has.
    pub fn first_exit(&mut self) -> Option<Exit> {
        self.first.try_wait()
    }

    /// Returns how it ended, if it has.
    ///
    /// A program that has ended with status 0 has not ended as a daemon while a process that it has
    /// left lives, and listens on its port if it has one.
    pub fn try_wait(&mut self) -> Option<Exit> {
        while self.exit.is_none() {
            let exit = match &self.main {
                None => self.first.try_wait()?,
                Some(main) if !main.process.has_ended() => return None,
                Some(main) => self.exit_of(main, REAP_LIMIT),
            };
            let may_live_on = matches!(exit.status, ExitStatus::Code(0) | ExitStatus::Unknown) && !self.asked;
            let left = if may_live_on { self.living() } else { Vec::new() };
            if left.is_empty() {
                self.exit = Some(if may_live_on { self.exit_of_heir().unwrap_or(exit) } else { exit });
            } else if let Some(main) = self.find_main(&left) {
                self.main = Some(main);
            } else {
                // One of them may still open the port.
                return Some(exit);
            }
        }
        self.exit
    }

    /// Returns how its heir ended, if it had one that survived the program that was started.
    fn exit_of_heir(&mut self) -> Option<Exit> {
        let heir = self.heir.take()?;
        let exit = self.exit_of(&heir, Duration::from_millis(50));
        (exit.status != ExitStatus::Unknown).then(|| {
            self.main = Some(heir);
            exit
        })
    }

    /// Holds the one of these processes that leads the daemon, if one does.
    fn find_main(&self, left: &[Entry]) -> Option<Main> {
        // As for most daemons: spares a look at all sockets and descriptors.
        if left.is_empty() {
            return None;
        }
        let before = surroundings::ends_seen();
        let leader = self.leader(left)?;
        let process = Neighbour::hold(leader).ok()?;
        // Now its number cannot pass on any more; before, it could.
        let lives = self.living().iter().any(|entry| entry.pid == leader);
        lives.then_some(Main { process, before })
    }

    /// Returns the process that leads those that are left: the one that they descend from.
    fn leader(&self, left: &[Entry]) -> Option<i32> {
        let parent = |pid: i32| {
            let entry = left.iter().find(|entry| entry.pid == pid)?;
            left.iter().find(|above| above.pid == entry.parent).map(|above| above.pid)
        };
        let top = |pid: i32| std::iter::successors(Some(pid), |&pid| parent(pid)).last().unwrap_or(pid);
        if self.ports.is_empty() {
            let oldest = left.iter().filter(|entry| parent(entry.pid).is_none());
            return oldest.max_by_key(|entry| (entry.age, std::cmp::Reverse(entry.pid))).map(|entry| entry.pid);
        }
        let listeners = Listeners::new().all();
        let mut own = listeners.iter().filter(|listener| self.ports.contains(&listener.address.port()));
        own.find_map(|listener| {
            // Others may have it too: a program that is about to end has what its heir has.
            let has_it = |entry: &&Entry| table::sockets_of([entry.pid]).contains(&listener.inode);
            let holder = left.iter().find(has_it).or_else(|| {
                // The descriptors of its process may not be seen.
                let is_hidden = table::holder_of_socket(listener.inode).is_none() && table::has_closed_member();
                left.first().filter(|_| is_hidden)
            });
            holder.map(|entry| top(entry.pid))
        })
    }

    /// Returns how a process in the background ended.
    ///
    /// Its end can be seen a moment before it is reaped, so `limit` is given for that.
    fn exit_of(&self, main: &Main, limit: Duration) -> Exit {
        let end = plain::until(limit, &[], || main.before.end_of(main.process.pid()));
        let (status, ago) = end.map_or((ExitStatus::Unknown, Duration::ZERO), |end| {
            (ExitStatus::from_returncode(end.returncode), end.ago)
        });
        Exit { status, after: self.started().elapsed().saturating_sub(ago) }
    }

    /// Waits until it ends; `Ok(None)` when `limit` passes first.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn wait(&mut self, watch: &mut Watch, what: &str, limit: Duration) -> Result<Option<Exit>, WaitError> {
        let clock = watch.stopwatch();
        loop {
            if let Some(exit) = self.try_wait() {
                return Ok(Some(exit));
            }
            let (pid, left) = (self.pid(), limit.saturating_sub(clock.elapsed(watch)));
            let ended = watch.end_of(what, self.pidfd(), left)?;
            let exit = self.try_wait();
            if exit.is_some() || !ended || self.pid() == pid {
                return Ok(exit);
            }
        }
    }

    /// Sends a signal to the process of [`Service::pid`]. Nothing happens when it has ended.
    ///
    /// # Errors
    ///
    /// When this user may not send it a signal.
    pub fn signal(&mut self, signal: Signal) -> std::io::Result<()> {
        self.let_first_leave();
        match &self.main {
            Some(main) => main.process.try_signal(signal)?,
            None => self.first.signal(signal)?,
        }
        // Not SIGKILL: what it ends does not end with status 0.
        self.asked |= [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal);
        Ok(())
    }

    /// Waits a moment for the program that was started if it is about to end, and the daemon is
    /// another process: nothing that is sent to it now would arrive there.
    ///
    /// It is busy with its end, and has left a process in a group of its own. A program in the
    /// foreground sleeps while others do its work, or loses this moment.
    pub fn let_first_leave(&mut self) {
        self.try_wait();
        if self.main.is_some() || self.first.try_wait().is_some() {
            return;
        }
        let first = self.first.pid();
        let below: Vec<Entry> = self.living().into_iter().filter(|entry| entry.pid != first).collect();
        if below.iter().any(|entry| entry.group != first) && self.leader(&below).is_some() {
            let fds = [self.first.pidfd()];
            plain::until(LEAVE_LIMIT, &fds, || table::sleeps(first).then_some(()));
            self.try_wait();
        }
    }

    /// Waits a moment for a program to end whose work is done once another process listens.
    ///
    /// `pg_ctl start` looks for its server ten times a second, so it may still run when the server is
    /// ready. It is known by its server, which is in a process group of its own.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn settle(&mut self, watch: &mut Watch, limit: Duration) -> Result<(), WaitError> {
        let Some(heir) = self.heir.as_ref().filter(|_| self.main.is_none()) else { return Ok(()) };
        let (first, heir) = (self.first.pid(), heir.process.pid());
        let detached = self.living().iter().any(|entry| entry.pid == heir && entry.group != first);
        if detached && self.first.try_wait().is_none() {
            watch.end_of("the program that started the daemon to end", self.first.pidfd(), limit)?;
        }
        self.try_wait();
        Ok(())
    }

    /// Asks it to end: its process group, and in the background what leads it there.
    pub fn request_stop(&mut self, signal: Signal) {
        self.first.request_stop(signal);
        if self.main.is_some() {
            self.tell(&self.living(), signal);
        }
    }

    /// Asks those of these processes to end that lead the others, and were not asked yet.
    fn tell(&mut self, living: &[Entry], signal: Signal) {
        let leads = |entry: &&Entry| !living.iter().any(|above| above.pid == entry.parent);
        for entry in living.iter().filter(leads) {
            if !self.told.insert(entry.pid) {
                continue;
            }
            let Some(pid) = Pid::from_raw(entry.pid) else { continue };
            for signal in [signal, Signal::CONT] {
                let _ = if entry.group == entry.pid {
                    kill_process_group(pid, signal.raw())
                } else {
                    kill_process(pid, signal.raw())
                };
            }
        }
    }

    /// Returns the others of it that had to be killed when it was stopped.
    pub fn stragglers(&self) -> &[Entry] {
        &self.stragglers
    }

    /// Finishes a stop after [`Service::request_stop`], so that many daemons can share one grace.
    ///
    /// A daemon in the background is stopped with everything that descends from it.
    ///
    /// # Errors
    ///
    /// When the wait is cut short; then it is killed at once.
    pub fn finish_stop(
        &mut self,
        watch: &mut Watch,
        what: &str,
        before: Option<Exit>,
        grace: Duration,
    ) -> Result<StopOutcome, WaitError> {
        let clock = watch.stopwatch();
        let (waited, overflow) = if self.main.is_some() && before.is_none() {
            watch.end_of_despite_output(what, self.pidfd(), grace)
        } else {
            (Ok(true), None)
        };
        if !matches!(waited, Ok(true)) {
            watch.note_running();
            self.kill_living();
        }
        let left = grace.saturating_sub(clock.elapsed(watch));
        let first_before = if self.main.is_some() { self.first.try_wait() } else { before };
        let first = self.first.finish_stop(watch, what, first_before, left);
        self.stragglers = self.first.stragglers().to_vec();
        let outcome = match (&self.main, before) {
            (_, Some(exit)) => StopOutcome::Already(exit),
            (Some(main), None) => {
                let exit = self.exit_of(main, REAP_LIMIT);
                if matches!(waited, Ok(true)) { StopOutcome::Gracefully(exit) } else { StopOutcome::Killed(exit) }
            }
            (None, None) => first.clone()?,
        };
        let detaches = matches!(outcome, StopOutcome::Gracefully(exit)
            if exit.status.success() && exit.after < DETACH_LIMIT);
        if self.main.is_some() || before.is_some() || detaches {
            let left = grace.saturating_sub(clock.elapsed(watch));
            self.clear(watch, what, left)?;
        }
        self.exit = Some(match outcome {
            StopOutcome::Already(exit) | StopOutcome::Gracefully(exit) | StopOutcome::Killed(exit) => exit,
        });
        waited?;
        first?;
        overflow.map_or(Ok(outcome), Err)
    }

    /// Gives what is left of it the rest of the grace, then SIGKILL.
    fn clear(&mut self, watch: &mut Watch, what: &str, grace: Duration) -> Result<(), WaitError> {
        let waited = watch.until(what, grace, &[], || {
            let living = self.living();
            self.tell(&living, Signal::TERM);
            living.is_empty().then_some(())
        });
        if !matches!(waited, Ok(Some(()))) {
            self.stragglers.extend(self.living());
            self.kill_living();
        }
        waited.map(drop)
    }

    /// Kills everything that is left of it, and waits until it is gone.
    fn kill_living(&self) {
        plain::until(KILL_LIMIT, &[], || {
            let living = self.living();
            for pid in living.iter().filter_map(|entry| Pid::from_raw(entry.pid)) {
                let _ = kill_process(pid, Signal::KILL.raw());
            }
            living.is_empty().then_some(())
        });
    }
}
