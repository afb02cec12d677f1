//! The one loop in which everything waits.
//!
//! Nothing sleeps: a wait is a `poll` on what it waits for, on the order to stop, and on the time that is left. What the
//! kernel has no event for (a port that opens, a file that appears) is looked at again and again inside such a wait, at
//! first after 0.1 ms, then less often as the wait grows old, never less often than every 10 ms.
//!
//! Time in which this process could not run counts towards no limit. The stage's first process notes how long the stage was
//! paused; and no wait polls longer than 100 ms at a time, so that it is noticed when somebody has stopped this process or the
//! machine was asleep.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};

use crate::process::running::Process;
use crate::process::table;
use crate::stage;

/// Why a wait ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The step's (or the scenario's) own limit has passed.
    #[error("the time limit has passed")]
    Limit,
    /// The run is being stopped.
    #[error("interrupted")]
    Interrupted,
    /// Something has written more than it may.
    #[error("the output limit has been passed")]
    Output,
}

/// Called when a wait has lasted long enough to tell somebody: what for, and how long it may take.
type Announce = Box<dyn FnMut(&str, Duration)>;

/// Waits, with a limit above every single wait and an ear for the order to stop.
pub struct Watch {
    /// Readable or hung up when the run is being stopped.
    interrupt: Option<OwnedFd>,
    interrupted: bool,
    deadline: Option<Instant>,
    announce: Option<Announce>,
    /// What the latest wait was for.
    latest: String,
    cut: Option<Cut>,
    /// How long this process could not run.
    lost: Duration,
    /// How much of that were pauses of the stage.
    paused: Duration,
    /// Outputs that were too long.
    overflowed: Vec<String>,
    /// How many bytes an output may have.
    output_limit: Option<u64>,
    meters: Vec<Meter>,
    next_meter: u64,
    /// Processes that have not ended, and where it is noted when they do.
    lives: Vec<(Arc<OwnedFd>, Arc<OnceLock<Instant>>)>,
}

/// Looks at how much is written to a file.
struct Meter {
    id: u64,
    what: String,
    file: File,
    /// The process that it was opened for: killed in any case, whether or not it can be seen to have the file open.
    of: Option<Arc<OwnedFd>>,
    /// It was too long once, and that was told.
    is_told: bool,
}

/// A clock of [`Watch::stopwatch`].
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    begun: Instant,
    lost: Duration,
}

impl Stopwatch {
    /// How long this process could run since the clock was started.
    pub fn elapsed(&self, watch: &mut Watch) -> Duration {
        self.begun.elapsed().saturating_sub(watch.lost().saturating_sub(self.lost))
    }
}

/// Names a meter of [`Watch::meter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterId(u64);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("deadline", &self.deadline)
            .field("interrupted", &self.interrupted)
            .finish_non_exhaustive()
    }
}

/// What was killed is gone in milliseconds, or hangs in the kernel, be it for ever, and is waited for no longer.
const KILLED: Duration = Duration::from_secs(2);

