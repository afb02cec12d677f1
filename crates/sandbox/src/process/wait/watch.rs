//! The wait of steps, which a time limit, an interruption or too much output cuts short.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clock::{self, Clock};
use super::ends::Ends;
use super::growth::Growth;
use super::look::{self, Poller};
use super::meter::{self, Due, MeterId, Meters};
use crate::process::table::{self, Entry};

/// Why a wait was cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The time limit of the step or the scenario has passed.
    #[error("the time limit has passed")]
    TimeLimit {
        /// What the wait was for; empty when it has no name.
        waiting_for: String,
    },
    /// The run is being stopped.
    #[error("interrupted")]
    Interrupted,
    /// A process has written more than it may.
    #[error("the output limit has been passed")]
    OutputLimit {
        /// The output that is too long.
        output: String,
    },
}

/// Called once when a wait has lasted a while: what it is for, and its limit.
type Announce = Box<dyn FnMut(&str, Duration)>;

/// Waits, with a limit above every single wait, until the run is being stopped.
pub struct Watch {
    /// Readable or hung up when the run is being stopped.
    interrupt: Option<OwnedFd>,
    interrupted: bool,
    deadline: Option<Instant>,
    announce: Option<Announce>,
    /// What the latest wait was for.
    waiting_for: String,
    /// Why a wait was cut short, until it is taken.
    error: Option<WaitError>,
    /// The processes of this stage when the time limit passed, until they are taken.
    running: Vec<Entry>,
    clock: Clock,
    meters: Meters,
    ends: Ends,
}

/// Measures time in which this process could run: see [`Watch::stopwatch`].
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    begun: Instant,
    lost: Duration,
}

impl Stopwatch {
    /// Returns when it was started.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Returns how long this process could run since the start.
    pub fn elapsed(&self, watch: &mut Watch) -> Duration {
        self.begun.elapsed().saturating_sub(watch.lost().saturating_sub(self.lost))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("deadline", &self.deadline)
            .field("interrupted", &self.interrupted)
            .finish_non_exhaustive()
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch {
    /// A wait is announced after this long.
    pub const ANNOUNCE_AFTER: Duration = Duration::from_millis(200);

    /// Creates a watch without limits.
    pub fn new() -> Self {
        Self {
            interrupt: None,
            interrupted: false,
            deadline: None,
            announce: None,
            waiting_for: String::new(),
            error: None,
            running: Vec::new(),
            clock: Clock::new(),
            meters: Meters::default(),
            ends: Ends::default(),
        }
    }

    /// Ends every wait with [`WaitError::Interrupted`] once this descriptor is readable.
    #[must_use]
    pub fn interrupted_by(mut self, fd: OwnedFd) -> Self {
        self.interrupt = Some(fd);
        self
    }

    /// Announces long waits to this function.
    #[must_use]
    pub fn announcing(mut self, announce: impl FnMut(&str, Duration) + 'static) -> Self {
        self.announce = Some(Box::new(announce));
        self
    }

    /// Ends every wait with [`WaitError::TimeLimit`] at this moment.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Returns the moment at which waits are cut short.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Ignores interruptions from now on, so that cleaning up is possible after one. Limits still
    /// hold.
    pub fn ignore_interrupts(&mut self) {
        self.interrupt = None;
        self.interrupted = false;
        self.error = None;
    }

    /// Whether a wait was cut short since the last [`Watch::take_error`].
    pub fn is_cut_short(&self) -> bool {
        self.error.is_some()
    }

    /// Whether that was because of the time limit.
    pub fn has_timed_out(&self) -> bool {
        matches!(self.error, Some(WaitError::TimeLimit { .. }))
    }

    /// Takes the reason why a wait was cut short since the last call, if one was.
    pub fn take_error(&mut self) -> Option<WaitError> {
        // A later wait without a name must not get that of this one.
        self.error.take().inspect(|_| self.waiting_for.clear())
    }

    /// Notes the processes of this stage that run when a time limit passes.
    pub(crate) fn note_running(&mut self) {
        self.running = table::members();
    }

    /// Takes the processes of this stage that were running when the time limit passed.
    pub fn take_running(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.running)
    }

    /// Limits the length of every output that [`Watch::meter`] looks at.
    pub fn set_output_limit(&mut self, bytes: u64) {
        self.meters.set_limit(bytes);
    }

    /// Returns how many bytes an output may have.
    pub fn output_limit(&self) -> Option<u64> {
        self.meters.limit()
    }

    /// Limits the length of a file that processes write to.
    ///
    /// When the file exceeds the output limit, every process that has it open is killed, the file
    /// is cut to the limit, and the wait ends with [`WaitError::OutputLimit`]. `what` names the
    /// output in messages; `writer` is the pidfd of the process that it was opened for.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left for the file.
    pub fn meter(&mut self, what: &str, file: &File, writer: Option<Arc<OwnedFd>>) -> std::io::Result<MeterId> {
        self.meters.add(what, file, writer)
    }

    /// Looks at an output once more. From then on it is watched only while a process may write to
    /// it.
    ///
    /// # Errors
    ///
    /// When an output is too long.
    pub fn unmeter(&mut self, id: MeterId) -> Result<(), WaitError> {
        let read = self.read_meters();
        self.meters.release(id);
        read
    }

    /// Looks at all outputs now, without waiting.
    ///
    /// # Errors
    ///
    /// When an output is too long.
    pub fn read_meters(&mut self) -> Result<(), WaitError> {
        let (meters, clock, deadline) = (&mut self.meters, &mut self.clock, &mut self.deadline);
        match meters.read(|| now(clock, deadline)) {
            Some(output) => Err(self.fail(WaitError::OutputLimit { output })),
            None => Ok(()),
        }
    }

    /// Records, for outputs that [`Watch::meter`] adds from now on, when their last bytes were
    /// written. Every wait looks at them.
    pub fn record_growth(&mut self, of_last: u64) {
        self.meters.record_growth(of_last);
    }

    /// Returns when an output was written, up to now.
    pub fn growth(&mut self, id: MeterId) -> Vec<Growth> {
        let (meters, clock, deadline) = (&mut self.meters, &mut self.clock, &mut self.deadline);
        meters.growth(id, || now(clock, deadline))
    }

    /// Whether an output was too long.
    pub fn has_overflowed(&self, what: &str) -> bool {
        self.meters.has_overflowed(what)
    }

    /// Records in `end` the moment at which `pidfd`, a process's, becomes readable in any later
    /// wait.
    pub(crate) fn record_end(&mut self, pidfd: Arc<OwnedFd>, end: Arc<OnceLock<Instant>>) {
        self.ends.record(pidfd, end);
    }

    /// Takes into account that something lasted `excess` too long.
    fn account(&mut self, excess: Duration) {
        account(&mut self.clock, &mut self.deadline, excess);
    }

    /// Returns how long this process could not run, in all. Limits kept elsewhere move by this.
    pub fn lost(&mut self) -> Duration {
        self.account(Duration::ZERO);
        self.clock.lost()
    }

    /// Returns the time from the creation of this watch to a moment that is not in the future, without
    /// the time in which this process could not run.
    pub fn time_of(&mut self, moment: Instant) -> Duration {
        self.account(Duration::ZERO);
        self.clock.time_of(moment)
    }

    /// Starts a stopwatch that stands still while this process cannot run.
    pub fn stopwatch(&mut self) -> Stopwatch {
        Stopwatch { begun: Instant::now(), lost: self.lost() }
    }

    fn fail(&mut self, error: WaitError) -> WaitError {
        self.error = Some(error.clone());
        error
    }

    /// Waits until one of `fds` is readable or hung up; `Ok(false)` when `until` comes first.
    ///
    /// Time in which this process cannot run moves `until`.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn readable(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, WaitError> {
        let before = self.clock.lost();
        loop {
            let end = until + self.clock.lost().saturating_sub(before);
            let readable = self.readable_by(fds, end)?;
            if readable || Instant::now() >= until + self.lost().saturating_sub(before) {
                return Ok(readable);
            }
        }
    }

