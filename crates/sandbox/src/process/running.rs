//! A running program, from its start to its end.

use std::ffi::OsString;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, kill_process, kill_process_group, test_kill_process_group, waitpid};

use super::child::Child;
use super::neighbour::Neighbour;
use super::signal::Signal;
use super::status::{Exit, ExitStatus, StopOutcome};
use super::table::{self, Entry};
use super::wait::{WaitError, Watch, plain};

/// A killed process dies within milliseconds or is stuck in the kernel; then we stop waiting.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(2);

/// A program that was started here: the leader of its own process group.
///
/// It is not reaped before it is stopped, so its number, which is also its group's, cannot pass to
/// another process while we may still send signals to it. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    argv: Vec<OsString>,
    started: Instant,
    /// When it ended, if a watch has recorded that.
    end: Arc<OnceLock<Instant>>,
    exit: Option<Exit>,
    reaped: bool,
    /// Others of its group that did not end when it was stopped.
    stragglers: Vec<Entry>,
}

impl Process {
    /// Takes over a child that has just been spawned.
    pub(crate) fn adopt(spawned: std::process::Child, argv: Vec<OsString>, started: Instant) -> std::io::Result<Self> {
        // Dropping it neither kills nor reaps; from here on our descriptor stands for the process.
        let pid = Pid::from_child(&spawned);
        drop(spawned);
        let child = Child::hold(pid).inspect_err(|_| {
            let _ = kill_process_group(pid, Signal::KILL.raw());
            let _ = waitpid(Some(pid), WaitOptions::empty());
        })?;
        let process =
            Self { child, argv, started, end: Arc::default(), exit: None, reaped: false, stragglers: Vec::new() };
        process.wait_until_shown();
        Ok(process)
    }

    /// Waits until the kernel shows the new program's command line.
    ///
    /// Spawning returns when the child has left our memory, a moment before the kernel publishes
    /// its command line (measured elsewhere: nine first looks in ten miss it). Until then
    /// `/proc/PID/cmdline` is empty.
    fn wait_until_shown(&self) {
        let (pid, child) = (self.pid(), &self.child);
        let shown = || {
            let ended = !matches!(child.try_wait(), Ok(None));
            (ended || !table::command_line(pid).is_empty()).then_some(())
        };
        if shown().is_none() {
            plain::until(Duration::from_millis(100), &[child.pidfd()], shown);
        }
    }

    /// Returns its process number.
    pub fn pid(&self) -> i32 {
        self.child.pid().as_raw_nonzero().get()
    }

    /// Returns its command line.
    pub fn argv(&self) -> &[OsString] {
        &self.argv
    }