/// Kills the process that a metered file was opened for and every one of the stage that has it open, until there is none.
fn kill_writers(meter: &Meter) {
    if let Some(pidfd) = &meter.of {
        let _ = pidfd_send_signal(pidfd, Signal::KILL);
        let _ = Watch::new().end_of("what was killed", pidfd, KILLED);
    }
    let Ok(metadata) = meter.file.metadata() else { return };
    let mut killed: BTreeSet<i32> = BTreeSet::new();
    // A process that is about to end has closed its files already.
    let _ = Watch::new().until("what was killed", KILLED, &[], || {
        let writers = table::holders_of_file(metadata.dev(), metadata.ino());
        for writer in writers.iter().filter_map(|&pid| Pid::from_raw(pid)) {
            let _ = kill_process(writer, Signal::KILL);
        }
        killed.extend(&writers);
        let gone = writers.is_empty() && !table::members().iter().any(|entry| killed.contains(&entry.pid));
        gone.then_some(())
    });
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch {
    /// A wait is announced after this long.
    pub const ANNOUNCE_AFTER: Duration = Duration::from_millis(200);
    /// One poll takes no longer.
    const PULSE: Duration = Duration::from_millis(100);
    /// What is written is looked at this often: at 2 GB/s, the most that has been seen, that is 20 MB.
    const METER_PULSE: Duration = Duration::from_millis(10);
    /// A poll that takes this much longer than it should has not been running.
    const LAPSE: Duration = Duration::from_millis(500);

    /// A watch without a limit that nobody interrupts.
    pub fn new() -> Self {
        Self {
            interrupt: None,
            interrupted: false,
            deadline: None,
            announce: None,
            latest: String::new(),
            cut: None,
            lost: Duration::ZERO,
            paused: stage::paused(),
            overflowed: Vec::new(),
            output_limit: None,
            meters: Vec::new(),
            next_meter: 0,
            lives: Vec::new(),
        }
    }

    /// Every wait ends with [`Cut::Interrupted`] once this descriptor is readable.
    #[must_use]
    pub fn interrupted_by(mut self, fd: OwnedFd) -> Self {
        self.interrupt = Some(fd);
        self
    }

    /// Long waits are told to this function.
    #[must_use]
    pub fn announcing(mut self, announce: impl FnMut(&str, Duration) + 'static) -> Self {
        self.announce = Some(Box::new(announce));
        self
    }

    /// Every wait ends with [`Cut::Limit`] at this moment, from now on.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// The moment at which waits are cut.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// From now on interruptions are not heeded: cleaning up must be possible after one. Limits still hold.
    pub fn ignore_interrupts(&mut self) {
        self.interrupt = None;
        self.interrupted = false;
        self.cut = None;
    }

    /// Whether a wait was cut since the last [`Watch::take_cut`].
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether that was because its time was over.
    pub fn is_too_late(&self) -> bool {
        self.cut == Some(Cut::Limit)
    }

    /// Why and in what a wait was cut since the last call, if one was.
    pub fn take_cut(&mut self) -> Option<(Cut, String)> {
        self.cut.take().map(|cut| (cut, std::mem::take(&mut self.latest)))
    }

    /// An output may have this many bytes, for every [`Watch::meter`]; as many as it likes unless this is called.
    pub fn set_output_limit(&mut self, bytes: u64) {
        self.output_limit = Some(bytes);
    }

    /// How many bytes an output may have.
    pub fn output_limit(&self) -> Option<u64> {
        self.output_limit
    }

    /// From now on, waits look at a file that processes write: when it is longer than the output limit, those that have it open
    /// are killed, the file is cut to that length and the wait ends with [`Cut::Output`]. `what` is the output's name in messages,
    /// `of` the process that it was opened for.
    pub fn meter(&mut self, what: &str, file: &File, of: Option<&Process>) -> std::io::Result<MeterId> {
        let id = self.next_meter;
        self.next_meter += 1;
        if self.output_limit.is_some() {
            let of = of.map(Process::shared_pidfd);
            self.meters.push(Meter { id, what: what.to_owned(), file: file.try_clone()?, of, is_told: false });
        }
        Ok(MeterId(id))
    }

    /// From now on every wait notes the moment in which this descriptor becomes readable, that of the end of a process.
    pub(super) fn note_end(&mut self, pidfd: Arc<OwnedFd>, end: Arc<OnceLock<Instant>>) {
        self.lives.push((pidfd, end));
    }

    /// Looks at a file once more. From then on it is looked at only while somebody may still write it.
    pub fn unmeter(&mut self, id: MeterId) -> Result<(), Cut> {
        let looked = self.read_meters();
        if let Some(at) = self.meters.iter().position(|meter| meter.id == id.0)
            // More than these are not kept: each has a descriptor.
            && (table::members().is_empty() || self.meters.len() > 128)
        {
            self.meters.swap_remove(at);
        }
        looked
    }

    /// Looks at all outputs now, without waiting.
    pub fn read_meters(&mut self) -> Result<(), Cut> {
        let Some(limit) = self.output_limit else { return Ok(()) };
        let too_long = |meter: &Meter| meter.file.metadata().is_ok_and(|metadata| metadata.len() > limit);
        let mut overflow = None;
        for meter in self.meters.iter_mut().filter(|meter| too_long(meter)) {
            kill_writers(meter);
            let _ = meter.file.set_len(limit);
            // Somebody whom nobody can kill, or see, may write on: told once is enough.
            if !std::mem::replace(&mut meter.is_told, true) {
                self.overflowed.push(meter.what.clone());
                overflow = Some(meter.what.clone());
            }
        }
        let Some(what) = overflow else { return Ok(()) };
        self.latest = what;
        Err(self.cut(Cut::Output))
    }

    /// Whether an output was too long.
    pub fn has_overflowed(&self, what: &str) -> bool {
        self.overflowed.iter().any(|known| known == what)
    }

    /// Takes in that something has taken this much longer than it should, and whether the stage was paused meanwhile.
    fn account(&mut self, too_long: Duration) {
        let paused = stage::paused();
        let pause = paused.saturating_sub(self.paused);
        self.paused = paused;
        let unexplained = too_long.saturating_sub(pause);
        let lost = pause + if unexplained >= Self::LAPSE { unexplained } else { Duration::ZERO };
        if !lost.is_zero() {
            self.lost += lost;
            self.deadline = self.deadline.map(|deadline| deadline + lost);
        }
    }

    /// How long this process could not run, in all, up to now. Limits that are kept elsewhere are later by this.
    pub fn lost(&mut self) -> Duration {
        self.account(Duration::ZERO);
        self.lost
    }

    /// A clock that stands still while this process cannot run.
    pub fn stopwatch(&mut self) -> Stopwatch {
        Stopwatch { begun: Instant::now(), lost: self.lost() }
    }

    fn cut(&mut self, cut: Cut) -> Cut {
        self.cut = Some(cut);
        cut
    }

    /// Waits until one of `fds` is readable or hung up (`Ok(true)`), or `until` has come (`Ok(false)`).
    pub fn readable(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, Cut> {
        let before = self.lost;
        loop {
            if self.interrupted {
                return Err(self.cut(Cut::Interrupted));
            }
            self.read_meters()?;
            let until = until + self.lost.saturating_sub(before);
            let end = self.deadline.map_or(until, |deadline| deadline.min(until));
            let pulse = if self.meters.is_empty() { Self::PULSE } else { Self::METER_PULSE };
            let begun = Instant::now();
            let pause = end.saturating_duration_since(begun).min(pulse);
            let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            if let Some(interrupt) = &self.interrupt {
                polled.push(PollFd::new(interrupt, PollFlags::IN));
            }
            let lives = polled.len();
            polled.extend(self.lives.iter().map(|(pidfd, _)| PollFd::new(pidfd, PollFlags::IN)));
            let timeout = Timespec::try_from(pause).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            // An error is EINTR or a lack of memory; in both cases waiting on is right.
            let _ = poll(&mut polled, Some(&timeout));
            let now = Instant::now();
            let ready = polled[..fds.len()].iter().any(|fd| !fd.revents().is_empty());
            let interrupted = polled[fds.len()..lives].iter().any(|fd| !fd.revents().is_empty());
            let over: Vec<bool> = polled[lives..].iter().map(|fd| !fd.revents().is_empty()).collect();
            let mut over = over.into_iter();
            self.lives.retain(|(_, end)| {
                let over = over.next() == Some(true);
                over.then(|| end.set(now));
                !over
            });
            self.account(now.saturating_duration_since(begun).saturating_sub(pause));
            if ready {
                return Ok(true);
            }
            if interrupted {
                self.interrupted = true;
                return Err(self.cut(Cut::Interrupted));
            }
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                return Err(self.cut(Cut::Limit));
            }
            if now >= until + self.lost.saturating_sub(before) {
                return Ok(false);
            }
        }
    }

    /// Looks until `look` has found something, or `limit` has passed (`Ok(None)`). It is looked once more after the limit,
    /// so that a machine that was asleep or busy does not turn a thing that is there into a failure.
    ///
    /// `fds` wake the wait early: the pidfd of a process whose end matters to `look`. `what` follows "waiting for".
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        fds: &[BorrowedFd<'_>],
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Cut> {
        what.clone_into(&mut self.latest);
        let (begun, before) = (Instant::now(), self.lost);
        let mut announced = false;
        // A descriptor stays readable once it is; after the first time it would only make the loop spin.
        let mut fds = fds;
        loop {
            self.account(Duration::ZERO);
            let end = begun + limit + self.lost.saturating_sub(before);
            let last = Instant::now() >= end;
            if let Some(found) = look() {
                return Ok(Some(found));
            }
            if last {
                return Ok(None);
            }
            let waited = begun.elapsed();
            if !announced && waited >= Self::ANNOUNCE_AFTER {
                announced = true;
                self.tell(what, limit);
            }
            let pause = (waited / 40).clamp(Duration::from_micros(500), Duration::from_millis(10));
            // The very first looks after a start are the ones that nearly succeed: look sooner.
            let pause = if waited < Duration::from_millis(1) { Duration::from_micros(100) } else { pause };
            if self.readable(fds, (Instant::now() + pause).min(end))? {
                fds = &[];
            }
        }
    }

    /// Whether work that is no wait may go on: it ends where a wait would end.
    pub fn check(&mut self) -> Result<(), Cut> {
        self.readable(&[], Instant::now()).map(|_| ())
    }

    /// Names what the waits to come by [`Watch::readable`] are for, for whoever is told that they were cut.
    pub fn waits_for(&mut self, what: &str) {
        what.clone_into(&mut self.latest);
    }

    /// Tells what is being waited for, without waiting.
    pub fn tell(&mut self, what: &str, limit: Duration) {
        if let Some(announce) = &mut self.announce {
            announce(what, limit);
        }
    }

    /// Waits for one descriptor that will be readable at an end, telling what it waits for once that has taken a while.
    pub fn end_of(&mut self, what: &str, fd: impl AsFd, limit: Duration) -> Result<bool, Cut> {
        what.clone_into(&mut self.latest);
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
}