    /// Does the same, and nothing moves `until`.
    fn readable_by(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, WaitError> {
        loop {
            if self.interrupted {
                return Err(self.fail(WaitError::Interrupted));
            }
            let pulse = match self.meters.due(Instant::now()) {
                None => clock::PULSE,
                Some(Due::In(left)) => left,
                Some(Due::Now) => {
                    self.read_meters()?;
                    meter::PULSE
                }
            };
            let end = self.deadline.map_or(until, |deadline| deadline.min(until));
            let begun = Instant::now();
            let pause = end.saturating_duration_since(begun).min(pulse);
            let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            if let Some(interrupt) = &self.interrupt {
                polled.push(PollFd::new(interrupt, PollFlags::IN));
            }
            let ends = polled.len();
            polled.extend(self.ends.polled());
            let timeout = Timespec::try_from(pause).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            // An error is EINTR or a lack of memory; in both cases waiting on is right.
            let _ = poll(&mut polled, Some(&timeout));
            let now = Instant::now();
            let ready = polled[..fds.len()].iter().any(|fd| !fd.revents().is_empty());
            let interrupted = polled[fds.len()..ends].iter().any(|fd| !fd.revents().is_empty());
            let ended: Vec<bool> = polled[ends..].iter().map(|fd| !fd.revents().is_empty()).collect();
            let excess = now.saturating_duration_since(begun).saturating_sub(pause);
            if Clock::matters(excess) || self.deadline.is_some_and(|deadline| now >= deadline) {
                self.account(excess);
            }
            self.ends.take(ended, now);
            if ready {
                return Ok(true);
            }
            if interrupted {
                self.interrupted = true;
                return Err(self.fail(WaitError::Interrupted));
            }
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                let waiting_for = self.waiting_for.clone();
                self.note_running();
                return Err(self.fail(WaitError::TimeLimit { waiting_for }));
            }
            if now >= until {
                return Ok(false);
            }
        }
    }