    /// Returns when it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Returns a descriptor that is readable once it has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.pidfd()
    }

    /// Returns the process as others see it.
    pub fn to_neighbour(&self) -> Neighbour {
        Neighbour::of(&self.child)
    }

    /// Returns the same descriptor, to be kept.
    pub fn shared_pidfd(&self) -> Arc<OwnedFd> {
        self.child.shared_pidfd()
    }

    /// Lets this watch record when the process ends, whatever it waits for.
    ///
    /// Without this, the end counts from the first look that finds it.
    pub fn record_end_in(&self, watch: &mut Watch) {
        watch.record_end(self.shared_pidfd(), Arc::clone(&self.end));
    }

    /// Whether a watch has seen its end in its latest wait: see [`Process::record_end_in`].
    pub(super) fn is_end_recorded(&self) -> bool {
        self.end.get().is_some()
    }

    /// Returns how it ended, if it has.
    pub fn try_wait(&mut self) -> Option<Exit> {
        if self.exit.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            let end = self.end.get().copied().unwrap_or_else(Instant::now);
            self.exit = Some(Exit { status, after: end.saturating_duration_since(self.started) });
        }
        self.exit
    }

    /// Waits until it ends; `Ok(None)` when `limit` passes first.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn wait(&mut self, watch: &mut Watch, what: &str, limit: Duration) -> Result<Option<Exit>, WaitError> {
        if self.try_wait().is_none() {
            watch.end_of(what, self.child.pidfd(), limit)?;
        }
        Ok(self.try_wait())
    }

    /// Sends a signal to it alone. Nothing happens when it has ended.
    ///
    /// # Errors
    ///
    /// When this user may not send it a signal.
    pub fn signal(&self, signal: Signal) -> std::io::Result<()> {
        self.child.signal_unless_ended(signal)
    }

    /// Sends a signal to its group, which it leads also after its end, until it is reaped.
    fn signal_group(&self, signal: Signal) {
        if !self.reaped {
            // ESRCH, or EPERM for a member that changed its user: the end of the sandbox kills
            // those.
            let _ = kill_process_group(self.child.pid(), signal.raw());
        }
    }

    /// Asks it and its group to end: `signal`, and SIGCONT in case it is stopped.
    pub fn request_stop(&self, signal: Signal) {
        self.signal_group(signal);
        if signal != Signal::CONT {
            self.signal_group(Signal::CONT);
        }
    }

    /// Stops it and its group: asks it to end, and kills it when it has not ended after `grace`.
    ///
    /// Returns when the process has ended and nothing of its group is left.
    ///
    /// # Errors
    ///
    /// When the wait is cut short; then the group is killed at once.
    pub fn stop(
        &mut self,
        watch: &mut Watch,
        what: &str,
        signal: Signal,
        grace: Duration,
    ) -> Result<StopOutcome, WaitError> {
        let before = self.try_wait();
        self.request_stop(signal);
        self.finish_stop(watch, what, before, grace)
    }

    /// Returns the others of its group that had to be killed when it was stopped.
    pub fn stragglers(&self) -> &[Entry] {
        &self.stragglers
    }

    /// Finishes a stop after [`Process::request_stop`], so that many processes can share one grace.
    ///
    /// # Errors
    ///
    /// When the wait is cut short; then the group is killed at once.
    pub fn finish_stop(
        &mut self,
        watch: &mut Watch,
        what: &str,
        before: Option<Exit>,
        grace: Duration,
    ) -> Result<StopOutcome, WaitError> {
        let clock = watch.stopwatch();
        let (waited, overflow) = match before {
            Some(_) => (Ok(true), None),
            None => watch.end_of_despite_output(what, self.child.pidfd(), grace),
        };
        let killed = !matches!(waited, Ok(true));
        if killed {
            watch.note_running();
            self.signal_group(Signal::KILL);
            self.wait_after_kill();
        }
        let exit =
            self.try_wait().unwrap_or(Exit { status: ExitStatus::Signal(Signal::KILL), after: self.started.elapsed() });
        self.reap();
        let left = grace.saturating_sub(clock.elapsed(watch));
        self.clear_group(watch, what, left)?;
        waited?;
        overflow.map_or(Ok(()), Err)?;
        Ok(match before {
            Some(exit) => StopOutcome::Already(exit),
            None if killed => StopOutcome::Killed(exit),
            None => StopOutcome::Gracefully(exit),
        })
    }

    /// Kills it and its group, and waits until they are gone.
    pub fn kill(&mut self) {
        if self.reaped {
            return;
        }
        self.signal_group(Signal::KILL);
        self.wait_after_kill();
        self.try_wait();
        self.reap();
        plain::until(KILL_LIMIT, &[], self.group_is_empty());
    }

    /// Kills it and everything that descends from it.
    ///
    /// That is everything it has started, if it was started by [`super::Program::start_attached`].
    pub fn kill_all(&mut self) {
        // Stopped first, so that it starts no more, and so that its end does not release its
        // children.
        let _ = self.signal(Signal::STOP);
        let pid = self.pid();
        plain::until(KILL_LIMIT, &[], || {
            let below = table::living(table::descendants(pid));
            for process in below.iter().filter_map(|entry| Pid::from_raw(entry.pid)) {
                let _ = kill_process(process, Signal::KILL.raw());
            }
            below.is_empty().then_some(())
        });
        self.kill();
    }

    /// Waits for its end after SIGKILL.
    ///
    /// It dies within milliseconds or is stuck in the kernel; then the end of the sandbox deals
    /// with it.
    fn wait_after_kill(&self) {
        plain::end_of(self.child.pidfd(), KILL_LIMIT);
    }

    /// Gives the rest of the group what is left of the grace, then SIGKILL.
    fn clear_group(&mut self, watch: &mut Watch, what: &str, grace: Duration) -> Result<(), WaitError> {
        let pid = self.child.pid();
        let empty = self.group_is_empty();
        if empty().is_some() {
            return Ok(());
        }
        let waited = watch.until(what, grace, &[], empty);
        if !matches!(waited, Ok(Some(()))) {
            self.stragglers = table::living_group(pid.as_raw_nonzero().get());
            let _ = kill_process_group(pid, Signal::KILL.raw());
            plain::until(KILL_LIMIT, &[], empty);
        }
        waited.map(|_| ())
    }

    /// Returns a look that finds the group empty. Members that wait to be reaped do not count.
    fn group_is_empty(&self) -> impl Fn() -> Option<()> + Copy + use<> {
        // After the leader is reaped its number remains the group's, as long as the group has
        // members.
        let pid = self.child.pid();
        move || {
            let gone = test_kill_process_group(pid) == Err(Errno::SRCH);
            (gone || !table::group_lives(pid.as_raw_nonzero().get())).then_some(())
        }
    }

    /// Releases a process that has ended: it is reaped, and children that it left in the background
    /// live on. A process that has not ended is killed with its group.
    pub fn release(mut self) -> Option<Exit> {
        let exit = self.try_wait();
        self.reap();
        exit
    }

    fn reap(&mut self) {
        if !self.reaped && self.exit.is_some() {
            self.reaped = true;
            let _ = waitpid(Some(self.child.pid()), WaitOptions::NOHANG);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