    /// Looks until `look` finds something; `Ok(None)` when `limit` passes first.
    ///
    /// There is one more look after the limit, so that a machine that was asleep or busy does not
    /// turn success into failure. `fds` wake the wait early: the pidfd of a process whose end
    /// matters to `look`. `what` follows "waiting for" in messages.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        fds: &[BorrowedFd<'_>],
        look: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, WaitError> {
        what.clone_into(&mut self.waiting_for);
        look::until(&mut Announcing { watch: self, what, limit, announced: false }, limit, fds, look)
    }

    /// Looks until `look` finds something, again whenever a source has something to read; `Ok(None)`
    /// when `limit` passes first.
    ///
    /// The limit counts from the start of the stopwatch. `what` follows "waiting for" in messages.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn until_readable<S: AsFd, T>(
        &mut self,
        what: &str,
        (clock, limit): (Stopwatch, Duration),
        source: &mut S,
        mut look: impl FnMut(&mut S) -> Option<T>,
    ) -> Result<Option<T>, WaitError> {
        what.clone_into(&mut self.waiting_for);
        let mut announced = false;
        loop {
            if let Some(found) = look(source) {
                return Ok(Some(found));
            }
            let elapsed = clock.elapsed(self);
            if elapsed >= limit {
                return Ok(None);
            }
            if !announced && elapsed >= Self::ANNOUNCE_AFTER {
                announced = true;
                self.tell(what, limit);
            }
            let next = if announced { limit } else { limit.min(Self::ANNOUNCE_AFTER) };
            self.readable(&[source.as_fd()], Instant::now() + next.saturating_sub(elapsed))?;
        }
    }

    /// Checks whether work other than waiting may go on.
    ///
    /// # Errors
    ///
    /// When a wait would be cut short now.
    pub fn check(&mut self) -> Result<(), WaitError> {
        self.readable(&[], Instant::now()).map(|_| ())
    }

    /// Names what later waits by [`Watch::readable`] are for.
    pub fn waits_for(&mut self, what: &str) {
        what.clone_into(&mut self.waiting_for);
    }

    /// Announces what is being waited for, without waiting.
    pub fn tell(&mut self, what: &str, limit: Duration) {
        if let Some(announce) = &mut self.announce {
            announce(what, limit);
        }
    }

    /// Waits for a descriptor that becomes readable at an end; `Ok(false)` when `limit` passes
    /// first.
    ///
    /// # Errors
    ///
    /// When the wait is cut short.
    pub fn end_of(&mut self, what: &str, fd: impl AsFd, limit: Duration) -> Result<bool, WaitError> {
        what.clone_into(&mut self.waiting_for);
        let begun = Instant::now();
        let end = begun.checked_add(limit).unwrap_or_else(|| begun + Duration::from_hours(24 * 365));
        let fd = fd.as_fd();
        if self.readable(&[fd], end.min(begun + Self::ANNOUNCE_AFTER))? {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        self.tell(what, limit);
        self.readable(&[fd], end)
    }

    /// Waits like [`Watch::end_of`], even if a process writes too much meanwhile. Returns that too.
    ///
    /// A process that is to end does not get less time because another one has written too much.
    pub(crate) fn end_of_despite_output(
        &mut self,
        what: &str,
        fd: BorrowedFd<'_>,
        limit: Duration,
    ) -> (Result<bool, WaitError>, Option<WaitError>) {
        let clock = self.stopwatch();
        let mut overflow = None;
        loop {
            let left = limit.saturating_sub(clock.elapsed(self));
            match self.end_of(what, fd, left) {
                Err(error @ WaitError::OutputLimit { .. }) => overflow = Some(error),
                other => return (other, overflow),
            }
        }
    }
}

/// Takes lost time into account: the deadline moves by it.
fn account(clock: &mut Clock, deadline: &mut Option<Instant>, excess: Duration) {
    let lost = clock.account(excess);
    *deadline = deadline.map(|deadline| deadline + lost);
}

/// Returns the present time of a watch.
fn now(clock: &mut Clock, deadline: &mut Option<Instant>) -> Duration {
    account(clock, deadline, Duration::ZERO);
    clock.time_of(Instant::now())
}

/// One repeated look of a watch, announced once it has lasted a while.
struct Announcing<'a> {
    watch: &'a mut Watch,
    what: &'a str,
    limit: Duration,
    announced: bool,
}

impl Poller for Announcing<'_> {
    type Error = WaitError;

    fn readable_by(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, WaitError> {
        self.watch.readable_by(fds, until)
    }

    fn lost(&mut self) -> Duration {
        self.watch.lost()
    }

    fn has_waited(&mut self, waited: Duration) {
        if !self.announced && waited >= Watch::ANNOUNCE_AFTER {
            self.announced = true;
            self.watch.tell(self.what, self.limit);
        }
    }
}
